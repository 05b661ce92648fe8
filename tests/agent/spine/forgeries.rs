//! Leases and commands that the portal did not sign, or signed for somebody else, or for another time: nothing runs, the
//! license stays, `status` names the problem where there is one, and it is over by itself.

use meridian::license::Stage;
use meridian::portal::demo::admin::Admin;
use meridian::simulator::DEMO_KEY;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::{TestEnvironment, has_problem};

/// A Mac with a lease.
async fn leased() -> TestEnvironment {
    let environment = TestEnvironment::start().await;
    let license = json!({ "name": "Demo", "product": "enterprise", "seats": 9, "key": DEMO_KEY });
    environment.admin.ask(Method::POST, "/licenses", Some(&license)).await.unwrap();
    environment.until_enrolled().await;
    environment.order_sync().await;
    environment
        .until("leased", |status| status.license.lease.is_some() && status.license.stage == Stage::Active)
        .await;
    environment
}

/// How the agent itself says that its license stands.
async fn stage(environment: &TestEnvironment) -> Stage {
    environment.status().await.unwrap().license.stage
}

/// How often the agent has given the license back.
fn deactivations(environment: &TestEnvironment) -> usize {
    let called = |word: &str| {
        environment.calls().iter().filter(|call| call.argv.iter().any(|arg| arg == word)).count()
    };
    called("deactivate-license")
}

async fn commands_path(environment: &TestEnvironment) -> String {
    format!("/devices/{}/commands", environment.device().await["id"].as_str().unwrap())
}

async fn order(environment: &TestEnvironment, kind: &str) {
    let path = commands_path(environment).await;
    environment.admin.ask(Method::POST, &path, Some(&json!({ "kind": kind }))).await.unwrap();
}

/// Waits until the portal has heard what became of its last command. Of two check-ins that nobody orders the second waits.
async fn until_command(environment: &TestEnvironment, state: &str) {
    let told = async |_: &Admin| {
        environment.sync().await;
        (last_command(environment).await == state).then_some(())
    };
    environment.until_portal(state, told).await;
}

async fn last_command(environment: &TestEnvironment) -> Value {
    environment.admin.list(&commands_path(environment).await).await.unwrap().pop().unwrap()["state"].clone()
}

/// Checks in until what the portal forges is refused; a check-in that was under way already has not met it.
async fn until_refused(environment: &TestEnvironment, code: &str) {
    let refused = async |_: &Admin| has_problem(&environment.sync().await, code).then_some(());
    environment.until_portal(code, refused).await;
}

#[tokio::test]
async fn a_lease_that_is_not_the_portals_word_to_this_mac_is_refused() {
    let environment = leased().await;
    for (kind, code) in [
        ("older_lease", "lease-rollback"),
        ("lease_equivocation", "lease-equivocation"),
        ("foreign_lease", "lease-foreign"),
        ("stranger_lease", "lease-signature"),
        ("corrupt_lease", "lease-signature"),
    ] {
        environment.misbehave("checkin", json!({ "kind": kind })).await;
        until_refused(&environment, code).await;
        assert_eq!(stage(&environment).await, Stage::Active, "{kind}");

        environment.heal().await;
        environment.sync().await;
        environment.until("healed", |status| !has_problem(status, code)).await;
        assert_eq!(stage(&environment).await, Stage::Active, "{kind}");
    }
    assert_eq!(deactivations(&environment), 0);
}

#[tokio::test]
async fn a_lease_whose_grace_is_over_is_told_and_verified_anew() {
    let environment = leased().await;
    environment.misbehave("checkin", json!({ "kind": "overdue_lease" })).await;
    environment.sync().await;
    environment.until_problem("license-in-grace").await;
    environment.heal().await;
    environment.sync().await;
    environment.until("verified", |status| !has_problem(status, "license-in-grace")).await;
    assert_eq!(stage(&environment).await, Stage::Active);
    assert_eq!(deactivations(&environment), 0);
}

#[tokio::test]
async fn a_command_that_is_not_the_portals_word_to_this_mac_is_not_run() {
    let environment = leased().await;
    environment.misbehave("checkin", json!({ "kind": "stranger_command" })).await;
    order(&environment, "deactivate_license").await;
    for (kind, code) in [
        ("foreign_command", "command-foreign"),
        ("stranger_command", "command-signature"),
        ("corrupt_command", "command-signature"),
        ("endless_command", "command-signature"),
    ] {
        environment.misbehave("checkin", json!({ "kind": kind })).await;
        until_refused(&environment, code).await;
        assert_eq!(last_command(&environment).await, "open", "{kind}");
        assert_eq!(deactivations(&environment), 0, "{kind}");
    }
    environment.heal().await;
    let healed = environment.sync().await;
    assert!(!has_problem(&healed, "command-signature"), "{:#?}", healed.health.problems);
    until_command(&environment, "succeeded").await;
    assert_eq!(deactivations(&environment), 1, "the real one ran, once");
}

#[tokio::test]
async fn a_command_that_is_too_late_too_old_or_not_known_is_answered_so_and_not_run() {
    let environment = leased().await;
    order(&environment, "refresh_inventory").await;
    environment.sync().await;
    until_command(&environment, "succeeded").await;
    for (kind, state) in
        [("expired_command", "expired"), ("older_command", "expired"), ("unknown_command", "unsupported")]
    {
        environment.misbehave("checkin", json!({ "kind": kind })).await;
        order(&environment, "deactivate_license").await;
        environment.sync().await;
        until_command(&environment, state).await;
        environment.heal().await;
        environment.sync().await;
        assert_eq!(deactivations(&environment), 0, "{kind}");
        assert_eq!(stage(&environment).await, Stage::Active, "{kind}");
    }
}

#[tokio::test]
async fn a_command_that_is_replayed_runs_once() {
    let environment = leased().await;
    order(&environment, "deactivate_license").await;
    environment.sync().await;
    until_command(&environment, "succeeded").await;
    assert_eq!(deactivations(&environment), 1);
    environment.misbehave("checkin", json!({ "kind": "replayed_command" })).await;
    environment.sync().await;
    environment.sync().await;
    environment.heal().await;
    // What is ordered after them is done after them.
    order(&environment, "refresh_inventory").await;
    environment.sync().await;
    until_command(&environment, "succeeded").await;
    assert_eq!(deactivations(&environment), 1);
}
