//! `prlsrvctl`: the settings of the whole Mac. In: arguments; out: text or JSON as releases 20 to 26 print it.

use super::license;
use super::output::{Node, Style, object, on_off, yes_no};
use super::state::State;
use super::{Answer, Call};

/// The verbs that need the service.
const VERBS: [&str; 6] = ["info", "set", "user", "install-license", "update-license", "deactivate-license"];

/// What both tools say when the service is not running; the code 253 is from the OpenVZ fork's Utils.cpp.
pub(super) fn service_stopped() -> Answer {
    Answer::fail(253, "Unable to connect to Parallels Service. Parallels Service may not be running.")
}

/// What a refused action says after its own first words (docker-machine-parallels issues 8 and 11).
pub(super) const NEEDS_ADMINISTRATOR: &str = "The operation failed. To perform this operation, you must enter the host OS administrator's credentials.";

/// Answers one call. A usage error is 1, as in the OpenVZ fork's main.
pub(super) fn answer(call: &Call, state: &mut State) -> Answer {
    let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
    match argv.as_slice() {
        ["--version" | "-v"] => {
            Answer::ok(format!("prlsrvctl version {} ({})\n", state.parallels.version, state.parallels.build))
        }
        [verb, ..] if VERBS.contains(verb) && !state.service.running => service_stopped(),
        ["info", options @ ..] => info(options, state),
        ["install-license", options @ ..] => license::install(options, state),
        ["update-license"] => license::update(state),
        ["deactivate-license"] => license::deactivate(false, state),
        ["deactivate-license", "--skip-network-errors"] => license::deactivate(true, state),
        ["set", options @ ..] if !options.is_empty() => set(options, state),
        ["user", "list"] => Answer::ok(users_text(state)),
        ["user", "list", "-j" | "--json"] => Answer::ok(users_json(state)),
        [verb, ..] if VERBS.contains(verb) => usage("Invalid arguments"),
        [verb, ..] => usage(&format!("Unknown action: {verb}")),
        [] => usage("No action is specified"),
    }
}

pub(super) fn usage(problem: &str) -> Answer {
    let actions = VERBS.join(", ");
    Answer::fail(1, format!("{problem}\nUsage: prlsrvctl <ACTION> [OPTIONS]\nActions: {actions}"))
}

/// `prlsrvctl info [--license] [-j|--json]`.
fn info(options: &[&str], state: &State) -> Answer {
    let json = options.iter().any(|option| matches!(*option, "-j" | "--json"));
    let licenses = options.contains(&"--license");
    let known = |option: &&str| matches!(*option, "-j" | "--json" | "--license");
    if !options.iter().all(known) || (json && state.quirks.no_info_json) {
        return usage("Invalid arguments");
    }
    match (licenses, json) {
        (true, json) => license::info(json, state),
        (false, true) => Answer::ok(info_json(state)),
        (false, false) => Answer::ok(info_text(state)),
    }
}

/// The pairs of `info` before the license, in the order of a real output of 20.2 (ansible-collection-macos issue 53).
fn head(state: &State) -> Vec<(&'static str, String)> {
    let (host, service) = (&state.host, &state.service);
    let switch = |on| on_off(on).to_owned();
    vec![
        ("ID", format!("{{{}}}", state.parallels.host_id)),
        ("Hostname", host.hostname.clone()),
        ("OS", format!("macOS {}({})", host.macos_version, host.macos_build)),
        ("Version", format!("Desktop {}-{}", state.parallels.version, state.parallels.build)),
        ("Build flags", "external".to_owned()),
        ("Started as service", switch(true)),
        ("VM home", "/Users/Shared/Parallels".to_owned()),
        ("Memory limit", "auto".to_owned()),
        ("Minimal security level", "low".to_owned()),
        ("Manage settings for new users", "allow".to_owned()),
        ("CEP mechanism", switch(service.cep)),
        ("Verbose log", switch(false)),
        ("Log rotation", switch(true)),
        ("External device auto connect", "ask".to_owned()),
        ("Web portal domain", "parallels.com".to_owned()),
        ("Web portal domain auto mode", switch(true)),
        ("Host ID", format!("{{{}}}", state.parallels.host_id)),
        ("Allow attach screenshots", switch(service.attach_screenshots)),
        ("Custom password protection", switch(service.custom_password)),
        ("Preferences are locked", switch(service.preferences_locked)),
    ]
}

/// The pairs of `info` between the restrictions and the license.
const REPORTS: [(&str, &str); 2] =
    [("Disable deleting report archive", "off"), ("Add serial port output to report", "off")];

/// The disks of `info`: path, name, type, with the types that the real output knows.
const DISKS: [(&str, &str, &str); 3] = [
    ("/dev/disk0", "APPLE SSD AP0512Z Media (disk0)", "hdd"),
    ("/dev/disk0s1", "EFI System Partition", "hdd-part"),
    ("/dev/disk1", "AppleAPFSMedia (disk1)", "hdd"),
];

/// `prlsrvctl info`. The line of the restrictions is missing when there is none (the real output of 20.2 has none).
fn info_text(state: &State) -> String {
    let mut text: String = head(state).iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    let names = state.service.require_password.names();
    if !names.is_empty() {
        text.push_str(&format!("Require password to: {}\n", names.join(" ")));
    }
    for (key, value) in REPORTS {
        text.push_str(&format!("{key}: {value}\n"));
    }
    let (standing, key, restricted) = license::summary(state);
    text.push_str(&format!(
        "License: state='{standing}' key='{key}' restricted='{restricted}'\nHardware Id: {{{}}}\nSigned In: {}\nHardware info:\n",
        state.parallels.hardware_id,
        yes_no(state.service.signed_in),
    ));
    for (path, name, kind) in DISKS {
        text.push_str(&format!("{kind:>8}  {name:<40} '{path}'\n"));
    }
    text
}

/// `prlsrvctl info --json`, keys as prl-devops-service's parallels_info.go reads them.
fn info_json(state: &State) -> String {
    let mut info = Node::Object(Vec::new());
    for (key, value) in head(state) {
        match key {
            "Memory limit" => info.push(key, object! { "mode": value }),
            "ID" | "Host ID" => info.push(key, bare(&value)),
            _ => info.push(key, value),
        }
    }
    let names = state.service.require_password.names();
    if !names.is_empty() {
        info.push("Require password to", restrictions(&names, state.quirks.old_invalid_json));
    }
    for (key, value) in REPORTS {
        info.push(key, value);
    }
    let (standing, key, restricted) = license::summary(state);
    info.push("License", object! { "state": standing, "key": key, "restricted": restricted });
    info.push("Hardware Id", state.parallels.hardware_id.as_str());
    info.push("Signed In", yes_no(state.service.signed_in));
    let mut disks = Node::Object(Vec::new());
    for (path, name, kind) in DISKS {
        disks.push(path, object! { "name": name, "type": kind });
    }
    info.push("Hardware info", disks);
    format!("{}\n", info.render(Style { raw_control: state.quirks.control_characters }))
}

/// UUIDs stand in braces in text and bare in JSON (prl-devops-service models).
fn bare(id: &str) -> &str {
    id.trim_start_matches('{').trim_end_matches('}')
}

/// The list of restrictions, or the form of release 11.1.2 with its quotes escaped (vagrant-parallels issue 249).
pub(super) fn restrictions(names: &[&str], invalid: bool) -> Node {
    if invalid {
        let quoted: Vec<String> = names.iter().map(|name| format!("\\\"{name}\\\"")).collect();
        return Node::Raw(format!("[{}]", quoted.join(", ")));
    }
    Node::List(names.iter().map(|&name| Node::from(name)).collect())
}

/// `prlsrvctl user list`: the users whom Parallels' service has met (KB and prl-devops-service; upper-case keys).
fn users(state: &State) -> impl Iterator<Item = (String, String)> {
    let known = state.users.iter().filter(|(_, user)| user.known_to_parallels);
    known.map(|(name, user)| {
        (format!("{name}@{}", state.host.hostname), format!("{}/Parallels", user.home.trim_end_matches('/')))
    })
}

fn users_text(state: &State) -> String {
    let header = format!("{:<40}{:<14}{}\n", "NAME", "MNG_SETTINGS", "DEF_VM_HOME");
    users(state).fold(header, |text, (name, home)| format!("{text}{name:<40}{:<14}{home}\n", "allow"))
}

fn users_json(state: &State) -> String {
    let list = users(state)
        .map(|(name, home)| object! { "NAME": name, "MNG_SETTINGS": "allow", "DEF_VM_HOME": home })
        .collect();
    format!("{}\n", Node::List(list).render(Style { raw_control: state.quirks.control_characters }))
}

/// `prlsrvctl set`: options from the OpenVZ fork's CmdParam.cpp, KB 124041 and Parallels' prlctl-scripts. With a custom
/// password the real tool asks for it; stdin is no terminal here, so it is refused (inferred).
fn set(options: &[&str], state: &mut State) -> Answer {
    let mut service = state.service.clone();
    let mut rest = options;
    while let [option, others @ ..] = rest {
        let [value, others @ ..] = others else {
            return usage(&format!("Option requires an argument: {option}"));
        };
        rest = others;
        let target = match *option {
            "--require-pwd" => {
                let (action, switch) = value.split_once(':').unwrap_or((value, ""));
                match (service.require_password.named(action), switch_value(switch)) {
                    (Some(target), Some(on)) => *target = on,
                    _ => {
                        let problem = format!("An incorrect value for --require-pwd is specified: {value}");
                        return Answer::fail(1, problem);
                    }
                }
                continue;
            }
            "--host-admin" => continue,
            "--lock-edit-settings" => &mut service.preferences_locked,
            "--cep" | "-c" => &mut service.cep,
            "--allow-attach-screenshots" => &mut service.attach_screenshots,
            _ => return usage(&format!("Unrecognized option: {option}")),
        };
        match switch_value(value) {
            Some(on) => *target = on,
            None => {
                return Answer::fail(1, format!("An incorrect value for {option} is specified: {value}"));
            }
        }
    }
    if state.service.custom_password {
        return Answer::fail(
            255,
            "Failed to configure Parallels Service: The operation failed. To perform this operation, you must enter the custom password.",
        );
    }
    state.service = service;
    Answer::ok("The Parallels Service has been successfully configured.\n")
}

/// The value of a switch.
pub(super) fn switch_value(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}
