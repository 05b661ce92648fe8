//! JSON as Parallels' tools print it.
//!
//! Usually it is JSON. Known exceptions (facts: threads and code of Parallels' own plugins): lines of noise before it,
//! `\"` for quotes inside `Require password to`, raw control characters inside names, bytes that are no UTF-8. A backslash that
//! escapes nothing, as in `DOMAIN\user`, is taken for itself.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::ParseError;
use super::scalar::Scalar;

/// How many places are tried as the beginning of the JSON inside of noise.
const ATTEMPTS: usize = 8;

/// Reads `bytes` with `read`: as they are first, and repaired only if that fails.
///
/// # Errors
/// [`ParseError::Empty`], or [`ParseError::Json`] with what the first reading found.
pub fn read<T>(bytes: &[u8], read: impl Fn(&str) -> serde_json::Result<T>) -> Result<T, ParseError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ParseError::Empty);
    }
    let text = String::from_utf8_lossy(bytes);
    let strict = match read(&text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // What lies inside of something that cannot be read is a part of it, and tells nothing by itself.
    let mut unreadable: Vec<Range<usize>> = Vec::new();
    for start in beginnings(&text) {
        if unreadable.iter().any(|span| span.contains(&start)) {
            continue;
        }
        if let Some((json, size)) = text.get(start..).and_then(repaired) {
            match read(&json) {
                Ok(value) => return Ok(value),
                Err(_) => unreadable.push(start..start + size),
            }
        }
    }
    Err(ParseError::Json(strict))
}

/// The members of an object as scalars.
///
/// # Errors
/// When one of them is none.
pub(super) fn scalars<'a>(
    members: &'a BTreeMap<String, &'a RawValue>,
) -> serde_json::Result<BTreeMap<&'a str, Scalar<'a>>> {
    let mut scalars = BTreeMap::new();
    for (name, value) in members {
        scalars.insert(name.as_str(), serde_json::from_str(value.get())?);
    }
    Ok(scalars)
}

/// Where JSON may begin: first the brackets that open a line, then those inside one.
fn beginnings(text: &str) -> impl Iterator<Item = usize> {
    let opens_line = |start: usize| {
        let before = text.get(..start).unwrap_or_default();
        before.trim_end_matches([' ', '\t']).chars().next_back().is_none_or(|c| c == '\n')
    };
    let brackets = || text.match_indices(['{', '[']).map(|(start, _)| start);
    let first_of_lines = brackets().filter(move |&start| opens_line(start)).take(ATTEMPTS);
    first_of_lines.chain(brackets().take(ATTEMPTS))
}

/// The balanced span at the beginning of `text`, with quotes, escapes and control characters put right, and how many bytes it
/// was; none if it never closes.
fn repaired(text: &str) -> Option<(String, usize)> {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut string: Option<Quote> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let rest = text.get(at + character.len_utf8()..).unwrap_or_default();
        match (&string, character) {
            (None | Some(Quote::Escaped), '\\') if rest.starts_with('"') => {
                characters.next();
                string = if string.is_none() { Some(Quote::Escaped) } else { None };
                out.push('"');
            }
            (None, '"') => {
                string = Some(Quote::Plain);
                out.push('"');
            }
            (Some(Quote::Plain), '"') => {
                string = None;
                out.push('"');
            }
            (Some(_), '\\') if escapes(rest) => {
                out.push('\\');
                out.extend(characters.next().map(|(_, escaped)| escaped));
            }
            (Some(_), '\\') => out.push_str("\\\\"),
            (Some(_), control) if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            (None, control) if control < ' ' => out.push(' '),
            (None, '{' | '[') => {
                depth += 1;
                out.push(character);
            }
            (None, '}' | ']') => {
                depth = depth.checked_sub(1)?;
                out.push(character);
                if depth == 0 {
                    return Some((out, at + 1));
                }
            }
            (_, other) => out.push(other),
        }
    }
    None
}

/// Whether what follows a backslash makes an escape of it.
fn escapes(rest: &str) -> bool {
    match rest.chars().next() {
        Some('u') => rest.get(1..5).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit())),
        Some(character) => "\"\\/bfnrt".contains(character),
        None => false,
    }
}

/// How a string was opened, which is how it ends.
enum Quote {
    Plain,
    Escaped,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn value(bytes: &[u8]) -> Result<Value, ParseError> {
        read(bytes, |text| serde_json::from_str(text))
    }

    #[test]
    fn the_known_exceptions_are_repaired() {
        let table: &[(&[u8], Value)] = &[
            (b" [1] \n", json!([1])),
            (
                b"This feature is not available in this edition of Parallels Desktop. \n{\"a\": \"on\"}\n",
                json!({"a": "on"}),
            ),
            (b"[warning] [x]\nLogin: {soon}\n  {\"a\": 1}\n", json!({"a": 1})),
            (b"noise before {\"a\": 1} noise after }", json!({"a": 1})),
            (
                br#"{"Require password to": [\"remove-vm\", \"clone-vm\"], "b": "x\"y"}"#,
                json!({"Require password to": ["remove-vm", "clone-vm"], "b": "x\"y"}),
            ),
            (b"{\"Name\": \"two\nlines\x07\"}", json!({"Name": "two\nlines\u{7}"})),
            (b"\x01{\"a\":\x02 1}", json!({"a": 1})),
            (b"{\"Name\": \"caf\xe9\"}", json!({"Name": "caf\u{fffd}"})),
        ];
        for (bytes, expected) in table {
            assert_eq!(&value(bytes).unwrap(), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stands_for_itself() {
        for (text, expected) in [
            (r#"{"user": "DOMAIN\qed"}"#, json!({"user": "DOMAIN\\qed"})),
            (r#"{"user": "a\u12", "b": "\q\\"}"#, json!({"user": "a\\u12", "b": "\\q\\"})),
            (r#"{"user": "\q a\\b\u0041\n"}"#, json!({"user": "\\q a\\bA\n"})),
        ] {
            assert_eq!(value(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_lies_inside_of_what_cannot_be_read_is_no_answer() {
        for text in [r#"{"a": {}, "b": tru}"#, r#"noise {"a": [], "b": nul}"#, r#"{"a": {"b": [1]}, c}"#] {
            assert!(value(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(matches!(value(b" \n"), Err(ParseError::Empty)));
        for bytes in [&b"<html>"[..], b"{", b"[1,", b"}", b"{\"a\": \"", b"\xff\xfe"] {
            assert!(matches!(value(bytes), Err(ParseError::Json(_))), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = value(&bytes);
        }

        #[test]
        fn no_text_of_brackets_and_quotes_panics(text in r#"[\[\]{}"\\,:a1 \n\u{1}]{0,80}"#) {
            let _ = value(text.as_bytes());
        }

        #[test]
        fn a_name_survives_whatever_stands_around_it(name in ".*", noise in "[a-z \n.:(]*") {
            let text = format!("{noise}{}\n{noise}", json!({"Name": name}));
            prop_assert_eq!(value(text.as_bytes()).unwrap(), json!({"Name": name}));
        }
    }
}
