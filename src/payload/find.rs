//! Finds the preferences in a file: a property list as macOS lays it down, or a profile of either shape. Pure.

use plist::{Dictionary, Value};

use super::PayloadError;
use super::examine::{Family, Finding, Judgment};
use super::profile::{CONFIGURATION, MANAGED_CLIENT};
use crate::domain::nearest;
use crate::paths::{LABEL, PARALLELS_MANAGED_DOMAIN};
use crate::sources::profile::KEYS;

/// Whose preferences they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// The agent's.
    Agent,
    /// Those of Parallels Desktop about its activation.
    Parallels,
}

impl Domain {
    fn named(name: &str) -> Option<Self> {
        match name {
            LABEL => Some(Self::Agent),
            PARALLELS_MANAGED_DOMAIN => Some(Self::Parallels),
            _ => None,
        }
    }
}

/// Preferences, and where they stand.
pub(super) struct Part {
    pub(super) place: String,
    pub(super) domain: Domain,
    pub(super) keys: Dictionary,
    /// Why the agent never sees them.
    pub(super) unseen: Option<&'static str>,
}

/// What a file holds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) is_profile: bool,
    pub(super) parts: Vec<Part>,
    /// What is wrong around the preferences.
    pub(super) findings: Vec<Finding>,
}

const FILE: &str = "the file";
/// What the place of a payload begins with; its number, from 1, follows.
pub(super) const PAYLOAD: &str = "payload ";
const USER_SCOPE: &str = "the profile is for users; only what is set for the device counts";
const NOT_FORCED: &str = "only what is under “Forced” is managed";

/// The preferences of a file.
pub(super) fn parts(file: Dictionary) -> Result<Found, PayloadError> {
    let is_configuration = file.get("PayloadType").and_then(Value::as_string) == Some(CONFIGURATION);
    let has_content = ["PayloadContent", "EncryptedPayloadContent"].iter().any(|key| file.contains_key(key));
    if !is_configuration && !has_content {
        let part = Part { place: FILE.to_owned(), domain: Domain::Agent, keys: file, unseen: None };
        return Ok(Found { parts: vec![part], ..Found::default() });
    }
    if file.contains_key("EncryptedPayloadContent") {
        return Err(PayloadError::Encrypted);
    }
    let mut found = Found { is_profile: true, ..Found::default() };
    found.envelope("the profile", &file);
    if !is_configuration {
        found.wrong("the profile", "PayloadType", Judgment::Mistyped, "expected “Configuration”");
    }
    for key in KEYS.iter().filter(|key| file.contains_key(key.name)) {
        found.wrong(
            "the profile",
            key.name,
            Judgment::Misplaced,
            "belongs into a payload of the agent's domain",
        );
    }
    let is_for_users =
        file.get("PayloadScope").and_then(Value::as_string).is_some_and(|scope| scope != "System");
    if is_for_users {
        found.wrong("the profile", "PayloadScope", Judgment::Misplaced, USER_SCOPE);
    }
    match file.get("PayloadContent") {
        Some(Value::Array(payloads)) => {
            payloads.iter().enumerate().for_each(|(at, payload)| found.payload(at + 1, payload))
        }
        Some(_) => {
            found.wrong("the profile", "PayloadContent", Judgment::Mistyped, "expected an array of payloads")
        }
        None => found.wrong("the profile", "PayloadContent", Judgment::Missing, "it has no payloads"),
    }
    if is_for_users {
        found.parts.iter_mut().for_each(|part| part.unseen = Some(USER_SCOPE));
    }
    found.without_parts(&file);
    Ok(found)
}

impl Found {
    fn wrong(&mut self, place: &str, key: &str, judgment: Judgment, detail: &str) {
        self.findings.push(Finding::new(place, key, judgment, Family::Profile).because(detail));
    }

    /// What macOS asks of a profile and of each of its payloads.
    fn envelope(&mut self, place: &str, of: &Dictionary) {
        for name in ["PayloadIdentifier", "PayloadUUID", "PayloadType", "PayloadVersion"] {
            let is_good = |value: &Value| match name {
                "PayloadVersion" => value.as_unsigned_integer() == Some(1),
                "PayloadUUID" => value.as_string().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
                _ => value.as_string().is_some_and(|text| !text.is_empty()),
            };
            match of.get(name).map(is_good) {
                Some(true) => {}
                Some(false) => {
                    let expected = match name {
                        "PayloadVersion" => "expected 1",
                        "PayloadUUID" => "expected a UUID",
                        _ => "expected a string",
                    };
                    self.wrong(place, name, Judgment::Mistyped, expected);
                }
                None => self.wrong(place, name, Judgment::Missing, "macOS takes no profile without it"),
            }
        }
    }

    fn payload(&mut self, number: usize, payload: &Value) {
        let Some(payload) = payload.as_dictionary() else {
            return self.wrong(
                "the profile",
                &format!("{PAYLOAD}{number}"),
                Judgment::Mistyped,
                "expected a dictionary",
            );
        };
        let kind = payload.get("PayloadType").and_then(Value::as_string).unwrap_or_default();
        let place = format!("{PAYLOAD}{number}");
        self.envelope(&place, payload);
        if let Some(domain) = Domain::named(kind) {
            self.parts.push(Part { place, domain, keys: payload.clone(), unseen: None });
        } else if kind == MANAGED_CLIENT {
            match payload.get("PayloadContent").and_then(Value::as_dictionary) {
                Some(domains) => {
                    self.managed_client(&place, domains);
                    domains.keys().for_each(|name| self.slip(&place, name));
                }
                None => self.wrong(
                    &place,
                    "PayloadContent",
                    Judgment::Mistyped,
                    "expected a dictionary of domains",
                ),
            }
        } else {
            self.slip(&place, kind);
        }
    }

    /// A domain that nobody has, and that was probably meant to be one of those that count. Others are others' affair.
    fn slip(&mut self, place: &str, name: &str) {
        if [LABEL, PARALLELS_MANAGED_DOMAIN].iter().any(|domain| nearest::is_slip(name, domain)) {
            self.findings.push(Finding::new(place, name, Judgment::Unknown, Family::Domain));
        }
    }

    fn managed_client(&mut self, place: &str, domains: &Dictionary) {
        for (name, states) in domains {
            let Some(domain) = Domain::named(name) else { continue };
            for (state, entries) in states.as_dictionary().into_iter().flatten() {
                let unseen = (state != "Forced").then_some(NOT_FORCED);
                for entry in entries.as_array().into_iter().flatten() {
                    let settings =
                        entry.as_dictionary().and_then(|entry| entry.get("mcx_preference_settings"));
                    match settings.and_then(Value::as_dictionary) {
                        Some(keys) => self.parts.push(Part {
                            place: place.to_owned(),
                            domain,
                            keys: keys.clone(),
                            unseen,
                        }),
                        None => {
                            self.wrong(place, state, Judgment::Mistyped, "expected mcx_preference_settings")
                        }
                    }
                }
            }
        }
    }

    /// Says so where nothing is for the agent or for Parallels Desktop, and names what may have been meant to be.
    fn without_parts(&mut self, file: &Dictionary) {
        if !self.parts.is_empty() {
            return;
        }
        self.wrong("the profile", LABEL, Judgment::Missing, "no payload is of this domain");
        let payloads = file.get("PayloadContent").and_then(Value::as_array).into_iter().flatten();
        for payload in payloads.filter_map(Value::as_dictionary) {
            let kind = payload.get("PayloadType").and_then(Value::as_string).unwrap_or_default();
            let inside = payload
                .get("PayloadContent")
                .and_then(Value::as_dictionary)
                .filter(|_| kind == MANAGED_CLIENT);
            let domains = inside.into_iter().flat_map(Dictionary::keys).map(String::as_str);
            for name in domains.chain([kind]).filter(|name| !name.starts_with("com.apple.")) {
                if !self.findings.iter().any(|told| told.family == Family::Domain && told.key == name) {
                    self.findings.push(Finding::new("the profile", name, Judgment::Unknown, Family::Domain));
                }
            }
        }
    }
}
