//! Who asks: the steps of the protocol in their order, the cheap ones before any look-up.
//!
//! The sequence number, the last step, is checked by the model together with what it changes: two requests with one
//! number cannot both pass.

use axum::extract;
use axum::http::header;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::answer::Denial;
use super::body;
use crate::domain::ids::DeviceId;
use crate::portal::app::App;
use crate::wire::key::PublicKey;
use crate::wire::limits::REQUEST_BODY;
use crate::wire::problem::Refusal;
use crate::wire::proof::{Presented, Proof, ProofError, Request};
use crate::wire::token::Verified;

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Asked {
    parts: Parts,
    body: Vec<u8>,
}

impl Asked {
    /// Reads a request.
    pub(super) async fn read(request: extract::Request) -> Result<Self, Denial> {
        let (parts, body) = request.into_parts();
        Ok(Self { parts, body: body::read(body, REQUEST_BODY).await? })
    }

    /// The body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The query; empty where there is none.
    pub(super) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// The form of the proof.
    pub(super) fn presented(&self) -> Result<Presented<'_>, Denial> {
        let value = self.parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
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
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            body: &self.body,
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
