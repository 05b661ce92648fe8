//! A plan: the changes in their order, what is recorded before them, and what is withheld and why.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::memory::{PerSetting, Record};
use crate::catalog::{Key, LayerKind, Value};
use crate::domain::ids::Uid;
use crate::domain::subject::Subject;

/// Why a value is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Why {
    /// A layer says so.
    Holds {
        /// The layer.
        layer: LayerKind,
        /// Where it comes from, in words.
        origin: String,
        /// The setting that implies it.
        derived_from: Option<Key>,
    },
    /// A policy is assigned and does not name it, so the local restriction is lifted.
    Lifted,
    /// The assignment no longer names it, so the value from before is put back.
    Restored,
}

/// One value to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// What was observed.
    pub from: Option<Value>,
    /// The value to set.
    pub to: Value,
    /// Why; the same for every object that the setting is changed on.
    pub why: Arc<Why>,
}

impl Change {
    /// True when the change takes a restriction away.
    #[must_use]
    pub fn loosens(&self) -> bool {
        self.from.as_ref().is_some_and(|from| self.key.loosens(from, &self.to))
    }
}

/// Changes that are carried out together, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The object.
    pub subject: Subject,
    /// The user to act as; `None` for the application.
    pub owner: Option<Uid>,
    /// The configuration is unlocked first, and locked again at the end.
    pub unlock: bool,
    /// The changes.
    pub changes: Vec<Change>,
}

/// Why a setting is not changed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// This version of Parallels Desktop does not know it.
    VersionTooOld,
    /// This guest does not have it.
    GuestUnsupported,
    /// Nothing on the Mac enforces it; the agent heeds and reports it.
    NoLever,
    /// It was set, and nothing shows whether it holds.
    NotShown,
    /// The object could not be asked.
    NotObserved,
    /// A custom password is asked for.
    NeedsCustomPassword,
    /// The virtual machine's configuration could not be unlocked.
    VmLocked,
    /// It failed or is contested, and is tried again later.
    Later {
        /// When.
        until: Timestamp,
    },
    /// No value from before is recorded, and this would loosen.
    NoRecord,
    /// No verified assignment stands, so nothing is given back.
    NoAssignment,
    /// The value from before was not to be seen, so nothing is put back.
    NothingRecorded,
    /// The only word on it is a bad value: it stays as it is.
    BadValue,
}

/// A setting that is not changed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// The value that would be set, where there is one.
    pub to: Option<Value>,
    /// Why not.
    pub reason: Reason,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Values to record, durably, before anything is changed.
    pub record: PerSetting<Record>,
    /// Records that have served: what they hold is back.
    pub forget: Vec<(Subject, Key)>,
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// What is not changed, and why.
    pub withheld: Vec<Withheld>,
}

impl Plan {
    /// All changes in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.actions.iter().flat_map(|action| &action.changes)
    }
}
