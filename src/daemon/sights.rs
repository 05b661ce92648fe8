//! An observation as the plan, the compliance and the violations look at it.

use std::collections::BTreeSet;

use crate::catalog::{Key, Scope, Value};
use crate::domain::host::Arch;
use crate::domain::ids::{Uid, VmId};
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::domain::vm::{GuestKind, Vm};
use crate::enforce::violations::Subject as Violator;
use crate::hypervisor::observation::{of_service, of_vm};
use crate::hypervisor::outcome::Answer;
use crate::images::book::Book;
use crate::plan::{Gate, Observed, Sight, VmSight};
use crate::wire::codes::ComplianceReason;

use super::observer::Observation;

/// What the plan sees. A virtual machine none of whose owners could be asked is not among it.
#[must_use]
pub fn observed(observation: &Observation) -> Observed {
    let app = match &observation.service {
        Answer::Known(info) => Some(Sight {
            values: keys(Scope::Application)
                .filter_map(|key| Some((key, of_service(key.setting().sensor, info)?)))
                .keyed(),
            custom_password: info.custom_password == Some(true),
        }),
        _ => None,
    };
    let vms = observation.inventory.vms.values().filter_map(|vm| {
        let owner = observation.inventory.way_to(vm)?;
        Some((vm.id, vm_sight(vm, owner.uid)))
    });
    let vms = if matches!(observation.listed, Answer::Known(())) { vms.keyed() } else { Default::default() };
    let users = observation.preferences.iter().map(|seen| {
        let values = match &seen.values {
            Answer::Known(values) => Some(values.clone()),
            _ => None,
        };
        (seen.user.uid, values.map(|values| Sight { values, custom_password: false }))
    });
    Observed { app, vms, users: users.keyed() }
}

fn vm_sight(vm: &Vm, owner: Uid) -> VmSight {
    VmSight {
        sight: Sight {
            values: keys(Scope::VirtualMachine)
                .filter_map(|key| Some((key, of_vm(key.setting().sensor, vm)?)))
                .keyed(),
            custom_password: vm.protection.custom_password == Some(true),
        },
        owner,
        mac_guest: vm.guest_kind() == GuestKind::Macos,
        locked: vm.protection.configuration_locked == Some(true),
    }
}

fn keys(scope: Scope) -> impl Iterator<Item = Key> {
    Key::all().filter(move |key| key.setting().scope == scope)
}

/// Where Parallels Desktop stands.
#[must_use]
pub fn gate(observation: &Observation) -> Gate {
    let parallels = match &observation.parallels {
        Answer::Known(version) => Some(version.numbers()),
        _ => None,
    };
    Gate { parallels, arch: observation.host.as_ref().map_or(Arch::Arm64, |host| host.hardware.arch) }
}

/// The value of one of the application's settings; `None` where it was not to be seen.
#[must_use]
pub fn of_app(observation: &Observation, key: Key) -> Option<Value> {
    match &observation.service {
        Answer::Known(info) => of_service(key.setting().sensor, info),
        _ => None,
    }
}

/// Why an object could not be asked.
#[must_use]
pub fn unobserved(observation: &Observation, subject: Subject) -> ComplianceReason {
    let of_user = |uid: Uid| observation.preferences.iter().find(|seen| seen.user.uid == uid);
    match subject {
        Subject::User(uid) => of_user(uid).map_or(ComplianceReason::NotObserved, |seen| reason(&seen.values)),
        Subject::App | Subject::Vm(_) => reason(&observation.service),
    }
}

/// Why the virtual machines could not be listed.
#[must_use]
pub fn unlisted(observation: &Observation) -> ComplianceReason {
    reason(&observation.listed)
}

fn reason<T>(answer: &Answer<T>) -> ComplianceReason {
    match answer {
        Answer::ServiceStopped => ComplianceReason::ServiceStopped,
        Answer::NotInstalled => ComplianceReason::ParallelsMissing,
        Answer::NotLoggedIn => ComplianceReason::UserNotLoggedIn,
        Answer::Known(_) | Answer::CouldNotAsk(_) | Answer::TooOld(_) => ComplianceReason::NotObserved,
    }
}

/// The owners of each virtual machine.
#[must_use]
pub fn owners(observation: &Observation) -> Vec<(VmId, Vec<Uid>)> {
    let vms = observation.inventory.vms.values();
    vms.map(|vm| (vm.id, vm.owners.iter().map(|owner| owner.uid).collect())).collect()
}

/// What the book of golden images tells of where virtual machines come from; how far a download is changes nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Those that were made from golden images.
    pub corporate: BTreeSet<VmId>,
    /// Those that somebody else added while a restriction was lifted.
    pub intruders: BTreeSet<VmId>,
}

impl Origins {
    /// What this book tells.
    #[must_use]
    pub fn of(book: &Book) -> Self {
        Self { corporate: book.lineage.keys().copied().distinct(), intruders: book.intruders.clone() }
    }
}

/// The virtual machines as violations look at them.
#[must_use]
pub fn violators<'a>(owners: &'a [(VmId, Vec<Uid>)], origins: &Origins) -> Vec<Violator<'a>> {
    let violator = |(vm, owners): &'a (VmId, Vec<Uid>)| Violator {
        vm: *vm,
        corporate: origins.corporate.contains(vm),
        intruder: origins.intruders.contains(vm),
        owners,
    };
    owners.iter().map(violator).collect()
}
