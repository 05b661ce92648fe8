//! All that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::memory::{Attempt, Baseline, PerSetting};
use crate::catalog::{Key, Value};
use crate::domain::host::Arch;
use crate::domain::ids::{Uid, VmId};
use crate::domain::subject::Subject;
use crate::resolve::Effective;

/// What was seen of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// The values that are shown.
    pub values: BTreeMap<Key, Value>,
    /// A custom password protects it.
    pub custom_password: bool,
}

/// What was seen of a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmSight {
    /// Its settings.
    pub sight: Sight,
    /// The user whose `prlctl` sees it.
    pub owner: Uid,
    /// The guest is macOS.
    pub mac_guest: bool,
    /// Its configuration is locked.
    pub locked: bool,
}

/// What was seen of the Mac.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The application; `None` when it could not be asked.
    pub app: Option<Sight>,
    /// The virtual machines that could be listed.
    pub vms: BTreeMap<VmId, VmSight>,
    /// The users; `None` for those whose own preferences could not be read.
    pub users: BTreeMap<Uid, Option<Sight>>,
}

impl Observed {
    /// What was seen of an object; `None` when it was not to be seen.
    #[must_use]
    pub fn sight(&self, subject: Subject) -> Option<&Sight> {
        match subject {
            Subject::App => self.app.as_ref(),
            Subject::Vm(vm) => self.vms.get(&vm).map(|vm| &vm.sight),
            Subject::User(uid) => self.users.get(&uid).and_then(Option::as_ref),
        }
    }

    /// The value of a setting; `None` when it was not to be seen.
    #[must_use]
    pub fn value(&self, subject: Subject, key: Key) -> Option<&Value> {
        self.sight(subject)?.values.get(&key)
    }
}

/// Where Parallels Desktop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Its version as major, minor, patch; a version that cannot be read is not too old.
    pub parallels: Option<(u64, u64, u64)>,
    /// The Mac's processor.
    pub arch: Arch,
}

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What holds.
    pub effective: &'a Effective,
    /// What was seen.
    pub observed: &'a Observed,
    /// Where Parallels Desktop stands.
    pub gate: Gate,
    /// The values from before.
    pub baseline: &'a Baseline,
    /// How the last changes went.
    pub attempts: &'a PerSetting<Attempt>,
    /// What was changed and not looked at since: nothing is planned for it from what was seen before.
    pub touched: &'a BTreeSet<Subject>,
    /// A verified assignment stands, so what it does not name may be given back.
    pub may_release: bool,
    /// The time.
    pub now: Timestamp,
}
