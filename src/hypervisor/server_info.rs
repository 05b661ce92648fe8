//! `prlsrvctl info`, as JSON and as text: the settings of Parallels' service, among them the local restrictions.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::scalar::{Scalar, flag, words};
use super::{ParseError, json};
use crate::domain::version::ParallelsVersion;

/// What `prlsrvctl info` shows. A member that is not shown, or not readable, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version of Parallels Desktop.
    pub version: Option<ParallelsVersion>,
    /// The host name as Parallels knows it.
    pub hostname: Option<String>,
    /// The actions that ask for a password: `create-vm`, `add-vm`, `remove-vm`, `clone-vm`, or a word of a later
    /// version. Where no list is shown none is set (facts: real output of 20.2 has no such line).
    pub require_password: Option<BTreeSet<String>>,
    /// The Preferences dialog is locked.
    pub preferences_locked: Option<bool>,
    /// A custom password stands before changes.
    pub custom_password: Option<bool>,
    /// The customer experience program.
    pub cep: Option<bool>,
    /// Reports may have screenshots attached.
    pub attach_screenshots: Option<bool>,
    /// The license.
    pub license: Option<ServiceLicense>,
}

/// The license as `prlsrvctl info` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceLicense {
    /// `valid`, `graced`, `not valid` (from the OpenVZ fork), or another word.
    pub state: Option<String>,
    /// The key with all but its first and last group masked.
    pub key: Option<String>,
    /// Whether the license is restricted.
    pub restricted: Option<bool>,
}

#[derive(Deserialize, Default)]
struct Raw<'a> {
    #[serde(borrow, default, rename = "Version")]
    version: Scalar<'a>,
    #[serde(borrow, default, rename = "Hostname")]
    hostname: Scalar<'a>,
    #[serde(borrow, default, rename = "Require password to")]
    require_password: Scalar<'a>,
    #[serde(borrow, default, rename = "Preferences are locked")]
    preferences_locked: Scalar<'a>,
    #[serde(borrow, default, rename = "Custom password protection")]
    custom_password: Scalar<'a>,
    #[serde(borrow, default, rename = "CEP mechanism")]
    cep: Scalar<'a>,
    #[serde(borrow, default, rename = "Allow attach screenshots")]
    attach_screenshots: Scalar<'a>,
    #[serde(borrow, default, rename = "License")]
    license: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawLicense<'a> {
    #[serde(borrow, default)]
    state: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    restricted: Scalar<'a>,
}

/// Reads `prlsrvctl info --json`, and also the text form, should that have come.
///
/// # Errors
/// A [`ParseError`] when it is neither.
pub fn parse(bytes: &[u8]) -> Result<ServerInfo, ParseError> {
    match json::read(bytes, |text| serde_json::from_str::<Raw<'_>>(text).map(ServerInfo::from)) {
        Ok(info) if info.says_something() => Ok(info),
        Ok(_) => Err(ParseError::Missing("version of Parallels Desktop")),
        Err(ParseError::Empty) => Err(ParseError::Empty),
        Err(json_error) => parse_text(bytes).map_err(|_| json_error),
    }
}

/// Reads the text form of `prlsrvctl info`.
///
/// # Errors
/// A [`ParseError`] when no line of it says what a setting is.
pub fn parse_text(bytes: &[u8]) -> Result<ServerInfo, ParseError> {
    let text = String::from_utf8_lossy(bytes);
    let value = |key: &str| {
        text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':').map(str::trim))
    };
    let info = ServerInfo {
        version: value("Version").and_then(|text| text.parse().ok()),
        hostname: value("Hostname").filter(|text| !text.is_empty()).map(str::to_owned),
        require_password: Some(value("Require password to").map(words).unwrap_or_default()),
        preferences_locked: value("Preferences are locked").and_then(flag),
        custom_password: value("Custom password protection").and_then(flag),
        cep: value("CEP mechanism").and_then(flag),
        attach_screenshots: value("Allow attach screenshots").and_then(flag),
        license: value("License").map(|line| ServiceLicense {
            state: attribute(line, "state"),
            key: attribute(line, "key").map(|key| masked(&key)),
            restricted: attribute(line, "restricted").and_then(|text| flag(&text)),
        }),
    };
    if info.says_something() { Ok(info) } else { Err(ParseError::Missing("version of Parallels Desktop")) }
}

impl ServerInfo {
    /// Guards against taking any other output for one in which nothing is restricted.
    const fn says_something(&self) -> bool {
        self.version.is_some() || self.preferences_locked.is_some() || self.custom_password.is_some()
    }
}

impl From<Raw<'_>> for ServerInfo {
    fn from(raw: Raw<'_>) -> Self {
        Self {
            version: raw.version.text().and_then(|text| text.parse().ok()),
            hostname: raw.hostname.owned(),
            require_password: raw.require_password.words(),
            preferences_locked: raw.preferences_locked.flag(),
            custom_password: raw.custom_password.flag(),
            cep: raw.cep.flag(),
            attach_screenshots: raw.attach_screenshots.flag(),
            license: raw.license.and_then(|license| {
                let license: RawLicense<'_> = serde_json::from_str(license.get()).ok()?;
                Some(ServiceLicense {
                    state: license.state.owned(),
                    key: license.key.text().map(masked),
                    restricted: license.restricted.flag(),
                })
            }),
        }
    }
}

/// `name='value'` within a line.
fn attribute(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("{name}='"))?;
    rest.split_once('\'').map(|(value, _)| value.to_owned())
}

/// A license key without its middle groups, as Parallels itself masks it; a text of another form is masked whole.
fn masked(key: &str) -> String {
    let groups: Vec<&str> = key.split('-').collect();
    match groups.as_slice() {
        [first, _, _, _, last] if groups.iter().all(|group| group.chars().count() == 6) => {
            format!("{first}-******-******-******-{last}")
        }
        _ => "******".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] = include_bytes!("../../tests/golden/prlsrvctl_info.pd20.2.txt");
    const JSON: &[u8] = include_bytes!("../../tests/golden/prlsrvctl_info.pd20.2.json");
    const BROKEN: &[u8] = include_bytes!("../../tests/golden/prlsrvctl_info.pd11.broken.json");

    #[test]
    fn real_text_and_its_json_say_the_same() {
        let info = parse_text(TEXT).unwrap();
        insta::assert_debug_snapshot!(info);
        assert_eq!(parse(JSON).unwrap(), info);
        assert_eq!(parse(TEXT).unwrap(), info, "text where JSON was asked for");
    }

    #[test]
    fn invalid_json_of_old_versions_is_repaired() {
        insta::assert_debug_snapshot!(parse(BROKEN).unwrap());
    }

    #[test]
    fn restrictions_are_read_from_text_too() {
        let text = [TEXT, b"Require password to: create-vm, remove-vm\n"].concat();
        let info = parse_text(&text).unwrap();
        assert_eq!(
            info.require_password,
            Some(BTreeSet::from(["create-vm".to_owned(), "remove-vm".to_owned()]))
        );
    }

    #[test]
    fn other_output_is_never_taken_for_no_restrictions() {
        for bytes in [
            &b""[..],
            b"{}",
            b"[]",
            b"null",
            b"7",
            b"<html></html>",
            b"Failed to connect",
            b"{\"error\": \"x\"}",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
            assert!(parse_text(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_odd_member_harms_itself_only() {
        let info = parse(br#"{"Version": "Desktop 26.1.1-57288", "Require password to": 7, "CEP mechanism": "later", "License": "none"}"#).unwrap();
        assert_eq!(info.require_password, None);
        assert_eq!(info.cep, None);
        assert_eq!(info.version, Some(ParallelsVersion::new(26, 1, 1).with_build(57_288)));
    }

    #[test]
    fn a_whole_key_is_never_kept() {
        assert_eq!(masked("AAAAAA-BBBBBB-CCCCCC-DDDDDD-EEEEEE"), "AAAAAA-******-******-******-EEEEEE");
        assert_eq!(masked("something else"), "******");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..JSON.len()) {
            let _ = parse(&bytes);
            let _ = parse(&[&JSON[..cut], &bytes].concat());
            let _ = parse_text(&[&TEXT[..cut.min(TEXT.len())], &bytes].concat());
        }
    }
}
