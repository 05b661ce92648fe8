//! The values that settings take, and how they are read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::address::without_queries;
use crate::domain::character::is_dangerous;

/// One of the values of a choice.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value in profiles and policies.
    pub value: &'static str,
    /// What a person reads.
    pub title: &'static str,
}

/// Which values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On or off, where neither is stricter.
    Switch,
    /// On or off, where on takes something away from the user.
    Restriction,
    /// One of these.
    Choice(&'static [Choice]),
    /// An `https` or `http` address without credentials. `http` is for update servers of the local network.
    Url,
    /// A date, `YYYY-MM-DD`, or off.
    Expiry,
}

/// A value that its setting takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A choice, an address or a date.
    Text(String),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// True for a switch that is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self == Self::Switch(true)
    }
}

/// For people and for the log: an address is shown without its query.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(true) => f.pad("on"),
            Self::Switch(false) => f.pad("off"),
            Self::Text(text) => f.pad(&without_queries(text)),
        }
    }
}

/// Why a value is not one that its setting takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum BadValue {
    /// Another type.
    #[error("expected {expected}")]
    Type {
        /// What the setting takes.
        expected: String,
    },
    /// A text that is none of the choices.
    #[error("expected one of {choices}")]
    Choice {
        /// The choices, separated by commas.
        choices: String,
    },
    /// A text that is no address.
    #[error(
        "expected an http or https address of at most 2048 bytes without a user name, password, space or #"
    )]
    Url,
    /// A text that is no date.
    #[error("expected a date as YYYY-MM-DD, or false")]
    Date,
}

impl Kind {
    /// What it takes, in words.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Switch | Self::Restriction => "true or false".to_owned(),
            Self::Choice(_) => "a string".to_owned(),
            Self::Url => "an address as a string".to_owned(),
            Self::Expiry => "a date as a string, or false".to_owned(),
        }
    }

    /// Reads a value as a policy or a profile gives it.
    ///
    /// # Errors
    /// The value is not one of this kind.
    pub fn read(self, given: &serde_json::Value) -> Result<Value, BadValue> {
        let text = || given.as_str().ok_or_else(|| BadValue::Type { expected: self.expected() });
        match self {
            Self::Switch | Self::Restriction => {
                given.as_bool().map(Value::Switch).ok_or_else(|| BadValue::Type { expected: self.expected() })
            }
            Self::Choice(choices) => choices
                .iter()
                .find(|choice| Ok(choice.value) == text())
                .map(|choice| Value::text(choice.value))
                .ok_or_else(|| match text() {
                    Err(bad) => bad,
                    Ok(_) => BadValue::Choice {
                        choices: choices.iter().map(|choice| choice.value).collect::<Vec<_>>().join(", "),
                    },
                }),
            Self::Url => read_url(text()?),
            Self::Expiry if *given == serde_json::Value::Bool(false) => Ok(Value::Switch(false)),
            Self::Expiry => read_date(text()?),
        }
    }
}

/// What every address meets that [`Kind::Url`] takes, and few others do, as a regular expression of JavaScript and of ICU.
pub const ADDRESS_PATTERN: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s\\]+([/?][^#\s\\]*)?$";

/// The text is looked at, too, because the parser takes much that a person did not mean: it leaves tabs out, and finds a host
/// behind three slashes.
/// The longest address, in bytes: it is reported with each check-in.
const LONGEST_ADDRESS: usize = 2_048;

fn read_url(text: &str) -> Result<Value, BadValue> {
    let (scheme, rest) = text.split_once("://").ok_or(BadValue::Url)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let is_web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let is_stray = |c: char| matches!(c, '#' | '\\') || c.is_whitespace() || is_dangerous(c);
    let is_plain = !authority.is_empty()
        && !authority.contains('@')
        && !text.contains(is_stray)
        && text.len() <= LONGEST_ADDRESS;
    if is_web && is_plain && url::Url::parse(text).is_ok_and(|url| url.host().is_some()) {
        Ok(Value::text(text))
    } else {
        Err(BadValue::Url)
    }
}

fn read_date(text: &str) -> Result<Value, BadValue> {
    let date: jiff::civil::Date = text.parse().map_err(|_| BadValue::Date)?;
    if date.to_string() == text { Ok(Value::text(text)) } else { Err(BadValue::Date) }
}
