//! What a Mac's details tell of its updates.

use crate::portal::pages::listing::Field;
use crate::wire::checkin::{HeldUpdate, UpdateReport};

/// The fields; none where no setting is about updates.
pub(super) fn fields(updates: Option<&UpdateReport>) -> Vec<Field> {
    let Some(updates) = updates else { return Vec::new() };
    let held = updates.held.iter().map(told);
    let mut fields = vec![
        Field::device("Update available", updates.available.clone(), "nothing newer"),
        Field::device("Update allowed", updates.allowed.clone(), "none"),
        Field::device("Updates held back", held, "none"),
    ];
    fields.extend(updates.kept_major.map(|major| Field::ours("Major version kept", major.to_string())));
    fields.push(Field::device("Update feed", updates.feed.clone(), "none is read").wide());
    fields
}

fn told(held: &HeldUpdate) -> String {
    let why = match held.reason.as_str() {
        "next-major" => "next major version",
        "switched-off" => "switched off by the server",
        "incomparable" => "cannot be compared",
        other => other,
    };
    format!("{}: {why}", held.version)
}
