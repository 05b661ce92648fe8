//! Commands about the license.

use super::*;

#[tokio::test]
async fn commands_are_repeated_until_acknowledged() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let path = format!("/devices/{}/commands", mac.device);
    let order = |body: Value| stage.admin(Method::POST, &path, body);
    for bad in [
        json!({"kind": "run_script"}),
        json!({"kind": "verify_license", "expires_in_s": 0}),
        json!({"kind": "verify_license", "expires_in_s": 31 * 86_400}),
    ] {
        assert_eq!(order(bad).await.problem(), (422, "invalid"));
    }
    let first = order(json!({"kind": "verify_license", "expires_in_s": 3_600})).await;
    assert_eq!(first.status, 201);
    let again = order(json!({"kind": "verify_license"})).await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]), "one of a kind is pending");
    order(json!({"kind": "deactivate_license"})).await;
    assert_eq!(mac.wait(&stage, 0).await.body["wake"], json!(["commands"]));
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let answer = mac.check_in(&stage, json!({})).await;
        let keyset = Keyset::verify(&stage.portal.root_key(), &mac.keyset).unwrap();
        let addressee = Addressee { device: mac.device, key: mac.key.thumbprint() };
        let read = |token: &Value| {
            let judgement = Judgement::Arriving { keyset: &keyset, now: stage.now() };
            Command::verify(token.as_str().unwrap(), &addressee, judgement).unwrap()
        };
        let commands: Vec<_> = answer.body["commands"].as_array().unwrap().iter().map(read).collect();
        assert!(commands.is_sorted_by_key(|command| command.seq));
        kinds = commands.iter().map(|command| command.kind).collect();
    }
    assert_eq!(kinds, [CommandKind::VerifyLicense, CommandKind::DeactivateLicense]);
    let unknown = RequestId::next().to_string();
    let ack = |id: &Value, state: &str| json!({"id": id, "state": state, "at": "2026-01-05T08:00:00Z"});
    let acks = json!([ack(&first.body["id"], "succeeded"), ack(&json!(unknown), "failed"), {"id": 7},
        ack(&json!(unknown), "a state of tomorrow")]);
    let answer = mac.check_in(&stage, json!({"acks": acks})).await;
    assert_eq!(answer.body["acked"], json!([first.body["id"], unknown, unknown]));
    let rejected: Vec<_> =
        answer.body["rejected"].as_array().unwrap().iter().map(|item| &item["member"]).collect();
    assert_eq!(rejected, ["/acks/2", "/acks/3"]);
    assert_eq!(answer.body["commands"].as_array().unwrap().len(), 1);
    let late = json!([ack(&first.body["id"], "failed")]);
    mac.check_in(&stage, json!({"acks": late})).await;
    stage.clock.advance(hours(8 * DAY));
    let states = get(&stage, &path).await;
    let states: Vec<_> = states["items"].as_array().unwrap().iter().map(|item| &item["state"]).collect();
    assert_eq!(states, ["succeeded", "expired"], "the first acknowledgement counts");
    assert_eq!(mac.check_in(&stage, json!({})).await.body["commands"], Value::Null);
}
