//! Carrying orders out: the one place that gives a license back.

use tokio::time::{Duration, Instant, sleep_until, timeout_at};

use super::Book;
use crate::clock::Clock;
use crate::domain::license::LicenseState;
use crate::error::Chain;
use crate::hypervisor::inquiry;
use crate::hypervisor::invocation::{self, Invocation};
use crate::hypervisor::outcome::Refusal;
use crate::hypervisor::runner::{RunError, Runner};
use crate::state::{Apart, StateError};

/// How long Parallels' service may take to answer after it was started, as seen from outside.
const TO_START: Duration = Duration::from_secs(15);

/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What is kept back of the time for writing down how it went.
const RESERVE: Duration = Duration::from_millis(500);

/// What ending a tool that hangs may take.
const TO_END: Duration = Duration::from_secs(2);

/// What is kept back of that for one look at what a tool did that was cut off.
const LOOK: Duration = Duration::from_millis(500);

/// Until when orders may be worked on.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(length: Duration) -> Self {
        Self(Instant::now() + length)
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The moment itself.
    #[must_use]
    pub const fn at(self) -> Instant {
        self.0
    }

    fn earlier(self, by: Duration) -> Self {
        Self(self.0.checked_sub(by).unwrap_or(self.0))
    }
}

/// What to do where Parallels' service is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenStopped {
    /// Start it: somebody wants the license back now.
    Start,
    /// Leave it alone: the order is tried again when it is back.
    Leave,
}

/// Why the license was not given back. The orders stay open.
#[derive(Debug, thiserror::Error)]
pub enum Unperformed {
    /// It was done, and that could not be written down, so that the order stays open.
    #[error("the license was given back, and that cannot be written down")]
    Unrecorded(#[source] StateError),
    /// It was not done, and why could not be written down either.
    #[error("the license was not given back, and why cannot be written down")]
    Unexplained(#[source] StateError),
    /// Parallels' service is stopped and does not start.
    #[error("Parallels' service is stopped and did not start")]
    ServiceStopped,
    /// The tool refused, or there is none that may be run.
    #[error("cannot deactivate the license")]
    Run(#[source] RunError),
    /// The time is over.
    #[error("the time was over before Parallels Desktop had answered")]
    TimedOut,
}

/// Carries out every open order of the book: on success they have taken effect, and that is durable.
///
/// # Errors
/// The license was not given back; why is in the book, too, and the orders stay open.
pub async fn perform(
    book: &Apart<Book>,
    runner: &Runner,
    clock: &dyn Clock,
    (deadline, when_stopped): (Deadline, WhenStopped),
) -> Result<(), Unperformed> {
    let deadline = deadline.earlier(RESERVE);
    let outcome = match timeout_at(deadline.at(), give_back(runner, deadline, when_stopped)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Unperformed::TimedOut),
    };
    let unwritten = |error| match &outcome {
        Ok(_) => Unperformed::Unrecorded(error),
        Err(_) => Unperformed::Unexplained(error),
    };
    let now = clock.now();
    let mut orders = book.load().map_err(unwritten)?.value().unwrap_or_default();
    match &outcome {
        Ok(deactivated) => orders.took_effect(now, *deactivated),
        Err(error) => orders.failed(&Chain(error).to_string(), now),
    }
    book.save(&orders).map_err(unwritten)?;
    outcome.map(|_| ())
}

/// Gives the license back, if there is one. True when there was.
async fn give_back(
    runner: &Runner,
    deadline: Deadline,
    when_stopped: WhenStopped,
) -> Result<bool, Unperformed> {
    if is_none(runner).await {
        return Ok(false);
    }
    let call = invocation::deactivate_license(runner.paths());
    let mut result = run(runner, &call, deadline).await;
    if stopped(&result) && when_stopped == WhenStopped::Start {
        result = after_start(runner, &call, deadline).await;
    }
    match result {
        Ok(()) => Ok(true),
        Err(RunError::NotInstalled) => Ok(false),
        // A tool that was cut off may have done its work all the same.
        Err(_) if is_none(runner).await => Ok(true),
        Err(RunError::Refused(Refusal::ServiceStopped)) => Err(Unperformed::ServiceStopped),
        Err(error) => Err(Unperformed::Run(error)),
    }
}

async fn is_none(runner: &Runner) -> bool {
    inquiry::license(runner).await.state == LicenseState::None
}

/// Starts Parallels' service and tries again until it answers. Whether the start itself is refused says nothing: what
/// counts is whether the service answers.
async fn after_start(runner: &Runner, call: &Invocation, deadline: Deadline) -> Result<(), RunError> {
    if let Err(error) = run(runner, &invocation::start_service(runner.paths()), deadline).await {
        tracing::warn!(error = %Chain(&error), "cannot start Parallels' service");
    }
    let until = Deadline::after(TO_START.min(deadline.earlier(TO_END + LOOK).left()));
    loop {
        let result = run(runner, call, deadline).await;
        // A call that has no time tells nothing.
        if !stopped(&result) || until.left() <= PAUSE * 2 {
            return result;
        }
        sleep_until(Deadline::after(PAUSE).at()).await;
    }
}

fn stopped(result: &Result<(), RunError>) -> bool {
    matches!(result, Err(RunError::Refused(Refusal::ServiceStopped)))
}

async fn run(runner: &Runner, call: &Invocation, deadline: Deadline) -> Result<(), RunError> {
    let call = Invocation { limit: call.limit.min(deadline.earlier(TO_END + LOOK).left()), ..call.clone() };
    runner.stdout_of(&call).await.map(|_| ())
}
