//! Who takes which seats, and whether there is one more.
//!
//! In go pools, that is a license's primary key or one of its sublicense keys, and seats taken and freed; out comes how
//! many are taken. A seat is a Mac's or a person's: all Macs of one person take one. Everything happens under the
//! model's one lock, so two check-ins never take the same last seat.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DeviceId, GroupId, LicenseId};

/// Where seats are taken from: a key of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pool {
    /// The license.
    pub license: LicenseId,
    /// The sublicense key's group; none for the primary key.
    pub group: Option<GroupId>,
}

/// Who takes a seat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// A Mac that is activated with a key.
    Device(DeviceId),
    /// A person who signs in, by the name in the directory.
    User(String),
}

impl fmt::Display for Seat {
    /// `device:<id>` or `user:<name>`, as leases name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device:{id}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

/// How many seats a sublicense key may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Seats {
    /// Set aside for the key, also while nobody takes them.
    Reserved {
        /// How many.
        limit: u32,
    },
    /// Drawn from what the license has left.
    Dynamic {
        /// How many at most; none for as many as there are.
        #[serde(default)]
        limit: Option<u32>,
    },
}

impl Seats {
    /// As many as there are.
    pub const ANY: Self = Self::Dynamic { limit: None };

    const fn reserved(self) -> u32 {
        match self {
            Self::Reserved { limit } => limit,
            Self::Dynamic { .. } => 0,
        }
    }

    /// How many at most by the key's own limit.
    const fn limit(self) -> u32 {
        match self {
            Self::Reserved { limit } | Self::Dynamic { limit: Some(limit) } => limit,
            Self::Dynamic { limit: None } => u32::MAX,
        }
    }
}

/// The seats that are taken, each with the number of Macs that it serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<Pool, BTreeMap<Seat, u32>>);

impl Ledger {
    /// One more Mac is served by this seat.
    pub fn take(&mut self, pool: Pool, seat: &Seat) {
        let macs = self.0.entry(pool).or_default().entry(seat.clone()).or_default();
        *macs = macs.saturating_add(1);
    }

    /// One Mac less is served by this seat; with the last it is free.
    pub fn free(&mut self, pool: Pool, seat: &Seat) {
        let Some(seats) = self.0.get_mut(&pool) else { return };
        if let Some(macs) = seats.get_mut(seat) {
            *macs = macs.saturating_sub(1);
            if *macs == 0 {
                seats.remove(seat);
            }
        }
        if seats.is_empty() {
            self.0.remove(&pool);
        }
    }

    /// Whether this seat is taken.
    #[must_use]
    pub fn holds(&self, pool: Pool, seat: &Seat) -> bool {
        self.0.get(&pool).is_some_and(|seats| seats.contains_key(seat))
    }

    /// How many seats of a pool Macs and people take.
    #[must_use]
    pub fn taken(&self, pool: Pool) -> Taken {
        let mut taken = Taken::default();
        for seat in self.0.get(&pool).into_iter().flat_map(BTreeMap::keys) {
            let kind = match seat {
                Seat::Device(_) => &mut taken.devices,
                Seat::User(_) => &mut taken.users,
            };
            *kind = kind.saturating_add(1);
        }
        taken
    }

    /// How many seats of a pool are taken.
    #[must_use]
    pub fn used(&self, pool: Pool) -> u32 {
        self.0.get(&pool).map_or(0, |seats| u32::try_from(seats.len()).unwrap_or(u32::MAX))
    }
}

/// How many seats are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// By Macs.
    pub devices: u32,
    /// By people.
    pub users: u32,
}

/// How a license's seats are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// The license.
    pub license: LicenseId,
    /// Its seats.
    pub seats: u32,
    /// Its sublicense keys.
    pub keys: BTreeMap<GroupId, Seats>,
}

impl Division {
    fn pool(&self, group: Option<GroupId>) -> Pool {
        Pool { license: self.license, group }
    }

    /// What is not set aside for a key; none where more is set aside than there is.
    #[must_use]
    pub fn shared(&self) -> Option<u32> {
        self.keys.values().try_fold(self.seats, |left, seats| left.checked_sub(seats.reserved()))
    }

    /// How many of those are taken: by the primary key and by keys with dynamic seats.
    fn shared_used(&self, ledger: &Ledger) -> u32 {
        let dynamic = self.keys.iter().filter(|(_, seats)| matches!(seats, Seats::Dynamic { .. }));
        dynamic
            .map(|(group, _)| ledger.used(self.pool(Some(*group))))
            .fold(ledger.used(self.pool(None)), u32::saturating_add)
    }

    /// Whether no more seats are promised and taken than there are.
    #[must_use]
    pub fn holds(&self, ledger: &Ledger) -> bool {
        let within =
            |(group, seats): (&GroupId, &Seats)| ledger.used(self.pool(Some(*group))) <= seats.limit();
        self.shared().is_some_and(|shared| self.shared_used(ledger) <= shared) && self.keys.iter().all(within)
    }

    /// Whether a key has one more seat to give.
    #[must_use]
    pub fn has_room(&self, ledger: &Ledger, group: Option<GroupId>) -> bool {
        let in_shared = || self.shared().is_some_and(|shared| self.shared_used(ledger) < shared);
        match group {
            None => in_shared(),
            Some(id) => self.keys.get(&id).is_some_and(|seats| {
                let own = ledger.used(self.pool(group)) < seats.limit();
                own && (matches!(seats, Seats::Reserved { .. }) || in_shared())
            }),
        }
    }
}

#[cfg(test)]
mod tests;
