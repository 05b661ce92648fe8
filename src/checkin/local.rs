//! What the rest of the agent tells the check-in: where the portal is, and what to report.

use serde_json::{Map, Value};

use crate::domain::host::Host;
use crate::domain::version::{POLICY_GATE, ParallelsVersion};
use crate::wire::checkin::{
    self, ComplianceItem, ImageProgress, LeaseWish, LicenseReport, ReportedProblem, UpdateReport,
};
use crate::wire::command::Ack;
use crate::wire::enrollment::EnrollmentToken;
use crate::wire::inventory::{VmRecord, Volatile};
use crate::wire::key::PublicKey;

/// Everything the check-in knows of this Mac. It is compared with what the portal accepted last; there are no events.
#[derive(Debug, Clone, PartialEq)]
pub struct Local {
    /// What the profile says of the portal.
    pub portal: Portal,
    /// This Mac; `None` until it could be read, and then nothing is enrolled.
    pub host: Option<Host>,
    /// The version of Meridian.
    pub agent_version: String,
    /// Parallels Desktop.
    pub parallels: Parallels,
    /// The local restrictions by settings key; the baseline while a policy is assigned.
    pub local_restrictions: Map<String, Value>,
    /// The profile's settings by settings key.
    pub profile_settings: Map<String, Value>,
    /// What is decided of updates of Parallels Desktop.
    pub updates: Option<UpdateReport>,
    /// How far each setting is enforced.
    pub compliance: Vec<ComplianceItem>,
    /// What is wrong with the agent. The check-in adds its own.
    pub problems: Vec<ReportedProblem>,
    /// The virtual machines; `None` where they could not be listed.
    pub vms: Option<Machines>,
    /// The golden images that are being installed.
    pub images: Vec<ImageProgress>,
    /// The license and the commands.
    pub licensing: Licensing,
}

/// What there is to say of the license and of commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licensing {
    /// The license as this Mac knows it; `None` until it was looked at.
    pub license: Option<LicenseReport>,
    /// What is wanted of the lease. It is said in every check-in for as long as it stands here, save that a verification
    /// that was denied rests for a while.
    pub wish: LeaseWish,
    /// What became of commands; each is said until it is taken out, which is when it was in `acked`.
    pub acks: Vec<Ack>,
    /// How often a full report of the virtual machines was asked for since the daemon started.
    pub full_reports: u64,
}

/// The virtual machines of all users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machines {
    /// Their stable facts.
    pub records: Vec<VmRecord>,
    /// Their volatile figures, rounded.
    pub volatile: Vec<Volatile>,
}

/// What the profile says of the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portal {
    /// `PortalURL` as an origin, without a slash at the end.
    pub origin: Option<String>,
    /// `PortalRootKey`, where it is a key.
    pub root_key: Option<PublicKey>,
    /// `PortalRootKey` is there, but is no key: a problem of the profile, which is told as such.
    pub root_key_is_bad: bool,
    /// `EnrollmentToken`.
    pub token: Option<EnrollmentToken>,
    /// `PortalCA`: certificates that the portal's may chain to, besides the system's; PEM text or DER.
    pub ca: Option<Vec<u8>>,
}

/// Parallels Desktop on this Mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parallels {
    /// Not installed.
    Missing,
    /// Installed in a version that cannot be read: neither "none" nor "too old".
    Unreadable,
    /// Installed.
    Installed(ParallelsVersion),
}

impl Parallels {
    /// Whether a check-in carries presence only.
    #[must_use]
    pub fn is_below_gate(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Unreadable => false,
            Self::Installed(version) => !version.reaches(POLICY_GATE),
        }
    }

    /// As a check-in says it.
    #[must_use]
    pub fn on_the_wire(&self) -> checkin::ParallelsVersion {
        match self {
            Self::Missing => checkin::ParallelsVersion::Missing,
            Self::Unreadable => checkin::ParallelsVersion::Unreadable,
            Self::Installed(version) => checkin::ParallelsVersion::Installed(version.to_string()),
        }
    }
}
