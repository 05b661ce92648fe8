//! What the check-in publishes, each by a watch: levels, of which a reader sees the last.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::checkin::session::{Denied, Effect, Session, Status};
use crate::domain::ids::CommandId;
use crate::wire::assignment::Assignment;
use crate::wire::command::Command;
use crate::wire::lease::Lease;
use crate::wire::token::Verified;

/// The assignment that holds.
pub type Assigned = Option<Arc<Verified<Assignment>>>;

/// The lease that holds.
pub type Leased = Option<Arc<Verified<Lease>>>;

/// The commands that are open at the portal, by `seq`.
pub type Commands = Vec<Arc<Verified<Command>>>;

/// What went over the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// When the last request ended, and whether it ended well.
    pub last: Option<(Timestamp, bool)>,
    /// The long poll is open.
    pub wait_open: bool,
}

/// The watches. A clone publishes to the same readers.
#[derive(Debug, Clone)]
pub struct Outputs {
    pub(super) assigned: watch::Sender<Assigned>,
    pub(super) status: watch::Sender<Status>,
    pub(super) traffic: watch::Sender<Traffic>,
    lease: watch::Sender<Leased>,
    denied: watch::Sender<Option<Denied>>,
    latest: watch::Sender<Option<Timestamp>>,
    commands: watch::Sender<Commands>,
    acked: watch::Sender<Vec<CommandId>>,
}

impl Outputs {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            assigned: watch::Sender::new(session.assignment().cloned()),
            status: watch::Sender::new(session.status()),
            traffic: watch::Sender::default(),
            lease: watch::Sender::new(session.lease().cloned()),
            denied: watch::Sender::default(),
            latest: watch::Sender::new(session.latest_iat()),
            commands: watch::Sender::default(),
            acked: watch::Sender::default(),
        }
    }

    /// The lease that holds: stored first, then published; from disk before any word with the portal.
    #[must_use]
    pub fn lease(&self) -> watch::Receiver<Leased> {
        self.lease.subscribe()
    }

    /// That the portal denies a license, from the refusal until a newer lease comes. Each refusal is published.
    #[must_use]
    pub fn denied(&self) -> watch::Receiver<Option<Denied>> {
        self.denied.subscribe()
    }

    /// The latest `iat` of all that was ever verified, also before a restart. For leases and commands, time is the later of
    /// this and the local clock.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<Option<Timestamp>> {
        self.latest.subscribe()
    }

    /// The commands of the last check-in; the portal repeats what is open.
    #[must_use]
    pub fn commands(&self) -> watch::Receiver<Commands> {
        self.commands.subscribe()
    }

    /// The commands whose acknowledgement the last check-in confirmed.
    #[must_use]
    pub fn acked(&self) -> watch::Receiver<Vec<CommandId>> {
        self.acked.subscribe()
    }

    pub(super) fn publish(&self, effect: Effect) {
        match effect {
            Effect::Assigned(assignment) => {
                tracing::info!(version = assignment.version, "another assignment holds");
                self.assigned.send_replace(Some(assignment));
            }
            Effect::Leased(lease) => {
                tracing::info!(seq = lease.seq, state = %lease.state, "another lease holds");
                self.lease.send_replace(Some(lease));
            }
            Effect::Denied(denied) => {
                if let Some(denied) = &denied {
                    tracing::warn!(reason = denied.reason, "the portal denies a license");
                }
                self.denied.send_replace(denied);
            }
            Effect::Commands(commands) => {
                self.commands.send_replace(commands);
            }
            Effect::Acked(acked) => replace(&self.acked, acked),
            Effect::Malformed(digest) => {
                tracing::error!(body = %digest, "the portal found a request malformed; a full report follows");
            }
            Effect::Retired | Effect::CheckedIn { .. } => {}
        }
    }

    pub(super) fn show(&self, session: &Session, wait_open: bool) {
        let differs =
            |traffic: &mut Traffic| std::mem::replace(&mut traffic.wait_open, wait_open) != wait_open;
        self.traffic.send_if_modified(differs);
        replace(&self.latest, session.latest_iat());
        replace(&self.status, session.status());
    }
}

fn replace<T: PartialEq>(watch: &watch::Sender<T>, value: T) {
    watch.send_if_modified(|shown| {
        let differs = *shown != value;
        if differs {
            *shown = value;
        }
        differs
    });
}
