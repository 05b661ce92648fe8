//! Documents that no agent may accept, or act on.

use jiff::Timestamp;
use serde::Serialize;

use super::Fault;
use crate::domain::ids::DeviceId;
use crate::portal::model::device::Device;
use crate::portal::model::{Model, SignError, sign};
use crate::wire::checkin::CheckinAnswer;
use crate::wire::enrollment::EnrollmentAnswer;
use crate::wire::key::SigningKey;
use crate::wire::token::Typ;

mod command;
mod lease;

/// What stands in an answer in place of the real documents; `None` leaves the real one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forged {
    /// A keyset.
    pub keyset: Option<String>,
    /// An assignment.
    pub assignment: Option<String>,
    /// A lease.
    pub lease: Option<String>,
    /// Commands.
    pub commands: Option<Vec<String>>,
}

impl Forged {
    /// Puts what is forged into the answer to a check-in.
    pub fn into_checkin(self, answer: &mut CheckinAnswer) {
        answer.keyset = self.keyset.or_else(|| answer.keyset.take());
        answer.assignment = self.assignment.or_else(|| answer.assignment.take());
        answer.lease = self.lease.or_else(|| answer.lease.take());
        if let Some(commands) = self.commands {
            answer.commands = commands;
        }
    }

    /// Puts what is forged into the answer to an enrollment, which brings no commands.
    pub fn into_enrollment(self, answer: &mut EnrollmentAnswer) {
        answer.lease = self.lease.or_else(|| answer.lease.take());
        if let Some(keyset) = self.keyset {
            answer.keyset = keyset;
        }
        if let Some(assignment) = self.assignment {
            answer.assignment = assignment;
        }
    }
}

/// The version of documents that are older than any real one.
const OLD: u64 = 1;

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// The portal, with its key.
    Portal,
    /// Somebody with a key of nobody's.
    Stranger,
}

impl Hand {
    fn sign(self, model: &Model, typ: Typ, payload: &impl Serialize) -> Result<String, SignError> {
        match self {
            Self::Portal => sign(&model.organization.signer, typ, payload),
            Self::Stranger => sign(&SigningKey::generate().map_err(SignError::Key)?, typ, payload),
        }
    }
}

/// A token whose signature took harm on the way.
fn damage(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or(("", token));
    let rest = signature.get(1..).unwrap_or_default();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{rest}")
}

/// Makes what the fault wants for a device.
///
/// # Errors
/// [`SignError`].
pub fn forge(model: &Model, id: DeviceId, fault: &Fault, now: Timestamp) -> Result<Forged, SignError> {
    if *fault == Fault::StaleKeyset {
        let keyset = model.organization.sign_keyset(OLD, now).map_err(SignError::Sign)?;
        return Ok(Forged { keyset: Some(keyset), ..Forged::default() });
    }
    let device = model.devices.get(&id).ok_or(SignError::NoDevice)?;
    Ok(Forged {
        keyset: None,
        assignment: assignment(model, device, fault, now)?,
        lease: lease::forge(model, device, fault, now)?,
        commands: command::forge(model, device, fault, now)?,
    })
}

/// Every forged assignment would give control back, so that an agent that accepts it is found out.
fn assignment(
    model: &Model,
    device: &Device,
    fault: &Fault,
    now: Timestamp,
) -> Result<Option<String>, SignError> {
    let current = device.issued.as_ref().map_or(OLD, |issued| issued.version);
    let mut desired = model.desired(device);
    desired.policy = None;
    let mut payload = model.payload(device, &desired, current.saturating_add(1), now);
    let mut hand = Hand::Portal;
    match fault {
        Fault::OlderAssignment => payload.version = OLD,
        Fault::Equivocation => payload.version = current,
        Fault::ForeignAssignment => payload.claims.aud = DeviceId::random(),
        Fault::StrangerAssignment => hand = Hand::Stranger,
        _ => return Ok(None),
    }
    hand.sign(model, Typ::Assignment, &payload).map(Some)
}
