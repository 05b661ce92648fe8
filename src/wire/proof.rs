//! How a request is authenticated: a proof by the device's key over what is asked, when, and with which body.
//!
//! An agent calls [`prove`]. A portal takes the steps in the protocol's order, each a function that says which step
//! failed: [`Presented::read`] (form), a look-up of the device's key, [`Presented::signed_by`],
//! [`Proof::check_claims`], [`Proof::check_clock`], [`Proof::check_sequence`].

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::json::integer;
use super::key::{PublicKey, SigningKey, Thumbprint, base64url};
use super::limits::{AUTHORIZATION_SCHEME, CLOCK_TOLERANCE_S};
use super::problem::Refusal;
use super::time::NumericDate;
use super::token::{TokenError, Typ, Unverified, Verified};
use super::wait;
use crate::domain::digest::Digest;

/// The payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The device id; when enrolling, the enrollment id.
    pub iss: Uuid,
    /// The portal's origin.
    pub aud: String,
    /// The method.
    pub htm: String,
    /// The path without query.
    pub htu: String,
    /// When it was made, by the agent's clock and its known offset.
    pub iat: NumericDate,
    /// Greater than in every earlier proof of this key. None for [`wait`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sequence")]
    pub seq: Option<u64>,
    /// The base64url of the body's SHA-256.
    pub body: String,
}

fn sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    integer(deserializer).map(Some)
}

/// A request, as the agent sends it or as the portal received it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks: the device id, or the enrollment id.
    pub issuer: Uuid,
    /// The portal's origin, such as `https://portal.example`.
    pub origin: &'a str,
    /// The method, in capitals.
    pub method: &'a str,
    /// The path without query.
    pub path: &'a str,
    /// The body as sent; empty where there is none.
    pub body: &'a [u8],
}

impl Request<'_> {
    fn body_hash(&self) -> String {
        base64url(Digest::of(self.body).bytes())
    }
}

/// Why a proof does not authenticate a request.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no `Authorization` header of the scheme `Meridian`.
    #[error("the request has no proof")]
    Missing,
    /// The proof is not of the form it has to have, or not signed by the device's key.
    #[error("the proof is invalid")]
    Token(#[source] TokenError),
    /// It is for another request; the claim is named.
    #[error("the proof's {0} is another request's")]
    Claim(&'static str),
    /// It was made too long ago or too far ahead.
    #[error("the proof's time is off by more than {CLOCK_TOLERANCE_S} s")]
    Clock {
        /// The portal's clock.
        now: Timestamp,
    },
    /// Its sequence number is not above the floor.
    #[error("the proof's sequence number is not above {floor}")]
    Sequence {
        /// The highest number seen.
        floor: u64,
    },
}

impl ProofError {
    /// How the portal says so.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Missing | Self::Token(_) | Self::Claim(_) => Refusal::SignatureInvalid,
            Self::Clock { now } => Refusal::ClockSkew { server_time: *now },
            Self::Sequence { floor } => Refusal::Sequence { floor: *floor },
        }
    }
}

/// The proof for a request, without the scheme. [`wait`] has no sequence number.
///
/// # Errors
/// Those of [`SigningKey::sign`]; a proof can always be expressed.
pub fn prove(
    key: &SigningKey,
    request: &Request<'_>,
    iat: Timestamp,
    seq: Option<u64>,
) -> Result<String, TokenError> {
    let proof = Proof {
        iss: request.issuer,
        aud: request.origin.to_owned(),
        htm: request.method.to_owned(),
        htu: request.path.to_owned(),
        iat: NumericDate::of(iat),
        seq,
        body: request.body_hash(),
    };
    key.sign(Typ::Proof, &proof)
}

/// The value of the `Authorization` header for a proof.
#[must_use]
pub fn authorization(proof: &str) -> String {
    format!("{AUTHORIZATION_SCHEME} {proof}")
}

/// A proof whose form is right, from which the portal learns which key to verify it with.
#[derive(Debug)]
pub struct Presented<'a> {
    token: Unverified<'a>,
    issuer: Uuid,
}

impl<'a> Presented<'a> {
    /// The form: reads the value of the `Authorization` header.
    ///
    /// # Errors
    /// [`ProofError::Missing`] and [`ProofError::Token`].
    pub fn read(authorization: Option<&'a str>) -> Result<Self, ProofError> {
        let (scheme, token) =
            authorization.and_then(|value| value.split_once(' ')).ok_or(ProofError::Missing)?;
        if !scheme.eq_ignore_ascii_case(AUTHORIZATION_SCHEME) {
            return Err(ProofError::Missing);
        }
        let token = Unverified::read(Typ::Proof, token).map_err(ProofError::Token)?;
        let claims: Proof = token.claims().map_err(ProofError::Token)?;
        Ok(Self { token, issuer: claims.iss })
    }

    /// Who says to ask.
    #[must_use]
    pub const fn issuer(&self) -> Uuid {
        self.issuer
    }

    /// Which key says to have signed.
    #[must_use]
    pub const fn kid(&self) -> Thumbprint {
        self.token.kid()
    }

    /// The signature, by the key that the portal knows for the issuer.
    ///
    /// # Errors
    /// [`ProofError::Token`].
    pub fn signed_by(self, key: &PublicKey) -> Result<Verified<Proof>, ProofError> {
        self.token.verify(key).map_err(ProofError::Token)
    }
}

impl Proof {
    /// The claims: whether it is for this very request.
    ///
    /// # Errors
    /// [`ProofError::Claim`].
    pub fn check_claims(&self, request: &Request<'_>) -> Result<(), ProofError> {
        let claims = [
            ("iss", self.iss == request.issuer),
            ("aud", self.aud == request.origin),
            ("htm", self.htm == request.method),
            ("htu", self.htu == request.path),
            ("seq", self.seq.is_none() == (request.path == wait::PATH)),
            ("body", self.body == request.body_hash()),
        ];
        claims.into_iter().find(|(_, holds)| !holds).map_or(Ok(()), |(name, _)| Err(ProofError::Claim(name)))
    }

    /// The clock: whether it was made within 300 s of `now`.
    ///
    /// # Errors
    /// [`ProofError::Clock`].
    pub fn check_clock(&self, now: Timestamp) -> Result<(), ProofError> {
        let off = self.iat.seconds().abs_diff(now.as_second());
        if off > CLOCK_TOLERANCE_S { Err(ProofError::Clock { now }) } else { Ok(()) }
    }

    /// The sequence: whether its number is above the highest one seen of this key. [`wait`] has none and passes.
    ///
    /// # Errors
    /// [`ProofError::Sequence`].
    pub fn check_sequence(&self, floor: u64) -> Result<(), ProofError> {
        if self.seq.is_some_and(|seq| seq <= floor) { Err(ProofError::Sequence { floor }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
