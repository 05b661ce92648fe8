//! Where a license stands, in one word.

use serde::{Deserialize, Serialize};

/// Where the license stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nobody has said anything of it yet. It never means that there is none.
    Unknown,
    /// The Mac itself says that there is none, or none that is good, and the portal has not said more.
    Unlicensed,
    /// Good, and verified.
    Active,
    /// Good, and to be verified now.
    VerificationDue,
    /// Past the time at which it was to be verified, and still within its grace.
    InGrace,
    /// Past its grace. What follows is the portal's to say; by default it is reported, and policy stays enforced.
    Unverified,
    /// A signed lease suspends it.
    Suspended,
    /// A signed lease takes it away.
    Revoked,
    /// A signed lease says that the seat is free again.
    Released,
}

impl Stage {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Unlicensed,
        Self::Active,
        Self::VerificationDue,
        Self::InGrace,
        Self::Unverified,
        Self::Suspended,
        Self::Revoked,
        Self::Released,
    ];

    /// The word in screens and fields.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unlicensed => "unlicensed",
            Self::Active => "active",
            Self::VerificationDue => "verification-due",
            Self::InGrace => "in-grace",
            Self::Unverified => "unverified",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Released => "released",
        }
    }
}
