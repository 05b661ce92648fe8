//! The page Virtual Machines as its template shows it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::query::{GuestFilter, OriginFilter, StateFilter, VmQuery};
use super::{PATH, guest_name, state_name};
use crate::domain::vm::VmState;
use crate::portal::pages::browse::address;
use crate::portal::pages::devices;
use crate::portal::pages::filter::{Select, choices, group_choices};
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::{Ago, Icon, Pill, Tone, count, lasting, size};
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::rows::VmRow;

/// What the template shows.
pub(super) struct View {
    /// What every table has.
    pub(super) frame: Frame,
    /// The heads of the columns.
    pub(super) headings: Vec<Heading>,
    /// The rows of this page.
    pub(super) lines: Vec<Line>,
    /// The Mac that alone is shown, with the address of all.
    pub(super) only: Option<(Shown, String)>,
}

/// A row.
pub(super) struct Line {
    pub(super) key: String,
    pub(super) toggle: String,
    pub(super) name: (Shown, Option<Pill>),
    pub(super) guest: (Icon, Shown),
    pub(super) state: Pill,
    pub(super) mac: (Shown, String),
    pub(super) owner: (Shown, Option<Shown>),
    pub(super) origin: Pill,
    pub(super) seen: Ago,
    pub(super) details: Option<Details>,
}

/// What an opened row tells.
pub(super) struct Details {
    pub(super) fields: Vec<Field>,
    pub(super) violations: Vec<Shown>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<VmRow>, query: VmQuery, now: Timestamp, version: u64) -> Self {
        let above = Above { counts: counts(&rows), selects: selects(&rows, &query) };
        let only = only(&rows, &query);
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.into_iter().map(|row| line(row, &query, now)).collect();
        Self { frame, headings, lines, only }
    }
}

/// "5 virtual machines · 3 running · 2 Macs", of all rows.
fn counts(rows: &[VmRow]) -> Vec<String> {
    let running = rows.iter().filter(|row| row.state == VmState::Running.name()).count();
    let macs: BTreeSet<_> = rows.iter().map(|row| row.device).collect();
    let violating = rows.iter().filter(|row| !row.violations.is_empty()).count();
    let mut counts = vec![
        count(rows.len(), "virtual machine", "virtual machines"),
        format!("{running} running"),
        count(macs.len(), "Mac", "Macs"),
    ];
    if violating > 0 {
        counts.push(format!("{violating} violating policy"));
    }
    counts
}

fn selects(rows: &[VmRow], query: &VmQuery) -> Vec<Select> {
    let groups = rows.iter().map(|row| row.place.group.as_deref());
    vec![
        Select {
            name: "state",
            label: "State",
            all: "Any state",
            choices: choices(rows, query.state, |row, state| {
                StateFilter::of(&VmState::from(row.state.as_str())) == state
            }),
        },
        Select {
            name: "guest",
            label: "Guest OS",
            all: "Any guest OS",
            choices: choices(rows, query.guest, |row, guest| GuestFilter::of(&row.guest.os) == guest),
        },
        Select {
            name: "group",
            label: "Group",
            all: "Any group",
            choices: group_choices(groups, query.group.as_ref()),
        },
        Select {
            name: "origin",
            label: "Origin",
            all: "Any origin",
            choices: choices(rows, query.origin, |row, origin| match origin {
                OriginFilter::Corporate => row.origin.corporate,
                OriginFilter::Personal => !row.origin.corporate,
                OriginFilter::Violating => !row.violations.is_empty(),
            }),
        },
    ]
}

/// The Mac that alone is shown.
fn only(rows: &[VmRow], query: &VmQuery) -> Option<(Shown, String)> {
    if query.device.is_empty() {
        return None;
    }
    let name = rows
        .iter()
        .find(|row| row.device.to_string() == query.device)
        .map_or("", |row| row.place.mac.as_str());
    let everywhere = VmQuery { device: String::new(), ..query.clone() };
    Some((Shown::cell(name, "a Mac without virtual machines"), address(PATH, &everywhere.pairs())))
}

fn line(row: VmRow, query: &VmQuery, now: Timestamp) -> Line {
    let key = format!("{}.{}", row.device, row.id);
    let open = query.browse.open == key;
    let users = row.place.users.join(", ");
    Line {
        toggle: query.at(query.browse.toggled(&key)),
        name: (Shown::cell(&row.name, "no name"), violations(row.violations.len())),
        guest: guest(&row.guest.os),
        state: state(&row.state),
        mac: (Shown::cell(&row.place.mac, "no name"), devices::of_device(&row.device.to_string())),
        owner: (
            Shown::cell(&users, "nobody"),
            row.place.group.as_deref().map(|group| Shown::cell(group, "no name")),
        ),
        origin: origin(row.origin.corporate),
        seen: Ago::of(row.last_seen, now),
        details: open.then(|| details(&row)),
        key,
    }
}

fn guest(os: &str) -> (Icon, Shown) {
    let icon = match GuestFilter::of(os) {
        GuestFilter::Windows => "windows",
        GuestFilter::Macos => "macos",
        GuestFilter::Linux => "linux",
        GuestFilter::Other => "guest",
    };
    let name = guest_name(os);
    let shown = if name.is_empty() { Shown::cell(os, "unknown") } else { Shown::named(name, os) };
    (Icon(icon), shown)
}

fn state(word: &str) -> Pill {
    let state = VmState::from(word);
    let (tone, icon) = match StateFilter::of(&state) {
        StateFilter::Running => (Tone::Good, "running"),
        StateFilter::Suspended => (Tone::Idle, "paused"),
        StateFilter::Stopped => (Tone::Idle, "stopped"),
        StateFilter::Changing => (Tone::Busy, "changing"),
        StateFilter::Other if state == VmState::Invalid => (Tone::Bad, "alert"),
        StateFilter::Other => (Tone::Idle, "unknown"),
    };
    let name = state_name(&state);
    Pill::new(tone, icon, if name.is_empty() { Shown::cell(word, "Unknown") } else { Shown::ours(name) })
}

fn origin(corporate: bool) -> Pill {
    if corporate {
        Pill::new(Tone::Good, "corporate", Shown::ours("Corporate"))
    } else {
        Pill::new(Tone::Idle, "personal", Shown::ours("Personal"))
    }
}

fn violations(number: usize) -> Option<Pill> {
    (number > 0).then(|| Pill::new(Tone::Bad, "alert", Shown::ours(count(number, "violation", "violations"))))
}

fn details(row: &VmRow) -> Details {
    let (guest, machine) = (&row.guest, &row.machine);
    let known = |number: Option<u64>| number.map_or("not known".to_owned(), |number| number.to_string());
    let yes = |flag: bool| if flag { "Yes" } else { "No" };
    let disk = match machine.disk_used_mib {
        Some(used) => format!("{}, {} used", size(machine.disk_mib), size(used)),
        None => size(machine.disk_mib),
    };
    let networks = guest.networks.iter().map(|network| format!("{} · {}", network.mode, network.mac));
    let mut fields = vec![
        Field::ours("Processors", machine.cpu.to_string()),
        Field::ours("Memory", size(machine.memory_mib)),
        Field::ours("Disks", disk),
        Field::ours("Uptime", machine.uptime_s.map_or("not known".to_owned(), lasting)),
        Field::ours("Snapshots", known(machine.snapshots)),
        Field::ours("Encrypted", yes(machine.encrypted)),
        Field::ours("Configuration locked", yes(machine.configuration_locked)),
        Field::device("Parallels Tools", [tools(&guest.tools, &guest.tools_version)], "not known"),
        Field::device("Networks", networks, "none"),
        Field::device("IP addresses", guest.addresses.iter().cloned(), "none reported"),
        Field::device("Golden image", row.origin.image.iter().cloned(), "none"),
        Field::device("UUID", [row.id.to_string()], "").wide(),
    ];
    if row.name.chars().count() > 40 {
        fields.push(Field::device("Full name", [row.name.clone()], "").wide());
    }
    Details { fields, violations: row.violations.iter().map(|key| Shown::whole(key, "no key")).collect() }
}

fn tools(state: &str, version: &str) -> String {
    let state = match state {
        "installed" => "Installed",
        "not_installed" => "Not installed",
        "possibly_installed" => "Possibly installed",
        "outdated" => "Outdated",
        other => other,
    };
    if version.is_empty() { state.to_owned() } else { format!("{state}, {version}") }
}
