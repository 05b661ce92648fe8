//! `meridian status`, and the status file that anyone may read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::auth::Viewer;
use super::vms::UserVmsView;
use super::{InstallView, LayerView, LicenseView, ProblemView, UpdatesView};
use crate::domain::compliance::Tally;
use crate::domain::ids::{DeviceId, GroupId, OrganizationId, PolicyId, Uid};

/// How the agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// Whether all is well.
    pub health: HealthView,
    /// The agent itself.
    pub agent: AgentView,
    /// The portal, as far as the agent knows one.
    pub portal: PortalView,
    /// What the Mac is assigned; `None` before the first assignment.
    pub assignment: Option<AssignmentView>,
    /// Parallels Desktop.
    pub parallels: ParallelsView,
    /// Its license.
    pub license: LicenseView,
    /// The conversation with the portal.
    pub checkin: CheckinView,
    /// How the settings are kept.
    pub enforcement: EnforcementView,
    /// The virtual machines.
    pub vms: VmTotals,
    /// Golden images that are being installed, or were lately.
    #[serde(default)]
    pub images: Vec<InstallView>,
    /// The layers that are there.
    pub sources: Vec<SourceView>,
    /// When this was put together.
    pub written_at: Timestamp,
}

/// Whether all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthView {
    /// The summary.
    pub state: HealthState,
    /// Since when it is so.
    pub since: Timestamp,
    /// What needs attention, the most important first. A user does not see those about what belongs to others, so this may
    /// be empty while the agent is degraded.
    pub problems: Vec<ProblemView>,
}

/// The summary of the agent's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// All is well.
    Ok,
    /// Something needs attention; enforcement goes on.
    Degraded,
    /// The first pass is not over.
    Starting,
}

/// The agent itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// Its version.
    pub version: String,
    /// The process id of the daemon.
    pub pid: u32,
    /// When the daemon started.
    pub started_at: Timestamp,
}

/// The portal, as far as the agent knows one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalView {
    /// Its origin, from the profile.
    pub url: Option<String>,
    /// The organization's id, once enrolled: from the signed keyset, which names no more of it.
    pub organization: Option<OrganizationId>,
    /// The Mac's id at the portal, once enrolled.
    pub device: Option<DeviceId>,
    /// When it enrolled.
    pub enrolled_at: Option<Timestamp>,
}

/// What the Mac is assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentView {
    /// The version of the signed assignment.
    pub version: u64,
    /// When the portal should have sent another one; it stays in force after that.
    pub refresh_by: Option<Timestamp>,
    /// The user group.
    pub group: Option<GroupView>,
    /// The policy of the group.
    pub policy: Option<PolicyView>,
    /// The portal retired this Mac.
    pub retired: bool,
}

/// The user group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// Its id.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// Its revision.
    pub revision: u64,
    /// Since when this revision is in force here.
    pub since: Timestamp,
}

/// Parallels Desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParallelsView {
    /// Its version; `None` where it is not installed or its version cannot be read.
    pub version: Option<String>,
    /// What this version allows.
    pub gate: ParallelsGate,
    /// What is decided of its updates; `None` where no setting is about them.
    #[serde(default)]
    pub updates: Option<UpdatesView>,
}

/// What the version of Parallels Desktop allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParallelsGate {
    /// It is not installed.
    NotInstalled,
    /// Older than 20.1.0: no policies, no monitoring.
    TooOld,
    /// Policies and monitoring; the settings of virtual machines need 26.1.0.
    Policies,
    /// Everything.
    Full,
    /// The version cannot be read, which is not taken for too old.
    Unknown,
}

/// The conversation with the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckinView {
    /// The last check-in that ended, well or not.
    pub last: Option<LastCheckin>,
    /// When one last ended well.
    pub last_success: Option<Timestamp>,
    /// The next one.
    pub next: Option<NextCheckin>,
    /// The wait channel is open: the portal can wake this Mac, and at most one wake a minute is followed. A change in
    /// the portal then arrives at once, and one right after it with the next check-in.
    pub wait_open: bool,
}

/// The last check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheckin {
    /// When it ended.
    pub at: Timestamp,
    /// It ended well.
    pub succeeded: bool,
    /// Why it did not, or what it brought.
    pub detail: String,
}

/// The next check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextCheckin {
    /// When it is due.
    pub at: Timestamp,
    /// Why then: the interval, a retry, a local event.
    pub reason: String,
}

/// How the settings are kept. A setting counts once, as [`Tally`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcementView {
    /// Settings that a layer names or implies.
    pub managed: u32,
    /// Those that the agent has to enforce.
    pub enforced: u32,
    /// How many of the managed ones are in each state.
    #[serde(flatten)]
    pub tally: Tally,
    /// Nothing is left to change, and what was seen last agrees.
    pub settled: bool,
    /// Since when; `None` while it is not settled.
    pub settled_since: Option<Timestamp>,
    /// How often drift was put right, of the settings that are or were last enforced.
    pub corrections: u64,
    /// When it last was.
    pub last_correction: Option<Timestamp>,
}

/// How many virtual machines there are. For a user, theirs alone; the status file, which every user may read, tells nobody's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmTotals {
    /// All that are known; `None` while nobody's could be listed.
    pub total: Option<u32>,
    /// Those that came from a golden image of the organization.
    pub corporate: Option<u32>,
    /// By macOS user.
    pub per_user: Vec<UserVmsView>,
}

/// A layer that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Which.
    pub layer: LayerView,
    /// Where from, in words.
    pub origin: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// That its kind is deprecated, and what replaces it.
    #[serde(default)]
    pub note: Option<String>,
}

impl EnforcementView {
    /// The counts of a tally, and nothing else yet.
    #[must_use]
    pub fn of(tally: Tally) -> Self {
        Self { managed: tally.managed(), enforced: tally.enforced(), tally, ..Self::default() }
    }
}

impl StatusView {
    /// The part that is for this viewer; [`Viewer::Public`] for the status file.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        self.health.problems.retain(|problem| problem.is_seen_by(viewer));
        self.license = self.license.seen_by(viewer);
        self.vms = match viewer {
            Viewer::Admin => self.vms,
            Viewer::User(uid) => self.vms.of_user(uid),
            Viewer::Public => VmTotals::default(),
        };
        self.images.retain(|install| viewer.sees_any([install.uid].into_iter()));
        self
    }
}

impl VmTotals {
    /// The totals of one user, who learns nothing of how many the others have.
    fn of_user(mut self, uid: Uid) -> Self {
        self.per_user.retain(|user| user.uid == uid);
        // Once there is a list, who is not in it has none.
        let none = self.total.map(|_| 0);
        let (total, corporate) =
            self.per_user.first().map_or((none, none), |theirs| (theirs.total, theirs.corporate));
        Self { total, corporate, per_user: self.per_user }
    }
}
