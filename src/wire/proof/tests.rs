use super::super::vectors::{key, now, text};
use super::*;
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

const BODY: &[u8] = br#"{"reason":"startup"}"#;

fn request() -> Request<'static> {
    Request {
        issuer: Uuid::from_u128(2),
        origin: "https://portal.example",
        method: "POST",
        path: "/v1/checkin",
        body: BODY,
    }
}

fn accepted(header: &str) -> Result<Verified<Proof>, ProofError> {
    Presented::read(Some(header))?.signed_by(&key("device").public())
}

fn proof(request: &Request<'_>, seq: Option<u64>) -> Verified<Proof> {
    accepted(&authorization(&prove(&key("device"), request, now(), seq).unwrap())).unwrap()
}

#[test]
fn a_proof_fits_one_request_alone() {
    let mine = proof(&request(), Some(1));
    mine.check_claims(&request()).unwrap();
    for (claim, other) in [
        ("iss", Request { issuer: Uuid::from_u128(3), ..request() }),
        ("aud", Request { origin: "https://portal.example:8443", ..request() }),
        ("htm", Request { method: "PUT", ..request() }),
        ("htu", Request { path: "/v1/enrollments", ..request() }),
        ("body", Request { body: b"", ..request() }),
        ("body", Request { body: br#"{"reason": "startup"}"#, ..request() }),
    ] {
        assert!(
            matches!(mine.check_claims(&other), Err(ProofError::Claim(found)) if found == claim),
            "{claim}"
        );
    }
}

#[test]
fn wait_alone_has_no_sequence_number() {
    let poll = Request { method: "GET", path: wait::PATH, body: b"", ..request() };
    proof(&poll, None).check_claims(&poll).unwrap();
    assert!(matches!(proof(&poll, Some(1)).check_claims(&poll), Err(ProofError::Claim("seq"))));
    assert!(matches!(proof(&request(), None).check_claims(&request()), Err(ProofError::Claim("seq"))));
    proof(&poll, None).check_sequence(u64::MAX).unwrap();
}

#[test]
fn the_clock_may_be_off_by_300_seconds_either_way() {
    let proof = proof(&request(), Some(1));
    for (off, holds) in
        [(-301, false), (-300, true), (0, true), (300, true), (301, false), (i64::from(i32::MAX), false)]
    {
        let now = now() + SignedDuration::from_secs(off);
        assert_eq!(proof.check_clock(now).is_ok(), holds, "{off}");
    }
    let error = proof.check_clock(Timestamp::MIN).unwrap_err();
    assert_eq!(error.refusal(), Refusal::ClockSkew { server_time: Timestamp::MIN });
}

#[test]
fn a_sequence_number_is_above_the_floor() {
    let proof = proof(&request(), Some(10));
    proof.check_sequence(9).unwrap();
    for floor in [10, 11] {
        assert_eq!(proof.check_sequence(floor).unwrap_err().refusal(), Refusal::Sequence { floor });
    }
}

#[test]
fn a_request_without_a_whole_proof_is_refused_as_unsigned() {
    let token = text("/proofs/checkin/token");
    for header in [
        None,
        Some(String::new()),
        Some("Meridian".to_owned()),
        Some("Meridian ".to_owned()),
        Some(format!("Bearer {token}")),
        Some(token.clone()),
        Some(format!("Meridian  {token}")),
        Some(format!("Meridian {token},x")),
        Some(format!("Meridian {}", text("/assignment/token"))),
    ] {
        let error = Presented::read(header.as_deref()).unwrap_err();
        assert_eq!(error.refusal(), Refusal::SignatureInvalid, "{header:?}");
    }
    let refused =
        Presented::read(Some(&format!("meridian {token}"))).unwrap().signed_by(&key("root").public());
    assert_eq!(refused.unwrap_err().refusal(), Refusal::SignatureInvalid);
}

#[test]
fn claims_of_another_form_are_refused() {
    let good = serde_json::to_value(&*proof(&request(), Some(1))).unwrap();
    for (member, value) in [
        ("seq", json!(9_007_199_254_740_992_u64)),
        ("seq", json!(-1)),
        ("seq", json!(null)),
        ("seq", json!("1")),
        ("iat", json!(1.5)),
        ("iss", json!("me")),
        ("body", json!(null)),
        ("htm", json!(["POST"])),
    ] {
        let mut claims = good.clone();
        claims[member] = value.clone();
        let token = key("device").sign(Typ::Proof, &claims).unwrap();
        assert!(matches!(accepted(&authorization(&token)), Err(ProofError::Token(_))), "{member} {value}");
    }
}

proptest! {
    #[test]
    fn no_header_panics(header in ".*|Meridian [A-Za-z0-9_.-]{0,200}") {
        prop_assert!(accepted(&header).is_err());
    }

    #[test]
    fn another_body_never_fits(body in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assume!(body != BODY);
        let other = Request { body: &body, ..request() };
        prop_assert!(proof(&request(), Some(1)).check_claims(&other).is_err());
    }
}
