//! The managed preferences: there, readable, and every key of them known and well-formed.

use super::{Area, Finding};
use crate::catalog::Key;
use crate::domain::nearest;
use crate::paths::{LABEL, Paths};
use crate::sources::layer::{Fault, Origin};
use crate::sources::profile::{
    Activation, Item, KEYS, Managed, Preferences, Reading, Unreadable, read_managed,
};
use crate::wire::codes::ProblemCode;

/// Looks at the profiles; the preferences, where they can be read.
pub(super) fn check(paths: &Paths) -> (Vec<Finding>, Option<Preferences>) {
    let managed = read_managed(paths);
    let (mut findings, preferences) = agents(&managed);
    findings.extend(activation(&managed.activation));
    for ignored in &managed.ignored {
        let text = format!("{} is at user scope and is ignored", ignored.file);
        findings.push(Area::Profile.bad(text, "Assign the profile to the device instead of the user."));
    }
    (findings, preferences)
}

fn agents(managed: &Managed) -> (Vec<Finding>, Option<Preferences>) {
    let document = match &managed.agent {
        Reading::Read(document) => document,
        Reading::Absent => {
            let text = format!("no profile of {LABEL} is installed");
            return (vec![Area::Profile.bad(text, ProblemCode::ProfileMissing.remedy())], None);
        }
        Reading::Unreadable(why) => return (vec![unreadable(why)], None),
    };
    match Preferences::parse(&document.file, &document.bytes.0) {
        Ok(preferences) => (items(&preferences), Some(preferences)),
        Err(why) => (vec![unreadable(&why)], None),
    }
}

fn unreadable(why: &Unreadable) -> Finding {
    let text = format!("the profile of {LABEL} cannot be read: {why}");
    match why {
        Unreadable::System(_) if crate::platform::effective_uid().0 != 0 => {
            Area::Profile.unknown(text).or_try("Ask as root: sudo meridian doctor")
        }
        _ => Area::Profile.bad(text, ProblemCode::ProfileUnreadable.remedy()),
    }
}

fn items(preferences: &Preferences) -> Vec<Finding> {
    let mut findings =
        vec![Area::Profile.good(format!("installed and readable{}", by(&preferences.settings.origin)))];
    for (name, fault) in preferences.problems() {
        findings.push(match fault {
            Fault::Unknown => stranger("key", &name, KEYS.iter().map(|key| key.name)),
            fault => Area::Profile.bad(format!("{name}: {fault}"), ProblemCode::ProfileKeyInvalid.remedy()),
        });
    }
    for name in preferences.settings.strangers.keys() {
        findings.push(stranger("setting", name, Key::all().map(Key::name)));
    }
    for (key, item) in &preferences.settings.items {
        if let Err(fault) = item {
            let text = format!("setting {key}: {fault}");
            findings.push(Area::Profile.bad(text, ProblemCode::SettingInvalid.remedy()));
        }
    }
    match &preferences.portal_url {
        Item::Set(origin) => findings.push(Area::Profile.good(format!("PortalURL is {origin}"))),
        Item::Unset => {
            findings.push(Area::Profile.bad("it names no PortalURL", "Add PortalURL to the profile."))
        }
        // It is among the problems.
        Item::Bad(_) => {}
    }
    findings
}

fn by(origin: &Origin) -> &'static str {
    match origin {
        Origin::Profile { manual: true, .. } => ", installed by hand and not by MDM",
        _ => "",
    }
}

/// A name that nobody knows, and the one that was probably meant.
fn stranger<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Finding {
    let text = format!("no {kind} is named “{name}”; it is ignored");
    match nearest::to(name, known).first() {
        Some(near) => Area::Profile.bad(text, format!("Did you mean {near}?")),
        None => Area::Profile.bad(text, ProblemCode::ProfileKeyUnknown.remedy()),
    }
}

fn activation(reading: &Reading<Activation>) -> Option<Finding> {
    let (text, remedy) = match reading {
        Reading::Absent => return None,
        Reading::Unreadable(why) => {
            (format!("Parallels' own profile cannot be read: {why}"), ProblemCode::ProfileUnreadable.remedy())
        }
        Reading::Read(activation) => {
            match activation.license_key.fault().or_else(|| activation.experience.fault()) {
                Some(fault) => {
                    (format!("Parallels' own profile: {fault}"), ProblemCode::ProfileKeyInvalid.remedy())
                }
                None => return Some(Area::Profile.good("Parallels' own profile is readable")),
            }
        }
    };
    Some(Area::Profile.bad(text, remedy))
}
