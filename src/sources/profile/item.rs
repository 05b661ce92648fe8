//! The items of the agent's preferences, each with its strict reading.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use plist::{Dictionary, Value};
use url::{Host, Url};

use super::keys;
use crate::domain::keyed::Keyed as _;
use crate::domain::license::is_order_name;
use crate::sources::layer::{Fault, shown};
use crate::wire::key::PublicKey;

/// Longest enrollment token, in bytes.
const LONGEST_TOKEN: usize = 1024;

/// An item of the preferences: unset, bad or set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<T> {
    /// The profile does not name it.
    Unset,
    /// The profile names it with a value that does not count.
    Bad(Fault),
    /// The profile sets it.
    Set(T),
}

impl<T> Item<T> {
    /// The value, if one is set.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Unset | Self::Bad(_) => None,
        }
    }

    /// What is wrong, if something is.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Bad(fault) => Some(fault),
            Self::Unset | Self::Set(_) => None,
        }
    }
}

/// The origin of the portal: scheme, host and port, nothing more.
#[derive(Clone, PartialEq, Eq)]
pub struct PortalOrigin(Url);

impl PortalOrigin {
    /// Reads an `https` origin, or an `http` one of a loopback host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The URL standard repairs what follows; a profile should say what it means.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@' | '?' | '#')) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let authority = text.get(url.scheme().len()..)?.strip_prefix("://")?;
        let bare = !authority.strip_suffix('/').unwrap_or(authority).contains('/');
        (scheme && bare && url.path() == "/").then_some(Self(url))
    }

    /// The address, whose path is `/`.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for PortalOrigin {
    /// The origin as proofs name it: no slash at the end, no default port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for PortalOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret that lets a Mac enroll. It is never displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollmentToken(String);

impl EnrollmentToken {
    /// The secret itself, for the one request that carries it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("(hidden)")
    }
}

impl fmt::Debug for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrollmentToken(hidden)")
    }
}

/// Takes an item out of the dictionary and reads it.
pub(super) fn take<T>(
    dictionary: &mut Dictionary,
    name: &str,
    read: impl FnOnce(Value) -> Result<T, Fault>,
) -> Item<T> {
    dictionary.remove(name).map_or(Item::Unset, |value| match read(value) {
        Ok(value) => Item::Set(value),
        Err(fault) => Item::Bad(fault),
    })
}

fn bad(expected: &str) -> Fault {
    Fault::BadValue { expected: format!("expected {expected}") }
}

pub(super) fn portal_origin(value: Value) -> Result<PortalOrigin, Fault> {
    value.as_string().and_then(PortalOrigin::parse).ok_or_else(|| {
        bad("an https address without a path, such as https://portal.example.com (http for loopback only)")
    })
}

pub(super) fn enrollment_token(value: Value) -> Result<EnrollmentToken, Fault> {
    value
        .into_string()
        .filter(|text| {
            (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        })
        .map(EnrollmentToken)
        .ok_or_else(|| bad("a string of 1 to 1024 printable ASCII characters without spaces"))
}

pub(super) fn root_key(value: Value) -> Result<[u8; 32], Fault> {
    value
        .as_string()
        .and_then(|text| text.parse::<PublicKey>().ok())
        .filter(PublicKey::is_on_the_curve)
        .map(|key| *key.bytes())
        .ok_or_else(|| bad("an Ed25519 public key as the portal shows it: 43 characters of base64url"))
}

pub(super) fn certificates(value: Value) -> Result<Vec<u8>, Fault> {
    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const DER_SEQUENCE: u8 = 0x30;
    let pem = |bytes: &[u8]| bytes.windows(PEM.len()).any(|window| window == PEM);
    let bytes = match value {
        Value::String(text) if pem(text.as_bytes()) => Some(text.into_bytes()),
        Value::Data(bytes) if pem(&bytes) || bytes.first() == Some(&DER_SEQUENCE) => Some(bytes),
        _ => None,
    };
    bytes.ok_or_else(|| bad("certificates as PEM text, or as data"))
}

pub(super) fn interval(value: Value) -> Result<Duration, Fault> {
    value
        .as_unsigned_integer()
        .filter(|seconds| keys::INTERVAL.contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| bad("an integer from 30 to 86400"))
}

pub(super) fn log_level(value: Value) -> Result<tracing::Level, Fault> {
    let level = keys::LEVELS.iter().find(|(name, _)| value.as_string() == Some(name));
    level.map(|(_, level)| *level).ok_or_else(|| bad("one of error, warn, info, debug, trace"))
}

pub(super) fn deactivation_order(value: Value) -> Result<String, Fault> {
    value
        .into_string()
        .filter(|text| is_order_name(text))
        .ok_or_else(|| bad("a string of 1 to 128 printable characters, and no space at its ends"))
}

pub(super) fn settings(value: Value) -> Result<BTreeMap<String, serde_json::Value>, Fault> {
    let dictionary = value.into_dictionary().ok_or_else(|| bad("a dictionary"))?;
    Ok(dictionary.into_iter().map(|(name, value)| (shown(&name), json(value))).keyed())
}

/// The value as the catalog reads it. Dates, data and uids are no value of any setting, and null is not either.
fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Boolean(value) => value.into(),
        Value::String(text) => text.into(),
        Value::Integer(number) => number
            .as_signed()
            .map(Into::into)
            .or_else(|| number.as_unsigned().map(Into::into))
            .unwrap_or(serde_json::Value::Null),
        Value::Real(number) => number.into(),
        Value::Array(values) => values.into_iter().map(json).collect(),
        Value::Dictionary(values) => {
            values.into_iter().map(|(name, value)| (name, json(value))).members().into()
        }
        _ => serde_json::Value::Null,
    }
}
