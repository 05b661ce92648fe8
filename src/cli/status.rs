//! `meridian status`: from the daemon, or from the status file where the daemon does not answer.
//!
//! It is answered within 2 s whatever the daemon does: the request has [`PATIENCE`], and the file is one small read.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::alike::{alike, kind, subjects};
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::{Column, Screen, Table};
use super::words::{ago, count, due, lasting, layer, subject};
use crate::control::client::{Client, ClientError};
use crate::control::proto::{Answer, decode};
use crate::control::view::{
    AssignmentView, Availability, CheckinView, EnforcementView, HealthState, ParallelsGate, ProblemView,
    SourceView, StatusView, UserVmsView,
};
use crate::error::{Chain, Exit};
use crate::file::{self, Links};
use crate::paths::Paths;
use crate::wire::codes::ProblemCode;

/// How long the daemon has to answer; what is left of the 2 s is for the file.
const PATIENCE: Duration = Duration::from_millis(1_700);

/// The most bytes of a status file.
const LARGEST: u64 = 1 << 20;

/// The cells of the labels' column.
const LABELS: usize = 14;

/// What an open wait channel means for a change in the portal.
const WAKES: &str = ", or at the portal's call, one a minute";

/// A status and where it comes from.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    /// `daemon`, or `file` when the daemon does not answer.
    pub source: Source,
    /// Why the daemon did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// The status.
    #[serde(flatten)]
    pub view: StatusView,
}

/// Where a status comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    /// The daemon itself.
    Daemon,
    /// The file that it last wrote.
    File,
}

impl Seen {
    /// How the command ends; `check` is for scripts that ask whether all is well.
    #[must_use]
    pub(super) const fn exit(&self, check: bool) -> Exit {
        match (self.source, self.view.health.state) {
            (Source::File, _) => Exit::Unreachable,
            (Source::Daemon, HealthState::Degraded | HealthState::Starting) if check => Exit::Degraded,
            (Source::Daemon, _) => Exit::Fine,
        }
    }
}

/// Asks the daemon, and looks at the file where it does not answer.
///
/// # Errors
/// When there is neither an answer nor a file.
pub(super) fn request(paths: &Paths) -> Result<Seen, Failure> {
    match Client::of(paths).within(PATIENCE).status() {
        Ok(view) => Ok(Seen { source: Source::Daemon, unreachable: None, view }),
        Err(error) => match read_file(paths) {
            Ok(view) => Ok(Seen { source: Source::File, unreachable: Some(Chain(&error).to_string()), view }),
            Err(file) => Err(no_status(file, error)),
        },
    }
}

/// A refusal is an answer: the daemon runs, and the file would hide what it said.
fn no_status(file: String, error: ClientError) -> Failure {
    match error {
        ClientError::MustBeRoot | ClientError::Rejected(_) => Failure::Client(error),
        source => Failure::NoStatus { file, source },
    }
}

/// When the daemon last wrote its status, if it ever did.
pub(super) fn written_at(paths: &Paths) -> Option<Timestamp> {
    read_file(paths).ok().map(|view| view.written_at)
}

/// What the daemon wrote last.
pub(super) fn read_file(paths: &Paths) -> Result<StatusView, String> {
    let path = paths.status_file();
    let shown = path.display();
    match file::read(&path, Links::Followed, LARGEST) {
        Err(error) => Err(format!("{shown}: {error}")),
        // It holds what the daemon answers to anyone.
        Ok(bytes) => match decode(&bytes) {
            Ok(Answer::Status(view)) => Ok(*view),
            Ok(_) => Err(format!("{shown} holds no status")),
            Err(error) => Err(format!("{shown} is damaged: {}", Chain(&error))),
        },
    }
}

/// The screen.
#[must_use]
pub(super) fn render(seen: &Seen, style: &Style, now: Timestamp) -> String {
    let (view, mut screen) = (&seen.view, Screen::new(style));
    silence(&mut screen, seen.unreachable.as_deref(), view.written_at, now);
    let (mark, verdict) = headline(view, now);
    screen.hanging(0, &mark, &verdict);
    screen.blank();
    facts(&mut screen, seen, now);
    problems(&mut screen, &view.health.problems, now);
    screen.finish()
}

/// That the daemon does not answer, why, and how old what follows is; nothing where it does.
pub(super) fn silence(screen: &mut Screen<'_>, why: Option<&str>, written_at: Timestamp, now: Timestamp) {
    let Some(why) = why else { return };
    let age = ago(written_at, now);
    let verdict = Line::of(Tone::Bad, "The daemon does not answer").text(format!("; this is as of {age}."));
    screen.hanging(0, &Line::of(Tone::Bad, "✗ "), &verdict);
    screen.hanging(2, &Line::new(), &Line::of(Tone::Faint, why));
    screen.blank();
}

/// The most important line: whether all is well, and what is not.
fn headline(view: &StatusView, now: Timestamp) -> (Line, Line) {
    let (tone, mark, words) = match view.health.state {
        HealthState::Ok => (Tone::Good, "✓ ", "All is well"),
        HealthState::Starting => (Tone::Warning, "… ", "Starting"),
        HealthState::Degraded => (Tone::Warning, "! ", "Needs attention"),
    };
    let line = Line::of(tone, words);
    let lasting = lasting(view.health.since, now);
    let number = grouped(&view.health.problems).len() as u64;
    let line = match (view.health.state, number) {
        (HealthState::Degraded, 0) => line.text(format!(" {lasting}; ask as root to see for what.")),
        (HealthState::Degraded, number) => {
            line.text(format!(" {lasting}: {}.", count(number, "problem", "problems")))
        }
        _ => line.text(format!(" {lasting}.")),
    };
    (Line::of(tone, mark), line)
}

fn facts(screen: &mut Screen<'_>, seen: &Seen, now: Timestamp) {
    let view = &seen.view;
    screen.labelled(LABELS, "Policy", &policy(view.assignment.as_ref(), now));
    screen.labelled(LABELS, "Settings", &settings(&view.enforcement));
    if view.enforcement.corrections > 0 {
        screen.labelled(LABELS, "Drift", &drift(&view.enforcement, now));
    }
    screen.labelled(LABELS, "Portal", &portal(view, now));
    screen.labelled(LABELS, "Check-in", &checkin(&view.checkin, now));
    screen.labelled(LABELS, "Parallels", &parallels(view));
    if let Some(updates) = &view.parallels.updates {
        screen.labelled(LABELS, "Updates", &super::updates::verdict(updates));
    }
    screen.labelled(LABELS, "License", &super::license::line(&view.license, now));
    screen.labelled(LABELS, "Machines", &machines(seen));
    users(screen, &view.vms.per_user);
    for install in &view.images {
        let line = Line::of(Tone::Strong, &install.name)
            .text(format!(" for {}: ", install.user))
            .text(super::images::progress(install));
        screen.labelled(LABELS, "Image", &line);
    }
    sources(screen, &view.sources, now);
    let agent = format!(
        "Meridian {}, pid {}, started {}",
        view.agent.version,
        view.agent.pid,
        ago(view.agent.started_at, now)
    );
    screen.labelled(LABELS, "Agent", &Line::plain(agent));
}

/// The layers that say something, the highest first, and where each comes from.
fn sources(screen: &mut Screen<'_>, sources: &[SourceView], now: Timestamp) {
    let names = sources.iter().map(|source| layer(source.layer).chars().count() + 2).max().unwrap_or(0);
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.layer));
    for (index, source) in sources.into_iter().enumerate() {
        let label = if index == 0 { "Sources" } else { "" };
        let label = Line::of(Tone::Faint, format!("{label:<LABELS$}"));
        let label = label.text(format!("{:<names$}", layer(source.layer)));
        let since = source.since.map(|since| format!(", {}", lasting(since, now))).unwrap_or_default();
        let line = Line::of(Tone::Faint, format!("{}{since}", source.origin));
        let line = match &source.note {
            Some(note) => line.text(" ").then(Tone::Warning, note),
            None => line,
        };
        screen.hanging(2, &label, &line);
    }
}

fn policy(assignment: Option<&AssignmentView>, now: Timestamp) -> Line {
    let Some(assignment) = assignment else {
        return Line::of(Tone::Faint, "nothing assigned yet");
    };
    if assignment.retired {
        return Line::of(Tone::Warning, "the portal retired this Mac; local restrictions hold");
    }
    let group = assignment.group.as_ref().map(|group| format!("group “{}”", group.name));
    let line = match &assignment.policy {
        Some(policy) => Line::of(Tone::Strong, format!("“{}”", policy.name)).text(format!(
            " revision {}, {}",
            policy.revision,
            lasting(policy.since, now)
        )),
        None => Line::plain("none; local restrictions hold"),
    };
    let line = line.then(Tone::Faint, group.map(|group| format!(" · {group}")).unwrap_or_default());
    match assignment.refresh_by {
        Some(refresh_by) if refresh_by < now => {
            line.then(Tone::Warning, format!(" · refresh overdue, due {}", ago(refresh_by, now)))
        }
        _ => line,
    }
}

/// How many settings are managed, and how they stand: the counts add up.
fn settings(enforcement: &EnforcementView) -> Line {
    let tally = &enforcement.tally;
    if enforcement.managed == 0 {
        return Line::of(Tone::Faint, "no source names any, so none is touched");
    }
    let mut line = Line::plain(format!("{} managed", enforcement.managed));
    let mut separator = ": ";
    if enforcement.enforced > 0 {
        let tone = if tally.compliant == enforcement.enforced { Tone::Good } else { Tone::Plain };
        let kept = format!("{} of {} kept", tally.compliant, enforcement.enforced);
        line = line.text(separator).then(tone, kept);
        separator = ", ";
    }
    for (number, tone, what) in [
        (tally.violated, Tone::Bad, "violated"),
        (tally.failed, Tone::Bad, "failed"),
        (tally.drifted, Tone::Warning, "drifted"),
        (tally.pending, Tone::Faint, "pending"),
        (tally.local, Tone::Plain, "held locally"),
        (tally.unshown, Tone::Plain, "set but not shown"),
        (tally.heeded, Tone::Faint, "heeded"),
        (tally.unsupported, Tone::Faint, "unsupported"),
        (tally.idle, Tone::Faint, "without a machine"),
    ] {
        if number > 0 {
            line = line.text(separator).then(tone, format!("{number} {what}"));
            separator = ", ";
        }
    }
    line
}

fn drift(enforcement: &EnforcementView, now: Timestamp) -> Line {
    let times = count(enforcement.corrections, "time", "times");
    let last = enforcement.last_correction.map(|at| format!(", last {}", ago(at, now))).unwrap_or_default();
    Line::plain(format!("put right {times}{last}"))
}

fn portal(view: &StatusView, now: Timestamp) -> Line {
    let portal = &view.portal;
    let Some(url) = &portal.url else {
        return Line::of(Tone::Warning, format!("none: {}", no_portal(&view.health.problems)));
    };
    let line = Line::plain(url);
    match (&portal.device, portal.enrolled_at) {
        (None, _) => line.then(Tone::Warning, "  not enrolled"),
        (Some(_), Some(at)) => line.then(Tone::Faint, format!("  enrolled {}", ago(at, now))),
        (Some(_), None) => line,
    }
}

/// Why the agent knows no portal: one that is named badly is not one that is not named.
#[must_use]
pub(super) fn no_portal(problems: &[ProblemView]) -> &'static str {
    let has = |code: ProblemCode, name: &str| {
        problems.iter().any(|problem| problem.code == code.code() && problem.detail.contains(name))
    };
    if has(ProblemCode::ProfileUnreadable, "") {
        "the profile cannot be read"
    } else if has(ProblemCode::ProfileMissing, "") {
        "there is no profile"
    } else if has(ProblemCode::ProfileKeyInvalid, " PortalURL: ") {
        "the profile's PortalURL is not one"
    } else {
        "the profile names no portal"
    }
}

fn checkin(checkin: &CheckinView, now: Timestamp) -> Line {
    let line = match &checkin.last {
        None => Line::of(Tone::Faint, "none yet"),
        Some(last) if last.succeeded => Line::plain(format!("{}, {}", ago(last.at, now), last.detail)),
        Some(last) => {
            let line =
                Line::of(Tone::Warning, "failed").text(format!(" {}: {}", ago(last.at, now), last.detail));
            match checkin.last_success {
                Some(at) => line.then(Tone::Faint, format!("; last one that worked {}", ago(at, now))),
                None => line.then(Tone::Faint, "; none has worked so far"),
            }
        }
    };
    let line = match &checkin.next {
        Some(next) => line
            .text(format!("; next check-in {}", due(next.at, now)))
            .then(Tone::Faint, format!(" ({})", next.reason)),
        None => line,
    };
    if checkin.wait_open { line.then(Tone::Faint, WAKES) } else { line }
}

fn parallels(view: &StatusView) -> Line {
    let version = view.parallels.version.as_deref().unwrap_or("of unknown version");
    let name = Line::plain(format!("Parallels Desktop {version}"));
    match view.parallels.gate {
        ParallelsGate::NotInstalled => Line::of(Tone::Faint, "Parallels Desktop is not installed"),
        ParallelsGate::TooOld => name.then(Tone::Warning, ", too old: policies need 20.1.0"),
        ParallelsGate::Policies => name.then(Tone::Faint, "; settings of virtual machines need 26.1.0"),
        ParallelsGate::Full | ParallelsGate::Unknown => name,
    }
}

fn machines(seen: &Seen) -> Line {
    let view = &seen.view;
    match view.vms.total {
        None if seen.source == Source::File => {
            Line::of(Tone::Faint, "not told without the daemon: each user is told of their own alone")
        }
        None => Line::of(Tone::Faint, "could not be listed"),
        Some(0) => Line::plain("no virtual machines"),
        Some(total) => {
            let corporate = view.vms.corporate.map(|number| format!(", {number} of them corporate"));
            let machines = count(u64::from(total), "virtual machine", "virtual machines");
            Line::plain(machines).text(corporate.unwrap_or_default())
        }
    }
}

fn users(screen: &mut Screen<'_>, users: &[UserVmsView]) {
    if users.is_empty() {
        return;
    }
    let mut table = Table::of(vec![Column::giving_way(""), Column::number(""), Column::giving_way("")]);
    for user in users {
        let total = user.total.map_or_else(|| "–".to_owned(), |total| total.to_string());
        table.row(vec![Line::plain(&user.user), Line::plain(total), availability(user)]);
    }
    screen.rows(2 + LABELS, &table);
}

/// Whether the machines of a user could be listed, in words.
pub(super) fn availability(user: &UserVmsView) -> Line {
    let (tone, words) = match user.availability {
        Availability::Listed => (Tone::Faint, ""),
        Availability::CouldNotAsk => (Tone::Warning, "could not ask"),
        Availability::ServiceStopped => (Tone::Faint, "Parallels' service is stopped; the last list stays"),
        Availability::NotLoggedIn => (Tone::Faint, "not logged in; the last list stays"),
        Availability::NotInstalled => (Tone::Faint, "Parallels Desktop is not installed"),
        Availability::TooOld => (Tone::Warning, "Parallels Desktop is too old"),
    };
    let line = Line::of(tone, words);
    match &user.detail {
        Some(detail) if words.is_empty() => line.then(Tone::Faint, detail),
        Some(detail) => line.then(Tone::Faint, format!(": {detail}")),
        None => line,
    }
}

/// The problems in groups that are told together: the same of several objects.
pub(super) fn grouped(problems: &[ProblemView]) -> Vec<Vec<&ProblemView>> {
    alike(problems, |problem| (&problem.code, &problem.detail, problem.subject.as_ref().map(kind)))
}

/// What a group of problems is about, in words.
pub(super) fn about(group: &[&ProblemView]) -> Option<String> {
    let about: Vec<_> = group.iter().filter_map(|problem| problem.subject.as_ref()).collect();
    (!about.is_empty()).then(|| subjects(&about, subject))
}

/// What is wrong, since when, and what to do.
pub(super) fn problems(screen: &mut Screen<'_>, problems: &[ProblemView], now: Timestamp) {
    if problems.is_empty() {
        return;
    }
    screen.heading("Problems");
    for group in grouped(problems) {
        let (Some(problem), Some(since)) = (group.first(), group.iter().map(|problem| problem.since).min())
        else {
            continue;
        };
        let about = about(&group).map(|about| format!(" · {about}"));
        let line = Line::of(Tone::Bad, &problem.code)
            .text(about.unwrap_or_default())
            .then(Tone::Faint, format!(" · {}", lasting(since, now)));
        screen.hanging(2, &Line::of(Tone::Bad, "! "), &line);
        screen.hanging(4, &Line::new(), &Line::plain(&problem.detail));
        if !problem.remedy.is_empty() {
            screen.hanging(4, &Line::of(Tone::Accent, "→ "), &Line::plain(&problem.remedy));
        }
    }
}

#[cfg(test)]
mod tests;
