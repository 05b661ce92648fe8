//! What the agent remembers between passes: the values from before it first changed them, and how its changes went.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Key, Value};
use crate::domain::subject::Subject;

/// A map by object and setting; it stores as nested JSON objects.
pub type PerSetting<T> = BTreeMap<Subject, BTreeMap<Key, T>>;

/// One entry of a [`PerSetting`].
#[must_use]
pub fn entry<T>(map: &PerSetting<T>, subject: Subject, key: Key) -> Option<&T> {
    map.get(&subject)?.get(&key)
}

/// Takes one entry out, and the object with it when it was the last.
pub fn forget<T>(map: &mut PerSetting<T>, subject: Subject, key: Key) -> Option<T> {
    let settings = map.get_mut(&subject)?;
    let taken = settings.remove(&key);
    if settings.is_empty() {
        map.remove(&subject);
    }
    taken
}

/// The value of a setting before the agent first changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The observed value; `None` where Parallels' tools did not show one.
    pub value: Option<Value>,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The values from before the agent first changed them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The records.
    pub records: PerSetting<Record>,
    /// True when records were lost: from then on the agent only tightens.
    pub lost: bool,
}

/// How the last change of a setting went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Went {
    /// The tool said that it worked.
    Worked,
    /// A custom password is asked for; trying again is of no use until something changes.
    NeedsCustomPassword,
    /// The configuration of the virtual machine is locked and could not be unlocked.
    VmLocked,
    /// The tool failed.
    Failed,
}

impl fmt::Display for Went {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Worked => "worked",
            Self::NeedsCustomPassword => "needs a custom password",
            Self::VmLocked => "configuration locked",
            Self::Failed => "failed",
        })
    }
}

/// The last change of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The value that was set.
    pub to: Value,
    /// How it went.
    pub went: Went,
    /// When.
    pub at: Timestamp,
    /// Not to be tried again before.
    pub not_before: Option<Timestamp>,
    /// How many attempts in a row were needed shortly after one another.
    pub streak: u32,
    /// How often it was put right after someone else had changed it.
    pub drifts: u32,
    /// When that was last so.
    pub drifted_at: Option<Timestamp>,
}

impl Attempt {
    /// True when it made the setting what it may not have been before: off is what Parallels Desktop begins with.
    #[must_use]
    pub fn leaves_a_mark(&self) -> bool {
        self.went == Went::Worked && self.to != Value::Switch(false)
    }
}
