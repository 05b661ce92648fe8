//! The book of orders as the daemon serves it: it finishes what a command could not, takes down what the portal and the
//! profile order, and notes what the portal knows.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::super::ticker::Ticker;
use crate::domain::ids::CommandId;
use crate::error::Chain;
use crate::hypervisor::runner::Runner;
use crate::license::deactivation::{Book, Deadline, Order, Unperformed, WhenStopped, perform};
use crate::paths::Paths;
use crate::state::document::Kept;
use crate::state::{Apart, Loaded};

/// How soon the book is asked for again that another process has.
pub(super) const BUSY: SignedDuration = SignedDuration::from_secs(1);

/// How long carrying an order out may take.
const LIMIT: Duration = Duration::from_secs(45);

/// The first and the longest pause before an order that failed is tried again.
const RETRY: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_hours(1));

/// When the book was written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

/// Who gives an order, beside the command line, which writes it into the book itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    /// The portal, by a command.
    pub by_portal: Option<CommandId>,
    /// The profile, by this name.
    pub by_profile: Option<&'a str>,
}

/// The name of the order that a command of the portal gives.
fn by_command(id: CommandId) -> String {
    format!("portal-{id}")
}

/// The orders.
pub(super) struct Orders {
    paths: Paths,
    stamp: Stamp,
    book: Book,
    busy: bool,
    failures: u32,
    retry_at: Timestamp,
    /// Parallels' service could be asked the last time.
    reachable: bool,
    now: Timestamp,
}

impl Orders {
    pub(super) fn of(paths: Paths) -> Self {
        let (stamp, book) = (None, Book::default());
        let (retry_at, now) = (Timestamp::MIN, Timestamp::MIN);
        let (busy, reachable) = (false, false);
        Self { paths, stamp, book, busy, failures: 0, retry_at, reachable, now }
    }

    /// The book may have been written.
    pub(super) fn look_again(&mut self) {
        self.stamp = None;
    }

    /// Another process has the book.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Takes the book, where there is something to do with it: it was written, it is not finished, or somebody gives an
    /// order that is not in it.
    pub(super) fn open(&mut self, given: Given<'_>) -> Option<Apart<Book>> {
        let by_profile = given.by_profile.is_some_and(|id| self.book.order(id).is_none());
        let anyway = given.by_portal.is_some() || by_profile;
        let stamp = self.stamp_now();
        let unfinished = self.book.is_open(self.now) || self.book.untold().next().is_some();
        self.busy = false;
        if !anyway && !unfinished && (stamp == self.stamp || stamp.is_none()) {
            return None;
        }
        match Apart::try_open(&self.paths) {
            Ok(Some(desk)) => Some(desk),
            Ok(None) => {
                self.busy = true;
                None
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "cannot open the book of deactivations");
                None
            }
        }
    }

    /// Carries out what is open, and what is given. How that went.
    pub(super) async fn carry_out(
        &mut self,
        desk: &Apart<Book>,
        runner: &Runner,
        ticker: &Ticker,
        (given, can_be_asked): (Given<'_>, bool),
    ) -> Result<String, String> {
        self.now = ticker.now();
        self.read(desk)?;
        // After a crash the same command comes again, and is known by its id.
        let known = given.by_portal.and_then(|id| self.book.order(&by_command(id)));
        if known.is_some_and(|order| order.effect.is_some()) {
            return Ok("the license was given back before".to_owned());
        }
        let is_new = self.write_down(desk, given)?;
        // A service that is back is asked at once.
        let is_back = can_be_asked && !std::mem::replace(&mut self.reachable, can_be_asked);
        let is_due = is_back || self.retry_at <= self.now || self.retry_at.duration_since(self.now) > RETRY.1;
        if !self.book.is_open(self.now) || !(is_new || (can_be_asked && is_due)) {
            return Ok("nothing was to be done".to_owned());
        }
        // Only an order that was just given starts a service that somebody stopped.
        let when_stopped = if is_new { WhenStopped::Start } else { WhenStopped::Leave };
        let outcome = perform(desk, runner, ticker, (Deadline::after(LIMIT), when_stopped)).await;
        self.read(desk)?;
        match outcome {
            Ok(()) => {
                self.failures = 0;
                tracing::info!("the license was given back on order");
                Ok("the license is given back".to_owned())
            }
            Err(error) => {
                self.reachable &= !matches!(error, Unperformed::ServiceStopped);
                let pause = RETRY.0.checked_mul(1 << self.failures.min(8)).unwrap_or(RETRY.1).min(RETRY.1);
                self.failures = self.failures.saturating_add(1);
                self.retry_at = self.now.checked_add(pause).unwrap_or(self.now);
                tracing::warn!(error = %Chain(&error), "an order to give the license back is not carried out yet");
                Err(Chain(&error).to_string())
            }
        }
    }

    /// Writes down what is given. Whether it was never tried.
    fn write_down(&mut self, desk: &Apart<Book>, given: Given<'_>) -> Result<bool, String> {
        let (mut is_new, mut is_changed) = (given.by_portal.is_some(), given.by_portal.is_some());
        if let Some(id) = given.by_profile {
            let is_known = self.book.order(id).is_some();
            if !is_known && self.book.follows_lost() {
                self.book.take_for_done(id, self.now);
                is_changed = true;
            } else {
                is_changed |= self.book.give_once(id, self.now);
                is_new |= !is_known;
            }
        }
        if let Some(id) = given.by_portal {
            // The journal of commands remembers it for longer.
            self.book.give_unnamed(&by_command(id), self.now);
        }
        if is_changed {
            self.write(desk)?;
        }
        Ok(is_new)
    }

    /// The last order that gave a license back and of which the portal does not know.
    pub(super) fn untold(&self) -> Option<Order> {
        let given_back =
            self.book.untold().filter(|order| order.effect.is_some_and(|effect| effect.deactivated));
        given_back.max_by_key(|order| order.effect.map(|effect| effect.number)).cloned()
    }

    /// Whether an order found no license, and the portal does not know of it.
    pub(super) fn found_nothing(&self) -> bool {
        self.book.untold().any(|order| order.effect.is_some_and(|effect| !effect.deactivated))
    }

    /// Notes that the portal knows all that took effect.
    pub(super) fn told(&mut self, desk: &Apart<Book>, now: Timestamp) {
        // Without a stamp it is not the book on disk.
        if self.stamp.is_some() && self.book.untold().next().is_some() {
            self.book.told(now, |_| true);
            // What could not be noted is noted the next time.
            let _ = self.write(desk);
        }
    }

    /// Why an order has not taken effect.
    pub(super) fn trouble(&self) -> Option<String> {
        let open = self.book.orders().iter().filter(|order| order.effect.is_none());
        open.filter_map(|order| order.trouble.clone()).next_back()
    }

    /// What cannot be read is neither taken for empty nor written over.
    fn read(&mut self, desk: &Apart<Book>) -> Result<(), String> {
        self.stamp = self.stamp_now();
        match desk.load() {
            Ok(loaded) => {
                if let Some(damage) = loaded.damage() {
                    tracing::error!(damage = %Chain(damage), "the book of deactivations was damaged");
                }
                if matches!(loaded, Loaded::Lost(_)) {
                    self.book = Book::after_loss();
                    // Whoever reads it next is to know. What cannot be written is found lost again.
                    let _ = self.write(desk);
                } else {
                    self.book = Loaded::value(loaded).unwrap_or_default();
                }
            }
            Err(error) => {
                let why = Chain(&error).to_string();
                tracing::error!(error = why, "cannot read the book of deactivations");
                self.stamp = None;
                return Err(why);
            }
        }
        Ok(())
    }

    fn write(&mut self, desk: &Apart<Book>) -> Result<(), String> {
        let saved = desk.save(&self.book).map_err(|error| Chain(&error).to_string());
        self.stamp = self.stamp_now();
        saved
    }

    fn stamp_now(&self) -> Stamp {
        let file = self.paths.private().join(Book::NAME).symlink_metadata().ok()?;
        Some((file.modified().ok()?, file.len()))
    }
}
