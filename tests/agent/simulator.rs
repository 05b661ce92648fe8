//! The simulator as real processes below a scratch root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use meridian::simulator::{
    DEMO_KEY, DEMO_SUBLICENSE_KEY, Fault, FaultKind, SimulatorError, Start, State, Tool, Touch, calls, edit,
    install,
};

const PRLCTL: &str = "Applications/Parallels Desktop.app/Contents/MacOS/prlctl";
const PRLSRVCTL: &str = "Applications/Parallels Desktop.app/Contents/MacOS/prlsrvctl";
const SERVICE: &str = "Applications/Parallels Desktop.app/Contents/MacOS/Parallels Service";
const LICENSES: &str = "Library/Preferences/Parallels/licenses.json";
const DISPATCHER: &str = "Library/Preferences/Parallels/dispatcher.desktop.xml";

fn scratch(state: &State) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    install(root.path(), Path::new(env!("CARGO_BIN_EXE_prl-sim")), state).unwrap();
    root
}

#[expect(clippy::disallowed_methods, reason = "the test is about real processes")]
fn command(program: PathBuf, argv: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(argv)
        .env_clear()
        .env("USER", "ada")
        .env("HOME", "/var/root")
        .env("SECRET", "x")
        .stdin(Stdio::null());
    command
}

fn run(root: &Path, tool: &str, argv: &[&str]) -> Output {
    command(root.join(tool), argv).output().unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_tool_acts_by_its_name_and_the_link_too() {
    let root = scratch(&State::demo());
    for path in [PRLCTL, "usr/local/bin/prlctl"] {
        assert_eq!(run(root.path(), path, &["--version"]).stdout, b"prlctl version 26.1.1 (57288)\n");
    }
    for path in ["usr/local/bin/prlsrvctl", PRLSRVCTL] {
        assert!(run(root.path(), path, &["info"]).stdout.starts_with(b"ID: {"));
    }
    let file = root.path().join("System/Library/CoreServices/SystemVersion.plist");
    let version = plist::Value::from_file(file).unwrap();
    assert_eq!(version.as_dictionary().unwrap()["ProductVersion"].as_string(), Some("26.1"));
}

#[test]
fn a_session_of_another_user_reaches_the_tool_with_that_users_id_and_list() {
    let root = scratch(&State::demo());
    let path = root.path().join(PRLCTL);
    let sudo = root.path().join("usr/bin/sudo");
    let argv = [
        "asuser",
        "502",
        sudo.to_str().unwrap(),
        "-n",
        "-u",
        "#502",
        path.to_str().unwrap(),
        "list",
        "-a",
        "-j",
    ];
    let output = run(root.path(), "bin/launchctl", &argv);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2, "{output:?}");
    let calls = calls(root.path()).unwrap();
    let tools: Vec<_> = calls.iter().map(|call| call.tool.as_str()).collect();
    assert_eq!(tools, ["launchctl", "sudo", "prlctl"]);
    let last = &calls[2];
    assert_eq!(last.acting_as.as_deref(), Some("bob"));
    assert_eq!(last.environment["USER"], "bob");
    assert_eq!(last.environment["HOME"], "/var/root");
    assert!(last.environment_names.iter().any(|name| name == "SECRET"));
    if is_root() {
        assert_eq!((last.uid, last.euid), (502, 502));
    }
}

#[test]
fn tools_of_many_processes_lose_no_change() {
    let root = scratch(&State::with_vms(8));
    let uuids: Vec<String> = State::load(root.path()).unwrap().vms.into_keys().collect();
    let argv = |uuid: &str| ["set", uuid, "--show-dev-tools", "on"].map(str::to_owned);
    let prlctl = root.path().join(PRLCTL);
    let children: Vec<_> = uuids
        .iter()
        .map(|uuid| {
            let argv = argv(uuid);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let sudo = [&["-u", "ada", prlctl.to_str().unwrap()], argv.as_slice()].concat();
            command(root.path().join("usr/bin/sudo"), &sudo).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let state = State::load(root.path()).unwrap();
    assert!(state.vms.values().all(|vm| vm.settings.developer_tools));
    assert_eq!(calls(root.path()).unwrap().len(), 16);
}

#[test]
fn each_call_rewrites_the_services_file_unless_told_otherwise() {
    let root = scratch(&State::demo());
    let file = root.path().join(DISPATCHER);
    let look = || (fs::metadata(&file).unwrap().ino(), fs::read(&file).unwrap());
    let first = look();
    run(root.path(), PRLSRVCTL, &["info"]);
    let second = look();
    assert!(second.0 != first.0 && second.1 == first.1);
    edit(root.path(), |state| state.quirks.dispatcher = Touch::Changing).unwrap();
    run(root.path(), PRLSRVCTL, &["info"]);
    assert_ne!(look().1, second.1);
    edit(root.path(), |state| state.quirks.dispatcher = Touch::Never).unwrap();
    let third = look();
    run(root.path(), PRLSRVCTL, &["info"]);
    assert_eq!(look(), third);
}

/// The inner document of the license file.
fn license_file(root: &Path) -> serde_json::Value {
    let outer: serde_json::Value = serde_json::from_slice(&fs::read(root.join(LICENSES)).unwrap()).unwrap();
    assert!(outer["publicCerts"].is_array() && outer["signature"].is_string());
    serde_json::from_str(outer["license"].as_str().unwrap()).unwrap()
}

#[test]
fn the_license_file_follows_the_license() {
    let root = scratch(&State::demo());
    let file = root.path().join(LICENSES);
    assert_eq!(license_file(root.path())["lic_key"], DEMO_KEY);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);

    let look = || (fs::metadata(&file).unwrap().ino(), fs::read(&file).unwrap());
    let first = look();
    assert!(run(root.path(), PRLSRVCTL, &["info", "--license", "-j"]).status.success());
    assert_eq!(look(), first);
    assert!(run(root.path(), PRLSRVCTL, &["update-license"]).status.success());
    let second = look();
    assert!(second.0 != first.0 && second.1 == first.1);

    let install = ["install-license", "-k", DEMO_SUBLICENSE_KEY, "--activate-online-immediately"];
    assert!(run(root.path(), PRLSRVCTL, &install).status.success());
    assert_eq!(license_file(root.path())["parent_key"], DEMO_KEY);
    assert!(run(root.path(), PRLSRVCTL, &["deactivate-license"]).status.success());
    assert!(!file.exists());
    assert_eq!(run(root.path(), PRLSRVCTL, &["info", "--license", "--json"]).stdout, b"{}\n");

    let control = "var/db/prl-sim/prl-sim";
    assert!(!run(root.path(), control, &["sign-in", "eve@example.com"]).status.success());
    assert!(run(root.path(), control, &["sign-in", "bob@example.com"]).status.success());
    assert_eq!(license_file(root.path())["lic_key"], DEMO_SUBLICENSE_KEY);
}

#[test]
fn a_stopped_service_is_started_by_its_own_program_and_by_open() {
    let root = scratch(&State::demo());
    for (program, argv) in [(SERVICE, &["service_start"][..]), ("usr/bin/open", &["-a", "Parallels Desktop"])]
    {
        edit(root.path(), |state| state.service.running = false).unwrap();
        assert_eq!(run(root.path(), PRLSRVCTL, &["deactivate-license"]).status.code(), Some(253));
        edit(root.path(), |state| state.service.start = Start::Fails).unwrap();
        assert_eq!(run(root.path(), program, argv).status.code(), Some(1));
        edit(root.path(), |state| state.service.start = Start::Works).unwrap();
        assert!(run(root.path(), program, argv).status.success());
        assert!(run(root.path(), PRLSRVCTL, &["update-license"]).status.success());
    }
    assert!(calls(root.path()).unwrap().iter().any(|call| call.tool == "Parallels Service"));
}

#[test]
fn the_control_tool_patches_the_state() {
    let root = scratch(&State::demo());
    let control = "var/db/prl-sim/prl-sim";
    let patch = r#"{"service": {"require_password": {"remove_vm": false}}, "users": {"bob": null}}"#;
    assert!(run(root.path(), control, &["patch", patch]).status.success());
    let state = State::load(root.path()).unwrap();
    assert_eq!(state.service.require_password.names(), ["clone-vm"]);
    assert!(!state.users.contains_key("bob"));
    for bad in ["{", r#"{"service": 7}"#] {
        assert!(!run(root.path(), control, &["patch", bad]).status.success());
        assert_eq!(State::load(root.path()).unwrap(), state);
    }
    let printed: State = serde_json::from_slice(&run(root.path(), control, &["state"]).stdout).unwrap();
    assert_eq!(printed, state);
    assert!(!run(root.path(), control, &["dance"]).status.success());
}

#[test]
fn a_hanging_tool_ends_by_kill_and_a_flood_when_nobody_reads() {
    let hang = FaultKind::Hang { ignore_sigterm: true, applied: false };
    let state = State::demo()
        .with_fault("hang", Fault::of(hang).on(Tool::Prlctl))
        .with_fault("flood", Fault::of(FaultKind::Flood).on(Tool::Prlsrvctl));
    let root = scratch(&state);
    let mut child = command(root.path().join(PRLCTL), &["list"]).spawn().unwrap();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let mut child = command(root.path().join(PRLSRVCTL), &["info"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut buffer = [0; 65_536];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut buffer).unwrap();
    drop(child.stdout.take());
    assert!(!child.wait().unwrap().success());
}

#[test]
fn all_users_may_write_the_simulators_files_and_nobody_the_tools() {
    let root = scratch(&State::demo());
    let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
    run(root.path(), PRLCTL, &["list"]);
    let table = [
        ("var/db/prl-sim", 0o777),
        ("var/db/prl-sim/state.json", 0o666),
        ("var/db/prl-sim/lock", 0o666),
        ("var/db/prl-sim/calls.jsonl", 0o666),
        ("Library/Preferences/Parallels", 0o777),
        (PRLCTL, 0o755),
        ("Applications/Parallels Desktop.app/Contents/MacOS", 0o755),
        ("Library", 0o755),
    ];
    for (path, expected) in table {
        assert_eq!(mode(path), expected, "{path}");
    }
}

#[test]
fn the_real_root_is_refused() {
    let error =
        install(Path::new("/"), Path::new(env!("CARGO_BIN_EXE_prl-sim")), &State::demo()).unwrap_err();
    assert!(matches!(error, SimulatorError::SystemRoot));
}
