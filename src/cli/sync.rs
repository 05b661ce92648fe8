//! `meridian sync`: makes the agent look at everything now, and waits until the check-in that follows has ended.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::pause::pause;
use super::screen::Screen;
use super::status::no_portal;
use crate::clock::Clock;
use crate::control::client::{Client, ClientError};
use crate::control::view::{HealthState, LastCheckin, ProblemView, StatusView};
use crate::domain::ids::Uid;
use crate::error::Exit;
use crate::paths::Paths;
use crate::wire::codes::ProblemCode;

/// How often the daemon is asked whether the check-in has ended.
const PAUSE: Duration = Duration::from_millis(200);

/// The least time that a question has.
const LEAST: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Synced {
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// The check-in that ended after that.
    pub checkin: LastCheckin,
    /// Why what it brought does not hold: it could not be written down, or the agent refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemView>,
}

impl Synced {
    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        if self.checkin.succeeded && self.problem.is_none() { Exit::Fine } else { Exit::Failed }
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
    let limits = Limits { start: clock.now(), limit };
    let ordered_at = client.clone().within(limits.question(clock)).sync()?;
    wait(
        ordered_at,
        (clock, limits),
        || client.clone().within(limits.question(clock)).status(),
        || pause(PAUSE),
    )
}

/// How long the command may take as a whole.
#[derive(Debug, Clone, Copy)]
struct Limits {
    start: Timestamp,
    limit: Duration,
}

impl Limits {
    /// What is left of the time. A clock that was set back ends it.
    fn left(self, clock: &dyn Clock) -> Duration {
        let passed = Duration::try_from(clock.now().duration_since(self.start)).unwrap_or(Duration::MAX);
        self.limit.saturating_sub(passed)
    }

    /// How long a question may take: no longer than what is left.
    fn question(self, clock: &dyn Clock) -> Duration {
        self.left(clock).clamp(LEAST, crate::control::client::LIMIT)
    }
}

fn wait(
    ordered_at: Timestamp,
    (clock, limits): (&dyn Clock, Limits),
    mut ask: impl FnMut() -> Result<StatusView, ClientError>,
    mut pause: impl FnMut(),
) -> Result<Synced, Failure> {
    loop {
        let (pending, silent) = match ask() {
            Ok(status) => match (obstacle(&status), &status.checkin.last) {
                (_, Some(checkin)) if checkin.at >= ordered_at => {
                    return Ok(Synced { ordered_at, checkin: checkin.clone(), problem: problem(&status) });
                }
                (Some(obstacle), _) => return Err(Failure::NoCheckin(obstacle)),
                _ => (pending(&status, clock.now()), None),
            },
            // A daemon that is busy with the check-in may be late once.
            Err(error @ ClientError::TimedOut(_)) => (String::new(), Some(error)),
            Err(error) => return Err(error.into()),
        };
        if limits.left(clock) <= PAUSE {
            let late = Failure::SyncPending { limit: limits.limit, pending };
            return Err(silent.map_or(late, Failure::Client));
        }
        pause();
    }
}

/// Why what the check-in brought does not hold, where that is so: the portal answered, and the agent did not take it.
fn problem(status: &StatusView) -> Option<ProblemView> {
    const REFUSED: [&str; 5] = [
        ProblemCode::KeysetInvalid.code(),
        ProblemCode::AssignmentSignature.code(),
        ProblemCode::AssignmentForeign.code(),
        ProblemCode::AssignmentRollback.code(),
        ProblemCode::AssignmentEquivocation.code(),
    ];
    // What could not be written about an object is no part of a check-in.
    let unsaved = |problem: &&ProblemView| {
        problem.code == ProblemCode::StateWriteFailed.code() && problem.subject.is_none()
    };
    let refused = |problem: &&ProblemView| REFUSED.contains(&problem.code.as_str());
    status.health.problems.iter().find(|problem| unsaved(problem) || refused(problem)).cloned()
}

/// What the check-in waits for.
fn pending(status: &StatusView, now: Timestamp) -> String {
    let has = |code: ProblemCode| status.health.problems.iter().any(|problem| problem.code == code.code());
    match &status.checkin.next {
        _ if has(ProblemCode::StateWriteFailed) => {
            "the disk does not take what the agent has to remember".to_owned()
        }
        _ if status.health.state == HealthState::Starting => "the agent still looks at this Mac".to_owned(),
        Some(next) if next.at > now => format!("the next request leaves at {:.0} ({})", next.at, next.reason),
        _ => "the portal has not answered yet".to_owned(),
    }
}

/// Why no check-in will follow, where that is so.
fn obstacle(status: &StatusView) -> Option<String> {
    const CODES: [&str; 2] = [ProblemCode::NoRootKey.code(), ProblemCode::NoToken.code()];
    let malformed = status.health.problems.iter().find(|problem| {
        let names = ["PortalURL:", "PortalRootKey:"];
        problem.code == ProblemCode::ProfileKeyInvalid.code()
            && names.iter().any(|name| problem.detail.contains(name))
    });
    if let Some(problem) = malformed {
        return Some(problem.detail.clone());
    }
    if status.portal.url.is_none() {
        return Some(no_portal(&status.health.problems).to_owned());
    }
    let problem = status.health.problems.iter().find(|problem| CODES.contains(&problem.code.as_str()))?;
    Some(problem.detail.trim_end_matches('.').to_owned())
}

/// The screen.
#[must_use]
pub(super) fn render(synced: &Synced, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let succeeded = synced.checkin.succeeded;
    let (tone, mark, verdict, detail) = match &synced.problem {
        Some(problem) if succeeded => (Tone::Bad, "✗ ", lost(problem), &problem.detail),
        _ if succeeded => (Tone::Good, "✓ ", "Checked in", &synced.checkin.detail),
        _ => (Tone::Bad, "✗ ", "The check-in failed", &synced.checkin.detail),
    };
    let between = if verdict.ends_with('.') { "" } else { ":" };
    screen.hanging(0, &Line::of(tone, mark), &Line::of(tone, verdict).text(format!("{between} {detail}")));
    if let Some(problem) = synced.problem.as_ref().filter(|_| succeeded) {
        screen.hanging(2, &Line::of(Tone::Accent, "→ "), &Line::plain(&problem.remedy));
    }
    if !succeeded {
        let step = Line::of(Tone::Accent, "meridian doctor").text(" tells what stands in the way");
        screen.hanging(2, &Line::of(Tone::Accent, "→ "), &step);
    }
    screen.finish()
}

fn lost(problem: &ProblemView) -> &'static str {
    if problem.code == ProblemCode::StateWriteFailed.code() {
        "Checked in, but what that brought is not kept."
    } else {
        "Checked in, but what the portal sent does not hold."
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW, screens};
    use jiff::SignedDuration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::control::view::NextCheckin;

    const SECOND: SignedDuration = SignedDuration::from_secs(1);

    fn last(at: Timestamp, succeeded: bool) -> LastCheckin {
        LastCheckin { at, succeeded, detail: "assignment 1764000017 taken".into() }
    }

    fn problem(code: ProblemCode, detail: &str) -> ProblemView {
        ProblemView {
            code: code.code().into(),
            since: *NOW,
            detail: detail.into(),
            remedy: code.remedy().into(),
            subject: None,
        }
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
        let limits = Limits { start: *NOW, limit: Duration::from_secs(10) };
        let outcome = wait(*NOW, (&clock, limits), ask, || clock.advance(SECOND));
        assert!(clock.now().duration_since(*NOW).as_secs() <= 10, "it keeps its limit");
        outcome
    }

    #[test]
    fn it_waits_for_a_check_in_that_ended_after_the_order() {
        let mut status = samples::status();
        status.checkin.last = Some(last(*NOW - SECOND, true));
        assert_eq!(run(Some((4, true)), status.clone()).unwrap().exit(), Exit::Fine);
        assert_eq!(run(Some((0, false)), status.clone()).unwrap().exit(), Exit::Failed);
        for code in [ProblemCode::StateWriteFailed, ProblemCode::AssignmentSignature] {
            let mut troubled = status.clone();
            troubled.health.problems.push(problem(code, "no good"));
            let synced = run(Some((0, true)), troubled).unwrap();
            assert_eq!((synced.exit(), synced.problem.unwrap().detail.as_str()), (Exit::Failed, "no good"));
        }
        let complaint = |status: &StatusView| run(None, status.clone()).unwrap_err().to_string();
        let says = |status: &StatusView, words: &str| {
            let complaint = complaint(status);
            assert!(complaint.contains(words), "{complaint}");
        };
        status.health.problems.clear();
        status.checkin.next =
            Some(NextCheckin { at: *NOW + SECOND * 60, reason: "retry after 3 failures".into() });
        says(&status, "within 10 s and goes on: the next request leaves at");
        says(&status, "(retry after 3 failures); see: meridian status");
        status.checkin.next = None;
        says(&status, "the portal has not answered yet");
        status.health.state = HealthState::Starting;
        says(&status, "the agent still looks at this Mac");
        status.health.problems = vec![problem(ProblemCode::StateWriteFailed, "")];
        says(&status, "the disk does not take");
        status.health.problems =
            vec![problem(ProblemCode::ProfileKeyInvalid, "PortalRootKey: expected a key")];
        says(&status, "no check-in to wait for: PortalRootKey: expected a key");
        status.portal.url = None;
        assert!(matches!(run(None, status), Err(Failure::NoCheckin(_))));
    }

    #[test]
    fn a_daemon_that_is_silent_to_the_end_does_not_answer() {
        let clock = ManualClock::at(*NOW);
        let limits = Limits { start: *NOW, limit: Duration::from_secs(10) };
        let ask = || Err(ClientError::TimedOut(PAUSE));
        let failure = wait(*NOW, (&clock, limits), ask, || clock.advance(SECOND)).unwrap_err();
        assert_eq!(failure.exit(), Exit::Unreachable);
    }

    #[test]
    fn the_result_is_one_line_and_a_next_step() {
        for (name, succeeded, code) in [
            ("sync", true, None),
            ("sync_failed", false, None),
            ("sync_unsaved", true, Some(ProblemCode::StateWriteFailed)),
            ("sync_refused", true, Some(ProblemCode::AssignmentSignature)),
        ] {
            let problem = code.map(|code| problem(code, code.explanation()));
            let synced = Synced { ordered_at: *NOW, checkin: last(*NOW, succeeded), problem };
            screens(name, |style| render(&synced, style));
        }
    }
}
