//! The preferences of Parallels Desktop that each macOS user has of their own, as `defaults` shows and sets them.
//!
//! In goes the property list that `defaults export` prints, which the user may have filled with anything; out come the values of
//! the catalog's user settings. Values that no policy can name are kept in their own words, so that they can be put back.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::ParseError;
use super::outcome::Answer;
use super::users::LocalUser;
use crate::catalog::{DefaultForm, Key, Sensor, UserDefault, Value};
use crate::domain::keyed::Keyed as _;

/// The domain of Parallels Desktop's own preferences, with the space (facts: public privacy scripts).
pub const DOMAIN: &str = "com.parallels.Parallels Desktop";

/// The value of a preference that is not there, so that Parallels Desktop goes by its own.
const UNSET: &str = "unset";

/// The preferences of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Whose.
    pub user: LocalUser,
    /// The values by setting, or why they are not known.
    pub values: Answer<BTreeMap<Key, Value>>,
}

/// Reads what `defaults export DOMAIN -` prints: an XML property list with one dictionary. A domain that nobody wrote to is an empty
/// one (inferred). A preference that is there in a form that cannot be put back is not shown.
///
/// # Errors
/// [`ParseError`] when it is no XML with a dictionary.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<Key, Value>, ParseError> {
    let shown = members(bytes)?;
    let settings = Key::all().filter_map(|key| match key.setting().sensor {
        Sensor::UserDefault(default) => Some((key, default)),
        _ => None,
    });
    let value = |default: UserDefault| match shown.get(default.name) {
        None => Some(Value::text(UNSET)),
        Some((kind, text)) => read(default.form, kind, text),
    };
    Ok(settings.filter_map(|(key, default)| Some((key, value(default)?))).keyed())
}

fn read(form: DefaultForm, kind: &str, text: &str) -> Option<Value> {
    match (form, kind) {
        (DefaultForm::Switch, "true") => Some(Value::Switch(true)),
        (DefaultForm::Switch, "false") => Some(Value::Switch(false)),
        // `defaults write` without a type, and `-int`, are how scripts set switches, too.
        (DefaultForm::Switch, "integer") => Some(Value::Switch(text.parse::<i64>().ok()? != 0)),
        (DefaultForm::Numbers(words), "integer") => {
            let number: i64 = text.parse().ok()?;
            let word = words.iter().find(|(_, of)| *of == number);
            Some(word.map_or_else(|| Value::Text(number.to_string()), |(word, _)| Value::text(word)))
        }
        _ => None,
    }
}

/// The members of the outermost dictionary: the kind of each, and its text. What is nested deeper is passed over, however deep it
/// goes.
fn members(bytes: &[u8]) -> Result<BTreeMap<String, (String, String)>, ParseError> {
    const NO_LIST: ParseError = ParseError::Missing("property list");
    if bytes.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NO_LIST)?;
    let mut reader = Reader::from_str(text);
    let mut found = BTreeMap::new();
    let (mut depth, mut key, mut content) = (0_usize, None, String::new());
    let mut complete = false;
    loop {
        match reader.read_event().map_err(|_| NO_LIST)? {
            Event::Start(start) => {
                depth += 1;
                complete |= depth == 2 && start.name().as_ref() == "dict";
                content.clear();
            }
            Event::Empty(start) if depth == 2 => {
                if let Some(key) = key.take() {
                    found.insert(key, (start.name().as_ref().to_owned(), String::new()));
                }
            }
            Event::Empty(start) => complete |= depth == 1 && start.name().as_ref() == "dict",
            Event::Text(text) if depth == 3 => content.push_str(&text.xml10_content()),
            Event::End(end) => {
                if depth == 3 && end.name().as_ref() == "key" {
                    key = Some(std::mem::take(&mut content));
                } else if let (3, Some(key)) = (depth, key.take_if(|_| depth == 3)) {
                    found.insert(key, (end.name().as_ref().to_owned(), std::mem::take(&mut content)));
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if complete && depth == 0 { Ok(found) } else { Err(NO_LIST) }
}

/// What follows `defaults` to set a value; nothing where it is none of this preference.
#[must_use]
pub fn arguments(default: UserDefault, value: &Value) -> Option<Vec<String>> {
    let line = |verb: &str, rest: &[&str]| {
        let argv = [verb, DOMAIN, default.name].into_iter().chain(rest.iter().copied());
        Some(argv.map(str::to_owned).collect())
    };
    match (default.form, value) {
        (_, Value::Text(text)) if text == UNSET => line("delete", &[]),
        (DefaultForm::Switch, Value::Switch(on)) => {
            line("write", &["-bool", if *on { "true" } else { "false" }])
        }
        (DefaultForm::Numbers(words), Value::Text(text)) => {
            let known = words.iter().find(|(word, _)| word == text).map(|(_, number)| *number);
            let number = known.or_else(|| text.parse().ok())?;
            line("write", &["-int", &number.to_string()])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(body: &str) -> Vec<(&'static str, String)> {
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
             \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n{body}\n</plist>\n"
        );
        let values = parse(list.as_bytes()).unwrap();
        values.into_iter().map(|(key, value)| (key.name(), value.to_string())).collect()
    }

    #[test]
    fn each_value_is_read_and_what_is_not_there_is_unset() {
        for (body, check, download) in [
            ("<dict/>", Some("unset"), Some("unset")),
            ("<dict></dict>", Some("unset"), Some("unset")),
            (
                "<dict><key>Application preferences.Check for updates</key><integer>0</integer>\
                 <key>Application preferences.Download updates automatically</key><true/></dict>",
                Some("never"),
                Some("on"),
            ),
            (
                "<dict><key>a</key><dict><key>Application preferences.Check for updates</key><integer>2</integer></dict>\
                 <key>Application preferences.Check for updates</key><integer>9</integer>\
                 <key>Application preferences.Download updates automatically</key><integer>0</integer></dict>",
                Some("9"),
                Some("off"),
            ),
            (
                "<dict><key>Application preferences.Check for updates</key><string>daily</string>\
                 <key>Application preferences.Download updates automatically</key><array><true/></array></dict>",
                None,
                None,
            ),
        ] {
            let expected = [("updates.check", check), ("updates.auto_download", download)];
            let expected: Vec<_> =
                expected.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect();
            assert_eq!(shown(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_property_list_is_refused_and_depth_harms_nobody() {
        let deep = format!("<plist><dict>{}", "<array>".repeat(200_000));
        for bytes in
            ["", "  ", "Domain x does not exist", "<plist/>", "<plist><array/></plist>", deep.as_str()]
        {
            assert!(parse(bytes.as_bytes()).is_err(), "{}", bytes.get(..20).unwrap_or(bytes));
        }
    }

    #[test]
    fn what_is_read_can_be_written_back() {
        for (key, value, expected) in [
            (
                "updates.check",
                Value::text("never"),
                "write DOMAIN Application preferences.Check for updates -int 0",
            ),
            (
                "updates.check",
                Value::text("monthly"),
                "write DOMAIN Application preferences.Check for updates -int 3",
            ),
            (
                "updates.check",
                Value::text("9"),
                "write DOMAIN Application preferences.Check for updates -int 9",
            ),
            (
                "updates.check",
                Value::text("unset"),
                "delete DOMAIN Application preferences.Check for updates",
            ),
            (
                "updates.auto_download",
                Value::Switch(false),
                "write DOMAIN Application preferences.Download updates automatically -bool false",
            ),
        ] {
            let Sensor::UserDefault(default) = Key::named(key).unwrap().setting().sensor else {
                panic!("{key}")
            };
            let line = arguments(default, &value).unwrap().join(" ").replace(DOMAIN, "DOMAIN");
            assert_eq!(line, expected);
        }
        let Sensor::UserDefault(default) = Key::named("updates.check").unwrap().setting().sensor else {
            panic!()
        };
        assert_eq!(arguments(default, &Value::Switch(true)), None);
        assert_eq!(arguments(default, &Value::text("-rf")), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
