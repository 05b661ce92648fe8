//! A virtual machine as a check-in reports it: observed facts, hostile text included, in the protocol's words. Pure.

use std::collections::BTreeSet;

use crate::catalog::Key;
use crate::domain::ids::ImageId;
use crate::domain::vm::Vm;
use crate::wire::inventory::{
    Guest, Network, Owner, Provenance, Resources, Standing, Tools, VmRecord, Volatile,
};

/// The step to which times are rounded, so that a running machine is no change every minute.
const UPTIME_STEP_S: u64 = 600;

/// The record of a virtual machine; `image` is the golden image that it was made from, which makes it corporate, and
/// `violations` are the settings that it violates.
///
/// What `prlctl` does not show is reported as nothing: no processors, an empty word.
#[must_use]
pub fn record(vm: &Vm, image: Option<ImageId>, violations: Option<&BTreeSet<Key>>) -> VmRecord {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let networks = vm.hardware.networks.iter();
    VmRecord {
        uuid: vm.id,
        name: vm.name.clone(),
        owners: vm.owners.iter().map(|owner| Owner { uid: owner.uid, user: owner.user.clone() }).collect(),
        os: vm.guest.os.clone(),
        state: vm.state.name().to_owned(),
        provenance: Provenance { corporate: image.is_some(), image },
        resources: Resources {
            cpu: vm.hardware.cpu.map_or(0, u64::from),
            memory_mib: vm.hardware.memory_mib.unwrap_or_default(),
            disk_mib: vm.storage.disk_mib.unwrap_or_default(),
            encrypted: vm.protection.encrypted == Some(true),
        },
        guest: Guest {
            tools: Tools { state: text(&vm.guest.tools.state), version: text(&vm.guest.tools.version) },
            networks: networks.map(|net| Network { mac: text(&net.mac), mode: text(&net.mode) }).collect(),
            addresses: vm.guest.addresses.clone(),
        },
        snapshots: vm.storage.snapshots.map(u64::from),
        standing: Standing {
            configuration_locked: vm.protection.configuration_locked == Some(true),
            violations: violations.into_iter().flatten().map(|key| key.name().to_owned()).collect(),
        },
    }
}

/// The volatile figures of a virtual machine that runs, rounded.
#[must_use]
pub fn volatile(vm: &Vm) -> Option<Volatile> {
    let uptime_s = vm.uptime_s? / UPTIME_STEP_S * UPTIME_STEP_S;
    Some(Volatile { uuid: vm.id, uptime_s, disk_used_mib: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::vm_list;

    #[test]
    fn the_real_machine_of_the_golden_file_becomes_a_record() {
        let listed = include_bytes!("../../tests/golden/prlctl_list.arm64.pd20.0.json");
        let vm = &vm_list::parse(listed).unwrap().vms[0];
        let key = Key::named("vms.corporate_only").unwrap();
        insta::assert_json_snapshot!(record(vm, None, Some(&BTreeSet::from([key]))));
        assert_eq!(volatile(vm).unwrap().uptime_s, 1_011_600);
    }

    #[test]
    fn hostile_names_go_unharmed() {
        for name in [
            "\"q\" 'q'",
            "$(x)",
            "a\nb",
            "🦀 e\u{301}",
            "-rf",
            &"x".repeat(4096),
            "<img src=x onerror=alert(1)>",
        ] {
            let list =
                serde_json::json!([{"ID": "de22df32-80e2-4e92-ba4b-efb3a66cf092", "Name": name}]).to_string();
            let vm = vm_list::parse(list.as_bytes()).unwrap().vms.remove(0);
            assert_eq!(record(&vm, None, None).name, name);
        }
    }
}
