//! Tables of calls and answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod licensing;

const ADA: u32 = 501;
const BOB: u32 = 502;
const WINDOWS: &str = "3f2b8c1e-5d74-4a0b-9c66-1e8f7a2d4b01";
const UBUNTU: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

fn ask(state: &mut State, uid: u32, tool: Tool, argv: &[&str]) -> Answer {
    answer(&Call::new(tool, argv, uid), state)
}

fn stdout(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.stdout).unwrap()
}

fn stderr(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.stderr).unwrap()
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", stdout(answer)))
}

/// Sets one virtual machine's options as ada.
fn set(state: &mut State, vm: &str, options: &[&str]) -> Answer {
    ask(state, ADA, Tool::Prlctl, &[&["set", vm], options].concat())
}

fn listed(state: &mut State, vm: &str) -> Value {
    json_of(&ask(state, ADA, Tool::Prlctl, &["list", vm, "-a", "-i", "-j"]))[0].clone()
}

#[test]
fn each_user_sees_an_own_list_and_root_sees_roots() {
    let table = [
        (ADA, None, 3),
        (BOB, None, 2),
        (0, None, 0),
        (0, Some("ada"), 0),
        (77_777, Some("bob"), 2),
        (77_777, Some("eve"), 0),
        (77_777, None, 0),
        (BOB, Some("ada"), 2),
    ];
    for (uid, user, count) in table {
        let mut call = Call::new(Tool::Prlctl, &["list", "-a", "-i", "-j"], uid);
        call.caller.user = user.map(str::to_owned);
        let answer = answer(&call, &mut State::demo());
        assert_eq!(json_of(&answer).as_array().unwrap().len(), count, "{uid} {user:?}");
    }
}

#[test]
fn the_listing_has_every_key_of_a_real_one_in_the_same_order() {
    let mut state = State::demo();
    let answer = ask(&mut state, ADA, Tool::Prlctl, &["list", WINDOWS, "-a", "-i", "-j"]);
    let text = stdout(&answer);
    let order = [
        "ID",
        "Name",
        "Description",
        "Type",
        "State",
        "OS",
        "Template",
        "Uptime",
        "Home path",
        "Home",
        "Restore Image",
        "GuestTools",
        "Mouse and Keyboard",
        "Print Management",
        "USB and Bluetooth",
        "Startup and Shutdown",
        "Optimization",
        "Travel mode",
        "Security",
        "Smart Guard",
        "Modality",
        "Fullscreen",
        "Coherence",
        "Time Synchronization",
        "Expiration",
        "Boot order",
        "BIOS type",
        "EFI Secure boot",
        "Allow select boot device",
        "External boot device",
        "SMBIOS settings",
        "Hardware",
        "Host Shared Folders",
        "Host defined sharing",
        "Guest Shared Folders",
        "Shared Profile",
        "Shared Applications",
        "SmartMount",
        "Network",
        "Miscellaneous Sharing",
        "Advanced",
    ];
    let places: Vec<_> = order.iter().map(|key| text.find(&format!("\n  \"{key}\": ")).expect(key)).collect();
    assert!(places.is_sorted());
    assert!(text.contains(r#""Home": "\/Users\/ada\/Parallels\/Windows 11 Sales.pvm\/""#));
    assert!(text.contains("\"Show on all spaces \": \"on\""));
    let vm = json_of(&answer)[0].clone();
    assert_eq!(vm["ID"], json!(WINDOWS));
    assert_eq!(vm["Uptime"], json!("93871"));
    assert_eq!(vm["Template"], json!("no"));
    assert_eq!(vm["Hardware"]["memory"], json!({"size": "16384Mb", "auto": "on", "hotplug": false}));
    assert_eq!(vm["Hardware"]["cpu"]["type"], json!("arm"));
    assert!(vm["Security"].get("Require password to").is_none());
}

#[test]
fn the_flat_listing_and_the_table() {
    let mut state = State::demo();
    let flat = json_of(&ask(&mut state, BOB, Tool::Prlctl, &["list", "-j"]));
    let expected = json!([{"uuid": "e02fa0e4-01ad-4b0b-8a37-7f6f5c8e21d9", "status": "running", "ip_configured": "-", "name": "Debian Sandbox"}]);
    assert_eq!(flat, expected);
    let chosen = json_of(&ask(&mut state, BOB, Tool::Prlctl, &["list", "-f", "-j", "-o", "name,ip"]));
    assert_eq!(chosen, json!([{"name": "Debian Sandbox", "ip": "10.211.55.7"}]));
    let table = ask(&mut state, ADA, Tool::Prlctl, &["list", "-a"]);
    assert_eq!(stdout(&table).lines().count(), 4);
    assert!(stdout(&table).contains(&format!("{{{UBUNTU}}}  stopped")));
    let clustered = ask(&mut state, ADA, Tool::Prlctl, &["list", "-aij"]);
    assert_eq!(json_of(&clustered).as_array().unwrap().len(), 3);
}

#[test]
fn a_virtual_machine_is_addressed_by_uuid_or_name_of_the_caller() {
    let braces = format!("{{{}}}", WINDOWS.to_uppercase());
    let table = [
        (ADA, WINDOWS, 0),
        (ADA, braces.as_str(), 0),
        (ADA, "Windows 11 Sales", 0),
        (BOB, WINDOWS, 255),
        (ADA, "nobody knows", 255),
        (ADA, "", 255),
    ];
    for (uid, vm, code) in table {
        let answer = ask(&mut State::demo(), uid, Tool::Prlctl, &["list", vm, "-a", "-i", "-j"]);
        assert_eq!(answer.code, code, "{uid} {vm}");
        assert_eq!(stderr(&answer).contains("virtual machine could not be found"), code != 0);
    }
}

#[test]
fn what_is_set_is_listed() {
    let table: [(&[&str], &str, Value); 15] = [
        (&["--lock-edit-settings", "on"], "/Security/Configuration is locked", json!("on")),
        (&["--show-dev-tools", "on"], "/Advanced/Show developer tools", json!("on")),
        (&["--autostart", "start-host"], "/Startup and Shutdown/Autostart", json!("start-host")),
        (&["--startup-view", "headless"], "/Startup and Shutdown/Startup view", json!("headless")),
        (&["--device-set", "net0", "--type", "bridged"], "/Hardware/net0/type", json!("bridged")),
        (&["--device-set", "net0", "--type", "host-only"], "/Hardware/net0/type", json!("host")),
        (&["--device-disconnect", "net0"], "/Hardware/net0/state", json!("disconnected")),
        (
            &["--require-pwd", "exit-fullscreen:on"],
            "/Security/Require password to",
            json!(["exit-fullscreen"]),
        ),
        (
            &["--require-pwd", "change-guest-pwd:on"],
            "/Security/Require password to",
            json!(["change-guest-pwd"]),
        ),
        (
            &["--require-pwd", "manage-snapshots:on"],
            "/Security/Require password to",
            json!(["create-snapshot", "switch-to-snapshot", "delete-snapshot"]),
        ),
        (&["--require-pwd", "change-vm-state:on"], "/Security/Require password to/0", json!("start-vm")),
        (&["--expiration", "on"], "/Expiration/enabled", json!(true)),
        (&["--expiration", "on", "--expiration", "date:2027-01-31"], "/Expiration/date", json!("2027-01-31")),
        (&["--name", "-rf $(x) \"q\"\n🦀"], "/Name", json!("-rf $(x) \"q\"\n🦀")),
        (
            &["--tools-autoupdate", "no", "--isolate-vm", "on", "--lock-on-suspend", "on"],
            "/Type",
            json!("VM"),
        ),
    ];
    for (options, pointer, expected) in table {
        let mut state = State::demo();
        let answer = set(&mut state, UBUNTU, options);
        assert_eq!((answer.code, stderr(&answer)), (0, ""), "{options:?}");
        assert_eq!(listed(&mut state, UBUNTU).pointer(pointer), Some(&expected), "{options:?}");
    }
}

#[test]
fn wrong_options_change_nothing() {
    let table: [(&[&str], i32); 12] = [
        (&[], 1),
        (&["--autostart"], 1),
        (&["--no-such", "on"], 1),
        (&["--device-set", "net0"], 1),
        (&["--autostart", "sometimes"], 255),
        (&["--device-set", "net7", "--type", "shared"], 255),
        (&["--require-pwd", "create-vm:on"], 255),
        (&["--require-pwd", "exit-fullscreen"], 255),
        (&["--expiration", "date:31.1.2027"], 255),
        (&["--name", "Windows 11 Sales"], 255),
        (&["--show-dev-tools", "on", "--autostart", "sometimes"], 255),
        (&["--lock-edit-settings", "yes"], 255),
    ];
    for (options, code) in table {
        let mut state = State::demo();
        assert_eq!(set(&mut state, UBUNTU, options).code, code, "{options:?}");
        assert_eq!(state, State::demo(), "{options:?}");
    }
}

#[test]
fn a_locked_virtual_machine_is_unlocked_first() {
    let mut state = State::demo();
    assert_eq!(set(&mut state, UBUNTU, &["--lock-edit-settings", "on"]).code, 0);
    for options in [
        &["--show-dev-tools", "off"][..],
        &["--lock-edit-settings", "off", "--show-dev-tools", "off"],
        &["--lock-edit-settings", "on"],
    ] {
        assert_eq!(set(&mut state, UBUNTU, options).code, 255, "{options:?}");
    }
    assert_eq!(set(&mut state, UBUNTU, &["--lock-edit-settings", "off"]).code, 0);
    assert_eq!(set(&mut state, UBUNTU, &["--show-dev-tools", "off"]).code, 0);
}

#[test]
fn restrictions_refuse_with_the_words_of_the_real_tool() {
    let all = Restrictions { create_vm: true, add_vm: true, remove_vm: true, clone_vm: true };
    let table: [(&[&str], &str); 5] = [
        (&["create", "New"], "create"),
        (&["register", "/Users/ada/Other.pvm"], "register"),
        (&["clone", UBUNTU, "--name", "Copy"], "clone"),
        (&["delete", UBUNTU], "remove"),
        (&["unregister", UBUNTU], "unregister"),
    ];
    for (argv, verb) in table {
        let mut state = State::demo();
        state.service.require_password = all;
        let answer = ask(&mut state, ADA, Tool::Prlctl, argv);
        let words = "The operation failed. To perform this operation, you must enter the host OS administrator's credentials.";
        assert_eq!(
            (answer.code, stderr(&answer)),
            (255, format!("Failed to {verb} the VM: {words}\n").as_str())
        );
        assert_eq!(state.vms, State::demo().vms);
        state.service.require_password = Restrictions::default();
        assert_eq!(ask(&mut state, ADA, Tool::Prlctl, argv).code, 0, "{argv:?}");
        assert_ne!(state.vms, State::demo().vms, "{argv:?}");
    }
}

#[test]
fn power_follows_the_states() {
    let table = [
        ("start", "stopped", Some("running")),
        ("start", "running", None),
        ("stop", "running", Some("stopped")),
        ("stop", "suspended", None),
        ("suspend", "running", Some("suspended")),
        ("suspend", "stopped", None),
        ("resume", "suspended", Some("running")),
        ("pause", "running", Some("paused")),
        ("resume", "paused", Some("running")),
    ];
    for (verb, before, after) in table {
        let mut state = State::demo();
        state.vms.get_mut(UBUNTU).unwrap().state = before.to_owned();
        let answer = ask(&mut state, ADA, Tool::Prlctl, &[verb, UBUNTU]);
        assert_eq!(answer.code, if after.is_some() { 0 } else { 255 }, "{verb} {before}");
        assert_eq!(state.vms[UBUNTU].state, after.unwrap_or(before), "{verb} {before}");
    }
}

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
fn quirks_bend_the_output() {
    let mut state = State::demo();
    state.quirks = Quirks { old_invalid_json: true, ..Quirks::default() };
    let answer = ask(&mut state, 0, Tool::Prlsrvctl, &["info", "-j"]);
    assert!(stdout(&answer).contains(r#""Require password to": [\"remove-vm\", \"clone-vm\"]"#));
    assert!(serde_json::from_slice::<Value>(&answer.stdout).is_err());

    state.quirks = Quirks { control_characters: true, ..Quirks::default() };
    let answer = ask(&mut state, ADA, Tool::Prlctl, &["list", "-aij"]);
    assert!(serde_json::from_slice::<Value>(&answer.stdout).is_err());

    state.quirks = Quirks { edition_noise: true, no_info_json: true, ..Quirks::default() };
    assert!(stdout(&ask(&mut state, ADA, Tool::Prlctl, &["list", "-aj"])).starts_with(EDITION_NOISE));
    assert_eq!(ask(&mut state, 0, Tool::Prlsrvctl, &["info", "--json"]).code, 1);

    state.quirks = Quirks { home_empty: true, old_clipboard_key: true, ..Quirks::default() };
    let list = json_of(&ask(&mut state, ADA, Tool::Prlctl, &["list", "-a", "-i", "-j"]));
    assert_eq!((&list[0]["Home"], &list[0]["Home path"]), (&json!(""), &json!("")));
    assert_eq!(list[0]["Miscellaneous Sharing"]["Shared clipboard"], json!("on"));
    assert_ne!(listed(&mut state, WINDOWS)["Home"], json!(""));
}

#[test]
fn faults_strike_where_and_as_often_as_they_are_told() {
    let mut state = State::demo()
        .with_fault("login", Fault::of(FaultKind::LoginFailed).on(Tool::Prlctl).at("list").times(2));
    for expected in [255, 255, 0] {
        assert_eq!(ask(&mut state, ADA, Tool::Prlctl, &["--version"]).code, 0);
        let answer = ask(&mut state, ADA, Tool::Prlctl, &["list"]);
        assert_eq!(answer.code, expected);
        assert_eq!(stderr(&answer).contains("Login failed:"), expected != 0);
    }
    assert_eq!(state, State::demo());
}

#[test]
fn a_fault_says_whether_the_change_is_made() {
    let hang = |applied| FaultKind::Hang { ignore_sigterm: true, applied };
    let fail = |applied| FaultKind::Fail { code: 3, stderr: "no".to_owned(), applied };
    let table = [
        (hang(false), false, 0),
        (hang(true), true, 0),
        (fail(false), false, 3),
        (fail(true), true, 3),
        (FaultKind::Ignore, false, 0),
        (FaultKind::Slow { ms: 500 }, true, 0),
        (FaultKind::Noise { lines: vec!["noise\n".to_owned()] }, true, 0),
        (FaultKind::Flood, false, 0),
    ];
    for (kind, applied, code) in table {
        let mut state = State::demo().with_fault("it", Fault::of(kind.clone()));
        let answer = ask(&mut state, 0, Tool::Prlsrvctl, &["set", "--cep", "on"]);
        assert_eq!((state.service.cep, answer.code), (applied, code), "{kind:?}");
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state, "{kind:?}");
    }
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

#[test]
fn a_thousand_virtual_machines_are_listed() {
    let mut state = State::with_vms(1000);
    let list = json_of(&ask(&mut state, ADA, Tool::Prlctl, &["list", "-a", "-i", "-j"]));
    assert_eq!(list.as_array().unwrap().len(), 1000);
}

/// Words that lead deep, and any text.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "list",
        "set",
        "info",
        "user",
        "start",
        "clone",
        "create",
        "register",
        "delete",
        "snapshot-list",
        "install-license",
        "update-license",
        "deactivate-license",
        "--license",
        "--skip-network-errors",
        "--deferred",
        "-k",
        DEMO_KEY,
        DEMO_SUBLICENSE_KEY,
        "kickstart",
        "service_start",
        "Parallels Desktop",
        "-a",
        "-i",
        "-j",
        "-o",
        "--name",
        "--require-pwd",
        "create-vm:on",
        "--expiration",
        "date:2026-01-01",
        "--device-set",
        "net0",
        "--type",
        "on",
        "asuser",
        "501",
        "-u",
        "#501",
        "--",
        "prlctl",
        "sudo",
        "launchctl",
        "read",
        "write",
        "-n",
        UBUNTU,
        "{",
        "}",
        ":",
        "",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_arguments_panic(
        tool in prop::sample::select(Tool::ALL.to_vec()),
        argv in prop::collection::vec(word(), 0..8),
        uid in prop::sample::select(vec![0, ADA, BOB, 99]),
    ) {
        let call = Call { tool, argv, caller: Caller { uid, user: None } };
        let mut state = State::demo();
        let _ = follow(&call, &mut state);
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }

    #[test]
    fn any_name_survives_the_listing(name in any::<String>()) {
        let mut state = State::demo();
        state.vms.get_mut(UBUNTU).unwrap().name.clone_from(&name);
        prop_assert_eq!(&listed(&mut state, UBUNTU)["Name"], &json!(name));
    }
}
