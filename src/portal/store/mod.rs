//! The one door to the model: memory for reads, a database behind it where one is wanted.
//!
//! In go closures over the [`Model`]; out come their results, once all that they changed, and all that they may have
//! seen, is on disk: nothing is answered before it would survive a SIGKILL. The in-memory portal differs by having
//! nobody to wait for.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::model::organization::{Organization, OrganizationError};
use super::model::{Model, RecordName};
use crate::clock::Clock;

mod record;
mod shown;
mod sqlite;
mod writer;

use record::Row;
use sqlite::Database;
use writer::{Message, Writer};

/// Why there is no store, or why a change is not on disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened, read or written.
    #[error("cannot use the database")]
    Database(#[source] sqlx::Error),
    /// The database's file cannot be made.
    #[error("cannot make the database file")]
    File(#[source] std::io::Error),
    /// The database was written by a later version.
    #[error("the database has schema {found}; this version knows {known}")]
    Schema {
        /// What the database has.
        found: i64,
        /// What this version knows.
        known: i64,
    },
    /// A stored record cannot be read.
    #[error("a record of table {table} cannot be read")]
    Record {
        /// Where it is.
        table: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A stored record has an id that is none.
    #[error("a record of table {0} has no valid id")]
    Id(&'static str),
    /// There is no organization.
    #[error("the portal has no organization")]
    Organization(#[source] OrganizationError),
    /// The change is in memory and will be written with the next one, but it is not on disk.
    #[error("the change is not on disk")]
    NotWritten,
}

struct Shared {
    model: Mutex<Model>,
    clock: Arc<dyn Clock>,
    writer: Option<mpsc::UnboundedSender<Message>>,
    revision: watch::Sender<u64>,
}

/// The store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// The end of a store: the task that writes.
#[derive(Debug)]
pub struct WriterTask(Option<JoinHandle<()>>);

impl WriterTask {
    /// Waits until all is written and the database closed.
    pub async fn finish(self, store: &Store) {
        if let (Some(task), Some(writer)) = (self.0, &store.0.writer) {
            // A writer that is gone has nothing to stop.
            let _ = writer.send(Message::Stop);
            let _ = task.await;
        }
    }
}

impl Store {
    /// A store in memory alone.
    ///
    /// # Errors
    /// [`StoreError::Organization`].
    pub fn in_memory(organization: &str, clock: Arc<dyn Clock>) -> Result<(Self, WriterTask), StoreError> {
        let organization =
            Organization::found(organization, clock.now()).map_err(StoreError::Organization)?;
        Ok((Self::new(Model::new(organization), clock, None), WriterTask(None)))
    }

    /// A store on this SQLite file, which is made where there is none. The organization's name is that of the first
    /// start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        path: &Path,
        organization: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, WriterTask), StoreError> {
        let now = clock.now();
        let mut database = Database::open(path).await?;
        let rows = database.load().await?;
        let model = if let Some(mut model) = record::restore(rows)? {
            if model.organization.renew_keyset(now).map_err(StoreError::Organization)? {
                let renewed = Row::of(&model, RecordName::Organization)?;
                database.commit([&renewed]).await.map_err(StoreError::Database)?;
            }
            model.wake_news(|_| true);
            model.wake_commanded(now);
            model
        } else {
            let organization = Organization::found(organization, now).map_err(StoreError::Organization)?;
            let model = Model::new(organization);
            let first = Row::of(&model, RecordName::Organization)?;
            database.commit([&first]).await.map_err(StoreError::Database)?;
            model
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        #[expect(clippy::disallowed_methods, reason = "WriterTask::finish awaits it")]
        let task = tokio::spawn(Writer::new(database, receiver).run());
        Ok((Self::new(model, clock, Some(sender)), WriterTask(Some(task))))
    }

    fn new(model: Model, clock: Arc<dyn Clock>, writer: Option<mpsc::UnboundedSender<Message>>) -> Self {
        let revision = watch::Sender::new(0);
        Self(Arc::new(Shared { model: Mutex::new(model), clock, writer, revision }))
    }

    /// The portal's time, by which licenses end.
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the model. What is seen may not be on disk yet, so no answer may tell it.
    pub fn peek<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.model())
    }

    /// Changes what is not stored: waiters and what they were told.
    pub fn stir<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        change(&mut self.model())
    }

    /// Reads or changes the model, and waits until the result may be told.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`].
    pub async fn transact<T>(&self, change: impl FnOnce(&mut Model) -> T) -> Result<T, StoreError> {
        let (result, written) = self.apply(change)?;
        if let Some(written) = written {
            match written.await {
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(StoreError::NotWritten),
            }
        }
        Ok(result)
    }

    /// Hands the changes over in the order in which they were made, which the lock gives.
    fn apply<T>(
        &self,
        change: impl FnOnce(&mut Model) -> T,
    ) -> Result<(T, Option<oneshot::Receiver<bool>>), StoreError> {
        let mut model = self.model();
        let result = change(&mut model);
        let dirty = model.take_dirty();
        let changed = !dirty.is_empty();
        let written = match &self.0.writer {
            None => None,
            Some(writer) => {
                let rows = dirty.into_iter().map(|name| Row::of(&model, name)).collect::<Result<_, _>>()?;
                let (told, written) = oneshot::channel();
                writer.send(Message::Commit { rows, told }).map_err(|_| StoreError::NotWritten)?;
                Some(written)
            }
        };
        drop(model);
        if changed {
            self.0.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
        }
        Ok((result, written))
    }

    /// A number that is raised after each change.
    #[must_use]
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.0.revision.subscribe()
    }
}

#[cfg(test)]
mod tests;
