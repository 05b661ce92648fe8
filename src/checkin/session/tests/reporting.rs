//! What a check-in says and when it is brought forward.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::checkin::local::{Machines, Parallels};
use crate::checkin::rehearsal::{Mac, Signer, body, vm};
use crate::checkin::session::{Do, HttpRequest};
use crate::domain::digest::Digest;
use crate::domain::license::LicenseFacts;
use crate::domain::subject::Subject;
use crate::wire::checkin::{CheckinReason, ComplianceItem, ComplianceState, LicenseReport};
use crate::wire::inventory::Volatile;
use crate::wire::limits::INVENTORY_PART;

fn members(request: &HttpRequest) -> Vec<String> {
    body(request)
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !["reason", "have"].contains(&name.as_str()))
        .cloned()
        .collect()
}

fn set_vms(mac: &mut Mac, records: Vec<crate::wire::inventory::VmRecord>) {
    mac.local.vms = Some(Machines { records, volatile: Vec::new() });
}

fn uuids(list: &Value) -> Vec<u128> {
    let id = |value: &Value| value.as_str().unwrap().parse::<uuid::Uuid>().unwrap().as_u128();
    list.as_array()
        .map_or(vec![], |list| list.iter().map(|item| id(item.get("uuid").unwrap_or(item))).collect())
}

#[test]
fn the_first_says_all_and_an_idle_one_says_nothing_new_within_its_size() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let request = mac.request();
    mac.hear(signer.serve(&request, 7));
    let first = mac.request();
    assert_eq!(members(&first), ["compliance", "device", "inventory", "problems"]);
    assert!(body(&first)["inventory"]["base"].is_null());
    mac.hear(signer.serve(&first, 7));
    let (waited, idle) = mac.waited_request();
    assert_eq!((waited.as_secs(), members(&idle)), (900, vec!["inventory".to_owned()]));
    let inventory = &body(&idle)["inventory"];
    assert_eq!(inventory["root"], inventory["base"]);
    // The request line, Host, Accept, User-Agent, Content-Type, Content-Length and the names of the other two.
    let frame = 330;
    let size = idle.body.unwrap().len() + idle.authorization.len() + 36 + frame;
    assert!(size < 1_536, "{size}");
}

#[test]
fn members_are_sent_when_they_differ_and_all_once_in_a_day() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    mac.local.compliance = vec![ComplianceItem {
        subject: Subject::App,
        setting: "restrict.create_vm".to_owned(),
        state: ComplianceState::Compliant,
        reason: None,
    }];
    let (waited, request) = mac.waited_request();
    assert_eq!(
        (waited.as_secs(), members(&request)),
        (60, vec!["compliance".to_owned(), "inventory".to_owned()])
    );
    mac.hear(signer.serve(&request, 7));
    mac.local.compliance = Vec::new();
    let request = mac.request();
    assert_eq!(body(&request)["compliance"], json!([]), "an empty list empties it");
    mac.hear(signer.serve(&request, 7));
    mac.now = mac.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    assert_eq!(members(&mac.request()), ["compliance", "device", "inventory", "problems"]);
}

#[test]
fn what_was_not_accepted_is_said_again_also_after_a_restart() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    mac.local.host.as_mut().unwrap().hostname = "renamed".to_owned();
    let _ = mac.request();
    mac.hear_or(Err(crate::checkin::answer::NetFault::Timeout));
    mac.restart();
    let request = mac.request();
    assert_eq!(body(&request)["device"]["hostname"], "renamed");
    mac.hear(signer.serve(&request, 7));
    mac.restart();
    assert_eq!(members(&mac.request()), ["inventory"]);
}

#[test]
fn the_inventory_is_a_delta_from_the_confirmed_root() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let before = json!(mac.session.memory.base);
    set_vms(&mut mac, vec![vm(2, "Ubuntu")]);
    let (_, request) = mac.waited_request();
    let inventory = body(&request)["inventory"].clone();
    assert_eq!(body(&request)["reason"], "vm_change");
    assert_eq!(
        (&inventory["base"], uuids(&inventory["upsert"]), uuids(&inventory["remove"])),
        (&before, vec![2], vec![1])
    );
    mac.hear(signer.serve(&request, 7));
    set_vms(&mut mac, Vec::new());
    let request = mac.request();
    assert_eq!(body(&request)["inventory"]["root"], json!(Digest::of(b"")));
    assert_eq!(body(&request)["inventory"]["base"], inventory["root"]);
    mac.hear(signer.serve(&request, 7));
    mac.local.vms = None;
    assert_eq!(body(&mac.request()).get("inventory"), None, "they could not be listed");
}

#[test]
fn what_the_portal_asks_for_again_is_sent_again() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let request = mac.request();
    let again =
        json!({"resend": ["inventory", "device", "problems", "compliance", "license", "a later word"]});
    mac.hear(signer.checked_in(&request, &again));
    let (waited, request) = mac.waited_request();
    assert_eq!(waited.as_secs(), 60);
    assert_eq!(members(&request), ["compliance", "device", "inventory", "problems"]);
    assert!(body(&request)["inventory"]["base"].is_null());
    mac.hear(signer.checked_in(&request, &again));
    assert_eq!(mac.waited_request().0.as_secs(), 900, "a portal that is never content is served by interval");
}

#[test]
fn a_rejected_vm_is_left_out_until_it_changes() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    set_vms(&mut mac, vec![vm(1, "Windows"), vm(2, "bad"), vm(3, "good")]);
    let request = mac.request();
    assert_eq!(uuids(&body(&request)["inventory"]["upsert"]), [2, 3]);
    mac.hear(signer.checked_in(&request, &json!({"rejected": [
        {"member": "/inventory/upsert/0/name", "reason": "bad"}, {"member": "/inventory/upsert/77", "reason": ""},
        {"member": "/compliance/0", "reason": ""}, {"member": "inventory", "reason": ""}, {"member": "", "reason": ""},
    ]})));
    let request = mac.request();
    let inventory = body(&request)["inventory"].clone();
    assert_eq!((uuids(&inventory["upsert"]), &inventory["root"]), (vec![], &inventory["base"]));
    mac.hear(signer.checked_in(&request, &json!({"resend": ["inventory"]})));
    let request = mac.request();
    assert_eq!(uuids(&body(&request)["inventory"]["upsert"]), [1, 3]);
    mac.hear(signer.serve(&request, 7));
    set_vms(&mut mac, vec![vm(1, "Windows"), vm(2, "better"), vm(3, "good")]);
    assert_eq!(uuids(&body(&mac.request())["inventory"]["upsert"]), [2]);
}

#[test]
fn a_large_report_comes_in_parts_without_pause_that_add_up() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let text = "x".repeat(4_000);
    let records: Vec<_> = (1..=400).map(|number| vm(number, &format!("{text}{number}"))).collect();
    set_vms(&mut mac, records.clone());
    let mut seen = std::collections::BTreeMap::new();
    let mut base = json!(mac.session.memory.base);
    let mut parts = 0;
    loop {
        let (waited, request) = mac.waited_request();
        let size = request.body.as_ref().unwrap().len();
        assert!(size < INVENTORY_PART + 8_192, "{size}");
        let inventory = body(&request)["inventory"].clone();
        assert!(parts == 0 || waited.is_zero());
        assert_eq!(inventory["base"], base);
        for record in inventory["upsert"].as_array().unwrap() {
            seen.insert(
                record["uuid"].as_str().unwrap().parse().unwrap(),
                crate::wire::inventory::record_digest(record).unwrap(),
            );
        }
        assert_eq!(inventory["root"], json!(crate::wire::inventory::root(&seen)));
        base = inventory["root"].clone();
        parts += 1;
        let more = inventory["more"] == json!(true);
        mac.hear(signer.serve(&request, 7));
        if !more {
            break;
        }
        // A restart between two parts goes on where it was.
        mac.restart();
        mac.now = mac.now.checked_add(SignedDuration::from_secs(30)).unwrap();
    }
    assert_eq!((parts, seen.len()), (4, 400));
}

#[test]
fn below_the_gate_a_check_in_carries_presence_only() {
    let signer = Signer::new();
    for (parallels, presence_only) in [
        (Parallels::Missing, true),
        (Parallels::Installed("20.0.9".parse().unwrap()), true),
        (Parallels::Installed("20.1.0-55732".parse().unwrap()), false),
        (Parallels::Unreadable, false),
    ] {
        let mut mac = Mac::new(signer.local());
        mac.local.parallels = parallels.clone();
        mac.local.licensing.license = Some(LicenseReport::from(&LicenseFacts::default()));
        let request = mac.request();
        mac.hear(signer.serve(&request, 7));
        let request = mac.request();
        assert_eq!(members(&request) == ["device", "license"], presence_only, "{parallels:?}");
        let device = &body(&request)["device"];
        assert_eq!(
            device.get("profile_settings").is_none() && device.get("local_restrictions").is_none(),
            presence_only
        );
        assert_eq!(
            device.get("parallels_version").is_some_and(Value::is_null),
            parallels == Parallels::Missing
        );
        assert_eq!(mac.version(), Some(7), "what is stored stays in force");
    }
}

#[test]
fn volatile_figures_are_sent_hourly_at_most_and_bring_nothing_forward() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let mut sent = Vec::new();
    for hour in 0..16 {
        let figure = Volatile { uuid: vm(1, "").uuid, uptime_s: 600 * hour, disk_used_mib: Some(1) };
        mac.local.vms.as_mut().unwrap().volatile = vec![figure];
        let (waited, request) = mac.waited_request();
        assert_eq!(waited.as_secs(), 900);
        sent.push(body(&request)["inventory"].get("volatile").is_some());
        mac.hear(signer.serve(&request, 7));
    }
    assert_eq!(sent.iter().filter(|sent| **sent).count(), 4);
}

#[test]
fn a_call_goes_out_at_once_also_while_backing_off() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let _ = mac.request();
    mac.hear_or(Err(crate::checkin::answer::NetFault::Connect));
    mac.session.call(mac.now, SignedDuration::ZERO, CheckinReason::Manual);
    let (waited, request) = mac.waited_request();
    assert_eq!((waited.as_secs(), &body(&request)["reason"]), (0, &json!("manual")));
    assert_eq!(mac.poll(), Some(Do::Nothing), "one request at a time");
}

#[test]
fn the_last_success_outlives_a_restart_to_the_hour_and_costs_hardly_a_write() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let minutes = |mac: &Mac, at: Option<jiff::Timestamp>| {
        at.map(|at| (mac.now.duration_since(at).as_secs() + 30) / 60)
    };
    let (mut idle, mut written) = (0, 0);
    for _ in 0..40 {
        let request = mac.request();
        let before = mac.disk.writes;
        mac.hear(signer.serve(&request, 7));
        assert_eq!(minutes(&mac, mac.session.status().last_success), Some(0));
        idle += 1;
        written += mac.disk.writes - before;
        let mut after = Mac::new(signer.local());
        (after.disk, after.now) = (mac.disk.clone(), mac.now);
        after.restart();
        let age = minutes(&after, after.session.status().last_success);
        assert!(age.is_some_and(|age| age <= 60), "{age:?}");
    }
    // They come every 15 minutes, and each is stored before it leaves, at any rate.
    assert!(written <= idle / 4 + 1, "{written} writes for the answers of {idle} check-ins");
}
