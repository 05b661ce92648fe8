//! What helps when something is wrong: the daemon's log, `meridian doctor`, `meridian diagnose`.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use meridian::simulator::{Fault, FaultKind, State, Tool};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::support::{Reply, Setup, TestEnvironment};

/// The bytes of all files of an archive.
pub(crate) fn inside(archive: &Path) -> String {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(archive).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let look = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(super::support::DEADLINE, look).await.unwrap_or_else(|_| panic!("not {what}"));
}

/// What the doctor finds, as `area: text → remedy` for each verdict other than this one.
fn findings(reply: &Reply, besides: &str) -> Vec<String> {
    let view = reply.json();
    assert_eq!(view["schema"], 1);
    let findings = view["findings"].as_array().unwrap().iter();
    let line = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {} → {}", text("verdict"), text("area"), text("text"), text("remedy"))
    };
    findings.filter(|finding| finding["verdict"] != besides).map(line).collect()
}

#[tokio::test]
async fn the_doctor_finds_every_link_whole_and_names_who_issued_the_certificate() {
    let mac = Setup::default().tls().start().await;
    mac.until_enrolled().await;
    let reply = mac.cli(["doctor", "--json"]).await;
    assert_eq!(findings(&reply, "good"), Vec::<String>::new());
    assert_eq!(reply.code, 0);
    let found = findings(&reply, "bad");
    for link in [
        "good profile: installed and readable",
        "good profile: PortalURL is https://",
        "good mdm: this Mac is enrolled at mdm.example.com",
        "good proxy: none is set",
        "good launchd: it has the job dev.meridian.agent",
        "good launchd: the background item is allowed",
        "good keys: PortalRootKey has the thumbprint",
        "good keys: the portal's keyset",
        "good tls: the portal's certificate is trusted; it was issued by rcgen self signed cert",
        "good portal: https://",
        "good clock: within",
        "good parallels: Parallels Desktop 26.1.1",
        "good parallels: prlctl is root's, signed",
        "good files: nobody else may change them",
        "good disk: ",
        "good agent: the daemon answers",
    ] {
        assert!(found.iter().any(|line| line.starts_with(link)), "no {link} in {found:#?}");
    }
}

/// Breaks something.
type Change = fn(&mut State);

#[tokio::test]
async fn the_doctor_tells_each_broken_link_with_a_remedy() {
    let mac = TestEnvironment::start().await;
    mac.until_enrolled().await;
    let rows: &[(Change, &str)] = &[
        (|mac| mac.management.enrolled = false, "bad mdm: this Mac is not enrolled → Enroll it in MDM"),
        (
            |mac| mac.management.approved = false,
            "bad mdm: this Mac is enrolled at mdm.example.com, and nobody approved it",
        ),
        (
            |mac| mac.management.proxy_script = true,
            "unknown proxy: a script chooses the proxy, and the agent goes without one → If",
        ),
        (|mac| mac.management.job_loaded = false, "bad launchd: it does not have the job"),
        (|mac| mac.management.job_disabled = true, "bad launchd: the job dev.meridian.agent is disabled"),
        (
            |mac| mac.management.item_allowed = false,
            "bad launchd: the background item was switched off → Switch",
        ),
        (|mac| mac.parallels.signed = false, "bad parallels: prlctl: prlctl is not run: it is not signed"),
        (|mac| mac.service.running = false, "unknown parallels: prlsrvctl: "),
    ];
    for (change, expected) in rows {
        mac.edit(|state| {
            (state.management, state.service.running) = (Default::default(), true);
            state.parallels.signed = true;
            change(state);
        });
        let reply = mac.cli(["doctor", "--json"]).await;
        let found = findings(&reply, "good");
        assert!(found.iter().any(|line| line.starts_with(expected)), "no {expected} in {found:#?}");
        assert_eq!(reply.code, i32::from(expected.starts_with("bad")), "{found:#?}");
    }
}

#[tokio::test]
async fn the_doctor_survives_what_tools_print_and_who_stands_in_the_way() {
    let mac = TestEnvironment::start().await;
    mac.until_enrolled().await;
    let noise = "MDM enrollment: \u{1b}]0;x\u{7}\u{202e}Yes\n".repeat(1000);
    mac.edit(|state| {
        let faults = [
            ("a", Tool::Scutil, FaultKind::Flood),
            ("b", Tool::Profiles, FaultKind::Noise { lines: vec![noise] }),
            (
                "c",
                Tool::Sfltool,
                FaultKind::Fail { code: 1, stderr: "\u{1b}[31mno".to_owned(), applied: false },
            ),
        ];
        state.faults.extend(faults.map(|(name, tool, kind)| (name.to_owned(), Fault::of(kind).on(tool))));
    });
    mac.misbehave("portal", json!({ "kind": "html" })).await;
    let program = mac.paths().private().join("license.json");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o644)).unwrap();
    let begun = Instant::now();
    let reply = mac.cli(["doctor"]).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(!reply.stdout.chars().any(|c| c.is_control() && c != '\n'), "{reply:?}");
    let found = findings(&mac.cli(["doctor", "--json"]).await, "good");
    for expected in [
        "unknown proxy: could not be asked: scutil printed more than",
        "bad mdm: this Mac is not enrolled",
        "unknown launchd: could not be asked: ",
        "bad portal: http://",
        "bad files: ",
    ] {
        assert!(found.iter().any(|line| line.starts_with(expected)), "no {expected} in {found:#?}");
    }
}

/// What can be wrong between the Mac and the portal's certificate: here the authority is nobody's.
#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_with_its_issuer() {
    let mac = Setup::default().tls().profile(json!({ "PortalCA": null })).prepare().await;
    let found = findings(&mac.cli(["doctor", "--json"]).await, "good");
    let told = |line: &&String| {
        line.starts_with("bad tls: ") && line.contains("; it was issued by rcgen self signed cert")
    };
    assert!(found.iter().any(|line| told(&line)), "{found:#?}");
}

#[tokio::test]
async fn the_log_goes_on_when_somebody_takes_it_away_and_says_nothing_twice() {
    let mut mac = TestEnvironment::start().await;
    mac.until_enrolled().await;
    let log = mac.paths().log();
    let text = || std::fs::read_to_string(mac.paths().log()).unwrap_or_default();
    assert!(text().contains(" INFO started version="), "{}", text());
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    std::fs::remove_file(&log).unwrap();
    mac.assign(&json!({ "restrict.create_vm": true })).await;
    mac.sync().await;
    until("written again", || text().contains("another assignment holds")).await;
    mac.kill_agent().await;
    assert_eq!(std::fs::read_to_string(mac.agent.streams()).unwrap(), "");
}

#[tokio::test]
async fn warnings_and_errors_reach_the_macs_own_log_through_one_process() {
    let mut mac = Setup::default().prepare().await;
    let (logger, out) = (mac.paths().logger(), mac.root().join("unified"));
    let mut script = std::fs::File::create(&logger).unwrap();
    write!(script, "#!/bin/sh\necho start >>'{0}'; exec /bin/cat >>'{0}'\n", out.display()).unwrap();
    script.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(script);
    for name in ["account.json", "license.json"] {
        damage(&mac, name);
    }
    mac.start_agent();
    let text = || std::fs::read_to_string(&out).unwrap_or_default();
    until("told", || text().matches("meridian: ERROR something was wrong").count() >= 2).await;
    assert_eq!(text().matches("start\n").count(), 1);
    assert!(!text().contains("INFO"), "{}", text());
}

/// A document that is damaged.
fn damage(mac: &TestEnvironment, name: &str) {
    let folder = mac.paths().private();
    if !folder.exists() {
        std::fs::create_dir_all(&folder).unwrap();
    }
    std::fs::File::create(folder.join(name)).unwrap().write_all(b"{\"sch").unwrap();
}

/// A Mac whose profiles hold canaries, once it has checked in and asked for its feed.
async fn with_canaries(key: &str) -> TestEnvironment {
    let mac = Setup::default()
        .profile(json!({
            "LogLevel": "trace",
            "EnrolmentToken": "canary-typo",
            "Settings": { "updates.feed_url": "http://127.0.0.1:9/feed?token=canary-query" },
        }))
        .start()
        .await;
    let parallels = [("LicenseKey", key), ("ActivationExperience", "License Key")];
    let items = parallels.map(|(name, value)| (name.to_owned(), plist::Value::from(value)));
    let domain = mac.paths().managed_domain(meridian::paths::PARALLELS_MANAGED_DOMAIN);
    plist::Value::Dictionary(items.into_iter().collect()).to_file_xml(domain).unwrap();
    mac.until_enrolled().await;
    mac.sync().await;
    mac.until("the feed is asked for", |status| {
        status.parallels.updates.as_ref().is_some_and(|updates| {
            updates.feed.as_ref().is_some_and(|feed| feed.address == "http://127.0.0.1:9/feed?…")
        })
    })
    .await;
    mac
}

/// What the log has at its most talkative.
fn says_all(log: &str) {
    for said in
        ["TRACE asked at the socket", "DEBUG a tool ended", "DEBUG the portal answered", "update server"]
    {
        assert!(log.contains(said), "{said}");
    }
}

/// Canaries: what the profile and the state hold of secrets must be in no log, no report and no archive.
#[tokio::test]
async fn no_log_no_report_and_no_archive_holds_a_secret() {
    let key = meridian::simulator::DEMO_BUSINESS_KEY;
    let mut mac = with_canaries(key).await;
    let profile = plist::Value::from_file(mac.paths().managed_domain(meridian::paths::LABEL)).unwrap();
    let token = profile.as_dictionary().unwrap()["EnrollmentToken"].as_string().unwrap().to_owned();
    let identity = std::fs::read_to_string(mac.paths().private().join("identity.json")).unwrap();
    let identity: Value = serde_json::from_str(&identity).unwrap();
    let seed = identity["body"]["current"]["seed"].as_str().unwrap().to_owned();
    let canaries = [token.as_str(), &seed, key, "canary-typo", "canary-query", "Meridian eyJ"];
    let clean = |what: &str, text: &str| {
        for canary in canaries {
            assert!(!text.contains(canary), "{what} holds {canary}");
        }
    };

    for verb in ["explain", "updates"] {
        clean("a screen", &format!("{:?}", mac.cli([verb, "--json"]).await));
    }
    let told = mac.cli(["diagnose", "--json"]).await;
    assert_eq!((told.code, told.json()["missing"].clone()), (0, json!({})), "{told:?}");
    mac.kill_agent().await;
    let dead = mac.cli(["diagnose"]).await;
    assert_eq!(dead.code, 0, "{dead:?}");
    let archives =
        [told.json()["path"].as_str().unwrap().to_owned(), dead.stdout.lines().last().unwrap().to_owned()];
    for archive in &archives {
        let path = Path::new(archive);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let text = inside(path);
        for part in
            ["README.txt", "status.json", "state/trust.json", "logs/meridian.log", "doctor.txt", "left out: "]
        {
            assert!(text.contains(part), "no {part} in {archive}");
        }
        clean(archive, &text);
    }
    let mut replies = vec![told, dead];
    for verb in ["status", "doctor", "license"] {
        replies.push(mac.cli([verb, "--json"]).await);
    }
    for reply in replies {
        clean("a screen", &format!("{reply:?}"));
    }
    let log = std::fs::read_to_string(mac.paths().log()).unwrap();
    says_all(&log);
    let status = std::fs::read_to_string(mac.paths().status_file()).unwrap();
    clean("the status file", &status);
    clean("the log", &log);
    let device = mac.admin.list("/devices").await.unwrap();
    clean("the portal's record", &json!(device).to_string());
}

#[tokio::test]
async fn an_archive_may_go_to_standard_output_and_only_root_gets_one() {
    let mac = Setup::default().prepare().await;
    let output = mac.agent.command(&["diagnose", "--stdout"]).output().await.unwrap();
    assert!(output.status.success() && output.stdout.starts_with(&[0x1f, 0x8b]), "gzip");
    assert!(mac.paths().logs().read_dir().unwrap().next().is_none(), "nothing is written on the Mac");
    if meridian::platform::effective_uid().0 == 0 {
        #[expect(clippy::disallowed_methods, reason = "the test is about another user")]
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.arg("--root").arg(mac.root()).arg("diagnose");
        std::os::unix::process::CommandExt::uid(&mut command, 12_345);
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    }
}
