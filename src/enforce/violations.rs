//! What exists against the policy and Parallels Desktop cannot be made to prevent. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Key;
use crate::domain::ids::{Uid, VmId};
use crate::resolve::Effective;

/// What counts of a virtual machine here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its id.
    pub vm: VmId,
    /// It came from a golden image.
    pub corporate: bool,
    /// Somebody added it while the restriction was lifted to add a golden image.
    pub intruder: bool,
    /// The users who have it.
    pub owners: &'a [Uid],
}

/// The violations of each virtual machine, by the setting that it violates.
///
/// `tolerated` are those that were there when the policy came: `vms.corporate_only` forbids new ones from elsewhere
/// (administrator's guide, "Policies"), it does not condemn what users had.
#[must_use]
pub fn violations(
    effective: &Effective,
    vms: &[Subject<'_>],
    tolerated: &BTreeSet<VmId>,
) -> BTreeMap<VmId, BTreeSet<Key>> {
    let mut found: BTreeMap<VmId, BTreeSet<Key>> = BTreeMap::new();
    let held = |name| Key::named(name).filter(|_| effective.is_on(name));
    if let Some(key) = held("vms.corporate_only") {
        for vm in vms.iter().filter(|vm| !vm.corporate && !tolerated.contains(&vm.vm)) {
            found.entry(vm.vm).or_default().insert(key);
        }
    }
    if let Some(key) = held("restrict.add_vm") {
        for vm in vms.iter().filter(|vm| vm.intruder) {
            found.entry(vm.vm).or_default().insert(key);
        }
    }
    if let Some(key) = held("vms.one_per_user") {
        let mut counts: BTreeMap<Uid, Vec<VmId>> = BTreeMap::new();
        for vm in vms.iter().filter(|vm| vm.corporate) {
            for owner in vm.owners {
                counts.entry(*owner).or_default().push(vm.vm);
            }
        }
        for vm in counts.into_values().filter(|of_one| of_one.len() > 1).flatten() {
            found.entry(vm).or_default().insert(key);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::LayerKind;
    use crate::resolve::resolve;
    use crate::sources::layer::{Layer, Origin};

    #[test]
    fn new_machines_from_elsewhere_and_a_second_corporate_one_are_violations() {
        let settings = json!({"vms.corporate_only": true, "vms.one_per_user": true});
        let settings = settings.as_object().unwrap();
        let origin = Origin::LicenseProfile { name: String::new() };
        let policy = Layer::read(
            LayerKind::Policy,
            origin,
            settings.iter().map(|(name, value)| (name.as_str(), value)),
        );
        let id = |number| VmId::of(uuid::Uuid::from_u128(number));
        let vm =
            |number, corporate, owners| Subject { vm: id(number), corporate, intruder: number == 7, owners };
        let (ada, bob, both) = ([Uid(501)], [Uid(502)], [Uid(501), Uid(502)]);
        let vms = [
            vm(1, false, &ada),
            vm(2, false, &ada),
            vm(3, true, &ada),
            vm(4, true, &both),
            vm(5, true, &bob),
            vm(6, true, &[]),
            vm(7, false, &bob),
        ];
        let found = violations(&resolve(&[policy]), &vms, &BTreeSet::from([id(1), id(7)]));
        let names: Vec<_> = found
            .into_iter()
            .map(|(vm, keys)| (vm.uuid().as_u128(), keys.into_iter().map(Key::name).collect::<Vec<_>>()))
            .collect();
        let one = vec!["vms.one_per_user"];
        let intruder = (7, vec!["restrict.add_vm"]);
        assert_eq!(
            names,
            [(2, vec!["vms.corporate_only"]), (3, one.clone()), (4, one.clone()), (5, one), intruder]
        );
        assert_eq!(violations(&Effective::default(), &vms, &BTreeSet::new()), BTreeMap::new());
    }
}
