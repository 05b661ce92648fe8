//! The organization's signing keys, signed by its root key.
//!
//! In go the profile's root key and a token; out comes a [`Keyset`] that does not contradict itself. That versions
//! only go up is the store's rule, not this module's.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::integer;
use super::key::{PublicKey, Thumbprint};
use super::time::{self, NumericDate};
use super::token::{TokenError, Typ, Unverified, Verified};
use crate::domain::ids::OrganizationId;

/// What a key of the keyset may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Assignments.
    Assignment,
    /// Leases.
    Lease,
    /// Commands.
    Command,
    /// Something that a later version knows.
    #[serde(other)]
    Unknown,
}

/// A key of the keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysetKey {
    /// The thumbprint of `x`.
    pub kid: Thumbprint,
    /// The key.
    pub x: PublicKey,
    /// What it may sign.
    #[serde(rename = "use")]
    pub uses: Vec<KeyUse>,
    /// The last moment at which something that it signed may arrive.
    #[serde(with = "time")]
    pub not_after: Timestamp,
}

/// The payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyset {
    /// The organization.
    pub iss: OrganizationId,
    /// When it was signed.
    pub iat: NumericDate,
    /// Greater than that of every earlier one.
    #[serde(deserialize_with = "integer")]
    pub version: u64,
    /// The keys.
    pub keys: Vec<KeysetKey>,
}

/// Why a keyset is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeysetError {
    /// It is not what the root key signed.
    #[error("the keyset is not the root key's")]
    Token(#[source] TokenError),
    /// A `kid` stands twice.
    #[error("the keyset names the key {0} twice")]
    Twice(Thumbprint),
    /// A `kid` is not its key's thumbprint.
    #[error("the keyset names a key {0} that has another thumbprint")]
    Misnamed(Thumbprint),
}

/// Why a key may not have signed what it signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// It is not in the keyset.
    #[error("the key {0} is not in the keyset")]
    Unknown(Thumbprint),
    /// It is there for something else.
    #[error("the key {0} is not for this kind of document")]
    Use(Thumbprint),
    /// Its time is over.
    #[error("the key {0} is past its not_after")]
    Expired(Thumbprint),
}

impl Keyset {
    /// Verifies a keyset, new or stored.
    ///
    /// # Errors
    /// [`KeysetError`], by the rule it breaks.
    pub fn verify(root: &PublicKey, token: &str) -> Result<Verified<Self>, KeysetError> {
        let keyset: Verified<Self> = Unverified::read(Typ::Keyset, token)
            .and_then(|token| token.verify(root))
            .map_err(KeysetError::Token)?;
        let mut seen = BTreeSet::new();
        for key in &keyset.keys {
            if key.kid != key.x.thumbprint() {
                return Err(KeysetError::Misnamed(key.kid));
            }
            if !seen.insert(key.kid) {
                return Err(KeysetError::Twice(key.kid));
            }
        }
        Ok(keyset)
    }

    /// The key that a document names, if it may sign such a document that arrives `now`.
    ///
    /// # Errors
    /// [`KeyRefused`], by the rule it breaks.
    pub fn key(&self, kid: Thumbprint, wanted: KeyUse, now: Timestamp) -> Result<PublicKey, KeyRefused> {
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or(KeyRefused::Unknown(kid))?;
        if !key.uses.contains(&wanted) {
            Err(KeyRefused::Use(kid))
        } else if now > key.not_after {
            Err(KeyRefused::Expired(kid))
        } else {
            Ok(key.x)
        }
    }
}

#[cfg(test)]
mod tests;
