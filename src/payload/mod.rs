//! What MDM delivers to the agent: made from the catalog and the list of the profile's keys, and judged by the agent's own reader.
//!
//! Out come the manifest for profile editors ([`manifest`]), the schema for Jamf ([`schema`]), profiles ([`profile`],
//! [`examples`]), and, for a file that somebody else made, a judgment of each key in it ([`mod@examine`]). Nothing here reads or
//! writes a file. Whether a value counts is asked of [`crate::sources::profile`] alone, so that what is called valid here is what
//! the daemon takes. What may change is which editors are served.

use plist::Value;

use crate::catalog::{Key, Kind, LayerKind};
use crate::sources::profile::Unreadable;

pub mod cms;
pub mod der;
pub mod examine;
pub mod examples;
pub mod manifest;
pub mod profile;
pub mod schema;

mod find;

pub use examine::{Examination, Family, Finding, Judgment, examine};
pub use examples::generated;
pub use profile::{Disk, Draft, Shape, Team};

/// Why a profile cannot be looked into or made.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The bytes are signed or encrypted in a way that hides the profile.
    #[error("the file is {0}")]
    Sealed(#[from] cms::Sealed),
    /// The bytes are no property list.
    #[error("the file is no profile and no property list")]
    Unreadable(#[from] Unreadable),
    /// The profile's content is encrypted.
    #[error("the profile's payloads are encrypted, so that only the Mac they were made for can read them")]
    Encrypted,
    /// No such setting.
    #[error("there is no setting “{0}”")]
    UnknownSetting(String),
    /// A setting that a profile may not set.
    #[error("“{0}” may not be set by a profile, only by: {1}")]
    NotForProfiles(&'static str, String),
    /// A value that the setting does not take.
    #[error("“{0}”: {1}")]
    BadSetting(&'static str, String),
    /// The team that signs is not named as Apple does.
    #[error("a team identifier has 10 capital letters and digits")]
    Team,
    /// A text holds what no XML may.
    #[error("a text has a control character, which no profile can hold")]
    NoXml,
    /// The property list cannot be written.
    #[error("cannot write the profile")]
    Write(#[from] plist::Error),
}

/// The settings that a profile may set, in the catalog's order.
pub fn settings() -> impl Iterator<Item = Key> {
    Key::all().filter(|key| key.setting().admits(LayerKind::Profile))
}

/// A setting and its value as a profile says it, from `KEY=VALUE` taken apart.
///
/// # Errors
/// A profile may not say this.
pub fn setting(name: &str, text: &str) -> Result<(Key, Value), PayloadError> {
    let key = Key::named(name).ok_or_else(|| PayloadError::UnknownSetting(name.to_owned()))?;
    let setting = key.setting();
    if !setting.admits(LayerKind::Profile) {
        let layers: Vec<_> = setting.layers.iter().map(|layer| layer.title()).collect();
        return Err(PayloadError::NotForProfiles(setting.name, layers.join(", ")));
    }
    let is_switch = matches!(setting.kind, Kind::Switch | Kind::Restriction | Kind::Expiry);
    let value = match text {
        "true" if is_switch => Value::Boolean(true),
        "false" if is_switch => Value::Boolean(false),
        text => Value::String(text.to_owned()),
    };
    let given = match &value {
        Value::Boolean(on) => (*on).into(),
        _ => text.into(),
    };
    setting.kind.read(&given).map_err(|bad| PayloadError::BadSetting(setting.name, bad.to_string()))?;
    Ok((key, value))
}

#[cfg(test)]
mod tests;
