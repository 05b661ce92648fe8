//! `meridian vms`: the virtual machines, and of whom they could be listed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::auth::Viewer;
use crate::domain::ids::{Uid, VmId};
use crate::domain::vm::{Owner, VmState};

/// The virtual machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmsView {
    /// The machines.
    pub vms: Vec<VmView>,
    /// Of whom they could be listed.
    pub users: Vec<UserVmsView>,
    /// When they were last listed.
    pub as_of: Option<Timestamp>,
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmView {
    /// Its id.
    pub uuid: VmId,
    /// Its name: any text at all.
    pub name: String,
    /// The users who have it in their list.
    pub owners: Vec<Owner>,
    /// Parallels' name of the guest's operating system.
    pub os: String,
    /// What it does.
    pub state: VmState,
    /// It came from a golden image of the organization.
    pub corporate: bool,
    /// The number of processors.
    pub cpu: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// The sizes of its disks in MiB.
    pub disk_mib: Option<u64>,
    /// Which settings it violates, by key or reason.
    pub violations: Vec<String>,
}

/// The virtual machines of one macOS user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserVmsView {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub user: String,
    /// Whether they could be listed.
    pub availability: Availability,
    /// Why not, in words.
    pub detail: Option<String>,
    /// How many there are; while they cannot be listed, how many there last were.
    pub total: Option<u32>,
    /// How many of them came from a golden image of the organization.
    pub corporate: Option<u32>,
}

/// Whether virtual machines could be listed. That there are none is [`Availability::Listed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// They are listed.
    Listed,
    /// The tools failed or did not answer in time.
    CouldNotAsk,
    /// Parallels' service is stopped: an everyday state.
    ServiceStopped,
    /// The user is not logged in.
    NotLoggedIn,
    /// Parallels Desktop is not installed.
    NotInstalled,
    /// Parallels Desktop is older than 20.1.0.
    TooOld,
}

impl VmsView {
    /// The part that is for this viewer.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        self.vms.retain(|vm| viewer.sees_any(vm.owners.iter().map(|owner| owner.uid)));
        self.users.retain(|user| viewer.sees_any([user.uid].into_iter()));
        self
    }
}
