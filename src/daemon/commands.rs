//! Runs the portal's commands, one at a time and at most once each, by the [`Journal`].
//!
//! In go the verified commands of the check-in and what it says of acknowledgements; out come the acknowledgements that
//! are to be sent. Every step is stored before it is acted on; a step that cannot be stored is not taken, so that nothing
//! runs on a full disk. What a command does is the business of [`Execute`].

mod journal;

use std::future::Future;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

pub use journal::{Event, Journal, Offer, Run};

use super::checkin::{self, Ticks};
use crate::clock::Clock;
use crate::domain::ids::CommandId;
use crate::error::Chain;
use crate::state::{Damage, Loaded, StateError, Store};
use crate::wire::command::Ack;

/// How long a disk that failed rests.
const DISK_REST: SignedDuration = SignedDuration::from_secs(60);

/// Does what a command says.
pub trait Execute {
    /// Does it. The words, of what was done or why it failed, travel to the portal. After a crash the same command may come
    /// again, by the same id.
    fn run(&mut self, command: Run) -> impl Future<Output = Result<String, String>> + Send;
}

/// What the task stands on.
pub struct Ground<T> {
    /// The documents.
    pub store: Arc<Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// What wakes it.
    pub ticks: T,
}

/// What the task hears, from [`checkin::Outputs`].
pub struct Inputs {
    /// The commands that are open.
    pub commands: watch::Receiver<checkin::Commands>,
    /// The acknowledgements that arrived.
    pub acked: watch::Receiver<Vec<CommandId>>,
    /// The latest verified `iat`.
    pub latest: watch::Receiver<Option<Timestamp>>,
}

impl Inputs {
    /// Those of a check-in.
    #[must_use]
    pub fn of(outputs: &checkin::Outputs) -> Self {
        Self { commands: outputs.commands(), acked: outputs.acked(), latest: outputs.latest() }
    }
}

/// The task.
pub struct Commands<T> {
    ground: Ground<T>,
    journal: Journal,
    inputs: Inputs,
    acks: watch::Sender<Vec<Ack>>,
    write_failed: watch::Sender<Option<String>>,
}

impl<T: Ticks> Commands<T> {
    /// Loads the journal. With it comes the damage that was found.
    ///
    /// # Errors
    /// When the system does not let the document be read: without it, commands could run twice.
    pub fn open(ground: Ground<T>, inputs: Inputs) -> Result<(Self, Option<Damage>), StateError> {
        let now = later(ground.clock.now(), *inputs.latest.borrow());
        let (journal, damage) = match ground.store.load::<Journal>()? {
            Loaded::Absent => (Journal::default(), None),
            Loaded::Current(journal) => (journal, None),
            Loaded::Previous(journal, damage) => (journal.after_loss(now), Some(damage)),
            Loaded::Lost(damage) => (Journal::default().after_loss(now), Some(damage)),
        };
        let acks = watch::Sender::new(journal.acks());
        Ok((Self { ground, journal, inputs, acks, write_failed: watch::Sender::default() }, damage))
    }

    /// What became of commands, until the portal knows it: for [`Licensing::acks`](crate::checkin::local::Licensing).
    #[must_use]
    pub fn acks(&self) -> watch::Receiver<Vec<Ack>> {
        self.acks.subscribe()
    }

    /// Why the journal cannot be written, while it cannot.
    #[must_use]
    pub fn write_failed(&self) -> watch::Receiver<Option<String>> {
        self.write_failed.subscribe()
    }

    /// Runs until the check-in ends. Dropping it ends what runs; that counts as a crash and loses nothing.
    pub async fn run(mut self, mut executor: impl Execute) {
        while self.take(Event::Restarted).is_err() {
            self.rest().await;
        }
        loop {
            match self.pass() {
                Ok(Some(command)) => {
                    let (id, kind) = (command.id, command.kind);
                    tracing::info!(%id, %kind, "a command of the portal runs");
                    let result = executor.run(command).await;
                    tracing::info!(%id, %kind, succeeded = result.is_ok(), "the command ended");
                    while self.take(Event::Ended(id, result.clone())).is_err() {
                        self.rest().await;
                    }
                }
                Ok(None) => {
                    let inputs = &mut self.inputs;
                    let ended = tokio::select! {
                        changed = inputs.commands.changed() => changed.is_err(),
                        changed = inputs.acked.changed() => changed.is_err(),
                    };
                    if ended {
                        return;
                    }
                }
                Err(NotStored) => self.rest().await,
            }
        }
    }

    /// Takes what the check-in says, and the next command.
    fn pass(&mut self) -> Result<Option<Run>, NotStored> {
        let offers =
            self.inputs.commands.borrow_and_update().iter().map(|command| Offer::from(&**command)).collect();
        let acked = self.inputs.acked.borrow_and_update().clone();
        self.take(Event::Offered(offers))?;
        self.take(Event::Acked(acked))?;
        self.take(Event::Proceed)
    }

    /// Takes a step: stores the journal if it changed, then publishes it.
    fn take(&mut self, event: Event) -> Result<Option<Run>, NotStored> {
        let now = later(self.ground.clock.now(), *self.inputs.latest.borrow());
        let (journal, run) = self.journal.step(event, now);
        if journal != self.journal {
            if let Err(error) = self.ground.store.save(&journal) {
                let why = Chain(&error).to_string();
                tracing::error!(error = why, "cannot store the journal of commands");
                self.write_failed.send_replace(Some(why));
                return Err(NotStored);
            }
            self.journal = journal;
            self.write_failed.send_if_modified(|failed| failed.take().is_some());
            let acks = self.journal.acks();
            self.acks.send_if_modified(|shown| {
                let differs = *shown != acks;
                *shown = acks;
                differs
            });
        }
        Ok(run)
    }

    async fn rest(&self) {
        let now = self.ground.clock.now();
        self.ground.ticks.until(now.checked_add(DISK_REST).unwrap_or(now)).await;
    }
}

/// The journal could not be stored, and so the step was not taken.
struct NotStored;

/// The later of the clock and the latest verified `iat`: a clock set back makes nothing last longer.
fn later(clock: Timestamp, latest: Option<Timestamp>) -> Timestamp {
    latest.map_or(clock, |latest| latest.max(clock))
}

#[cfg(test)]
mod tests;
