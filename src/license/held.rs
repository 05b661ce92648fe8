//! The lease that counts, as the machine keeps it. Only a verified one can become one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{DeviceId, GroupId, OrganizationId};
use crate::wire::lease::{Lease, LeaseState, Product, WhenUnverified};
use crate::wire::token::Verified;

/// What a signed lease says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    said: Said,
    /// Who signed it for whom: the numbers of another organization or device do not compare.
    of: (OrganizationId, DeviceId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Said {
    seq: u64,
    signed_at: Timestamp,
    state: LeaseState,
    license: String,
    product: Product,
    seat: String,
    group: Option<GroupId>,
    verify_after: Timestamp,
    grace_until: Timestamp,
    #[serde(default)]
    when_unverified: WhenUnverified,
}

impl Held {
    /// The content of a verified lease.
    #[must_use]
    pub fn of(lease: &Verified<Lease>) -> Self {
        let said = Said {
            seq: lease.seq,
            signed_at: lease.claims.iat.timestamp(),
            state: lease.state,
            license: lease.license_id.clone(),
            product: lease.product,
            seat: lease.seat.clone(),
            group: lease.group,
            verify_after: lease.verify_after,
            grace_until: lease.grace_until,
            when_unverified: lease.when_unverified,
        };
        Self { said, of: (lease.claims.iss, lease.claims.aud) }
    }

    /// Whether this one takes the place of `other`: `seq` only rises.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        self.of != other.of || self.said.seq > other.said.seq
    }

    /// Its number, which only rises.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.said.seq
    }

    /// When it was signed.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.said.signed_at
    }

    /// How the license stands.
    #[must_use]
    pub const fn state(&self) -> LeaseState {
        self.said.state
    }

    /// The license, in the portal's words.
    #[must_use]
    pub fn license(&self) -> &str {
        &self.said.license
    }

    /// What is licensed.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.said.product
    }

    /// The seat.
    #[must_use]
    pub fn seat(&self) -> &str {
        &self.said.seat
    }

    /// The user group; none for the primary key.
    #[must_use]
    pub const fn group(&self) -> Option<GroupId> {
        self.said.group
    }

    /// When it is to be verified at the latest.
    #[must_use]
    pub const fn verify_after(&self) -> Timestamp {
        self.said.verify_after
    }

    /// Until when it may stay unverified.
    #[must_use]
    pub const fn grace_until(&self) -> Timestamp {
        self.said.grace_until
    }

    /// What follows when it stays unverified for longer.
    #[must_use]
    pub const fn when_unverified(&self) -> WhenUnverified {
        self.said.when_unverified
    }

    /// A lease for tests like this one, by which an unverified Mac has no policy.
    #[cfg(test)]
    pub fn lifting(mut self) -> Self {
        self.said.when_unverified = WhenUnverified::LiftPolicy;
        self
    }

    /// A lease for tests, of number `seq`, signed at `at` with seven days to its verification and seven of grace.
    #[cfg(test)]
    pub fn sample(seq: u64, state: LeaseState, at: Timestamp) -> Self {
        let days = |days: i64| at + jiff::SignedDuration::from_hours(24 * days);
        let said = Said {
            seq,
            signed_at: at,
            state,
            license: "L-1".to_owned(),
            product: Product::Enterprise,
            seat: "device".to_owned(),
            group: None,
            verify_after: days(7),
            grace_until: days(14),
            when_unverified: WhenUnverified::Report,
        };
        Self { said, of: (OrganizationId::of(uuid::Uuid::nil()), DeviceId::of(uuid::Uuid::nil())) }
    }
}
