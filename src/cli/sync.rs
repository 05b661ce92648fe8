//! `meridian sync`: makes the agent look at everything now, and waits until the check-in that follows has ended.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use crate::clock::Clock;
use crate::control::client::{Client, ClientError};
use crate::control::view::{LastCheckin, StatusView};
use crate::domain::ids::Uid;
use crate::error::Exit;
use crate::paths::Paths;
use crate::wire::codes::ProblemCode;

/// How often the daemon is asked whether the check-in has ended.
const PAUSE: Duration = Duration::from_millis(200);

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Synced {
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// The check-in that ended after that.
    pub checkin: LastCheckin,
}

impl Synced {
    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        if self.checkin.succeeded { Exit::Fine } else { Exit::Failed }
    }
}

/// Orders a check-in and waits for its end.
///
/// # Errors
/// When the caller may not, the daemon does not answer, no portal is there, or `limit` is over.
pub(super) fn request(paths: &Paths, clock: &dyn Clock, limit: Duration) -> Result<Synced, Failure> {
    let client = Client::of(paths);
    if paths.is_system() && crate::platform::effective_uid() != Uid(0) {
        return Err(Failure::MustBeRoot("sync"));
    }
    let ordered_at = client.sync()?;
    wait(ordered_at, clock, limit, || client.status(), pause)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command in the foreground that waits for the daemon has nothing else to do"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

fn wait(
    ordered_at: Timestamp,
    clock: &dyn Clock,
    limit: Duration,
    mut ask: impl FnMut() -> Result<StatusView, ClientError>,
    mut pause: impl FnMut(),
) -> Result<Synced, Failure> {
    let start = clock.now();
    let length = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    loop {
        match ask() {
            Ok(status) => match (obstacle(&status), status.checkin.last) {
                (_, Some(checkin)) if checkin.at >= ordered_at => return Ok(Synced { ordered_at, checkin }),
                (Some(obstacle), _) => return Err(Failure::NoCheckin(obstacle)),
                _ => {}
            },
            // A daemon that is busy with the check-in may be late once.
            Err(ClientError::TimedOut(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let passed = clock.now().duration_since(start);
        if passed >= length || passed.is_negative() {
            return Err(Failure::SyncPending(limit));
        }
        pause();
    }
}

/// Why no check-in will follow, where that is so.
fn obstacle(status: &StatusView) -> Option<String> {
    const CODES: [&str; 2] = [ProblemCode::NoRootKey.code(), ProblemCode::NoToken.code()];
    if status.portal.url.is_none() {
        return Some("the profile names no PortalURL".to_owned());
    }
    let problem = status.health.problems.iter().find(|problem| CODES.contains(&problem.code.as_str()))?;
    Some(problem.detail.trim_end_matches('.').to_owned())
}

/// The screen.
#[must_use]
pub(super) fn render(synced: &Synced, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let (mark, verdict) = match synced.checkin.succeeded {
        true => (Line::of(Tone::Good, "✓ "), Line::of(Tone::Good, "Checked in")),
        false => (Line::of(Tone::Bad, "✗ "), Line::of(Tone::Bad, "The check-in failed")),
    };
    screen.hanging(0, &mark, &verdict.text(format!(": {}", synced.checkin.detail)));
    if !synced.checkin.succeeded {
        let step = Line::of(Tone::Accent, "meridian doctor").text(" tells what stands in the way");
        screen.hanging(2, &Line::of(Tone::Accent, "→ "), &step);
    }
    screen.finish()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW, screens};
    use super::*;
    use crate::clock::ManualClock;

    const SECOND: SignedDuration = SignedDuration::from_secs(1);

    fn last(at: Timestamp, succeeded: bool) -> LastCheckin {
        LastCheckin { at, succeeded, detail: "assignment 1764000017 taken".into() }
    }

    fn run(ends: Option<(u32, bool)>, status: StatusView) -> Result<Synced, Failure> {
        let clock = ManualClock::at(*NOW);
        let mut asked = 0;
        let ask = || {
            asked += 1;
            let mut status = status.clone();
            if let Some((_, succeeded)) = ends.filter(|(after, _)| asked > *after) {
                status.checkin.last = Some(last(clock.now(), succeeded));
            }
            if asked == 2 { Err(ClientError::TimedOut(PAUSE)) } else { Ok(status) }
        };
        wait(*NOW, &clock, Duration::from_secs(10), ask, || clock.advance(SECOND))
    }

    #[test]
    fn it_waits_for_a_check_in_that_ended_after_the_order() {
        let mut status = samples::status();
        status.checkin.last = Some(last(*NOW - SECOND, true));
        assert_eq!(run(Some((4, true)), status.clone()).unwrap().exit(), Exit::Fine);
        assert_eq!(run(Some((0, false)), status.clone()).unwrap().exit(), Exit::Failed);
        assert!(matches!(run(None, status.clone()), Err(Failure::SyncPending(_))));
        status.portal.url = None;
        assert!(matches!(run(None, status), Err(Failure::NoCheckin(_))));
    }

    #[test]
    fn the_result_is_one_line_and_a_next_step() {
        for (name, succeeded) in [("sync", true), ("sync_failed", false)] {
            let synced = Synced { ordered_at: *NOW, checkin: last(*NOW, succeeded) };
            screens(name, |style| render(&synced, style));
        }
    }
}
