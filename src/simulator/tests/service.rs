//! The service, its users and the system tools around it.

use serde_json::json;

use super::*;

#[test]
fn the_service_tells_its_settings_in_both_forms() {
    let mut state = State::demo();
    let info = json_of(&ask(&mut state, 0, Tool::Prlsrvctl, &["info", "--json"]));
    assert_eq!(info["Version"], json!("Desktop 26.1.1-57288"));
    assert_eq!(info["Require password to"], json!(["remove-vm", "clone-vm"]));
    assert_eq!(info["License"]["key"], json!("6J9A5T-******-******-******-RN17ZA"));
    assert_eq!(info["Memory limit"], json!({"mode": "auto"}));
    let text = stdout(&ask(&mut state, 0, Tool::Prlsrvctl, &["info"])).to_owned();
    assert!(text.contains("\nRequire password to: remove-vm clone-vm\n"));
    assert!(text.contains("\nCustom password protection: off\nPreferences are locked: off\n"));
    state.service.require_password = Restrictions::default();
    assert!(
        json_of(&ask(&mut state, 0, Tool::Prlsrvctl, &["info", "-j"])).get("Require password to").is_none()
    );
    assert!(!stdout(&ask(&mut state, 0, Tool::Prlsrvctl, &["info"])).contains("Require"));
}

/// Options of `prlsrvctl set`, the exit code, and the change that they make.
type ServiceCase = (&'static [&'static str], i32, fn(&mut Service));

#[test]
fn the_service_is_set_or_refuses() {
    let table: [ServiceCase; 9] = [
        (&["--require-pwd", "create-vm:on"], 0, |service| service.require_password.create_vm = true),
        (&["--require-pwd", "remove-vm:off"], 0, |service| service.require_password.remove_vm = false),
        (&["--lock-edit-settings", "on"], 0, |service| service.preferences_locked = true),
        (&["-c", "on"], 0, |service| service.cep = true),
        (&["--allow-attach-screenshots", "off"], 0, |service| service.attach_screenshots = false),
        (&["--require-pwd", "start-vm:on"], 1, |_| ()),
        (&["--require-pwd", "create-vm"], 1, |_| ()),
        (&["--cep"], 1, |_| ()),
        (&["--cep", "maybe"], 1, |_| ()),
    ];
    for (options, code, change) in table {
        let argv = [&["set"], options].concat();
        let mut state = State::demo();
        let mut expected = state.service.clone();
        change(&mut expected);
        assert_eq!(ask(&mut state, 0, Tool::Prlsrvctl, &argv).code, code, "{options:?}");
        assert_eq!(state.service, expected, "{options:?}");
        let mut protected = State::demo();
        protected.service.custom_password = true;
        let before = protected.clone();
        let refused = ask(&mut protected, 0, Tool::Prlsrvctl, &argv);
        assert_eq!(refused.code, if code == 0 { 255 } else { code }, "{options:?}");
        assert_eq!(protected, before, "{options:?}");
    }
}

#[test]
fn a_stopped_service_is_253_and_usage_errors_are_1() {
    let mut stopped = State::demo();
    stopped.service.running = false;
    for (tool, argv) in [(Tool::Prlctl, &["list", "-a"][..]), (Tool::Prlsrvctl, &["info"])] {
        let answer = ask(&mut stopped, ADA, tool, argv);
        assert_eq!((answer.code, answer.stdout.len(), answer.effects.len()), (253, 0, 0));
        assert!(stderr(&answer).starts_with("Unable to connect to Parallels Service"));
        assert_eq!(ask(&mut stopped, ADA, tool, &["--version"]).code, 0);
        assert_eq!(ask(&mut stopped, ADA, tool, &["dance"]).code, 1);
        assert_eq!(ask(&mut stopped, ADA, tool, &[]).code, 1);
    }
}

#[test]
fn versions_and_users() {
    let mut state = State::demo();
    let version = ask(&mut state, ADA, Tool::Prlctl, &["--version"]);
    assert_eq!(stdout(&version), "prlctl version 26.1.1 (57288)\n");
    let users = json_of(&ask(&mut state, 0, Tool::Prlsrvctl, &["user", "list", "-j"]));
    assert_eq!(
        users[1],
        json!({"NAME": "bob@lab-mac-07.local", "MNG_SETTINGS": "allow", "DEF_VM_HOME": "/Users/bob/Parallels"})
    );
    let snapshots = json_of(&ask(&mut state, ADA, Tool::Prlctl, &["snapshot-list", UBUNTU, "-j"]));
    assert_eq!(snapshots["{5b2f0e0c-4f5d-4b0a-9b7e-0d6c1f3a8e44}"]["name"], json!("Clean install"));
}

#[test]
fn a_session_leads_to_the_users_own_list() {
    let path = "/r/Applications/Parallels Desktop.app/Contents/MacOS/prlctl";
    let argv = ["asuser", "502", "/r/usr/bin/sudo", "-n", "-H", "-u", "#502", "--", path, "list", "-a", "-j"];
    let call = Call::new(Tool::Launchctl, &argv, 0);
    assert_eq!(json_of(&follow(&call, &mut State::demo())).as_array().unwrap().len(), 2);
    let mut away = State::demo();
    away.users.get_mut("bob").unwrap().logged_in = false;
    assert_eq!(follow(&call, &mut away).code, 112);
}

#[test]
fn sudo_sets_what_it_sets() {
    let mut state = State::demo();
    let answer = ask(&mut state, 0, Tool::Sudo, &["-u", "bob", "/bin/x", "-u", "y"]);
    let [Effect::Run(run)] = answer.effects.as_slice() else { panic!("{answer:?}") };
    assert_eq!(
        (run.program.as_str(), run.argv.as_slice(), run.identity),
        ("/bin/x", &["-u".to_owned(), "y".to_owned()][..], Some((502, 20)))
    );
    assert_eq!(run.environment["USER"], "bob");
    assert_eq!(run.environment["SUDO_UID"], "0");
    assert_eq!((run.environment.get("HOME"), run.fallback["HOME"].as_str()), (None, "/Users/bob"));
    for argv in [&["-u", "eve", "x"][..], &["-u"], &[], &["--frob", "x"], &["-u", "#9", "x"]] {
        assert_eq!(ask(&mut state, 0, Tool::Sudo, argv).code, 1, "{argv:?}");
    }
}

#[test]
fn the_system_tools_tell_the_mac() {
    let mut state = State::demo();
    let plist = ask(&mut state, 0, Tool::Ioreg, &["-rd1", "-c", "IOPlatformExpertDevice", "-a"]);
    let value = plist::Value::from_reader_xml(plist.stdout.as_slice()).unwrap();
    let device = value.as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(device["IOPlatformSerialNumber"].as_string(), Some("C02MRDN0Q6L4"));
    assert_eq!(device["model"].as_data(), Some(&b"Mac15,6\0"[..]));

    assert_eq!(ask(&mut state, 0, Tool::Sysctl, &["-n", "kern.hostname"]).stdout, b"lab-mac-07.local\n");
    assert_eq!(ask(&mut state, 0, Tool::Sysctl, &["-n", "hw.optional.arm64"]).stdout, b"1\n");
    state.host.apple_silicon = false;
    assert_eq!(ask(&mut state, 0, Tool::Sysctl, &["-n", "hw.optional.arm64"]).code, 1);

    let users = ask(&mut state, 0, Tool::Dscl, &[".", "-list", "/Users", "UniqueID"]);
    let pairs: Vec<Vec<&str>> =
        stdout(&users).lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(pairs.contains(&vec!["ada", "501"]) && pairs.contains(&vec!["nobody", "-2"]));

    assert_eq!(ask(&mut state, 0, Tool::Codesign, &["--verify", "/x"]).code, 0);
    state.parallels.signed = false;
    let refused = ask(&mut state, 0, Tool::Codesign, &["--verify", "/x"]);
    assert!(refused.code == 3 && stderr(&refused).contains("does not satisfy"));
}

#[test]
fn preferences_are_each_users_own() {
    let (domain, key) = ("com.parallels.Parallels Desktop", "Application preferences.Check for updates");
    let mut state = State::demo();
    let missing = ask(&mut state, ADA, Tool::Defaults, &["read", domain, key]);
    assert!(missing.code == 1 && stderr(&missing).contains("does not exist"));
    assert_eq!(ask(&mut state, ADA, Tool::Defaults, &["write", domain, key, "-int", "0"]).code, 0);
    assert_eq!(ask(&mut state, ADA, Tool::Defaults, &["read", domain, key]).stdout, b"0\n");
    assert_eq!(ask(&mut state, BOB, Tool::Defaults, &["read", domain, key]).code, 1);
}
