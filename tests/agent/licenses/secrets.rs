//! Keys are secrets. Every output of agent and portal is searched for the keys of the Mac, at the highest log level and
//! with tools that print whole keys.

use std::path::Path;

use meridian::simulator::{DEMO_KEY, DEMO_SUBLICENSE_KEY, DEMO_TRIAL_KEY, Fault, FaultKind};

use super::*;
use crate::support::Lines;

const KEYS: [&str; 4] = [DEMO_BUSINESS_KEY, DEMO_KEY, DEMO_SUBLICENSE_KEY, DEMO_TRIAL_KEY];

/// The groups in the middle of every key of the demo, which masks hide.
const MIDDLE: &str = "DEMO00";

fn assert_clean(what: &str, text: &str) {
    for key in KEYS {
        assert!(!text.contains(key), "{what} holds {key}");
    }
    assert!(!text.contains(MIDDLE), "{what} holds a part of a key: {text}");
}

/// Every file below a folder, with its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found
}

#[tokio::test]
async fn no_output_holds_a_key() {
    let log = Lines::default();
    let _writing = log.write(tracing::Level::TRACE);
    let (stage, since) = (leased().await, now());
    let (company, _, mac) = &stage;
    mac.change_profile(&json!({"LogLevel": "trace"}));
    mac.edit(|state| {
        state.quirks.unmasked_serial = true;
        state.quirks.old_license_keys = true;
    });
    mac.sync().await;
    // It is given back and comes again; then an order, an activation and a verification fail with words that hold keys.
    mac.deactivate("good").await;
    until_back(&stage, since).await;
    let saying = |verb: &str| {
        let stderr = format!(
            "Failed: key-{DEMO_BUSINESS_KEY} and {DEMO_SUBLICENSE_KEY}-seat, key={DEMO_TRIAL_KEY}, \
             PARENT-{DEMO_BUSINESS_KEY}-CHILDS is blocked"
        );
        Fault::of(FaultKind::Fail { code: 255, stderr, applied: false }).at(verb)
    };
    for verb in ["deactivate-license", "install-license", "update-license"] {
        mac.edit(|state| drop(state.faults.insert(verb.to_owned(), saying(verb))));
    }
    let failed = mac.cli(["deactivate-license", "--id", "bad", "--timeout", "5"]).await;
    assert_eq!(failed.code, 1);
    let as_data = mac.cli(["deactivate-license", "--id", "bad", "--timeout", "5", "--json"]).await;
    mac.edit(|state| drop(state.faults.remove("deactivate-license")));
    mac.install_key(DEMO_SUBLICENSE_KEY);
    mac.cli(["deactivate-license", "--id", "again", "--timeout", "5"]).await;
    mac.until_problem("license-activation-failed").await;
    mac.sync().await;
    for reply in [&failed, &as_data] {
        assert_clean("the order", &format!("{reply:?}"));
    }
    look_at_the_mac(mac).await;
    let device = mac.status().await.unwrap().portal.device.unwrap();
    let paths = [format!("/devices/{device}"), "/devices".into(), "/licenses".into(), "/groups".into()];
    for path in paths {
        let shown = company.get(&path).await.to_string();
        assert_clean(&path, &shown);
        assert!(path == "/groups" || shown.contains("B2W8KC-******"), "masked, not left out: {path}");
    }
    assert!(log.count("answered") > 3, "the portal has a log");
    assert_clean("the portal's log", &log.text());
}

/// The screens, for people and for programs; every file of the agent; and the arguments of all processes.
async fn look_at_the_mac(mac: &TestEnvironment) {
    let mut replies = vec![
        mac.cli(["status"]).await,
        mac.cli(["license"]).await,
        mac.cli(["explain"]).await,
        mac.cli(["plan"]).await,
        mac.cli(["vms"]).await,
        mac.cli(["doctor"]).await,
    ];
    for verb in ["status", "license", "explain", "plan", "vms", "doctor"] {
        replies.push(mac.cli([verb, "--json"]).await);
    }
    for reply in replies {
        assert!(!reply.stdout.is_empty(), "{reply:?}");
        assert_clean("a screen", &format!("{reply:?}"));
    }
    let archive = mac.cli(["diagnose"]).await;
    let archive = archive.stdout.lines().last().unwrap().to_owned();
    assert_clean(&archive, &crate::diagnosis::inside(Path::new(&archive)));
    let paths = mac.paths();
    let agents = [paths.private(), paths.logs()].into_iter().flat_map(|folder| files(&folder));
    let mut names = String::new();
    for (name, text) in
        agents.chain([("status".into(), std::fs::read_to_string(paths.status_file()).unwrap())])
    {
        assert_clean(&name, &text);
        names += &name;
    }
    for known in ["license.json", "deactivation.json", "report.json", "meridian.log"] {
        assert!(names.contains(known), "{known} was searched");
    }
    for call in mac.calls() {
        let told = call.argv.iter().any(|word| KEYS.iter().any(|key| word.contains(key)));
        assert_eq!(told, call.argv[0] == "install-license", "{call:?}");
    }
}
