//! `meridian explain`: which value of each setting holds, who says so, what it overrides, and what became of it.
//!
//! Without a key a table of all managed settings, the losers below their winners; with one, everything about it.

mod one;

use jiff::Timestamp;

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::{Column, Screen, Table};
use super::words::{self, count, layer};
use crate::catalog::Key;
use crate::control::client::{Client, ClientError};
use crate::control::proto::{Refusal, RefusalCode};
use crate::control::view::{ExplainView, LayerView, OutcomeView, ProblemView, SettingView, SubjectStateView};
use crate::domain::compliance::Compliance;
use crate::domain::keyed::Keyed as _;
use crate::domain::nearest;
use crate::paths::Paths;
use crate::wire::codes::ProblemCode;

/// The cells of the column that names a layer.
const LAYERS: usize = 23;

/// Asks the daemon about one setting or about all.
///
/// # Errors
/// [`Failure::UnknownSetting`] for a key that is none, with the nearest ones; when the daemon does not answer.
pub(super) fn request(paths: &Paths, key: Option<&str>) -> Result<ExplainView, Failure> {
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
pub(super) fn render(view: &ExplainView, key: Option<&str>, style: &Style, now: Timestamp) -> String {
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
        sources(&mut screen, &managed);
    }
    screen.blank();
    let rest = match unmanaged.len() {
        0 => None,
        1 => Some("1 setting is unmanaged: no source names it, nothing touches it.".to_owned()),
        many => Some(format!("{many} settings are unmanaged: no source names them, nothing touches them.")),
    };
    if let Some(rest) = rest {
        screen.line(&Line::of(Tone::Faint, rest));
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
        (losers, Tone::Plain, format!("{losers} overridden")),
        (troubled, Tone::Bad, count(troubled, "needs attention", "need attention")),
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
        Column::whole("SETTING"),
        Column::giving_way_first("VALUE"),
        Column::firm("DECIDED BY"),
        Column::firm("STATE"),
    ]);
    for setting in managed {
        let (mark, value) = match (setting.outcome, verdict(setting)) {
            // The state says so already, in a column that is wide enough for it.
            (OutcomeView::Undecided, (mark, _)) => (mark, Line::of(Tone::Warning, "–")),
            (_, verdict) => verdict,
        };
        let decided = match (&setting.winner, setting.outcome) {
            (Some(winner), _) => Line::plain(layer(winner.layer)),
            (None, OutcomeView::Lifted) => Line::plain("policy"),
            (None, _) => Line::of(Tone::Faint, "nobody"),
        };
        table.row(vec![mark.text(" ").text(&setting.key), value, decided, standing(setting).line()]);
        let remarks = remarks(setting);
        for (index, remark) in remarks.iter().enumerate() {
            let branch = if index + 1 == remarks.len() { "  └ " } else { "  ├ " };
            table.note(Line::of(Tone::Faint, branch), remark.clone());
        }
    }
    table
}

/// What the row of a setting has no room for: what implies it, what it overrides, what is wrong.
fn remarks(setting: &SettingView) -> Vec<Line> {
    let derived = setting.winner.as_ref().and_then(|winner| winner.derived_from.as_ref());
    let derived = derived.map(|key| Line::of(Tone::Faint, "implied by ").then(Tone::Accent, key));
    let lifted = (setting.outcome == OutcomeView::Lifted)
        .then(|| Line::of(Tone::Faint, "the policy does not name it, so it is taken off"));
    let losers = setting.overridden.iter().map(|loser| {
        let says = format!("{} says {}", layer(loser.layer), words::value(&loser.value));
        Line::of(Tone::Faint, format!("{says}; {}", loser.reason))
    });
    let notes = setting.notes.iter().map(|note| Line::of(Tone::Faint, note));
    let bad = setting.problems.iter().map(|problem| Line::of(Tone::Warning, particular(problem)));
    derived.into_iter().chain(lifted).chain(losers).chain(notes).chain(bad).collect()
}

/// A problem without the sentence that explains its code, where more than that is said.
fn particular(problem: &ProblemView) -> &str {
    let explanation = problem.code.parse().map_or("", ProblemCode::explanation);
    match problem.detail.strip_prefix(explanation).map(str::trim_start) {
        Some(more) if !more.is_empty() => more,
        _ => &problem.detail,
    }
}

/// What stands behind the names of the layers, the highest first.
fn sources(screen: &mut Screen<'_>, managed: &[&SettingView]) {
    let winners = managed.iter().filter_map(|setting| setting.winner.as_ref());
    let winners = winners.map(|winner| (winner.layer, winner.origin.as_str()));
    let losers = managed.iter().flat_map(|setting| &setting.overridden);
    let losers = losers.map(|loser| (loser.layer, loser.origin.as_str()));
    let all = winners.chain(losers).distinct();
    if !all.is_empty() {
        screen.blank();
    }
    for (kind, origin) in all.into_iter().rev() {
        screen.labelled(LAYERS, layer(kind), &Line::plain(origin));
    }
}

/// The mark of a setting and its value.
fn verdict(setting: &SettingView) -> (Line, Line) {
    let value = match (setting.outcome, &setting.value) {
        (OutcomeView::Lifted, _) => Line::of(Tone::Strong, "lifted"),
        (OutcomeView::Undecided, _) => Line::of(Tone::Warning, "undecided"),
        (_, Some(value)) => Line::of(Tone::Strong, words::value(value)),
        (_, None) => Line::of(Tone::Faint, "unmanaged"),
    };
    let standing = standing(setting);
    (Line::of(standing.tone(), standing.mark()), value)
}

/// Who says so, in a few words.
fn decision(setting: &SettingView) -> Line {
    match (&setting.winner, setting.outcome) {
        (Some(winner), _) => Line::plain(source(winner.layer, &winner.origin)),
        (None, OutcomeView::Lifted) => Line::plain("the policy, which does not name it, so it is taken off"),
        (None, OutcomeView::Undecided) => Line::of(Tone::Warning, "only a bad value names it"),
        (None, _) => Line::of(Tone::Faint, "nobody"),
    }
}

/// A layer and where it comes from.
fn source(kind: LayerView, origin: &str) -> String {
    match origin {
        "" => layer(kind).to_owned(),
        origin => format!("{} {origin}", layer(kind)),
    }
}

/// How a setting stands on all its objects: the weightiest state counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    worst: Option<Compliance>,
    /// On how many objects it is the worst.
    such: usize,
    all: usize,
    bad_value: bool,
}

fn standing(setting: &SettingView) -> Standing {
    let such = |state: &&SubjectStateView| Some(state.compliance) == setting.state;
    Standing {
        worst: setting.state,
        such: setting.subjects.iter().filter(such).count(),
        all: setting.subjects.len(),
        bad_value: !setting.problems.is_empty(),
    }
}

/// Compliance in a word.
const fn compliance(compliance: Compliance) -> (Tone, &'static str, &'static str) {
    match compliance {
        Compliance::Idle => (Tone::Faint, "·", "no machine"),
        Compliance::Unsupported => (Tone::Faint, "–", "unsupported"),
        Compliance::Heeded => (Tone::Plain, "·", "heeded"),
        Compliance::Unshown => (Tone::Plain, "·", "set, not shown"),
        Compliance::Local => (Tone::Plain, "·", "holds locally"),
        Compliance::Compliant => (Tone::Good, "✓", "kept"),
        Compliance::Pending => (Tone::Faint, "…", "pending"),
        Compliance::Drifted => (Tone::Warning, "!", "drifted"),
        Compliance::Failed => (Tone::Bad, "✗", "failed"),
        Compliance::Violated => (Tone::Bad, "✗", "violated"),
    }
}

/// Whether somebody should look at it.
const fn is_trouble(compliance: Compliance) -> bool {
    matches!(compliance, Compliance::Drifted | Compliance::Failed | Compliance::Violated)
}

impl Standing {
    const fn is_trouble(self) -> bool {
        self.bad_value
            || match self.worst {
                Some(worst) => is_trouble(worst),
                None => false,
            }
    }

    const fn tone(self) -> Tone {
        match self.worst {
            Some(worst) if is_trouble(worst) || !self.bad_value => compliance(worst).0,
            _ if self.bad_value => Tone::Warning,
            _ => Tone::Faint,
        }
    }

    const fn mark(self) -> &'static str {
        match self.worst {
            Some(worst) if is_trouble(worst) || !self.bad_value => compliance(worst).1,
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
        if self.bad_value && worst == Compliance::Unsupported {
            return Line::of(Tone::Warning, "bad value");
        }
        let (tone, _, word) = compliance(worst);
        let of = if self.all > 1 && self.such > 0 {
            format!("{} of {} ", self.such, self.all)
        } else {
            String::new()
        };
        let line = Line::of(tone, format!("{of}{word}"));
        if self.bad_value { line.then(Tone::Warning, ", bad value") } else { line }
    }
}

#[cfg(test)]
mod tests;
