//! `prlsrvctl info --license` and `licenses.json`: the license as Parallels' service shows and keeps it.
//!
//! In go the tool's output, as JSON or as text, and the bytes of the file; out come [`LicenseFacts`]. What cannot be
//! read is unknown, which is a state of its own and never "no license". Member names and words are those of Parallels'
//! own plugins and of the OpenVZ fork; a later version may add words, which are then unknown.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Timestamp, Unit};
use serde_json::value::RawValue;

use super::scalar::{Scalar, flag};
use super::{ParseError, json};
use crate::domain::keyed::Keyed as _;
use crate::domain::license::{ActivationKind, LicenseFacts, LicenseState, MaskedKey};

/// How a tool complains about a license in a bad state (facts: an issue of Parallels' Vagrant plugin).
const BAD_STATE: &str = "PrlHandle_FromString";

/// How the text form says that there is none.
const NONE: &str = "No licenses installed";

/// What is shown, by name.
type Members<'a> = BTreeMap<&'a str, Scalar<'a>>;

/// Reads `prlsrvctl info --license --json`, and also the text form, should that have come.
///
/// `{}` means that there is no license (from the OpenVZ fork); the complaint of a license in a bad state means that it
/// is unknown.
///
/// # Errors
/// A [`ParseError`] when it is none of these.
pub fn parse_info(bytes: &[u8]) -> Result<LicenseFacts, ParseError> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains(BAD_STATE) {
        return Ok(LicenseFacts::default());
    }
    if text.contains(NONE) {
        return Ok(none());
    }
    if is_bare_object(&text) {
        return Ok(none());
    }
    match json::read(bytes, facts_of_json) {
        Ok(facts) => facts,
        Err(ParseError::Empty) => Err(ParseError::Empty),
        Err(json_error) => facts(&lines(&text)).map_err(|_| json_error),
    }
}

/// `{}` alone, after lines of noise. An empty object inside of something that cannot be read says nothing.
fn is_bare_object(text: &str) -> bool {
    text.split_once('{').is_some_and(|(noise, rest)| {
        let opens_line = noise.trim_end_matches([' ', '\t']);
        (opens_line.is_empty() || opens_line.ends_with('\n')) && rest.trim() == "}"
    })
}

fn facts_of_json(text: &str) -> serde_json::Result<Result<LicenseFacts, ParseError>> {
    let raw: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    Ok(facts(&json::scalars(&raw)?))
}

/// The lines `name="value"` of the text form; numbers come without quotes.
fn lines(text: &str) -> Members<'_> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
    let value = |value: &str| Scalar::Text(Cow::Owned(value.trim().trim_matches('"').to_owned()));
    pairs.map(|(name, shown)| (name.trim(), value(shown))).keyed()
}

const fn none() -> LicenseFacts {
    LicenseFacts {
        state: LicenseState::None,
        edition: None,
        activation: Some(ActivationKind::None),
        key: None,
        parent: None,
        sublicense: None,
        trial: None,
        user: None,
        main_period_ends_at: None,
        grace_period_ends_at: None,
    }
}

/// Other output is never taken for a license without a state.
fn facts(members: &Members<'_>) -> Result<LicenseFacts, ParseError> {
    let shown = |name| members.get(name).and_then(Scalar::text);
    let state = shown("status").or_else(|| shown("state")).ok_or(ParseError::Missing("license"))?;
    let time = |names: [&'static str; 2]| names.into_iter().find_map(|name| time(shown(name)?));
    Ok(LicenseFacts {
        state: self::state(state),
        edition: shown("edition").map(str::to_ascii_lowercase),
        activation: match members.get("activation_type") {
            Some(Scalar::Text(word)) => activation(word),
            _ => None,
        },
        key: shown("serial").or_else(|| shown("key")).or_else(|| shown("lic_key")).map(MaskedKey::of),
        parent: None,
        sublicense: None,
        trial: members.get("is_trial").and_then(yes),
        user: shown("user").map(str::to_owned),
        // Facts: `expiration` may be the end of the grace period, so that it stands in for neither.
        main_period_ends_at: time(["main_period_ends_at", "main_period_ends"]),
        grace_period_ends_at: time(["grace_period_ends_at", "graceperiod"]),
    })
}

/// Words of 26 and, in lower case, those of the OpenVZ fork.
fn state(word: &str) -> LicenseState {
    match word.trim().to_ascii_lowercase().as_str() {
        "active" | "valid" => LicenseState::Active,
        "graced" => LicenseState::Graced,
        "expired" => LicenseState::Expired,
        "suspended" => LicenseState::Suspended,
        "invalid" | "not valid" => LicenseState::Invalid,
        _ => LicenseState::Unknown,
    }
}

fn activation(word: &str) -> Option<ActivationKind> {
    match word.trim().to_ascii_uppercase().as_str() {
        "LIC_KEY" => Some(ActivationKind::Key),
        "SSO" => Some(ActivationKind::Sso),
        "" => Some(ActivationKind::None),
        _ => None,
    }
}

fn yes(scalar: &Scalar<'_>) -> Option<bool> {
    match scalar {
        Scalar::Number(number) => Some(*number != 0),
        Scalar::Text(text) => flag(&text.to_ascii_lowercase()),
        other => other.flag(),
    }
}

/// `YYYY-MM-DD HH:MM:SS` as in `licenses.json`, in UTC (inferred), a day alone, or RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let at = |civil: DateTime| Offset::UTC.to_timestamp(civil).ok();
    let time = text.parse::<Timestamp>().ok().or_else(|| match text.len() {
        10 => at(text.parse::<Date>().ok()?.at(0, 0, 0, 0)),
        _ => at(text.parse::<DateTime>().ok()?),
    })?;
    time.round(Unit::Second).ok()
}

/// What `licenses.json` tells beyond the tool: whether it is a sublicense and of which key, and whether it is suspended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// The key.
    pub key: Option<MaskedKey>,
    /// Whether it is a sublicense, that is: of a user group.
    pub sublicense: Option<bool>,
    /// The key that it belongs to.
    pub parent: Option<MaskedKey>,
    /// Whether it is suspended.
    pub suspended: Option<bool>,
    /// Whether it is a trial.
    pub trial: Option<bool>,
    /// When the paid period ends.
    pub main_period_ends_at: Option<Timestamp>,
    /// When the grace after it ends.
    pub grace_period_ends_at: Option<Timestamp>,
}

/// Reads `licenses.json`, an object whose `license` is a text of JSON; an object in its place is read as well.
#[must_use]
pub fn parse_licenses_json(bytes: &[u8]) -> Option<Extra> {
    let text = String::from_utf8_lossy(bytes);
    let outer: BTreeMap<String, &RawValue> = serde_json::from_str(&text).ok()?;
    let raw = outer.get("license")?.get();
    let inner = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
    let raw: BTreeMap<String, &RawValue> = serde_json::from_str(&inner).ok()?;
    let members = raw
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str(), serde_json::from_str::<Scalar<'_>>(value.get()).ok()?))
        })
        .keyed();
    let shown = |name| members.get(name).and_then(Scalar::text);
    let whether = |name| members.get(name).and_then(yes);
    Some(Extra {
        key: shown("lic_key").map(MaskedKey::of),
        sublicense: whether("is_sublicense"),
        parent: shown("parent_key").map(MaskedKey::of),
        suspended: whether("is_suspended"),
        trial: whether("is_trial"),
        main_period_ends_at: shown("main_period_ends_at").and_then(time),
        grace_period_ends_at: shown("grace_period_ends_at").and_then(time),
    })
}

/// The tool's facts with what the file adds. The tool comes first: a file may outlive its license, so that one about
/// another key, or beside no license or an unknown one, adds nothing.
#[must_use]
pub fn with(facts: LicenseFacts, extra: Option<Extra>) -> LicenseFacts {
    let Some(extra) = extra else { return facts };
    let is_there = !matches!(facts.state, LicenseState::None | LicenseState::Unknown);
    let is_same = match (&facts.key, &extra.key) {
        (Some(shown), Some(kept)) => shown == kept,
        _ => true,
    };
    if !is_there || !is_same {
        return facts;
    }
    let suspended = extra.suspended == Some(true) && facts.state.is_good();
    LicenseFacts {
        state: if suspended { LicenseState::Suspended } else { facts.state },
        key: facts.key.or(extra.key),
        sublicense: facts.sublicense.or(extra.sublicense),
        parent: facts.parent.or(extra.parent),
        trial: facts.trial.or(extra.trial),
        main_period_ends_at: facts.main_period_ends_at.or(extra.main_period_ends_at),
        grace_period_ends_at: facts.grace_period_ends_at.or(extra.grace_period_ends_at),
        ..facts
    }
}

#[cfg(test)]
mod tests;
