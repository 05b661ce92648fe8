//! A layer: what one source says of the settings.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{BadValue, Key, LayerKind, Setting, Value};
use crate::domain::ids::PolicyId;

/// The most unknown names that one layer, or one profile beside its settings, is reported with: each becomes a problem that
/// travels.
pub const MOST_STRANGERS: usize = 100;

/// The longest name of a stranger, in characters.
const LONGEST_NAME: usize = 100;

/// A name as problems show it: not endless.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Where a layer comes from, precisely enough to find it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// What the Security tab holds, or held before the agent first changed it.
    SecurityTab,
    /// A managed preference file.
    Profile {
        /// The file's path.
        file: String,
        /// `PayloadUUID`, which macOS leaves in the file.
        payload: Option<String>,
        /// True when the profile was installed by hand and not by MDM (`_manualProfile`).
        manual: bool,
    },
    /// A license-bound configuration profile of the assignment.
    LicenseProfile {
        /// Its name in the portal.
        name: String,
    },
    /// The policy of the assignment.
    Policy {
        /// Its id.
        id: PolicyId,
        /// Its name in the portal.
        name: String,
        /// Its revision.
        revision: u64,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecurityTab => f.write_str("Security tab"),
            Self::Profile { file, payload, manual } => {
                f.write_str(file.rsplit('/').next().unwrap_or(file))?;
                if let Some(payload) = payload {
                    write!(f, " (payload {payload})")?;
                }
                if *manual { f.write_str(" installed by hand") } else { Ok(()) }
            }
            Self::LicenseProfile { name } => write!(f, "“{name}”"),
            Self::Policy { name, revision, .. } => write!(f, "“{name}” revision {revision}"),
        }
    }
}

/// Why an item of a layer does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Fault {
    /// The catalog has no such setting; a newer agent may.
    Unknown,
    /// The setting exists, and this layer may not set it.
    NotAllowedHere {
        /// The layers that may.
        only: String,
    },
    /// The value is not one that the setting takes.
    BadValue {
        /// What it takes.
        expected: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such setting in this version of the agent"),
            Self::NotAllowedHere { only } => write!(f, "may not be set here, only by {only}"),
            Self::BadValue { expected } => f.write_str(expected),
        }
    }
}

impl Fault {
    /// That a setting stands in a layer which may not set it.
    #[must_use]
    pub fn misplaced(setting: &Setting) -> Self {
        let layers: Vec<_> = setting.layers.iter().map(|layer| format!("a {}", layer.title())).collect();
        Self::NotAllowedHere { only: layers.join(" or ") }
    }
}

impl From<BadValue> for Fault {
    fn from(bad: BadValue) -> Self {
        Self::BadValue { expected: bad.to_string() }
    }
}

/// What one source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its rank.
    pub kind: LayerKind,
    /// Where it comes from.
    pub origin: Origin,
    /// When the agent first saw it like this.
    pub since: Option<Timestamp>,
    /// The settings that it names.
    pub items: BTreeMap<Key, Result<Value, Fault>>,
    /// Names that are no setting, and why they do not count: the first [`MOST_STRANGERS`].
    pub strangers: BTreeMap<String, Fault>,
}

impl Layer {
    /// A layer that says nothing yet.
    #[must_use]
    pub fn new(kind: LayerKind, origin: Origin) -> Self {
        Self { kind, origin, since: None, items: BTreeMap::new(), strangers: BTreeMap::new() }
    }

    /// A layer of these named values: each becomes a value, a problem of its setting, or a stranger.
    #[must_use]
    pub fn read<'a>(
        kind: LayerKind,
        origin: Origin,
        named: impl IntoIterator<Item = (&'a str, &'a serde_json::Value)>,
    ) -> Self {
        let mut layer = Self::new(kind, origin);
        for (name, given) in named {
            let Some(key) = Key::named(name) else {
                if layer.strangers.len() < MOST_STRANGERS {
                    layer.strangers.insert(shown(name), Fault::Unknown);
                }
                continue;
            };
            let setting = key.setting();
            let item = if setting.admits(kind) {
                setting.kind.read(given).map_err(Fault::from)
            } else {
                Err(Fault::misplaced(setting))
            };
            layer.items.insert(key, item);
        }
        layer
    }
}
