//! The manifest of the agent's domain in the format of ProfileManifests (version 1), which ProfileCreator and iMazing Profile
//! Editor read.

use plist::{Date, Dictionary, Value};

use super::{PayloadError, settings};
use crate::catalog::{ADDRESS_PATTERN, Key, Kind};
use crate::paths::LABEL;
use crate::sources::profile::{KEYS, KeyForm, ProfileKey};

/// When what the manifest says was last changed, and how often it was; both go up with it.
const LAST_MODIFIED: (&str, i64) = ("2026-11-24T00:00:00Z", 1);

/// What every manifest begins with: name, title, description, required.
const COMMON: [(&str, &str, &str, bool); 7] = [
    ("PayloadDescription", "Payload Description", "A description of the payload.", false),
    ("PayloadDisplayName", "Payload Display Name", "The payload's name as people read it.", true),
    ("PayloadIdentifier", "Payload Identifier", "The payload's identifier, unique within the profile.", true),
    ("PayloadType", "Payload Type", "The payload's type: the preference domain.", true),
    ("PayloadUUID", "Payload UUID", "The payload's UUID; keep it over changes.", true),
    ("PayloadVersion", "Payload Version", "The version of the payload's format.", true),
    ("PayloadOrganization", "Payload Organization", "Who gives the payload out.", false),
];

/// The manifest, as XML.
///
/// # Errors
/// A value has no form in XML; none is known.
pub fn xml() -> Result<Vec<u8>, PayloadError> {
    let mut bytes = Vec::new();
    Value::Dictionary(manifest()).to_writer_xml(&mut bytes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn manifest() -> Dictionary {
    let mut subkeys: Vec<Value> = COMMON.iter().map(|common| entry(common_key(common))).collect();
    subkeys.extend(KEYS.iter().map(|key| entry(own_key(key))));
    let (modified, version) = LAST_MODIFIED;
    dictionary([
        ("pfm_description", "Settings of Meridian, the endpoint agent for Parallels Desktop".into()),
        ("pfm_domain", LABEL.into()),
        ("pfm_format_version", 1.into()),
        ("pfm_interaction", "combined".into()),
        ("pfm_last_modified", Date::from_xml_format(modified).map_or_else(|_| modified.into(), Value::Date)),
        ("pfm_platforms", Value::Array(vec!["macOS".into()])),
        ("pfm_subkeys", Value::Array(subkeys)),
        ("pfm_targets", Value::Array(vec!["system".into()])),
        ("pfm_title", "Meridian".into()),
        ("pfm_unique", true.into()),
        ("pfm_version", version.into()),
    ])
}

fn common_key(&(name, title, description, is_required): &(&str, &str, &str, bool)) -> Dictionary {
    let kind = if name == "PayloadVersion" { "integer" } else { "string" };
    let mut key = subkey(name, title, description, kind);
    let default: Option<Value> = match name {
        "PayloadDisplayName" => Some("Meridian".into()),
        "PayloadIdentifier" | "PayloadType" => Some(LABEL.into()),
        "PayloadVersion" => Some(1.into()),
        _ => None,
    };
    if let Some(default) = default {
        key.insert("pfm_default".to_owned(), default);
    }
    match name {
        "PayloadUUID" => put(&mut key, "pfm_format", "^[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}$"),
        "PayloadVersion" => put(&mut key, "pfm_range_list", Value::Array(vec![1.into()])),
        _ => {}
    }
    if is_required {
        put(&mut key, "pfm_require", "always");
    }
    key
}

fn own_key(key: &ProfileKey) -> Dictionary {
    let kind = match key.form {
        KeyForm::Text { .. } | KeyForm::Certificates | KeyForm::Choice(_) => "string",
        KeyForm::Seconds { .. } => "integer",
        KeyForm::Settings => "dictionary",
    };
    let mut made = subkey(key.name, key.title, &key.help.replace('`', ""), kind);
    match key.form {
        KeyForm::Text { pattern, example } => {
            put(&mut made, "pfm_format", pattern);
            put(&mut made, "pfm_value_placeholder", example);
        }
        KeyForm::Certificates => put(&mut made, "pfm_value_placeholder", "-----BEGIN CERTIFICATE-----"),
        KeyForm::Seconds { least, most } => {
            put(&mut made, "pfm_range_min", least);
            put(&mut made, "pfm_range_max", most);
            put(&mut made, "pfm_value_unit", "seconds");
        }
        KeyForm::Choice(choices) => {
            put(
                &mut made,
                "pfm_range_list",
                Value::Array(choices.iter().map(|choice| (*choice).into()).collect()),
            );
        }
        KeyForm::Settings => put(&mut made, "pfm_subkeys", Value::Array(settings().map(setting).collect())),
    }
    if key.secret {
        put(&mut made, "pfm_sensitive", true);
    }
    made
}

fn setting(key: Key) -> Value {
    let setting = key.setting();
    let kind = match setting.kind {
        Kind::Switch | Kind::Restriction => "boolean",
        Kind::Choice(_) | Kind::Url | Kind::Expiry => "string",
    };
    let mut made = subkey(setting.name, setting.title, setting.help, kind);
    match setting.kind {
        Kind::Choice(choices) => {
            let of = |word: fn(&crate::catalog::Choice) -> &'static str| {
                Value::Array(choices.iter().map(word).map(Value::from).collect())
            };
            put(&mut made, "pfm_range_list", of(|choice| choice.value));
            put(&mut made, "pfm_range_list_titles", of(|choice| choice.title));
        }
        Kind::Url => put(&mut made, "pfm_format", ADDRESS_PATTERN),
        Kind::Expiry => put(&mut made, "pfm_format", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        Kind::Switch | Kind::Restriction => {}
    }
    entry(made)
}

fn subkey(name: &str, title: &str, description: &str, kind: &str) -> Dictionary {
    let texts =
        [("pfm_description", description), ("pfm_name", name), ("pfm_title", title), ("pfm_type", kind)];
    dictionary(texts.map(|(key, text)| (key, text.into())))
}

fn put(to: &mut Dictionary, key: &str, value: impl Into<Value>) {
    to.insert(key.to_owned(), value.into());
}

fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Dictionary {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// In the order of the alphabet, as every manifest is kept.
fn entry(mut dictionary: Dictionary) -> Value {
    dictionary.sort_keys();
    Value::Dictionary(dictionary)
}
