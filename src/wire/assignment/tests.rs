use super::super::keyset::KeyRefused;
use super::super::token::TokenError;
use super::super::vectors::{addressee, key, keyset, now, text};
use super::*;
use serde_json::json;

fn payload() -> Value {
    super::super::json::parse(text("/assignment/payload").as_bytes()).unwrap()
}

fn sign(payload: &Value) -> String {
    key("assignment").sign(Typ::Assignment, payload).unwrap()
}

fn arrive(token: &str) -> Result<Verified<Assignment>, DocumentError> {
    Assignment::verify(token, &addressee(), Judgement::Arriving { keyset: &keyset(), now: now() })
}

fn stored(token: &str) -> Result<Verified<Assignment>, DocumentError> {
    Assignment::verify(token, &addressee(), Judgement::Stored { signer: key("assignment").public() })
}

fn with(pointer: &str, value: Value) -> String {
    let mut payload = payload();
    *payload.pointer_mut(pointer).unwrap() = value;
    sign(&payload)
}

#[test]
fn another_macs_document_is_worthless() {
    let another = "77777777-0000-4000-8000-000000000007";
    let token = with("/aud", json!(another));
    assert!(matches!(arrive(&token), Err(DocumentError::OtherDevice)));
    assert!(matches!(stored(&token), Err(DocumentError::OtherDevice)));
    let token = with("/cnf/jkt", json!(key("root").thumbprint()));
    assert!(matches!(arrive(&token), Err(DocumentError::OtherDeviceKey)));
    assert!(matches!(stored(&token), Err(DocumentError::OtherDeviceKey)));
    let error = arrive(&with("/iss", json!(another))).unwrap_err();
    assert!(matches!(error, DocumentError::OtherOrganization));
    assert!(error.is_foreign());
}

#[test]
fn a_document_may_need_a_later_keyset() {
    assert!(arrive(&with("/keyset", json!(3))).is_ok());
    let refused = arrive(&with("/keyset", json!(4)));
    assert!(matches!(refused, Err(DocumentError::KeysetTooOld { needed: 4, present: 3 })));
}

#[test]
fn a_key_must_be_there_for_assignments_and_in_time_when_the_document_arrives() {
    let lease_key = key("lease_command").sign(Typ::Assignment, &payload()).unwrap();
    assert!(matches!(arrive(&lease_key), Err(DocumentError::Key(KeyRefused::Use(_)))));
    let stranger = key("device").sign(Typ::Assignment, &payload()).unwrap();
    assert!(matches!(arrive(&stranger), Err(DocumentError::Key(KeyRefused::Unknown(_)))));
    assert!(matches!(stored(&stranger), Err(DocumentError::Token(TokenError::OtherKey))));
    let late = Judgement::Arriving { keyset: &keyset(), now: time::read("2028-01-01T00:00:00Z").unwrap() };
    let refused = Assignment::verify(&text("/assignment/token"), &addressee(), late);
    assert!(matches!(refused, Err(DocumentError::Key(KeyRefused::Expired(_)))));
}

#[test]
fn a_stored_document_does_not_lapse_but_stays_signed() {
    let token = text("/assignment/token");
    assert!(stored(&token).is_ok());
    let (message, _) = token.rsplit_once('.').unwrap();
    let (_, other) =
        text("/lease/token").rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let forged = format!("{message}.{other}");
    assert!(matches!(stored(&forged), Err(DocumentError::Token(TokenError::Signature))));
    assert!(matches!(arrive(&forged), Err(DocumentError::Token(TokenError::Signature))));
}

#[test]
fn absence_is_not_null() {
    for member in payload().as_object().unwrap().keys() {
        let mut payload = payload();
        payload.as_object_mut().unwrap().remove(member);
        let refused = arrive(&sign(&payload));
        assert!(matches!(refused, Err(DocumentError::Token(TokenError::Payload(_)))), "{member}");
    }
    for member in ["/group", "/policy", "/golden_image"] {
        assert!(arrive(&with(member, json!(null))).is_ok(), "{member}");
    }
    for member in ["/retired", "/configuration_profiles", "/version", "/policy/settings", "/policy/id"] {
        assert!(arrive(&with(member, json!(null))).is_err(), "{member}");
    }
    assert!(arrive(&with("/version", json!(9_007_199_254_740_992_u64))).is_err());
}

#[test]
fn unknown_members_are_ignored_and_null_is_written() {
    let mut payload = payload();
    payload["x_future"] = json!([1]);
    payload["policy"] = json!(null);
    let assignment = arrive(&sign(&payload)).unwrap();
    assert_eq!(assignment.policy, None);
    let written = serde_json::to_value(&*assignment).unwrap();
    for member in ["group", "policy", "golden_image"] {
        assert!(written.get(member).is_some(), "{member}");
    }
}

#[test]
fn a_golden_image_names_a_file_a_processor() {
    let digest = Digest::of(b"");
    let file = json!({"url": "https://images.example/a", "sha256": digest, "size": 1, "unpacked_size": 2});
    let image = json!({"id": "88888888-0000-4000-8000-000000000008", "name": "Windows", "description": "",
                       "images": {"arm64": file, "riscv64": {}}});
    let assignment = arrive(&with("/golden_image", image)).unwrap();
    let images = &assignment.golden_image.as_ref().unwrap().images;
    assert_eq!(images.of(Arch::Arm64).unwrap().sha256, digest);
    assert_eq!(images.of(Arch::X86), None);
}

#[test]
fn stale_is_after_refresh_by() {
    let assignment = arrive(&text("/assignment/token")).unwrap();
    assert!(!assignment.is_stale(assignment.refresh_by));
    assert!(assignment.is_stale(time::read("2025-12-24T16:00:01Z").unwrap()));
}
