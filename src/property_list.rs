//! Property lists, measured before they are built.
//!
//! A binary property list may refer to one object many times, so that 200 bytes unfold into gigabytes, and either form may
//! nest until the stack ends. So the list is walked once with a budget, keeping nothing, and built only when it is within.
//! Everything that comes from outside of the agent goes this way: profiles, and what Parallels Desktop and macOS leave or print.

use std::cell::Cell;
use std::fmt;
use std::io::Cursor;

use plist::Value;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Managed preferences nest two deep; a profile that carries them some more.
const DEEPEST: u8 = 16;

/// Objects and bytes together, counted as often as they are referred to.
const BUDGET: usize = 2 << 20;

/// Most members of one dictionary or array.
const MOST_MEMBERS: usize = 10_000;

/// Bytes that are no property list that could be built: no XML and no binary one, half of one, or one that is nested or
/// repeated beyond measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// The property list of these bytes, of what nests no deeper than managed preferences do, or than what macOS' own tools print.
///
/// # Errors
/// [`Malformed`].
pub fn value(bytes: &[u8]) -> Result<Value, Malformed> {
    value_within::<DEEPEST>(bytes)
}

/// The same, for what may nest so deep.
///
/// # Errors
/// [`Malformed`].
pub fn value_within<const DEEPEST: u8>(bytes: &[u8]) -> Result<Value, Malformed> {
    let malformed = |error: plist::Error| Malformed(words(&error.to_string()));
    let xml = bytes.trim_ascii_start().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    // The crate would also take the old text form, in which any word is a whole property list.
    let value = if bytes.starts_with(b"bplist00") {
        plist::from_bytes::<Measured<DEEPEST>>(bytes).map_err(malformed)?;
        Value::from_reader(Cursor::new(bytes))
    } else if xml.starts_with(b"<") {
        plist::from_reader_xml::<_, Measured<DEEPEST>>(Cursor::new(xml)).map_err(malformed)?;
        Value::from_reader_xml(Cursor::new(xml))
    } else {
        return Err(Malformed("neither XML nor binary".to_owned()));
    };
    value.map_err(malformed)
}

/// An error of plist 1.10 for people: it shows a name of its code, such as `InvalidXmlSyntax (offset 7)`, and what the measure
/// says as `Serde("nested too deeply")`.
fn words(shown: &str) -> String {
    if let Some((said, rest)) = shown.strip_prefix("Serde(\"").and_then(|text| text.split_once("\")")) {
        return format!("{said}{rest}");
    }
    let (kind, rest) = shown.split_at(shown.find(|c: char| !c.is_alphanumeric()).unwrap_or(shown.len()));
    let mut words = String::new();
    for c in kind.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    // What follows is the place, or values of the crate's own.
    match rest.rsplit_once(" (offset ") {
        Some((_, offset)) => format!("{words} (offset {offset}"),
        None => words,
    }
}

/// A property list that is within the budget.
struct Measured<const DEEPEST: u8>;

impl<'de, const DEEPEST: u8> serde::Deserialize<'de> for Measured<DEEPEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Walk { left: &Cell::new(BUDGET), deeper: DEEPEST }.deserialize(deserializer)?;
        Ok(Self)
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    left: &'a Cell<usize>,
    /// How much deeper it may nest.
    deeper: u8,
}

impl Walk<'_> {
    fn spend<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(bytes.saturating_add(1));
        self.left.set(left.ok_or_else(|| E::custom("unfolds beyond measure"))?);
        Ok(())
    }

    fn enter<E: Error>(self, members: Option<usize>) -> Result<Self, E> {
        self.spend(0)?;
        let deeper = self.deeper.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        if members.is_some_and(|members| members > MOST_MEMBERS) {
            return Err(E::custom("too many members"));
        }
        Ok(Self { deeper, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property list")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.spend(text.len())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        self.spend(bytes.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.enter(members.size_hint())?;
        while members.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.enter(members.size_hint())?;
        while members.next_key_seed(inner)?.is_some() {
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_words() {
        for (shown, said) in [
            ("Serde(\"nested too deeply\")", "nested too deeply"),
            ("Serde(\"too many members\") (offset 9)", "too many members (offset 9)"),
            ("InvalidXmlSyntax (offset 7)", "invalid xml syntax (offset 7)"),
            (
                "UnexpectedEventType { expected: EndCollection, found: Date } (offset 3)",
                "unexpected event type (offset 3)",
            ),
            ("UnknownObjectType(7)", "unknown object type"),
            ("UnexpectedEof", "unexpected eof"),
            ("", ""),
        ] {
            assert_eq!(words(shown), said);
        }
        let nested = format!("<plist><dict><key>a</key>{}", "<array>".repeat(40));
        let why = value(nested.as_bytes()).unwrap_err().to_string();
        assert_eq!(why, "nested too deeply");
    }
}
