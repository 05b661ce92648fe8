//! `GET /v1/wait`.

use serde_json::json;

use super::support::{Mac, Stage};

#[tokio::test]
async fn an_assignment_wakes_the_group_once_until_it_checks_in() {
    let stage = Stage::new().await;
    let (group, policy) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.settle(&stage).await;
    assert_eq!(mac.wait(&stage, 0).await.status, 204);
    let (told, ()) = tokio::join!(mac.wait(&stage, 300), async {
        stage.assign(&group, None).await;
    });
    assert_eq!((told.status, told.body), (200, json!({"wake": ["assignment"], "spread_s": 0})));
    assert_eq!(mac.wait(&stage, 0).await.status, 204, "told once");
    let answer = mac.check_in(&stage, json!({})).await;
    mac.adopt(&stage, &answer).unwrap();
    assert_eq!(mac.wait(&stage, 0).await.status, 204, "cleared by the check-in");
    stage.assign(&group, None).await;
    assert_eq!(mac.wait(&stage, 0).await.status, 204, "nothing has changed");
    stage.assign(&group, Some(&policy)).await;
    assert_eq!(mac.wait(&stage, 0).await.status, 200, "a wake that nobody waited for is kept");
}

#[tokio::test]
async fn many_are_spread_and_others_are_left_alone() {
    let stage = Stage::new().await;
    let (group, _) = stage.group_with_policy(json!({})).await;
    let one = stage.enrolled(Some(&group)).await;
    let two = stage.enrolled(Some(&group)).await;
    let other = stage.enrolled(None).await;
    stage.assign(&group, None).await;
    for mac in [&one, &two] {
        assert_eq!(mac.wait(&stage, 0).await.body["spread_s"], 1);
    }
    assert_eq!(other.wait(&stage, 0).await.status, 204);
}

#[tokio::test]
async fn a_poll_is_authenticated_without_a_number() {
    let stage = Stage::new().await;
    let mac = stage.enrolled(None).await;
    let url = stage.url("/v1/wait?timeout=0");
    let stranger = Mac { device: mac.device, ..Mac::new() };
    let device = mac.device.uuid();
    for (why, proof, status) in [
        ("good", mac.proof(&stage, ("GET", "/v1/wait"), device, b"", None), 204),
        ("the same again", mac.proof(&stage, ("GET", "/v1/wait"), device, b"", None), 204),
        ("with a number", mac.proof(&stage, ("GET", "/v1/wait"), device, b"", Some(9)), 401),
        ("a stranger's", stranger.proof(&stage, ("GET", "/v1/wait"), device, b"", None), 401),
        ("with its query", mac.proof(&stage, ("GET", "/v1/wait?timeout=0"), device, b"", None), 401),
    ] {
        let answer = stage.http.get(&url).header("authorization", proof).send().await.unwrap();
        assert_eq!(answer.status(), status, "{why}");
    }
}
