//! What a device is to be assigned, and the signing of it.
//!
//! In go a device and what it has; out comes a token with a version above every earlier one, signed anew only when
//! what it says has changed, when it is about to need a refresh, or when the device has a higher version.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::device::{Device, Gate, Issued};
use super::{Model, RecordName, next_version};
use crate::domain::digest::Digest;
use crate::domain::ids::DeviceId;
use crate::wire::assignment::{self, Assignment};
use crate::wire::document::{Claims, Confirmation};
use crate::wire::key::{KeyError, SigningKey};
use crate::wire::time::NumericDate;
use crate::wire::token::{TokenError, Typ};

/// For how long an assignment is good before it needs a refresh.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_hours(24 * 14);

/// How long before that it is signed again.
const REFRESH_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Why there is no assignment.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// No such device.
    #[error("no such device")]
    NoDevice,
    /// No key could be made.
    #[error("cannot make a key")]
    Key(#[source] KeyError),
    /// It could not be signed.
    #[error("cannot sign the document")]
    Sign(#[source] TokenError),
}

/// What a device is to be assigned.
#[derive(Default, Debug, Clone, PartialEq, Serialize)]
pub struct Desired {
    /// Its group.
    pub group: Option<assignment::Group>,
    /// The group's policy.
    pub policy: Option<assignment::Policy>,
    /// The golden images that the policy carries for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub golden_images: Vec<assignment::GoldenImage>,
    /// How they are fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_delivery: Option<assignment::ImageDelivery>,
    /// The license-bound configuration profiles of its key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configuration_profiles: Vec<assignment::ConfigurationProfile>,
    /// Whether its identity ends.
    pub retired: bool,
}

impl Desired {
    /// What tells two of them apart.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Text keys and plain values alone, which JSON always expresses.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Model {
    /// What this device is to be assigned now.
    #[must_use]
    pub fn desired(&self, device: &Device) -> Desired {
        if device.retired {
            return Desired { retired: true, ..Desired::default() };
        }
        Desired {
            group: self.group_of(device).map(super::policy::Group::assigned),
            policy: self.policy_of(device).map(super::policy::Policy::assigned),
            golden_images: self.images_for(device),
            image_delivery: self.policy_of(device).and_then(|policy| policy.image_delivery),
            configuration_profiles: self
                .profiles_of(device)
                .map(super::profiles::ConfigurationProfile::assigned)
                .collect(),
            retired: false,
        }
    }

    /// Whether there is news for a device that it may be told: below the version gate only its retirement is.
    #[must_use]
    pub fn has_news(&self, device: &Device) -> bool {
        let current = device.issued.as_ref().map(|issued| issued.content);
        let may_know = device.retired || device.gate() == Gate::Open;
        may_know && current != Some(self.desired(device).digest())
    }

    /// The assignment of a device that says to have the version `have`.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn assignment(&mut self, id: DeviceId, have: u64, now: Timestamp) -> Result<Issued, SignError> {
        let device = self.devices.get(&id).ok_or(SignError::NoDevice)?;
        let desired = self.desired(device);
        let content = desired.digest();
        let last = device.issued.as_ref().map_or(0, |issued| issued.version);
        if let Some(issued) = &device.issued {
            let fresh = now.duration_since(issued.refresh_by) < -REFRESH_AHEAD;
            if issued.content == content && fresh && have <= issued.version {
                return Ok(issued.clone());
            }
        }
        let version = next_version(last.max(have), now);
        let refresh_by = now.checked_add(REFRESH_AFTER).unwrap_or(Timestamp::MAX);
        let payload = Assignment { refresh_by, ..self.payload(device, &desired, version, now) };
        let token = sign(&self.organization.signer, Typ::Assignment, &payload)?;
        let issued = Issued { version, content, refresh_by, token };
        if let Some(device) = self.devices.get_mut(&id) {
            device.issued = Some(issued.clone());
        }
        self.touch(RecordName::Device(id));
        Ok(issued)
    }

    /// The claims of every document for a device.
    #[must_use]
    pub fn claims(&self, device: &Device, now: Timestamp) -> Claims {
        Claims {
            iss: self.organization.id,
            aud: device.id,
            iat: NumericDate::of(now),
            cnf: Confirmation { jkt: device.key.thumbprint() },
            keyset: self.organization.keyset_version,
        }
    }

    /// The payload of an assignment that has to be refreshed at once.
    #[must_use]
    pub fn payload(&self, device: &Device, desired: &Desired, version: u64, now: Timestamp) -> Assignment {
        Assignment {
            claims: self.claims(device, now),
            version,
            refresh_by: now,
            group: desired.group.clone(),
            policy: desired.policy.clone(),
            golden_image: desired.golden_images.first().cloned(),
            golden_images: match desired.golden_images.as_slice() {
                [] | [_] => Vec::new(),
                several => several.to_vec(),
            },
            image_delivery: desired.image_delivery,
            configuration_profiles: desired.configuration_profiles.clone(),
            retired: desired.retired,
        }
    }
}

/// Signs a payload.
///
/// # Errors
/// [`SignError::Sign`].
pub(in crate::portal) fn sign(
    key: &SigningKey,
    typ: Typ,
    payload: &impl Serialize,
) -> Result<String, SignError> {
    key.sign(typ, payload).map_err(SignError::Sign)
}
