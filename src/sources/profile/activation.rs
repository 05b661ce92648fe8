//! Parallels' own profile, `com.parallels.desktop.managedprefs`: read and reported, never written.

use std::fmt;

use plist::Value;
use serde::{Deserialize, Serialize};

use super::item::{self, Item};
use super::{Unreadable, property_list, strip_origin};
use crate::sources::layer::{Fault, Origin};

/// How Parallels Desktop is to be activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experience {
    /// With a license key.
    LicenseKey,
    /// By signing in.
    Sso,
}

/// A license key of which the first and the last group are to be seen, enough to tell which key it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskedKey(String);

impl fmt::Display for MaskedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What Parallels' profile says.
///
/// Keys and values after the public manifest of the domain (ProfileManifests, version 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// `ActivationExperience`; unset means single sign-on, the manifest's default.
    pub experience: Item<Experience>,
    /// `LicenseKey`, masked.
    pub license_key: Item<MaskedKey>,
    /// The file, and the payload that set it.
    pub origin: Origin,
}

impl Activation {
    /// Reads the bytes of the file at `file`.
    ///
    /// # Errors
    /// The whole file is no dictionary of a property list.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut dictionary = property_list::dictionary(bytes)?;
        let origin = strip_origin(&mut dictionary, file);
        Ok(Self {
            experience: item::take(&mut dictionary, "ActivationExperience", experience),
            license_key: item::take(&mut dictionary, "LicenseKey", masked),
            origin,
        })
    }

    /// True when the profile holds a well-formed license key.
    #[must_use]
    pub const fn has_license_key(&self) -> bool {
        self.license_key.value().is_some()
    }
}

fn experience(value: Value) -> Result<Experience, Fault> {
    match value.as_string() {
        Some("License Key") => Ok(Experience::LicenseKey),
        Some("SSO") => Ok(Experience::Sso),
        _ => Err(Fault::BadValue { expected: "expected “License Key” or “SSO”".to_owned() }),
    }
}

fn masked(value: Value) -> Result<MaskedKey, Fault> {
    let bad = || Fault::BadValue { expected: "expected five groups of six letters or digits".to_owned() };
    let groups: Vec<_> = value.as_string().ok_or_else(bad)?.split('-').collect();
    let well_formed = |group: &&str| group.len() == 6 && group.bytes().all(|b| b.is_ascii_alphanumeric());
    match groups.as_slice() {
        [first, _, _, _, last] if groups.iter().all(well_formed) => {
            Ok(MaskedKey(format!("{first}-******-******-******-{last}")))
        }
        _ => Err(bad()),
    }
}
