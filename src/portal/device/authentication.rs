//! Who asks: the steps of the protocol in their order, the cheap ones before any look-up.
//!
//! The sequence number, the last step, is checked by the model together with what it changes: two requests with one
//! number cannot both pass.

use axum::http::{HeaderMap, Method, header};
use jiff::Timestamp;

use super::answer::Denial;
use crate::domain::ids::DeviceId;
use crate::portal::app::App;
use crate::wire::key::PublicKey;
use crate::wire::problem::Refusal;
use crate::wire::proof::{Presented, Proof, ProofError, Request};
use crate::wire::token::Verified;

/// A request, as far as its proof speaks of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl<'a> Asked<'a> {
    /// The form of the proof.
    pub(super) fn presented(&self) -> Result<Presented<'a>, Denial> {
        let value = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Presented::read(value).map_err(|error| denied(&error))
    }

    /// Signature, claims and clock.
    pub(super) fn verify(
        &self,
        app: &App,
        presented: Presented<'_>,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<Verified<Proof>, Denial> {
        let issuer = presented.issuer();
        let proof = presented.signed_by(key).map_err(|error| denied(&error))?;
        let request = Request {
            issuer,
            origin: app.origins.named(&proof.aud),
            method: self.method.as_str(),
            path: self.path,
            body: self.body,
        };
        proof.check_claims(&request).and_then(|()| proof.check_clock(now)).map_err(|error| denied(&error))?;
        Ok(proof)
    }

    /// A device's request, verified up to its clock.
    pub(super) fn by_device(&self, app: &App, now: Timestamp) -> Result<(DeviceId, Verified<Proof>), Denial> {
        let presented = self.presented()?;
        let device = DeviceId::of(presented.issuer());
        let key = app.store.peek(|model| model.devices.get(&device).map(|device| device.key));
        let key = key.ok_or(Refusal::DeviceUnknown)?;
        Ok((device, self.verify(app, presented, &key, now)?))
    }
}

fn denied(error: &ProofError) -> Denial {
    Denial::Refused(error.refusal())
}
