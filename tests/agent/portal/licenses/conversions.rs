//! Conversions: from Business to Enterprise, a trial made permanent, and people who move.

use super::*;

#[tokio::test]
async fn a_conversion_keeps_macs_activated_and_suspends_the_trial() {
    let stage = Stage::new().await;
    let (business, key) = license(&stage, "business", "per_device", 3).await;
    let (trial, trial_key) = license(&stage, "enterprise_trial", "per_device", 3).await;
    let image = stage.make("/images", json!({"name": "Windows 11"})).await;
    let (mut worker, first) = activated(&stage, by_key(&key)).await;
    let (mut tester, _) = activated(&stage, by_key(&trial_key)).await;
    let policy =
        stage.make("/policies", json!({"name": "p", "settings": {"vms.corporate_only": true}})).await;
    let assign = |license: &str| (format!("/licenses/{license}/policy"), json!({"policy": policy}));
    let (path, body) = assign(&business);
    assert_eq!(stage.admin(Method::PUT, &path, body).await.problem(), (409, "not-allowed"), "no policies");
    let (path, body) = assign(&trial);
    assert_eq!(stage.admin(Method::PUT, &path, body).await.status, 200);
    let answer = tester.check_in(&stage, json!({})).await;
    assert!(tester.adopt(&stage, &answer).unwrap().policy.is_some(), "the trial has policies");
    stage.clock.advance(hours(1));
    let answer = stage.admin(Method::POST, &format!("/licenses/{business}/convert"), json!({})).await;
    assert_eq!((answer.status, &answer.body["suspended"]), (200, &json!([trial])));
    assert_eq!(answer.body["license"]["product"], "enterprise");
    assert_eq!(worker.wait(&stage, 0).await.body["wake"], json!(["lease"]));
    let answer = worker.check_in(&stage, json!({})).await;
    let lease = leased(&stage, &mut worker, &answer).unwrap();
    assert_eq!((lease.state, lease.product), (LeaseState::Active, Product::Enterprise));
    assert_eq!((&lease.seat, lease.verify_after), (&first.seat, first.verify_after), "the lease goes on");
    let answer = tester.check_in(&stage, json!({})).await;
    assert_eq!(leased(&stage, &mut tester, &answer).unwrap().state, LeaseState::Suspended);
    assert_eq!(answer.body["assignment"], Value::Null, "its policy stays until it moves");
    assert_eq!(verify(&stage, &mut tester, by_key(&key)).await.unwrap().product, Product::Enterprise);
    let answer = tester.check_in(&stage, json!({})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(get(&stage, "/images").await["items"][0]["id"], image);
    let second = json!({"name": "n", "product": "enterprise", "seats": 1});
    assert_eq!(stage.admin(Method::POST, "/licenses", second).await.problem(), (409, "not-allowed"));
    let state =
        stage.admin(Method::PUT, &format!("/licenses/{trial}/state"), json!({"state": "active"})).await;
    assert_eq!(state.problem(), (409, "not-allowed"), "one Enterprise license, no trial beside it");
    // Split: nobody is interrupted, everybody on the primary key is asked.
    let groups = json!({"groups": [{"name": "Sales", "seats": {"mode": "reserved", "limit": 1}}]});
    let split = stage.admin(Method::POST, &format!("/licenses/{business}/split"), groups).await;
    assert_eq!(split.status, 201, "{split:?}");
    let asked: Vec<_> = split.body["reactivate"].as_array().unwrap().clone();
    assert!(asked.contains(&json!(worker.device)) && asked.contains(&json!(tester.device)));
    let answer = worker.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut worker, &answer).is_none());
    let sales = split.body["groups"][0]["license_key"].as_str().unwrap().to_owned();
    let moved = verify(&stage, &mut worker, by_key(&sales)).await.unwrap();
    assert_eq!(json!(moved.group), split.body["groups"][0]["id"]);
    let shown = |mac: &Mac| format!("/devices/{}", mac.device);
    assert_eq!(get(&stage, &shown(&worker)).await["license"]["reactivate"], false);
    assert_eq!(get(&stage, &shown(&tester)).await["license"]["reactivate"], true);
}

#[tokio::test]
async fn a_trial_becomes_permanent_without_its_policies_unless_users_are_on_business() {
    let stage = Stage::new().await;
    let (trial, trial_key) = license(&stage, "enterprise_trial", "per_device", 3).await;
    let (business, business_key) = license(&stage, "business", "mixed", 3).await;
    let (group, group_key) = add(&stage, "/groups", json!({"name": "Sales", "license": trial})).await;
    let policy =
        stage.make("/policies", json!({"name": "p", "settings": {"vms.corporate_only": true}})).await;
    stage.assign(&group, Some(&policy)).await;
    let (mut tester, _) = activated(&stage, by_key(&group_key)).await;
    let answer = tester.check_in(&stage, json!({})).await;
    assert!(answer.body["assignment"].is_string() || tester.have["assignment"] != 0);
    let (mut worker, _) = activated(&stage, by_key(&business_key)).await;
    let path = format!("/licenses/{trial}/make-permanent");
    assert_eq!(stage.admin(Method::POST, &path, json!({})).await.problem(), (409, "not-allowed"));
    let per_device = json!({"activation": "per_device"});
    assert_eq!(stage.admin(Method::PUT, &format!("/licenses/{business}"), per_device).await.status, 200);
    let beside = json!({"name": "n", "product": "enterprise", "seats": 1});
    let refused = stage.admin(Method::POST, "/licenses", beside).await;
    assert_eq!(refused.problem(), (409, "not-allowed"), "a trial is active: suspend it, or abort");
    let answer = stage.admin(Method::POST, &path, json!({"seats": 4})).await;
    assert_eq!((answer.status, &answer.body["kept_policies"]), (200, &json!([policy])));
    assert_eq!(get(&stage, &format!("/groups/{group}")).await["policy"], Value::Null);
    assert_eq!(get(&stage, &format!("/policies/{policy}")).await["name"], "p", "kept");
    let answer = tester.check_in(&stage, json!({})).await;
    assert_eq!(leased(&stage, &mut tester, &answer).unwrap().product, Product::Enterprise);
    assert!(tester.verify(&stage, answer.body["assignment"].as_str().unwrap()).policy.is_none());
    let answer = worker.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut worker, &answer).is_none(), "Business users stay until they are moved");
    let answer = worker.check_in(&stage, json!({"lease": "release", "license": {"state": "none"}})).await;
    assert_eq!(leased(&stage, &mut worker, &answer).unwrap().state, LeaseState::Released);
    let moved = verify(&stage, &mut worker, by_key(&trial_key)).await.unwrap();
    assert_eq!((moved.state, moved.product), (LeaseState::Active, Product::Enterprise));
}

#[tokio::test]
async fn people_on_business_move_to_enterprise_within_seven_days_or_at_once() {
    let stage = Stage::new().await;
    let (business, _) = license(&stage, "business", "per_user", 5).await;
    let (trial, _) = license(&stage, "enterprise_trial", "per_user", 5).await;
    let tested = json!({"name": "Testers", "license": trial, "idp_groups": ["G-test"]});
    add(&stage, "/groups", tested).await;
    person(&stage, "ada", json!(["G-all"])).await;
    person(&stage, "bob", json!(["G-all"])).await;
    person(&stage, "tess", json!(["G-all", "G-test"])).await;
    let (mut ada, lease) = activated(&stage, by_user("ada")).await;
    assert_eq!(lease.product, Product::Business, "a trial is for those who are mapped to it");
    let (mut bob, _) = activated(&stage, by_user("bob")).await;
    let (mut tess, lease) = activated(&stage, by_user("tess")).await;
    assert_eq!(lease.product, Product::EnterpriseTrial);
    let bought = json!({"name": "n", "product": "enterprise", "activation": "per_user", "seats": 5,
        "suspend_trial": true, "idp_groups": ["G-all"]});
    let answer = stage.admin(Method::POST, "/licenses", bought).await;
    assert_eq!((answer.status, &answer.body["license_key"]), (201, &Value::Null), "everyone signs in");
    let enterprise = answer.body["id"].as_str().unwrap().to_owned();
    let state = json!({"state": "replaced", "by": enterprise});
    assert_eq!(stage.admin(Method::PUT, &format!("/licenses/{business}/state"), state).await.status, 200);
    let answer = tess.check_in(&stage, json!({})).await;
    assert_eq!(leased(&stage, &mut tess, &answer).unwrap().state, LeaseState::Suspended);
    let answer = ada.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut ada, &answer).is_none(), "nobody is moved in between");
    let answer = bob.check_in(&stage, json!({"lease": "release", "license": {"state": "none"}})).await;
    leased(&stage, &mut bob, &answer).unwrap();
    for (mac, name) in [(&mut bob, "bob"), (&mut tess, "tess")] {
        let lease = verify(&stage, mac, by_user(name)).await.unwrap();
        assert_eq!((lease.state, lease.product), (LeaseState::Active, Product::Enterprise), "{name}");
    }
    stage.clock.advance(hours(7 * DAY));
    let lease = verify(&stage, &mut ada, by_user("ada")).await.unwrap();
    assert_eq!((lease.product, &lease.license_id), (Product::Enterprise, &enterprise));
    assert_eq!((used(&stage, &business).await, used(&stage, &enterprise).await), (0, 3));
}
