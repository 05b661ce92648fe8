//! Times, values, objects and layers in words, the same on every screen.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::control::view::{LayerView, SubjectView};
use crate::domain::subject::Subject;

/// The most characters of a name within a line.
const LONGEST_NAME: usize = 60;

/// A length of time in its largest unit: `42 s`, `2 min`, `3 h`, `5 days`.
#[must_use]
pub(super) fn span(length: SignedDuration) -> String {
    match length.as_secs().unsigned_abs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A time as a person thinks of it: `2 min ago`, `in 12 min`, `just now`.
#[must_use]
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at);
    match passed.as_secs() {
        -1..=1 => "just now".to_owned(),
        2.. => format!("{} ago", span(passed)),
        _ => format!("in {}", span(passed)),
    }
}

/// When something that is to come comes: `in 12 min`, or `now` where it is overdue.
#[must_use]
pub(super) fn due(at: Timestamp, now: Timestamp) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", span(at.duration_since(now))) }
}

/// How long something has lasted: `for 2 min`, or `as of now` where it has only begun.
#[must_use]
pub(super) fn lasting(since: Timestamp, now: Timestamp) -> String {
    let length = now.duration_since(since);
    if length.as_secs() < 2 { "as of now".to_owned() } else { format!("for {}", span(length)) }
}

/// A number of things: `1 change`, `2 changes`.
#[must_use]
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The value of a setting.
#[must_use]
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The value of a setting, or a dash where there is none.
#[must_use]
pub(super) fn maybe(of: Option<&Value>) -> String {
    of.map_or_else(|| "–".to_owned(), value)
}

/// The object of a setting.
#[must_use]
pub(super) fn subject(view: &SubjectView) -> String {
    match (&view.subject, &view.name) {
        (Subject::App, _) => "Parallels Desktop".to_owned(),
        (Subject::User(_), Some(name)) => format!("user {}", short(name)),
        (Subject::User(uid), None) => format!("user {uid}"),
        (Subject::Vm(_), Some(name)) if is_blank(name) => "a virtual machine without a name".to_owned(),
        (Subject::Vm(_), Some(name)) => format!("“{}”", short(name)),
        (Subject::Vm(id), None) => format!("virtual machine {id}"),
    }
}

/// Whether a name shows nothing at all.
#[must_use]
pub(super) fn is_blank(name: &str) -> bool {
    name.trim().is_empty()
}

/// A name that does not fill the screen.
#[must_use]
pub(super) fn short(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// A layer.
#[must_use]
pub(super) const fn layer(layer: LayerView) -> &'static str {
    match layer {
        LayerView::Local => "local restriction",
        LayerView::LicenseProfile => "license-bound profile",
        LayerView::Profile => "profile",
        LayerView::Policy => "policy",
    }
}

/// The stable word of an enum's variant, as `--json` shows it.
#[must_use]
pub(super) fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_speech() {
        let now = Timestamp::from_second(1_764_000_000).unwrap();
        let at = |seconds: i64| now - SignedDuration::from_secs(seconds);
        for (seconds, words) in [
            (0, "just now"),
            (-1, "just now"),
            (2, "2 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (150, "2 min ago"),
            (3_600, "1 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 days ago"),
            (-90, "in 1 min"),
        ] {
            assert_eq!(ago(at(seconds), now), words);
        }
        assert_eq!((due(at(5), now), due(at(-65), now)), ("now".to_owned(), "in 1 min".to_owned()));
        assert_eq!(
            (lasting(at(65), now), lasting(at(-65), now)),
            ("for 1 min".to_owned(), "as of now".to_owned())
        );
        assert_eq!(ago(Timestamp::MIN, Timestamp::MAX), "7304481 days ago");
    }

    #[test]
    fn values_read_like_switches() {
        for (given, shown) in [
            (serde_json::json!(true), "on"),
            (serde_json::json!(false), "off"),
            (serde_json::json!("bridged"), "bridged"),
            (serde_json::json!(null), "–"),
            (serde_json::json!([1]), "[1]"),
        ] {
            assert_eq!(value(&given), shown);
        }
    }
}
