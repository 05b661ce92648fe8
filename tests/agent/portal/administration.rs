//! `/admin/v1`.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Stage};

#[tokio::test]
async fn nothing_is_answered_without_the_token_or_under_another_name() {
    let stage = Stage::new().await;
    let path = "/admin/v1/devices";
    let get = || stage.http.get(stage.url(path));
    let token = stage.portal.admin_token();
    for (why, request, status) in [
        ("no token", get(), 401),
        ("a wrong one", get().bearer_auth("x"), 401),
        ("another scheme", get().header("authorization", format!("Basic {token}")), 401),
        ("the token", get().bearer_auth(token), 200),
        ("a rebound name", get().bearer_auth(token).header("host", "evil.example"), 403),
        ("another site", get().bearer_auth(token).header("origin", "http://evil.example"), 403),
        ("no such route", stage.http.get(stage.url("/admin/v1/secrets")), 401),
        ("no such route", stage.http.get(stage.url("/admin/v1/secrets")).bearer_auth(token), 404),
        ("no such method", stage.http.patch(stage.url(path)).bearer_auth(token), 405),
    ] {
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{why}");
        if status != 200 {
            assert_eq!(answer.media_type, "application/problem+json", "{why}");
        }
    }
}

#[tokio::test]
async fn a_policy_is_validated_item_by_item() {
    let stage = Stage::new().await;
    let answer = stage
        .admin(Method::POST, "/policies", json!({"name": "", "settings": {"vm.network": "bridge", "x": 1, "image.arm64": "https://e.com/"}}))
        .await;
    assert_eq!(answer.problem(), (422, "invalid"));
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/name", "/settings/image.arm64", "/settings/vm.network", "/settings/x"]);
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let stage = Stage::new().await;
    for (body, status) in [
        (r#"{"name":"Sales","nmae":"x"}"#, 400),
        (r#"{"name":"Sales","name":"Sales"}"#, 400),
        (r#"{"name":7}"#, 400),
        ("{", 400),
        (r#"{"name":" "}"#, 422),
    ] {
        let request = stage.http.post(stage.url("/admin/v1/groups")).bearer_auth(stage.portal.admin_token());
        let request = request.header("content-type", "application/json").body(body);
        assert_eq!(request.send().await.unwrap().status(), status, "{body}");
    }
    let plain = stage.http.post(stage.url("/admin/v1/groups")).bearer_auth(stage.portal.admin_token());
    assert_eq!(plain.body(r#"{"name":"Sales"}"#).send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn a_policy_serves_many_groups_and_a_group_has_one() {
    let stage = Stage::new().await;
    let mut groups = Vec::new();
    for name in ["a", "b", "c"] {
        groups.push(stage.make("/groups", json!({"name": name, "key": "6J9A5T-AAAAAA-RN17ZA"})).await);
    }
    let one = stage.make("/policies", json!({"name": "one"})).await;
    let two = stage.make("/policies", json!({"name": "two"})).await;
    let assign = |policy: &str, groups: Value| {
        let path = format!("/policies/{policy}/groups");
        let stage = &stage;
        async move { stage.admin(Method::PUT, &path, json!({"groups": groups})).await.status }
    };
    assert_eq!(assign(&one, json!(groups)).await, 204);
    assert_eq!(assign(&two, json!([groups[1]])).await, 204);
    assert_eq!(assign(&one, json!([groups[0], "11111111-1111-4111-8111-111111111111"])).await, 404);
    let listed = stage.admin(Method::GET, "/groups", Value::Null).await.body;
    for group in listed["items"].as_array().unwrap() {
        let expected = if group["id"] == json!(groups[1]) { &two } else { &one };
        assert_eq!(&group["policy"], expected);
        assert_eq!(group["key"], "6J9A5T-******-RN17ZA");
    }
    assert_eq!(
        stage.admin(Method::DELETE, &format!("/policies/{one}"), Value::Null).await.problem(),
        (409, "in-use")
    );
    assert_eq!(assign(&one, json!([])).await, 204);
    assert_eq!(stage.admin(Method::DELETE, &format!("/policies/{one}"), Value::Null).await.status, 204);
    assert_eq!(stage.admin(Method::GET, &format!("/policies/{one}"), Value::Null).await.status, 404);
    let written = stage.admin(Method::PUT, &format!("/policies/{two}"), json!({"name": "zwei"})).await;
    assert_eq!(written.body["revision"], 2);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let stage = Stage::new().await;
    for name in ["a", "b", "c"] {
        stage.make("/groups", json!({"name": name})).await;
    }
    let mut after = String::new();
    let mut seen = 0;
    loop {
        let page = stage.admin(Method::GET, &format!("/groups?limit=2{after}"), Value::Null).await.body;
        seen += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn what_a_request_says_wrongly_is_a_problem_everywhere() {
    let stage = Stage::new().await;
    let device = stage.enrolled(None).await.device;
    let lists =
        ["/groups", "/policies", "/devices", "/licenses", "/users", "/images", "/tokens", "/vms", "/faults"];
    let commands = format!("/devices/{device}/commands");
    let mut asked = Vec::new();
    for list in lists.into_iter().chain([commands.as_str()]) {
        for query in ["limit=x", "limit=0", "limit=-1", "limit=", "limit=1&limit=2", "lmit=1", "after=%ff%fe"]
        {
            asked.push((format!("{list}?{query}"), 400));
        }
    }
    asked.extend(
        ["/changes?after=x", "/changes?before=1", "/vms?device=x"].map(|path| (path.to_owned(), 400)),
    );
    for list in ["/groups", "/policies", "/devices", "/licenses", "/users"] {
        asked.extend(["%ff%fe", "x", "%2e%2e", "a%2fb"].map(|id| (format!("{list}/{id}"), 404)));
    }
    for (path, status) in asked {
        let answer = stage.admin(Method::GET, &path, Value::Null).await;
        assert_eq!(
            (answer.status, answer.media_type.as_str()),
            (status, "application/problem+json"),
            "{path}"
        );
        assert_eq!(answer.body["status"], status, "{path}");
        assert!(answer.body["detail"].is_string(), "{path}: {answer:?}");
    }
    let detail = stage.admin(Method::GET, "/groups?limit=0", Value::Null).await.body["detail"].clone();
    let detail = detail.as_str().unwrap();
    assert_eq!(detail.matches("limit").count(), 1, "it says what is wrong, once: {detail}");
    assert_eq!(stage.admin(Method::GET, "/groups?limit=5000", Value::Null).await.status, 200);
}

#[tokio::test]
async fn short_lists_come_in_pages_as_well() {
    let stage = Stage::new().await;
    for name in ["a", "b"] {
        stage.make("/images", json!({"name": name})).await;
    }
    let device = stage.enrolled(None).await.device;
    let commands = format!("/devices/{device}/commands");
    for kind in ["refresh_inventory", "verify_license"] {
        stage.make(&commands, json!({"kind": kind})).await;
    }
    for endpoint in ["portal", "wait"] {
        stage.fault(endpoint, json!({"kind": "down"}), Some(9)).await;
    }
    for list in ["/images", commands.as_str(), "/faults"] {
        let first = stage.admin(Method::GET, &format!("{list}?limit=1"), Value::Null).await.body;
        let next = first["next"].as_str().unwrap();
        let last = stage.admin(Method::GET, &format!("{list}?after={next}"), Value::Null).await.body;
        assert_eq!((first["items"].as_array().unwrap().len(), &last["next"]), (1, &Value::Null), "{list}");
        assert_eq!(last["items"].as_array().unwrap().len(), 1, "{list}");
        assert_ne!(first["items"][0], last["items"][0], "{list}");
    }
}

#[tokio::test]
async fn a_device_moves_between_groups_and_a_group_in_use_stays() {
    let stage = Stage::new().await;
    let (group, _) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let path = format!("/devices/{}/group", mac.device);
    assert_eq!(stage.admin(Method::PUT, &path, json!({})).await.status, 400, "null has to be said");
    assert_eq!(
        stage.admin(Method::PUT, &path, json!({"group": group})).await.body["assignment_current"],
        false
    );
    assert_eq!(mac.wait(&stage, 0).await.status, 200);
    let answer = mac.check_in(&stage, json!({})).await;
    assert!(mac.adopt(&stage, &answer).unwrap().policy.is_some());
    assert_eq!(
        stage.admin(Method::DELETE, &format!("/groups/{group}"), Value::Null).await.problem(),
        (409, "in-use")
    );
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let stage = Stage::new().await;
    let now = stage.admin(Method::GET, "/changes", Value::Null).await.body["revision"].as_u64().unwrap();
    let path = format!("/changes?after={now}");
    let (told, _) = tokio::join!(
        stage.admin(Method::GET, &path, Value::Null),
        stage.make("/groups", json!({"name": "g"}))
    );
    assert_eq!(told.body["revision"], now + 1);
}

#[tokio::test]
async fn the_pages_are_there_under_the_portals_own_names() {
    let stage = Stage::new().await;
    let page = stage.http.get(stage.url("/sign-in"));
    assert_eq!(page.send().await.unwrap().status(), 200);
    let rebound = stage.http.get(stage.url("/sign-in")).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 403);
}
