//! Forged leases. All but the one that is past its grace would take the license away, so that an agent that accepts one
//! is found out.

use jiff::{SignedDuration, Timestamp};

use super::{Hand, OLD, damage};
use crate::domain::ids::DeviceId;
use crate::portal::faults::Fault;
use crate::portal::model::device::Device;
use crate::portal::model::{Model, SignError};
use crate::wire::document::{Addressee, Judgement};
use crate::wire::lease::{Lease, LeaseState};
use crate::wire::token::Typ;

/// How long ago the lease was to be verified, and its grace ended, that is past both.
const PAST: SignedDuration = SignedDuration::from_hours(1);

/// Makes what the fault wants of the lease that a device has; `None` where it has none, or the fault wants none.
pub(super) fn forge(
    model: &Model,
    device: &Device,
    fault: &Fault,
    now: Timestamp,
) -> Result<Option<String>, SignError> {
    let issued = model.licensing.lessees.get(&device.id).and_then(|lessee| lessee.lease.as_ref());
    let Some(issued) = issued else { return Ok(None) };
    let addressee = Addressee { device: device.id, key: device.key.thumbprint() };
    let judgement = Judgement::Stored { signer: model.organization.signer.public() };
    let Ok(current) = Lease::verify(&issued.token, &addressee, judgement) else { return Ok(None) };
    let mut lease = Lease {
        claims: model.claims(device, now),
        seq: current.seq.saturating_add(1),
        state: LeaseState::Revoked,
        ..Lease::clone(&current)
    };
    let mut hand = Hand::Portal;
    match fault {
        Fault::OlderLease => lease.seq = OLD,
        Fault::LeaseEquivocation => lease.seq = current.seq,
        Fault::ForeignLease => lease.claims.aud = DeviceId::random(),
        Fault::StrangerLease => hand = Hand::Stranger,
        Fault::CorruptLease => {}
        Fault::OverdueLease => {
            lease.state = current.state;
            lease.verify_after = now.checked_sub(PAST).unwrap_or(now);
            lease.grace_until = lease.verify_after;
        }
        _ => return Ok(None),
    }
    let token = hand.sign(model, Typ::Lease, &lease)?;
    Ok(Some(if *fault == Fault::CorruptLease { damage(&token) } else { token }))
}
