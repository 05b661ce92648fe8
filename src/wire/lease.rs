//! The license lease: what the portal says of this Mac's license, signed, for about a week.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::{Addressee, Claims, DocumentError, Judgement, open};
use super::json::{integer, nullable};
use super::keyset::KeyUse;
use super::time;
use super::token::{Typ, Verified};
use crate::domain::ids::GroupId;

/// A license lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// From whom and for whom.
    #[serde(flatten)]
    pub claims: Claims,
    /// Greater than that of every earlier lease.
    #[serde(deserialize_with = "integer")]
    pub seq: u64,
    /// The license, in the portal's words.
    pub license_id: String,
    /// What is licensed.
    pub product: Product,
    /// The seat that this Mac, or its user, takes.
    pub seat: String,
    /// The user group, that is the sublicense; null for the primary key.
    #[serde(deserialize_with = "nullable")]
    pub group: Option<GroupId>,
    /// How the license stands. It acts at once.
    pub state: LeaseState,
    /// When the license is to be verified again.
    #[serde(with = "time")]
    pub verify_after: Timestamp,
    /// Until when it may stay unverified.
    #[serde(with = "time")]
    pub grace_until: Timestamp,
}

/// What is licensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Parallels Desktop for Mac Business Edition.
    Business,
    /// Parallels Desktop for Mac Enterprise Edition.
    Enterprise,
    /// A trial of Enterprise Edition.
    EnterpriseTrial,
}

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// The license is good.
    Active,
    /// The license is suspended, as a trial is once a license is bought.
    Suspended,
    /// The license is taken away.
    Revoked,
    /// The seat is free again; only `verify` leaves this state.
    Released,
}

impl fmt::Display for LeaseState {
    /// The word on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl AsRef<Claims> for Lease {
    fn as_ref(&self) -> &Claims {
        &self.claims
    }
}

impl Lease {
    /// Verifies a lease that arrives or was stored.
    ///
    /// # Errors
    /// [`DocumentError`], by the rule it breaks.
    pub fn verify(
        token: &str,
        addressee: &Addressee,
        judgement: Judgement<'_>,
    ) -> Result<Verified<Self>, DocumentError> {
        open((Typ::Lease, KeyUse::Lease), token, addressee, judgement)
    }
}
