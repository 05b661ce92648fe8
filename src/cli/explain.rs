//! `meridian explain`: which value of each setting holds, who says so, what it overrides, and what became of it.
//!
//! Without a key a table of all managed settings, the losers below their winners; with one, everything about it.

mod one;

use jiff::Timestamp;

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::nearest;
use super::screen::{Column, Screen, Table};
use super::words::{self, count, layer};
use crate::catalog::Key;
use crate::control::client::{Client, ClientError};
use crate::control::proto::{Refusal, RefusalCode};
use crate::control::view::{
    Compliance, ExplainView, LayerView, OutcomeView, SettingView, SubjectStateView, WinnerView,
};
use crate::paths::Paths;

/// Asks the daemon about one setting or about all.
///
/// # Errors
/// [`Failure::UnknownSetting`] for a key that is none, with the nearest ones; when the daemon does not answer.
pub fn request(paths: &Paths, key: Option<&str>) -> Result<ExplainView, Failure> {
    // The daemon's catalog decides: it may be of another release than this one.
    match (Client::of(paths).explain(key.map(str::to_owned)), key) {
        (Err(ClientError::Rejected(Refusal { code: RefusalCode::UnknownSetting, .. })), Some(key)) => {
            Err(unknown(key))
        }
        (result, _) => result.map_err(Failure::from),
    }
}

/// What is said of a key that is none.
pub(super) fn unknown(key: &str) -> Failure {
    let near = nearest::to(key, Key::all().map(Key::name));
    let hint = match near.as_slice() {
        [] => "`meridian explain` shows those that are managed".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    };
    Failure::UnknownSetting { key: key.to_owned(), hint }
}

/// The screen: all about one setting, or the table of the managed ones.
#[must_use]
pub fn render(view: &ExplainView, key: Option<&str>, style: &Style, now: Timestamp) -> String {
    match (key, view.settings.as_slice()) {
        (Some(_), [setting]) => one::render(setting, style, now),
        _ => render_all(view, style),
    }
}

fn render_all(view: &ExplainView, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let (managed, unmanaged): (Vec<_>, Vec<_>) = view.settings.iter().partition(|setting| is_shown(setting));
    screen.line(&summary(&managed));
    if !managed.is_empty() {
        screen.blank();
        screen.table(0, &table(&managed));
    }
    screen.blank();
    if !unmanaged.is_empty() {
        let rest = count(unmanaged.len() as u64, "setting is", "settings are");
        screen.line(&Line::of(
            Tone::Faint,
            format!("{rest} unmanaged: no source names them, nothing touches them."),
        ));
    }
    screen.line(&Line::of(Tone::Faint, "All about one: ").then(Tone::Accent, "meridian explain KEY"));
    screen.finish()
}

fn is_shown(setting: &SettingView) -> bool {
    setting.outcome != OutcomeView::Unmanaged
        || !setting.overridden.is_empty()
        || !setting.problems.is_empty()
}

/// The most important line: how many settings are managed, and how many are not as they should be.
fn summary(managed: &[&SettingView]) -> Line {
    if managed.is_empty() {
        return Line::plain("No setting is managed.");
    }
    let (policies, lifted, losers) = (
        managed.iter().filter(|setting| decided_by(setting) == Some(LayerView::Policy)).count() as u64,
        managed.iter().filter(|setting| setting.outcome == OutcomeView::Lifted).count() as u64,
        managed.iter().map(|setting| setting.overridden.len()).sum::<usize>() as u64,
    );
    let troubled = managed.iter().filter(|setting| standing(setting).is_trouble()).count() as u64;
    let mut line = Line::of(Tone::Strong, count(managed.len() as u64, "managed setting", "managed settings"));
    for (number, tone, words) in [
        (policies, Tone::Plain, format!("{policies} by policy")),
        (lifted, Tone::Plain, format!("{lifted} lifted")),
        (losers, Tone::Plain, format!("{} overridden", count(losers, "value", "values"))),
        (troubled, Tone::Bad, format!("{troubled} not as it should be")),
    ] {
        if number > 0 {
            line = line.text(" · ").then(tone, words);
        }
    }
    line
}

fn decided_by(setting: &SettingView) -> Option<LayerView> {
    setting.winner.as_ref().map(|winner| winner.layer)
}

fn table(managed: &[&SettingView]) -> Table {
    let mut table = Table::of(vec![
        Column::giving_way("SETTING"),
        Column::giving_way("VALUE"),
        Column::giving_way("DECIDED BY"),
        Column::firm("STATE"),
    ]);
    for setting in managed {
        let (mark, value) = verdict(setting);
        let key = mark.text(" ").text(&setting.key);
        table.row(vec![key, value, decision(setting), standing(setting).line()]);
        for (index, loser) in setting.overridden.iter().enumerate() {
            let branch = if index + 1 == setting.overridden.len() { "└ " } else { "├ " };
            let source = Line::of(Tone::Faint, branch)
                .then(Tone::Faint, source(loser.layer, &loser.origin))
                .then(Tone::Faint, format!(": {}", loser.reason));
            let value = Line::of(Tone::Faint, words::value(&loser.value));
            table.row(vec![Line::new(), value, source, Line::of(Tone::Faint, "overridden")]);
        }
    }
    table
}

/// The mark of a setting and its value.
fn verdict(setting: &SettingView) -> (Line, Line) {
    let value = match (setting.outcome, &setting.value) {
        (OutcomeView::Lifted, _) => Line::of(Tone::Strong, "lifted"),
        (OutcomeView::Undecided, _) => Line::of(Tone::Warning, "undecided"),
        (_, Some(value)) => Line::of(Tone::Strong, words::value(value)),
        (_, None) => Line::of(Tone::Faint, "–"),
    };
    let standing = standing(setting);
    (Line::of(standing.tone(), standing.mark()), value)
}

/// Who says so, in a few words.
fn decision(setting: &SettingView) -> Line {
    match (&setting.winner, setting.outcome) {
        (Some(winner), _) => decider(winner),
        (None, OutcomeView::Lifted) => Line::plain("the policy names it not, so it is taken off"),
        (None, OutcomeView::Undecided) => Line::of(Tone::Warning, "only a bad value names it"),
        (None, _) => Line::of(Tone::Faint, "nobody"),
    }
}

/// The winner in words.
fn decider(winner: &WinnerView) -> Line {
    let line = Line::plain(source(winner.layer, &winner.origin));
    match &winner.derived_from {
        Some(key) => line.then(Tone::Accent, format!(" by {key}")),
        None => line,
    }
}

/// A layer and where it comes from.
fn source(kind: LayerView, origin: &str) -> String {
    match origin {
        "" => layer(kind).to_owned(),
        origin => format!("{} {origin}", layer(kind)),
    }
}

/// How a setting stands on all its objects: the worst that was seen counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    worst: Option<Compliance>,
    /// On how many objects it is the worst.
    such: usize,
    all: usize,
    bad_value: bool,
}

fn standing(setting: &SettingView) -> Standing {
    let worst =
        setting.subjects.iter().map(|state| state.compliance).max_by_key(|compliance| severity(*compliance));
    let such = |state: &&SubjectStateView| Some(state.compliance) == worst;
    Standing {
        worst,
        such: setting.subjects.iter().filter(such).count(),
        all: setting.subjects.len(),
        bad_value: !setting.problems.is_empty(),
    }
}

const fn severity(compliance: Compliance) -> u8 {
    match compliance {
        Compliance::Compliant => 0,
        Compliance::Unsupported => 1,
        Compliance::Pending => 2,
        Compliance::Drifted => 3,
        Compliance::Failed => 4,
        Compliance::Violated => 5,
    }
}

/// Compliance in a word.
const fn compliance(compliance: Compliance) -> (Tone, &'static str, &'static str) {
    match compliance {
        Compliance::Compliant => (Tone::Good, "✓", "kept"),
        Compliance::Drifted => (Tone::Warning, "!", "drifted"),
        Compliance::Failed => (Tone::Bad, "✗", "failed"),
        Compliance::Unsupported => (Tone::Faint, "–", "unsupported"),
        Compliance::Pending => (Tone::Faint, "…", "pending"),
        Compliance::Violated => (Tone::Bad, "✗", "violated"),
    }
}

impl Standing {
    const fn is_trouble(self) -> bool {
        self.bad_value
            || matches!(self.worst, Some(Compliance::Drifted | Compliance::Failed | Compliance::Violated))
    }

    const fn tone(self) -> Tone {
        match self.worst {
            Some(worst) if severity(worst) > 2 || !self.bad_value => compliance(worst).0,
            _ if self.bad_value => Tone::Warning,
            _ => Tone::Faint,
        }
    }

    const fn mark(self) -> &'static str {
        match self.worst {
            Some(worst) if severity(worst) > 2 || !self.bad_value => compliance(worst).1,
            _ if self.bad_value => "!",
            _ => "·",
        }
    }

    fn line(self) -> Line {
        let Some(worst) = self.worst else {
            return if self.bad_value {
                Line::of(Tone::Warning, "bad value")
            } else {
                Line::of(Tone::Faint, "–")
            };
        };
        let (tone, _, word) = compliance(worst);
        let of = if self.all > 1 { format!("{} of {} ", self.such, self.all) } else { String::new() };
        let line = Line::of(tone, format!("{of}{word}"));
        if self.bad_value { line.then(Tone::Warning, ", bad value") } else { line }
    }
}

#[cfg(test)]
mod tests;
