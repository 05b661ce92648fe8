//! Tables of calls and answers.

use serde_json::{Value, json};

use super::*;

mod licensing;
mod properties;
mod service;

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
fn a_thousand_virtual_machines_are_listed() {
    let mut state = State::with_vms(1000);
    let list = json_of(&ask(&mut state, ADA, Tool::Prlctl, &["list", "-a", "-i", "-j"]));
    assert_eq!(list.as_array().unwrap().len(), 1000);
}
