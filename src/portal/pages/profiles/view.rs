//! The page Configuration Profiles as its template shows it.

use jiff::Timestamp;

use super::PATH;
use super::query::{ProfileColumn, ProfileQuery};
use crate::portal::pages::browse::{Browse, address, paged};
use crate::portal::pages::listing::{Field, Frame, Heading, Pager};
use crate::portal::pages::parts::count;
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
        let total = rows.len();
        let counts = vec![count(total, "deprecated profile", "deprecated profiles")];
        let (rows, pages) = paged(query.select(rows), query.browse.page);
        let at = |browse| address(PATH, &ProfileQuery { browse }.pairs());
        let pager = Pager::new(pages, |page| at(Browse { page, ..query.browse.clone() }));
        let headings = Heading::all(&query.browse, at);
        let frame = Frame {
            path: PATH,
            counts,
            total,
            narrowed: query.narrows(),
            search: query.browse.search.clone(),
            hidden: query
                .pairs()
                .into_iter()
                .filter(|(key, _)| ["sort", "dir", "open"].contains(key))
                .collect(),
            selects: Vec::new(),
            pager,
            now: now.as_second(),
            version,
        };
        let lines = rows.into_iter().map(|row| line(row, &query, at)).collect();
        Self { frame, headings, lines }
    }
}

fn line(row: ProfileRow, query: &ProfileQuery, at: impl Fn(Browse<ProfileColumn>) -> String) -> Line {
    let key = row.id.to_string();
    let description = Some(&row.description).filter(|text| !text.is_empty());
    Line {
        toggle: at(query.browse.toggled(&key)),
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
