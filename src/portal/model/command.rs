//! Commands to devices: ordered, repeated until acknowledged, remembered.
//!
//! In go an administrator's orders and devices' acknowledgements; out come signed commands, the oldest first. A kind
//! that is pending already is not ordered again, so that a Mac that comes back after weeks does a thing once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::assign::{SignError, sign};
use super::edit::EditError;
use super::policy::Mistake;
use super::{Model, RecordName, next_version};
use crate::domain::ids::{CommandId, DeviceId};
use crate::wire::command::{Ack, Command, CommandKind, LONGEST_DAYS, REPEATED};
use crate::wire::token::Typ;
use crate::wire::wait::Wake;

/// How many commands of a device are remembered after they were acknowledged or expired.
const HISTORY: usize = 50;

/// How long a command is good if nothing else is said.
pub const USUAL: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A command to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// The command.
    pub id: CommandId,
    /// Its number.
    pub seq: u64,
    /// What to do.
    pub kind: CommandKind,
    /// More about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub args: Map<String, Value>,
    /// When it was ordered.
    pub at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// What became of it.
    pub ack: Option<Ack>,
    /// The token.
    pub token: String,
}

impl Ordered {
    /// Whether the device is still to hear of it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ack.is_none() && now < self.expires_at
    }
}

/// Why nothing was ordered.
#[derive(Debug)]
pub enum OrderError {
    /// It cannot be ordered.
    Edit(EditError),
    /// It could not be signed.
    Sign(SignError),
}

impl Model {
    /// Orders a command, and tells whether it is a new one: the pending one of the same kind is answered instead.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn order(
        &mut self,
        id: DeviceId,
        (kind, args): (CommandKind, Map<String, Value>),
        expires_in: SignedDuration,
        now: Timestamp,
    ) -> Result<(Ordered, bool), OrderError> {
        let device = self.devices.get(&id).ok_or(OrderError::Edit(EditError::Missing("device")))?;
        check(kind, &args, expires_in).map_err(OrderError::Edit)?;
        if device.retired {
            return Err(OrderError::Edit(EditError::Rule("the device is retired")));
        }
        let pending =
            device.commands.iter().find(|command| is_same(command, kind, &args) && command.is_open(now));
        if let Some(pending) = pending {
            return Ok((pending.clone(), false));
        }
        let last = device.commands.iter().map(|command| command.seq).max().unwrap_or(0);
        let seq = next_version(last, now);
        let expires_at = now.checked_add(expires_in).unwrap_or(Timestamp::MAX);
        let payload = Command {
            claims: self.claims(device, now),
            id: CommandId::random(),
            seq,
            kind,
            args: args.clone(),
            expires_at,
        };
        let token = sign(&self.organization.signer, Typ::Command, &payload).map_err(OrderError::Sign)?;
        let ordered = Ordered { id: payload.id, seq, kind, args, at: now, expires_at, ack: None, token };
        if let Some(device) = self.devices.get_mut(&id) {
            device.commands.push(ordered.clone());
            forget(&mut device.commands, now);
        }
        self.touch(RecordName::Device(id));
        self.wakes.wake(&[id], Wake::Commands);
        Ok((ordered, true))
    }

    /// Takes acknowledgements. The first one of a command counts; one of an unknown command leaves no trace.
    pub fn acknowledge(&mut self, id: DeviceId, acks: Vec<Ack>) {
        let Some(device) = self.devices.get_mut(&id) else { return };
        let mut changed = false;
        for ack in acks {
            let command = device.commands.iter_mut().find(|command| command.id == ack.id);
            if let Some(command) = command.filter(|command| command.ack.is_none()) {
                command.ack = Some(ack);
                changed = true;
            }
        }
        if changed {
            self.touch(RecordName::Device(id));
        }
    }

    /// The tokens of the oldest open commands, by number.
    #[must_use]
    pub fn open_commands(&self, id: DeviceId, now: Timestamp) -> Vec<String> {
        let commands = self.devices.get(&id).map(|device| device.commands.as_slice()).unwrap_or_default();
        let open = commands.iter().filter(|command| command.is_open(now));
        open.take(REPEATED).map(|command| command.token.clone()).collect()
    }

    /// Wakes the devices with open commands, after a restart.
    pub fn wake_commanded(&mut self, now: Timestamp) {
        let commanded = self
            .devices
            .values()
            .filter(|device| !device.retired && device.commands.iter().any(|command| command.is_open(now)));
        let devices: Vec<_> = commanded.map(|device| device.id).collect();
        self.wakes.wake(&devices, Wake::Commands);
    }
}

/// Whether a command orders the same.
fn is_same(command: &Ordered, kind: CommandKind, args: &Map<String, Value>) -> bool {
    command.kind == kind && command.args == *args
}

fn check(kind: CommandKind, args: &Map<String, Value>, expires_in: SignedDuration) -> Result<(), EditError> {
    let mut mistakes = Vec::new();
    if kind == CommandKind::Unknown {
        mistakes.push(Mistake::at("/kind".to_owned(), "is none of the protocol's kinds"));
    }
    for (name, value) in args {
        let known = kind == CommandKind::FetchImage && matches!(name.as_str(), "image" | "user");
        if !known || !value.as_str().is_some_and(|text| (1..=1_000).contains(&text.len())) {
            let at = format!("/args/{}", super::policy::pointer_word(name));
            mistakes.push(Mistake::at(at, "is no argument of this kind, or no text"));
        }
    }
    if expires_in <= SignedDuration::ZERO || expires_in > SignedDuration::from_hours(24 * LONGEST_DAYS) {
        mistakes.push(Mistake::at("/expires_in_s".to_owned(), "has to be positive and 30 days at most"));
    }
    super::edit::without(mistakes)
}

/// Forgets the oldest that are over, beyond fifty. They are in order of their numbers, so the highest stays.
fn forget(commands: &mut Vec<Ordered>, now: Timestamp) {
    let over = commands.iter().filter(|command| !command.is_open(now)).count();
    let mut excess = over.saturating_sub(HISTORY);
    commands.retain(|command| {
        let goes = excess > 0 && !command.is_open(now);
        excess -= usize::from(goes);
        !goes
    });
}
