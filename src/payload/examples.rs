//! The files below `packaging/profiles` that are made: examples, the manifest, the schema.

use plist::{Dictionary, Value};

use super::profile::{Disk, Draft, Shape, Team};
use super::{PayloadError, manifest, schema};
use crate::sources::profile::{KEYS, KeyForm};

/// Stands for the team of whoever signs the package.
const TEAM: &str = "ABCDE12345";

/// Path below `packaging/profiles` and content of each file that is made.
///
/// # Errors
/// One of them has no form; no state of the catalog is known for which that is so.
pub fn generated() -> Result<Vec<(&'static str, Vec<u8>)>, PayloadError> {
    let settings = Draft { agent: keys(), ..draft("dev.meridian.example") };
    let managed_client = Draft { shape: Shape::ManagedClient, ..settings.clone() };
    let team = Some(Team(TEAM.to_owned()));
    let background = Draft { background: Some(team.clone()), ..draft("dev.meridian.example.background") };
    let disk = Draft { disk: (Disk::FullAccess, team), ..draft("dev.meridian.example.disk") };
    Ok(vec![
        ("manifest/dev.meridian.agent.plist", manifest::xml()?),
        ("jamf/dev.meridian.agent.json", schema::json()),
        ("examples/custom-domain.mobileconfig", settings.xml()?),
        ("examples/managed-client.mobileconfig", managed_client.xml()?),
        ("examples/background-items.mobileconfig", background.xml()?),
        ("examples/full-disk-access.mobileconfig", disk.xml()?),
    ])
}

fn draft(identifier: &str) -> Draft {
    Draft { organization: Some("Example Ltd".to_owned()), ..Draft::new(identifier) }
}

/// The keys without which no Mac enrolls, and a setting.
fn keys() -> Dictionary {
    let mut keys = Dictionary::new();
    for key in KEYS {
        if let (KeyForm::Text { example, .. }, true) = (key.form, key.name != "DeactivationOrder") {
            keys.insert(key.name.to_owned(), example.into());
        }
    }
    let mut settings = Dictionary::new();
    settings.insert("updates.stay_on_major".to_owned(), Value::Boolean(true));
    settings.insert("updates.check".to_owned(), "weekly".into());
    keys.insert("Settings".to_owned(), Value::Dictionary(settings));
    keys
}
