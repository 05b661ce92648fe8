//! `meridian license`: how the license stands, its lease, its next verification, and what happens next.

use jiff::Timestamp;
use serde::Serialize;

use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::status::{Seen, Source, silence};
use super::words::{ago, due, span, word};
use crate::control::view::{LeaseView, LicenseView, NextStep, VerificationView};
use crate::domain::license::LicenseState;
use crate::license::Stage;

/// The cells of the labels' column.
const LABELS: usize = 14;

/// A license, and where what is said of it comes from.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    /// `daemon`, or `file` when the daemon does not answer.
    pub source: Source,
    /// Why the daemon did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<&'a str>,
    /// When it was put together.
    pub written_at: Timestamp,
    /// The license.
    pub license: &'a LicenseView,
}

impl<'a> Shown<'a> {
    /// The license of a status.
    #[must_use]
    pub(super) fn of(seen: &'a Seen) -> Self {
        let unreachable = seen.unreachable.as_deref();
        Self {
            source: seen.source,
            unreachable,
            written_at: seen.view.written_at,
            license: &seen.view.license,
        }
    }
}

/// The screen.
#[must_use]
pub(super) fn render(shown: &Shown<'_>, style: &Style, now: Timestamp) -> String {
    let (view, mut screen) = (shown.license, Screen::new(style));
    silence(&mut screen, shown.unreachable, shown.written_at, now);
    screen.labelled(LABELS, "License", &stage(view.stage));
    screen.labelled(LABELS, "On this Mac", &on_this_mac(view));
    if let Some(key) = &view.on_mac.key {
        let parent = view.on_mac.parent.as_ref().map(|key| format!(", a sublicense of {key}"));
        screen.labelled(LABELS, "Key", &Line::plain(format!("{key}{}", parent.unwrap_or_default())));
    }
    if let Some(user) = &view.on_mac.user {
        screen.labelled(LABELS, "User", &Line::plain(user));
    }
    if let Some(end) = view.on_mac.main_period_ends_at {
        screen.labelled(LABELS, "Paid until", &Line::plain(format!("{end:.0}")));
    }
    screen.labelled(LABELS, "Lease", &lease(view.lease.as_ref(), now));
    screen.labelled(LABELS, "Verification", &verification(&view.verification, now));
    if let Some(deactivation) = &view.deactivation {
        let by =
            deactivation.order.as_ref().map_or_else(|| "by hand".to_owned(), |id| format!("order “{id}”"));
        let line = Line::plain(format!("{}, {by}", ago(deactivation.at, now)));
        let line = match deactivation.told_at {
            Some(_) => line.then(Tone::Faint, "; the portal knows"),
            None => line.then(Tone::Warning, "; the portal does not know yet"),
        };
        screen.labelled(LABELS, "Given back", &line);
    }
    if let Some(trouble) = view.reactivation.as_ref().and_then(|way| way.trouble.as_ref()) {
        screen.labelled(LABELS, "Activation", &Line::of(Tone::Bad, "failed").text(format!(": {trouble}")));
    }
    screen.labelled(LABELS, "Next", &next(view, now));
    screen.finish()
}

/// The line in `meridian status`.
#[must_use]
pub(super) fn line(view: &LicenseView, now: Timestamp) -> Line {
    let edition = view.on_mac.edition.as_ref().map(|edition| format!(", {edition}")).unwrap_or_default();
    let line = stage(view.stage).text(edition);
    match view.next.step {
        NextStep::Nothing => line,
        _ => line.then(Tone::Faint, "; next: ").join(next(view, now)),
    }
}

fn stage(stage: Stage) -> Line {
    let (tone, words) = match stage {
        Stage::Unknown => (Tone::Faint, "not known yet"),
        Stage::Unlicensed => (Tone::Plain, "none"),
        Stage::Active => (Tone::Good, "active"),
        Stage::VerificationDue => (Tone::Plain, "active, verification due"),
        Stage::InGrace => (Tone::Warning, "not verified in time, in its grace"),
        Stage::Unverified => (Tone::Bad, "unverified, past its grace"),
        Stage::Suspended => (Tone::Warning, "suspended by the portal"),
        Stage::Revoked => (Tone::Bad, "taken away by the portal"),
        Stage::Released => (Tone::Plain, "given back, the seat is free"),
    };
    Line::of(tone, words)
}

fn on_this_mac(view: &LicenseView) -> Line {
    let state = match view.on_mac.state {
        LicenseState::Unknown => return Line::of(Tone::Faint, "could not be found out"),
        LicenseState::None => return Line::plain("Parallels Desktop is not activated"),
        state => state.name(),
    };
    let mut words = vec![state.to_owned()];
    words.extend(view.on_mac.edition.clone());
    words.extend(view.on_mac.activation.map(|kind| format!("activated with {}", kind.name())));
    words.extend(view.on_mac.trial.filter(|trial| *trial).map(|_| "trial".to_owned()));
    Line::plain(words.join(", "))
}

fn lease(lease: Option<&LeaseView>, now: Timestamp) -> Line {
    let Some(lease) = lease else { return Line::of(Tone::Faint, "none from the portal yet") };
    let line = Line::plain(format!(
        "{} {}, {}",
        word(&lease.product).replace('_', " "),
        lease.license,
        word(&lease.state)
    ));
    let seat = lease.seat.as_ref().map(|seat| format!(", seat {seat}")).unwrap_or_default();
    let grace = match lease.grace_until > now {
        true => format!("; its grace ends {}", due(lease.grace_until, now)),
        false => format!("; its grace ended {}", ago(lease.grace_until, now)),
    };
    line.then(Tone::Faint, format!("{seat} · number {}{grace}", lease.seq))
}

fn verification(view: &VerificationView, now: Timestamp) -> Line {
    let line = match (view.since, view.next_at) {
        (Some(since), _) => Line::plain(format!("under way for {}", span(now.duration_since(since)))),
        (None, Some(at)) => Line::plain(due(at, now)),
        (None, None) => Line::of(Tone::Faint, "none is planned"),
    };
    let line = match view.failures {
        0 => line,
        1 => line.then(Tone::Warning, "; the last one failed"),
        failures => line.then(Tone::Warning, format!("; the last {failures} failed")),
    };
    match &view.denied {
        Some(reason) => line.then(Tone::Warning, format!(", denied by the portal: {reason}")),
        None => line,
    }
}

fn next(view: &LicenseView, now: Timestamp) -> Line {
    let when = |words: &str| match view.next.at {
        Some(at) => Line::plain(format!("{words} {}", due(at, now))),
        None => Line::plain(format!("{words} now")),
    };
    match view.next.step {
        NextStep::Nothing => Line::of(Tone::Faint, "nothing is to be done"),
        NextStep::Verify => when("it is verified"),
        NextStep::Release => Line::plain("the portal is told that the seat is free"),
        NextStep::Activate => when("the key in Parallels' profile is installed"),
        NextStep::SignIn => Line::of(Tone::Warning, "the user has to open Parallels Desktop and sign in"),
        NextStep::Activation => Line::plain("Parallels Desktop has to be activated"),
        NextStep::Portal => Line::plain("nothing, until the portal says otherwise"),
    }
}

#[cfg(test)]
mod tests;
