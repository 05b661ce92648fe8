//! The license of Parallels Desktop as the Mac itself knows it.
//!
//! Keys are secrets: only [`MaskedKey`] is ever kept, shown or sent.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A license key with all but its first and last group masked, as Parallels shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskedKey(String);

impl MaskedKey {
    /// Masks a key, or takes one that is masked; a text of another shape is masked whole.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let groups: Vec<&str> = key.trim().split('-').collect();
        let plain = |group: &str| {
            group.len() == 6 && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'*')
        };
        if groups.len() != 5 || !groups.iter().all(|group| plain(group)) {
            return Self("******".to_owned());
        }
        let shown = |at: usize| if at == 0 || at == groups.len() - 1 { groups[at] } else { "******" };
        Self((0..groups.len()).map(shown).collect::<Vec<_>>().join("-"))
    }
}

impl fmt::Display for MaskedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How the license stands, by the Mac's own account. That it is not known never means that there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseState {
    /// Good.
    Active,
    /// Past its paid period, and still good for a while.
    Graced,
    /// Over.
    Expired,
    /// Suspended, as a trial is once a license was bought.
    Suspended,
    /// Parallels says that it is not valid.
    Invalid,
    /// There is none.
    None,
    /// It could not be found out.
    #[default]
    Unknown,
}

impl LicenseState {
    /// The word in reports and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Graced => "graced",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Invalid => "invalid",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// True when Parallels Desktop works with it.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Active | Self::Graced)
    }
}

/// How a copy is activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationKind {
    /// With a license key.
    Key,
    /// By the user's sign-in.
    Sso,
    /// Not activated.
    None,
}

impl ActivationKind {
    /// The word in reports and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Sso => "sso",
            Self::None => "none",
        }
    }
}

/// What the Mac knows of its license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseFacts {
    /// How it stands.
    pub state: LicenseState,
    /// `standard`, `pro`, `business`, `enterprise`, or another word of Parallels.
    pub edition: Option<String>,
    /// How it is activated.
    pub activation: Option<ActivationKind>,
    /// The key, masked.
    pub key: Option<MaskedKey>,
    /// The key that a sublicense belongs to, masked.
    pub parent: Option<MaskedKey>,
    /// Whether it is a sublicense.
    pub sublicense: Option<bool>,
    /// Whether it is a trial.
    pub trial: Option<bool>,
    /// The user who signed in.
    pub user: Option<String>,
    /// When the paid period ends.
    pub main_period_ends_at: Option<Timestamp>,
    /// When the grace after it ends.
    pub grace_period_ends_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_kept_whole() {
        for (key, masked) in [
            ("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "6J9A5T-******-******-******-RN17ZA"),
            ("6J9A5T-******-******-******-RN17ZA", "6J9A5T-******-******-******-RN17ZA"),
            ("6J9A5T-AAAAAA", "******"),
            ("secret", "******"),
            ("", "******"),
        ] {
            assert_eq!(MaskedKey::of(key).to_string(), masked);
        }
    }
}
