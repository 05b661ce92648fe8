//! `meridian deactivate-license`: gives the license back, for MDM to run remotely.
//!
//! It needs no daemon, no terminal and no environment, and asks nothing. The order is written down first, then carried out
//! here, and then the daemon is asked to tell the portal; what could not be done the daemon does later. All of it ends within
//! the given time. The last line is the verdict.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::arguments::DeactivateArguments;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use crate::clock::Clock;
use crate::control::client::Client;
use crate::domain::ids::Uid;
use crate::error::{Chain, Exit};
use crate::hypervisor::runner::Runner;
use crate::license::deactivation::{Book, Deadline, Order, WhenStopped, perform};
use crate::paths::Paths;
use crate::platform::effective_uid;
use crate::state::Apart;

/// How long the portal's word is waited for where nobody requires it.
const COURTESY: Duration = Duration::from_secs(10);

/// How often the book is looked at that somebody else has, or that the daemon is to write.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the daemon may take to answer.
const DAEMON: Duration = Duration::from_secs(1);

/// What came of the order.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Deactivated {
    /// The order's name.
    pub id: String,
    /// What came of it.
    pub outcome: Outcome,
    /// When it took effect on this Mac.
    pub at: Option<Timestamp>,
    /// The portal knows.
    pub told: bool,
    /// Why it was not carried out.
    pub trouble: Option<String>,
    /// The portal has to know.
    #[serde(skip)]
    pub require_ack: bool,
}

/// What came of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// The license was given back.
    Deactivated,
    /// There was no license.
    NothingToDo,
    /// This order took effect before, or another one just now.
    AlreadyDone,
    /// It was not carried out, and the daemon tries again.
    Failed,
}

impl Deactivated {
    fn of(order: &Order, is_repeated: bool, trouble: Option<String>, require_ack: bool) -> Self {
        let outcome = match order.effect {
            None => Outcome::Failed,
            Some(_) if is_repeated => Outcome::AlreadyDone,
            Some(effect) if effect.deactivated => Outcome::Deactivated,
            Some(_) => Outcome::NothingToDo,
        };
        Self {
            id: order.id.clone(),
            outcome,
            at: order.effect.map(|effect| effect.at),
            told: order.told_at.is_some(),
            trouble: trouble.or_else(|| order.trouble.clone()),
            require_ack,
        }
    }

    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Failed => Exit::Failed,
            _ if self.require_ack && !self.told => Exit::NotTold,
            _ => Exit::Fine,
        }
    }
}

/// Gives the license back.
///
/// # Errors
/// When the caller may not, or the order could not even be written down.
pub(super) fn request(
    paths: &Paths,
    clock: &dyn Clock,
    arguments: &DeactivateArguments,
) -> Result<Deactivated, Failure> {
    if !may(paths) {
        return Err(Failure::MustBeRoot("deactivate-license"));
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::NoRuntime)?;
    runtime.block_on(async {
        let deadline = Deadline::after(Duration::from_secs(arguments.timeout.into()));
        let runner = Runner::real(paths.clone());
        let done = order(&runner, clock, arguments, deadline).await?;
        if done.told {
            return Ok(done);
        }
        let answers = Client::of(paths).within(DAEMON.min(deadline.left())).deactivated().is_ok();
        if done.outcome == Outcome::Failed {
            // The daemon tries again, at once if it answered.
            return Ok(done);
        }
        tell(paths, done, (deadline, answers)).await
    })
}

/// Root, or below a scratch root whoever owns it.
pub(super) fn may(paths: &Paths) -> bool {
    use std::os::unix::fs::MetadataExt;
    let uid = effective_uid();
    let owns = || paths.root().metadata().is_ok_and(|root| Uid(root.uid()) == uid);
    uid == Uid(0) || (!paths.is_system() && owns())
}

/// Writes the order down and carries it out.
async fn order(
    runner: &Runner,
    clock: &dyn Clock,
    arguments: &DeactivateArguments,
    deadline: Deadline,
) -> Result<Deactivated, Failure> {
    let began = clock.now();
    let id = arguments.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let Some(desk) = open(runner.paths(), deadline).await? else { return Err(Failure::OrdersBusy) };
    let mut book = load(&desk)?;
    if let Some(order) = book.order(&id).filter(|order| order.effect.is_some()) {
        return Ok(Deactivated::of(order, true, None, arguments.require_ack));
    }
    if let Some(other) = book.effective_since(began).cloned() {
        book.settle(&id, began, &other);
        desk.save(&book).map_err(Failure::NotOrdered)?;
        return Ok(Deactivated::of(&Order { id, ..other }, true, None, arguments.require_ack));
    }
    book.give(&id, began);
    desk.save(&book).map_err(Failure::NotOrdered)?;
    let trouble = perform(&desk, runner, clock, (deadline, WhenStopped::Start)).await.err();
    let trouble = trouble.map(|error| Chain(&error).to_string());
    let book = load(&desk)?;
    let order = book.order(&id).cloned();
    let order = order.unwrap_or(Order { id, ordered_at: began, effect: None, told_at: None, trouble: None });
    Ok(Deactivated::of(&order, false, trouble, arguments.require_ack))
}

/// Looks whether the daemon, if one answers, has told the portal. Without a daemon it is told when one starts.
async fn tell(
    paths: &Paths,
    mut done: Deactivated,
    (deadline, answers): (Deadline, bool),
) -> Result<Deactivated, Failure> {
    let until = match (done.require_ack, answers) {
        (true, _) => deadline,
        (false, true) => Deadline::after(COURTESY.min(deadline.left())),
        (false, false) => return Ok(done),
    };
    // The end is kept clear for the last look at the book.
    while until.left() > PAUSE * 2 {
        tokio::time::sleep(PAUSE).await;
        let Some(desk) = Apart::<Book>::try_open(paths).map_err(Failure::NotOrdered)? else { continue };
        done.told = load(&desk)?.order(&done.id).is_some_and(|order| order.told_at.is_some());
        if done.told {
            break;
        }
    }
    Ok(done)
}

/// The book, once nobody else has it; `None` when that took too long.
async fn open(paths: &Paths, deadline: Deadline) -> Result<Option<Apart<Book>>, Failure> {
    loop {
        if let Some(desk) = Apart::try_open(paths).map_err(Failure::NotOrdered)? {
            return Ok(Some(desk));
        }
        if deadline.left() <= PAUSE * 2 {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn load(desk: &Apart<Book>) -> Result<Book, Failure> {
    Ok(desk.load().map_err(Failure::NotOrdered)?.value().unwrap_or_default())
}

/// The screen: the verdict comes last.
#[must_use]
pub(super) fn render(done: &Deactivated, style: &Style) -> String {
    let mut screen = Screen::new(style);
    if let Some(trouble) = &done.trouble {
        screen.hanging(0, &Line::of(Tone::Bad, "! "), &Line::plain(trouble));
    }
    let (tone, mark, words) = match done.outcome {
        Outcome::Deactivated => (Tone::Good, "✓ ", "The license is given back"),
        Outcome::NothingToDo => (Tone::Good, "✓ ", "Nothing to do: there is no license on this Mac"),
        Outcome::AlreadyDone => (Tone::Good, "✓ ", "Nothing to do: this order was carried out before"),
        Outcome::Failed => (Tone::Bad, "✗ ", "The license is not given back yet"),
    };
    let rest = match (done.outcome, done.told) {
        (Outcome::Failed, _) => "; the order is written down, and the daemon tries again.",
        (_, true) => "; the portal knows.",
        (_, false) => "; the portal is told as soon as it can be reached.",
    };
    screen.hanging(0, &Line::of(tone, mark), &Line::of(tone, words).text(rest));
    screen.finish()
}

#[cfg(test)]
mod tests;
