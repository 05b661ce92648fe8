//! What all signed documents for one device have in common: for whom they are, and how they are verified.
//!
//! A document that arrives is judged by the keyset and the time. A stored one is never judged again: it is read with
//! the key that signed it, also when that key has expired or left the keyset since, and it does not lapse.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json::integer;
use super::key::{PublicKey, Thumbprint};
use super::keyset::{KeyRefused, KeyUse, Keyset};
use super::time::NumericDate;
use super::token::{TokenError, Typ, Unverified, Verified};
use crate::domain::ids::{DeviceId, OrganizationId};

/// The claims of every document for a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The organization, that of the keyset.
    pub iss: OrganizationId,
    /// The device.
    pub aud: DeviceId,
    /// When it was signed.
    pub iat: NumericDate,
    /// The device's key.
    pub cnf: Confirmation,
    /// The least version of the keyset that it needs.
    #[serde(deserialize_with = "integer")]
    pub keyset: u64,
}

/// Whose key a document is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the device's key.
    pub jkt: Thumbprint,
}

/// Who reads a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressee {
    /// The device.
    pub device: DeviceId,
    /// The thumbprint of its key.
    pub key: Thumbprint,
}

/// How a document is judged.
#[derive(Debug, Clone, Copy)]
pub enum Judgement<'a> {
    /// It comes from the portal.
    Arriving {
        /// The keyset that holds now.
        keyset: &'a Verified<Keyset>,
        /// When it arrives.
        now: Timestamp,
    },
    /// It was verified when it arrived, and stored.
    Stored {
        /// The key that signed it then, [`Verified::signer`].
        signer: PublicKey,
    },
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not what its signer signed, or not of the form it has to have.
    #[error("the document is not validly signed")]
    Token(#[source] TokenError),
    /// Its key may not have signed it.
    #[error("the document's key is not accepted")]
    Key(#[source] KeyRefused),
    /// It comes from another organization than the keyset.
    #[error("the document is another organization's")]
    OtherOrganization,
    /// It is for another device.
    #[error("the document is for another device")]
    OtherDevice,
    /// It is bound to another key than the device's.
    #[error("the document is bound to another device's key")]
    OtherDeviceKey,
    /// It needs a later keyset.
    #[error("the document needs version {needed} of the keyset, which is at {present}")]
    KeysetTooOld {
        /// What it needs.
        needed: u64,
        /// What there is.
        present: u64,
    },
}

impl DocumentError {
    /// Whether the document may well be valid, but elsewhere: another Mac's, or another organization's.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self, Self::OtherOrganization | Self::OtherDevice | Self::OtherDeviceKey)
    }
}

/// Verifies a document of a type.
pub(super) fn open<T>(
    (typ, wanted): (Typ, KeyUse),
    token: &str,
    addressee: &Addressee,
    judgement: Judgement<'_>,
) -> Result<Verified<T>, DocumentError>
where
    T: DeserializeOwned + AsRef<Claims>,
{
    let token = Unverified::read(typ, token).map_err(DocumentError::Token)?;
    let key = match judgement {
        Judgement::Arriving { keyset, now } => {
            keyset.key(token.kid(), wanted, now).map_err(DocumentError::Key)?
        }
        Judgement::Stored { signer } => signer,
    };
    let document: Verified<T> = token.verify(&key).map_err(DocumentError::Token)?;
    let claims: &Claims = (*document).as_ref();
    if claims.aud != addressee.device {
        return Err(DocumentError::OtherDevice);
    }
    if claims.cnf.jkt != addressee.key {
        return Err(DocumentError::OtherDeviceKey);
    }
    if let Judgement::Arriving { keyset, .. } = judgement {
        if claims.iss != keyset.iss {
            return Err(DocumentError::OtherOrganization);
        }
        if claims.keyset > keyset.version {
            return Err(DocumentError::KeysetTooOld { needed: claims.keyset, present: keyset.version });
        }
    }
    Ok(document)
}
