//! `POST /v1/checkin`: the one request of the steady state.
//!
//! [`CheckinRequest`] is what an agent sends. A portal reads [`ReceivedCheckin`]: a bad item is refused by itself
//! there and the rest counts, so that only `reason` and `have` are typed at once.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::codes::{ComplianceReason, ProblemCode};
use super::command::Ack;
use super::inventory::Inventory;
use super::time;
use crate::domain::compliance::{Compliance, Tally};
use crate::domain::host::Hardware;
use crate::domain::ids::{CommandId, ImageId};
use crate::domain::license::LicenseFacts;
use crate::domain::subject::Subject;

/// The path of the endpoint.
pub const PATH: &str = "/v1/checkin";

/// Why an agent checks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckinReason {
    /// The daemon started.
    Startup,
    /// It was due.
    Interval,
    /// The portal woke it.
    Wake,
    /// The virtual machines changed.
    VmChange,
    /// The profile changed.
    ProfileChange,
    /// The license changed.
    LicenseChange,
    /// A person asked for it.
    Manual,
    /// The agent is being removed.
    Uninstall,
}

/// The versions of the signed documents that an agent has stored; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// `version` of the keyset.
    pub keyset: u64,
    /// `version` of the assignment.
    pub assignment: u64,
    /// `seq` of the lease.
    pub lease: u64,
}

/// What an agent sends. A member that is `None` has not changed since it was last accepted; one that is sent
/// replaces the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckinRequest {
    /// Why.
    pub reason: CheckinReason,
    /// What is stored.
    pub have: Have,
    /// The Mac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// How far each setting is enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Vec<ComplianceItem>>,
    /// What is wrong with the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<ReportedProblem>>,
    /// The virtual machines; `None` where they could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The license as this Mac knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseReport>,
    /// The golden images that are being installed, where that differs from what was last accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<ImageProgress>>,
    /// What became of commands, until the portal confirms to know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acks: Vec<Ack>,
    /// What is wanted of the lease.
    #[serde(default, skip_serializing_if = "LeaseWish::is_keep")]
    pub lease: LeaseWish,
}

/// How far a golden image is for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageProgress {
    /// The account's short name.
    pub user: String,
    /// The image.
    pub image: ImageId,
    /// Its name.
    pub name: String,
    /// `waiting`, `downloading`, `copying`, `registering`, `unpacking`, `installed` or `failed`; a later version may have more.
    pub stage: String,
    /// How much of it was fetched, in steps of ten percent.
    pub percent: u8,
    /// What it waits for, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemCode>,
}

/// What is wanted of the lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseWish {
    /// Nothing: a newer one comes by itself.
    #[default]
    Keep,
    /// A newer one, verified, or `license-denied`.
    Verify,
    /// The seat is given back.
    Release,
}

impl LeaseWish {
    /// True for [`Self::Keep`], which an absent member means.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// The license as the Mac knows it, from `prlsrvctl info --license` and `licenses.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseReport {
    /// `active`, `graced`, `expired`, `suspended`, `invalid`, `none` or `unknown`; a later version may have more.
    pub state: String,
    /// `standard`, `pro`, `business`, `enterprise`, or another word of Parallels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// `key`, `sso` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
    /// The key, masked but for its first and last group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// True for a sublicense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sublicense: Option<bool>,
    /// The user who signed in, where the license is per user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When the paid period ends.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::optional")]
    pub main_period_ends_at: Option<Timestamp>,
}

impl From<&LicenseFacts> for LicenseReport {
    fn from(facts: &LicenseFacts) -> Self {
        Self {
            state: facts.state.name().to_owned(),
            edition: facts.edition.clone(),
            activation: facts.activation.map(|activation| activation.name().to_owned()),
            key: facts.key.as_ref().map(ToString::to_string),
            sublicense: facts.sublicense,
            user: facts.user.clone(),
            main_period_ends_at: facts.main_period_ends_at,
        }
    }
}

/// A check-in as a portal reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivedCheckin {
    /// Why; a bad one makes the request `malformed`.
    pub reason: CheckinReason,
    /// What is stored; a bad one makes the request `malformed`.
    pub have: Have,
    /// Every other member, known or not.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

/// The Mac, as it reports itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The hardware, a claim.
    pub hardware: Hardware,
    /// The host name.
    pub hostname: String,
    /// The version of macOS.
    pub os_version: String,
    /// The version of Meridian.
    pub agent_version: String,
    /// Parallels Desktop.
    #[serde(default, skip_serializing_if = "ParallelsVersion::is_unreadable")]
    pub parallels_version: ParallelsVersion,
    /// The local restrictions by settings key; the baseline while a policy is assigned. `None` below the version gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_restrictions: Option<Map<String, Value>>,
    /// The profile's settings by settings key. `None` below the version gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_settings: Option<Map<String, Value>>,
    /// What is decided of updates of Parallels Desktop. `None` where no setting is about them, and below the version gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<UpdateReport>,
}

/// What is decided of updates of Parallels Desktop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateReport {
    /// The newest version that the feed offers and that is newer than the installed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<String>,
    /// The newest that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// Those that are held back, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldUpdate>,
    /// The major version that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_major: Option<u64>,
    /// The address of the feed that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
}

/// An update that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUpdate {
    /// Its version.
    pub version: String,
    /// Why: `next-major`, `switched-off` or `incomparable`; a later version may have more.
    pub reason: String,
}

/// Which Parallels Desktop a Mac has. "Cannot be read" is neither "none" nor "too old".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ParallelsVersion {
    /// One is installed whose version cannot be read; the member is absent.
    #[default]
    Unreadable,
    /// None is installed; the member is null.
    Missing,
    /// This one, such as `26.1.1`.
    Installed(String),
}

impl ParallelsVersion {
    /// Whether the member is to be left out.
    #[must_use]
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

impl Serialize for ParallelsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unreadable | Self::Missing => serializer.serialize_none(),
            Self::Installed(version) => serializer.serialize_str(version),
        }
    }
}

impl<'de> Deserialize<'de> for ParallelsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Missing, Self::Installed))
    }
}

/// The words that travel for how far a setting is enforced; what they mean stands at [`Compliance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComplianceState {
    /// Observed to be as ordered.
    Compliant,
    /// Changed behind the agent's back, being put right.
    Drifted,
    /// Applying it failed.
    Failed,
    /// It cannot be enforced on this Mac; with `no-lever`, nothing enforces it and the agent heeds it.
    Unsupported,
    /// Not yet known.
    Pending,
    /// Something exists that the policy forbids and Parallels Desktop cannot prevent.
    Violated,
}

impl ComplianceState {
    /// How the setting stands, with the reason that says whether it is heeded.
    #[must_use]
    pub const fn with(self, reason: Option<ComplianceReason>) -> Compliance {
        match (self, reason) {
            (Self::Unsupported, Some(ComplianceReason::NoLever)) => Compliance::Heeded,
            (Self::Unsupported, _) => Compliance::Unsupported,
            (Self::Compliant, _) => Compliance::Compliant,
            (Self::Drifted, _) => Compliance::Drifted,
            (Self::Failed, _) => Compliance::Failed,
            (Self::Pending, Some(ComplianceReason::NotShown)) => Compliance::Unshown,
            (Self::Pending, _) => Compliance::Pending,
            (Self::Violated, _) => Compliance::Violated,
        }
    }
}

/// One setting of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceItem {
    /// What the setting is set on.
    pub subject: Subject,
    /// The key of the settings catalog, or an unknown one that the policy names.
    pub setting: String,
    /// How far it is enforced.
    pub state: ComplianceState,
    /// Why, where the state does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ComplianceReason>,
}

impl ComplianceItem {
    /// How many settings of a report are in each state.
    #[must_use]
    pub fn tally<'a>(items: impl IntoIterator<Item = &'a Self>) -> Tally {
        Tally::of(items.into_iter().map(|item| (item.setting.as_str(), item.state.with(item.reason))))
    }
}

/// Something wrong with the agent or its Mac.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedProblem {
    /// What.
    pub code: ProblemCode,
    /// Since when.
    #[serde(with = "time")]
    pub since: Timestamp,
    /// More for a person: no path below `/Users`, no token, no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// When an agent is to check in again. The agent clamps what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// After so many seconds.
    pub after_s: u64,
    /// And a random part of so many.
    pub jitter_s: u64,
    /// Whether to hold a `GET /v1/wait` open.
    pub wait: bool,
}

/// A member that a portal wants in full, though it has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resend {
    /// `device`.
    Device,
    /// `license`.
    License,
    /// `compliance`.
    Compliance,
    /// `problems`.
    Problems,
    /// `inventory`, as a full report.
    Inventory,
    /// A word of a later portal, to be ignored.
    #[serde(other)]
    Unknown,
}

/// An item that a portal did not take, while the rest counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its JSON pointer in the request.
    pub member: String,
    /// Why.
    pub reason: String,
}

/// The answer, with status 200. A document that is `None` has not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckinAnswer {
    /// The portal's clock.
    #[serde(with = "time")]
    pub server_time: Timestamp,
    /// When to check in again.
    pub next: Next,
    /// A keyset, a token; to be taken before the assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyset: Option<String>,
    /// An assignment, a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<String>,
    /// A newer lease, a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// The oldest open commands, tokens, by `seq`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Every id of the request's acknowledgements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acked: Vec<CommandId>,
    /// What to send in full next time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resend: Vec<Resend>,
    /// What was not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
}

#[cfg(test)]
mod tests;
