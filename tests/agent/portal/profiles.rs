//! License-bound configuration profiles: bound to keys, delivered, deprecated, and there before and after a conversion.

use meridian::portal::server::Config;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Mac, Stage};

/// The names of the profiles that the Mac's next assignment brings; none where there is no next one.
async fn assigned(stage: &Stage, mac: &mut Mac) -> Option<Vec<String>> {
    let answer = mac.check_in(stage, json!({})).await;
    let assignment = mac.adopt(stage, &answer)?;
    Some(assignment.configuration_profiles.iter().map(|profile| profile.name.clone()).collect())
}

async fn profile(stage: &Stage, name: &str, keys: Value) -> String {
    let settings =
        json!({"updates.stay_on_major": false, "image.arm64": "https://images.example.com/w.pvmp"});
    let id = stage.make("/configuration-profiles", json!({"name": name, "settings": settings})).await;
    let path = format!("/configuration-profiles/{id}/keys");
    assert_eq!(stage.admin(Method::PUT, &path, keys).await.status, 200);
    id
}

#[tokio::test]
async fn profiles_reach_the_macs_of_their_keys_before_and_after_a_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config: &mut Config| config.database = Some(file.clone())).await;
    let business = json!({"name": "b", "product": "business", "seats": 5});
    let business = stage.admin(Method::POST, "/licenses", business).await.body;
    let (license, key) = (business["id"].clone(), business["license_key"].as_str().unwrap().to_owned());
    let bound = profile(&stage, "Business", json!({"licenses": [license]})).await;
    profile(&stage, "Nobody's", json!({})).await;

    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let masked = format!("{}-******-******-******-{}", &key[..6], &key[key.len() - 6..]);
    let report = json!({"state": "active", "activation": "key", "key": masked});
    let answer = mac.check_in(&stage, json!({"license": report})).await;
    let names = match mac.adopt(&stage, &answer) {
        Some(assignment) => {
            Some(assignment.configuration_profiles.iter().map(|profile| profile.name.clone()).collect())
        }
        None => assigned(&stage, &mut mac).await,
    };
    assert_eq!(names, Some(vec!["Business".to_owned()]));

    let convert = format!("/licenses/{}/convert", license.as_str().unwrap());
    assert_eq!(stage.admin(Method::POST, &convert, json!({})).await.status, 200);
    assert_eq!(assigned(&stage, &mut mac).await, None, "the same profiles, and no policy yet");
    let policy =
        stage.make("/policies", json!({"name": "p", "settings": {"updates.stay_on_major": true}})).await;
    let path = format!("/licenses/{}/policy", license.as_str().unwrap());
    assert_eq!(stage.admin(Method::PUT, &path, json!({"policy": policy})).await.status, 200);
    let answer = mac.check_in(&stage, json!({})).await;
    let assignment = mac.adopt(&stage, &answer).unwrap();
    assert!(
        assignment.policy.is_some() && assignment.configuration_profiles.len() == 1,
        "both; the policy is higher"
    );

    let path = format!("/configuration-profiles/{bound}");
    let shown = stage.admin(Method::GET, &path, Value::Null).await.body;
    assert_eq!(shown["deprecated"], true);
    assert_eq!(shown["payloads"], json!(["VM for Apple silicon Mac", "Product Updates"]));
    assert_eq!(
        shown["replaced_by"]["image.arm64"],
        "License-bound profiles are deprecated: the golden image of the policy replaces image.arm64."
    );
    assert_eq!(stage.admin(Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(assigned(&stage, &mut mac).await, Some(Vec::new()));
    assert_eq!(stage.admin(Method::GET, &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_profile_takes_what_a_profile_may_and_keys_that_there_are() {
    let stage = Stage::new().await;
    let draft = json!({"name": "", "settings": {"restrict.add_vm": true, "updates.check": "hourly", "x": 1}});
    let answer = stage.admin(Method::POST, "/configuration-profiles", draft).await;
    assert_eq!(answer.problem(), (422, "invalid"));
    let pointers: Vec<_> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(
        json!(pointers),
        json!(["/name", "/settings/restrict.add_vm", "/settings/updates.check", "/settings/x"])
    );
    let id = stage.make("/configuration-profiles", json!({"name": "p"})).await;
    for keys in [json!({"groups": [uuid::Uuid::nil()]}), json!({"licenses": [uuid::Uuid::nil()]})] {
        let path = format!("/configuration-profiles/{id}/keys");
        assert_eq!(stage.admin(Method::PUT, &path, keys).await.status, 404);
    }
}
