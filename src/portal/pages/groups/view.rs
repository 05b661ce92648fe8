//! The page User Groups as its template shows it.

use jiff::Timestamp;

use super::PATH;
use super::query::{GroupQuery, StandingFilter};
use crate::portal::pages::browse::{Browse, Word, address};
use crate::portal::pages::filter::{Select, choices};
use crate::portal::pages::licensing::{seats, short_key};
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::{Gauge, Pill, Tone, count};
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::pages::{devices, licenses};
use crate::portal::rows::{GroupRow, SeatMode, Unmapped};

/// What the template shows.
pub(super) struct View {
    /// What every table has.
    pub(super) frame: Frame,
    /// The heads of the columns.
    pub(super) headings: Vec<Heading>,
    /// The rows of this page.
    pub(super) lines: Vec<Line>,
    /// The license whose keys alone are shown, with the address of all.
    pub(super) only: Option<(Shown, String)>,
    /// How many people draw from a primary key for want of a mapping, with the address of those keys.
    pub(super) unmapped: Option<(String, String)>,
}

/// A row.
pub(super) struct Line {
    pub(super) key: String,
    pub(super) toggle: String,
    pub(super) group: (Shown, bool, Shown),
    pub(super) flag: Option<Pill>,
    pub(super) seats: Gauge,
    pub(super) mode: &'static str,
    pub(super) image: Option<Shown>,
    pub(super) policy: Option<(Shown, u64)>,
    pub(super) mapped: Option<(Shown, usize)>,
    pub(super) details: Option<Details>,
}

/// What an opened row tells.
pub(super) struct Details {
    pub(super) warning: Option<Warning>,
    pub(super) fields: Vec<Field>,
    pub(super) license: (&'static str, String),
    pub(super) devices: Option<String>,
}

/// What an administrator has to know of people whom no mapping puts into a group.
pub(super) struct Warning {
    pub(super) people: String,
    pub(super) without_claim: Option<String>,
    pub(super) names: Vec<Shown>,
    pub(super) more: Option<String>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<GroupRow>, query: GroupQuery, now: Timestamp, version: u64) -> Self {
        let above = Above { counts: counts(&rows), selects: selects(&rows, &query) };
        let only = only(&rows, &query);
        let unmapped = unmapped(&rows);
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.into_iter().map(|row| line(&row, &query)).collect();
        Self { frame, headings, lines, only, unmapped }
    }
}

/// "4 groups · 62 seats used · 2 without a policy".
fn counts(rows: &[GroupRow]) -> Vec<String> {
    let used = rows.iter().map(|row| row.seats.used).fold(0, u32::saturating_add);
    let idle = rows.iter().filter(|row| StandingFilter::NoPolicy.admits(row)).count();
    let mut counts = vec![count(rows.len(), "group", "groups"), format!("{used} seats used")];
    if idle > 0 {
        counts.push(format!("{idle} without a policy"));
    }
    counts
}

fn selects(rows: &[GroupRow], query: &GroupQuery) -> Vec<Select> {
    vec![
        Select {
            name: "standing",
            label: "Standing",
            all: "Any standing",
            choices: choices(rows, query.standing, |row, standing| standing.admits(row)),
        },
        Select {
            name: "mode",
            label: "Allocation",
            all: "Any allocation",
            choices: choices(rows, query.mode, |row, mode| row.seats.mode == mode),
        },
    ]
}

/// The license whose keys alone are shown.
fn only(rows: &[GroupRow], query: &GroupQuery) -> Option<(Shown, String)> {
    if query.license.is_empty() {
        return None;
    }
    let name = match rows.iter().find(|row| row.license == query.license) {
        Some(row) => Shown::named(row.product.title(), &row.license),
        None => Shown::cell("", "a license that is not here"),
    };
    let browse = Browse { open: String::new(), ..query.browse.clone() };
    let all = GroupQuery { license: String::new(), ..query.clone() };
    Some((name, all.at(browse)))
}

/// How many people are in no group, with the address of the keys that they draw from, the first one opened.
fn unmapped(rows: &[GroupRow]) -> Option<(String, String)> {
    let people = rows.iter().map(|row| row.unmapped.users).fold(0, u32::saturating_add);
    let first = rows.iter().find(|row| row.unmapped.users > 0)?;
    let filter = StandingFilter::Unmapped.word().to_owned();
    Some((self::people(people), address(PATH, &[("standing", filter), ("open", key(first))])))
}

/// "1 user is", "2 users are".
fn people(number: u32) -> String {
    format!("{number} {}", if number == 1 { "user is" } else { "users are" })
}

/// What tells a row from all others.
fn key(row: &GroupRow) -> String {
    row.id.map_or_else(|| format!("primary.{}", row.license), |id| id.to_string())
}

fn line(row: &GroupRow, query: &GroupQuery) -> Line {
    let key = key(row);
    let open = query.browse.open == key;
    let flag = (row.unmapped.users > 0)
        .then(|| Pill::new(Tone::Warn, "alert", Shown::ours(format!("{} unmapped", row.unmapped.users))));
    Line {
        toggle: query.at(query.browse.toggled(&key)),
        group: (Shown::cell(&row.name, "no name"), row.is_primary(), short_key(row.key.as_ref(), "no key")),
        flag,
        seats: seats(row.seats.used, row.seats.limit),
        mode: row.seats.mode.title(),
        image: row.image.as_deref().map(|image| Shown::cell(image, "no name")),
        policy: row.policy.as_ref().map(|policy| (Shown::cell(&policy.name, "no name"), policy.revision)),
        mapped: row
            .idp_groups
            .first()
            .map(|first| (Shown::cell(first, "no name"), row.idp_groups.len().saturating_sub(1))),
        details: open.then(|| details(row)),
        key,
    }
}

fn details(row: &GroupRow) -> Details {
    let allocation = match row.seats.mode {
        SeatMode::Reserved => "Reserved: set aside for this key, also while nobody takes them",
        SeatMode::Dynamic => "Dynamic: drawn from what the license has left",
    };
    let limit = row.seats.limit.map_or("not known".to_owned(), |limit| limit.to_string());
    let key = row.key.as_ref().map(ToString::to_string);
    let mut fields = vec![
        Field::device("Key", key, "no key").wide(),
        Field::ours("Seat limit", limit),
        Field::ours("Used seats", row.seats.used.to_string()),
        Field::ours("Allocation", allocation).wide(),
        Field::device("Golden image", row.image.clone(), "none"),
        Field::device("Policy", row.policy.as_ref().map(|policy| policy.name.clone()), "none"),
        Field::device("Mapped IdP groups", row.idp_groups.iter().cloned(), "none").wide(),
        Field::device("Group id", row.id.map(|id| id.to_string()), "none, being the primary key’s").wide(),
    ];
    if row.name.chars().count() > 40 {
        fields.push(Field::device("Full name", [row.name.clone()], "").wide());
    }
    let license = (row.product.title(), licenses::of_license(&row.license));
    let devices = (!row.is_primary()).then(|| devices::of_group(&row.name));
    Details { warning: warning(&row.unmapped), fields, license, devices }
}

fn warning(unmapped: &Unmapped) -> Option<Warning> {
    if unmapped.users == 0 {
        return None;
    }
    let names: Vec<Shown> = unmapped.names.iter().take(64).map(|name| Shown::cell(name, "no name")).collect();
    let shown = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let more = unmapped.users.saturating_sub(shown);
    let without = (unmapped.without_claim > 0).then(|| match unmapped.without_claim {
        1 => "For 1 of them the identity provider sent no group at all".to_owned(),
        number => format!("For {number} of them the identity provider sent no group at all"),
    });
    Some(Warning {
        people: people(unmapped.users),
        without_claim: without,
        more: (more > 0 && shown > 0).then(|| format!("and {more} more")),
        names,
    })
}
