//! Licenses, their keys and seats, and the leases that tell Macs of them.
//!
//! In go licenses, sublicense keys and a directory as an administrator writes them, and what Macs report of their
//! activation; out come seats taken and freed, and signed leases. What decides where a Mac has its seat:
//!
//! 1. **A key that it reports**, masked: first and last group name the primary key or a sublicense key. The seat is the
//!    Mac's.
//! 2. **A user whom it reports** (sign-in): the first of the user's groups, by name, that is mapped to a key, else the
//!    primary key. The seat is the user's, however many Macs. With several licenses that take users, a mapping is
//!    looked for in Enterprise, then the trial, then Business; without one Business comes before the trial, since a
//!    trial is for those who were mapped to it.
//! 3. **Neither**: the place it has; else its group, from the enrollment token, if that is a sublicense.
//!
//! A Mac's place is decided when it first reports and whenever it *verifies*, never in between: so after a license was
//! split, or a mapping changed, every Mac goes on with its lease until it verifies, by itself within seven days, or at
//! once after `deactivate-license`. Its policy follows its place and stays when the seat is released or revoked, as
//! nothing may loosen by accident. What an administrator does to the license itself (convert, suspend) reaches its
//! Macs with the next check-in, as a lease with a higher number and the same times. A Business license carries no
//! policies (facts: policies belong to Enterprise's sublicense keys): its Macs are assigned none, which leaves the local
//! restrictions in force.
//!
//! A seat is taken until it is released, revoked, or its Mac is retired; that a lease runs out frees nothing, for a
//! Mac that was long away has to find its seat. Nothing here is decided outside the model's one lock.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::device::Device;
use super::policy::{Group, Policy};
use super::{Model, RecordName};
use crate::domain::ids::{DeviceId, GroupId, LicenseId, UserId};

mod directory;
mod edit;
pub mod key;
mod lease;
pub mod license;
mod migrate;
mod resolve;
pub mod seats;

pub use directory::{Mapping, UserDraft};
pub use edit::{StateOrder, SublicenseDraft};
pub use migrate::{Conversion, Permanence, Split};

use license::{Lessee, License, User};
use seats::{Division, Ledger, Pool, Seats};

/// How long leases last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// After how long a license is to be verified again.
    pub verify_after: SignedDuration,
    /// For how long it may stay unverified in all.
    pub grace: SignedDuration,
}

impl Default for Terms {
    /// Seven days (facts: administrator's guide), and thirty for a Mac that cannot verify.
    fn default() -> Self {
        Self { verify_after: SignedDuration::from_hours(24 * 7), grace: SignedDuration::from_hours(24 * 30) }
    }
}

/// All that has to do with licenses.
#[derive(Debug, Default)]
pub struct Licensing {
    /// How long leases last.
    pub terms: Terms,
    /// The licenses.
    pub licenses: BTreeMap<LicenseId, License>,
    /// The directory.
    pub users: BTreeMap<UserId, User>,
    /// The Macs as those that hold seats.
    pub lessees: BTreeMap<DeviceId, Lessee>,
    names: BTreeMap<String, UserId>,
    ledger: Ledger,
}

impl Licensing {
    /// The seats that are taken.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The person with this name, in whatever case.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(self.names.get(&directory::normal(name))?)
    }

    /// Puts back a lessee that was stored.
    pub fn restore_lessee(&mut self, lessee: Lessee) {
        if let Some(place) = lessee.held() {
            self.ledger.take(place.pool, &place.seat);
        }
        self.lessees.insert(lessee.device, lessee);
    }

    /// Puts back a person that was stored.
    pub fn restore_user(&mut self, user: User) {
        self.names.insert(user.name.clone(), user.id);
        self.users.insert(user.id, user);
    }
}

impl Model {
    /// The sublicense keys of a license.
    pub fn keys_of(&self, license: LicenseId) -> impl Iterator<Item = &Group> {
        let of = move |group: &&Group| group.sublicense.as_ref().is_some_and(|key| key.license == license);
        self.groups.values().filter(of)
    }

    /// How a license's seats are divided.
    #[must_use]
    pub fn division(&self, license: &License) -> Division {
        let seats = |group: &Group| group.sublicense.as_ref().map_or(Seats::ANY, |key| key.seats);
        let keys = self.keys_of(license.id).map(|group| (group.id, seats(group))).collect();
        Division { license: license.id, seats: license.seats, keys }
    }

    /// How many seats of a license are taken.
    #[must_use]
    pub fn seats_used(&self, license: LicenseId) -> u32 {
        let ledger = &self.licensing.ledger;
        let keys = self.keys_of(license).map(|group| ledger.used(Pool { license, group: Some(group.id) }));
        keys.fold(ledger.used(Pool { license, group: None }), u32::saturating_add)
    }

    /// Where a Mac has, or had, its seat.
    #[must_use]
    pub fn pool_of(&self, device: DeviceId) -> Option<Pool> {
        Some(self.licensing.lessees.get(&device)?.place.as_ref()?.pool)
    }

    /// The user group that a Mac is in: that of its key; else the one it was put into, unless that is another key's.
    #[must_use]
    pub fn group_of(&self, device: &Device) -> Option<&Group> {
        let own = || self.groups.get(&device.group?);
        match self.pool_of(device.id) {
            None => own(),
            Some(Pool { group: Some(id), .. }) => self.groups.get(&id),
            Some(Pool { group: None, .. }) => own().filter(|group| group.sublicense.is_none()),
        }
    }

    /// The policy that a Mac is to have: its group's, or the primary key's; none with a Business license.
    #[must_use]
    pub fn policy_of(&self, device: &Device) -> Option<&Policy> {
        let pool = self.pool_of(device.id);
        let license = pool.and_then(|pool| self.licensing.licenses.get(&pool.license));
        let group = self.group_of(device);
        if !license.is_none_or(License::has_policies) || group.is_some_and(|group| self.is_business(group)) {
            return None;
        }
        let policy = match group {
            Some(group) => group.policy,
            None => license.and_then(|license| license.primary.policy),
        };
        self.policies.get(&policy?)
    }

    /// Whether a group is a Business license's.
    #[must_use]
    pub fn is_business(&self, group: &Group) -> bool {
        let license = group.sublicense.as_ref().and_then(|key| self.licensing.licenses.get(&key.license));
        license.is_some_and(|license| !license.has_policies())
    }

    /// Writes a lessee.
    fn put_lessee(&mut self, lessee: Lessee) {
        self.touch(RecordName::Lessee(lessee.device));
        self.licensing.lessees.insert(lessee.device, lessee);
    }

    /// The Macs that have, or had, a seat of these licenses.
    fn lessees_of(&self, concerned: impl Fn(Pool) -> bool) -> Vec<DeviceId> {
        let lessees = self.licensing.lessees.values();
        let placed = lessees.filter_map(|lessee| Some((lessee.device, lessee.place.as_ref()?.pool)));
        placed.filter(|(_, pool)| concerned(*pool)).map(|(device, _)| device).collect()
    }

    /// Whether a group may be deleted as far as its key goes.
    #[must_use]
    pub fn is_key_in_use(&self, group: GroupId) -> bool {
        self.licensing
            .lessees
            .values()
            .any(|lessee| lessee.place.as_ref().is_some_and(|place| place.pool.group == Some(group)))
    }
}
