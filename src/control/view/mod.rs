//! What the daemon shows: the daemon fills these, the command line renders them, and `--json` prints them as they are.
//!
//! Text in them may come from users and virtual machines and is hostile to a terminal until rendered. Times are UTC.
//! [`Answer::seen_by`] leaves each viewer what is theirs; it is the one place where that is decided for a whole answer.

mod explain;
mod images;
mod leave;
mod license;
mod plan;
mod status;
mod updates;
mod vms;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use explain::{ExplainView, LoserView, OutcomeView, SettingView, SubjectStateView, WinnerView};
pub use images::{ImageUserView, ImageView, ImagesView, InstallView, MachineView};
pub use leave::{Farewell, LeaveView};
pub use license::{
    DeactivationView, LeaseView, LicenseNext, LicenseView, NextStep, OnMacView, ReactivationView,
    VerificationView,
};
pub use plan::{ActionView, PlanView, WithheldView};
pub use status::{
    AgentView, AssignmentView, CheckinView, EnforcementView, GroupView, HealthState, HealthView, LastCheckin,
    NextCheckin, ParallelsGate, ParallelsView, PolicyView, PortalView, SourceView, StatusView, VmTotals,
};
pub use updates::{FeedView, HeldView, PassedView, UpdateSettingView, UpdatesView};
pub use vms::{Availability, UserVmsView, VmView, VmsView};

use super::auth::Viewer;
use super::proto::Answer;
use crate::domain::ids::Uid;
use crate::domain::subject::Subject;

/// The layer that a value comes from, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerView {
    /// The Security tab of Parallels Desktop.
    Local,
    /// A deprecated license-bound configuration profile.
    LicenseProfile,
    /// A profile that MDM installed.
    Profile,
    /// The policy of the portal.
    Policy,
}

/// The object that a setting or a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectView {
    /// The object: `app`, `user:501`, or the id of a virtual machine.
    pub subject: Subject,
    /// The name of the user or the virtual machine, as found.
    pub name: Option<String>,
    /// The macOS users who have the virtual machine in their list; empty for other objects.
    pub owners: Vec<Uid>,
}

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// The stable code, as listed in the README.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong, in a sentence. Without a `subject` everyone reads it, so it then names no user and no machine.
    pub detail: String,
    /// What to do about it; empty where nothing needs to be done.
    pub remedy: String,
    /// What it is about, where that is one object.
    pub subject: Option<SubjectView>,
}

impl SubjectView {
    /// Parallels Desktop on this Mac.
    #[must_use]
    pub const fn app() -> Self {
        Self { subject: Subject::App, name: None, owners: Vec::new() }
    }

    fn is_seen_by(&self, viewer: Viewer) -> bool {
        viewer.sees(self.subject, &self.owners)
    }
}

impl ProblemView {
    fn is_seen_by(&self, viewer: Viewer) -> bool {
        self.subject.as_ref().is_none_or(|subject| subject.is_seen_by(viewer))
    }
}

impl Answer {
    /// The part of the answer that is for this viewer.
    #[must_use]
    pub fn seen_by(self, viewer: Viewer) -> Self {
        match self {
            Self::Status(view) => Self::Status(Box::new(view.seen_by(viewer))),
            Self::Explain(view) => Self::Explain(view.seen_by(viewer)),
            Self::Plan(view) => Self::Plan(view.seen_by(viewer)),
            Self::Vms(view) => Self::Vms(view.seen_by(viewer)),
            Self::Images(view) => Self::Images(view.seen_by(viewer)),
            Self::Ordered { .. } | Self::Accepted { .. } | Self::Refused(_) => self,
        }
    }
}

#[cfg(test)]
mod tests;
