//! Who may enroll: enrollment tokens, and the enrollments that were answered.
//!
//! In go a token's text and the hardware that asks; out comes the token's record or why there is none. Tokens are
//! kept as SHA-256; their text is shown once, when they are made.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, EnrollmentId, GroupId};
use crate::wire::key::{KeyError, Thumbprint};
use crate::wire::problem::Refusal;

/// How many enrollments one hardware may have within [`WINDOW`].
const ENROLLMENTS: usize = 20;

/// The time over which enrollments are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// For how long after the first check-in an enrollment may be repeated.
const REPEATABLE: SignedDuration = SignedDuration::from_hours(24);

/// A secret of 256 random bits as text.
///
/// # Errors
/// [`KeyError::Random`].
pub fn random_secret(prefix: &str) -> Result<String, KeyError> {
    let mut secret = [0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::Random)?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// An enrollment token. Its digest is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of its text.
    pub id: Digest,
    /// What it is for, for people.
    pub label: String,
    /// The user group that it enrolls into.
    pub group: Option<GroupId>,
    /// Whether it serves more than one enrollment.
    pub reusable: bool,
    /// After when it serves none.
    pub expires_at: Option<Timestamp>,
    /// How many it served.
    pub uses: u64,
    /// Whether an administrator revoked it.
    pub revoked: bool,
}

/// An enrollment that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrollment {
    /// The key that enrolled.
    pub key: Thumbprint,
    /// The device it became.
    pub device: DeviceId,
    /// The token that was used.
    pub token: Digest,
    /// When the device first checked in after it.
    pub first_checkin: Option<Timestamp>,
}

impl Enrollment {
    /// Whether the same request by this key still gets the same answer.
    #[must_use]
    pub fn repeatable(&self, key: Thumbprint, now: Timestamp) -> bool {
        self.key == key && self.first_checkin.is_none_or(|first| now.duration_since(first) < REPEATABLE)
    }
}

/// Tokens and enrollments.
#[derive(Debug, Default)]
pub struct Admissions {
    /// The tokens.
    pub tokens: BTreeMap<Digest, Token>,
    /// The enrollments that were answered.
    pub enrollments: BTreeMap<EnrollmentId, Enrollment>,
    recent: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Admissions {
    /// The token of this text, if it may be used now.
    ///
    /// # Errors
    /// `token-invalid`, `token-expired`, `token-used`.
    pub fn admit(&self, text: &str, now: Timestamp) -> Result<&Token, Refusal> {
        let token = self.tokens.get(&Digest::of(text.as_bytes())).ok_or(Refusal::TokenInvalid)?;
        if token.revoked {
            Err(Refusal::TokenInvalid)
        } else if token.expires_at.is_some_and(|end| now >= end) {
            Err(Refusal::TokenExpired)
        } else if !token.reusable && token.uses > 0 {
            Err(Refusal::TokenUsed)
        } else {
            Ok(token)
        }
    }

    /// Counts an enrollment of this hardware, whose holder has shown a valid token; else for how many seconds it has
    /// to wait. What is older than ten minutes is forgotten, so that memory stays flat.
    pub fn count(&mut self, platform_uuid: &str, now: Timestamp) -> Result<(), u64> {
        self.recent.retain(|_, times| {
            times.retain(|time| now.duration_since(*time).abs() < WINDOW);
            !times.is_empty()
        });
        let times = self.recent.entry(platform_uuid.to_owned()).or_default();
        match times.front() {
            Some(first) if times.len() >= ENROLLMENTS => {
                let left = WINDOW.saturating_sub(now.duration_since(*first));
                Err(u64::try_from(left.as_secs()).unwrap_or(0).max(1))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}
