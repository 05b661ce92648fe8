//! The launchd job: what its property list says is what the code is, and the daemon lives by launchd's rules.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use meridian::control::view::StatusView;
use meridian::paths::{LABEL, Paths};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::support::launchd::{Job, Launchd};
use super::support::{Setup, TestEnvironment};

const PLIST: &str = "launchd/dev.meridian.agent.plist";

/// So long is one of launchd's seconds here.
const SECOND: Duration = Duration::from_millis(10);

fn top(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What launchd.plist(5) allows of the keys that a job like ours may have: the type of each. A key that is missing here is
/// not forbidden by launchd; it is to be looked up there and added.
const KEYS: [(&str, &str); 22] = [
    ("Label", "string"),
    ("Disabled", "boolean"),
    ("Program", "string"),
    ("ProgramArguments", "strings"),
    ("EnvironmentVariables", "dictionary"),
    ("RunAtLoad", "boolean"),
    ("KeepAlive", "boolean or dictionary"),
    ("ThrottleInterval", "integer"),
    ("ExitTimeOut", "integer"),
    ("ProcessType", "Standard, Background, Adaptive or Interactive"),
    ("SoftResourceLimits", "limits"),
    ("HardResourceLimits", "limits"),
    ("Umask", "integer"),
    ("StandardInPath", "string"),
    ("StandardOutPath", "string"),
    ("StandardErrorPath", "string"),
    ("WorkingDirectory", "string"),
    ("UserName", "string"),
    ("GroupName", "string"),
    ("AbandonProcessGroup", "boolean"),
    ("LowPriorityIO", "boolean"),
    ("AssociatedBundleIdentifiers", "string or strings"),
];

/// The resources of SoftResourceLimits and HardResourceLimits, all of them integers.
const LIMITS: [&str; 9] = [
    "Core",
    "CPU",
    "Data",
    "FileSize",
    "MemoryLock",
    "NumberOfFiles",
    "NumberOfProcesses",
    "ResidentSetSize",
    "Stack",
];

fn is_of_type(value: &plist::Value, kind: &str) -> bool {
    let integer = |value: &plist::Value| value.as_unsigned_integer().is_some();
    let strings = |value: &plist::Value| {
        value.as_array().is_some_and(|items| items.iter().all(|item| item.as_string().is_some()))
    };
    match kind {
        "string" => value.as_string().is_some(),
        "strings" => strings(value),
        "string or strings" => value.as_string().is_some() || strings(value),
        "boolean" => value.as_boolean().is_some(),
        "boolean or dictionary" => value.as_boolean().is_some() || value.as_dictionary().is_some(),
        "integer" => integer(value),
        "dictionary" => value.as_dictionary().is_some(),
        "limits" => value.as_dictionary().is_some_and(|limits| {
            limits.iter().all(|(name, limit)| LIMITS.contains(&name.as_str()) && integer(limit))
        }),
        words => value
            .as_string()
            .is_some_and(|word| words.replace(" or ", ", ").split(", ").any(|one| one == word)),
    }
}

#[test]
fn the_property_list_has_keys_and_types_that_launchd_knows() {
    let items: plist::Dictionary = plist::from_file(top(PLIST)).unwrap();
    for (key, value) in &items {
        let kind = KEYS.iter().find(|(name, _)| name == key).map(|(_, kind)| *kind);
        let kind = kind.unwrap_or_else(|| panic!("{key} is in no table of launchd's keys"));
        assert!(is_of_type(value, kind), "{key}: {value:?} is not of the type {kind}");
    }
}

/// xmllint is a part of macOS, and Debian's package libxml2-utils.
#[test]
#[expect(clippy::disallowed_methods, reason = "the validator is a program")]
fn the_property_list_is_valid_by_its_document_type() {
    let validate = |file: &Path| {
        let mut command = Command::new("xmllint");
        command.args(["--nonet", "--noout", "--dtdvalid"]).arg(top("tests/golden/plist.dtd")).arg(file);
        command.output().unwrap().status.success()
    };
    assert!(validate(&top(PLIST)));
    let scratch = tempfile::tempdir().unwrap();
    let broken = scratch.path().join("broken.plist");
    let text = std::fs::read_to_string(top(PLIST)).unwrap().replacen("<true/>", "<yes/>", 1);
    std::io::Write::write_all(&mut std::fs::File::create(&broken).unwrap(), text.as_bytes()).unwrap();
    assert!(!validate(&broken), "a validator that accepts everything shows nothing");
}

#[test]
fn the_property_list_says_what_the_code_says() {
    let job = Job::read(&top(PLIST));
    let items: plist::Dictionary = plist::from_file(top(PLIST)).unwrap();
    let mac = Paths::under("/");
    assert_eq!(job.label, LABEL);
    assert_eq!(mac.launchd_plist().file_name().unwrap().to_str().unwrap(), format!("{LABEL}.plist"));
    assert_eq!(job.program, [mac.executable().to_str().unwrap(), "daemon"]);
    let log = items.get("StandardErrorPath").and_then(plist::Value::as_string).unwrap();
    assert_eq!(Path::new(log).parent(), Some(mac.logs().as_path()));
    let umask = items.get("Umask").and_then(plist::Value::as_unsigned_integer).unwrap();
    assert_eq!(umask, meridian::platform::UMASK);
    // Asked to end, the daemon ends long before launchd kills it.
    let end = meridian::daemon::END_WITHIN;
    assert!(Duration::from_secs(job.exit_timeout_s) >= end * 10, "{end:?}");
    // What the daemon has open at the same time: the socket's connections, and a few for the tools and the portal.
    let limits = items.get("SoftResourceLimits").and_then(plist::Value::as_dictionary).unwrap();
    let files = limits.get("NumberOfFiles").and_then(plist::Value::as_unsigned_integer).unwrap();
    assert!(files >= 8 * meridian::control::server::CONNECTIONS as u64);
    // Longer than the agent itself waits between two check-ins, so that a loop cannot be faster than the protocol allows.
    let gap = meridian::checkin::schedule::GAP;
    assert!(SignedDuration::from_secs(i64::try_from(job.throttle_s).unwrap()) >= gap);
}

/// A Mac with a policy, whose agent the small launchd runs.
async fn mac() -> (TestEnvironment, Launchd) {
    let environment = Setup::default().policy(json!({ "vms.corporate_only": true })).prepare().await;
    let paths = environment.paths();
    for folder in [paths.executable(), paths.launchd_plist()] {
        std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_meridian"), paths.executable()).unwrap();
    std::fs::copy(top(PLIST), paths.launchd_plist()).unwrap();
    let launchd = Launchd::new(paths, SECOND);
    (environment, launchd)
}

#[tokio::test]
async fn killed_it_returns_and_asked_to_end_it_ends_within_two_seconds() {
    let (environment, mut launchd) = mac().await;
    launchd.bootstrap();
    let first = launchd.pid().unwrap();
    environment.until_enforced().await;
    launchd.process().kill();
    launchd.supervise().await;
    assert_ne!(launchd.pid(), Some(first));
    // From disk: the next check-in keeps its distance to the last.
    let keeps = |status: &StatusView| {
        status.enforcement.enforced > 0 && status.enforcement.tally.compliant == status.enforcement.enforced
    };
    environment.until("enforcing again", keeps).await;
    let begun = Instant::now();
    let status = timeout(Duration::from_secs(2), launchd.bootout()).await.expect("it ends within 2 s");
    assert!(status.success(), "{status} after {:?}", begun.elapsed());
    assert!(!environment.paths().socket().exists());
}

#[tokio::test]
async fn a_crash_loop_is_throttled_and_leaves_the_portal_alone() {
    let (environment, mut launchd) = mac().await;
    launchd.bootstrap();
    environment.until_enforced().await;
    let count = 4;
    for _ in 0..count {
        launchd.process().kill();
        launchd.supervise().await;
        // It is as far as what crashed it.
        environment.until("up", |status| status.parallels.version.is_some()).await;
    }
    let gaps: Vec<_> = launchd.starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() == count && gaps.iter().all(|gap| *gap >= SECOND * 30), "{gaps:?}");
    // The fifth start enforces, and the check-in comes later than after a single crash.
    let status = environment.until("up", |status| status.checkin.next.is_some()).await;
    #[expect(clippy::disallowed_methods, reason = "compared with what a real process planned")]
    let left = status.checkin.next.as_ref().unwrap().at.duration_since(Timestamp::now());
    assert!(left > SignedDuration::from_secs(45), "the next check-in is in {left:#}");
    assert!(status.checkin.last.is_none(), "it has not checked in since it started");
    assert_eq!(environment.restrictions(), ["create-vm", "add-vm", "clone-vm"]);
    // A person may check in all the same, and an end in order ends the row.
    assert!(environment.sync().await.checkin.last.unwrap().succeeded);
    launchd.bootout().await;
    assert!(!environment.paths().private().join("starts.json").exists());
}
