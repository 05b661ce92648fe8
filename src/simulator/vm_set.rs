//! `prlctl set`: one virtual machine's settings. In: options; out: all of them in force, or none and a refusal.

use super::prlctl::{not_found, usage};
use super::prlsrvctl::switch_value;
use super::state::State;
use super::vm::Vm;
use super::{Answer, prlctl};

/// Why an option was not taken.
enum Refusal {
    /// The command line is wrong.
    Usage(String),
    /// The value is wrong or the option does not fit this virtual machine.
    Value(String),
}

/// `prlctl set VM option value …`. All options are checked before any takes effect.
pub(super) fn set(uuid: &str, options: &[&str], state: &mut State) -> Answer {
    let Some(vm) = state.vms.get(uuid) else { return not_found(uuid) };
    if options.is_empty() {
        return usage("set: no option is specified");
    }
    if vm.settings.locked && options != ["--lock-edit-settings", "off"] {
        return refused("The configuration of the virtual machine is locked.");
    }
    let protection = options.iter().any(|option| matches!(*option, "--require-pwd" | "--lock-edit-settings"));
    if vm.settings.custom_password && protection {
        return refused("To perform this operation, you must enter the custom password.");
    }
    let mut changed = vm.clone();
    let mut rest = options;
    while !rest.is_empty() {
        match take(rest, &mut changed) {
            Ok(others) => rest = others,
            Err(Refusal::Usage(problem)) => return usage(&problem),
            Err(Refusal::Value(problem)) => return refused(&problem),
        }
    }
    let taken = prlctl::find(&changed.name, &changed.owner, state).is_some_and(|other| other != uuid);
    if taken {
        return refused("A virtual machine with this name is already registered.");
    }
    state.vms.insert(uuid.to_owned(), changed);
    Answer::ok("The VM has been successfully configured.\n")
}

fn refused(problem: &str) -> Answer {
    Answer::fail(255, format!("Failed to configure the VM: {problem}"))
}

/// Takes one option with its values off the front. Option names from the OpenVZ fork's CmdParam.cpp, Parallels'
/// documentation of Business Edition 15 and prl-devops-service.
fn take<'a>(options: &'a [&'a str], vm: &mut Vm) -> Result<&'a [&'a str], Refusal> {
    let [option, value, rest @ ..] = options else {
        let option = options.first().copied().unwrap_or_default();
        return Err(Refusal::Usage(format!("Option requires an argument: {option}")));
    };
    let settings = &mut vm.settings;
    match *option {
        "--lock-edit-settings" => settings.locked = switch(option, value)?,
        "--lock-on-suspend" => settings.hidden.lock_on_suspend = switch(option, value)?,
        "--isolate-vm" => settings.hidden.isolated = switch(option, value)?,
        "--show-dev-tools" => settings.developer_tools = switch(option, value)?,
        "--tools-autoupdate" => settings.hidden.tools_autoupdate = yes(option, value)?,
        "--autostart" => {
            settings.autostart = one_of(option, value, &["off", "start-host", "open-window", "user-login"])?;
        }
        "--startup-view" => {
            const VIEWS: [&str; 6] = ["same", "window", "coherence", "fullscreen", "modality", "headless"];
            settings.startup_view = one_of(option, value, &VIEWS)?;
        }
        "--require-pwd" => {
            let (action, state) = value.split_once(':').unwrap_or((value, ""));
            let target = settings.require_password.named(action).ok_or_else(|| incorrect(option, value))?;
            *target = switch(option, state)?;
        }
        "--expiration" => expiration(option, value, vm)?,
        "--device-connect" => settings.network_connected = network(value).map(|()| true)?,
        "--device-disconnect" => settings.network_connected = network(value).map(|()| false)?,
        "--device-set" => {
            network(value)?;
            return device(rest, vm);
        }
        "--name" | "-n" => vm.name = (*value).to_owned(),
        "--description" | "-d" => vm.description = (*value).to_owned(),
        _ => return Err(Refusal::Usage(format!("Unrecognized option: {option}"))),
    }
    Ok(rest)
}

/// The options of `--device-set net0`. The listing gives `host-only` back as `host` (vagrant-parallels' driver).
fn device<'a>(options: &'a [&'a str], vm: &mut Vm) -> Result<&'a [&'a str], Refusal> {
    let ["--type", kind, rest @ ..] = options else {
        return Err(Refusal::Usage("--device-set: no setting of the device is specified".to_owned()));
    };
    let kind = one_of("--type", kind, &["shared", "bridged", "host-only", "host"])?;
    vm.settings.network = if kind == "host-only" { "host".to_owned() } else { kind };
    Ok(rest)
}

/// Only the first network card is simulated.
fn network(device: &str) -> Result<(), Refusal> {
    if device == "net0" {
        return Ok(());
    }
    Err(Refusal::Value(format!("The device \"{device}\" does not exist.")))
}

/// `--expiration on|off|date:YYYY-MM-DD`; other sub-options are taken and forgotten.
fn expiration(option: &str, value: &str, vm: &mut Vm) -> Result<(), Refusal> {
    let expiration = &mut vm.settings.expiration;
    if let Some(on) = switch_value(value) {
        expiration.enabled = on;
        return Ok(());
    }
    match value.split_once(':') {
        Some(("date", date)) if is_date(date) => expiration.date = Some(date.to_owned()),
        Some(("time-check" | "offline-time" | "time-server" | "note", _)) => {}
        _ => return Err(incorrect(option, value)),
    }
    Ok(())
}

/// Whether text begins with a date of the form `YYYY-MM-DD`, with nothing or a time after it.
fn is_date(text: &str) -> bool {
    let date = text.split(' ').next().unwrap_or(text);
    date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn incorrect(option: &str, value: &str) -> Refusal {
    Refusal::Value(format!("An incorrect value for {option} is specified: {value}"))
}

fn switch(option: &str, value: &str) -> Result<bool, Refusal> {
    switch_value(value).ok_or_else(|| incorrect(option, value))
}

/// `yes` and `no`, and the `on` and `off` that people write too.
fn yes(option: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => switch(option, value),
    }
}

fn one_of(option: &str, value: &str, known: &[&str]) -> Result<String, Refusal> {
    if known.contains(&value) { Ok(value.to_owned()) } else { Err(incorrect(option, value)) }
}
