//! The page Licenses as its template shows it.

use jiff::Timestamp;

use super::of_license;
use super::query::LicenseQuery;
use crate::portal::pages::browse::Word;
use crate::portal::pages::filter::{Select, choices};
use crate::portal::pages::groups;
use crate::portal::pages::licensing::{seats, short_key};
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::{Gauge, Icon, Pill, Tone, Until, count};
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::rows::{LicenseNote, LicenseRow, LicenseStanding, Licensing};
use crate::wire::lease::Product;

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
    pub(super) license: (Shown, Option<Pill>),
    pub(super) edition: &'static str,
    pub(super) masked: Shown,
    pub(super) standing: Pill,
    pub(super) licensing: &'static str,
    pub(super) seats: Gauge,
    pub(super) groups: (u32, String),
    pub(super) ends: Option<Until>,
    pub(super) details: Option<Details>,
}

/// What an opened row tells.
pub(super) struct Details {
    pub(super) notes: Vec<Note>,
    pub(super) fields: Vec<Field>,
}

/// Something to know, with where to go from it.
pub(super) struct Note {
    pub(super) icon: Icon,
    pub(super) text: String,
    pub(super) way: Option<(Shown, String)>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<LicenseRow>, query: LicenseQuery, now: Timestamp, version: u64) -> Self {
        let above = Above { counts: counts(&rows), selects: selects(&rows, &query) };
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.into_iter().map(|row| line(row, &query, now)).collect();
        Self { frame, headings, lines }
    }
}

/// "3 licenses · 1 active · 62 of 100 seats taken", the seats being those of the active ones.
fn counts(rows: &[LicenseRow]) -> Vec<String> {
    let active = || rows.iter().filter(|row| row.standing == LicenseStanding::Active);
    let used = active().map(|row| row.seats.used()).fold(0, u32::saturating_add);
    let limit = active().map(|row| row.seats.limit).fold(0, u32::saturating_add);
    let mut counts = vec![count(rows.len(), "license", "licenses"), format!("{} active", active().count())];
    if limit > 0 {
        counts.push(format!("{used} of {limit} seats taken"));
    }
    counts
}

fn selects(rows: &[LicenseRow], query: &LicenseQuery) -> Vec<Select> {
    vec![
        Select {
            name: "edition",
            label: "Edition",
            all: "Any edition",
            choices: choices(rows, query.product, |row, product| row.product == product),
        },
        Select {
            name: "state",
            label: "State",
            all: "Any state",
            choices: choices(rows, query.standing, |row, standing| row.standing == standing),
        },
        Select {
            name: "licensing",
            label: "Licensing",
            all: "Any licensing",
            choices: choices(rows, query.licensing, |row, licensing| row.licensing == licensing),
        },
    ]
}

fn line(row: LicenseRow, query: &LicenseQuery, now: Timestamp) -> Line {
    let open = query.browse.open == row.id;
    let (edition, trial) = match row.product {
        Product::EnterpriseTrial => {
            (Product::Enterprise.title(), Some(Pill::new(Tone::Busy, "pending", Shown::ours("Trial"))))
        }
        product => (product.title(), None),
    };
    let active = row.standing == LicenseStanding::Active;
    let taken = seats(row.seats.used(), Some(row.seats.limit));
    Line {
        toggle: query.at(query.browse.toggled(&row.id)),
        license: (Shown::cell(&row.name, "no name"), trial),
        edition,
        masked: short_key(row.key.as_ref(), "no key, sign-in only"),
        standing: standing(row.standing),
        licensing: row.licensing.title(),
        seats: if active { taken } else { taken.at_rest() },
        groups: (row.groups, groups::of_license(&row.id)),
        ends: row.ends.map(|ends| Until::of(ends, now, active)),
        details: open.then(|| details(&row)),
        key: row.id,
    }
}

fn standing(standing: LicenseStanding) -> Pill {
    let (tone, icon) = match standing {
        LicenseStanding::Active => (Tone::Good, "check"),
        LicenseStanding::Suspended => (Tone::Warn, "paused"),
        LicenseStanding::Replaced => (Tone::Idle, "changing"),
        LicenseStanding::Expired => (Tone::Bad, "pending"),
    };
    Pill::new(tone, icon, Shown::ours(standing.title()))
}

fn details(row: &LicenseRow) -> Details {
    let takers = match row.licensing {
        Licensing::PerDevice => "Each Mac that is activated with a key",
        Licensing::PerUser => "Each person who signs in",
        Licensing::Mixed => "Each Mac that is activated with a key, and each person who signs in",
    };
    let free = row.seats.limit.saturating_sub(row.seats.used());
    let fields = vec![
        Field::ours("Product", format!("Parallels Desktop for Mac, {}", row.product.title())),
        Field::device("Name", [row.name.clone()], "no name"),
        Field::device("Key", row.key.as_ref().map(ToString::to_string), "no key, sign-in only").wide(),
        Field::ours("Takes a seat", takers).wide(),
        Field::ours("Seats of Macs", row.seats.devices.to_string()),
        Field::ours("Seats of people", row.seats.users.to_string()),
        Field::ours("Seats left", free.to_string()),
        Field::device("License id", [row.id.clone()], "none").wide(),
    ];
    Details { notes: row.notes.iter().map(note).collect(), fields }
}

fn note(note: &LicenseNote) -> Note {
    let license = |id: &String| Some((Shown::whole(id, "that license"), of_license(id)));
    let (icon, text, way) = match note {
        LicenseNote::MayBecomePermanent => (
            "pending",
            "This trial may be made permanent. Its golden images carry over; the policies made during it are kept, but \
             have to be assigned to groups again."
                .to_owned(),
            None,
        ),
        LicenseNote::PerUserBusiness => (
            "alert",
            "This trial cannot be made permanent, since the organization has a Business license with seats per user. \
             Convert that license to Enterprise instead: the trial is then suspended."
                .to_owned(),
            None,
        ),
        LicenseNote::PoliciesUnassigned(number) => (
            "alert",
            match number {
                1 => "1 policy of this trial is kept, but assigned to no group. Assign it again.".to_owned(),
                _ => format!("{number} policies of this trial are kept, but assigned to no group. Assign them again."),
            },
            Some((Shown::ours("User groups"), groups::PATH.to_owned())),
        ),
        LicenseNote::ReplacedBy(id) => ("changing", "It was converted and is replaced by".to_owned(), license(id)),
        LicenseNote::Replaces(id) => ("changing", "It stands in the place of".to_owned(), license(id)),
    };
    Note { icon: Icon(icon), text, way }
}
