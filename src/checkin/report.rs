//! What a check-in says: only what differs from what the portal accepted last.
//!
//! In go [`Local`] and a [`Memory`] of what was accepted; out comes a [`Draft`], the members to send and the memory that
//! holds once they are accepted. Nothing is queued: what the portal has is compared with what is there now, so that a
//! lost answer, a restart or a change between two parts of a report need no case of their own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::local::Local;
use super::schedule::{REPORT_ALL, VOLATILE, passed};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, VmId};
use crate::domain::keyed::Keyed as _;
use crate::wire::checkin::{
    ComplianceItem, ComplianceState, Device, ImageProgress, LicenseReport, Rejected, ReportedProblem, Resend,
};
use crate::wire::inventory::{self, Inventory, VmRecord, Volatile};
use crate::wire::json;
use crate::wire::limits::INVENTORY_PART;

/// The most bytes of compliance items in a check-in, which has to stay below the portal's limit as a whole.
const COMPLIANCE: usize = 256 << 10;

/// The most bytes of problems, for the same reason.
const PROBLEMS: usize = 64 << 10;

/// What the portal accepted last, as a document. Losing it costs one full report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The device that it accepted it from.
    pub device_id: Option<DeviceId>,
    /// The digests of the members.
    pub members: Members,
    /// When all members were sent last.
    pub all_at: Option<Timestamp>,
    /// The root that the portal confirmed last; `None` asks for a full report.
    pub base: Option<Digest>,
    /// The records below that root.
    pub vms: BTreeMap<VmId, Digest>,
    /// Records that the portal did not take; left out until they change.
    pub rejected: BTreeMap<VmId, Digest>,
    /// The digest of the volatile figures that were sent last, and when.
    pub volatile: Option<(Digest, Timestamp)>,
}

/// The digests of the members that are replaced whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Of `device`.
    pub device: Option<Digest>,
    /// Of `license`.
    pub license: Option<Digest>,
    /// Of `compliance`.
    pub compliance: Option<Digest>,
    /// Of `problems`.
    pub problems: Option<Digest>,
    /// Of `images`; none is that of no images, so that a Mac without any never says so.
    #[serde(default)]
    pub images: Option<Digest>,
}

/// What is there now.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    device: Option<Device>,
    license: Option<LicenseReport>,
    compliance: Option<Vec<ComplianceItem>>,
    problems: Option<Vec<ReportedProblem>>,
    images: &'a [ImageProgress],
    vms: Option<BTreeMap<VmId, Fact<'a>>>,
    volatile: &'a [Volatile],
    digests: Members,
}

/// A record, with its digest and its size on the wire.
#[derive(Debug)]
struct Fact<'a> {
    record: &'a VmRecord,
    digest: Digest,
    size: usize,
}

/// What the members of a check-in amount to; two that are equal say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    members: Members,
    profile: Digest,
    root: Option<Digest>,
}

impl Fingerprint {
    /// Whether the virtual machines differ.
    pub(super) fn vms_differ(&self, other: &Self) -> bool {
        self.root != other.root
    }

    /// Whether the license differs.
    pub(super) fn license_differs(&self, other: &Self) -> bool {
        self.members.license != other.members.license
    }

    /// Whether the profile's settings differ.
    pub(super) fn profile_differs(&self, other: &Self) -> bool {
        self.profile != other.profile
    }
}

/// A check-in's members, and what is remembered when they are accepted.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) device: Option<Device>,
    pub(super) license: Option<LicenseReport>,
    pub(super) compliance: Option<Vec<ComplianceItem>>,
    pub(super) problems: Option<Vec<ReportedProblem>>,
    pub(super) images: Option<Vec<ImageProgress>>,
    pub(super) inventory: Option<Inventory>,
    pub(super) accepted: Accepted,
}

/// What is remembered of a check-in that is under way.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    memory: Memory,
    before: Memory,
    upserted: Vec<(VmId, Digest)>,
    more: bool,
}

impl Draft {
    /// A check-in that says nothing of the Mac, and after which the portal has what it had.
    pub(super) fn nothing(memory: &Memory) -> Self {
        let (memory, before) = (memory.clone(), memory.clone());
        let accepted = Accepted { memory, before, upserted: Vec::new(), more: false };
        Self {
            device: None,
            license: None,
            compliance: None,
            problems: None,
            images: None,
            inventory: None,
            accepted,
        }
    }
}

fn digest(value: &impl Serialize) -> Option<Digest> {
    json::write(value).ok().map(|bytes| Digest::of(&bytes))
}

impl<'a> Facts<'a> {
    /// What is there now. Below the version gate that is presence only: the device without settings. The license is told all
    /// the same, since it takes a seat whatever the version.
    pub(super) fn of(local: &'a Local, own: &[ReportedProblem]) -> Self {
        let presence_only = local.parallels.is_below_gate();
        let settings = |settings: &serde_json::Map<_, _>| (!presence_only).then(|| settings.clone());
        let device = local.host.as_ref().map(|host| Device {
            hardware: host.hardware.clone(),
            hostname: host.hostname.clone(),
            os_version: host.os_version.clone(),
            agent_version: local.agent_version.clone(),
            parallels_version: local.parallels.on_the_wire(),
            local_restrictions: settings(&local.local_restrictions),
            profile_settings: settings(&local.profile_settings),
            updates: local.updates.clone().filter(|_| !presence_only),
        });
        let license = local.licensing.license.clone();
        let compliance = (!presence_only).then(|| bounded(&local.compliance));
        let problems = (!presence_only).then(|| fitting([own, &local.problems].concat(), PROBLEMS));
        let images: &[ImageProgress] = if presence_only { &[] } else { &local.images };
        let machines = local.vms.as_ref().filter(|_| !presence_only);
        let vms = machines.map(|machines| {
            machines.records.iter().filter_map(|record| Some((record.uuid, fact(record)?))).keyed()
        });
        Self {
            digests: Members {
                device: device.as_ref().and_then(digest),
                license: license.as_ref().and_then(digest),
                compliance: compliance.as_ref().and_then(digest),
                problems: problems.as_ref().and_then(digest),
                images: (!images.is_empty()).then(|| digest(&images)).flatten(),
            },
            device,
            license,
            compliance,
            problems,
            images,
            vms,
            volatile: machines.map_or(&[], |machines| &machines.volatile),
        }
    }

    /// What these facts amount to.
    pub(super) fn fingerprint(&self, local: &Local) -> Fingerprint {
        let root = self
            .vms
            .as_ref()
            .map(|vms| inventory::root(&vms.iter().map(|(id, fact)| (*id, fact.digest)).keyed()));
        let profile = digest(&local.profile_settings).unwrap_or_else(|| Digest::of(b""));
        Fingerprint { members: self.digests, profile, root }
    }

    /// The check-in that brings the portal up to these facts, as far as `limit` bytes of inventory go.
    pub(super) fn draft(self, memory: &Memory, limit: usize, now: Timestamp) -> Draft {
        let all = passed(memory.all_at, REPORT_ALL, now) || memory.all_at.is_none_or(|at| at > now);
        let mut next = memory.clone();
        if all {
            next.all_at = Some(now);
        }
        let due = |last: &mut Option<Digest>, present: Option<Digest>| {
            let due = all || *last != present;
            *last = present.or(*last);
            due
        };
        let device = due(&mut next.members.device, self.digests.device);
        let license = due(&mut next.members.license, self.digests.license);
        let compliance = due(&mut next.members.compliance, self.digests.compliance);
        let problems = due(&mut next.members.problems, self.digests.problems);
        // An empty list is said once: it ends what the portal shows.
        let images = self.digests.images != next.members.images || (all && self.digests.images.is_some());
        next.members.images = self.digests.images;
        let mut upserted = Vec::new();
        let inventory =
            self.vms.as_ref().map(|vms| part(vms, self.volatile, (&mut next, &mut upserted), limit, now));
        let more = inventory.as_ref().is_some_and(|inventory| inventory.more);
        Draft {
            device: self.device.filter(|_| device),
            license: self.license.filter(|_| license),
            compliance: self.compliance.filter(|_| compliance),
            problems: self.problems.filter(|_| problems),
            images: images.then(|| self.images.to_vec()),
            inventory,
            accepted: Accepted { memory: next, before: memory.clone(), upserted, more },
        }
    }
}

/// A record that can be sent: one whose numbers have a canonical form and that fits into a part.
fn fact(record: &VmRecord) -> Option<Fact<'_>> {
    let size = json::write(record).ok()?.len();
    (size <= INVENTORY_PART).then_some(Fact { record, digest: record.digest().ok()?, size })
}

/// The items that fit, those that are not compliant first: a portal misses the others least.
fn bounded(items: &[ComplianceItem]) -> Vec<ComplianceItem> {
    let size = |item: &ComplianceItem| json::write(item).map_or(0, |bytes| bytes.len() + 1);
    if items.iter().map(size).sum::<usize>() <= COMPLIANCE {
        return items.to_vec();
    }
    let mut ordered: Vec<_> = items.iter().collect();
    ordered.sort_by_key(|item| item.state == ComplianceState::Compliant);
    let fits = ordered.into_iter().scan(0, |sum, item| {
        *sum += size(item);
        (*sum <= COMPLIANCE).then(|| item.clone())
    });
    fits.collect()
}

/// The first of these that fit.
fn fitting(mut problems: Vec<ReportedProblem>, most: usize) -> Vec<ReportedProblem> {
    let mut sum = 0;
    problems.retain(|problem| {
        sum += json::write(problem).map_or(0, |bytes| bytes.len() + 1);
        sum <= most
    });
    problems
}

/// The next part of the report from what the portal has to what is there, and what it has after it.
fn part(
    present: &BTreeMap<VmId, Fact<'_>>,
    volatile: &[Volatile],
    (memory, upserted): (&mut Memory, &mut Vec<(VmId, Digest)>),
    limit: usize,
    now: Timestamp,
) -> Inventory {
    memory.rejected.retain(|id, rejected| present.get(id).is_some_and(|fact| fact.digest == *rejected));
    let base = memory.base;
    if base.is_none() {
        memory.vms.clear();
    }
    let wanted = |id: &VmId| present.contains_key(id) && !memory.rejected.contains_key(id);
    let remove: Vec<_> = memory.vms.keys().copied().filter(|id| !wanted(id)).collect();
    for id in &remove {
        memory.vms.remove(id);
    }
    let (mut upsert, mut size, mut more) = (Vec::new(), 0, false);
    for (id, fact) in present.iter().filter(|(id, _)| !memory.rejected.contains_key(*id)) {
        if memory.vms.get(id) == Some(&fact.digest) {
            continue;
        }
        size += fact.size;
        if size > limit && !upsert.is_empty() {
            more = true;
            break;
        }
        upsert.push(fact.record.clone());
        upserted.push((*id, fact.digest));
        memory.vms.insert(*id, fact.digest);
    }
    let root = inventory::root(&memory.vms);
    memory.base = Some(root);
    Inventory { root, base, upsert, remove, more, volatile: due_volatile(volatile, memory, now) }
}

/// The volatile figures, when they changed and were not sent for an hour.
fn due_volatile(figures: &[Volatile], memory: &mut Memory, now: Timestamp) -> Vec<Volatile> {
    let Some(digest) = digest(&figures).filter(|_| !figures.is_empty()) else { return Vec::new() };
    let sent = memory.volatile;
    if sent.is_some_and(|(last, at)| last == digest || !passed(Some(at), VOLATILE, now)) {
        return Vec::new();
    }
    memory.volatile = Some((digest, now));
    figures.iter().filter(|figure| memory.vms.contains_key(&figure.uuid)).cloned().collect()
}

impl Accepted {
    /// What the portal has after it accepted, short of what it rejected and of what it asks for again; and whether
    /// another part is to follow.
    pub(super) fn memory(mut self, rejected: &[Rejected], resend: &[Resend]) -> (Memory, bool) {
        for item in rejected {
            self.reject(&item.member);
        }
        if !rejected.is_empty() && self.memory.base.is_some() {
            self.memory.base = Some(inventory::root(&self.memory.vms));
        }
        for member in resend {
            let members = &mut self.memory.members;
            match member {
                Resend::Device => members.device = None,
                Resend::Compliance => members.compliance = None,
                Resend::Problems => members.problems = None,
                Resend::Inventory => {
                    self.memory.base = None;
                    self.more = false;
                }
                Resend::License => members.license = None,
                Resend::Unknown => {}
            }
        }
        (self.memory, self.more)
    }

    /// Leaves out what a JSON pointer names. Pointers to nothing that was sent, or to an item of a list that counts
    /// without it, change nothing.
    fn reject(&mut self, pointer: &str) {
        let mut steps = pointer.split('/').skip(1);
        if steps.next() != Some("inventory") {
            return;
        }
        match (steps.next(), steps.next().and_then(|index| index.parse::<usize>().ok())) {
            (Some("upsert"), Some(index)) => {
                let Some((id, digest)) = self.upserted.get(index).copied() else { return };
                self.memory.rejected.insert(id, digest);
                match self.before.vms.get(&id).filter(|_| self.before.base.is_some()) {
                    Some(former) => self.memory.vms.insert(id, *former),
                    None => self.memory.vms.remove(&id),
                };
            }
            (None | Some("root" | "base" | "upsert" | "remove" | "more"), None) => {
                // The report as a whole was not taken.
                self.memory.base = None;
                self.more = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
