//! The portal is down, or something answers in its place, or it signs what it should not: enforcement is unchanged,
//! `status` names the problem, and it is over by itself.

use serde_json::{Value, json};

use super::super::support::{TestEnvironment, has_problem};
use super::{CORPORATE, corporate};

async fn enforced() -> TestEnvironment {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_enforced().await;
    environment
}

/// Lets check-ins go wrong, and shows all three.
async fn survives(fault: Value, code: &str) {
    let environment = enforced().await;
    let before = environment.status().await.unwrap().assignment.unwrap();
    let changes = environment.calls().len();
    environment.misbehave("checkin", fault).await;
    let failed = environment.sync().await;
    assert!(has_problem(&failed, code), "{:#?}", failed.health.problems);
    assert_eq!(environment.cli(["status", "--check"]).await.code, 3);

    let during = failed.assignment.unwrap();
    assert_eq!((during.version, during.policy), (before.version, before.policy), "the assignment stands");
    assert_eq!(environment.restrictions(), CORPORATE);
    environment.edit(|state| state.service.require_password.add_vm = false);
    environment.until_restricted(&CORPORATE).await;
    let sets = environment.calls().split_off(changes);
    let lifted = sets.iter().any(|call| call.argv.iter().any(|word| word.ends_with(":off")));
    assert!(!lifted, "nothing is loosened: {sets:#?}");

    environment.heal().await;
    let healed = environment.sync().await;
    assert!(!has_problem(&healed, code), "{:#?}", healed.health.problems);
    assert!(healed.checkin.last.unwrap().succeeded);
    assert_eq!(environment.restrictions(), CORPORATE);
}

#[tokio::test]
async fn the_portal_is_down() {
    survives(json!({ "kind": "down" }), "portal-unreachable").await;
}

#[tokio::test]
async fn a_bare_401() {
    survives(json!({ "kind": "bare401" }), "portal-unreachable").await;
}

#[tokio::test]
async fn a_page_in_html() {
    survives(json!({ "kind": "html" }), "portal-unreachable").await;
}

#[tokio::test]
async fn garbage() {
    survives(json!({ "kind": "garbage" }), "portal-unreachable").await;
}

#[tokio::test]
async fn half_a_body() {
    survives(json!({ "kind": "half_body" }), "portal-unreachable").await;
}

#[tokio::test]
async fn an_answer_to_another_request() {
    survives(json!({ "kind": "wrong_request_id" }), "portal-unreachable").await;
}

#[tokio::test]
async fn an_older_assignment() {
    survives(json!({ "kind": "older_assignment" }), "assignment-rollback").await;
}

#[tokio::test]
async fn another_assignment_of_the_same_version() {
    survives(json!({ "kind": "equivocation" }), "assignment-equivocation").await;
}

#[tokio::test]
async fn an_assignment_signed_by_a_stranger() {
    survives(json!({ "kind": "stranger_assignment" }), "assignment-signature").await;
}

#[tokio::test]
async fn an_assignment_for_another_device() {
    survives(json!({ "kind": "foreign_assignment" }), "assignment-foreign").await;
}

#[tokio::test]
async fn an_older_keyset() {
    survives(json!({ "kind": "stale_keyset" }), "keyset-invalid").await;
}
