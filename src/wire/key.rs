//! Ed25519 keys and their RFC 7638 thumbprints.
//!
//! In go 32 bytes or their base64url; out come keys that are safe to verify with. ring checks that a signature's
//! scalar is reduced and that its point is encoded canonically; it takes keys of small order, under which one
//! signature fits many messages, and keys that are not encoded canonically. Both are refused here.

mod curve;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::digest::Digest;

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the base64url, without padding, of 32 bytes.
    #[error("not the base64url of 32 bytes")]
    Form,
    /// A point that is not encoded canonically or has a small order.
    #[error("a weak or non-canonical Ed25519 key")]
    Weak,
    /// The system gave no random bytes.
    #[error("the system has no random numbers")]
    Random,
}

/// Reads base64url without padding and without loose bits.
pub(super) fn from_base64url(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Writes base64url without padding.
pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 32 bytes of their base64url.
fn bytes_of(text: &str) -> Result<[u8; 32], KeyError> {
    from_base64url(text).and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Form)
}

macro_rules! base64url_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// The RFC 7638 thumbprint of a public key: its `kid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

base64url_text!(Thumbprint);

impl FromStr for Thumbprint {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        bytes_of(text).map(Self)
    }
}

/// A public key that is safe to verify with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

base64url_text!(PublicKey);

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        bytes_of(text).and_then(Self::new)
    }
}

impl PublicKey {
    /// The key with this encoding.
    ///
    /// # Errors
    /// [`KeyError::Weak`] for a point of small order or one that is not encoded canonically.
    pub fn new(bytes: [u8; 32]) -> Result<Self, KeyError> {
        if is_weak(&bytes) { Err(KeyError::Weak) } else { Ok(Self(bytes)) }
    }

    /// Whether there is such a point at all. One that is none is never verified with; telling it costs more than all else
    /// here, so that it is asked where a person may have mistyped a key.
    #[must_use]
    pub fn is_on_the_curve(&self) -> bool {
        curve::is_point(&self.0)
    }

    /// The encoded point.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's `kid`.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{self}"}}"#);
        Thumbprint(*Digest::of(jwk.as_bytes()).bytes())
    }

    /// Whether this key signed the message; strictly, so that no second signature fits.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let mut point = [0; 32];
        point.copy_from_slice(&signature[..32]);
        !is_weak(&point) && UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

/// Whether the encoding of a point is not canonical, or is one of a point whose order divides 8.
fn is_weak(encoded: &[u8; 32]) -> bool {
    let mut y = *encoded;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y) || (y[0] >= 0xed && y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff))
}

/// The y coordinates, little-endian, of the eight points of small order. Each stands for both signs of x, and with
/// it for the encodings of x = 0 with a sign. Those of p and p + 1, which mean 0 and 1, are not canonical.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];

/// A private key. `Debug` shows the public half alone.
pub struct SigningKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    public: PublicKey,
    thumbprint: Thumbprint,
}

impl SigningKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::Random)?;
        Self::from_seed(seed)
    }

    /// The key of these 32 secret bytes (RFC 8032, the private key).
    ///
    /// # Errors
    /// [`KeyError::Weak`]; no seed is known to give such a key.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Weak)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Form)?;
        let public = PublicKey::new(bytes)?;
        Ok(Self { seed, pair, public, thumbprint: public.thumbprint() })
    }

    /// The secret bytes, to be stored where no other may read them.
    #[must_use]
    pub const fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The `kid`.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The signature of a message.
    pub(super) fn signature(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.pair.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

#[cfg(test)]
mod tests;
