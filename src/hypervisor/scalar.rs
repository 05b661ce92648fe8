//! The values of Parallels' JSON: booleans come as `true`, `"on"` and `"yes"`, sizes as `"8192Mb"`, numbers as text.
//!
//! Any JSON is read without an error, so that one odd value harms itself only: it is then not shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One value of any kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Not there, null, or of a kind that says nothing.
    #[default]
    Absent,
    Bool(bool),
    Number(u64),
    Text(Cow<'a, str>),
    /// A list of texts; members of another kind are dropped.
    List(Vec<String>),
}

impl Scalar<'_> {
    /// Yes or no, three ways.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) => flag(text),
            _ => None,
        }
    }

    /// A count, as a number or as text.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A size in MiB.
    pub(super) fn mib(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => mib(text),
            _ => None,
        }
    }

    /// A text that says something.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text of one's own.
    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A set of words: a list, or one text with commas or spaces between; a missing one is empty. None where what is
    /// shown is no such thing.
    pub(super) fn words(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Absent => Some(BTreeSet::new()),
            Self::Text(text) => Some(words(text)),
            Self::List(list) => Some(list.iter().flat_map(|text| words(text)).collect()),
            Self::Bool(_) | Self::Number(_) => None,
        }
    }
}

/// Yes or no, in Parallels' words.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "on" | "yes" | "true" | "enabled" | "1" => Some(true),
        "off" | "no" | "false" | "disabled" | "0" => Some(false),
        _ => None,
    }
}

/// The words of a text with commas or spaces between; `none` and `off` are no words.
fn words(text: &str) -> BTreeSet<String> {
    text.split([',', ' ', '\t'])
        .map(|word| word.trim_matches(['"', '[', ']', '\'', '\\']))
        .filter(|word| !matches!(*word, "" | "none" | "off"))
        .map(str::to_owned)
        .collect()
}

/// `8192Mb`, `128Gb`, `8192`: in MiB.
fn mib(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit.trim().to_ascii_lowercase().as_str() {
        "" | "m" | "mb" | "mib" => Some(number),
        "k" | "kb" | "kib" => Some(number / 1024),
        "g" | "gb" | "gib" => number.checked_mul(1024),
        "t" | "tb" | "tib" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyKind)
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(u64::try_from(number).map_or(Scalar::Absent, Scalar::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Absent)
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Absent)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Scalar<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element::<Scalar<'de>>()? {
            list.extend(member.owned());
        }
        Ok(Scalar::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Scalar<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_three_ways() {
        for (json, flag) in [
            ("true", Some(true)),
            ("\"on\"", Some(true)),
            ("\"yes\"", Some(true)),
            ("false", Some(false)),
            ("\"off\"", Some(false)),
            ("\"no\"", Some(false)),
            ("\"maybe\"", None),
            ("null", None),
            ("[true]", None),
            ("{\"on\": true}", None),
        ] {
            assert_eq!(serde_json::from_str::<Scalar<'_>>(json).unwrap().flag(), flag, "{json}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, size) in [
            ("8192Mb", Some(8192)),
            ("8192", Some(8192)),
            ("2 Gb", Some(2048)),
            ("1Tb", Some(1_048_576)),
            ("2048Kb", Some(2)),
            ("0Mb", Some(0)),
            ("-1Mb", None),
            ("Mb", None),
            ("8Xb", None),
            ("18446744073709551615Gb", None),
        ] {
            assert_eq!(mib(text), size, "{text}");
        }
    }

    #[test]
    fn a_set_of_words_may_be_a_list_or_a_text() {
        let set = |json: &str| serde_json::from_str::<Scalar<'_>>(json).unwrap().words();
        let expected = Some(BTreeSet::from(["add-vm".to_owned(), "create-vm".to_owned()]));
        assert_eq!(set(r#"["create-vm", "add-vm", 7]"#), expected);
        assert_eq!(set(r#""create-vm,add-vm""#), expected);
        assert_eq!(set(r#""create-vm add-vm""#), expected);
        assert_eq!(set("[]"), Some(BTreeSet::new()));
        assert_eq!(set("true"), None);
        assert_eq!(Scalar::Absent.words(), Some(BTreeSet::new()));
    }
}
