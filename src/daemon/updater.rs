//! The updater: reads the feed that the settings `updates.*` ask for, and tells what is decided of it.
//!
//! In go what holds, once the enforcer has worked it out, and the installed version; out come [`Updates`]. One document is written,
//! `updates.json`, before anything of it is published. Where no setting asks for it, nothing is requested. What is due
//! is looked at on the tick that all tasks share.

mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::board::{Board, Part};
use super::tasks::{Next, Publish, Task, unchanged};
use super::ticker::Ticker;
use crate::checkin::chance::{Chance, SystemChance};
use crate::domain::version::ParallelsVersion;
use crate::hypervisor::outcome::Answer;
use crate::state::Store;
use crate::state::document::Kept;
use crate::updates::book::{Book, Demand, Watch};
use crate::updates::decision::Decision;
use crate::updates::fetch::fetch;

pub use view::{notes, report, view};

impl Kept for Book {
    const NAME: &'static str = "updates.json";
}

/// How soon the document is written again that could not be written.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// What is decided of updates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updates {
    /// What the settings demand; `None` before that was worked out.
    pub demand: Option<Demand>,
    /// What is remembered.
    pub book: Book,
    /// What is decided.
    pub decision: Decision,
    /// How the settings stand that have no lever.
    pub watched: BTreeMap<&'static str, Watch>,
    /// Why the document could not be written.
    pub write_failed: Option<String>,
}

/// The task.
pub struct Updater {
    store: Arc<Store>,
    ticker: Ticker,
    stop: watch::Receiver<bool>,
    book: Book,
    stored: Book,
    whole_mac: bool,
    published: Updates,
}

/// What the task looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// What the settings demand; `None` while that is not settled.
    demand: Option<Demand>,
    /// The installed version, where it is known.
    installed: Option<ParallelsVersion>,
}

impl Updater {
    /// An updater that remembers what the document says. For a layout below a scratch root, which is a test's or the demo's,
    /// Parallels' own server is not asked.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        ticker: Ticker,
        stop: watch::Receiver<bool>,
        (book, whole_mac): (Option<Book>, bool),
    ) -> Self {
        let book = book.unwrap_or_default();
        let published = Updates::default();
        Self { store, ticker, stop, stored: book.clone(), book, whole_mac, published }
    }

    /// Reads the feed if that is due. Ends early when the daemon does.
    async fn read(&mut self, demand: &Demand) {
        let Some(reading) = self.book.due(demand, self.ticker.now()) else { return };
        let (address, validators) = (reading.address.clone(), reading.validators.clone());
        let mut stop = self.stop.clone();
        let news = tokio::select! {
            news = fetch(&address, &validators) => news,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        self.book.note(demand, news, self.ticker.now(), SystemChance.draw());
        if let Some(reading) = &self.book.reading {
            let (offers, flaws) = (reading.offers.len(), reading.flaws);
            tracing::info!(
                address,
                offers,
                flaws,
                trouble = reading.trouble.as_deref(),
                "asked the update server"
            );
        }
    }

    /// Writes what is to be remembered; gives why that failed.
    fn remember(&mut self) -> Option<String> {
        if self.book == self.stored {
            return None;
        }
        match self.store.save(&self.book) {
            Ok(()) => {
                self.stored = self.book.clone();
                None
            }
            Err(error) => {
                let why = crate::error::Chain(&error).to_string();
                tracing::error!(error = why, "cannot remember what is decided of updates");
                Some(why)
            }
        }
    }

    fn publish(&mut self, updates: Updates) -> Publish {
        if self.published == updates {
            return unchanged();
        }
        self.published = updates.clone();
        Box::new(move |board| board.updates = Part::new(updates))
    }
}

impl Task for Updater {
    type Input = Sight;

    fn input(&self, board: &Board) -> Self::Input {
        let enforcement = &board.enforcement;
        let assigned = board.assigned.assignment.is_some();
        let demand = enforcement.settled.then(|| Demand {
            assigned,
            parallels_too: self.whole_mac,
            ..Demand::of(&enforcement.effective)
        });
        let installed = match &board.observation.parallels {
            Answer::Known(version) | Answer::TooOld(version) => Some(version.clone()),
            _ => None,
        };
        Sight { demand, installed }
    }

    async fn pass(&mut self, sight: &Self::Input) -> (Publish, Next) {
        let Some(demand) = &sight.demand else { return (unchanged(), Next::Settled) };
        let installed = sight.installed.as_ref();
        self.book.keep(demand, installed, self.ticker.now());
        self.read(demand).await;
        // What the feed offers may allow the version that is installed.
        self.book.keep(demand, installed, self.ticker.now());
        let (decision, watched) = (self.book.decision(installed), self.book.watched(demand, installed));
        let write_failed = self.remember();
        let next = match (&write_failed, &self.book.reading) {
            (Some(_), _) => self.ticker.now().checked_add(WRITE_AGAIN).map_or(Next::Tick, Next::At),
            (None, Some(reading)) => Next::Around(reading.next_at),
            (None, None) => Next::Settled,
        };
        let updates = Updates {
            demand: Some(demand.clone()),
            decision,
            watched,
            book: self.book.clone(),
            write_failed,
        };
        (self.publish(updates), next)
    }
}
