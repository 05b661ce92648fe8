//! JSON read strictly, and its canonical form.
//!
//! In go bytes from outside; out comes a value in which no member stands twice and nothing lies deeper than
//! [`DEPTH`], or an error. Canonical forms are those of RFC 8785, for integers only.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::LARGEST_INTEGER;
use crate::domain::digest::Digest;

/// How deep arrays and objects may lie in each other.
pub const DEPTH: usize = 64;

/// Names that the JSON library gives a meaning of its own when a value is read into a type; from outside they are
/// refused, or a text in them would be read as JSON without these rules.
const RESERVED: &str = "$serde_json::private::";

/// Why bytes were refused.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Broken, cut short, followed by more bytes, too deep, or with a member twice.
    #[error("malformed JSON")]
    Malformed(#[source] serde_json::Error),
    /// Well-formed, but not what was expected.
    #[error("the JSON has not the expected members")]
    Shape(#[source] serde_json::Error),
    /// A canonical form was wanted of a number that is no integer, or is beyond ±(2^53 − 1).
    #[error("a number is not an integer within ±(2^53 − 1)")]
    Number,
}

/// Reads one value and nothing after it.
///
/// # Errors
/// [`JsonError::Malformed`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Nested { left: DEPTH }.deserialize(&mut reader).map_err(JsonError::Malformed)?;
    reader.end().map_err(JsonError::Malformed)?;
    Ok(value)
}

/// Reads one value of a type, as strictly as [`parse`]. Unknown members are ignored, as the type has it.
///
/// # Errors
/// [`JsonError::Malformed`] and [`JsonError::Shape`].
pub fn parse_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_value(parse(bytes)?).map_err(JsonError::Shape)
}

/// The bytes of a body.
///
/// # Errors
/// [`JsonError::Shape`] for what JSON cannot express; the types of [`wire`](super) all can be.
pub fn write(value: &impl Serialize) -> Result<Vec<u8>, JsonError> {
    serde_json::to_vec(value).map_err(JsonError::Shape)
}

/// For `#[serde(deserialize_with)]` on an `Option` whose member has to be there, though it may be null. In a signed
/// document absence and null are two statements.
///
/// # Errors
/// Those of the deserializer; a missing member is one.
pub fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// For `#[serde(deserialize_with)]` on a version or a sequence number: an integer up to 2^53 − 1.
///
/// # Errors
/// Those of the deserializer.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number > LARGEST_INTEGER { Err(de::Error::custom("a number over 2^53 − 1")) } else { Ok(number) }
}

/// The RFC 8785 form of a value.
///
/// # Errors
/// [`JsonError::Number`].
pub fn canonical(value: &Value) -> Result<String, JsonError> {
    let mut out = String::new();
    write_canonical(value, &mut out)?;
    Ok(out)
}

/// The digest of a value's canonical form.
///
/// # Errors
/// [`JsonError::Number`].
pub fn digest(value: &Value) -> Result<Digest, JsonError> {
    Ok(Digest::of(canonical(value)?.as_bytes()))
}

/// The digest of the canonical form of what is sent for `value`.
///
/// # Errors
/// [`JsonError::Number`] and [`JsonError::Shape`].
pub fn digest_of(value: &impl Serialize) -> Result<Digest, JsonError> {
    digest(&serde_json::to_value(value).map_err(JsonError::Shape)?)
}

fn write_canonical(value: &Value, out: &mut String) -> Result<(), JsonError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if magnitude.is_none_or(|magnitude| magnitude > LARGEST_INTEGER) {
                return Err(JsonError::Number);
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by(|(one, _), (other, _)| by_utf16(one, other));
            out.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_canonical(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn by_utf16(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

/// The escapes of RFC 8785: the short ones, `\u00xx` in lower case for other control characters, nothing else.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Builds a value, counting how many levels are left.
#[derive(Clone, Copy)]
struct Nested {
    left: usize,
}

impl Nested {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| E::custom("nested deeper than 64 levels"))?;
        Ok(Self { left })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(deeper)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut values = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                return Err(de::Error::custom("a reserved member name"));
            }
            if values.contains_key(&name) {
                return Err(de::Error::custom("a member stands twice"));
            }
            values.insert(name, members.next_value_seed(deeper)?);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn malformed_json_is_refused() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(DEPTH).as_bytes()).is_ok());
        assert!(parse(format!(" {{\"a\":{}}}\n", deep(DEPTH - 1)).as_bytes()).is_ok());
        for (why, text) in [
            ("twins", r#"{"a":1,"a":1}"#.to_owned()),
            ("escaped twins", r#"{"a":1,"\u0061":1}"#.to_owned()),
            ("twins far down", r#"[{"x":[{"a":1,"b":2,"a":3}]}]"#.to_owned()),
            ("too deep", deep(DEPTH + 1)),
            ("far too deep", "[".repeat(1 << 20)),
            ("too deep in objects", format!("{{\"a\":{}}}", deep(DEPTH))),
            ("trailing bytes", "{} x".to_owned()),
            ("two values", "{}{}".to_owned()),
            ("nothing", String::new()),
            ("cut short", r#"{"a":"#.to_owned()),
            ("NaN", "[NaN]".to_owned()),
            ("infinity", "[1e999]".to_owned()),
            ("comma", "[1,]".to_owned()),
            ("half a surrogate", r#""\ud801""#.to_owned()),
            ("byte order mark", "\u{feff}{}".to_owned()),
            ("a reserved name", format!("{{\"{RESERVED}RawValue\":\"[]\"}}")),
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Malformed(_))), "{why}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn canonical_forms_are_of_integers() {
        assert_eq!(
            canonical(
                &json!({"\u{fb33}": 1, "\u{10437}": 2, "b": [true, null], "a": -9_007_199_254_740_991_i64})
            )
            .unwrap(),
            "{\"a\":-9007199254740991,\"b\":[true,null],\"\u{10437}\":2,\"\u{fb33}\":1}"
        );
        assert_eq!(
            canonical(&json!("\u{8}\u{c}\u{0}\u{1f}\u{7f}/é")).unwrap(),
            "\"\\b\\f\\u0000\\u001f\u{7f}/é\""
        );
        for text in
            ["1.5", "1.0", "1e2", "-0", "9007199254740992", "-9007199254740992", "18446744073709551616"]
        {
            assert!(matches!(canonical(&parse(text.as_bytes()).unwrap()), Err(JsonError::Number)), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_canonical_form_is_its_own_and_means_the_same(value in any_json()) {
            let text = canonical(&value).unwrap();
            let again = parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&again, &value);
            prop_assert_eq!(canonical(&again).unwrap(), text);
        }
    }
}
