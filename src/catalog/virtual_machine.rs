//! The settings of each virtual machine.

use super::{Choice, Guests, Kind, LayerKind, Lever, Requirement, Scope, Sensor, Setting};

/// The first five settings need it (administrator's guide, "Controlling virtual machine settings").
const FROM_26_1: Option<(u64, u64, u64)> = Some((26, 1, 0));

const STARTUP: &[Choice] = &[
    Choice { value: "manual", title: "Started by the user" },
    Choice { value: "background", title: "Ready in background" },
];

const NETWORK: &[Choice] = &[
    Choice { value: "disconnected", title: "Disconnected" },
    Choice { value: "shared", title: "Shared network" },
    Choice { value: "host_only", title: "Host-only network" },
    Choice { value: "bridged", title: "Bridged to the default adapter" },
];

const fn vm(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    (kind, requires): (Kind, Requirement),
    (sensor, lever): (Sensor, Lever),
) -> Setting {
    Setting {
        name,
        title,
        help,
        kind,
        scope: Scope::VirtualMachine,
        layers: &[LayerKind::Policy],
        requires,
        sensor,
        lever,
    }
}

const fn since_26_1(guests: Guests) -> Requirement {
    Requirement { parallels: FROM_26_1, guests, arch: None }
}

const fn password(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    action: &'static str,
) -> Setting {
    let how = (Sensor::VmRequirePassword(action), Lever::VmRequirePassword(action));
    vm(name, title, help, (Kind::Restriction, Requirement::NONE), how)
}

const fn switch(flag: &'static str) -> Lever {
    Lever::VmSwitch(flag, "on", "off")
}

pub(super) const SETTINGS: &[Setting] = &[
    vm(
        "vm.lock_configuration",
        "Configuration is locked",
        "Every setting of the virtual machine that no policy names is locked.",
        (Kind::Restriction, since_26_1(Guests::NotMacOnAppleSilicon)),
        (Sensor::ConfigurationLocked, switch("--lock-edit-settings")),
    ),
    vm(
        "vm.developer_tools",
        "Developer tools",
        "The menu shows the developer tools.",
        (Kind::Switch, since_26_1(Guests::NotMacOnAppleSilicon)),
        (Sensor::DeveloperTools, switch("--show-dev-tools")),
    ),
    vm(
        "vm.tools_auto_update",
        "Parallels Tools update themselves",
        "Parallels Tools in the virtual machine are updated without asking.",
        (Kind::Switch, since_26_1(Guests::All)),
        (Sensor::Unseen, Lever::VmSwitch("--tools-autoupdate", "yes", "no")),
    ),
    vm(
        "vm.startup",
        "Startup",
        "The virtual machine is started by its user, or is kept ready in the background from the Mac's start.",
        (Kind::Choice(STARTUP), since_26_1(Guests::All)),
        (Sensor::Startup, Lever::Startup),
    ),
    vm(
        "vm.network",
        "Network",
        "What the first network adapter is connected to.",
        (Kind::Choice(NETWORK), since_26_1(Guests::All)),
        (Sensor::Network, Lever::Network),
    ),
    vm(
        "vm.lock_on_suspend",
        "Lock on suspend",
        "The guest is locked when the virtual machine is suspended.",
        (Kind::Restriction, Requirement::NONE),
        (Sensor::Unseen, switch("--lock-on-suspend")),
    ),
    vm(
        "vm.isolate",
        "Isolated from the Mac",
        "The virtual machine shares no folders, devices or clipboard with the Mac.",
        (Kind::Restriction, Requirement::NONE),
        (Sensor::Unseen, switch("--isolate-vm")),
    ),
    password(
        "vm.require_password.exit_fullscreen",
        "Leaving full screen asks for a password",
        "Leaving full screen asks for an administrator's or the custom password.",
        "exit-fullscreen",
    ),
    password(
        "vm.require_password.change_state",
        "Starting and stopping asks for a password",
        "Changing the state of the virtual machine asks for an administrator's or the custom password.",
        "change-vm-state",
    ),
    password(
        "vm.require_password.manage_snapshots",
        "Managing snapshots asks for a password",
        "Managing snapshots asks for an administrator's or the custom password.",
        "manage-snapshots",
    ),
    password(
        "vm.require_password.change_guest_password",
        "Changing the guest's password asks for a password",
        "Changing the password of a guest's user asks for an administrator's or the custom password.",
        "change-guest-pwd",
    ),
    vm(
        "vm.expiration",
        "Expires on",
        "The virtual machine does not start after this date.",
        (Kind::Expiry, Requirement::NONE),
        (Sensor::Expiration, Lever::Expiration),
    ),
];
