//! The page Configuration Profiles as its template shows it.

use jiff::Timestamp;

use super::query::ProfileQuery;
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::count;
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::rows::ProfileRow;

/// What the template shows.
pub(super) struct View {
    /// What every table has.
    pub(super) frame: Frame,
    /// The heads of the columns.
    pub(super) headings: Vec<Heading>,
    /// The rows of this page.
    pub(super) lines: Vec<Line>,
}

/// A row.
pub(super) struct Line {
    pub(super) key: String,
    pub(super) toggle: String,
    pub(super) profile: (Shown, Option<Shown>),
    pub(super) payloads: String,
    pub(super) keys: Option<(Shown, usize)>,
    pub(super) macs: u32,
    pub(super) details: Option<Details>,
}

/// What an opened row tells.
pub(super) struct Details {
    /// Each setting, its value, and what replaces it.
    pub(super) settings: Vec<(Shown, Shown, Shown)>,
    pub(super) fields: Vec<Field>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<ProfileRow>, query: ProfileQuery, now: Timestamp, version: u64) -> Self {
        let counts = vec![count(rows.len(), "deprecated profile", "deprecated profiles")];
        let above = Above { counts, selects: Vec::new() };
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.into_iter().map(|row| line(row, &query)).collect();
        Self { frame, headings, lines }
    }
}

fn line(row: ProfileRow, query: &ProfileQuery) -> Line {
    let key = row.id.to_string();
    let description = Some(&row.description).filter(|text| !text.is_empty());
    Line {
        toggle: query.at(query.browse.toggled(&key)),
        profile: (Shown::cell(&row.name, "no name"), description.map(|text| Shown::cell(text, ""))),
        payloads: row.payloads.join(", "),
        keys: row.keys.first().map(|first| (Shown::cell(first, "no name"), row.keys.len() - 1)),
        macs: row.devices,
        details: (query.browse.open == key).then(|| details(&row)),
        key,
    }
}

fn details(row: &ProfileRow) -> Details {
    let settings = row.settings.iter().map(|setting| {
        (
            Shown::whole(&setting.key, "no key"),
            Shown::whole(&setting.value, "none"),
            Shown::ours(setting.instead.clone()),
        )
    });
    let fields = vec![
        Field::device("Bound to", row.keys.clone(), "no key: no Mac has it").wide(),
        Field::device("Profile id", [row.id.to_string()], "").wide(),
    ];
    Details { settings: settings.collect(), fields }
}
