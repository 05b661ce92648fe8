//! The one writer: takes changes in order and commits them in groups.
//!
//! In go rows with someone to tell; out goes, for a whole group, whether they are on disk. What could not be written is
//! kept and goes with the next group, so that the file never lacks a change for good.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};

use super::record::{Row, Table};
use super::sqlite::Database;
use crate::error::Chain;

/// How many changes are committed together at most.
const GROUP: usize = 512;

/// What the writer is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// Rows of one change, and who waits for them.
    Commit {
        /// None where someone only wants all before it to be on disk.
        rows: Vec<Row>,
        /// Is told whether they are on disk.
        told: oneshot::Sender<bool>,
    },
    /// Nothing follows.
    Stop,
}

/// The writer.
#[derive(Debug)]
pub(super) struct Writer {
    database: Database,
    messages: mpsc::UnboundedReceiver<Message>,
    pending: BTreeMap<(Table, String), Row>,
}

impl Writer {
    pub(super) const fn new(database: Database, messages: mpsc::UnboundedReceiver<Message>) -> Self {
        Self { database, messages, pending: BTreeMap::new() }
    }

    /// Writes until told to stop.
    pub(super) async fn run(mut self) {
        let mut stopped = false;
        while !stopped {
            let Some(first) = self.messages.recv().await else { break };
            let mut waiting = Vec::new();
            stopped = self.take(first, &mut waiting);
            while !stopped && waiting.len() < GROUP {
                let Ok(next) = self.messages.try_recv() else { break };
                stopped = self.take(next, &mut waiting);
            }
            let written = self.commit().await;
            for told in waiting {
                // Who no longer waits needs no answer.
                let _ = told.send(written);
            }
        }
        if let Err(error) = self.database.close().await {
            tracing::error!("cannot close the database: {}", Chain(&error));
        }
    }

    /// Whether nothing follows.
    fn take(&mut self, message: Message, waiting: &mut Vec<oneshot::Sender<bool>>) -> bool {
        let Message::Commit { rows, told } = message else { return true };
        self.pending.extend(rows.into_iter().map(|row| ((row.table, row.id.clone()), row)));
        waiting.push(told);
        false
    }

    async fn commit(&mut self) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        match self.database.commit(self.pending.values()).await {
            Ok(()) => {
                self.pending.clear();
                true
            }
            Err(error) => {
                tracing::error!("cannot write to the database: {}", Chain(&error));
                false
            }
        }
    }
}
