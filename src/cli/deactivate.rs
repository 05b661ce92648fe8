//! `meridian deactivate-license`: gives the license back, for MDM to run remotely.
//!
//! It needs no daemon, no terminal and no environment, and asks nothing. The order is written down first, then carried out
//! here, and then the daemon is asked to tell the portal; what could not be done the daemon does later. All of it ends within
//! the given time. The last line is the verdict. Where neither Parallels Desktop nor the agent ever was, nothing is written
//! down, and nothing is left behind.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::arguments::DeactivateArguments;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::status;
use crate::clock::Clock;
use crate::control::client::{Client, ClientError};
use crate::domain::ids::Uid;
use crate::error::{Chain, Exit};
use crate::hypervisor::runner::Runner;
use crate::license::deactivation::{Book, Deadline, Order, WhenStopped, perform};
use crate::paths::{LABEL, Paths};
use crate::platform::effective_uid;
use crate::state::{Apart, Loaded};
use crate::wire::codes::ProblemCode;

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
    /// Nothing is left to tell the portal.
    pub told: bool,
    /// This Mac is enrolled, as far as is known: there is a portal to tell.
    pub enrolled: bool,
    /// Whether the daemon is there to tell it.
    pub daemon: Daemon,
    /// Why it was not carried out, or what else is to be known.
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
    /// It was not carried out, because the record that says whether it was before is lost.
    RecordLost,
}

/// How the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Daemon {
    /// It was not needed.
    NotAsked,
    /// It answers.
    Runs,
    /// It does not answer.
    Silent,
    /// It does not run.
    Stopped,
}

impl Daemon {
    const fn of<T>(heard: &Result<T, ClientError>) -> Self {
        match heard {
            Ok(_) | Err(ClientError::Rejected(_)) => Self::Runs,
            Err(ClientError::NoSocket(_) | ClientError::Refused(_)) => Self::Stopped,
            Err(_) => Self::Silent,
        }
    }
}

/// Whether the portal may know this Mac. By what the daemon wrote last; where it wrote nothing, nobody knows better.
fn is_enrolled(paths: &Paths) -> bool {
    status::read_file(paths).map_or(true, |view| view.portal.device.is_some())
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
            enrolled: true,
            daemon: Daemon::NotAsked,
            trouble: trouble.or_else(|| order.trouble.clone()),
            require_ack,
        }
    }

    /// Nothing was to be done, and there is nobody to tell.
    const fn needless(id: String, require_ack: bool) -> Self {
        let (outcome, daemon) = (Outcome::NothingToDo, Daemon::NotAsked);
        Self { id, outcome, at: None, told: true, enrolled: false, daemon, trouble: None, require_ack }
    }

    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Failed | Outcome::RecordLost => Exit::Failed,
            _ if self.require_ack && self.enrolled && !self.told => Exit::NotTold,
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
        let done = Deactivated { enrolled: done.enrolled && is_enrolled(paths), ..done };
        if done.told {
            return Ok(done);
        }
        let heard = Client::of(paths).within(DAEMON.min(deadline.left())).deactivated();
        let done = Deactivated { daemon: Daemon::of(&heard), ..done };
        match done.outcome {
            // The daemon tries again, at once if it answered.
            Outcome::Failed | Outcome::RecordLost => Ok(done),
            _ => tell(paths, done, deadline).await,
        }
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
    let (began, require_ack) = (clock.now(), arguments.require_ack);
    let id = arguments.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    if is_bare(runner.paths()) {
        return Ok(Deactivated::needless(id, require_ack));
    }
    let Some((desk, before)) = open(runner.paths(), deadline).await? else { return Err(Failure::OrdersBusy) };
    let (mut book, damage) = load(&desk)?;
    if let Some(order) = book.order(&id).filter(|order| order.effect.is_some()) {
        return Ok(Deactivated::of(order, true, damage, require_ack));
    }
    if arguments.id.is_some() && book.follows_lost() {
        book.take_for_done(&id, began);
        desk.save(&book).map_err(Failure::NotOrdered)?;
        let needless = Deactivated::needless(id, require_ack);
        return Ok(Deactivated { outcome: Outcome::RecordLost, trouble: damage, ..needless });
    }
    let meanwhile = before.filter(|before| *before != book.effects()).and(book.last_effective().cloned());
    match &arguments.id {
        Some(id) => book.give(id, began),
        None => book.give_unnamed(&id, began),
    }
    if let Some(other) = meanwhile {
        book.settle(&id, &other);
        desk.save(&book).map_err(Failure::NotOrdered)?;
        return Ok(Deactivated::of(&Order { id, ..other }, true, damage, require_ack));
    }
    desk.save(&book).map_err(Failure::NotOrdered)?;
    let outcome = perform(&desk, runner, clock, (deadline, WhenStopped::Start)).await;
    let trouble = outcome.err().map(|error| Chain(&error).to_string());
    let order = desk.load().map_err(Failure::NotRead)?.value().and_then(|book| book.order(&id).cloned());
    let is_unnamed = arguments.id.is_none();
    let order = order.unwrap_or(Order {
        id,
        is_unnamed,
        ordered_at: began,
        effect: None,
        told_at: None,
        trouble: None,
    });
    Ok(Deactivated::of(&order, false, trouble.or(damage), require_ack))
}

/// Whether neither the agent nor Parallels Desktop ever was here: there is no license, and nobody to tell.
fn is_bare(paths: &Paths) -> bool {
    let is_absent = |path: PathBuf| matches!(path.try_exists(), Ok(false));
    is_absent(paths.support()) && is_absent(paths.prlsrvctl())
}

/// Looks whether the daemon, if one answers, has told the portal. Without a daemon it is told when one starts.
async fn tell(paths: &Paths, mut done: Deactivated, deadline: Deadline) -> Result<Deactivated, Failure> {
    let until = match (done.require_ack, done.daemon) {
        _ if !done.enrolled => return Ok(done),
        (_, Daemon::Stopped | Daemon::NotAsked) | (false, Daemon::Silent) => return Ok(done),
        (true, Daemon::Runs | Daemon::Silent) => deadline,
        (false, Daemon::Runs) => Deadline::after(COURTESY.min(deadline.left())),
    };
    // The end is kept clear for the last look at the book.
    while until.left() > PAUSE * 2 {
        tokio::time::sleep(PAUSE).await;
        let Some(desk) = Apart::<Book>::try_open(paths).map_err(Failure::NotRead)? else { continue };
        let book = desk.load().map_err(Failure::NotRead)?.value().unwrap_or_default();
        done.told = book.order(&done.id).is_some_and(|order| order.told_at.is_some());
        if done.told {
            break;
        }
    }
    Ok(done)
}

/// The book, once nobody else has it, and the number of its last effect before it was waited for; `None` when that took
/// too long.
async fn open(paths: &Paths, deadline: Deadline) -> Result<Option<(Apart<Book>, Option<u64>)>, Failure> {
    let mut before = None;
    loop {
        if let Some(desk) = Apart::try_open(paths).map_err(Failure::NotOrdered)? {
            return Ok(Some((desk, before)));
        }
        if before.is_none() {
            before = match Apart::<Book>::glance(paths) {
                Ok(Loaded::Absent) => Some(0),
                Ok(Loaded::Current(book)) => Some(book.effects()),
                Ok(Loaded::Previous(..) | Loaded::Lost(_)) | Err(_) => None,
            };
        }
        if deadline.left() <= PAUSE * 2 {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The book, and the damage to it that is to be reported.
fn load(desk: &Apart<Book>) -> Result<(Book, Option<String>), Failure> {
    let loaded = desk.load().map_err(Failure::NotOrdered)?;
    let damage = loaded.damage().map(|damage| format!("{}: {}", ProblemCode::StateCorrupt, Chain(damage)));
    let is_lost = matches!(loaded, Loaded::Lost(_));
    let book = loaded.value().unwrap_or_else(|| if is_lost { Book::after_loss() } else { Book::default() });
    let damage = damage.or_else(|| {
        book.follows_lost()
            .then(|| format!("{}: the record of orders was damaged", ProblemCode::StateCorrupt))
    });
    Ok((book, damage))
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
        Outcome::Failed => (Tone::Bad, "✗ ", "The order is not carried out yet"),
        Outcome::RecordLost => (Tone::Bad, "✗ ", "Nobody knows whether this order was carried out before"),
    };
    let rest = match (done.outcome, done.daemon) {
        (Outcome::RecordLost, _) => "; it is not carried out. Give it under another name.".to_owned(),
        (Outcome::Failed, Daemon::Stopped) => {
            format!("; it is written down, and the daemon tries again once it runs; {}", start())
        }
        (Outcome::Failed, _) => "; it is written down, and the daemon tries again.".to_owned(),
        _ if !done.enrolled => "; there is no portal to tell.".to_owned(),
        _ if done.told => "; the portal knows.".to_owned(),
        (_, Daemon::Runs | Daemon::NotAsked) => {
            "; the portal is told as soon as it can be reached.".to_owned()
        }
        (_, Daemon::Silent) => "; the portal is told once the daemon answers again.".to_owned(),
        (_, Daemon::Stopped) => format!("; the portal is told once the daemon runs; {}", start()),
    };
    screen.hanging(0, &Line::of(tone, mark), &Line::of(tone, words).text(rest));
    screen.finish()
}

fn start() -> String {
    format!("start it with: sudo launchctl kickstart system/{LABEL}")
}

#[cfg(test)]
mod tests;
