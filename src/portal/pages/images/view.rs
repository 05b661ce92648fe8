//! The page Golden Images as its template shows it.

use jiff::Timestamp;

use super::query::{ImageQuery, StandingFilter};
use crate::domain::host::Arch;
use crate::portal::pages::filter::{Select, choices};
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::{Pill, Tone, count};
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::rows::{ImageFileRow, ImageRow};

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
    pub(super) name: (Shown, Shown),
    pub(super) files: [Option<Pill>; 2],
    pub(super) policies: Option<(Shown, usize)>,
    pub(super) groups: Option<(Shown, usize)>,
    pub(super) details: Option<Vec<Field>>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<ImageRow>, query: ImageQuery, now: Timestamp, version: u64) -> Self {
        let selects = vec![Select {
            name: "standing",
            label: "Standing",
            all: "Any standing",
            choices: choices(&rows, query.standing, |row, standing| standing.admits(row)),
        }];
        let above = Above { counts: counts(&rows), selects };
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.iter().map(|row| line(row, &query)).collect();
        Self { frame, headings, lines }
    }
}

/// "3 golden images · 1 not assigned".
fn counts(rows: &[ImageRow]) -> Vec<String> {
    let idle = rows.iter().filter(|row| StandingFilter::Idle.admits(row)).count();
    let mut counts = vec![count(rows.len(), "golden image", "golden images")];
    if idle > 0 {
        counts.push(format!("{idle} not assigned"));
    }
    counts
}

fn line(row: &ImageRow, query: &ImageQuery) -> Line {
    let key = row.id.to_string();
    let open = query.browse.open == key;
    let several = |names: &[String]| {
        let first = names.first()?;
        Some((Shown::cell(first, "no name"), names.len().saturating_sub(1)))
    };
    Line {
        toggle: query.at(query.browse.toggled(&key)),
        name: (Shown::cell(&row.name, "no name"), Shown::cell(&row.description, "")),
        files: [Arch::Arm64, Arch::X86].map(|arch| pill(row.files.iter().find(|file| file.arch == arch))),
        policies: several(&row.policies),
        groups: several(&row.groups),
        details: open.then(|| details(row)),
        key,
    }
}

fn pill(file: Option<&ImageFileRow>) -> Option<Pill> {
    let file = file?;
    Some(match file.enabled {
        true => Pill::new(Tone::Good, "check", Shown::ours(size(file.size))),
        false => Pill::new(Tone::Idle, "unknown", Shown::ours("Disabled")),
    })
}

/// A size in its largest unit.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let Some((unit, one)) = UNITS.into_iter().find(|(_, one)| bytes >= *one) else {
        return format!("{bytes} B");
    };
    match (bytes / one, (bytes % one / (one / 10)).min(9)) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenths) => format!("{whole}.{tenths} {unit}"),
    }
}

fn details(row: &ImageRow) -> Vec<Field> {
    let mut fields = vec![Field::device("Description", [row.description.clone()], "none").wide()];
    for file in &row.files {
        let (url, digest, sizes) = match file.arch {
            Arch::Arm64 => ("Apple silicon: URL", "Apple silicon: SHA-256", "Apple silicon: size"),
            Arch::X86 => ("Intel: URL", "Intel: SHA-256", "Intel: size"),
        };
        fields.push(Field::device(url, [file.url.clone()], "none").wide());
        fields.push(Field::device(digest, [file.sha256.clone()], "none").wide());
        let state = if file.enabled { "enabled" } else { "disabled" };
        let text = format!("{}, unpacked {}, {state}", size(file.size), size(file.unpacked_size));
        fields.push(Field::ours(sizes, text));
    }
    fields.push(Field::device("Policies that carry it", row.policies.clone(), "none"));
    fields.push(Field::device("Groups that get it", row.groups.clone(), "none"));
    let order = if row.several { "One of several in order" } else { "The only one of its policies" };
    fields.push(Field::ours("Offered as", order));
    fields.push(Field::device("Image id", [row.id.to_string()], "").wide());
    fields
}
