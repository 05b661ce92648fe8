//! `POST /v1/enrollments` and `GET /v1/portal`.

use meridian::domain::ids::{DeviceId, EnrollmentId};
use meridian::wire::key::SigningKey;
use meridian::wire::keyset::Keyset;
use meridian::wire::portal::PortalAnswer;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Mac, Stage, hours};

#[tokio::test]
async fn anyone_may_ask_what_the_portal_is() {
    let stage = Stage::new().await;
    let answer = Answer::of(stage.http.get(stage.url("/v1/portal")).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/json"));
    let answer: PortalAnswer = serde_json::from_value(answer.body).unwrap();
    assert_eq!(answer.api, [1]);
    assert_eq!(answer.server_time, stage.now());
    Keyset::verify(&stage.portal.root_key(), &answer.keyset).unwrap();
}

#[tokio::test]
async fn a_mac_enrolls_with_a_token_and_gets_what_its_group_is_assigned() {
    let stage = Stage::new().await;
    let (group, policy) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let token = stage.token(json!({"group": group})).await;
    let mut mac = Mac::new();
    let answer = mac.enroll(&stage, &token).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let assignment = mac.verify(&stage, answer.body["assignment"].as_str().unwrap());
    assert_eq!(assignment.group.as_ref().unwrap().id.to_string(), group);
    let given = assignment.policy.as_ref().unwrap();
    assert_eq!((given.id.to_string(), given.revision), (policy, 1));
    assert_eq!(given.settings["vms.corporate_only"], true);
    assert!(assignment.version >= stage.now().as_second().unsigned_abs());
}

#[tokio::test]
async fn the_same_enrollment_gets_the_same_answer_until_a_day_after_the_first_check_in() {
    let stage = Stage::new().await;
    let token = stage.token(json!({})).await;
    let mut mac = Mac::new();
    let first = mac.enroll(&stage, &token).await;
    stage.clock.advance(hours(100));
    let second = mac.enroll(&stage, &token).await;
    assert_eq!((second.status, &second.body["device_id"]), (201, &first.body["device_id"]));
    assert_eq!(second.body["assignment"], first.body["assignment"]);
    mac.settle(&stage).await;
    stage.clock.advance(hours(23));
    assert_eq!(mac.enroll(&stage, &token).await.body["device_id"], first.body["device_id"]);
    stage.clock.advance(hours(1));
    assert_eq!(mac.enroll(&stage, &token).await.problem(), (409, "enrollment-conflict"));
}

#[tokio::test]
async fn an_enrollment_id_belongs_to_one_key_and_a_key_to_one_device() {
    let stage = Stage::new().await;
    let token = stage.token(json!({"reusable": true})).await;
    let mut mac = Mac::new();
    let first = mac.enroll(&stage, &token).await;
    let mut other = Mac { enrollment: mac.enrollment, ..Mac::new() };
    assert_eq!(other.enroll(&stage, &token).await.problem(), (409, "enrollment-conflict"));
    mac.enrollment = EnrollmentId::random();
    let again = mac.enroll(&stage, &token).await;
    assert_eq!((again.status, &again.body["device_id"]), (201, &first.body["device_id"]));
}

#[tokio::test]
async fn tokens_are_judged() {
    let stage = Stage::new().await;
    let once = stage.token(json!({})).await;
    let reusable = stage.token(json!({"reusable": true})).await;
    let expired = stage.token(json!({"expires_at": "2026-01-05T08:00:00Z"})).await;
    let created = stage.admin(Method::POST, "/tokens", json!({})).await;
    let revoked = created.body["token"].as_str().unwrap();
    let path = format!("/tokens/{}", created.body["id"].as_str().unwrap());
    assert_eq!(stage.admin(Method::DELETE, &path, Value::Null).await.status, 204);
    for (token, expected) in [
        (once.as_str(), (201, "")),
        (&once, (403, "token-used")),
        (&reusable, (201, "")),
        (&reusable, (201, "")),
        (&expired, (403, "token-expired")),
        (revoked, (403, "token-invalid")),
        ("", (403, "token-invalid")),
        ("mer-enroll-guess", (403, "token-invalid")),
        (&once.to_uppercase(), (403, "token-invalid")),
    ] {
        let answer = Mac::new().enroll(&stage, token).await;
        assert_eq!(answer.problem(), expected, "{token}");
        assert!(!answer.body.to_string().contains("mer-enroll"), "{answer:?}");
    }
    let listed = stage.admin(Method::GET, "/tokens", Value::Null).await;
    assert!(!listed.body.to_string().contains(&once), "{listed:?}");
}

#[tokio::test]
async fn a_bad_member_is_malformed() {
    let stage = Stage::new().await;
    let token = stage.token(json!({"reusable": true})).await;
    for (pointer, value) in [
        ("/reason", json!("because")),
        ("/hostname", json!(null)),
        ("/hostname", json!("x".repeat(5_000))),
        ("/hardware/arch", json!("mips")),
        ("/hardware", json!([])),
        ("/token", json!(7)),
        ("/previous_device_id", json!("me")),
        ("/public_key", json!("AAAA")),
        ("/public_key", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let mut mac = Mac::new();
        let mut body = mac.enrollment_body(&token);
        match body.pointer_mut(pointer) {
            Some(member) => *member = value,
            None => body[&pointer[1..]] = value,
        }
        let answer = mac.post(&stage, "/v1/enrollments", mac.enrollment.uuid(), &body.to_string()).await;
        assert_eq!(answer.problem(), (400, "malformed"), "{pointer}");
    }
}

#[tokio::test]
async fn hardware_and_previous_device_are_claims_that_touch_no_other_record() {
    let stage = Stage::new().await;
    let victim = stage.enrolled(None).await;
    let token = stage.token(json!({})).await;
    let mut mac = Mac { serial: victim.serial.clone(), ..Mac::new() };
    let mut body = mac.enrollment_body(&token);
    body["previous_device_id"] = json!(victim.device);
    let answer = mac.post(&stage, "/v1/enrollments", mac.enrollment.uuid(), &body.to_string()).await;
    assert_eq!(answer.status, 201);
    let path = format!("/devices/{}", victim.device);
    assert_eq!(stage.admin(Method::GET, &path, Value::Null).await.body["retired"], false);
}

#[tokio::test]
async fn enrollments_of_one_hardware_are_slowed_down() {
    let stage = Stage::new().await;
    let token = stage.token(json!({"reusable": true})).await;
    let serial = Mac::new().serial;
    let mut slowed = 0;
    for _ in 0..25 {
        let answer = Mac { serial: serial.clone(), ..Mac::new() }.enroll(&stage, &token).await;
        if answer.status == 429 {
            assert_eq!(answer.media_type, "application/problem+json");
            slowed += 1;
        }
    }
    assert_eq!(slowed, 5);
    assert_eq!(Mac::new().enroll(&stage, &token).await.status, 201, "another Mac is not");
    stage.clock.advance(hours(1));
    assert_eq!(Mac { serial, ..Mac::new() }.enroll(&stage, &token).await.status, 201);
}

#[tokio::test]
async fn the_proof_has_to_be_the_new_keys_over_this_enrollment() {
    let stage = Stage::new().await;
    let token = stage.token(json!({"reusable": true})).await;
    let mut stranger = Mac::new();
    let body = stranger.enrollment_body(&token).to_string();
    stranger.key = SigningKey::generate().unwrap();
    let answer = stranger.post(&stage, "/v1/enrollments", stranger.enrollment.uuid(), &body).await;
    assert_eq!(answer.problem(), (401, "signature-invalid"));
    let mut mac = Mac::new();
    let body = mac.enrollment_body(&token).to_string();
    let answer = mac.post(&stage, "/v1/enrollments", DeviceId::random().uuid(), &body).await;
    assert_eq!(answer.problem(), (401, "signature-invalid"));
}

#[tokio::test]
async fn a_retired_key_enrolls_with_another_token_as_another_device() {
    let stage = Stage::new().await;
    let token = stage.token(json!({"reusable": true})).await;
    let mut mac = Mac::new();
    mac.enroll(&stage, &token).await;
    let retired = mac.device;
    stage.admin(Method::POST, &format!("/devices/{retired}/retire"), Value::Null).await;
    mac.enrollment = EnrollmentId::random();
    assert_eq!(mac.enroll(&stage, &token).await.problem(), (403, "token-used"));
    let other = stage.token(json!({})).await;
    assert_eq!(mac.enroll(&stage, &other).await.status, 201);
    assert_ne!(mac.device, retired);
}
