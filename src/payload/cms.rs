//! What a signed profile carries: the content of CMS signed data (RFC 5652), without any judgment of the signature.
//!
//! `security cms -S` of macOS and `openssl cms -stream` write BER with lengths that are told at the end only, which the DER
//! readers at hand refuse. What is needed is the first way down, six headers, so it is walked here.

use super::der::{INTEGER, OID, SEQUENCE, SET, Walk};

/// Why no content is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Sealed {
    /// The structure ends early, or is of another shape.
    #[error("not a signed profile")]
    Malformed,
    /// It is encrypted for one Mac.
    #[error("encrypted, so that only the Mac it was made for can read it")]
    Encrypted,
    /// It is signed, and what was signed is signed.
    #[error("signed twice; sign the profile itself, once")]
    Twice,
    /// It is text.
    #[error("PEM text, as of a signature or a certificate; a signed profile is DER, which is bytes")]
    Armored,
    /// The signature stands apart from what it signs.
    #[error("a signature without the profile that it signs")]
    Detached,
}

const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const CONTENT: u8 = 0xa0;

/// `1.2.840.113549.1.7`, to which 1 (data), 2 (signed data) or 3 (enveloped data) is added.
const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// True for bytes that can only be CMS: no property list starts like this.
#[must_use]
pub fn is_signed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEQUENCE)
}

/// True for PEM text.
#[must_use]
pub fn is_armored(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN")
}

/// The content of signed data.
///
/// # Errors
/// There is none, or none to be read.
pub fn content(bytes: &[u8]) -> Result<Vec<u8>, Sealed> {
    let mut walk = Walk(bytes);
    walk.enter(SEQUENCE).ok_or(Sealed::Malformed)?;
    match kind(&mut walk).ok_or(Sealed::Malformed)? {
        2 => {}
        3 => return Err(Sealed::Encrypted),
        _ => return Err(Sealed::Malformed),
    }
    let length = inner(&mut walk).ok_or(Sealed::Malformed)?;
    let before = walk.0.len();
    if kind(&mut walk) != Some(1) {
        return Err(Sealed::Malformed);
    }
    // The certificates, which come next, have the same tag.
    if length == Some(before - walk.0.len()) || walk.0.starts_with(&[0, 0]) {
        return Err(Sealed::Detached);
    }
    let carried = walk.enter(CONTENT).and_then(|_| octets(&mut walk));
    carried.ok_or(Sealed::Malformed)
}

/// The way from the kind to the signed content; the length of what holds it, `None` where that is told by an end mark.
fn inner(walk: &mut Walk<'_>) -> Option<Option<usize>> {
    walk.enter(CONTENT)?;
    walk.enter(SEQUENCE)?;
    walk.whole(INTEGER)?;
    walk.whole(SET)?;
    walk.enter(SEQUENCE)
}

/// The last number of an object identifier of PKCS #7.
fn kind(walk: &mut Walk<'_>) -> Option<u8> {
    match walk.whole(OID)?.split_last() {
        Some((kind, PKCS7)) => Some(*kind),
        _ => None,
    }
}

/// A string of octets, in one piece or in several.
fn octets(walk: &mut Walk<'_>) -> Option<Vec<u8>> {
    if walk.0.first() == Some(&OCTETS) {
        return walk.whole(OCTETS).map(<[u8]>::to_vec);
    }
    let mut bytes = Vec::new();
    match walk.enter(OCTETS_IN_PIECES)? {
        Some(length) => {
            let mut pieces = Walk(walk.take(length)?);
            while !pieces.0.is_empty() {
                bytes.extend_from_slice(pieces.whole(OCTETS)?);
            }
        }
        None => {
            while !walk.0.starts_with(&[0, 0]) {
                bytes.extend_from_slice(walk.whole(OCTETS)?);
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = include_bytes!("../../tests/golden/profiles/custom-domain.mobileconfig");
    const DER: &[u8] = include_bytes!("../../tests/golden/profiles/signed.der.mobileconfig");
    const STREAMED: &[u8] = include_bytes!("../../tests/golden/profiles/signed.streamed.mobileconfig");

    #[test]
    fn what_is_signed_is_found_in_both_encodings() {
        assert_ne!(DER[1], 0x80);
        assert_eq!(STREAMED[1], 0x80, "lengths are told at the end");
        for signed in [DER, STREAMED] {
            assert!(is_signed(signed) && !is_signed(PLAIN));
            assert!(content(signed).unwrap() == PLAIN);
        }
    }

    #[test]
    fn what_holds_no_content_says_so() {
        let encrypted = include_bytes!("../../tests/golden/profiles/encrypted.mobileconfig");
        assert_eq!(content(encrypted), Err(Sealed::Encrypted));
        let detached = include_bytes!("../../tests/golden/profiles/detached.p7s");
        assert_eq!(content(detached), Err(Sealed::Detached));
        for bytes in [&b""[..], b"0", b"0\x80", b"0\x84\xff\xff\xff\xff", b"0\x85\x01", &DER[1..]] {
            assert_eq!(content(bytes), Err(Sealed::Malformed));
        }
    }

    #[test]
    fn a_cut_profile_is_no_profile() {
        let end = DER.windows(8).position(|window| window == b"</plist>").unwrap() + 8;
        for cut in 0..end {
            assert!(content(&DER[..cut]).is_err(), "{cut}");
        }
    }

    proptest::proptest! {
        #[test]
        fn damage_never_panics_and_never_makes_more_of_it(
            streamed: bool,
            changes in proptest::collection::vec((0_usize..120, proptest::prelude::any::<u8>()), 0..6),
        ) {
            let mut bytes = if streamed { STREAMED } else { DER }.to_vec();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            if let Ok(content) = content(&bytes) {
                proptest::prop_assert!(content.len() <= bytes.len());
            }
        }
    }
}
