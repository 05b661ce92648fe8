//! Enrollment: first and again, and a crash at any moment of it.

use serde_json::json;

use crate::checkin::answer::NetFault;
use crate::checkin::rehearsal::{Disk, Mac, Signer, answer, body, hardware, jkt_of};
use crate::checkin::session::{Do, Documents, Effect, HttpRequest, Session, Standing};
use crate::domain::ids::DeviceId;
use crate::wire::checkin::CheckinReason;
use crate::wire::enrollment::EnrollmentToken;
use crate::wire::{checkin, enrollment};

fn enrollment_of(request: &HttpRequest) -> (serde_json::Value, serde_json::Value) {
    assert_eq!(request.path, enrollment::PATH);
    (body(request)["reason"].clone(), body(request)["previous_device_id"].clone())
}

#[test]
fn the_key_and_the_id_are_stored_before_the_first_try() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let step = mac.session.poll(mac.now, &mac.local, &mut mac.dice);
    assert!(step.essential && matches!(step.then, Do::Send(_)));
    assert_eq!(step.saves.len(), 1);
    let request = mac.request();
    let stored = mac.disk.identities.clone().unwrap().current.unwrap();
    assert_eq!(body(&request)["enrollment_id"], json!(stored.attempt.id));
    assert_eq!(body(&request)["public_key"], json!(stored.seed.key().unwrap().public()));
    assert_eq!(enrollment_of(&request), (json!("first"), json!(null)));
}

#[test]
fn enrollment_brings_the_assignment_and_a_check_in_at_once() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let request = mac.request();
    mac.hear(signer.serve(&request, 7));
    assert!(matches!(&mac.effects[..], [Effect::Assigned(assignment)] if assignment.version == 7));
    let (waited, first) = mac.waited_request();
    assert!(waited.is_zero());
    assert_eq!(body(&first)["reason"], "startup");
    assert_eq!(body(&first)["have"], json!({"keyset": 1, "assignment": 7, "lease": 0}));
    assert_eq!(mac.session.status().standing, Standing::Enrolled);
}

/// Runs until version 7 holds and a check-in was accepted, restarting after each failure of the power.
fn run_to_the_end(mac: &mut Mac, signer: &Signer) -> Vec<serde_json::Value> {
    let mut enrollments = Vec::new();
    let mut checked_in = false;
    while !checked_in {
        let crashed = |mac: &mut Mac| {
            mac.disk.power = None;
            mac.restart();
        };
        let request = match mac.poll() {
            Some(Do::Send(request)) => request,
            Some(Do::Until(until)) => {
                mac.now = until;
                continue;
            }
            Some(Do::Nothing) => panic!("stuck"),
            None => {
                crashed(mac);
                continue;
            }
        };
        if request.path == enrollment::PATH {
            enrollments.push(json!([body(&request)["enrollment_id"], body(&request)["public_key"]]));
        }
        let is_checkin = request.path == checkin::PATH;
        let step = mac.session.answer(mac.now, Ok(signer.serve(&request, 7)), &mut mac.dice);
        match mac.take(step) {
            Some(_) => checked_in = is_checkin,
            None => crashed(mac),
        }
    }
    enrollments
}

#[test]
fn a_crash_at_any_moment_comes_to_the_same_end() {
    let signer = Signer::new();
    let mut whole = Mac::new(signer.local());
    run_to_the_end(&mut whole, &signer);
    let writes = whole.disk.writes;
    assert!(writes >= 5, "{writes}");
    for power in 0..=writes {
        let mut mac = Mac::new(signer.local());
        mac.disk.power = Some(power);
        let mut enrollments = run_to_the_end(&mut mac, &signer);
        // Before the first write nothing was sent, and so nothing has to be the same.
        enrollments.dedup();
        assert_eq!(enrollments.len(), 1, "the same id and key, after {power} writes");
        mac.restart();
        assert_eq!((mac.version(), mac.session.status().device), (Some(7), Some(signer.device)));
    }
}

#[test]
fn an_enrollment_that_is_not_signed_for_this_mac_does_not_count() {
    let signer = Signer::new();
    let stranger = Signer::of(100);
    for case in 0..5 {
        let mut mac = Mac::new(signer.local());
        let request = mac.request();
        let jkt = jkt_of(&request);
        let (mut device, mut keyset, mut assignment) =
            (signer.device, signer.keyset(1), signer.assignment(7, 1, jkt));
        match case {
            0 => device = DeviceId::random(),
            1 => keyset = stranger.keyset(1),
            2 => assignment = stranger.assignment(7, 1, jkt),
            3 => assignment = signer.assignment(7, 1, stranger.key.thumbprint()),
            _ => assignment = "a.b.c".to_owned(),
        }
        let next = json!({"after_s": 900, "jitter_s": 180, "wait": true});
        let members = json!({"device_id": device, "keyset": keyset, "assignment": assignment, "next": next, "server_time": "2025-11-24T16:00:00Z"});
        mac.hear(answer(&request, 201, &members));
        assert_eq!((mac.version(), mac.session.status().device), (None, None), "{case}");
        assert!(mac.problems().contains(&"portal-answer-invalid"), "{case}");
        let (waited, again) = mac.waited_request();
        assert_eq!(
            (waited.as_secs(), &body(&again)["enrollment_id"]),
            (30, &body(&request)["enrollment_id"])
        );
        mac.hear(signer.serve(&again, 7));
        assert_eq!((mac.version(), mac.problems()), (Some(7), vec![]), "{case}");
    }
}

#[test]
fn another_mac_enrolls_anew_only_if_serial_and_uuid_both_differ() {
    let signer = Signer::new();
    for (serial, uuid, other) in [
        ("C02A", "UUID-A", false),
        ("C02B", "UUID-A", false),
        ("C02A", "UUID-B", false),
        ("c02a", "UUID-B", false),
        ("", "UUID-B", false),
        ("C02B", "UUID-B", true),
    ] {
        let mut mac = Mac::enrolled(&signer);
        let key = mac.session.key.as_ref().unwrap().public();
        mac.restart();
        mac.local.host.as_mut().unwrap().hardware = hardware(serial, uuid);
        let request = mac.request();
        assert_eq!(request.path == enrollment::PATH, other, "{serial} {uuid}");
        if other {
            assert_eq!(enrollment_of(&request), (json!("hardware_changed"), json!(signer.device)));
            assert_ne!(body(&request)["public_key"], json!(key));
            assert_eq!(
                (mac.version(), mac.problems()),
                (Some(7), vec!["hardware-changed"]),
                "enforced meanwhile"
            );
            mac.hear(signer.serve(&request, 9));
            assert_eq!((mac.version(), mac.problems()), (Some(9), vec![]));
        }
    }
}

#[test]
fn another_mac_without_a_token_falls_silent_and_keeps_what_it_has() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    mac.local.host.as_mut().unwrap().hardware = hardware("C02B", "UUID-B");
    mac.local.portal.token = None;
    assert_eq!((mac.poll(), mac.version()), (Some(Do::Nothing), Some(7)));
    assert_eq!(mac.session.status().standing, Standing::HardwareChanged);
    mac.local = signer.local();
    assert_eq!(mac.request().path, checkin::PATH, "the disk is back in its Mac");
}

#[test]
fn a_lost_key_says_so_and_the_assignment_holds_meanwhile() {
    let signer = Signer::new();
    for lost in [false, true] {
        let mut mac = Mac::enrolled(&signer);
        let Disk { trust, .. } = mac.disk.clone();
        let documents = Documents { identities_lost: lost, trust, ..Documents::default() };
        mac.session = Session::new(documents, mac.now, &mut mac.dice);
        assert_eq!(mac.version(), Some(7));
        let request = mac.request();
        assert_eq!(enrollment_of(&request), (json!("key_lost"), json!(signer.device)));
    }
}

#[test]
fn a_retired_device_ends_and_only_another_token_enrolls_again() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let jkt = mac.session.key.as_ref().unwrap().thumbprint();
    let request = mac.request();
    let retired = signer
        .changed_assignment(8, 1, jkt, |assignment| (assignment.retired, assignment.policy) = (true, None));
    mac.hear(signer.checked_in(&request, &json!({"assignment": retired})));
    // The power fails between storing the assignment and ending the identity.
    mac.restart();
    assert_eq!(mac.poll(), Some(Do::Nothing));
    assert!(mac.effects.contains(&Effect::Retired));
    let stored = mac.disk.identities.clone().unwrap();
    assert_eq!((stored.current, stored.former.len()), (None, 1));
    mac.restart();
    assert_eq!((mac.poll(), mac.session.status().standing), (Some(Do::Nothing), Standing::Retired));
    assert!(mac.session.assignment().unwrap().retired && mac.problems().is_empty());
    mac.local.portal.token = Some(EnrollmentToken::new("second-token".to_owned()));
    let again = mac.request();
    assert_eq!(enrollment_of(&again), (json!("first"), json!(null)));
    mac.hear(signer.serve(&again, 9));
    assert_eq!(mac.version(), Some(9));
}

#[test]
fn another_address_keeps_key_and_device() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    for _ in 0..5 {
        let _ = mac.request();
        mac.hear_or(Err(NetFault::Dns));
    }
    mac.local.portal.origin = Some("https://elsewhere.example".to_owned());
    mac.now = mac.now.checked_add(jiff::SignedDuration::from_secs(40)).unwrap();
    let (waited, request) = mac.waited_request();
    assert_eq!((waited.as_secs(), request.path), (0, checkin::PATH), "failures of the old one do not count");
    assert_eq!(request.origin, "https://elsewhere.example");
    assert_eq!(body(&request)["have"]["assignment"], 7);
}

#[test]
fn under_another_root_key_nothing_new_counts_until_its_keyset_came() {
    let signer = Signer::new();
    let other = Signer::of(100);
    let mut mac = Mac::enrolled(&signer);
    let jkt = mac.session.key.as_ref().unwrap().thumbprint();
    mac.local.portal.root_key = Some(other.root.public());
    let request = mac.request();
    assert_eq!(body(&request)["have"], json!({"keyset": 0, "assignment": 7, "lease": 0}));
    mac.hear(signer.checked_in(
        &request,
        &json!({"keyset": signer.keyset(2), "assignment": signer.assignment(8, 2, jkt)}),
    ));
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec!["assignment-signature", "keyset-invalid"]));
    let request = mac.request();
    mac.hear(signer.checked_in(
        &request,
        &json!({"keyset": other.keyset(1), "assignment": other.assignment(9, 2, jkt)}),
    ));
    assert_eq!((mac.version(), mac.problems()), (Some(9), vec![]));
}

#[test]
fn a_disk_that_cannot_store_the_identity_keeps_the_agent_from_enrolling_and_rests() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    for wait in [30, 60, 120] {
        let step = mac.session.poll(mac.now, &mac.local, &mut mac.dice);
        assert!(step.essential);
        mac.session.write_failed(mac.now, true, &mut mac.dice);
        assert_eq!(mac.problems(), ["state-write-failed"]);
        let Some(Do::Until(until)) = mac.poll() else { panic!("it rests") };
        assert_eq!(until.duration_since(mac.now).as_secs(), wait);
        mac.now = until;
    }
    mac.session.write_failed(mac.now, true, &mut mac.dice);
    assert!(matches!(mac.poll(), Some(Do::Until(_))), "it rests");
    mac.session.call(mac.now, jiff::SignedDuration::ZERO, CheckinReason::Manual);
    // A person ends the rest, and not what it has grown to.
    let request = mac.request();
    let mut failing = mac.session.clone();
    failing.write_failed(mac.now, true, &mut mac.dice);
    let step = failing.poll(mac.now, &mac.local, &mut mac.dice);
    assert!(matches!(step.then, Do::Until(until) if until.duration_since(mac.now).as_secs() == 480));
    mac.session.written();
    mac.hear(signer.serve(&request, 7));
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec![]));
}
