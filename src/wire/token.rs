//! Compact JWS (RFC 7515), Ed25519 alone: signing, and the one way to a [`Verified`] document.
//!
//! In go untrusted text and a key; out comes what the key's holder signed, or which rule the text breaks. The
//! documents' own modules check the claims before they hand a [`Verified`] out, so that no other code can make one.

use std::fmt;
use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{self, JsonError};
use super::key::{PublicKey, SigningKey, Thumbprint, base64url, from_base64url};
use crate::domain::digest::Digest;

/// The kinds of signed objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Typ {
    /// The organization's signing keys, signed by its root.
    #[serde(rename = "keyset+jwt")]
    Keyset,
    /// What a device is assigned.
    #[serde(rename = "assignment+jwt")]
    Assignment,
    /// A device's license lease.
    #[serde(rename = "lease+jwt")]
    Lease,
    /// One command to a device.
    #[serde(rename = "command+jwt")]
    Command,
    /// The authentication of a request.
    #[serde(rename = "proof+jwt")]
    Proof,
}

impl Typ {
    /// The header's `typ`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyset => "keyset+jwt",
            Self::Assignment => "assignment+jwt",
            Self::Lease => "lease+jwt",
            Self::Command => "command+jwt",
            Self::Proof => "proof+jwt",
        }
    }

    /// The longest token of this kind that is looked at, in bytes.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::Proof => 4 << 10,
            Self::Keyset | Self::Lease | Self::Command => 64 << 10,
            Self::Assignment => 1 << 20,
        }
    }
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Before the first dot.
    Header,
    /// Between the dots.
    Payload,
    /// After the second dot.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Which rule a token breaks. No text of the token is repeated.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`Typ::limit`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts with two dots between.
    #[error("the token has not three parts")]
    Parts,
    /// A part is not base64url, or has padding or loose bits.
    #[error("the token's {0} is not strict base64url")]
    Base64(Part),
    /// The header is not what JSON and the protocol allow.
    #[error("cannot read the token's header")]
    Header(#[source] JsonError),
    /// `alg` is missing or other than `EdDSA`.
    #[error("the token's algorithm is not EdDSA")]
    Algorithm,
    /// The header holds a member that changes how a token is verified.
    #[error("the token's header holds {0}")]
    Forbidden(&'static str),
    /// `typ` is missing or another.
    #[error("the token is not of type {}", .0.name())]
    Type(Typ),
    /// `kid` is missing or no thumbprint.
    #[error("the token's kid is no thumbprint")]
    Kid,
    /// `kid` names another key than the one it is to be verified with.
    #[error("the token names another key")]
    OtherKey,
    /// The signature is not 64 bytes, or is not this key's over this text.
    #[error("the token's signature is invalid")]
    Signature,
    /// What is signed is not what the type wants.
    #[error("cannot read the token's payload")]
    Payload(#[source] JsonError),
}

/// Header members that would change how a token is verified. `b64` needs `crit` to have a meaning.
const FORBIDDEN: [&str; 5] = ["crit", "jwk", "jku", "x5c", "x5u"];

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: Typ,
    kid: Thumbprint,
}

impl SigningKey {
    /// Signs a payload.
    ///
    /// # Errors
    /// [`TokenError::Payload`] for what JSON cannot express.
    pub fn sign(&self, typ: Typ, payload: &impl Serialize) -> Result<String, TokenError> {
        let header = Header { alg: "EdDSA", typ, kid: self.thumbprint() };
        let header = json::write(&header).map_err(TokenError::Header)?;
        let payload = json::write(payload).map_err(TokenError::Payload)?;
        let mut token = format!("{}.{}", base64url(header), base64url(payload));
        let signature = base64url(self.signature(token.as_bytes()));
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }
}

/// What a key's holder signed, with all claims checked that the document's module checks. It reads as its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<T> {
    content: T,
    token: String,
    digest: Digest,
    signer: PublicKey,
}

impl<T> Verified<T> {
    /// The text that was verified, to be stored.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The payload's SHA-256: two documents are the same when their digests are.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The key that signed it, to be stored beside the token: with it a stored document is read again after the
    /// key has left the keyset.
    #[must_use]
    pub const fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The content alone.
    #[must_use]
    pub fn into_content(self) -> T {
        self.content
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

impl<T: fmt::Debug> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("content", &self.content)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A token whose form is right and whose signature nobody has looked at.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    text: &'a str,
    kid: Thumbprint,
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> Unverified<'a> {
    /// Checks the form and the header.
    pub(super) fn read(typ: Typ, text: &'a str) -> Result<Self, TokenError> {
        if text.len() > typ.limit() {
            return Err(TokenError::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Parts);
        };
        let bytes = |part, text: &str| from_base64url(text).ok_or(TokenError::Base64(part));
        let kid = kid_of(typ, &bytes(Part::Header, header)?)?;
        let payload = bytes(Part::Payload, payload)?;
        let signature = bytes(Part::Signature, signature)?;
        let signature = signature.try_into().map_err(|_| TokenError::Signature)?;
        Ok(Self { text, kid, payload, signature })
    }

    /// Which key it says has signed it.
    pub(super) const fn kid(&self) -> Thumbprint {
        self.kid
    }

    /// What it says, unverified: only to find the key to verify it with.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Result<T, TokenError> {
        json::parse_as(&self.payload).map_err(TokenError::Payload)
    }

    /// The one way to a [`Verified`]: checks the signature, then reads the payload.
    pub(super) fn verify<T: DeserializeOwned>(self, key: &PublicKey) -> Result<Verified<T>, TokenError> {
        if key.thumbprint() != self.kid {
            return Err(TokenError::OtherKey);
        }
        let (message, _) = self.text.rsplit_once('.').ok_or(TokenError::Parts)?;
        if !key.signed(message.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        let content = self.claims()?;
        let digest = Digest::of(&self.payload);
        Ok(Verified { content, token: self.text.to_owned(), digest, signer: *key })
    }
}

/// Checks a header and reads its `kid`.
fn kid_of(typ: Typ, header: &[u8]) -> Result<Thumbprint, TokenError> {
    let Value::Object(header) = json::parse(header).map_err(TokenError::Header)? else {
        return Err(TokenError::Algorithm);
    };
    if let Some(name) = FORBIDDEN.into_iter().find(|name| header.contains_key(*name)) {
        return Err(TokenError::Forbidden(name));
    }
    let text = |name| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("EdDSA") {
        return Err(TokenError::Algorithm);
    }
    if text("typ") != Some(typ.name()) {
        return Err(TokenError::Type(typ));
    }
    text("kid").and_then(|kid| kid.parse().ok()).ok_or(TokenError::Kid)
}

#[cfg(test)]
mod tests;
