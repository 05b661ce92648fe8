//! Forged commands: the open ones of a device as they must not be run, or one that would give the license back where none is
//! open.

use jiff::{SignedDuration, Timestamp};

use super::{Hand, OLD, damage};
use crate::domain::ids::{CommandId, DeviceId};
use crate::portal::faults::Fault;
use crate::portal::model::device::Device;
use crate::portal::model::{Model, SignError, next_version};
use crate::wire::command::{Command, CommandKind, LONGEST_DAYS, REPEATED};
use crate::wire::token::Typ;

/// For how long the one is good that is made up.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Makes what the fault wants; `None` where it wants no command.
pub(super) fn forge(
    model: &Model,
    device: &Device,
    fault: &Fault,
    now: Timestamp,
) -> Result<Option<Vec<String>>, SignError> {
    if *fault == Fault::ReplayedCommand {
        let done = device.commands.iter().filter(|command| command.ack.is_some());
        return Ok(Some(done.take(REPEATED).map(|command| command.token.clone()).collect()));
    }
    let genuine = genuine(model, device, now);
    let forged: Result<Option<Vec<_>>, _> =
        genuine.into_iter().map(|command| forged(model, command, fault, now)).collect();
    forged
}

/// The open commands.
fn genuine(model: &Model, device: &Device, now: Timestamp) -> Vec<Command> {
    let command = |id, seq, kind, expires_at| Command {
        claims: model.claims(device, now),
        id,
        seq,
        kind,
        args: serde_json::Map::new(),
        expires_at,
    };
    let open = device.commands.iter().filter(|command| command.is_open(now)).take(REPEATED);
    let open: Vec<_> = open.map(|known| command(known.id, known.seq, known.kind, known.expires_at)).collect();
    if !open.is_empty() {
        return open;
    }
    let last = device.commands.iter().map(|command| command.seq).max().unwrap_or(0);
    let until = now.checked_add(GOOD_FOR).unwrap_or(Timestamp::MAX);
    let kind = CommandKind::DeactivateLicense;
    vec![command(CommandId::random(), next_version(last, now), kind, until)]
}

fn forged(
    model: &Model,
    mut command: Command,
    fault: &Fault,
    now: Timestamp,
) -> Result<Option<String>, SignError> {
    let mut hand = Hand::Portal;
    match fault {
        Fault::OlderCommand => command.seq = OLD,
        Fault::ForeignCommand => command.claims.aud = DeviceId::random(),
        Fault::StrangerCommand => hand = Hand::Stranger,
        Fault::CorruptCommand => {}
        Fault::ExpiredCommand => command.expires_at = now,
        Fault::EndlessCommand => {
            let days = SignedDuration::from_hours(24 * (LONGEST_DAYS + 1));
            command.expires_at = now.checked_add(days).unwrap_or(Timestamp::MAX);
        }
        Fault::UnknownCommand => command.kind = CommandKind::Unknown,
        _ => return Ok(None),
    }
    let token = hand.sign(model, Typ::Command, &command)?;
    Ok(Some(if *fault == Fault::CorruptCommand { damage(&token) } else { token }))
}
