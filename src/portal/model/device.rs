//! A Mac as the portal knows it.
//!
//! In go an enrollment and what check-ins report; out comes what the version gate says. All texts here are the
//! device's own claims.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::command::Ordered;
use crate::domain::digest::Digest;
use crate::domain::host::Hardware;
use crate::domain::ids::{DeviceId, EnrollmentId, GroupId};
use crate::domain::version::{POLICY_GATE, ParallelsVersion};
use crate::wire::checkin::{
    self, CheckinReason, ComplianceItem, ImageProgress, LicenseReport, ParallelsVersion as ReportedVersion,
    ReportedProblem,
};
use crate::wire::enrollment::EnrollmentReason;
use crate::wire::key::PublicKey;

/// How many enrollments of a device are remembered.
const HISTORY: usize = 20;

/// A Mac.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its key.
    pub key: PublicKey,
    /// Its user group.
    pub group: Option<GroupId>,
    /// Its enrollments, the latest last; never empty.
    pub history: Vec<Enrolled>,
    /// What it last reported.
    pub reported: Reported,
    /// The assignment that was last signed for it.
    pub issued: Option<Issued>,
    /// The root of its inventory, as accepted; none before the first report.
    pub root: Option<Digest>,
    /// Whether an administrator retired it.
    pub retired: bool,
    /// When its identity was last used by another Mac.
    pub forked_at: Option<Timestamp>,
    /// Its commands, the latest last.
    #[serde(default)]
    pub commands: Vec<Ordered>,
}

/// One enrollment of a Mac.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Its id.
    pub id: EnrollmentId,
    /// When.
    pub at: Timestamp,
    /// Why, as the agent says.
    pub reason: EnrollmentReason,
    /// Which device the Mac says to have been before.
    pub previous: Option<DeviceId>,
    /// What the Mac said to be.
    pub claims: Claims,
}

/// What a Mac says of itself when it enrolls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The hardware.
    pub hardware: Hardware,
    /// The host name.
    pub hostname: String,
    /// The version of macOS.
    pub os_version: String,
    /// The version of Meridian.
    pub agent_version: String,
}

/// What a device last reported; `None` is never.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// The Mac.
    pub device: Option<checkin::Device>,
    /// How far settings are enforced.
    pub compliance: Option<Vec<ComplianceItem>>,
    /// What is wrong.
    pub problems: Option<Vec<ReportedProblem>>,
    /// The license as the Mac knows it, its key masked.
    #[serde(default)]
    pub license: Option<LicenseReport>,
    /// The golden images that are being installed.
    #[serde(default)]
    pub images: Option<Vec<ImageProgress>>,
}

/// A signed assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its version.
    pub version: u64,
    /// The digest of what it assigns, without claims and times.
    pub content: Digest,
    /// When it has to be followed by another.
    pub refresh_by: Timestamp,
    /// The token.
    pub token: String,
}

/// The use of a key. It is kept apart from the device, as it changes with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whose key it is now.
    pub device: DeviceId,
    /// The highest sequence number of a verified request.
    pub floor: u64,
    /// When that was.
    pub seen: Timestamp,
    /// Why the device last checked in; none before it did.
    pub reason: Option<CheckinReason>,
}

/// How the Parallels Desktop of a device stands to the version gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Managed: new enough, not readable, or never reported.
    Open,
    /// None is installed, or one older than 20.1.0: presence only.
    Shut,
}

impl Device {
    /// Remembers one more enrollment, forgetting the oldest beyond twenty.
    pub fn remember(&mut self, enrolled: Enrolled) {
        self.history.push(enrolled);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    /// How it stands to the version gate. What cannot be read is not too old.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let Some(device) = &self.reported.device else {
            return Gate::Open;
        };
        match &device.parallels_version {
            ReportedVersion::Missing => Gate::Shut,
            ReportedVersion::Installed(text)
                if text.parse::<ParallelsVersion>().is_ok_and(|version| !version.reaches(POLICY_GATE)) =>
            {
                Gate::Shut
            }
            ReportedVersion::Installed(_) | ReportedVersion::Unreadable => Gate::Open,
        }
    }

    /// Whether this hardware is another Mac than the one that enrolled: serial and UUID both differ.
    #[must_use]
    pub fn is_forked_by(&self, hardware: &Hardware) -> bool {
        self.history.last().is_some_and(|enrolled| {
            let known = &enrolled.claims.hardware;
            known.serial != hardware.serial && known.platform_uuid != hardware.platform_uuid
        })
    }

    /// What it says of itself, by its last report or else its enrollment.
    #[must_use]
    pub fn claims(&self) -> Option<Claims> {
        let reported = self.reported.device.as_ref().map(|device| Claims {
            hardware: device.hardware.clone(),
            hostname: device.hostname.clone(),
            os_version: device.os_version.clone(),
            agent_version: device.agent_version.clone(),
        });
        reported.or_else(|| self.history.last().map(|enrolled| enrolled.claims.clone()))
    }
}
