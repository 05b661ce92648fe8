//! `meridian updates`: which version of Parallels Desktop is allowed, which is held back and why.

pub(super) mod check;

use jiff::Timestamp;
use serde::Serialize;

use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::status::{Seen, Source, silence};
use super::words::{ago, count, due, value};
use crate::control::view::{FeedView, UpdatesView};

/// The cells of the labels' column.
const LABELS: usize = 14;

/// What is decided of updates, and where that comes from.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    /// `daemon`, or `file` when the daemon does not answer.
    pub source: Source,
    /// Why the daemon did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<&'a str>,
    /// When it was put together.
    pub written_at: Timestamp,
    /// It; `None` where no setting is about updates.
    pub updates: Option<&'a UpdatesView>,
}

impl<'a> Shown<'a> {
    /// The updates of a status.
    #[must_use]
    pub(super) fn of(seen: &'a Seen) -> Self {
        Self {
            source: seen.source,
            unreachable: seen.unreachable.as_deref(),
            written_at: seen.view.written_at,
            updates: seen.view.parallels.updates.as_ref(),
        }
    }
}

/// The screen.
#[must_use]
pub(super) fn render(shown: &Shown<'_>, style: &Style, now: Timestamp) -> String {
    let mut screen = Screen::new(style);
    silence(&mut screen, shown.unreachable, shown.written_at, now);
    let Some(view) = shown.updates else {
        screen.line(&Line::plain(
            "No setting is about updates: nothing is looked for, and nothing is held back.",
        ));
        return screen.finish();
    };
    screen.line(&verdict(view));
    screen.blank();
    screen.labelled(LABELS, "Installed", &version(view.installed.as_ref(), "not known"));
    screen.labelled(LABELS, "Available", &version(view.available.as_ref(), "nothing newer"));
    screen.labelled(LABELS, "Allowed", &version(view.allowed.as_ref(), "nothing newer"));
    for (index, held) in view.held.iter().enumerate() {
        let label = if index == 0 { "Held back" } else { "" };
        let line = Line::plain(&held.version).then(Tone::Faint, format!(": {}", held.reason.words()));
        screen.labelled(LABELS, label, &line);
    }
    if let Some(major) = view.kept_major {
        screen.labelled(LABELS, "Kept", &Line::plain(format!("major version {major}")));
    }
    feed(&mut screen, view.feed.as_ref(), now);
    for passed in &view.passed {
        let line = Line::of(Tone::Strong, &passed.key).text(format!(": {}", passed.detail));
        screen.hanging(0, &Line::of(Tone::Bad, "✗ "), &line);
    }
    screen.heading("Settings");
    for setting in &view.settings {
        let how = match setting.enforced {
            true => "set in each user's own preferences",
            false => "no lever is known: decided and reported",
        };
        let line = Line::of(Tone::Accent, &setting.key).text(format!(" is {}", value(&setting.value)));
        screen.hanging(2, &Line::new(), &line);
        screen.hanging(4, &Line::new(), &Line::of(Tone::Faint, how));
    }
    screen.finish()
}

/// The line in `meridian status`.
#[must_use]
pub(super) fn verdict(view: &UpdatesView) -> Line {
    let held =
        view.held.first().map(|held| format!("{} is held back: {}", held.version, held.reason.words()));
    let line = match (view.passed.first(), &view.allowed, &held) {
        (Some(passed), ..) => {
            return Line::of(Tone::Bad, "What is held back is installed")
                .text(format!(": {}", passed.detail));
        }
        (None, Some(allowed), _) => Line::of(Tone::Good, format!("{allowed} is allowed")),
        (None, None, Some(_)) => Line::plain("Nothing is allowed"),
        (None, None, None) => match view.feed.as_ref().map(|feed| feed.read_at) {
            None => Line::of(Tone::Faint, "No feed is read"),
            Some(None) => Line::of(Tone::Faint, "The feed was not read yet"),
            Some(Some(_)) => Line::plain("Nothing newer is offered"),
        },
    };
    match held {
        Some(held) => line.text("; ").then(Tone::Warning, held),
        None => line,
    }
}

fn version(version: Option<&String>, none: &str) -> Line {
    version.map_or_else(|| Line::of(Tone::Faint, none), Line::plain)
}

fn feed(screen: &mut Screen<'_>, feed: Option<&FeedView>, now: Timestamp) {
    let Some(feed) = feed else {
        screen.labelled(LABELS, "Feed", &Line::of(Tone::Faint, "none is asked for"));
        return;
    };
    let whose = if feed.local { "  the local update server" } else { "  Parallels" };
    screen.labelled(LABELS, "Feed", &Line::plain(&feed.address).then(Tone::Faint, whose));
    let read = feed.read_at.map_or_else(|| "never read".to_owned(), |at| format!("read {}", ago(at, now)));
    let line = Line::plain(read).then(Tone::Faint, format!("; next {}", due(feed.next_at, now)));
    screen.labelled(LABELS, "", &line);
    if feed.flaws > 0 {
        let entries = count(u64::from(feed.flaws), "entry does", "entries do");
        let line = Line::of(Tone::Warning, format!("{entries} not count"))
            .then(Tone::Faint, "; meridian updates check-feed FILE says why");
        screen.labelled(LABELS, "", &line);
    }
    if let Some(trouble) = &feed.trouble {
        screen.labelled(LABELS, "", &Line::of(Tone::Bad, "failed").text(format!(": {trouble}")));
    }
}

#[cfg(test)]
mod tests;
