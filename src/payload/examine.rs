//! Judges each key of a file, as the daemon would take it. Pure.
//!
//! The preferences that are found are laid down as macOS would lay them down, and the agent's own reader reads them; what is added
//! here is where a key that does not count should stand.

use std::collections::BTreeMap;

use plist::Value;
use serde::Serialize;

use super::cms::Sealed;
use super::find::{Domain, PAYLOAD, Part, parts};
use super::{PayloadError, cms};
use crate::catalog::{Key, Value as SettingValue};
use crate::paths::{LABEL, PARALLELS_MANAGED_DOMAIN};
use crate::property_list::value_within;
use crate::sources::layer::{Fault, shown};
use crate::sources::profile::{
    ACTIVATION_KEYS, Activation, KEYS, LARGEST, Preferences, Unreadable, dictionary,
};

/// A profile nests preferences this deep at most.
const DEEPEST: u8 = 24;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgment {
    /// The daemon takes it.
    Valid,
    /// Nobody knows the name.
    Unknown,
    /// The value is not one that it takes.
    Mistyped,
    /// It is known, and does not count where it stands.
    Misplaced,
    /// It is not there and has to be.
    Missing,
}

/// Among which names a name belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The keys of the agent's domain.
    Agent,
    /// The settings of the catalog.
    Setting,
    /// The keys of Parallels' domain.
    Parallels,
    /// The preference domains.
    Domain,
    /// What macOS asks of a profile.
    Profile,
}

impl Family {
    /// Its names, to find the one that was meant.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Agent => KEYS.iter().map(|key| key.name).collect(),
            Self::Setting => Key::all().map(Key::name).collect(),
            Self::Parallels => ACTIVATION_KEYS.to_vec(),
            Self::Domain => vec![LABEL, PARALLELS_MANAGED_DOMAIN],
            Self::Profile => Vec::new(),
        }
    }
}

/// A key, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where it stands.
    pub place: String,
    /// Its name; that of a setting alone, without `Settings`.
    pub key: String,
    /// What becomes of it.
    pub judgment: Judgment,
    /// Among which names it belongs.
    pub family: Family,
    /// Why.
    pub detail: Option<String>,
}

impl Finding {
    pub(super) fn new(place: &str, key: &str, judgment: Judgment, family: Family) -> Self {
        Self { place: place.to_owned(), key: shown(key), judgment, family, detail: None }
    }

    pub(super) fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// A profile, and not the property list of one domain.
    pub is_profile: bool,
    /// It is signed. By whom, and whether rightly, is not looked at.
    pub is_signed: bool,
    /// The keys, place by place.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// True when every key counts.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.judgment == Judgment::Valid)
    }

    /// True when the daemon takes a value of this key of its own.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        let sets = |finding: &Finding| finding.family == Family::Agent && finding.judgment == Judgment::Valid;
        self.findings.iter().any(|finding| sets(finding) && finding.key == name)
    }
}

/// Judges every key of the file with these bytes.
///
/// # Errors
/// It is no profile and no property list, or hides what it holds.
pub fn examine(bytes: &[u8]) -> Result<Examination, PayloadError> {
    let is_signed = cms::is_signed(bytes);
    let opened = if is_signed { Some(cms::content(bytes)?) } else { None };
    if cms::is_armored(bytes) {
        return Err(Sealed::Armored.into());
    }
    if opened.as_deref().is_some_and(|inside| cms::is_signed(inside) || cms::is_armored(inside)) {
        return Err(Sealed::Twice.into());
    }
    let file =
        dictionary(value_within::<DEEPEST>(opened.as_deref().unwrap_or(bytes)).map_err(Unreadable::from)?)?;
    let found = parts(file)?;
    let mut findings = found.findings;
    for part in &found.parts {
        findings.extend(judge(part)?);
    }
    said_twice(&mut findings);
    // What is wrong around the keys of a payload stands with them.
    findings.sort_by_key(|finding| {
        finding.place.strip_prefix(PAYLOAD).map_or(0, |number| number.parse().unwrap_or(usize::MAX))
    });
    Ok(Examination { is_profile: found.is_profile, is_signed, findings })
}

fn judge(part: &Part) -> Result<Vec<Finding>, PayloadError> {
    let mut bytes = Vec::new();
    Value::Dictionary(part.keys.clone()).to_writer_binary(&mut bytes)?;
    let read = if bytes.len() as u64 > LARGEST {
        Err(Unreadable::TooLarge)
    } else {
        match part.domain {
            Domain::Agent => {
                Preferences::parse(&part.place, &bytes).map(|preferences| own(part, &preferences))
            }
            Domain::Parallels => {
                Activation::parse(&part.place, &bytes).map(|activation| parallels(part, &activation))
            }
        }
    };
    let mut findings = read.unwrap_or_else(|why| {
        let domain = if part.domain == Domain::Agent { LABEL } else { PARALLELS_MANAGED_DOMAIN };
        vec![Finding::new(&part.place, domain, Judgment::Mistyped, Family::Domain).because(why.to_string())]
    });
    if let Some(why) = part.unseen {
        for finding in &mut findings {
            (finding.judgment, finding.detail) = (Judgment::Misplaced, Some(why.to_owned()));
        }
    }
    Ok(findings)
}

/// The keys of the agent's domain, and the settings.
fn own(part: &Part, preferences: &Preferences) -> Vec<Finding> {
    let problems = preferences.problems();
    let mut findings = Vec::new();
    for key in KEYS.iter().filter(|key| part.keys.contains_key(key.name) && !problems.contains_key(key.name))
    {
        findings.push(Finding::new(&part.place, key.name, Judgment::Valid, Family::Agent));
    }
    for (name, fault) in &problems {
        let finding = |judgment| Finding::new(&part.place, name, judgment, Family::Agent);
        findings.push(match fault {
            Fault::Unknown if Key::named(name).is_some() => finding(Judgment::Misplaced)
                .because("is a setting and belongs into the dictionary “Settings”"),
            Fault::Unknown if ACTIVATION_KEYS.contains(&name.as_str()) => finding(Judgment::Misplaced)
                .because(format!("belongs into a payload of {PARALLELS_MANAGED_DOMAIN}")),
            Fault::Unknown => finding(Judgment::Unknown),
            Fault::NotAllowedHere { .. } => finding(Judgment::Misplaced).because(fault.to_string()),
            Fault::BadValue { expected } => finding(Judgment::Mistyped).because(expected),
        });
    }
    let settings = &preferences.settings;
    findings.extend(settings.items.iter().map(|(key, item)| setting(part, *key, item)));
    findings.extend(settings.strangers.keys().map(|name| {
        let finding = |judgment| Finding::new(&part.place, name, judgment, Family::Setting);
        match Family::Agent.names().contains(&name.as_str()) {
            true => finding(Judgment::Misplaced)
                .because("is no setting and belongs beside the dictionary “Settings”"),
            false => finding(Judgment::Unknown),
        }
    }));
    findings
}

fn setting(part: &Part, key: Key, item: &Result<SettingValue, Fault>) -> Finding {
    let finding = |judgment| Finding::new(&part.place, key.name(), judgment, Family::Setting);
    match item {
        Ok(_) => finding(Judgment::Valid),
        Err(Fault::BadValue { expected }) => finding(Judgment::Mistyped).because(expected),
        Err(_) => {
            let layers: Vec<_> = key.setting().layers.iter().map(|layer| layer.title()).collect();
            let who = layers.join(" or ");
            finding(Judgment::Misplaced).because(format!("no profile may set it, only a {who}"))
        }
    }
}

/// The keys of Parallels' domain. The agent reads two; the texts of the sign-in window are Parallels' own affair.
fn parallels(part: &Part, activation: &Activation) -> Vec<Finding> {
    let faults = BTreeMap::from([
        ("ActivationExperience", activation.experience.fault()),
        ("LicenseKey", activation.license_key.fault()),
    ]);
    let keys = part.keys.iter().filter(|(name, _)| !name.starts_with("Payload") && *name != "_manualProfile");
    let judged = keys.map(|(name, value)| {
        let finding = |judgment| Finding::new(&part.place, name, judgment, Family::Parallels);
        match faults.get(name.as_str()) {
            Some(Some(fault)) => finding(Judgment::Mistyped).because(fault.to_string()),
            Some(None) => finding(Judgment::Valid),
            None if !ACTIVATION_KEYS.contains(&name.as_str()) => match Family::Agent
                .names()
                .contains(&name.as_str())
            {
                true => finding(Judgment::Misplaced).because(format!("belongs into a payload of {LABEL}")),
                false => finding(Judgment::Unknown),
            },
            None if value.as_string().is_none() => finding(Judgment::Mistyped).because("expected a string"),
            None => finding(Judgment::Valid),
        }
    });
    judged.collect()
}

/// macOS merges the payloads of one domain into one file, and does not say which of two values it takes.
fn said_twice(findings: &mut [Finding]) {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for finding in findings.iter_mut().filter(|finding| finding.judgment == Judgment::Valid) {
        let name = (finding.key.clone(), format!("{:?}", finding.family));
        match seen.get(&name) {
            Some(first) => {
                finding.judgment = Judgment::Misplaced;
                finding.detail = Some(format!("stands in {first}, too, and which of the two counts is open"));
            }
            None => {
                seen.insert(name, finding.place.clone());
            }
        }
    }
}
