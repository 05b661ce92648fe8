//! What the profiles say, without what is secret in them. Of a key that nobody knows only the name is told: its value may be
//! a token under a misspelled name.

use serde_json::{Value, json};

use crate::domain::keyed::Keyed as _;
use crate::paths::Paths;
use crate::sources::profile::{Activation, Item, Managed, Preferences, Reading, read_managed};

/// The profiles as JSON, and the secrets in them, for other text to be cleaned of.
pub(super) fn shown(paths: &Paths) -> (Value, Vec<String>) {
    let managed = read_managed(paths);
    let mut secrets = Vec::new();
    let agent = agents(&managed, &mut secrets);
    let activation = match &managed.activation {
        Reading::Absent => Value::Null,
        Reading::Unreadable(why) => json!({ "unreadable": why.to_string() }),
        Reading::Read(activation) => parallels(activation, &mut secrets),
    };
    let ignored: Vec<_> = managed.ignored.iter().map(|ignored| ignored.file.to_string()).collect();
    (json!({ "agent": agent, "parallels": activation, "ignored": ignored }), secrets)
}

fn agents(managed: &Managed, secrets: &mut Vec<String>) -> Value {
    let document = match &managed.agent {
        Reading::Absent => return Value::Null,
        Reading::Unreadable(why) => return json!({ "unreadable": why.to_string() }),
        Reading::Read(document) => document,
    };
    match Preferences::parse(&document.file, &document.bytes.0) {
        Ok(preferences) => {
            secrets.extend(preferences.enrollment_token.value().map(|token| token.reveal().to_owned()));
            keys(&preferences)
        }
        Err(why) => json!({ "unreadable": why.to_string() }),
    }
}

fn keys(preferences: &Preferences) -> Value {
    let settings = preferences
        .settings
        .items
        .iter()
        .map(|(key, item)| {
            let shown = match item {
                Ok(value) => json!(value.to_string()),
                Err(fault) => json!({ "fault": fault.to_string() }),
            };
            (key.name().to_owned(), shown)
        })
        .members();
    let unknown: Vec<_> = preferences.strangers.keys().chain(preferences.settings.strangers.keys()).collect();
    json!({
        "PortalURL": item(&preferences.portal_url, ToString::to_string),
        "PortalRootKey": item(&preferences.portal_root_key, |key| crate::wire::key::PublicKey::new(*key).map_or_else(|_| "no key".to_owned(), |key| key.thumbprint().to_string())),
        "EnrollmentToken": item(&preferences.enrollment_token, |token| format!("(left out: {} characters)", token.reveal().len())),
        "PortalCA": item(&preferences.portal_ca, |ca| format!("{} bytes", ca.len())),
        "CheckInIntervalSeconds": item(&preferences.check_in_interval, |interval| interval.as_secs().to_string()),
        "LogLevel": item(&preferences.log_level, ToString::to_string),
        "DeactivationOrder": item(&preferences.deactivation_order, Clone::clone),
        "Settings": settings,
        "unknown": unknown,
    })
}

fn parallels(activation: &Activation, secrets: &mut Vec<String>) -> Value {
    secrets.extend(activation.license_key.value().map(|key| key.reveal().to_owned()));
    json!({
        "ActivationExperience": item(&activation.experience, |experience| format!("{experience:?}")),
        "LicenseKey": item(&activation.license_key, |key| key.masked().to_string()),
    })
}

fn item<T>(item: &Item<T>, shown: impl FnOnce(&T) -> String) -> Value {
    match item {
        Item::Unset => Value::Null,
        Item::Bad(fault) => json!({ "fault": fault.to_string() }),
        Item::Set(value) => json!(shown(value)),
    }
}
