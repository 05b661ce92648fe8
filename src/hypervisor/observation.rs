//! What a [`Sensor`] of the catalog sees in what the tools showed: a value, or nothing.
//!
//! A value that no policy can name is kept in Parallels' own words, so that it can be put back.

use std::collections::BTreeSet;

use super::server_info::ServerInfo;
use crate::catalog::{Sensor, Value};
use crate::domain::vm::Vm;

/// What `prlsrvctl info` shows of a setting of the service.
#[must_use]
pub fn of_service(sensor: Sensor, info: &ServerInfo) -> Option<Value> {
    let on = match sensor {
        Sensor::RequirePassword(action) => info.require_password.as_ref()?.contains(action),
        Sensor::PreferencesLocked => info.preferences_locked?,
        Sensor::ServerSwitch(title) => *info.switches.get(title)?,
        _ => return None,
    };
    Some(Value::Switch(on))
}

/// What `prlctl list -i` shows of a setting of a virtual machine.
#[must_use]
pub fn of_vm(sensor: Sensor, vm: &Vm) -> Option<Value> {
    match sensor {
        Sensor::ConfigurationLocked => vm.protection.configuration_locked.map(Value::Switch),
        Sensor::DeveloperTools => vm.settings.developer_tools.map(Value::Switch),
        Sensor::VmRequirePassword(action) => {
            vm.protection.require_password.as_ref().map(|shown| Value::Switch(asks(action, shown)))
        }
        Sensor::Startup => startup(vm),
        Sensor::Network => network(vm),
        Sensor::Expiration => expiration(vm),
        Sensor::RequirePassword(_)
        | Sensor::PreferencesLocked
        | Sensor::ServerSwitch(_)
        | Sensor::UserDefault(_)
        | Sensor::Unseen => None,
    }
}

/// Whether the actions shown are those of the group that `--require-pwd` names: a group is set as a whole, and shown
/// as its members (from the OpenVZ fork), of which any will do, since versions differ in them.
fn asks(group: &str, shown: &BTreeSet<String>) -> bool {
    let members: &[&str] = match group {
        "change-vm-state" => &[
            "start-vm",
            "stop-vm",
            "pause-vm",
            "reset-vm",
            "suspend-vm",
            "resume-vm",
            "drop-vm-suspended-state",
            "restart-guest",
        ],
        "manage-snapshots" => &["create-snapshot", "switch-to-snapshot", "delete-snapshot"],
        _ => &[],
    };
    shown.contains(group) || members.iter().any(|member| shown.contains(*member))
}

fn startup(vm: &Vm) -> Option<Value> {
    let autostart = vm.settings.autostart.as_deref()?;
    let view = vm.settings.startup_view.as_deref()?;
    Some(match (autostart, view) {
        ("off", "window") => Value::text("manual"),
        ("start-host", "headless") => Value::text("background"),
        _ => Value::Text(format!("{autostart}/{view}")),
    })
}

fn network(vm: &Vm) -> Option<Value> {
    let adapter = vm.hardware.networks.iter().find(|adapter| adapter.device == "net0")?;
    if adapter.connected == Some(false) {
        return Some(Value::text("disconnected"));
    }
    Some(match adapter.mode.as_deref()? {
        "host-only" | "host" => Value::text("host_only"),
        mode => Value::text(mode),
    })
}

/// The date, where one is shown (inferred: under which key); where only the fact is shown, nothing.
fn expiration(vm: &Vm) -> Option<Value> {
    let expiration = &vm.protection.expiration;
    if !expiration.enabled? {
        return Some(Value::Switch(false));
    }
    let day = expiration.date.as_deref()?.get(..10)?;
    day.parse::<jiff::civil::Date>().ok()?;
    Some(Value::text(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Key;
    use crate::hypervisor::{server_info, vm_list};

    fn sensor(key: &str) -> Sensor {
        Key::named(key).unwrap().setting().sensor
    }

    #[test]
    fn the_service_shows_its_settings() {
        let old =
            server_info::parse(include_bytes!("../../tests/golden/prlsrvctl_info.pd11.broken.json")).unwrap();
        let real =
            server_info::parse(include_bytes!("../../tests/golden/prlsrvctl_info.pd20.2.json")).unwrap();
        for (key, in_old, in_real) in [
            ("restrict.create_vm", Some(true), Some(false)),
            ("restrict.add_vm", Some(false), Some(false)),
            ("restrict.preferences", Some(true), Some(false)),
            ("experience.cep", Some(true), Some(false)),
            ("reports.attach_screenshots", None, Some(true)),
            ("vms.corporate_only", None, None),
        ] {
            assert_eq!(of_service(sensor(key), &old), in_old.map(Value::Switch), "{key}");
            assert_eq!(of_service(sensor(key), &real), in_real.map(Value::Switch), "{key}");
        }
    }

    #[test]
    fn a_virtual_machine_shows_its_settings() {
        let real = vm_list::parse(include_bytes!("../../tests/golden/prlctl_list.arm64.pd20.0.json"))
            .unwrap()
            .vms
            .remove(0);
        let list = vm_list::parse(include_bytes!("../../tests/golden/prlctl_list.variant.json")).unwrap();
        let (variant, bare) = (&list.vms[0], &list.vms[1]);
        let (on, off) = (|| Some(Value::Switch(true)), || Some(Value::Switch(false)));
        let text = |text| Some(Value::text(text));
        for (key, in_real, in_variant, in_bare) in [
            ("vm.lock_configuration", off(), on(), None),
            ("vm.developer_tools", on(), None, None),
            ("vm.startup", text("manual"), text("user-login/headless"), None),
            ("vm.network", text("shared"), text("disconnected"), None),
            ("vm.expiration", off(), text("2027-01-01"), None),
            ("vm.require_password.change_state", off(), on(), None),
            ("vm.require_password.exit_fullscreen", off(), off(), None),
            ("vm.isolate", None, None, None),
            ("restrict.create_vm", None, None, None),
        ] {
            assert_eq!(of_vm(sensor(key), &real), in_real, "{key}");
            assert_eq!(of_vm(sensor(key), variant), in_variant, "{key}");
            assert_eq!(of_vm(sensor(key), bare), in_bare, "{key}");
        }
    }
}
