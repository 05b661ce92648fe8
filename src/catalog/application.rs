//! The settings of Parallels Desktop on this Mac.

use super::{Guests, Kind, LayerKind, Lever, Requirement, Scope, Sensor, Setting};
use crate::domain::host::Arch;

const POLICY: &[LayerKind] = &[LayerKind::Policy];
const PROFILE: &[LayerKind] = &[LayerKind::Profile];
pub(super) const PROFILE_POLICY: &[LayerKind] = &[LayerKind::Profile, LayerKind::Policy];
const LOCAL_POLICY: &[LayerKind] = &[LayerKind::Local, LayerKind::Policy];

const fn application(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    (kind, layers): (Kind, &'static [LayerKind]),
    (sensor, lever): (Sensor, Lever),
) -> Setting {
    Setting {
        name,
        title,
        help,
        kind,
        scope: Scope::Application,
        layers,
        requires: Requirement::NONE,
        sensor,
        lever,
    }
}

const fn restriction(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    action: &'static str,
) -> Setting {
    let how = (Sensor::RequirePassword(action), Lever::RequirePassword(action));
    application(name, title, help, (Kind::Restriction, LOCAL_POLICY), how)
}

const fn image(name: &'static str, title: &'static str, help: &'static str, arch: Arch) -> Setting {
    let mut setting = application(name, title, help, (Kind::Url, PROFILE), (Sensor::Unseen, Lever::Heeded));
    setting.requires = Requirement { parallels: None, guests: Guests::All, arch: Some(arch) };
    setting
}

pub(super) const SETTINGS: &[Setting] = &[
    application(
        "vms.corporate_only",
        "Only corporate virtual machines",
        "Users get virtual machines from the organization's golden images alone: creating, adding and cloning ask for a password.",
        (Kind::Restriction, POLICY),
        (Sensor::Unseen, Lever::Implies(&["restrict.create_vm", "restrict.add_vm", "restrict.clone_vm"])),
    ),
    application(
        "vms.keep_corporate",
        "Corporate virtual machines stay",
        "Corporate virtual machines may not be removed: removing asks for a password.",
        (Kind::Restriction, POLICY),
        (Sensor::Unseen, Lever::Implies(&["restrict.remove_vm"])),
    ),
    application(
        "vms.one_per_user",
        "One corporate virtual machine a user",
        "A user who has a corporate virtual machine is offered no other.",
        (Kind::Restriction, POLICY),
        (Sensor::Unseen, Lever::Implies(&[])),
    ),
    restriction(
        "restrict.create_vm",
        "Creating asks for a password",
        "Creating a virtual machine asks for an administrator's or the custom password.",
        "create-vm",
    ),
    restriction(
        "restrict.add_vm",
        "Adding asks for a password",
        "Adding an existing virtual machine asks for an administrator's or the custom password.",
        "add-vm",
    ),
    restriction(
        "restrict.remove_vm",
        "Removing asks for a password",
        "Removing a virtual machine asks for an administrator's or the custom password.",
        "remove-vm",
    ),
    restriction(
        "restrict.clone_vm",
        "Cloning asks for a password",
        "Cloning a virtual machine, or converting it to a template, asks for an administrator's or the custom password.",
        "clone-vm",
    ),
    application(
        "restrict.preferences",
        "Preferences are locked",
        "Opening the Preferences of Parallels Desktop asks for an administrator's or the custom password.",
        (Kind::Restriction, LOCAL_POLICY),
        (Sensor::PreferencesLocked, Lever::ServerSwitch("--lock-edit-settings")),
    ),
    application(
        "updates.stay_on_major",
        "Stay on the major version",
        "Updates within the installed major version of Parallels Desktop are allowed; the next major version is not.",
        (Kind::Restriction, PROFILE_POLICY),
        (Sensor::Unseen, Lever::Decided),
    ),
    application(
        "updates.feed_url",
        "Update server",
        "The address of a local update server's feed.",
        (Kind::Url, PROFILE_POLICY),
        (Sensor::Unseen, Lever::Decided),
    ),
    image(
        "image.arm64",
        "Default image for Apple silicon",
        "The address of a virtual machine image for Macs with Apple silicon. Without a digest it is not offered.",
        Arch::Arm64,
    ),
    image(
        "image.x86_64",
        "Default image for Intel",
        "The address of a virtual machine image for Macs with an Intel processor. Without a digest it is not offered.",
        Arch::X86,
    ),
    application(
        "experience.cep",
        "Customer Experience Program",
        "Parallels Desktop takes part in the Customer Experience Program.",
        (Kind::Switch, POLICY),
        (Sensor::ServerSwitch("CEP mechanism"), Lever::ServerSwitch("--cep")),
    ),
    application(
        "reports.attach_screenshots",
        "Screenshots in reports",
        "Problem reports to Parallels may hold screenshots.",
        (Kind::Switch, POLICY),
        (Sensor::ServerSwitch("Allow attach screenshots"), Lever::ServerSwitch("--allow-attach-screenshots")),
    ),
];
