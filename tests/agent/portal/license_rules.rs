//! What an administrator may not do to licenses, and what a change leaves as it is.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Stage};

async fn license(stage: &Stage, product: &str, activation: &str) -> (String, String) {
    let body = json!({"name": product, "product": product, "activation": activation, "seats": 3});
    let made = stage.admin(Method::POST, "/licenses", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.body[name].as_str().unwrap_or_default().to_owned();
    (text("id"), text("license_key"))
}

/// Puts this below a license.
async fn put(stage: &Stage, license: &str, below: &str, body: Value) -> Answer {
    stage.admin(Method::PUT, &format!("/licenses/{license}{below}"), body).await
}

#[tokio::test]
async fn no_way_leads_to_a_permanent_trial_beside_business_seats_per_user() {
    for out_of_use in [json!({"state": "suspended"}), json!({"ends_at": "2020-01-01T00:00:00Z"})] {
        let stage = Stage::new().await;
        let (trial, _) = license(&stage, "enterprise_trial", "per_device").await;
        let (business, _) = license(&stage, "business", "per_user").await;
        let below = if out_of_use["state"].is_string() { "/state" } else { "" };
        assert_eq!(put(&stage, &business, below, out_of_use.clone()).await.status, 200);
        let permanent = format!("/licenses/{trial}/make-permanent");
        let refused = stage.admin(Method::POST, &permanent, json!({})).await;
        assert_eq!(refused.problem(), (409, "not-allowed"), "{out_of_use}");
        // Replaced it is out of the way, and stays so.
        let replaced = json!({"state": "replaced", "by": trial});
        assert_eq!(put(&stage, &business, "/state", replaced).await.status, 200);
        assert_eq!(stage.admin(Method::POST, &permanent, json!({})).await.status, 200);
        let active = put(&stage, &business, "/state", json!({"state": "active"})).await;
        assert_eq!(active.problem(), (409, "not-allowed"), "{out_of_use}");
        // Nor does it come back by what takes its seats.
        assert_eq!(put(&stage, &business, "", json!({"activation": "per_device"})).await.status, 200);
        assert_eq!(put(&stage, &business, "/state", json!({"state": "active"})).await.status, 200);
        let users = put(&stage, &business, "", json!({"activation": "mixed"})).await;
        assert_eq!(users.problem(), (409, "not-allowed"), "{out_of_use}");
    }
}

#[tokio::test]
async fn what_a_change_does_not_name_stays_as_it_is() {
    let stage = Stage::new().await;
    let body = json!({"name": "n", "product": "enterprise", "activation": "mixed", "seats": 3,
        "ends_at": "2099-01-01T00:00:00Z", "idp_groups": ["G"], "when_unverified": "lift_policy"});
    let made = stage.admin(Method::POST, "/licenses", body).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let mut expected = put(&stage, &id, "", json!({})).await.body;
    assert_eq!(expected["activation"], "mixed");
    for (name, value) in [
        ("name", json!("m")),
        ("seats", json!(4)),
        ("activation", json!("per_user")),
        ("ends_at", json!("2098-01-01T00:00:00Z")),
        ("ends_at", Value::Null),
        ("idp_groups", json!([])),
        ("when_unverified", json!("report")),
    ] {
        let mut change = json!({});
        change[name] = value.clone();
        expected[name] = value;
        let changed = put(&stage, &id, "", change).await;
        assert_eq!((changed.status, &changed.body), (200, &expected), "{name}");
    }
    assert_eq!(put(&stage, &id, "", json!({"product": "business"})).await.status, 400);
}

#[tokio::test]
async fn a_kind_of_seats_that_are_taken_stays() {
    let stage = Stage::new().await;
    let (id, key) = license(&stage, "business", "mixed").await;
    assert_eq!(stage.admin(Method::PUT, "/users/ada", json!({"idp_groups": []})).await.status, 200);
    let (mut mac, mut hers) = (stage.enrolled(None).await, stage.enrolled(None).await);
    let reports = [
        json!({"state": "active", "activation": "key", "key": key}),
        json!({"state": "active", "activation": "sso", "user": "ada"}),
    ];
    for (mac, report) in [&mut mac, &mut hers].into_iter().zip(&reports) {
        assert_eq!(mac.check_in(&stage, json!({ "license": report })).await.status, 200);
    }
    for activation in ["per_user", "per_device"] {
        let refused = put(&stage, &id, "", json!({ "activation": activation })).await;
        assert_eq!(refused.problem(), (409, "not-allowed"), "{activation}");
        let path = format!("/licenses/{id}/convert");
        let refused = stage.admin(Method::POST, &path, json!({ "activation": activation })).await;
        assert_eq!(refused.problem(), (409, "not-allowed"), "{activation}");
    }
    assert_eq!(put(&stage, &id, "", json!({"name": "m"})).await.body["used_seats"], 2);
    let given_back = json!({"lease": "release", "license": {"state": "none"}});
    assert_eq!(mac.check_in(&stage, given_back).await.status, 200);
    assert_eq!(put(&stage, &id, "", json!({"activation": "per_user"})).await.status, 200);
}
