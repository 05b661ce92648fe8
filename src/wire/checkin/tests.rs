use super::super::enrollment::EnrollmentAnswer;
use super::super::json::{parse, parse_as, write};
use super::super::proof::{Request, authorization, prove};
use super::super::vectors::{addressee, key, now, text};
use super::super::wait::{WaitAnswer, Wake};
use super::super::{inventory, portal::PortalAnswer};
use super::*;
use crate::domain::digest::Digest;
use crate::domain::ids::VmId;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

fn idle() -> CheckinRequest {
    CheckinRequest {
        reason: CheckinReason::Interval,
        have: Have { keyset: 1_764_000_003, assignment: 1_764_000_017, lease: 0 },
        device: None,
        compliance: None,
        problems: None,
        inventory: Some(Inventory::unchanged(Digest::of(b"root"))),
        license: None,
        images: None,
        acks: Vec::new(),
        lease: LeaseWish::Keep,
    }
}

#[test]
fn what_has_not_changed_is_absent_and_an_idle_check_in_is_small() {
    let root = Digest::of(b"root");
    let body = write(&idle()).unwrap();
    assert_eq!(
        parse(&body).unwrap(),
        json!({"reason": "interval", "have": {"keyset": 1_764_000_003, "assignment": 1_764_000_017, "lease": 0},
               "inventory": {"root": root, "base": root}})
    );
    let request = Request {
        issuer: addressee().device.uuid(),
        origin: "https://portal.example",
        method: "POST",
        path: PATH,
        body: &body,
    };
    let proof = prove(&key("device"), &request, now(), Some(1_764_000_000_000)).unwrap();
    assert!(body.len() + authorization(&proof).len() < 1100);

    let next = Next { after_s: 900, jitter_s: 180, wait: true };
    let answer = CheckinAnswer {
        server_time: now(),
        next,
        keyset: None,
        assignment: None,
        lease: None,
        commands: Vec::new(),
        acked: Vec::new(),
        resend: Vec::new(),
        rejected: Vec::new(),
    };
    let expected =
        r#"{"server_time":"2025-11-24T16:00:00Z","next":{"after_s":900,"jitter_s":180,"wait":true}}"#;
    assert_eq!(String::from_utf8(write(&answer).unwrap()).unwrap(), expected);
    assert_eq!(parse_as::<CheckinAnswer>(expected.as_bytes()).unwrap(), answer);
}

#[test]
fn an_empty_list_is_sent_and_a_full_report_has_no_base() {
    let mut request = idle();
    request.compliance = Some(Vec::new());
    request.problems = Some(Vec::new());
    request.inventory =
        Some(Inventory { base: None, ..Inventory::unchanged(inventory::root(&BTreeMap::new())) });
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!((&sent["compliance"], &sent["problems"]), (&json!([]), &json!([])));
    assert_eq!(sent["inventory"].get("base"), Some(&Value::Null));
    assert_eq!(serde_json::from_value::<CheckinRequest>(sent).unwrap(), request);
}

#[test]
fn none_unreadable_and_a_version_of_parallels_desktop_are_told_apart() {
    let mut device = Device {
        hardware: serde_json::from_value(
            json!({"serial": "S", "platform_uuid": "U", "model": "Mac15,3", "arch": "arm64"}),
        )
        .unwrap(),
        hostname: "mac".to_owned(),
        os_version: "26.1".to_owned(),
        agent_version: "0.1.0".to_owned(),
        parallels_version: ParallelsVersion::Unreadable,
        local_restrictions: None,
        profile_settings: None,
        updates: None,
    };
    for (version, member) in [
        (ParallelsVersion::Unreadable, None),
        (ParallelsVersion::Missing, Some(json!(null))),
        (ParallelsVersion::Installed("26.1.1".to_owned()), Some(json!("26.1.1"))),
    ] {
        device.parallels_version = version;
        let sent = serde_json::to_value(&device).unwrap();
        assert_eq!(sent.get("parallels_version"), member.as_ref());
        assert!(sent.get("local_restrictions").is_none());
        assert_eq!(serde_json::from_value::<Device>(sent).unwrap(), device);
    }
}

#[test]
fn compliance_and_problems_are_written_as_the_protocol_has_them() {
    let item = ComplianceItem {
        subject: Subject::App,
        setting: "restrict.create_vm".to_owned(),
        state: ComplianceState::Failed,
        reason: Some(ComplianceReason::NeedsCustomPassword),
    };
    let sent = json!({"subject": "app", "setting": "restrict.create_vm", "state": "failed",
                      "reason": "needs-custom-password"});
    assert_eq!(serde_json::to_value(&item).unwrap(), sent);
    assert_eq!(serde_json::from_value::<ComplianceItem>(sent).unwrap(), item);
    let id = "78000000-aaaa-4bbb-8ccc-000000000001";
    assert_eq!(id.parse::<Subject>().unwrap().to_string(), id);
    assert!("App".parse::<Subject>().is_err());

    let problem = ReportedProblem { code: ProblemCode::ServiceStopped, since: now(), detail: None };
    let sent = json!({"code": "service-stopped", "since": "2025-11-24T16:00:00Z"});
    assert_eq!(serde_json::to_value(&problem).unwrap(), sent);
    assert_eq!(serde_json::from_value::<ReportedProblem>(sent).unwrap(), problem);
}

#[test]
fn a_later_portals_words_and_members_do_no_harm() {
    let answer: CheckinAnswer = parse_as(
        br#"{"server_time":"2025-11-24T16:00:00Z","next":{"after_s":1,"jitter_s":0,"wait":false,"x":1},
            "lease":"a.b.c","commands":[],"acked":[],"resend":["inventory","aura"],
            "rejected":[{"member":"/inventory/upsert/0","reason":"name"}]}"#,
    )
    .unwrap();
    assert_eq!(answer.resend, [Resend::Inventory, Resend::Unknown]);
    assert_eq!(answer.rejected[0].member, "/inventory/upsert/0");
    let wake: WaitAnswer = parse_as(br#"{"wake":["assignment","aura"],"spread_s":0}"#).unwrap();
    assert_eq!(wake.wake, [Wake::Assignment, Wake::Unknown]);
    let portal: PortalAnswer = parse_as(
        br#"{"api":[2,1],"organization":"O","keyset":"a.b.c","server_time":"2025-11-24T16:00:00Z","x":1}"#,
    )
    .unwrap();
    assert!(portal.speaks_ours());
    assert!(!PortalAnswer { api: vec![2], ..portal }.speaks_ours());
}

#[test]
fn a_bad_item_does_not_hide_the_rest_from_a_portal() {
    let body = br#"{"reason":"startup","have":{"keyset":0,"assignment":0,"lease":0},"compliance":[{"state":7}],"x":1}"#;
    let received: ReceivedCheckin = parse_as(body).unwrap();
    assert_eq!(received.members["compliance"][0]["state"], 7);
    for body in [
        r#"{"have":{"keyset":0,"assignment":0,"lease":0}}"#,
        r#"{"reason":"boredom","have":{"keyset":0,"assignment":0,"lease":0}}"#,
        r#"{"reason":"startup"}"#,
        r#"{"reason":"startup","have":{"keyset":0,"assignment":-1,"lease":0}}"#,
        r#"{"reason":"startup","have":{"keyset":0,"assignment":0}}"#,
    ] {
        assert!(parse_as::<ReceivedCheckin>(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_record_is_known_by_a_lower_case_uuid() {
    let id = "78000000-aaaa-4bbb-8ccc-000000000001";
    assert_eq!(inventory::record_id(&json!({"uuid": id})).unwrap().to_string(), id);
    for other in [
        json!(id.to_uppercase()),
        json!(format!("{{{id}}}")),
        json!(id.replace('-', "")),
        json!(7),
        json!(null),
    ] {
        assert_eq!(inventory::record_id(&json!({"uuid": other})), None, "{other}");
    }
    assert_eq!(inventory::record_id(&json!([])), None);
    assert!(inventory::record_digest(&json!({"cpu": 1.5})).is_err());
}

#[test]
fn a_large_report_is_read_and_digested_whole() {
    let record = parse(text("/inventory/records/0/canonical").as_bytes()).unwrap();
    let many = Value::Array(vec![record; 2000]);
    let body = write(&many).unwrap();
    assert_eq!(parse(&body).unwrap(), many);
    let members: serde_json::Map<_, _> = (0..50_000).map(|n| (format!("member{n}"), json!(n))).collect();
    let wide = Value::Object(members);
    assert_eq!(parse(&write(&wide).unwrap()).unwrap(), wide);
}

#[test]
fn a_report_counts_as_the_mac_itself_does() {
    let vm = "3f2b8c1e-5d74-4a0b-9c66-1e8f7a2d4b01";
    let items: Vec<ComplianceItem> = serde_json::from_value(json!([
        {"subject": "app", "setting": "restrict.add_vm", "state": "compliant"},
        {"subject": "app", "setting": "updates.stay_on_major", "state": "unsupported", "reason": "no-lever"},
        {"subject": "app", "setting": "of.tomorrow", "state": "unsupported", "reason": "unknown-setting"},
        {"subject": "app", "setting": "vm.network", "state": "compliant"},
        {"subject": vm, "setting": "vm.network", "state": "failed", "reason": "vm-locked"},
    ]))
    .unwrap();
    let tally = ComplianceItem::tally(&items);
    assert_eq!(tally, Tally { compliant: 1, heeded: 1, unsupported: 1, failed: 1, ..Tally::default() });
    assert_eq!((tally.managed(), tally.enforced()), (4, 2));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_as::<CheckinRequest>(&bytes);
        let _ = parse_as::<ReceivedCheckin>(&bytes);
        let _ = parse_as::<CheckinAnswer>(&bytes);
        let _ = parse_as::<EnrollmentAnswer>(&bytes);
        let _ = parse_as::<WaitAnswer>(&bytes);
    }

    #[test]
    fn the_root_is_over_the_sorted_lines(ids in prop::collection::vec(any::<u128>(), 0..20)) {
        let digests: BTreeMap<VmId, Digest> =
            ids.iter().map(|id| (VmId::of(uuid::Uuid::from_u128(*id)), Digest::of(&id.to_be_bytes()))).collect();
        let mut lines: Vec<String> = digests.iter().map(|(id, digest)| format!("{id} {digest}\n")).collect();
        lines.sort();
        prop_assert_eq!(inventory::root(&digests), Digest::of(lines.concat().as_bytes()));
    }
}
