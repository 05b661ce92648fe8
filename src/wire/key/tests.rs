use super::*;
use proptest::prelude::*;

/// p = 2^255 − 19, plus a little, little-endian.
fn p_and(more: u8) -> [u8; 32] {
    let mut y = [0xff; 32];
    y[0] = 0xed + more;
    y[31] = 0x7f;
    y
}

fn with_sign(mut y: [u8; 32]) -> [u8; 32] {
    y[31] |= 0x80;
    y
}

#[test]
fn weak_keys_are_refused() {
    let weak = SMALL_ORDER.into_iter().chain((0..=18).map(p_and));
    for y in weak {
        assert_eq!(PublicKey::new(y), Err(KeyError::Weak), "{y:x?}");
        assert_eq!(PublicKey::new(with_sign(y)), Err(KeyError::Weak), "{y:x?}");
    }
    // The greatest canonical y of a point of full order is fine.
    let mut y = p_and(0);
    y[0] = 0xeb;
    assert!(PublicKey::new(y).is_ok());
}

#[test]
fn without_that_refusal_one_signature_would_fit_every_message() {
    let neutral = SMALL_ORDER[1];
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&neutral);
    for message in ["one", "another"] {
        assert!(UnparsedPublicKey::new(&ED25519, neutral).verify(message.as_bytes(), &signature).is_ok());
        assert!(!PublicKey(neutral).signed(message.as_bytes(), &signature));
    }
}

#[test]
fn a_signature_with_a_point_of_small_order_is_refused() {
    // Made with the seed of 32 times 2 by choosing r = 0, which no honest signer does.
    let key = SigningKey::from_seed([2; 32]).unwrap();
    let text = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC1Q1daWLJ-G9ZHPQmi64y4Nt3gwmMZnFvEJSopopW9AQ";
    let signature: [u8; 64] = from_base64url(text).unwrap().try_into().unwrap();
    assert!(UnparsedPublicKey::new(&ED25519, key.public().bytes()).verify(b"message", &signature).is_ok());
    assert!(!key.public().signed(b"message", &signature));
}

#[test]
fn a_second_scalar_for_the_same_signature_is_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let key = SigningKey::from_seed([2; 32]).unwrap();
    let mut signature: [u8; 64] = key.signature(b"message").as_ref().try_into().unwrap();
    assert!(key.public().signed(b"message", &signature));
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!key.public().signed(b"message", &signature));
}

#[test]
fn a_key_comes_back_from_its_seed_and_does_not_show_it() {
    let key = SigningKey::generate().unwrap();
    let again = SigningKey::from_seed(*key.seed()).unwrap();
    assert_eq!(key.public(), again.public());
    assert_ne!(key.public(), SigningKey::generate().unwrap().public());
    assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public()));
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_written_back(text in ".*|[A-Za-z0-9_-]{43}") {
        if let Ok(key) = text.parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        if let Ok(thumbprint) = text.parse::<Thumbprint>() {
            prop_assert_eq!(thumbprint.to_string(), text);
        }
    }
}
