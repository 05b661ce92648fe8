//! `prlctl list`: the virtual machines as text and as JSON. In: options; out: the forms that jenkins-parallels,
//! vagrant-parallels and the OpenVZ fork's PrlList.cpp show; the one with everything is in `detail`.

use super::Answer;
use super::detail::info_json;
use super::output::{Node, Style, on_off, yes_no};
use super::prlctl::{find, not_found, usage};
use super::state::State;
use super::vm::Vm;

/// What `list` was asked for.
#[derive(Default)]
struct Options<'a> {
    all: bool,
    info: bool,
    json: bool,
    full: bool,
    template: bool,
    no_header: bool,
    fields: Option<Vec<&'a str>>,
    vms: Vec<&'a str>,
}

fn parse<'a>(arguments: &[&'a str]) -> Result<Options<'a>, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "-a" | "--all" => options.all = true,
            "-i" | "--info" => options.info = true,
            "-j" | "--json" => options.json = true,
            "-f" | "--full" => options.full = true,
            "-t" | "--template" => options.template = true,
            "-H" | "--no-header" => options.no_header = true,
            "-o" | "--output" => {
                let fields = rest.next().ok_or("Option requires an argument: -o")?;
                options.fields = Some(fields.split(',').collect());
            }
            short if short.len() > 2 && short.starts_with('-') && !short.starts_with("--") => {
                for letter in short.chars().skip(1) {
                    match letter {
                        'a' => options.all = true,
                        'i' => options.info = true,
                        'j' => options.json = true,
                        'f' => options.full = true,
                        't' => options.template = true,
                        'H' => options.no_header = true,
                        _ => return Err(format!("Unrecognized option: {short}")),
                    }
                }
            }
            option if option.starts_with('-') => return Err(format!("Unrecognized option: {option}")),
            vm => options.vms.push(vm),
        }
    }
    Ok(options)
}

/// `list [VM…] [-a] [-i] [-j] [-f] [-t] [-o fields]`. Without `-a` only the running ones are listed (the OpenVZ fork's
/// PrlList.cpp).
pub(super) fn list(arguments: &[&str], owner: &str, state: &State) -> Answer {
    let options = match parse(arguments) {
        Ok(options) => options,
        Err(problem) => return usage(&problem),
    };
    let mut chosen: Vec<(&String, &Vm)> = Vec::new();
    for &vm in &options.vms {
        match find(vm, owner, state).and_then(|uuid| state.vms.get_key_value(&uuid)) {
            Some(found) => chosen.push(found),
            None => return not_found(vm),
        }
    }
    if options.vms.is_empty() {
        let mine = state.vms.iter().filter(|(_, vm)| vm.owner == owner && vm.template == options.template);
        chosen = mine.filter(|(_, vm)| options.all || vm.state == "running").collect();
    }
    let text = match (options.info, options.json) {
        (true, true) => info_json(&chosen, options.vms.is_empty(), state),
        (false, true) => match flat_json(&chosen, &options, state) {
            Ok(text) => text,
            Err(problem) => return usage(&problem),
        },
        (true, false) => chosen.iter().map(|(uuid, vm)| info_text(uuid, vm)).collect(),
        (false, false) => table(&chosen, options.no_header),
    };
    Answer::ok(text)
}

/// `list -j`: flat objects; the fields are chosen with `-o`. `ip_configured` is "-" without `-f` (jenkins-parallels issue 9).
fn flat_json(chosen: &[(&String, &Vm)], options: &Options<'_>, state: &State) -> Result<String, String> {
    let default = vec!["uuid", "status", "ip_configured", "name"];
    let fields = options.fields.as_ref().unwrap_or(&default);
    let mut list = Vec::new();
    for (uuid, vm) in chosen {
        let mut item = Node::Object(Vec::new());
        for field in fields {
            let value = match *field {
                "uuid" | "id" => (*uuid).clone(),
                "status" => vm.state.clone(),
                "ip_configured" | "ip" if options.full => {
                    vm.guest.ip.clone().unwrap_or_else(|| "-".to_owned())
                }
                "ip_configured" | "ip" => "-".to_owned(),
                "name" => vm.name.clone(),
                "home" => vm.home.clone(),
                "owner" => vm.owner.clone(),
                "type" => "VM".to_owned(),
                "dist" => vm.guest.os.clone(),
                "description" => vm.description.clone(),
                "mac" => vm.guest.mac.clone(),
                _ => return Err(format!("Unknown field: {field}")),
            };
            item.push(field, value);
        }
        list.push(item);
    }
    Ok(format!("{}\n", Node::List(list).render(Style { raw_control: state.quirks.control_characters })))
}

fn table(chosen: &[(&String, &Vm)], no_header: bool) -> String {
    let header = format!("{:<40}{:<13}{:<16}{}\n", "UUID", "STATUS", "IP_ADDR", "NAME");
    let start = if no_header { String::new() } else { header };
    chosen.iter().fold(start, |text, (uuid, vm)| {
        format!("{text}{:<40}{:<13}{:<16}{}\n", format!("{{{uuid}}}"), vm.state, "-", vm.name)
    })
}

/// `list -i`, the lines that matter.
fn info_text(uuid: &str, vm: &Vm) -> String {
    let settings = &vm.settings;
    let mut text = format!(
        "INFO\nID: {{{uuid}}}\nName: {}\nDescription: {}\nType: VM\nState: {}\nOS: {}\nTemplate: {}\nUptime: {}\nHome: {}\n",
        vm.name,
        vm.description,
        vm.state,
        vm.guest.os,
        yes_no(vm.template),
        vm.guest.uptime_seconds,
        vm.home,
    );
    text.push_str(&format!(
        "Startup and Shutdown:\n  Autostart: {}\n  Startup view: {}\nSecurity:\n  Encrypted: {}\n  Custom password protection: {}\n  Configuration is locked: {}\n",
        settings.autostart,
        settings.startup_view,
        yes_no(vm.guest.encrypted),
        on_off(settings.custom_password),
        on_off(settings.locked),
    ));
    let actions = settings.require_password.actions();
    if !actions.is_empty() {
        text.push_str(&format!("  Require password to: {}\n", actions.join(" ")));
    }
    text.push_str(&format!("Advanced:\n  Show developer tools: {}\n\n", on_off(settings.developer_tools)));
    text
}
