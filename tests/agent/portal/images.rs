//! Golden images: the admin API, and what of them reaches a Mac.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Mac, Stage};

fn file(number: u8) -> Value {
    let digest = format!("sha256:{}", number.to_string().repeat(64));
    json!({"enabled": true, "url": "https://images.example/a.pvmp", "sha256": digest, "size": 10, "unpacked_size": 30})
}

#[tokio::test]
async fn an_image_is_validated_member_by_member() {
    let stage = Stage::new().await;
    let bad = json!({"enabled": true, "url": "file:///etc/passwd", "sha256": format!("sha256:{}", "0".repeat(64)),
                     "size": 0, "unpacked_size": 9_007_199_254_740_992_u64});
    let group = "99999999-0000-4000-8000-000000000009";
    let body = json!({"name": " ", "files": {"arm64": bad}, "groups": [group]});
    let answer = stage.admin(Method::POST, "/images", body).await;
    assert_eq!(answer.problem(), (422, "invalid"));
    let pointers: Vec<_> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(
        pointers,
        ["/name", "/files/arm64/url", "/files/arm64/size", "/files/arm64/unpacked_size", "/groups/0"]
    );
    // A password in an address would be everybody's to see.
    let mut named = file(1);
    named["url"] = "https://anna:secret@images.example/a.pvmp".into();
    let answer = stage.admin(Method::POST, "/images", json!({"name": "x", "files": {"arm64": named}})).await;
    assert_eq!(answer.problem(), (422, "invalid"));
    for body in [
        json!({"name": "x", "files": {"riscv64": file(1)}}),
        json!({"name": "x", "files": {"arm64": {"enabled": true}}}),
        json!({"name": "x", "url": "https://images.example"}),
    ] {
        assert_eq!(stage.admin(Method::POST, "/images", body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_policy_carries_one_image_unless_several_are_allowed() {
    let stage = Stage::new().await;
    let first = stage.make("/images", json!({"name": "First", "files": {"arm64": file(1)}})).await;
    let second = stage.make("/images", json!({"name": "Second", "files": {"arm64": file(2)}})).await;
    let policy = |images: &[&str], several: bool| json!({"name": "P", "golden_images": images, "several_images": several});
    for (images, several, status) in [
        (vec![first.as_str()], false, 201),
        (vec![&first, &second], false, 422),
        (vec![&first, &second], true, 201),
        (vec![&first, &first], true, 422),
        (vec!["99999999-0000-4000-8000-000000000009"], false, 422),
    ] {
        let answer = stage.admin(Method::POST, "/policies", policy(&images, several)).await;
        assert_eq!(answer.status, status, "{images:?} {several}");
    }
    let answer = stage.admin(Method::DELETE, &format!("/images/{first}"), Value::Null).await;
    assert_eq!(answer.status, 409, "a policy carries it");
}

/// The names of the images that a Mac is assigned, and the one that is first.
async fn assigned(stage: &Stage, mac: &mut Mac) -> (Vec<String>, Option<String>) {
    let answer = mac.check_in(stage, json!({"device": mac.device_member(json!("26.1.1"))})).await;
    let assignment = mac.adopt(stage, &answer).expect("a new assignment");
    let names = assignment.images().iter().map(|image| image.name.clone()).collect();
    (names, assignment.golden_image.as_ref().map(|image| image.name.clone()))
}

#[tokio::test]
async fn what_is_enabled_and_aimed_at_its_group_reaches_a_mac_in_order() {
    let stage = Stage::new().await;
    let (group, policy) = stage.group_with_policy(json!({})).await;
    let other = stage.make("/groups", json!({"name": "Other"})).await;
    let disabled = {
        let mut file = file(3);
        file["enabled"] = false.into();
        file
    };
    let mut ids = Vec::new();
    for (name, files, groups) in [
        ("off", json!({"arm64": disabled}), json!([])),
        ("others'", json!({"arm64": file(4)}), json!([other])),
        ("first", json!({"arm64": file(5), "x86_64": file(6)}), json!([group])),
        ("second", json!({"x86_64": file(7)}), json!([])),
    ] {
        ids.push(stage.make("/images", json!({"name": name, "files": files, "groups": groups})).await);
    }
    let mut mac = stage.enrolled(Some(&group)).await;
    let delivery = json!({"bytes_per_s": 1_000_000, "spread_s": 600});
    let mut body =
        json!({"name": "P", "golden_images": ids, "several_images": true, "image_delivery": delivery});
    let path = format!("/policies/{policy}");
    assert_eq!(stage.admin(Method::PUT, &path, body.clone()).await.status, 200);
    let (names, first) = assigned(&stage, &mut mac).await;
    assert_eq!((names, first.as_deref()), (vec!["first".to_owned(), "second".to_owned()], Some("first")));

    body["golden_images"] = json!([ids[2]]);
    body["several_images"] = false.into();
    assert_eq!(stage.admin(Method::PUT, &path, body).await.status, 200);
    let (names, first) = assigned(&stage, &mut mac).await;
    assert_eq!((names.as_slice(), first.as_deref()), (&["first".to_owned()][..], Some("first")));

    let renamed = json!({"name": "renamed", "files": {"arm64": file(5)}});
    assert_eq!(stage.admin(Method::PUT, &format!("/images/{}", ids[2]), renamed).await.status, 200);
    assert_eq!(assigned(&stage, &mut mac).await.0, ["renamed"]);
}

#[tokio::test]
async fn progress_is_shown_and_an_order_says_for_whom() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let image = json!({"user": "ada", "image": "88888888-0000-4000-8000-000000000008", "name": "Windows", "stage": "downloading", "percent": 30});
    let bad = json!({"user": "ada"});
    let answer = mac.check_in(&stage, json!({"images": [image, bad]})).await;
    assert_eq!(answer.body["rejected"][0]["member"], "/images/1", "{:#}", answer.body);
    let path = format!("/devices/{}", mac.device);
    let device = stage.admin(Method::GET, &path, Value::Null).await;
    assert_eq!(device.body["reported"]["images"], json!([image]));
    mac.check_in(&stage, json!({"images": []})).await;
    let device = stage.admin(Method::GET, &path, Value::Null).await;
    assert_eq!(device.body["reported"]["images"], json!([]));

    let path = format!("{path}/commands");
    for (order, status) in [
        (json!({"kind": "fetch_image", "args": {"user": "ada"}}), 201),
        (json!({"kind": "fetch_image", "args": {"user": "ada"}}), 200),
        (json!({"kind": "fetch_image", "args": {"user": "bob", "image": "Windows"}}), 201),
        (json!({"kind": "fetch_image", "args": {"url": "https://evil.example"}}), 422),
        (json!({"kind": "fetch_image", "args": {"user": 501}}), 422),
        (json!({"kind": "verify_license", "args": {"user": "ada"}}), 422),
    ] {
        assert_eq!(stage.admin(Method::POST, &path, order.clone()).await.status, status, "{order}");
    }
}
