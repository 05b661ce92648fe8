//! `prlsrvctl info`, as JSON and as text: the settings of Parallels' service, among them the local restrictions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::scalar::{Scalar, flag};
use super::{ParseError, json};
use crate::domain::keyed::Keyed as _;
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
    /// Every line that says on or off, by its title, such as `CEP mechanism`.
    pub switches: BTreeMap<String, bool>,
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

/// Reads `prlsrvctl info --json`, and also the text form, should that have come.
///
/// # Errors
/// A [`ParseError`] when it is neither.
pub fn parse(bytes: &[u8]) -> Result<ServerInfo, ParseError> {
    let from_json = |text: &str| {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
        let license = members.get("License").and_then(|license| license_of_json(license.get()));
        Ok(ServerInfo::of(&json::scalars(&members)?, license))
    };
    match json::read(bytes, from_json) {
        Ok(info) => info.if_it_says_something(),
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
    let mut lines = Lines::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        lines.entry(key.trim()).or_insert_with(|| Scalar::Text(Cow::Borrowed(value.trim())));
    }
    let license = lines.get("License").and_then(Scalar::text).map(license_of_text);
    ServerInfo::of(&lines, license).if_it_says_something()
}

/// What stands after each title.
type Lines<'a> = BTreeMap<&'a str, Scalar<'a>>;

impl ServerInfo {
    fn of(lines: &Lines<'_>, license: Option<ServiceLicense>) -> Self {
        let flag = |key| lines.get(key).and_then(Scalar::flag);
        Self {
            version: lines.get("Version").and_then(|version| version.text()?.parse().ok()),
            hostname: lines.get("Hostname").and_then(Scalar::owned),
            require_password: lines.get("Require password to").unwrap_or(&Scalar::Absent).words(),
            preferences_locked: flag("Preferences are locked"),
            custom_password: flag("Custom password protection"),
            switches: lines
                .iter()
                .filter_map(|(key, value)| Some(((*key).to_owned(), value.flag()?)))
                .keyed(),
            license,
        }
    }

    /// Guards against taking any other output for one in which nothing is restricted.
    fn if_it_says_something(self) -> Result<Self, ParseError> {
        if self.version.is_some() || self.preferences_locked.is_some() || self.custom_password.is_some() {
            Ok(self)
        } else {
            Err(ParseError::Missing("version of Parallels Desktop"))
        }
    }
}

fn license_of_json(text: &str) -> Option<ServiceLicense> {
    let members: BTreeMap<String, Scalar<'_>> = serde_json::from_str(text).ok()?;
    Some(ServiceLicense {
        state: members.get("state").and_then(Scalar::owned),
        key: members.get("key").and_then(Scalar::text).map(masked),
        restricted: members.get("restricted").and_then(Scalar::flag),
    })
}

/// Reads `state='valid' key='…' restricted='false'`.
fn license_of_text(line: &str) -> ServiceLicense {
    ServiceLicense {
        state: attribute(line, "state"),
        key: attribute(line, "key").map(|key| masked(&key)),
        restricted: attribute(line, "restricted").and_then(|text| flag(&text)),
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
        assert_eq!(info.switches, BTreeMap::new());
        assert_eq!(info.license, None);
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
