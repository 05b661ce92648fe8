//! The schema of the agent's domain for Jamf Pro, "Application & Custom Settings", "External Applications".
//!
//! Jamf writes a default for whatever a schema names, unless it may be `null` ("Not Configured"). So every key may, and a key
//! that nobody configured stays unset (as the schema of Nudge does it).

use serde_json::{Map, Value, json};

use super::settings;
use crate::catalog::{ADDRESS_PATTERN, Key, Kind};
use crate::paths::LABEL;
use crate::sources::profile::{KEYS, KeyForm, ProfileKey};

/// The schema, as JSON.
#[must_use]
pub fn json() -> Vec<u8> {
    let properties: Map<_, _> = KEYS.iter().enumerate().map(|(at, key)| own_key(at, key)).collect();
    let schema = json!({
        "title": format!("Meridian ({LABEL})"),
        "description": format!("Settings of Meridian, the endpoint agent for Parallels Desktop. Preference domain: {LABEL}"),
        "options": { "remove_empty_properties": true },
        "properties": properties,
    });
    format!("{schema:#}\n").into_bytes()
}

fn own_key(at: usize, key: &ProfileKey) -> (String, Value) {
    let configured = match key.form {
        KeyForm::Text { pattern, example } => {
            json!({ "type": "string", "pattern": pattern, "options": placeholder(example) })
        }
        KeyForm::Certificates => {
            json!({ "type": "string", "format": "textarea", "options": placeholder("-----BEGIN CERTIFICATE-----") })
        }
        KeyForm::Seconds { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        KeyForm::Choice(choices) => json!({ "type": "string", "enum": choices }),
        KeyForm::Settings => {
            let properties: Map<_, _> = settings().enumerate().map(|(at, key)| setting(at, key)).collect();
            json!({ "type": "object", "properties": properties })
        }
    };
    (key.name.to_owned(), optional(at, key.title, &key.help.replace('`', ""), configured))
}

fn setting(at: usize, key: Key) -> (String, Value) {
    let setting = key.setting();
    let configured = match setting.kind {
        Kind::Switch | Kind::Restriction => json!({ "type": "boolean" }),
        Kind::Choice(choices) => {
            let values: Vec<_> = choices.iter().map(|choice| choice.value).collect();
            let titles: Vec<_> = choices.iter().map(|choice| choice.title).collect();
            json!({ "type": "string", "enum": values, "options": { "enum_titles": titles } })
        }
        Kind::Url => json!({ "type": "string", "pattern": ADDRESS_PATTERN }),
        Kind::Expiry => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
    };
    (setting.name.to_owned(), optional(at, setting.title, setting.help, configured))
}

fn placeholder(text: &str) -> Value {
    json!({ "inputAttributes": { "placeholder": text } })
}

/// A property that stays unset until somebody configures it.
fn optional(at: usize, title: &str, description: &str, mut configured: Value) -> Value {
    configured["title"] = "Configured".into();
    json!({
        "title": title,
        "description": description,
        "property_order": (at + 1) * 10,
        "anyOf": [{ "title": "Not Configured", "type": "null" }, configured],
    })
}
