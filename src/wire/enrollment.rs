//! `POST /v1/enrollments`: how a Mac becomes known to the portal.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checkin::Next;
use super::key::PublicKey;
use super::time;
use crate::domain::host::Hardware;
use crate::domain::ids::{DeviceId, EnrollmentId};

/// The path of the endpoint.
pub const PATH: &str = "/v1/enrollments";

/// The token of the profile that lets a Mac enroll. It is a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnrollmentToken(String);

impl EnrollmentToken {
    /// The token with this text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the request alone; neither a log nor a problem may hold it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrollmentToken(…)")
    }
}

/// Why a Mac enrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentReason {
    /// It never enrolled before, as far as it knows.
    First,
    /// Serial and platform UUID are both other than those it enrolled with.
    HardwareChanged,
    /// Its key is gone or unreadable.
    KeyLost,
    /// An administrator of the Mac asked for it.
    AdminReset,
}

/// The request. Hardware and previous device are claims: they never disable another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentRequest {
    /// This attempt, the same in every retry.
    pub enrollment_id: EnrollmentId,
    /// The profile's token.
    pub token: EnrollmentToken,
    /// The device's new key; it also signs the request's proof.
    pub public_key: PublicKey,
    /// The Mac.
    pub hardware: Hardware,
    /// Its name.
    pub hostname: String,
    /// The version of macOS.
    pub os_version: String,
    /// The version of Meridian.
    pub agent_version: String,
    /// Why.
    pub reason: EnrollmentReason,
    /// The device that this Mac was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_device_id: Option<DeviceId>,
}

/// The answer, with status 201.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentAnswer {
    /// Who this Mac is from now on.
    pub device_id: DeviceId,
    /// The current keyset, a token.
    pub keyset: String,
    /// The device's assignment, a token.
    pub assignment: String,
    /// The license lease, a token; none from a portal that licenses nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// When to check in.
    pub next: Next,
    /// The portal's clock.
    #[serde(with = "time")]
    pub server_time: Timestamp,
}
