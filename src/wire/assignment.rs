//! What a device is assigned: its group, policy and golden image, signed by a key of the keyset.
//!
//! In go a token and who reads it; out comes an [`Assignment`] that is this device's. In a signed document absence
//! and null are two statements, and only null gives control back: a member that is missing makes the document
//! invalid. That versions only go up is the store's rule, not this module's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::{Addressee, Claims, DocumentError, Judgement, open};
use super::json::{integer, nullable};
use super::keyset::KeyUse;
use super::time;
use super::token::{Typ, Verified};
use crate::domain::digest::Digest;
use crate::domain::host::Arch;
use crate::domain::ids::{GroupId, ImageId, PolicyId};

/// The payload. The claims are flat on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// From whom and for whom.
    #[serde(flatten)]
    pub claims: Claims,
    /// Greater than that of every earlier one.
    #[serde(deserialize_with = "integer")]
    pub version: u64,
    /// When a newer one should have come. After it this one is still enforced, with a problem.
    #[serde(with = "time")]
    pub refresh_by: Timestamp,
    /// The user group.
    #[serde(deserialize_with = "nullable")]
    pub group: Option<Group>,
    /// The policy; null gives control back to the local restrictions.
    #[serde(deserialize_with = "nullable")]
    pub policy: Option<Policy>,
    /// The golden image.
    #[serde(deserialize_with = "nullable")]
    pub golden_image: Option<GoldenImage>,
    /// Several golden images in their order, where the organization offers more than one; the first is
    /// [`Self::golden_image`] again, for agents that know of one alone. Absent means that there is no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden_images: Vec<GoldenImage>,
    /// How images are to be fetched; absent means as fast as it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_delivery: Option<ImageDelivery>,
    /// The license-bound configuration profiles: deprecated, still respected, below the policy.
    pub configuration_profiles: Vec<ConfigurationProfile>,
    /// Whether the device's identity ends.
    pub retired: bool,
}

impl AsRef<Claims> for Assignment {
    fn as_ref(&self) -> &Claims {
        &self.claims
    }
}

/// A user group of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Its license key, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A policy of the portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The policy.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// How often it was changed.
    pub revision: u64,
    /// Values by settings key. An unknown key is reported and the rest counts.
    pub settings: Map<String, Value>,
}

/// A golden image of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenImage {
    /// The image.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where it is.
    pub images: ImageFiles,
}

/// How golden images are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDelivery {
    /// At most so many bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_s: Option<u64>,
    /// Over so many seconds the Macs of a group spread what a command orders of them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_s: Option<u64>,
}

/// The files of a golden image, one a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFiles {
    /// For Apple silicon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm64: Option<ImageFile>,
    /// For Intel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x86_64: Option<ImageFile>,
}

impl ImageFiles {
    /// The file for a processor.
    #[must_use]
    pub const fn of(&self, arch: Arch) -> Option<&ImageFile> {
        match arch {
            Arch::Arm64 => self.arm64.as_ref(),
            Arch::X86 => self.x86_64.as_ref(),
        }
    }
}

/// One file of a golden image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Where to fetch it.
    pub url: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its size in bytes when unpacked.
    pub unpacked_size: u64,
}

/// A license-bound configuration profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationProfile {
    /// Its name.
    pub name: String,
    /// Values by settings key.
    pub settings: Map<String, Value>,
}

impl Assignment {
    /// Verifies an assignment that arrives or was stored.
    ///
    /// # Errors
    /// [`DocumentError`], by the rule it breaks.
    pub fn verify(
        token: &str,
        addressee: &Addressee,
        judgement: Judgement<'_>,
    ) -> Result<Verified<Self>, DocumentError> {
        open((Typ::Assignment, KeyUse::Assignment), token, addressee, judgement)
    }

    /// The golden images that are assigned, in their order; a retired device has none.
    #[must_use]
    pub fn images(&self) -> &[GoldenImage] {
        match (self.retired, self.golden_images.as_slice()) {
            (true, _) => &[],
            (false, []) => self.golden_image.as_slice(),
            (false, several) => several,
        }
    }

    /// Whether `refresh_by` has passed.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now > self.refresh_by
    }
}

#[cfg(test)]
mod tests;
