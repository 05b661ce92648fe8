//! The organization and its keys.
//!
//! In goes a name, or what was stored; out come signed keysets. A real portal keeps the root key off-line; this one,
//! being for tests and demonstrations, keeps it beside the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::next_version;
use crate::domain::ids::OrganizationId;
use crate::wire::key::{KeyError, SigningKey};
use crate::wire::keyset::{KeyUse, Keyset, KeysetKey};
use crate::wire::time::NumericDate;
use crate::wire::token::{TokenError, Typ};

/// For how long a signing key is announced.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 365 * 5);

/// What the signing key may sign.
const USES: [KeyUse; 3] = [KeyUse::Assignment, KeyUse::Lease, KeyUse::Command];

/// Why there is no organization.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// No key could be made, or a stored one cannot be read.
    #[error("the organization has no usable key")]
    Key(#[source] KeyError),
    /// The keyset could not be signed.
    #[error("cannot sign the keyset")]
    Sign(#[source] TokenError),
}

/// The organization whose portal this is.
#[derive(Debug)]
pub struct Organization {
    /// `iss` of all that it signs.
    pub id: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// The anchor that profiles carry.
    pub root: SigningKey,
    /// What documents for devices are signed with.
    pub signer: SigningKey,
    /// The version of the current keyset.
    pub keyset_version: u64,
    /// The current keyset, a token.
    pub keyset: String,
    /// Its golden images; they belong to no license, so that they outlive every change of one.
    pub images: Vec<Image>,
}

/// An organization as it is stored. Who reads it can sign as the organization.
#[derive(Serialize, Deserialize)]
pub struct StoredOrganization {
    id: OrganizationId,
    name: String,
    root: String,
    signer: String,
    keyset_version: u64,
    keyset: String,
    #[serde(default)]
    images: Vec<Image>,
}

impl Organization {
    /// A new organization with new keys.
    ///
    /// # Errors
    /// [`OrganizationError`].
    pub fn found(name: &str, now: Timestamp) -> Result<Self, OrganizationError> {
        let root = SigningKey::generate().map_err(OrganizationError::Key)?;
        let signer = SigningKey::generate().map_err(OrganizationError::Key)?;
        let mut organization = Self {
            id: OrganizationId::random(),
            name: name.to_owned(),
            root,
            signer,
            keyset_version: next_version(0, now),
            keyset: String::new(),
            images: Vec::new(),
        };
        organization.keyset =
            organization.sign_keyset(organization.keyset_version, now).map_err(OrganizationError::Sign)?;
        Ok(organization)
    }

    /// A keyset of this version with the present signing key.
    ///
    /// # Errors
    /// Those of [`SigningKey::sign`].
    pub fn sign_keyset(&self, version: u64, now: Timestamp) -> Result<String, TokenError> {
        let key = KeysetKey {
            kid: self.signer.thumbprint(),
            x: self.signer.public(),
            uses: USES.to_vec(),
            not_after: now.checked_add(KEY_LIFETIME).unwrap_or(Timestamp::MAX),
        };
        let keyset = Keyset { iss: self.id, iat: NumericDate::of(now), version, keys: vec![key] };
        self.root.sign(Typ::Keyset, &keyset)
    }

    /// Signs the keyset anew where an earlier version signed it, which knew fewer uses. Tells whether it did.
    ///
    /// # Errors
    /// [`OrganizationError`].
    pub fn renew_keyset(&mut self, now: Timestamp) -> Result<bool, OrganizationError> {
        let current = Keyset::verify(&self.root.public(), &self.keyset);
        let complete = current.is_ok_and(|keyset| {
            keyset.keys.iter().any(|key| USES.iter().all(|wanted| key.uses.contains(wanted)))
        });
        if complete {
            return Ok(false);
        }
        let version = next_version(self.keyset_version, now);
        self.keyset = self.sign_keyset(version, now).map_err(OrganizationError::Sign)?;
        self.keyset_version = version;
        Ok(true)
    }

    /// What is stored of it.
    #[must_use]
    pub fn stored(&self) -> StoredOrganization {
        StoredOrganization {
            id: self.id,
            name: self.name.clone(),
            root: URL_SAFE_NO_PAD.encode(self.root.seed()),
            signer: URL_SAFE_NO_PAD.encode(self.signer.seed()),
            keyset_version: self.keyset_version,
            keyset: self.keyset.clone(),
            images: self.images.clone(),
        }
    }
}

impl StoredOrganization {
    /// The organization that was stored.
    ///
    /// # Errors
    /// [`OrganizationError::Key`] where a key is damaged.
    pub fn restore(self) -> Result<Organization, OrganizationError> {
        Ok(Organization {
            id: self.id,
            name: self.name,
            root: key(&self.root).map_err(OrganizationError::Key)?,
            signer: key(&self.signer).map_err(OrganizationError::Key)?,
            keyset_version: self.keyset_version,
            keyset: self.keyset,
            images: self.images,
        })
    }
}

fn key(text: &str) -> Result<SigningKey, KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Form)?;
    SigningKey::from_seed(bytes.try_into().map_err(|_| KeyError::Form)?)
}
