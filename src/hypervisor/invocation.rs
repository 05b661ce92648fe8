//! Command lines, as data: what the agent asks and orders. Programs are absolute paths, arguments an array; no shell,
//! no name of a virtual machine, no text that a user chose.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::defaults;
use super::users::LocalUser;
use crate::catalog::{Lever, Value};
use crate::domain::ids::VmId;
use crate::domain::license::{SecretKey, without_keys};
use crate::domain::vm::Vm;
use crate::paths::{LABEL, Paths};

/// How long a tool may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The requirement that Parallels' tools satisfy: signed by Parallels' team (facts: the signature of its DMG).
const REQUIREMENT: &str = "=anchor apple generic and certificate leaf[subject.OU] = \"4C6364ACXT\"";

/// One call of one tool. `Debug` masks license keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program, an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub argv: Vec<String>,
    /// In whose session it runs; root's where none is named.
    pub as_user: Option<LocalUser>,
    /// Whether it changes something: such calls run one at a time.
    pub mutating: bool,
    /// How long it may take.
    pub limit: Duration,
    /// The file that it reads as its standard input, opened without following links; without one there is none.
    pub input: Option<PathBuf>,
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let argv: Vec<String> = self.argv.iter().map(|argument| without_keys(argument)).collect();
        f.debug_struct("Invocation")
            .field("program", &self.program)
            .field("argv", &argv)
            .field("as_user", &self.as_user)
            .field("mutating", &self.mutating)
            .field("limit", &self.limit)
            .field("input", &self.input)
            .finish()
    }
}

impl Invocation {
    /// A call that only reads, as root, within [`LIMIT`].
    #[must_use]
    pub fn read(program: PathBuf, argv: &[&str]) -> Self {
        let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
        Self { program, argv, as_user: None, mutating: false, limit: LIMIT, input: None }
    }

    /// The program that is started and its arguments, `program` being where the one of this call was found.
    ///
    /// As a user: `launchctl asuser UID sudo -n -H -u #UID -- PROGRAM …`, which is in the user's session as well as
    /// with the user's rights.
    #[must_use]
    pub fn command_line(&self, paths: &Paths, program: &Path) -> (PathBuf, Vec<String>) {
        let Some(user) = &self.as_user else {
            return (program.to_owned(), self.argv.clone());
        };
        let (uid, sudo) = (user.uid.to_string(), paths.sudo());
        let mut argv = vec!["asuser".to_owned(), uid.clone(), sudo.to_string_lossy().into_owned()];
        argv.extend(["-n", "-H", "-u", &format!("#{uid}"), "--"].map(str::to_owned));
        argv.push(program.to_string_lossy().into_owned());
        argv.extend(self.argv.iter().cloned());
        (paths.launchctl(), argv)
    }

    pub(super) fn change(program: PathBuf, argv: &[&str]) -> Self {
        Self { mutating: true, ..Self::read(program, argv) }
    }

    fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The same call in the session of this user.
    #[must_use]
    pub fn for_user(self, user: &LocalUser) -> Self {
        Self { as_user: Some(user.clone()), ..self }
    }
}

/// `prlsrvctl info --json`.
#[must_use]
pub fn server_info(paths: &Paths) -> Invocation {
    Invocation::read(paths.prlsrvctl(), &["info", "--json"])
}

/// `prlsrvctl info`, where the JSON could not be read.
#[must_use]
pub fn server_info_text(paths: &Paths) -> Invocation {
    Invocation::read(paths.prlsrvctl(), &["info"])
}

/// `prlsrvctl user list -j`.
#[must_use]
pub fn user_list(paths: &Paths) -> Invocation {
    Invocation::read(paths.prlsrvctl(), &["user", "list", "-j"])
}

/// `dscl . -list /Users UniqueID`.
#[must_use]
pub fn accounts(paths: &Paths) -> Invocation {
    Invocation::read(paths.dscl(), &[".", "-list", "/Users", "UniqueID"])
}

/// How long a tool may take that is asked for a diagnosis only.
const BRIEFLY: Duration = Duration::from_secs(8);

/// `profiles status -type enrollment`.
#[must_use]
pub fn mdm_enrollment(paths: &Paths) -> Invocation {
    Invocation::read(paths.profiles(), &["status", "-type", "enrollment"]).within(BRIEFLY)
}

/// `scutil --proxy`.
#[must_use]
pub fn proxies(paths: &Paths) -> Invocation {
    Invocation::read(paths.scutil(), &["--proxy"]).within(BRIEFLY)
}

/// `launchctl print` of the agent's job, which fails where launchd does not have it.
#[must_use]
pub fn job(paths: &Paths) -> Invocation {
    Invocation::read(paths.launchctl(), &["print", &format!("system/{LABEL}")]).within(BRIEFLY)
}

/// `launchctl print-disabled system`.
#[must_use]
pub fn disabled_jobs(paths: &Paths) -> Invocation {
    Invocation::read(paths.launchctl(), &["print-disabled", "system"]).within(BRIEFLY)
}

/// `sfltool dumpbtm`, which asks anyone but root for a password.
#[must_use]
pub fn background_items(paths: &Paths) -> Invocation {
    Invocation::read(paths.sfltool(), &["dumpbtm"]).within(BRIEFLY)
}

/// `prlctl list -a -i -j` as the user: only their own virtual machines are in it.
#[must_use]
pub fn vm_list(paths: &Paths, user: &LocalUser) -> Invocation {
    Invocation::read(paths.prlctl(), &["list", "-a", "-i", "-j"]).for_user(user)
}

/// `prlctl list UUID -a -i -j` as the user, which fills in what the whole list left empty.
#[must_use]
pub fn vm_details(paths: &Paths, user: &LocalUser, id: VmId) -> Invocation {
    Invocation::read(paths.prlctl(), &["list", &id.to_string(), "-a", "-i", "-j"]).for_user(user)
}

/// `prlctl --version`, where the property list shows no version.
#[must_use]
pub fn cli_version(paths: &Paths) -> Invocation {
    Invocation::read(paths.prlctl(), &["--version"])
}

/// `prlsrvctl info --license --json`.
#[must_use]
pub fn license_info(paths: &Paths) -> Invocation {
    Invocation::read(paths.prlsrvctl(), &["info", "--license", "--json"])
}

/// `prlsrvctl update-license`: Parallels' service asks its licensing server.
#[must_use]
pub fn update_license(paths: &Paths) -> Invocation {
    Invocation::change(paths.prlsrvctl(), &["update-license"])
}

/// `prlsrvctl deactivate-license`. Without `--skip-network-errors`, so that a success means that the server knows.
#[must_use]
pub fn deactivate_license(paths: &Paths) -> Invocation {
    Invocation::change(paths.prlsrvctl(), &["deactivate-license"])
}

/// `prlsrvctl install-license --key KEY`. The tool takes the key as an argument and in no other way, so that it is to
/// be seen in the list of processes while the tool runs.
#[must_use]
pub fn install_license(paths: &Paths, key: &SecretKey) -> Invocation {
    Invocation::change(paths.prlsrvctl(), &["install-license", "--key", key.reveal()])
}

/// `open -g -j -a APP`: Parallels Desktop starts its service (inferred: that it also does so when root starts it in
/// the background). Facts: with the service stopped, Parallels' own instructions start the application.
#[must_use]
pub fn start_service(paths: &Paths) -> Invocation {
    let app = paths.parallels_app();
    Invocation::change(paths.open(), &["-g", "-j", "-a", &app.to_string_lossy()])
}

/// `ioreg -rd1 -c IOPlatformExpertDevice -a`.
#[must_use]
pub fn platform(paths: &Paths) -> Invocation {
    Invocation::read(paths.ioreg(), &["-rd1", "-c", "IOPlatformExpertDevice", "-a"])
}

/// `sysctl -n NAME`.
#[must_use]
pub fn sysctl(paths: &Paths, name: &str) -> Invocation {
    Invocation::read(paths.sysctl(), &["-n", name])
}

/// `defaults export DOMAIN -` as the user: all preferences of Parallels Desktop in one process.
#[must_use]
pub fn preferences(paths: &Paths, user: &LocalUser) -> Invocation {
    Invocation::read(paths.defaults(), &["export", defaults::DOMAIN, "-"]).for_user(user)
}

/// `codesign --verify --strict -R=REQUIREMENT FILE`.
#[must_use]
pub fn signature(paths: &Paths, file: &str) -> Invocation {
    Invocation::read(paths.codesign(), &["--verify", "--strict", "-R", REQUIREMENT, file])
}

/// What a value is set on.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Parallels' service, for all users of the Mac.
    Service,
    /// A virtual machine as it was observed, through a user who owns it.
    Vm(&'a Vm, &'a LocalUser),
    /// A user's own preferences.
    User(&'a LocalUser),
}

/// The calls that set `value`, in their order; none where the lever moves nothing on this target, or not to this value.
#[must_use]
pub fn set(paths: &Paths, lever: Lever, value: &Value, target: Target<'_>) -> Vec<Invocation> {
    match target {
        Target::Service => service_arguments(lever, value)
            .map(|arguments| {
                let argv: Vec<&str> =
                    std::iter::once("set").chain(arguments.iter().map(String::as_str)).collect();
                Invocation::change(paths.prlsrvctl(), &argv)
            })
            .into_iter()
            .collect(),
        Target::Vm(vm, user) => {
            let id = vm.id.to_string();
            let call = |arguments: Vec<String>| {
                let argv: Vec<&str> =
                    ["set", &id].into_iter().chain(arguments.iter().map(String::as_str)).collect();
                Invocation::change(paths.prlctl(), &argv).for_user(user)
            };
            vm_arguments(lever, value, vm).into_iter().map(call).collect()
        }
        Target::User(user) => {
            let Lever::UserDefault(default) = lever else { return Vec::new() };
            let call = |argv| Invocation { argv, ..Invocation::change(paths.defaults(), &[]).for_user(user) };
            defaults::arguments(default, value).into_iter().map(call).collect()
        }
    }
}

/// What follows `prlsrvctl set`.
fn service_arguments(lever: Lever, value: &Value) -> Option<Vec<String>> {
    let on = switch(value)?;
    match lever {
        Lever::RequirePassword(action) => {
            Some(vec!["--require-pwd".to_owned(), format!("{action}:{}", word(on))])
        }
        Lever::ServerSwitch(flag) => Some(vec![flag.to_owned(), word(on).to_owned()]),
        _ => None,
    }
}

/// What follows `prlctl set UUID`, a list a call.
fn vm_arguments(lever: Lever, value: &Value, vm: &Vm) -> Vec<Vec<String>> {
    let strings = |arguments: &[&str]| vec![arguments.iter().map(|&argument| argument.to_owned()).collect()];
    match (lever, value) {
        (Lever::VmSwitch(flag, on, _), Value::Switch(true)) => strings(&[flag, on]),
        (Lever::VmSwitch(flag, _, off), Value::Switch(false)) => strings(&[flag, off]),
        (Lever::VmRequirePassword(action), Value::Switch(on)) => {
            strings(&["--require-pwd", &format!("{action}:{}", word(*on))])
        }
        (Lever::Startup, Value::Text(text)) => startup(text)
            .map(|(autostart, view)| strings(&["--autostart", autostart, "--startup-view", view]))
            .unwrap_or_default(),
        (Lever::Network, Value::Text(text)) => network(text, vm),
        (Lever::Expiration, Value::Switch(false)) => strings(&["--expiration", "off"]),
        (Lever::Expiration, Value::Text(date)) if is_plain(date) => {
            strings(&["--expiration", &format!("date:{date}"), "--expiration", "on"])
        }
        _ => Vec::new(),
    }
}

/// The words for `--autostart` and `--startup-view` (inferred: `start-host` and `headless` are what "ready in
/// background" does). Any other pair that was observed is written `autostart/view`, so that it can be put back.
fn startup(text: &str) -> Option<(&str, &str)> {
    match text {
        "manual" => Some(("off", "window")),
        "background" => Some(("start-host", "headless")),
        pair => pair.split_once('/').filter(|(autostart, view)| is_plain(autostart) && is_plain(view)),
    }
}

/// The calls for the first adapter (inferred flags). An adapter that is connected already is not connected again.
fn network(text: &str, vm: &Vm) -> Vec<Vec<String>> {
    let strings = |arguments: [&str; 2]| arguments.map(str::to_owned).to_vec();
    let kind = match text {
        "disconnected" => return vec![strings(["--device-disconnect", "net0"])],
        "host_only" => "host-only",
        word if is_plain(word) => word,
        _ => return Vec::new(),
    };
    let mut set = strings(["--device-set", "net0"]);
    set.extend(strings(["--type", kind]));
    let connected =
        vm.hardware.networks.iter().any(|net| net.device == "net0" && net.connected == Some(true));
    if connected { vec![set] } else { vec![set, strings(["--device-connect", "net0"])] }
}

const fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Switch(on) => Some(*on),
        Value::Text(_) => None,
    }
}

const fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A word that can only be a value: lower-case letters, digits and inner hyphens.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Key, Scope};
    use crate::domain::ids::Uid;
    use crate::hypervisor::{observation, vm_list};

    const ID: &str = "de22df32-80e2-4e92-ba4b-efb3a66cf092";

    fn anna() -> LocalUser {
        LocalUser { uid: Uid(501), name: "anna".to_owned(), home: "/Users/anna".into() }
    }

    fn vm(hardware: &str) -> Vm {
        let list = format!(r#"[{{"ID": "{ID}", "Name": "-rf $(x)", "Hardware": {hardware}}}]"#);
        vm_list::parse(list.as_bytes()).unwrap().vms.remove(0)
    }

    fn lines(key: &str, value: &Value, vm: &Vm) -> Vec<String> {
        let key = Key::named(key).unwrap().setting();
        let user = anna();
        let target = match key.scope {
            Scope::VirtualMachine => Target::Vm(vm, &user),
            Scope::User => Target::User(&user),
            Scope::Application => Target::Service,
        };
        let calls = set(&Paths::under("/"), key.lever, value, target);
        for call in &calls {
            assert!(call.mutating);
            assert_eq!(call.as_user.is_some(), key.scope != Scope::Application);
        }
        calls
            .iter()
            .map(|call| format!("{} {}", call.program.file_name().unwrap().display(), call.argv.join(" ")))
            .collect()
    }

    #[test]
    fn each_lever_has_its_command_line() {
        let (on, off) = (Value::Switch(true), Value::Switch(false));
        let connected = vm(r#"{"net0": {"enabled": true, "type": "shared"}}"#);
        for (key, value, expected) in [
            ("restrict.create_vm", &on, "prlsrvctl set --require-pwd create-vm:on"),
            ("restrict.clone_vm", &off, "prlsrvctl set --require-pwd clone-vm:off"),
            ("restrict.preferences", &on, "prlsrvctl set --lock-edit-settings on"),
            ("experience.cep", &off, "prlsrvctl set --cep off"),
            ("reports.attach_screenshots", &off, "prlsrvctl set --allow-attach-screenshots off"),
            ("vm.lock_configuration", &on, "prlctl set ID --lock-edit-settings on"),
            ("vm.developer_tools", &off, "prlctl set ID --show-dev-tools off"),
            ("vm.tools_auto_update", &off, "prlctl set ID --tools-autoupdate no"),
            (
                "vm.startup",
                &Value::text("background"),
                "prlctl set ID --autostart start-host --startup-view headless",
            ),
            ("vm.startup", &Value::text("manual"), "prlctl set ID --autostart off --startup-view window"),
            (
                "vm.startup",
                &Value::text("user-login/coherence"),
                "prlctl set ID --autostart user-login --startup-view coherence",
            ),
            ("vm.network", &Value::text("host_only"), "prlctl set ID --device-set net0 --type host-only"),
            ("vm.network", &Value::text("disconnected"), "prlctl set ID --device-disconnect net0"),
            ("vm.isolate", &on, "prlctl set ID --isolate-vm on"),
            ("vm.require_password.change_state", &on, "prlctl set ID --require-pwd change-vm-state:on"),
            (
                "vm.expiration",
                &Value::text("2027-02-28"),
                "prlctl set ID --expiration date:2027-02-28 --expiration on",
            ),
            ("vm.expiration", &off, "prlctl set ID --expiration off"),
        ] {
            assert_eq!(lines(key, value, &connected), [expected.replace("ID", ID)], "{key}");
        }
    }

    #[test]
    fn the_calls_about_the_license_and_no_key_in_their_debug_form() {
        let paths = Paths::under("/");
        let key = SecretKey::new("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA").unwrap();
        for (call, mutating, expected) in [
            (license_info(&paths), false, "prlsrvctl info --license --json"),
            (update_license(&paths), true, "prlsrvctl update-license"),
            (deactivate_license(&paths), true, "prlsrvctl deactivate-license"),
            (
                install_license(&paths, &key),
                true,
                "prlsrvctl install-license --key 6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA",
            ),
            (start_service(&paths), true, "open -g -j -a /Applications/Parallels Desktop.app"),
        ] {
            let line = format!("{} {}", call.program.file_name().unwrap().display(), call.argv.join(" "));
            assert_eq!((line.as_str(), call.mutating), (expected, mutating));
            assert!(!format!("{call:?}").contains("AAAAAA"), "{call:?}");
        }
    }

    #[test]
    fn an_adapter_that_is_out_is_also_connected() {
        let out = vm(r#"{"net0": {"enabled": true, "type": "shared", "state": "disconnected"}}"#);
        assert_eq!(
            lines("vm.network", &Value::text("bridged"), &out),
            [
                format!("prlctl set {ID} --device-set net0 --type bridged"),
                format!("prlctl set {ID} --device-connect net0")
            ]
        );
    }

    #[test]
    fn what_no_lever_moves_runs_nothing() {
        let vm = vm("{}");
        for (key, value) in [
            ("vms.corporate_only", Value::Switch(true)),
            ("updates.feed_url", Value::text("https://up.example/")),
            ("restrict.create_vm", Value::text("on")),
            ("vm.startup", Value::text("-rf/x")),
            ("vm.startup", Value::text("a b/x")),
            ("vm.network", Value::text("--type")),
            ("vm.expiration", Value::Switch(true)),
        ] {
            assert_eq!(lines(key, &value, &vm), Vec::<String>::new(), "{key} {value}");
        }
    }

    #[test]
    fn every_choice_of_the_catalog_that_a_sensor_shows_has_a_command_line() {
        use crate::catalog::{Kind, Sensor};
        let vm = vm("{}");
        for key in Key::all().map(Key::setting).filter(|key| key.sensor != Sensor::Unseen) {
            let values = match key.kind {
                Kind::Choice(choices) => choices.iter().map(|choice| Value::text(choice.value)).collect(),
                _ => vec![Value::Switch(false)],
            };
            for value in values {
                assert!(!lines(key.name, &value, &vm).is_empty(), "{} {value}", key.name);
            }
        }
        assert_eq!(observation::of_vm(Sensor::Unseen, &vm), None);
    }
}
