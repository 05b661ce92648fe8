//! Where answers go: screens and JSON to standard output, complaints to standard error.
//!
//! A reader that has gone away (`meridian vms | head`) is no failure.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::ink::Style;
use super::text::is_dangerous;
use crate::control::proto::SCHEMA;

/// The width where there is no terminal and `COLUMNS` says nothing.
const NO_TERMINAL: usize = 120;

/// The least and the most that a screen is drawn for.
const SANE: std::ops::RangeInclusive<usize> = 40..=400;

/// A view as `--json` prints it.
#[derive(Serialize)]
struct Versioned<'a, T> {
    schema: u32,
    #[serde(flatten)]
    view: &'a T,
}

/// The JSON of a view, with the number of its schema. What a terminal would obey is written as JSON's own escapes, so the text
/// is harmless to look at and reads back as it was.
///
/// # Errors
/// When the view has no JSON form, which no view is known for.
pub fn json(view: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(harmless(&serde_json::to_string_pretty(&Versioned { schema: SCHEMA, view })?))
}

/// The same on one line, for a command whose last line is its verdict.
///
/// # Errors
/// When the view has no JSON form, which no view is known for.
pub fn json_line(view: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(harmless(&serde_json::to_string(&Versioned { schema: SCHEMA, view })?))
}

fn harmless(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len() + 1);
    for c in raw.chars() {
        // Such characters stand inside strings only; line feeds between members are the printer's own.
        if is_dangerous(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    text
}

/// Writes to standard output.
///
/// # Errors
/// What the system says, a reader that has gone away aside.
pub fn write_out(text: &str) -> io::Result<()> {
    quiet(io::stdout().lock(), text)
}

/// Writes to standard error; where that fails there is nobody to tell.
pub fn write_error(text: &str) {
    let _ = quiet(io::stderr().lock(), text);
}

fn quiet(mut to: impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// How to draw on standard output.
#[must_use]
pub fn style() -> Style {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    let width =
        size.filter(|columns| terminal && *columns > 0).or_else(|| environment("COLUMNS")?.parse().ok());
    let plain = environment("NO_COLOR").is_some_and(|value| !value.is_empty())
        || environment("TERM").is_some_and(|value| value == "dumb");
    Style { width: width.unwrap_or(NO_TERMINAL).clamp(*SANE.start(), *SANE.end()), color: terminal && !plain }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how to draw is the terminal's word, which it says in the environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure() {
        assert!(quiet(Gone(io::ErrorKind::BrokenPipe), "text").is_ok());
        assert!(quiet(Gone(io::ErrorKind::StorageFull), "text").is_err());
    }

    proptest::proptest! {
           #[test]
    fn json_carries_text_unharmed_and_is_harmless(name in "(?s).{0,40}|[\\x00-\\x1f\\u{7f}-\\u{9f}\\u{202e}\\u{e0041}]{0,20}") {
               let view = serde_json::json!({ "name": &name });
               let text = json(&view).unwrap();
               proptest::prop_assert!(!text.chars().any(|c| is_dangerous(c) && c != '\n'));
               let read: serde_json::Value = serde_json::from_str(&text).unwrap();
               proptest::prop_assert_eq!(read["name"].as_str(), Some(name.as_str()));
               proptest::prop_assert_eq!(read["schema"].as_u64(), Some(1));
               let line = json_line(&view).unwrap();
               proptest::prop_assert_eq!((line.lines().count(), serde_json::from_str(&line).ok()), (1, Some(read)));
           }
       }
}
