//! The journal of the portal's commands: what was received, what ran and what became of it. Pure.
//!
//! ```text
//!  offered ─> received ─> started ─> done ─> acknowledged ─> forgotten after 180 days
//!     │           └ too late ────────> │          │
//!     └ too late, unsupported, old ──> │ <────────┘ offered again
//! ```
//! In go [`Event`]s and the time; out come the journal after them and the command to run, if one is to run. Who drives
//! it stores the journal first and only then acts, so that each arrow is durable before the next. A command that was
//! started and did not end runs again only if doing it twice is doing it once. What is not known any more is not run
//! either: the highest `seq` outlives the ids.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::ids::{CommandId, DeviceId};
use crate::domain::license::without_keys;
use crate::state::Kept;
use crate::wire::command::{Ack, AckState, Command, CommandKind};
use crate::wire::token::Verified;

/// How long ids are remembered after their command was acknowledged.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 180);

/// How often a command is started at the most: one that ends the agent each time is left alone.
const STARTS: u32 = 3;

/// The longest detail of an acknowledgement, in characters.
const LONGEST_DETAIL: usize = 200;

/// The document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The device that the commands are for.
    device: Option<DeviceId>,
    /// The highest `seq` that was ever offered to it.
    highest: u64,
    /// The commands.
    entries: BTreeMap<CommandId, Entry>,
}

impl Kept for Journal {
    const NAME: &'static str = "commands.json";
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    seq: u64,
    kind: CommandKind,
    /// More about it, as the portal signed it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
    expires_at: Timestamp,
    /// How often it was started.
    starts: u32,
    phase: Phase,
}

/// How far a command is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Received,
    Started,
    Done(Outcome),
    Acknowledged(Outcome, Timestamp),
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    state: AckState,
    detail: Option<String>,
    at: Timestamp,
}

/// A command that the portal offers; made of a verified one only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    device: DeviceId,
    id: CommandId,
    seq: u64,
    kind: CommandKind,
    args: Map<String, Value>,
    expires_at: Timestamp,
}

impl From<&Verified<Command>> for Offer {
    fn from(command: &Verified<Command>) -> Self {
        Self {
            device: command.claims.aud,
            id: command.id,
            seq: command.seq,
            kind: command.kind,
            args: command.args.clone(),
            expires_at: command.expires_at,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The agent started.
    Restarted,
    /// These commands are open at the portal.
    Offered(Vec<Offer>),
    /// Nothing runs; the next command may.
    Proceed,
    /// The command that ran ended, with words for the portal.
    Ended(CommandId, Result<String, String>),
    /// The portal knows what became of these.
    Acked(Vec<CommandId>),
}

/// A command that is to run once the journal is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub id: CommandId,
    /// What.
    pub kind: CommandKind,
    /// More about it.
    pub args: Map<String, Value>,
}

/// The kinds that this version runs.
const fn is_supported(kind: CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::DeactivateLicense
            | CommandKind::VerifyLicense
            | CommandKind::RefreshInventory
            | CommandKind::FetchImage
    )
}

impl Journal {
    /// The journal where the newest generation was lost. A portal's `seq` is at least the time at which it signed, so that
    /// what was signed before now is taken for known.
    #[must_use]
    pub fn after_loss(mut self, now: Timestamp) -> Self {
        self.highest = self.highest.max(u64::try_from(now.as_second()).unwrap_or(0));
        self
    }

    /// The journal after an event, and what is to run then. `now` is the later of the clock and the latest verified `iat`.
    #[must_use]
    pub fn step(&self, event: Event, now: Timestamp) -> (Self, Option<Run>) {
        let mut next = self.clone();
        let mut run = None;
        match event {
            Event::Restarted => next.restarted(now),
            Event::Offered(offers) => next.offered(offers, now),
            Event::Proceed => run = next.proceed(now),
            Event::Ended(id, result) => next.ended(id, result, now),
            Event::Acked(ids) => next.acked(&ids, now),
        }
        (next, run)
    }

    /// What became of commands and is not known to be known, by `seq`.
    #[must_use]
    pub fn acks(&self) -> Vec<Ack> {
        let mut done: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(id, entry)| match &entry.phase {
                Phase::Done(outcome) => Some((entry.seq, *id, outcome)),
                _ => None,
            })
            .collect();
        done.sort_by_key(|(seq, id, _)| (*seq, *id));
        done.into_iter()
            .map(|(_, id, Outcome { state, detail, at })| Ack {
                id,
                state: *state,
                detail: detail.clone(),
                at: *at,
            })
            .collect()
    }

    fn restarted(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut().filter(|entry| entry.phase == Phase::Started) {
            let again = entry.kind.is_convergent() && is_supported(entry.kind);
            entry.phase = if again && entry.starts < STARTS && now < entry.expires_at {
                Phase::Received
            } else {
                Phase::Done(Outcome::of(AckState::Interrupted, "the agent ended in the middle", now))
            };
        }
        self.forget(now);
    }

    fn offered(&mut self, mut offers: Vec<Offer>, now: Timestamp) {
        offers.sort_by_key(|offer| (offer.seq, offer.id));
        for Offer { device, id, seq, kind, args, expires_at } in offers {
            if self.device.replace(device).is_some_and(|former| former != device) {
                // Another portal counts for itself; ids stay known.
                self.highest = 0;
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                // Acknowledged, and offered again: the portal forgot, and is told again.
                if let Phase::Acknowledged(outcome, _) = &entry.phase {
                    entry.phase = Phase::Done(outcome.clone());
                }
                continue;
            }
            let done = |state, why| Phase::Done(Outcome::of(state, why, now));
            let phase = if seq <= self.highest {
                done(AckState::Expired, "not known any more")
            } else if now >= expires_at {
                done(AckState::Expired, "too late")
            } else if !is_supported(kind) {
                done(AckState::Unsupported, "not known to this version")
            } else {
                Phase::Received
            };
            self.highest = self.highest.max(seq);
            self.entries.insert(id, Entry { seq, kind, args, expires_at, starts: 0, phase });
        }
    }

    fn proceed(&mut self, now: Timestamp) -> Option<Run> {
        self.forget(now);
        let is_free = !self.entries.values().any(|entry| entry.phase == Phase::Started);
        let is_waiting = |entry: &&mut Entry| entry.phase == Phase::Received;
        for entry in self.entries.values_mut().filter(is_waiting) {
            if now >= entry.expires_at {
                entry.phase = Phase::Done(Outcome::of(AckState::Expired, "too late", now));
            }
        }
        let received = self.entries.iter_mut().filter(|(_, entry)| entry.phase == Phase::Received);
        let (id, entry) = received.filter(|_| is_free).min_by_key(|(id, entry)| (entry.seq, **id))?;
        entry.phase = Phase::Started;
        entry.starts = entry.starts.saturating_add(1);
        Some(Run { id: *id, kind: entry.kind, args: entry.args.clone() })
    }

    fn ended(&mut self, id: CommandId, result: Result<String, String>, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.phase == Phase::Started) else {
            return;
        };
        let (state, words) = match result {
            Ok(words) => (AckState::Succeeded, words),
            Err(words) => (AckState::Failed, words),
        };
        entry.phase = Phase::Done(Outcome::of(state, &words, now));
    }

    fn acked(&mut self, ids: &[CommandId], now: Timestamp) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id)
                && let Phase::Done(outcome) = &entry.phase
            {
                entry.phase = Phase::Acknowledged(outcome.clone(), now);
            }
        }
        self.forget(now);
    }

    /// Forgets what was acknowledged long ago. The highest `seq` stays, so that it is not run again.
    fn forget(&mut self, now: Timestamp) {
        self.entries.retain(|_, entry| match entry.phase {
            Phase::Acknowledged(_, at) => {
                now < entry.expires_at || now < at.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX)
            }
            _ => true,
        });
    }
}

impl Outcome {
    fn of(state: AckState, words: &str, now: Timestamp) -> Self {
        let detail: String = presentable(words);
        Self { state, detail: (!detail.is_empty()).then_some(detail), at: now }
    }
}

/// Words that may travel: one line, no key, no path of a user.
fn presentable(words: &str) -> String {
    let words = without_keys(words);
    let words = words.split_once("/Users/").map_or(words.clone(), |(before, _)| format!("{before}/Users/…"));
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_DETAIL).collect()
}

#[cfg(test)]
mod tests;
