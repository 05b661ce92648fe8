//! Documents that no agent may accept.

use jiff::Timestamp;

use super::Fault;
use crate::domain::ids::DeviceId;
use crate::portal::model::{Model, SignError, sign};
use crate::wire::key::SigningKey;
use crate::wire::token::Typ;

/// What stands in an answer in place of the real documents; `None` leaves the real one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forged {
    /// A keyset.
    pub keyset: Option<String>,
    /// An assignment.
    pub assignment: Option<String>,
}

/// The version of documents that are older than any real one.
const OLD: u64 = 1;

/// Makes what the fault wants for a device. Every forged assignment would give control back, so that an agent that
/// accepts it is found out.
///
/// # Errors
/// [`SignError`].
pub fn forge(model: &Model, id: DeviceId, fault: &Fault, now: Timestamp) -> Result<Forged, SignError> {
    if *fault == Fault::StaleKeyset {
        let keyset = model.organization.sign_keyset(OLD, now).map_err(SignError::Sign)?;
        return Ok(Forged { keyset: Some(keyset), assignment: None });
    }
    let device = model.devices.get(&id).ok_or(SignError::NoDevice)?;
    let current = device.issued.as_ref().map_or(OLD, |issued| issued.version);
    let mut desired = model.desired(device);
    desired.policy = None;
    let version = match fault {
        Fault::OlderAssignment => OLD,
        Fault::Equivocation => current,
        _ => current.saturating_add(1),
    };
    let mut payload = model.payload(device, &desired, version, now);
    let stranger;
    let key = match fault {
        Fault::OlderAssignment | Fault::Equivocation => &model.organization.signer,
        Fault::ForeignAssignment => {
            payload.claims.aud = DeviceId::random();
            &model.organization.signer
        }
        Fault::StrangerAssignment => {
            stranger = SigningKey::generate().map_err(SignError::Key)?;
            &stranger
        }
        _ => return Ok(Forged::default()),
    };
    Ok(Forged { keyset: None, assignment: Some(sign(key, Typ::Assignment, &payload)?) })
}
