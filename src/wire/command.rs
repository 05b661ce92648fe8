//! Commands of the portal: a closed list, signed one by one, with no scripts in it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::{Addressee, Claims, DocumentError, Judgement, open};
use super::json::integer;
use super::keyset::KeyUse;
use super::time;
use super::token::{Typ, Verified};
use crate::domain::ids::CommandId;

/// How many open commands an answer repeats at the most, the oldest first.
pub const REPEATED: usize = 16;

/// How far ahead a command may expire at the most, in days.
pub const LONGEST_DAYS: i64 = 30;

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// From whom and for whom.
    #[serde(flatten)]
    pub claims: Claims,
    /// Its id.
    pub id: CommandId,
    /// Greater than that of every earlier command for this device.
    #[serde(deserialize_with = "integer")]
    pub seq: u64,
    /// What to do.
    pub kind: CommandKind,
    /// More about it; none of the kinds so far takes any.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// When it is too late.
    #[serde(with = "time")]
    pub expires_at: Timestamp,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Give the license back, as `meridian deactivate-license` does.
    DeactivateLicense,
    /// Verify the license now.
    VerifyLicense,
    /// List the virtual machines now and report all of them.
    RefreshInventory,
    /// Install the golden image.
    FetchImage,
    /// Gather an archive for support, which stays on the Mac.
    CollectDiagnostics,
    /// A kind of a later protocol; it is answered `unsupported`.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for CommandKind {
    /// The word on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl CommandKind {
    /// True for a kind that may run again after a crash, because doing it twice is doing it once.
    #[must_use]
    pub const fn is_convergent(self) -> bool {
        matches!(self, Self::DeactivateLicense | Self::VerifyLicense | Self::RefreshInventory)
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The command.
    pub id: CommandId,
    /// What became of it.
    pub state: AckState,
    /// More, in words that may travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckState {
    /// Done.
    Succeeded,
    /// Tried, and failed.
    Failed,
    /// Too late, or not known any more.
    Expired,
    /// The agent ended in the middle, and it may not run twice.
    Interrupted,
    /// This version does not know it.
    Unsupported,
}

impl AsRef<Claims> for Command {
    fn as_ref(&self) -> &Claims {
        &self.claims
    }
}

impl Command {
    /// Verifies a command that arrives or was stored.
    ///
    /// # Errors
    /// [`DocumentError`], by the rule it breaks.
    pub fn verify(
        token: &str,
        addressee: &Addressee,
        judgement: Judgement<'_>,
    ) -> Result<Verified<Self>, DocumentError> {
        open((Typ::Command, KeyUse::Command), token, addressee, judgement)
    }
}
