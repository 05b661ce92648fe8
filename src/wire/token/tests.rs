use super::super::vectors::{key, text};
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn verify(typ: Typ, token: &str) -> Result<Verified<Value>, TokenError> {
    Unverified::read(typ, token)?.verify(&key("root").public())
}

/// A token with this header and payload, validly signed by the root key.
fn signed(header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let signature = base64url(key("root").signature(message.as_bytes()));
    format!("{message}.{signature}")
}

fn with_header(header: &Value) -> String {
    signed(header.to_string().as_bytes(), b"{}")
}

#[test]
fn what_is_signed_is_verified() {
    let kid = key("root").thumbprint();
    assert!(
        verify(Typ::Keyset, &with_header(&json!({"alg": "EdDSA", "typ": "keyset+jwt", "kid": kid}))).is_ok()
    );
    let unknown = json!({"alg": "EdDSA", "typ": "keyset+jwt", "kid": kid, "cty": "json", "b64": false});
    assert!(verify(Typ::Keyset, &with_header(&unknown)).is_ok());
}

#[test]
fn a_header_that_breaks_a_rule_is_refused_though_validly_signed() {
    let kid = key("root").thumbprint().to_string();
    let good = json!({"alg": "EdDSA", "typ": "keyset+jwt", "kid": kid});
    let with = |name: &str, value: Value| {
        let mut header = good.clone();
        header[name] = value;
        verify(Typ::Keyset, &with_header(&header))
    };
    for alg in
        [json!("none"), json!("HS256"), json!("eddsa"), json!("Ed25519"), json!(null), json!(["EdDSA"])]
    {
        assert!(matches!(with("alg", alg.clone()), Err(TokenError::Algorithm)), "{alg}");
    }
    for typ in [json!("JWT"), json!("assignment+jwt"), json!("KEYSET+JWT"), json!(null)] {
        assert!(matches!(with("typ", typ.clone()), Err(TokenError::Type(Typ::Keyset))), "{typ}");
    }
    for name in ["crit", "jwk", "jku", "x5c", "x5u"] {
        assert!(matches!(with(name, json!(null)), Err(TokenError::Forbidden(found)) if found == name));
    }
    for wrong in [json!(null), json!(""), json!(1), json!(format!("{kid}="))] {
        assert!(matches!(with("kid", wrong.clone()), Err(TokenError::Kid)), "{wrong}");
    }
    let other = json!(key("device").thumbprint());
    assert!(matches!(with("kid", other), Err(TokenError::OtherKey)));
    let twins = format!(r#"{{"alg":"none","alg":"EdDSA","typ":"keyset+jwt","kid":"{kid}"}}"#);
    assert!(matches!(verify(Typ::Keyset, &signed(twins.as_bytes(), b"{}")), Err(TokenError::Header(_))));
    assert!(matches!(verify(Typ::Keyset, &signed(b"[]", b"{}")), Err(TokenError::Algorithm)));
    assert!(matches!(verify(Typ::Keyset, &signed(b"", b"{}")), Err(TokenError::Header(_))));
}

#[test]
fn a_text_that_is_no_strict_token_is_refused() {
    let token = text("/keyset/token");
    let (message, signature) = token.rsplit_once('.').unwrap();
    let short = base64url([0; 63]);
    for (why, text) in [
        ("nothing", String::new()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{token}.")),
        ("parts before", format!(".{token}")),
        ("an unsigned token", format!("{message}.")),
        ("a short signature", format!("{message}.{short}")),
        ("a longer signature", format!("{token}AA")),
        ("padding", format!("{token}==")),
        // The last of 86 characters carries two bits: B has a loose one.
        ("loose bits", format!("{}B", &token[..token.len() - 1])),
        ("the other alphabet", format!("{message}.+{}", &signature[1..])),
        ("a line break", format!("{token}\n")),
        ("a space", format!(" {token}")),
        ("another's signature", format!("{message}.{}", text("/lease/token").rsplit_once('.').unwrap().1)),
        ("too long", format!("{token}{}", "A".repeat(Typ::Keyset.limit()))),
    ] {
        assert!(verify(Typ::Keyset, &text).is_err(), "{why}");
    }
    assert!(matches!(verify(Typ::Proof, &"A".repeat(5000)), Err(TokenError::TooLong)));
}

#[test]
fn a_payload_is_read_strictly_and_only_after_its_signature() {
    let header = json!({"alg": "EdDSA", "typ": "keyset+jwt", "kid": key("root").thumbprint()}).to_string();
    for payload in [&b""[..], b"{", b"{\"a\":1,\"a\":1}", b"{} ,", b"\xff"] {
        let token = signed(header.as_bytes(), payload);
        assert!(matches!(verify(Typ::Keyset, &token), Err(TokenError::Payload(_))), "{payload:?}");
        let (message, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", base64url([0; 64]));
        assert!(matches!(verify(Typ::Keyset, &forged), Err(TokenError::Signature)), "{payload:?}");
    }
}

#[test]
fn a_valid_token_passes_as_no_other_type() {
    let token = text("/keyset/token");
    for typ in [Typ::Assignment, Typ::Lease, Typ::Command, Typ::Proof] {
        assert!(matches!(verify(typ, &token), Err(TokenError::Type(_))), "{}", typ.name());
        assert_eq!(serde_json::to_value(typ).unwrap(), typ.name());
    }
}

#[test]
fn no_error_repeats_the_token() {
    let token = text("/keyset/token");
    let error = format!("{:?}", verify(Typ::Lease, &token).unwrap_err());
    assert!(!error.contains(&token[..20]), "{error}");
}

#[test]
fn each_byte_of_a_token_counts() {
    let token = text("/keyset/token");
    for position in 0..token.len() {
        for replacement in [b'A', b'B', b'-', b'.', b'=', b'\0'] {
            let mut bytes = token.clone().into_bytes();
            if std::mem::replace(&mut bytes[position], replacement) != replacement {
                let changed = String::from_utf8(bytes).unwrap();
                assert!(verify(Typ::Keyset, &changed).is_err(), "{position} {replacement}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*|[A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{86}") {
        prop_assert!(verify(Typ::Keyset, &text).is_err());
    }

    #[test]
    fn any_change_of_one_byte_is_refused(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut bytes = text("/keyset/token").into_bytes();
        let position = at.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        prop_assert!(verify(Typ::Keyset, &String::from_utf8(bytes).unwrap()).is_err());
    }

    #[test]
    fn any_header_and_payload_is_an_answer(header in prop::collection::vec(any::<u8>(), 0..80), payload in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = verify(Typ::Keyset, &signed(&header, &payload));
    }
}
