//! The page Devices as its template shows it.

use jiff::Timestamp;

use super::query::{DeviceQuery, Grade, StandingFilter};
use super::updates;
use crate::domain::compliance::{Compliance, Tally};
use crate::domain::host::Arch;
use crate::portal::pages::browse::Browse;
use crate::portal::pages::filter::{Select, choices, group_choices};
use crate::portal::pages::listing::{Above, Field, Frame, Heading};
use crate::portal::pages::parts::{Ago, Pill, Tone, count};
use crate::portal::pages::query::Query;
use crate::portal::pages::text::Shown;
use crate::portal::pages::virtual_machines;
use crate::portal::rows::{DeviceRow, InstallRow, Noncompliant, ProblemRow, Versions};
use crate::wire::codes::ComplianceReason;

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
    pub(super) mac: (Shown, Shown),
    pub(super) versions: (Shown, Option<Pill>, Shown),
    pub(super) assigned: (Option<Shown>, Option<(Shown, u64)>),
    pub(super) compliance: Option<Pill>,
    pub(super) problems: Option<Pill>,
    pub(super) vms: (u32, String),
    pub(super) seen: (Ago, bool),
    pub(super) details: Option<Details>,
}

/// What an opened row tells.
pub(super) struct Details {
    pub(super) fields: Vec<Field>,
    pub(super) settings: Vec<(Pill, Shown, Shown, Option<Shown>)>,
    pub(super) problems: Vec<(Shown, Ago, Option<Shown>)>,
    pub(super) installs: Vec<(Pill, Shown, Shown, Option<Shown>)>,
}

impl View {
    /// The page of these rows.
    pub(super) fn new(rows: Vec<DeviceRow>, query: DeviceQuery, now: Timestamp, version: u64) -> Self {
        let above = Above { counts: counts(&rows), selects: selects(&rows, &query) };
        let only = only(&rows, &query);
        let (frame, headings, rows) = Frame::around(rows, &query, above, (now, version));
        let lines = rows.into_iter().map(|row| line(row, &query, now)).collect();
        Self { frame, headings, lines, only }
    }
}

/// "6 Macs · 2 in order · 2 need attention · 1 pending · 1 retired": each Mac is counted once.
fn counts(rows: &[DeviceRow]) -> Vec<String> {
    let (mut attention, mut pending, mut retired) = (0, 0, 0);
    for row in rows {
        match row {
            row if row.retired => retired += 1,
            row if StandingFilter::Attention.admits(row) => attention += 1,
            row if StandingFilter::Pending.admits(row) => pending += 1,
            _ => {}
        }
    }
    let parts = [
        (rows.len() - attention - pending - retired, "in order", "in order"),
        (attention, "needs attention", "need attention"),
        (pending, "pending", "pending"),
        (retired, "retired", "retired"),
    ];
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    let parts = parts.map(|(number, one, many)| count(number, one, many));
    std::iter::once(count(rows.len(), "Mac", "Macs")).chain(parts).collect()
}

fn selects(rows: &[DeviceRow], query: &DeviceQuery) -> Vec<Select> {
    let groups = rows.iter().map(|row| row.assigned.group.as_deref());
    vec![
        Select {
            name: "standing",
            label: "Standing",
            all: "Any standing",
            choices: choices(rows, query.standing, |row, standing| standing.admits(row)),
        },
        Select {
            name: "group",
            label: "Group",
            all: "Any group",
            choices: group_choices(groups, query.group.as_ref()),
        },
    ]
}

/// The Mac that alone is shown.
fn only(rows: &[DeviceRow], query: &DeviceQuery) -> Option<(Shown, String)> {
    if query.device.is_empty() {
        return None;
    }
    let found = rows.iter().find(|row| row.id.to_string() == query.device);
    let browse = Browse { open: String::new(), ..query.browse.clone() };
    let all = DeviceQuery { device: String::new(), ..query.clone() };
    let name = found.map_or("", |row| row.hostname.as_str());
    Some((Shown::cell(name, "a Mac that is not here"), all.at(browse)))
}

fn line(row: DeviceRow, query: &DeviceQuery, now: Timestamp) -> Line {
    let key = row.id.to_string();
    let open = query.browse.open == key;
    let stale = now.as_second().saturating_sub(row.last_seen.as_second()) > 86_400;
    let (parallels, gate) = parallels(&row.versions);
    let policy = row.assigned.policy.as_ref();
    Line {
        toggle: query.at(query.browse.toggled(&key)),
        mac: (
            Shown::cell(&row.hostname, "no name"),
            Shown::cell(&format!("{} · {}", row.hardware.model, row.hardware.serial), ""),
        ),
        versions: (parallels, gate, Shown::cell(&row.versions.agent, "unknown")),
        assigned: (
            row.assigned.group.as_deref().map(|group| Shown::cell(group, "no name")),
            policy.map(|policy| (Shown::cell(&policy.name, "no name"), policy.revision)),
        ),
        compliance: if row.retired {
            Some(Pill::new(Tone::Idle, "retired", Shown::ours("Retired")))
        } else {
            compliance(&row.compliance.counts)
        },
        problems: problems(&row.problems),
        vms: (row.vms, virtual_machines::of_device(&key)),
        seen: (Ago::of(row.last_seen, now), stale && !row.retired),
        details: open.then(|| details(&row, now)),
        key,
    }
}

/// The version of Parallels Desktop, and what is wrong with it.
fn parallels(versions: &Versions) -> (Shown, Option<Pill>) {
    match &versions.parallels {
        None => (Shown::cell("", "not installed"), None),
        Some(version) if versions.too_old => {
            (Shown::cell(version, "unknown"), Some(Pill::new(Tone::Warn, "alert", Shown::ours("Too old"))))
        }
        Some(version) => (Shown::cell(version, "unknown"), None),
    }
}

/// How the settings stand together; none where there is none.
fn compliance(counts: &Tally) -> Option<Pill> {
    let wrong = counts.failed.saturating_add(counts.violated);
    let (tone, icon, text) = match Grade::of(counts) {
        Grade::Nothing => return None,
        Grade::Failed => (Tone::Bad, "alert", format!("{wrong} not compliant")),
        Grade::Drifted => (Tone::Warn, "changing", format!("{} drifted", counts.drifted)),
        Grade::Pending => (Tone::Busy, "pending", format!("{} pending", counts.pending)),
        Grade::Partly if counts.compliant == 0 && counts.unsupported == 0 => {
            (Tone::Idle, "unknown", format!("{} heeded", counts.heeded))
        }
        Grade::Partly if counts.compliant == 0 => {
            (Tone::Idle, "unknown", format!("{} unsupported", counts.unsupported))
        }
        Grade::Partly => {
            let all = counts.compliant.saturating_add(counts.unsupported);
            (Tone::Good, "check", format!("{} of {all} compliant", counts.compliant))
        }
        Grade::Compliant => (Tone::Good, "check", "Compliant".to_owned()),
    };
    Some(Pill::new(tone, icon, Shown::ours(text)))
}

fn problems(problems: &[ProblemRow]) -> Option<Pill> {
    let text = match problems {
        [] => return None,
        [one] => Shown::cell(&one.code, "no code"),
        more => Shown::ours(count(more.len(), "problem", "problems")),
    };
    Some(Pill::new(Tone::Warn, "alert", text))
}

fn details(row: &DeviceRow, now: Timestamp) -> Details {
    let counts = &row.compliance.counts;
    let arch = match row.hardware.arch {
        Arch::Arm64 => "Apple silicon",
        Arch::X86 => "Intel",
    };
    let told = [
        (counts.compliant, "compliant"),
        (counts.drifted, "drifted"),
        (counts.failed, "failed"),
        (counts.pending, "pending"),
        (counts.unshown, "set but not shown"),
        (counts.heeded, "heeded"),
        (counts.unsupported, "unsupported"),
        (counts.violated, "violated"),
    ];
    let told: Vec<String> = told
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {state}"))
        .collect();
    let mut fields = vec![
        Field::device("macOS", [row.versions.os.clone()], "unknown"),
        Field::ours("Processor", arch),
        Field::device("Model", [row.hardware.model.clone()], "unknown"),
        Field::device("Serial number", [row.hardware.serial.clone()], "unknown"),
        Field::device("Agent", [row.versions.agent.clone()], "unknown"),
        Field::device("Settings", [told.join(", ")], "none reported"),
    ];
    fields.extend(updates::fields(row.versions.updates.as_ref()));
    fields.push(Field::device("Device id", [row.id.to_string()], "").wide());
    Details {
        fields,
        installs: row.installs.iter().take(200).map(install).collect(),
        settings: row.compliance.noncompliant.iter().take(200).map(setting).collect(),
        problems: row.problems.iter().take(200).map(|problem| told_problem(problem, now)).collect(),
    }
}

/// How far a golden image is: the pill names the stage, and while it is fetched how much of it is there.
fn install(row: &InstallRow) -> (Pill, Shown, Shown, Option<Shown>) {
    let (tone, icon) = match row.stage.as_str() {
        "installed" => (Tone::Good, "check"),
        "failed" => (Tone::Bad, "alert"),
        "waiting" => (Tone::Idle, "pending"),
        _ if row.problem.is_some() => (Tone::Warn, "alert"),
        _ => (Tone::Busy, "changing"),
    };
    let stage = match row.stage.as_str() {
        "downloading" => Shown::ours(format!("Downloading, {} %", row.percent)),
        stage => Shown::cell(stage, "unknown"),
    };
    let problem = row.problem.as_deref().map(|code| Shown::whole(code, ""));
    (
        Pill::new(tone, icon, stage),
        Shown::whole(&row.name, "no name"),
        Shown::whole(&row.user, "no name"),
        problem,
    )
}

fn setting(item: &Noncompliant) -> (Pill, Shown, Shown, Option<Shown>) {
    let (tone, icon, text) = match item.state {
        Compliance::Compliant => (Tone::Good, "check", "Compliant"),
        Compliance::Drifted => (Tone::Warn, "changing", "Drifted"),
        Compliance::Failed => (Tone::Bad, "alert", "Failed"),
        Compliance::Unsupported => (Tone::Idle, "unknown", "Unsupported"),
        Compliance::Heeded => (Tone::Idle, "unknown", "Heeded"),
        Compliance::Unshown => (Tone::Idle, "unknown", "Set, not shown"),
        Compliance::Local => (Tone::Idle, "unknown", "Local"),
        Compliance::Idle => (Tone::Idle, "unknown", "No machine"),
        Compliance::Pending => (Tone::Busy, "pending", "Pending"),
        Compliance::Violated => (Tone::Bad, "alert", "Violated"),
    };
    let subject = match item.subject.as_str() {
        "app" => Shown::ours("Parallels Desktop"),
        subject => Shown::whole(subject, "unknown"),
    };
    let reason = item.reason.as_deref().map(|reason| match reason.parse::<ComplianceReason>() {
        Ok(known) => Shown::named(known.explanation(), reason),
        Err(_) => Shown::whole(reason, ""),
    });
    (Pill::new(tone, icon, Shown::ours(text)), Shown::whole(&item.setting, "no key"), subject, reason)
}

fn told_problem(problem: &ProblemRow, now: Timestamp) -> (Shown, Ago, Option<Shown>) {
    let detail = problem.detail.as_deref().map(|detail| Shown::whole(detail, ""));
    (Shown::whole(&problem.code, "no code"), Ago::of(problem.since, now), detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(compliance: Tally, parallels: Option<&str>, retired: bool) -> DeviceRow {
        use crate::domain::ids::DeviceId;
        use crate::portal::rows::{Assigned, Compliance, Hardware};

        DeviceRow {
            id: DeviceId::of(uuid::Uuid::nil()),
            hostname: "mac".to_owned(),
            hardware: Hardware { model: String::new(), serial: String::new(), arch: Arch::Arm64 },
            versions: Versions {
                os: String::new(),
                agent: String::new(),
                parallels: parallels.map(str::to_owned),
                too_old: false,
                updates: None,
            },
            assigned: Assigned::default(),
            compliance: Compliance { counts: compliance, noncompliant: Vec::new() },
            problems: Vec::new(),
            vms: 0,
            installs: Vec::new(),
            last_seen: Timestamp::UNIX_EPOCH,
            retired,
        }
    }

    #[test]
    fn each_mac_is_counted_once() {
        let none = Tally::default();
        let kept = || standing(Tally { compliant: 5, ..none }, Some("26.1.1"), false);
        let mut troubled = kept();
        troubled.problems =
            vec![ProblemRow { code: "vm-locked".to_owned(), since: Timestamp::UNIX_EPOCH, detail: None }];
        assert_eq!(counts(std::slice::from_ref(&troubled)), ["1 Mac", "1 needs attention"]);
        assert_eq!(counts(&[]), ["0 Macs"]);
        let rows = [
            troubled,
            kept(),
            standing(Tally { heeded: 1, ..none }, Some("26.1.1"), false),
            standing(Tally { pending: 1, compliant: 4, ..none }, Some("26.1.1"), false),
            standing(none, None, false),
            standing(none, None, true),
        ];
        assert_eq!(counts(&rows), ["6 Macs", "2 in order", "2 need attention", "1 pending", "1 retired"]);
    }
}
