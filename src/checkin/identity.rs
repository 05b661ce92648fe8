//! Who this Mac is to the portal, as a document: the device's key, the enrollment, and what must not repeat.
//!
//! The key and the enrollment id are stored before the first try, so that whatever moment a crash comes at, the same
//! attempt goes on. `seq` is the greater of last + 1 and Unix milliseconds and is stored before each request: even where
//! that failed, a number repeats only if the clock was set back as well, and then the portal names its floor.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::schedule::Backoff;
use crate::domain::digest::Digest;
use crate::domain::host::Hardware;
use crate::domain::ids::{DeviceId, EnrollmentId, OrganizationId};
use crate::wire::enrollment::{EnrollmentReason, EnrollmentToken};
use crate::wire::key::{PublicKey, SigningKey, Thumbprint};
use crate::wire::limits::LARGEST_INTEGER;

/// How many identities of the past are remembered.
const FORMER: usize = 8;

/// How many enrollment tokens that a retirement spent are remembered.
const SPENT: usize = 32;

/// The secret bytes of the device's key. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Those of a key.
    #[must_use]
    pub const fn of(key: &SigningKey) -> Self {
        Self(*key.seed())
    }

    /// The key again; `None` for bytes that are no key's.
    #[must_use]
    pub fn key(&self) -> Option<SigningKey> {
        SigningKey::from_seed(self.0).ok()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| de::Error::custom("not 32 bytes"))
    }
}

/// The document: the identity that holds, and those that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    /// The one that holds, enrolled or about to be.
    pub current: Option<Identity>,
    /// Why the next one will enroll, where that is known from how the last one ended.
    pub next: Option<Cause>,
    /// Those that ended, latest last. Their keys are gone.
    pub former: Vec<Former>,
    /// The tokens that do not enroll again, because the device that they enrolled was retired.
    pub spent: BTreeSet<Digest>,
}

/// One identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The device's key.
    pub seed: Seed,
    /// The attempt to enroll that goes on or succeeded.
    pub attempt: Attempt,
    /// Who this Mac is; `None` until it is enrolled.
    pub enrolled: Option<Enrolled>,
    /// The token that was refused last.
    pub refused: Option<RefusedToken>,
    /// What changes with every request.
    pub pace: Pace,
}

/// An attempt to enroll, the same in every retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id.
    pub id: EnrollmentId,
    /// Why it is made.
    pub cause: Cause,
}

/// Why a Mac enrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Why.
    pub reason: EnrollmentReason,
    /// The device that this Mac was before.
    pub previous: Option<DeviceId>,
}

impl Cause {
    /// For the first time, as far as the agent knows.
    pub const FIRST: Self = Self { reason: EnrollmentReason::First, previous: None };
}

/// What the portal made of an enrollment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The attempt that succeeded.
    pub attempt: EnrollmentId,
    /// The device, as a signed assignment confirmed it.
    pub device: DeviceId,
    /// The organization, from the signed keyset.
    pub organization: OrganizationId,
    /// The root key by which it was verified.
    pub root: PublicKey,
    /// The portal's origin then.
    pub origin: String,
    /// The hardware that was claimed.
    pub hardware: Hardware,
    /// The digest of the token.
    pub token: Digest,
    /// When; what an agent stored that did not keep it yet has none.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// A token that was refused, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedToken {
    /// Its digest.
    pub token: Digest,
    /// When.
    pub at: Timestamp,
}

/// What changes with every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The sequence number that was used last.
    pub seq: u64,
    /// What to add to the clock for `iat`, in seconds, as `clock-skew` taught it.
    pub clock_offset_s: i64,
    /// The failures in a row.
    pub backoff: Backoff,
    /// When the last request left.
    pub last: Option<Timestamp>,
    /// When a check-in succeeded last. It is stored with the next request, so that it costs no writing of its own, or at
    /// once where what is stored is an hour old: after a restart it may be up to an hour too early, never too late.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
}

impl Pace {
    /// Takes the next sequence number.
    pub fn next_seq(&mut self, now: Timestamp) -> u64 {
        let clock = u64::try_from(now.as_millisecond()).unwrap_or(0);
        self.seq = self.seq.saturating_add(1).max(clock).min(LARGEST_INTEGER);
        self.seq
    }

    /// Jumps above the portal's floor, unless that is over 2^32 above both the last number and the clock, where no
    /// portal's floor can be.
    #[must_use]
    pub fn jump(&mut self, floor: u64, now: Timestamp) -> bool {
        let clock = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let credible = floor <= self.seq.max(clock).saturating_add(1 << 32) && floor < LARGEST_INTEGER;
        if credible {
            self.seq = self.seq.max(floor);
        }
        credible
    }
}

/// An identity that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The device.
    pub device: DeviceId,
    /// The organization.
    pub organization: OrganizationId,
    /// Its key's thumbprint.
    pub key: Option<Thumbprint>,
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub end: End,
}

/// Why an identity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A signed assignment retired the device.
    Retired,
    /// This Mac is another one.
    HardwareChanged,
}

impl Identities {
    /// A new identity with this key and attempt, which enrolls for the reason that the last one left behind.
    pub fn begin(&mut self, key: &SigningKey, id: EnrollmentId) {
        let cause = self.next.take().unwrap_or(Cause::FIRST);
        self.current = Some(Identity {
            seed: Seed::of(key),
            attempt: Attempt { id, cause },
            enrolled: None,
            refused: None,
            pace: Pace::default(),
        });
    }

    /// Ends the identity that holds: it is archived without its key.
    pub fn end(&mut self, end: End, now: Timestamp) {
        let Some(Identity { seed, enrolled, .. }) = self.current.take() else { return };
        let previous = enrolled.as_ref().map(|enrolled| enrolled.device);
        let cause = |reason| Some(Cause { reason, previous });
        self.next = match end {
            End::Retired => None,
            End::HardwareChanged => cause(EnrollmentReason::HardwareChanged),
        };
        if let Some(Enrolled { device, organization, token, .. }) = enrolled {
            if end == End::Retired {
                self.spend(token);
            }
            let key = seed.key().map(|key| key.thumbprint());
            self.former.push(Former { device, organization, key, at: now, end });
            self.former.drain(..self.former.len().saturating_sub(FORMER));
        }
    }

    /// A token that is not to enroll this Mac again.
    pub fn spend(&mut self, token: Digest) {
        if self.spent.len() >= SPENT {
            self.spent.pop_first();
        }
        self.spent.insert(token);
    }
}

/// A token's digest, by which it is known again without being stored.
#[must_use]
pub fn token_digest(token: &EnrollmentToken) -> Digest {
    Digest::of(token.expose().as_bytes())
}

/// Whether two Macs are different ones: serial number and platform UUID both differ, and all four are known. A new
/// logic board changes one of them, a disk moved or cloned to another Mac both.
#[must_use]
pub fn is_other_mac(enrolled: &Hardware, present: &Hardware) -> bool {
    let differ =
        |one: &str, other: &str| !one.is_empty() && !other.is_empty() && !one.eq_ignore_ascii_case(other);
    differ(&enrolled.serial, &present.serial) && differ(&enrolled.platform_uuid, &present.platform_uuid)
}
