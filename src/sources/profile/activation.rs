//! Parallels' own profile, `com.parallels.desktop.managedprefs`: read and reported, never written.

use plist::Value;
use serde::{Deserialize, Serialize};

use super::item::{self, Item};
use super::{Unreadable, strip_origin};
use crate::domain::license::SecretKey;
use crate::property_list;
use crate::sources::layer::{Fault, Origin};

/// The keys of Parallels' domain (ProfileManifests, version 3). The last three are texts of its sign-in window, which the agent
/// does not read.
pub const ACTIVATION_KEYS: [&str; 5] = [
    "ActivationExperience",
    "LicenseKey",
    "SsoEmailDialogHeaderText",
    "SsoEmailDialogDescriptionText",
    "SsoEmailDialogLabelText",
];

/// How Parallels Desktop is to be activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experience {
    /// With a license key.
    LicenseKey,
    /// By signing in.
    Sso,
}

/// What Parallels' profile says.
///
/// Keys and values after the public manifest of the domain (ProfileManifests, version 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// `ActivationExperience`; unset means single sign-on, the manifest's default.
    pub experience: Item<Experience>,
    /// `LicenseKey`: a secret, shown masked only.
    pub license_key: Item<SecretKey>,
    /// The file, and the payload that set it.
    pub origin: Origin,
}

impl Activation {
    /// Reads the bytes of the file at `file`.
    ///
    /// # Errors
    /// The whole file is no dictionary of a property list.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut dictionary = super::dictionary(property_list::value(bytes)?)?;
        let origin = strip_origin(&mut dictionary, file);
        Ok(Self {
            experience: item::take(&mut dictionary, "ActivationExperience", experience),
            license_key: item::take(&mut dictionary, "LicenseKey", license_key),
            origin,
        })
    }

    /// True when the profile holds a well-formed license key.
    #[must_use]
    pub const fn has_license_key(&self) -> bool {
        self.license_key.value().is_some()
    }

    /// The key to activate with, where the profile wants that: nobody activates with a key under single sign-on.
    #[must_use]
    pub fn key_to_install(&self) -> Option<&SecretKey> {
        self.license_key.value().filter(|_| self.experience.value() == Some(&Experience::LicenseKey))
    }
}

fn experience(value: Value) -> Result<Experience, Fault> {
    match value.as_string() {
        Some("License Key") => Ok(Experience::LicenseKey),
        Some("SSO") => Ok(Experience::Sso),
        _ => Err(Fault::BadValue { expected: "expected “License Key” or “SSO”".to_owned() }),
    }
}

fn license_key(value: Value) -> Result<SecretKey, Fault> {
    let bad = || Fault::BadValue { expected: "expected five groups of six letters or digits".to_owned() };
    value.as_string().and_then(SecretKey::new).ok_or_else(bad)
}
