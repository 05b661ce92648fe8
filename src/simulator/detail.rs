//! `prlctl list -i -j`: one virtual machine with everything. In: virtual machines; out: keys, their odd spelling and
//! their order as in a real output of release 20 (parallels-vscode-extension), with what prl-devops-service's models
//! add. What may change with a release are the keys.

use super::Quirks;
use super::output::{Node, Style, object, on_off, yes_no};
use super::packing;
use super::prlsrvctl::restrictions;
use super::state::State;
use super::vm::Vm;

/// `list -i -j`. Asked for without a UUID, `Home` may come empty (prl-devops-service main.go).
pub(super) fn info_json(chosen: &[(&String, &Vm)], everything: bool, state: &State) -> String {
    let list = chosen.iter().map(|(uuid, vm)| {
        let home_empty = everything && (vm.home_empty || state.quirks.home_empty);
        let mut node = identity(uuid, vm, home_empty, &state.quirks);
        input(&mut node);
        running(&mut node, vm);
        security(&mut node, vm, &state.quirks);
        windows(&mut node, vm);
        firmware(&mut node, state.host.apple_silicon);
        node.push("Hardware", hardware(vm, state.host.apple_silicon));
        sharing(&mut node, vm, &state.quirks);
        node
    });
    format!("{}\n", Node::List(list.collect()).render(Style { raw_control: state.quirks.control_characters }))
}

fn identity(uuid: &str, vm: &Vm, home_empty: bool, quirks: &Quirks) -> Node {
    let home = if home_empty { "" } else { vm.home.as_str() };
    let home_path = if home_empty { String::new() } else { format!("{home}config.pvs") };
    let description =
        if quirks.control_characters { format!("{}\u{1}\n", vm.description) } else { vm.description.clone() };
    let mut tools = object! { "state": &vm.guest.tools };
    if let Some(version) = &vm.guest.tools_version {
        tools.push("version", version);
    }
    object! {
        "ID": uuid,
        "Name": &vm.name,
        "Description": description,
        "Type": "VM",
        "State": &vm.state,
        "OS": &vm.guest.os,
        "Template": yes_no(vm.template),
        "Uptime": vm.guest.uptime_seconds.to_string(),
        "Home path": home_path,
        "Home": home,
        "Restore Image": "",
        "GuestTools": tools,
    }
}

fn input(node: &mut Node) {
    node.push(
        "Mouse and Keyboard",
        object! {
            "Smart mouse optimized for games": "auto",
            "Sticky mouse": "off",
            "Smooth scrolling": "on",
            "Keyboard optimization mode": "auto",
        },
    );
    node.push(
        "Print Management",
        object! {
            "Synchronize with host printers": "on",
            "Synchronize default printer": "on",
            "Show host printer UI": "on",
        },
    );
    node.push(
        "USB and Bluetooth",
        object! {
            "Automatic sharing cameras": "on",
            "Automatic sharing bluetooth": "off",
            "Automatic sharing smart cards": "off",
            "Automatic sharing gamepads": "on",
            "Support USB 3.0": "on",
        },
    );
}

fn running(node: &mut Node, vm: &Vm) {
    node.push(
        "Startup and Shutdown",
        object! {
            "Autostart": &vm.settings.autostart,
            "Autostart delay": 0,
            "Autostop": "suspend",
            "Startup view": &vm.settings.startup_view,
            "On shutdown": "window",
            "On window close": "keep-running",
            "Pause idle": "off",
            "Undo disks": "off",
        },
    );
    node.push(
        "Optimization",
        object! {
            "Faster virtual machine": "on",
            "Hypervisor type": "apple",
            "Adaptive hypervisor": "on",
            "Disabled Windows logo": "on",
            "Auto compress virtual disks": "off",
            "Nested virtualization": "off",
            "PMU virtualization": "off",
            "Longer battery life": "off",
            "Show battery status": "on",
            "Resource quota": "unlimited",
        },
    );
    node.push(
        "Travel mode",
        object! { "Enter condition": "never", "Enter threshold": 30, "Quit condition": "never" },
    );
}

/// `Security` and, further down, `Expiration`. The actions that ask for a password stand among the former when there
/// are any (from the OpenVZ fork).
fn security(node: &mut Node, vm: &Vm, quirks: &Quirks) {
    let mut security = object! {
        "Encrypted": yes_no(vm.guest.encrypted),
        "TPM enabled": yes_no(vm.guest.os.starts_with("win")),
        "TPM type": if vm.guest.os.starts_with("win") { "crb" } else { "" },
        "Custom password protection": on_off(vm.settings.custom_password),
        "Configuration is locked": on_off(vm.settings.locked),
        "Protected": "no",
        "Archived": "no",
        "Packed": yes_no(packing::is_packed(vm)),
    };
    let actions = vm.settings.require_password.actions();
    if !actions.is_empty() {
        security.push("Require password to", restrictions(&actions, quirks.old_invalid_json));
    }
    node.push("Security", security);
    node.push("Smart Guard", object! { "enabled": false });
}

fn windows(node: &mut Node, vm: &Vm) {
    node.push(
        "Modality",
        object! {
            "Opacity (percentage)": 50,
            "Stay on top": "on",
            "Show on all spaces ": "on",
            "Capture mouse clicks": "on",
        },
    );
    node.push(
        "Fullscreen",
        object! {
            "Use all displays": "off",
            "Activate spaces on click": "on",
            "Optimize for games": "off",
            "Gamma control": "on",
            "Scale view mode": "auto",
        },
    );
    node.push(
        "Coherence",
        object! {
            "Show Windows systray in Mac menu": "off",
            "Auto-switch to full screen": "off",
            "Disable aero": "off",
            "Hide minimized windows": "off",
        },
    );
    node.push(
        "Time Synchronization",
        object! {
            "enabled": true,
            "Smart mode": "off",
            "Interval (in seconds)": 60,
            "Timezone synchronization disabled": "off",
        },
    );
    let mut expiration = object! { "enabled": vm.settings.expiration.enabled };
    if let Some(date) = &vm.settings.expiration.date {
        expiration.push("date", date);
    }
    node.push("Expiration", expiration);
}

fn firmware(node: &mut Node, apple_silicon: bool) {
    node.push("Boot order", "hdd0 cdrom0 net0 ");
    node.push("BIOS type", if apple_silicon { "efi-arm64" } else { "efi64" });
    node.push("EFI Secure boot", "off");
    node.push("Allow select boot device", "off");
    node.push("External boot device", "");
    node.push(
        "SMBIOS settings",
        object! { "BIOS Version": "", "System serial number": "", "Board Manufacturer": "" },
    );
}

/// `Hardware`. The processor's `type` is known from Apple silicon only, so it is left out on Intel; a network card that
/// is not plugged in has a `state`, as the CD drive of the real output does (inferred).
fn hardware(vm: &Vm, apple_silicon: bool) -> Node {
    let mut cpu = object! {
        "cpus": vm.guest.cpus,
        "auto": "off",
        "VT-x": true,
        "hotplug": false,
        "accl": "high",
        "mode": "64",
    };
    if apple_silicon {
        cpu.push("type", "arm");
    }
    let card = if apple_silicon { "virtio" } else { "e1000" };
    let mut net0 = object! {
        "enabled": true,
        "type": &vm.settings.network,
        "mac": &vm.guest.mac,
        "card": card,
        "dhcp": "yes",
    };
    if !vm.settings.network_connected {
        net0.push("state", "disconnected");
    }
    object! {
        "cpu": cpu,
        "memory": object! { "size": format!("{}Mb", vm.guest.memory_mb), "auto": "on", "hotplug": false },
        "video": object! {
            "adapter-type": "parallels",
            "size": "0Mb",
            "3d-acceleration": "highest",
            "vertical-sync": "on",
            "high-resolution": "off",
            "high-resolution-in-guest": "off",
            "native-scaling-in-guest": "off",
            "automatic-video-memory": "on",
        },
        "memory_quota": object! { "auto": "yes" },
        "hdd0": object! {
            "enabled": true,
            "port": "sata:0",
            "image": format!("{}harddisk1.hdd", vm.home),
            "type": "expanded",
            "size": format!("{}Mb", vm.guest.disk_mb),
            "online-compact": "on",
        },
        "cdrom0": object! { "enabled": true, "port": "sata:1", "image": "", "state": "disconnected" },
        "usb": object! { "enabled": true },
        "net0": net0,
        "sound0": object! { "enabled": true, "output": "Default", "mixer": "Default" },
    }
}

fn sharing(node: &mut Node, vm: &Vm, quirks: &Quirks) {
    let folder = object! { "enabled": true, "path": "~/Documents/Shared work", "mode": "rw" };
    node.push("Host Shared Folders", object! { "enabled": true, "Shared work": folder });
    node.push("Host defined sharing", "User home directory");
    node.push("Guest Shared Folders", object! { "enabled": false });
    node.push("Shared Profile", object! { "enabled": false });
    node.push(
        "Shared Applications",
        object! {
            "enabled": true,
            "Host-to-guest apps sharing": "off",
            "Guest-to-host apps sharing": "on",
            "Show guest apps folder in Dock": "off",
            "Show guest notifications": "on",
            "Bounce dock icon when app flashes": "on",
        },
    );
    node.push("SmartMount", object! { "enabled": false });
    let mut network = object! { "Conditioned": "off" };
    if let Some(ip) = &vm.guest.ip {
        network.push("ipAddresses", Node::List(vec![object! { "type": "ipv4", "ip": ip }]));
    }
    node.push("Network", network);
    let clipboard = if quirks.old_clipboard_key { "Shared clipboard" } else { "Shared clipboard mode" };
    let mut misc = Node::Object(Vec::new());
    misc.push(clipboard, "on");
    misc.push("Shared cloud", "off");
    node.push("Miscellaneous Sharing", misc);
    node.push(
        "Advanced",
        object! {
            "VM hostname synchronization": "off",
            "Public SSH keys synchronization": "off",
            "Show developer tools": on_off(vm.settings.developer_tools),
            "Swipe from edges": "off",
            "Share host location": "on",
            "Rosetta Linux": "off",
        },
    );
}
