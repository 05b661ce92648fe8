//! The virtual machines of the devices, as reported.
//!
//! In go the parts of inventory reports; out comes the root over the records as they were sent, which the device
//! compares with its own. Records are kept as raw values, so that members unknown to this portal count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, VmId};
use crate::wire::inventory::{Volatile, root};

/// The most virtual machines that one device may have.
const MOST: usize = 10_000;

/// A virtual machine of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vm {
    /// The record as sent.
    pub record: Value,
    /// Its digest.
    pub digest: Digest,
    /// Figures outside the digest, where they were reported.
    pub volatile: Option<Volatile>,
}

/// A part of a report, its bad items already taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The root after it, as the device has it.
    pub root: Digest,
    /// The root before it; none begins anew.
    pub base: Option<Digest>,
    /// Records that are new or changed, with their place in the request.
    pub upsert: Vec<(usize, VmId, Vm)>,
    /// Those that are gone.
    pub remove: Vec<VmId>,
    /// Whether more follow before the report counts.
    pub more: bool,
    /// Figures outside the digests.
    pub volatile: Vec<Volatile>,
}

impl Part {
    /// Whether it is that of an idle check-in.
    fn says_nothing_new(&self) -> bool {
        let empty = self.upsert.is_empty() && self.remove.is_empty() && self.volatile.is_empty();
        empty && !self.more && self.base == Some(self.root)
    }
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The root that counts now, where the report is complete.
    pub confirmed: Option<Digest>,
    /// Whether the sides differ, so that a full report is needed.
    pub differs: bool,
    /// The places in `upsert` of records over the limit.
    pub over: Vec<usize>,
    /// Records of the device that are to be stored again or removed.
    pub touched: Vec<VmId>,
}

impl Taken {
    const REFUSED: Self = Self { confirmed: None, differs: true, over: Vec::new(), touched: Vec::new() };
}

type Records = BTreeMap<VmId, Vm>;

/// The virtual machines of all devices, and the reports that are still coming.
///
/// A report that is not complete lives in memory alone: after a restart the next part's base is unknown, and the
/// device is asked for a full report.
#[derive(Debug, Default)]
pub struct Inventories {
    accepted: BTreeMap<DeviceId, Records>,
    coming: BTreeMap<DeviceId, (Digest, Records)>,
}

impl Inventories {
    /// The accepted records of a device.
    pub fn of(&self, device: DeviceId) -> impl Iterator<Item = (&VmId, &Vm)> {
        self.accepted.get(&device).into_iter().flatten()
    }

    /// One accepted record.
    #[must_use]
    pub fn get(&self, device: DeviceId, vm: VmId) -> Option<&Vm> {
        self.accepted.get(&device)?.get(&vm)
    }

    /// All accepted records.
    pub fn all(&self) -> impl Iterator<Item = (DeviceId, VmId, &Vm)> {
        self.accepted.iter().flat_map(|(device, vms)| vms.iter().map(|(id, vm)| (*device, *id, vm)))
    }

    /// Puts a stored record back.
    pub fn restore(&mut self, device: DeviceId, id: VmId, vm: Vm) {
        self.accepted.entry(device).or_default().insert(id, vm);
    }

    /// Takes a part of a report. `known` is the root that was last confirmed.
    pub fn take(&mut self, device: DeviceId, known: Option<Digest>, part: Part) -> Taken {
        let coming = self.coming.remove(&device);
        if known.is_some() && known == part.base && part.says_nothing_new() {
            return Taken { confirmed: known, differs: false, over: Vec::new(), touched: Vec::new() };
        }
        let records = match part.base {
            None => Records::new(),
            Some(base) if known == Some(base) => self.accepted.get(&device).cloned().unwrap_or_default(),
            Some(base) => match coming {
                Some((root, records)) if root == base => records,
                _ => return Taken::REFUSED,
            },
        };
        let (records, over) = apply(records, &part);
        let found = root(&records.iter().map(|(id, vm)| (*id, vm.digest)).collect());
        if part.more {
            let differs = found != part.root;
            if !differs {
                self.coming.insert(device, (found, records));
            }
            return Taken { confirmed: None, differs, over, touched: Vec::new() };
        }
        self.accept(device, records, &part, over)
    }

    fn accept(&mut self, device: DeviceId, mut records: Records, part: &Part, over: Vec<usize>) -> Taken {
        for volatile in &part.volatile {
            if let Some(vm) = records.get_mut(&volatile.uuid) {
                vm.volatile = Some(volatile.clone());
            }
        }
        let found = root(&records.iter().map(|(id, vm)| (*id, vm.digest)).collect());
        let former = self.accepted.remove(&device).unwrap_or_default();
        let changed = records.iter().filter(|(id, vm)| former.get(id) != Some(vm)).map(|(id, _)| *id);
        let gone = former.keys().filter(|id| !records.contains_key(id)).copied();
        let touched = changed.chain(gone).collect();
        if !records.is_empty() {
            self.accepted.insert(device, records);
        }
        Taken { confirmed: Some(found), differs: found != part.root, over, touched }
    }
}

/// The records after a part, and the places of those over the limit.
fn apply(mut records: Records, part: &Part) -> (Records, Vec<usize>) {
    for id in &part.remove {
        records.remove(id);
    }
    let mut over = Vec::new();
    for (place, id, vm) in &part.upsert {
        if records.len() >= MOST && !records.contains_key(id) {
            over.push(*place);
            continue;
        }
        let volatile = records.remove(id).and_then(|former| former.volatile);
        records.insert(*id, Vm { volatile, ..vm.clone() });
    }
    (records, over)
}
