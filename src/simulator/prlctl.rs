//! `prlctl`: the virtual machines of the calling macOS user. In: arguments; out: text or JSON, and the changed list.

use super::output::{Node, Style, object};
use super::prlsrvctl::{NEEDS_ADMINISTRATOR, service_stopped};
use super::state::State;
use super::vm::Vm;
use super::{Answer, Call, listing, packing, vm_set};

/// Answers one call. A usage error is 1, as in the OpenVZ fork's main; nearly every other failure is 255.
pub(super) fn answer(call: &Call, state: &mut State) -> Answer {
    let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
    let owner = call.caller.name(state).unwrap_or_default();
    match argv.as_slice() {
        ["--version" | "-v"] => {
            Answer::ok(format!("prlctl version {} ({})\n", state.parallels.version, state.parallels.build))
        }
        [verb, ..] if !VERBS.contains(verb) => usage(&format!("Unknown action: {verb}")),
        [] => usage("No action is specified"),
        _ if !state.service.running => service_stopped(),
        ["list", options @ ..] => listing::list(options, &owner, state),
        ["create", name, ..] => create(name, &owner, state),
        ["register", path, ..] => register(path, &owner, state),
        [verb, vm, options @ ..] => match find(vm, &owner, state) {
            Some(uuid) => on_vm(verb, &uuid, options, state),
            None => not_found(vm),
        },
        [verb] => usage(&format!("{verb}: no virtual machine is specified")),
    }
}

const VERBS: [&str; 16] = [
    "list",
    "set",
    "start",
    "stop",
    "suspend",
    "resume",
    "pause",
    "delete",
    "clone",
    "create",
    "register",
    "unregister",
    "snapshot-list",
    "status",
    "pack",
    "unpack",
];

pub(super) fn usage(problem: &str) -> Answer {
    Answer::fail(
        1,
        format!("{problem}\nUsage: prlctl <ACTION> <ID | NAME> [OPTIONS]\nActions: {}", VERBS.join(", ")),
    )
}

/// What every verb says of a virtual machine that is not in the caller's list.
pub(super) fn not_found(vm: &str) -> Answer {
    Answer::fail(
        255,
        format!(
            "Failed to get VM config: The virtual machine could not be found. There is no virtual machine \"{vm}\" in the list of this user."
        ),
    )
}

/// The UUID of a virtual machine of this user, addressed by UUID with or without braces, or by name.
pub(super) fn find(vm: &str, owner: &str, state: &State) -> Option<String> {
    let bare = vm.trim_start_matches('{').trim_end_matches('}').to_ascii_lowercase();
    let owned = |candidate: &&Vm| candidate.owner == owner;
    if state.vms.get(&bare).as_ref().is_some_and(owned) {
        return Some(bare);
    }
    state
        .vms
        .iter()
        .find(|(_, candidate)| candidate.owner == owner && candidate.name == vm)
        .map(|(uuid, _)| uuid.clone())
}

fn on_vm(verb: &str, uuid: &str, options: &[&str], state: &mut State) -> Answer {
    match verb {
        "set" => vm_set::set(uuid, options, state),
        "start" | "stop" | "suspend" | "resume" | "pause" => power(verb, uuid, options, state),
        "delete" | "unregister" => remove(verb, uuid, state),
        "clone" => clone(uuid, options, state),
        "snapshot-list" => snapshots(uuid, options, state),
        "status" => status(uuid, state),
        "pack" | "unpack" => packing::pack(verb, uuid, state),
        _ => usage(&format!("Unknown action: {verb}")),
    }
}

/// The states that a verb starts from, and the one it ends in (state names from the OpenVZ fork's vmstate2str).
fn transition(verb: &str, state: &str, options: &[&str]) -> Option<&'static str> {
    let drop = options.iter().any(|option| matches!(*option, "--kill" | "--drop-state"));
    match (verb, state) {
        ("start", "stopped" | "suspended" | "paused") => Some("running"),
        ("resume", "suspended" | "paused") => Some("running"),
        ("stop", "running" | "paused") => Some("stopped"),
        ("stop", "suspended") if drop => Some("stopped"),
        ("suspend", "running" | "paused") => Some("suspended"),
        ("pause", "running") => Some("paused"),
        _ => None,
    }
}

/// `start`, `stop`, `suspend`, `resume`, `pause`. A password that guards the state refuses them (inferred from the
/// Security tab: the real tool asks for it, and stdin is no terminal here).
fn power(verb: &str, uuid: &str, options: &[&str], state: &mut State) -> Answer {
    let Some(vm) = state.vms.get_mut(uuid) else { return not_found(uuid) };
    if vm.settings.require_password.change_vm_state {
        return Answer::fail(255, format!("Failed to {verb} the VM: {NEEDS_ADMINISTRATOR}"));
    }
    if packing::is_packed(vm) {
        return Answer::fail(255, format!("Failed to {verb} the VM: The virtual machine is packed."));
    }
    let Some(next) = transition(verb, &vm.state, options) else {
        let problem = format!(
            "Failed to {verb} the VM: The operation could not be completed because the virtual machine is {}.",
            vm.state
        );
        return Answer::fail(255, problem);
    };
    vm.state = next.to_owned();
    let (doing, done) = match verb {
        "start" => ("Starting", "started"),
        "stop" => ("Stopping", "stopped"),
        "suspend" => ("Suspending", "suspended"),
        "resume" => ("Resuming", "resumed"),
        _ => ("Pausing", "paused"),
    };
    Answer::ok(format!("{doing} the VM...\nThe VM has been successfully {done}.\n"))
}

/// `delete` and `unregister`; refused under `remove-vm`.
fn remove(verb: &str, uuid: &str, state: &mut State) -> Answer {
    let word = if verb == "delete" { "remove" } else { "unregister" };
    if state.service.require_password.remove_vm {
        return Answer::fail(255, format!("Failed to {word} the VM: {NEEDS_ADMINISTRATOR}"));
    }
    if state.vms.get(uuid).is_some_and(|vm| vm.state == "running") {
        return Answer::fail(
            255,
            format!(
                "Failed to {word} the VM: Unable to perform the action because the virtual machine is running."
            ),
        );
    }
    state.vms.remove(uuid);
    Answer::ok(format!(
        "The VM has been successfully {}.\n",
        if verb == "delete" { "removed" } else { "unregistered" }
    ))
}

/// `create NAME …`; refused under `create-vm`.
fn create(name: &str, owner: &str, state: &mut State) -> Answer {
    if state.service.require_password.create_vm {
        return Answer::fail(255, format!("Failed to create the VM: {NEEDS_ADMINISTRATOR}"));
    }
    let vm = Vm {
        owner: owner.to_owned(),
        name: name.to_owned(),
        home: bundle(name, owner, state),
        ..Vm::default()
    };
    add(vm, state);
    Answer::ok("The VM has been successfully created.\n")
}

/// `register PATH …`; refused under `add-vm` with the words of docker-machine-parallels issues 8 and 11.
fn register(path: &str, owner: &str, state: &mut State) -> Answer {
    if state.service.require_password.add_vm {
        return Answer::fail(255, format!("Failed to register the VM: {NEEDS_ADMINISTRATOR}"));
    }
    let home = format!("{}/", path.trim_end_matches('/'));
    if state.vms.values().any(|vm| vm.home == home && vm.owner == owner) {
        return Answer::fail(255, "Failed to register the VM: The virtual machine is already registered.");
    }
    let file = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    let name = file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned();
    add(Vm { owner: owner.to_owned(), name, home, ..Vm::default() }, state);
    Answer::ok("The VM has been successfully registered.\n")
}

/// `clone VM --name NAME …`; refused under `clone-vm`.
fn clone(uuid: &str, options: &[&str], state: &mut State) -> Answer {
    if state.service.require_password.clone_vm {
        return Answer::fail(255, format!("Failed to clone the VM: {NEEDS_ADMINISTRATOR}"));
    }
    let Some(vm) = state.vms.get(uuid).cloned() else { return not_found(uuid) };
    let given = options.iter().position(|option| *option == "--name").and_then(|at| options.get(at + 1));
    let name = given.map_or_else(|| format!("Clone of {}", vm.name), |&name| name.to_owned());
    let home = bundle(&name, &vm.owner, state);
    let template = options.contains(&"--template");
    let text = format!("Clone the {} VM to {name}...\nThe VM has been successfully cloned.\n", vm.name);
    add(Vm { name, home, template, state: "stopped".to_owned(), ..vm }, state);
    Answer::ok(text)
}

fn bundle(name: &str, owner: &str, state: &State) -> String {
    let home = state.users.get(owner).map_or("/var/root", |user| user.home.as_str());
    format!("{home}/Parallels/{name}.pvm/")
}

/// Adds a virtual machine under a UUID that follows from its name and from what is there, so that equal calls on equal
/// states give equal answers.
fn add(vm: Vm, state: &mut State) {
    let text = |seed: usize| format!("{}\0{}\0{}\0{seed}", vm.owner, vm.name, vm.home);
    let free = (state.vms.len()..)
        .map(|seed| uuid_of(text(seed).as_bytes()))
        .find(|uuid| !state.vms.contains_key(uuid));
    if let Some(uuid) = free {
        state.vms.insert(uuid, vm);
    }
}

/// A UUID made from a seed, in its bare form.
pub(super) fn uuid_of(seed: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, seed);
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *byte = *from;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// `snapshot-list VM [-j]`: the JSON is an object keyed by `{uuid}`, not an array (prl-devops-service).
fn snapshots(uuid: &str, options: &[&str], state: &State) -> Answer {
    let Some(vm) = state.vms.get(uuid) else { return not_found(uuid) };
    let parent = |parent: &str| if parent.is_empty() { String::new() } else { format!("{{{parent}}}") };
    if options.iter().any(|option| matches!(*option, "-j" | "--json")) {
        let mut list = Node::Object(Vec::new());
        for (id, snapshot) in &vm.snapshots {
            list.push(
                &format!("{{{id}}}"),
                object! {
                    "name": &snapshot.name,
                    "date": &snapshot.date,
                    "state": &snapshot.state,
                    "current": snapshot.current,
                    "parent": parent(&snapshot.parent),
                },
            );
        }
        let style = Style { raw_control: state.quirks.control_characters };
        return Answer::ok(format!("{}\n", list.render(style)));
    }
    let mut text = format!("{:<40} {}\n", "PARENT_SNAPSHOT_ID", "SNAPSHOT_ID");
    for (id, snapshot) in &vm.snapshots {
        let mark = if snapshot.current { '*' } else { ' ' };
        text.push_str(&format!("{:<40}{mark}{{{id}}}\n", parent(&snapshot.parent)));
    }
    Answer::ok(text)
}

/// `status VM`: text only, as the OpenVZ fork prints it.
fn status(uuid: &str, state: &State) -> Answer {
    let Some(vm) = state.vms.get(uuid) else { return not_found(uuid) };
    Answer::ok(format!("VM {} exist {}\n", vm.name, vm.state))
}
