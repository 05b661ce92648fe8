use super::super::vectors::{key, keyset, now, text};
use super::*;
use serde_json::{Value, json};

fn verify(payload: &Value) -> Result<Verified<Keyset>, KeysetError> {
    let root = key("root");
    Keyset::verify(&root.public(), &root.sign(Typ::Keyset, payload).unwrap())
}

fn payload() -> Value {
    serde_json::to_value(&*keyset()).unwrap()
}

#[test]
fn a_keyset_that_contradicts_itself_is_refused() {
    assert!(verify(&payload()).is_ok());
    let mut twice = payload();
    twice["keys"][1] = twice["keys"][0].clone();
    assert!(matches!(verify(&twice), Err(KeysetError::Twice(_))));
    let mut misnamed = payload();
    misnamed["keys"][0]["kid"] = json!(key("device").thumbprint());
    assert!(matches!(verify(&misnamed), Err(KeysetError::Misnamed(_))));
}

#[test]
fn a_keyset_of_another_form_is_refused() {
    let weak = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (pointer, value) in [
        ("/iss", json!("organization")),
        ("/iat", json!("1764000000")),
        ("/version", json!(-1)),
        ("/version", json!(9_007_199_254_740_992_u64)),
        ("/version", json!(3.0)),
        ("/keys", json!({})),
        ("/keys/0/x", json!(weak)),
        ("/keys/0/use", json!("assignment")),
        ("/keys/0/not_after", json!(1_764_000_000)),
    ] {
        let mut payload = payload();
        *payload.pointer_mut(pointer).unwrap() = value;
        assert!(matches!(verify(&payload), Err(KeysetError::Token(TokenError::Payload(_)))), "{pointer}");
    }
    for member in ["iss", "iat", "version", "keys"] {
        let mut payload = payload();
        payload.as_object_mut().unwrap().remove(member);
        assert!(verify(&payload).is_err(), "{member}");
    }
}

#[test]
fn only_the_root_key_signs_a_keyset() {
    let stranger = key("assignment").sign(Typ::Keyset, &*keyset()).unwrap();
    let refused = Keyset::verify(&key("root").public(), &stranger);
    assert!(matches!(refused, Err(KeysetError::Token(TokenError::OtherKey))));
    let refused = Keyset::verify(&key("device").public(), &text("/keyset/token"));
    assert!(matches!(refused, Err(KeysetError::Token(TokenError::OtherKey))));
}

#[test]
fn unknown_members_and_uses_are_ignored() {
    let mut payload = payload();
    payload["next"] = json!({"anything": 1});
    payload["keys"][0]["use"] = json!(["assignment", "telepathy"]);
    let keyset = verify(&payload).unwrap();
    let kid = key("assignment").thumbprint();
    assert_eq!(keyset.key(kid, KeyUse::Assignment, now()), Ok(key("assignment").public()));
}

#[test]
fn a_key_is_judged_by_presence_use_and_time() {
    let keyset = keyset();
    let kid = key("assignment").thumbprint();
    let last = time::read("2027-11-24T16:00:00Z").unwrap();
    let after = time::read("2027-11-24T16:00:01Z").unwrap();
    assert_eq!(keyset.key(kid, KeyUse::Assignment, last), Ok(key("assignment").public()));
    assert_eq!(keyset.key(kid, KeyUse::Assignment, after), Err(KeyRefused::Expired(kid)));
    assert_eq!(keyset.key(kid, KeyUse::Lease, now()), Err(KeyRefused::Use(kid)));
    let other = key("device").thumbprint();
    assert_eq!(keyset.key(other, KeyUse::Assignment, now()), Err(KeyRefused::Unknown(other)));
}
