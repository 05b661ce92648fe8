//! All about one setting.

use jiff::Timestamp;

use super::super::alike::{alike, kind, subjects};
use super::super::ink::{Line, Style, Tone};
use super::super::screen::{Column, Screen, Table};
use super::super::status::problems;
use super::super::words::{self, ago, count, lasting, maybe, subject};
use super::{compliance, decision, source, standing, verdict};
use crate::control::view::{OutcomeView, SettingView, SubjectStateView};

/// The cells of the labels' column.
const LABELS: usize = 13;

/// The screen.
#[must_use]
pub(super) fn render(setting: &SettingView, style: &Style, now: Timestamp) -> String {
    let mut screen = Screen::new(style);
    let (mark, value) = verdict(setting);
    let headline = Line::of(Tone::Strong, &setting.key).text(" is ").join(value);
    let standing = standing(setting);
    let headline = match standing.worst {
        Some(_) => headline.text(": ").join(standing.line()),
        None => headline,
    };
    screen.hanging(0, &mark.text(" "), &headline);
    screen.hanging(2, &Line::new(), &Line::of(Tone::Faint, &setting.title));
    screen.blank();
    screen.labelled(LABELS, "Decided by", &decided(setting, now));
    if let Some(key) = setting.winner.as_ref().and_then(|winner| winner.derived_from.as_ref()) {
        let because = Line::of(Tone::Accent, key).text(" is on, and implies this setting");
        screen.labelled(LABELS, "Because", &because);
    }
    for (index, loser) in setting.overridden.iter().enumerate() {
        let label = if index == 0 { "Overridden" } else { "" };
        let line = Line::plain(words::value(&loser.value))
            .then(Tone::Faint, format!("  {}: {}", source(loser.layer, &loser.origin), loser.reason));
        screen.labelled(LABELS, label, &line);
    }
    for (index, note) in setting.notes.iter().enumerate() {
        screen.labelled(LABELS, if index == 0 { "Note" } else { "" }, &Line::plain(note));
    }
    problems(&mut screen, &setting.problems, now);
    if !setting.subjects.is_empty() {
        screen.blank();
        screen.table(2, &objects(&setting.subjects, now));
    }
    reasons(&mut screen, &setting.subjects);
    screen.finish()
}

/// Why objects stand as they do, once for those that have the same reason.
fn reasons(screen: &mut Screen<'_>, states: &[SubjectStateView]) {
    let by_reason = |state: &SubjectStateView| {
        let (_, _, word) = compliance(state.compliance);
        (state.reason.clone(), word, kind(&state.subject))
    };
    for group in alike(states, by_reason) {
        let Some((first, reason)) = group.first().and_then(|first| Some((first, first.reason.as_ref()?)))
        else {
            continue;
        };
        let (tone, mark, _) = compliance(first.compliance);
        let about: Vec<_> = group.iter().map(|state| &state.subject).collect();
        let why = Line::of(Tone::Strong, subjects(&about, subject)).text(format!(": {reason}"));
        screen.hanging(2, &Line::of(tone, format!("{mark} ")), &why);
    }
}

fn decided(setting: &SettingView, now: Timestamp) -> Line {
    if setting.outcome == OutcomeView::Unmanaged {
        return Line::plain("nobody: no source names it, nothing touches it");
    }
    let since = setting.winner.as_ref().and_then(|winner| winner.since);
    let since = since.map(|since| format!(", {}", lasting(since, now))).unwrap_or_default();
    decision(setting).then(Tone::Faint, since)
}

fn objects(states: &[SubjectStateView], now: Timestamp) -> Table {
    let mut table = Table::of(vec![
        Column::giving_way("ON"),
        Column::giving_way("SET"),
        Column::giving_way("SEEN"),
        Column::firm("STATE"),
        Column::giving_way("DRIFT PUT RIGHT"),
    ]);
    for state in states {
        let (tone, mark, word) = compliance(state.compliance);
        table.row(vec![
            Line::plain(subject(&state.subject)),
            Line::plain(maybe(state.applied.as_ref())),
            Line::plain(maybe(state.observed.as_ref())),
            Line::of(tone, format!("{mark} {word}")),
            corrections(state, now),
        ]);
    }
    table
}

fn corrections(state: &SubjectStateView, now: Timestamp) -> Line {
    if state.corrections == 0 {
        return Line::of(Tone::Faint, "never");
    }
    let times = count(state.corrections, "time", "times");
    let last = state.last_correction.map(|at| format!(", last {}", ago(at, now))).unwrap_or_default();
    Line::plain(format!("{times}{last}"))
}
