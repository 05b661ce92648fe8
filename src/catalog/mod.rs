//! The settings catalog: one table, from which everything else about a setting is made.
//!
//! In goes nothing; out come the [`Setting`]s, one entry a setting, a file a scope. Profile parsing, policy validation,
//! `explain`, the README's table and the portal's policy form all read this table, so to add a setting is to add one
//! entry. How a setting is seen ([`Sensor`]) and enforced ([`Lever`]) is data here; `hypervisor` turns it into command
//! lines.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod application;
mod lever;
mod manual;
mod user;
mod value;
mod virtual_machine;

pub use lever::{DefaultForm, Lever, Sensor, UserDefault};
pub use manual::settings_table;
pub use value::{ADDRESS_PATTERN, BadValue, Choice, Kind, Value};

use crate::domain::host::Arch;

/// Where a value comes from, lowest to highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// The Security tab of Parallels Desktop, read with `prlsrvctl info`.
    Local,
    /// A deprecated configuration profile that is bound to a license key and comes with the assignment.
    LicenseProfile,
    /// A profile that MDM installs: the managed preferences.
    Profile,
    /// The policy that the portal assigned to the Mac's group.
    Policy,
}

impl LayerKind {
    /// The layer as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Local => "local restriction",
            Self::LicenseProfile => "license-bound profile",
            Self::Profile => "profile",
            Self::Policy => "policy",
        }
    }
}

/// What a setting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Parallels Desktop on this Mac.
    Application,
    /// Each macOS user who has Parallels Desktop.
    User,
    /// Each virtual machine.
    VirtualMachine,
}

/// The guests that a setting of virtual machines applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guests {
    /// All of them.
    All,
    /// All but macOS on Apple silicon (administrator's guide, "Controlling virtual machine settings").
    NotMacOnAppleSilicon,
}

/// Where a setting works at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// The first version of Parallels Desktop, as major, minor, patch.
    pub parallels: Option<(u64, u64, u64)>,
    /// The guests.
    pub guests: Guests,
    /// The processor of the Mac, where only one will do.
    pub arch: Option<Arch>,
}

impl Requirement {
    /// Every version that policies work with, every guest, every Mac.
    pub const NONE: Self = Self { parallels: None, guests: Guests::All, arch: None };
}

/// One entry of the catalog.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name in profiles, policies and screens.
    pub name: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// One sentence for administrators.
    pub help: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// What it is about.
    pub scope: Scope,
    /// Which layers may set it; a license-bound profile may set what a profile may.
    pub layers: &'static [LayerKind],
    /// Where it works.
    pub requires: Requirement,
    /// How its value is seen.
    pub sensor: Sensor,
    /// How its value is enforced.
    pub lever: Lever,
}

impl Setting {
    /// True when values of this layer count.
    #[must_use]
    pub fn admits(&self, layer: LayerKind) -> bool {
        self.layers.contains(&match layer {
            LayerKind::LicenseProfile => LayerKind::Profile,
            other => other,
        })
    }
}

static CATALOG: LazyLock<Vec<&'static Setting>> = LazyLock::new(|| {
    [application::SETTINGS, user::SETTINGS, virtual_machine::SETTINGS].into_iter().flatten().collect()
});

/// A setting of the catalog, by its place in the table; its order is the table's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u8);

impl Key {
    /// All settings in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..u8::try_from(CATALOG.len()).unwrap_or(u8::MAX)).map(Self)
    }

    /// The setting of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|key| key.name() == name)
    }

    /// The entry.
    #[must_use]
    pub fn setting(self) -> &'static Setting {
        CATALOG[usize::from(self.0)]
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.setting().name
    }

    /// The settings that this one implies when it is on.
    pub fn implies(self) -> impl Iterator<Item = Self> {
        let implied: &[&str] = match &self.setting().lever {
            Lever::Implies(names) => names,
            _ => &[],
        };
        implied.iter().filter_map(|name| Self::named(name))
    }

    /// True when going from one value to the other takes a restriction away.
    #[must_use]
    pub fn loosens(self, from: &Value, to: &Value) -> bool {
        match self.setting().kind {
            Kind::Restriction => *from == Value::Switch(true) && *to == Value::Switch(false),
            Kind::Expiry => *from != *to && matches!(to, Value::Switch(false)),
            _ => false,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| de::Error::custom("not a setting of the catalog"))
    }
}

#[cfg(test)]
mod tests;
