//! `POST /v1/checkin`: authentication, conditional answers, inventory, the version gate.

use std::slice::from_ref;

use jiff::SignedDuration;
use meridian::domain::digest::Digest;
use meridian::domain::ids::DeviceId;
use meridian::wire::key::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Mac, Stage, hours, root, send, vm};

const ONE: &str = "11111111-1111-4111-8111-111111111111";
const TWO: &str = "22222222-2222-4222-8222-222222222222";

#[tokio::test]
async fn an_unchanged_check_in_is_answered_with_nothing_but_time_and_next() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let empty = Digest::of(b"");
    let answer = mac.check_in(&stage, json!({"inventory": {"root": empty, "base": empty}})).await;
    assert_eq!(
        answer.body,
        json!({"server_time": "2026-01-05T08:00:00Z", "next": {"after_s": 900, "jitter_s": 180, "wait": true}})
    );
}

#[tokio::test]
async fn proofs_are_checked_in_the_protocols_order() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let body = json!({"reason": "interval", "have": mac.have}).to_string();
    let path = "/v1/checkin";
    let seq = mac.seq;
    let good = |seq| mac.proof(&stage, ("POST", path), mac.device.uuid(), body.as_bytes(), Some(seq));
    let stranger = Mac { key: SigningKey::generate().unwrap(), device: mac.device, ..Mac::new() };
    let other_portal = meridian::wire::proof::Request {
        issuer: mac.device.uuid(),
        origin: "https://other.example",
        method: "POST",
        path,
        body: body.as_bytes(),
    };
    let other_portal =
        meridian::wire::proof::prove(&mac.key, &other_portal, stage.now(), Some(seq + 1)).unwrap();
    let of = |mac: &Mac, asked, issuer, body: &[u8], seq| mac.proof(&stage, asked, issuer, body, seq);
    let device = mac.device.uuid();
    let mut cases = vec![
        ("no proof", String::new(), "signature-invalid"),
        ("another scheme", good(seq + 1).replace("Meridian", "Bearer"), "signature-invalid"),
        ("cut short", good(seq + 1)[..90].to_owned(), "signature-invalid"),
        (
            "unknown device",
            of(&mac, ("POST", path), DeviceId::random().uuid(), body.as_bytes(), Some(seq + 1)),
            "device-unknown",
        ),
        (
            "a stranger's key",
            of(&stranger, ("POST", path), device, body.as_bytes(), Some(seq + 1)),
            "signature-invalid",
        ),
        ("another body", of(&mac, ("POST", path), device, b"{}", Some(seq + 1)), "signature-invalid"),
        (
            "another path",
            of(&mac, ("POST", "/v1/enrollments"), device, body.as_bytes(), Some(seq + 1)),
            "signature-invalid",
        ),
        (
            "another method",
            of(&mac, ("GET", path), device, body.as_bytes(), Some(seq + 1)),
            "signature-invalid",
        ),
        ("another portal", format!("Meridian {other_portal}"), "signature-invalid"),
        ("no number", of(&mac, ("POST", path), device, body.as_bytes(), None), "signature-invalid"),
        ("the last number again", good(seq), "sequence"),
        ("an older number", good(1), "sequence"),
    ];
    cases.push(("a good one with a much higher number", good(seq + 1_000_000), ""));
    for (why, proof, problem) in cases {
        let answer = send(&stage, path, &proof, &body).await;
        assert_eq!(answer.problem(), if problem.is_empty() { (200, "") } else { (401, problem) }, "{why}");
        if problem == "sequence" {
            assert_eq!(answer.body["floor"], seq, "only the good requests raised the floor");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_the_portals() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let body = json!({"reason": "interval", "have": mac.have}).to_string();
    for (off, skewed) in [(300, false), (301, true), (-301, true), (-300, false)] {
        mac.seq += 10;
        let proof =
            mac.proof(&stage, ("POST", "/v1/checkin"), mac.device.uuid(), body.as_bytes(), Some(mac.seq));
        stage.clock.advance(SignedDuration::from_secs(off));
        let answer = send(&stage, "/v1/checkin", &proof, &body).await;
        assert_eq!(answer.status, if skewed { 401 } else { 200 }, "{off}");
        if skewed {
            assert_eq!(answer.problem(), (401, "clock-skew"));
            assert_eq!(answer.body["server_time"], meridian::wire::time::write(stage.now()));
        }
        stage.clock.advance(SignedDuration::from_secs(-off));
    }
}

#[tokio::test]
async fn a_broken_request_is_malformed_and_still_raises_the_floor() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let have = json!({"keyset": 0, "assignment": 0, "lease": 0});
    for body in [
        String::new(),
        "{".to_owned(),
        json!({"reason": "boredom", "have": have}).to_string(),
        json!({"have": have}).to_string(),
        json!({"reason": "interval"}).to_string(),
        json!({"reason": "interval", "have": {"keyset": 0, "assignment": 0}}).to_string(),
        json!({"reason": "interval", "have": {"keyset": 0, "assignment": -1, "lease": 0}}).to_string(),
        json!({"reason": "interval", "have": {"keyset": 0, "assignment": 9_007_199_254_740_991_u64, "lease": 0}}).to_string(),
        r#"{"reason":"interval","reason":"manual","have":{"keyset":0,"assignment":0,"lease":0}}"#.to_owned(),
    ] {
        let device = mac.device.uuid();
        let answer = mac.post(&stage, "/v1/checkin", device, &body).await;
        assert_eq!(answer.problem(), (400, "malformed"), "{body}");
        assert_eq!(answer.media_type, "application/problem+json");
        mac.seq -= 1;
        assert_eq!(mac.post(&stage, "/v1/checkin", device, &body).await.problem(), (401, "sequence"));
    }
}

#[tokio::test]
async fn a_large_body_is_noticed_while_reading() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let answer = mac.check_in(&stage, json!({"problems": ["x".repeat(1 << 20)]})).await;
    assert_eq!(answer.problem(), (413, "too-large"));
    assert_eq!(answer.body["limit"], 1 << 20);
}

#[tokio::test]
async fn bad_items_are_named_by_pointer_and_the_rest_counts() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let (good, mut fraction) = (vm(ONE, "Windows"), vm(TWO, "Linux"));
    fraction["cpu"] = json!(1.5);
    let answer = mac
        .check_in(
            &stage,
            json!({
                "device": {"hostname": 7},
                "compliance": [{"subject": "app", "setting": "restrict.create_vm", "state": "compliant"}, {"subject": "x"}],
                "problems": {},
                "inventory": {
                    "root": root(&[good.clone(), vm(TWO, "Linux")]), "base": null,
                    "upsert": [good, fraction, good, {"uuid": ONE.to_uppercase()}], "remove": ["x"],
                },
                "a_member_of_tomorrow": [1, 2],
            }),
        )
        .await;
    assert_eq!(answer.status, 200);
    let mut pointers: Vec<_> = answer.body["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["member"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/compliance/1",
            "/device",
            "/inventory/remove/0",
            "/inventory/upsert/1",
            "/inventory/upsert/2",
            "/inventory/upsert/3",
            "/problems"
        ]
    );
    assert_eq!(answer.body["resend"], json!(["inventory", "device"]));
    let shown = stage.admin(Method::GET, &format!("/devices/{}", mac.device), Value::Null).await.body;
    assert_eq!(shown["reported"]["compliance"].as_array().unwrap().len(), 1);
    let vms = stage.admin(Method::GET, "/vms", Value::Null).await.body;
    assert_eq!(vms["items"][0]["record"]["name"], "Windows");
}

#[tokio::test]
async fn a_member_replaces_the_whole_and_an_absent_one_changes_nothing() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let problem = json!([{"code": "portal-unreachable", "since": "2026-01-05T07:00:00Z"}]);
    mac.settle(&stage).await;
    let path = format!("/devices/{}", mac.device);
    for (members, count) in [
        (json!({"problems": problem}), 1),
        (json!({}), 1),
        (json!({"problems": null}), 1),
        (json!({"problems": []}), 0),
    ] {
        assert_eq!(mac.check_in(&stage, members.clone()).await.status, 200);
        let shown = stage.admin(Method::GET, &path, Value::Null).await.body;
        assert_eq!(shown["reported"]["problems"].as_array().unwrap().len(), count, "{members}");
    }
}

#[tokio::test]
async fn inventory_travels_in_deltas_and_drift_is_noticed() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let (one, two) = (vm(ONE, "One <b>"), vm(TWO, "Two \u{1f600}\n"));
    let empty = Digest::of(b"");
    let (first, both, second) =
        (root(from_ref(&one)), root(&[one.clone(), two.clone()]), root(from_ref(&two)));
    let steps = [
        ("a first record", json!({"root": first, "base": empty, "upsert": [one]}), false, 1),
        ("one more", json!({"root": both, "base": first, "upsert": [two]}), false, 2),
        (
            "figures",
            json!({"root": both, "base": both, "volatile": [{"uuid": ONE, "uptime_s": 60, "disk_used_mib": 9}]}),
            false,
            2,
        ),
        ("an unknown base", json!({"root": first, "base": Digest::of(b"x"), "upsert": [one]}), true, 2),
        ("one less", json!({"root": second, "base": both, "remove": [ONE]}), false, 1),
        ("a wrong root", json!({"root": first, "base": second, "upsert": []}), true, 1),
        ("no base", json!({"root": first, "upsert": []}), false, 1),
        ("a full report", json!({"root": first, "base": null, "upsert": [one]}), false, 1),
        ("none left", json!({"root": empty, "base": null}), false, 0),
    ];
    for (why, inventory, resend, count) in steps {
        let answer = mac.check_in(&stage, json!({"inventory": inventory})).await;
        let expected = if resend { json!(["inventory"]) } else { Value::Null };
        assert_eq!(answer.body["resend"], expected, "{why}");
        let vms = stage.admin(Method::GET, "/vms", Value::Null).await.body;
        assert_eq!(vms["items"].as_array().unwrap().len(), count, "{why}");
        if why == "figures" {
            assert_eq!(vms["items"][0]["volatile"]["uptime_s"], 60);
            assert_eq!(vms["items"][0]["record"], one, "members of tomorrow are kept");
        }
    }
}

#[tokio::test]
async fn a_report_in_parts_counts_when_its_last_part_is_there() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let (one, two) = (vm(ONE, "one"), vm(TWO, "two"));
    let (first, both) = (root(from_ref(&one)), root(&[one.clone(), two.clone()]));
    let part = json!({"root": first, "base": null, "upsert": [one], "more": true});
    assert_eq!(mac.check_in(&stage, json!({"inventory": part})).await.body["resend"], Value::Null);
    let vms = stage.admin(Method::GET, "/vms", Value::Null).await.body;
    assert_eq!(vms["items"], json!([]), "the former state until then");
    let last = json!({"root": both, "base": first, "upsert": [two]});
    assert_eq!(mac.check_in(&stage, json!({"inventory": last})).await.body["resend"], Value::Null);
    let vms = stage.admin(Method::GET, "/vms", Value::Null).await.body;
    assert_eq!(vms["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn below_the_version_gate_no_assignment_is_given_and_none_is_taken_back() {
    let stage = Stage::new().await;
    let (group, _) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    for (parallels, given) in [
        (json!("20.0.9-55000"), false),
        (json!("9.0.1"), false),
        (Value::Null, false),
        (json!("20.1.0"), true),
        (json!("20.1.0-55732"), true),
        (json!("26.1.1"), true),
        (json!("unreadable"), true),
    ] {
        let mut mac = stage.enrolled(Some(&group)).await;
        mac.have["assignment"] = 0.into();
        let answer = mac.check_in(&stage, json!({"device": mac.device_member(parallels.clone())})).await;
        assert_eq!(answer.body.get("assignment").is_some(), given, "{parallels}");
        assert_eq!(answer.body.get("resend").is_some(), given, "presence only: {parallels}");
    }
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.have["assignment"] = 0.into();
    let mut device = mac.device_member(Value::Null);
    device.as_object_mut().unwrap().remove("parallels_version");
    let answer = mac.check_in(&stage, json!({"device": device})).await;
    assert!(answer.body.get("assignment").is_some(), "a version that cannot be read is not too old");
}

#[tokio::test]
async fn versions_only_go_up_whatever_the_device_has() {
    let stage = Stage::new().await;
    let (group, policy) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.settle(&stage).await;
    let mut last = mac.have["assignment"].as_u64().unwrap();
    let ahead = last + 1_000_000;
    mac.have["assignment"] = ahead.into();
    let answer = mac.check_in(&stage, json!({})).await;
    let assignment = mac.adopt(&stage, &answer).unwrap();
    assert_eq!(assignment.version, ahead + 1, "the portal was restored from a backup");
    last = assignment.version;
    for step in [None, Some(policy.as_str()), None] {
        stage.assign(&group, step).await;
        let answer = mac.check_in(&stage, json!({})).await;
        let assignment = mac.adopt(&stage, &answer).unwrap();
        assert!(assignment.version > last);
        assert_eq!(assignment.policy.is_some(), step.is_some());
        last = assignment.version;
    }
    assert_eq!(mac.check_in(&stage, json!({})).await.body.get("assignment"), None);
    stage.clock.advance(hours(24 * 8));
    let answer = mac.check_in(&stage, json!({})).await;
    let assignment = mac.adopt(&stage, &answer).unwrap();
    assert!(assignment.version > last && !assignment.is_stale(stage.now()), "refreshed before it is due");
}

#[tokio::test]
async fn the_keyset_comes_to_who_has_not_the_current_one() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let current = mac.have["keyset"].as_u64().unwrap();
    for (have, given) in [(0, true), (current - 1, true), (current, false), (current + 1, false)] {
        mac.have["keyset"] = have.into();
        assert_eq!(mac.check_in(&stage, json!({})).await.body.get("keyset").is_some(), given, "{have}");
    }
}

#[tokio::test]
async fn a_retired_device_gets_that_assignment_each_time_also_below_the_gate() {
    let stage = Stage::new().await;
    let (group, _) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.check_in(&stage, json!({"device": mac.device_member(Value::Null)})).await;
    stage.admin(Method::POST, &format!("/devices/{}/retire", mac.device), Value::Null).await;
    for _ in 0..2 {
        let answer = mac.check_in(&stage, json!({})).await;
        assert_eq!(answer.body["next"]["wait"], false);
        let assignment = mac.adopt(&stage, &answer).unwrap();
        assert!(assignment.retired && assignment.policy.is_none());
    }
}

#[tokio::test]
async fn one_identity_on_two_macs_is_refused_and_shown() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let mut same_board = mac.device_member(json!("26.1.1"));
    same_board["hardware"]["serial"] = json!("another serial");
    assert_eq!(mac.check_in(&stage, json!({"device": same_board})).await.status, 200);
    let clone = Mac::new().hardware();
    let mut device = mac.device_member(json!("26.1.1"));
    device["hardware"] = clone;
    let answer = mac
        .check_in(
            &stage,
            json!({"device": device, "problems": [{"code": "violation", "since": "2026-01-05T07:00:00Z"}]}),
        )
        .await;
    assert_eq!(answer.problem(), (409, "device-forked"));
    let shown = stage.admin(Method::GET, &format!("/devices/{}", mac.device), Value::Null).await.body;
    assert_eq!(shown["forked_at"], "2026-01-05T08:00:00Z");
    assert_eq!(shown["reported"]["problems"], json!([]), "nothing of that check-in counts");
}
