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
    /// What follows when it stays unverified for longer; absent for the default.
    #[serde(default, skip_serializing_if = "WhenUnverified::is_default")]
    pub when_unverified: WhenUnverified,
}

/// What follows on a Mac whose license is unverified past its grace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnverified {
    /// The policy is lifted, and the local restrictions hold, until the license is verified.
    LiftPolicy,
    /// It is reported and the user is warned; the policy stays enforced. A word of a later portal means the same, so that
    /// nothing loosens by a word that is not known.
    #[default]
    #[serde(other)]
    Report,
}

impl WhenUnverified {
    /// Whether it is what an absent member means.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_to_be_reported_unless_a_known_word_says_otherwise() {
        for (word, meant) in [
            ("report", WhenUnverified::Report),
            ("lift_policy", WhenUnverified::LiftPolicy),
            ("lift_all", WhenUnverified::Report),
            ("", WhenUnverified::Report),
        ] {
            assert_eq!(serde_json::from_value::<WhenUnverified>(word.into()).unwrap(), meant, "{word:?}");
        }
        assert_eq!(serde_json::to_value(WhenUnverified::Report).unwrap(), "report");
        assert!(serde_json::from_value::<WhenUnverified>(1.into()).is_err());
    }
}
