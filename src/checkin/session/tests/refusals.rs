//! A test for each row of the protocol's table of problems.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use crate::checkin::answer::{HttpAnswer, NetFault, TlsFault};
use crate::checkin::rehearsal::{Mac, NOW, Signer, answer, at, body, proof, refusal};
use crate::checkin::session::{Do, Effect, HttpRequest, Session, Standing};
use crate::domain::ids::EnrollmentId;
use crate::wire::problem::{MEDIA_TYPE, Refusal};
use crate::wire::{checkin, enrollment};

fn about_to_check_in() -> (Signer, Mac, HttpRequest) {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let request = mac.request();
    assert_eq!(request.path, checkin::PATH);
    (signer, mac, request)
}

/// Key, assignment and device: what no refusal takes away.
fn core(session: &Session) -> impl PartialEq + std::fmt::Debug + use<> {
    let status = session.status();
    (
        status.device,
        status.organization,
        session.assignment().map(|held| held.digest()),
        session.key.as_ref().map(|key| key.thumbprint()),
    )
}

#[test]
fn clock_skew_sets_the_offset_for_iat_and_retries_once() {
    let (_, mut mac, request) = about_to_check_in();
    let skewed = at(1_000_000);
    let now = mac.now;
    assert_eq!(mac.next_after(Ok(refusal(&request, Refusal::ClockSkew { server_time: skewed }))), 0);
    let step = mac.session.status();
    assert_eq!(step.failures, 0);
    mac.session.abandon();
    mac.session.call(now, SignedDuration::ZERO, crate::wire::checkin::CheckinReason::Manual);
    let retry = mac.request();
    assert_eq!(proof(&retry).iat.seconds(), NOW + 1_000_000);
    assert_eq!(mac.next_after(Ok(refusal(&retry, Refusal::ClockSkew { server_time: skewed }))), 30, "once");
    assert_eq!(mac.problems(), ["clock-skew"]);
}

#[test]
fn sequence_jumps_above_the_floor_and_retries_once() {
    let (_, mut mac, request) = about_to_check_in();
    let floor = proof(&request).seq.unwrap() + 5_000_000;
    mac.hear(refusal(&request, Refusal::Sequence { floor }));
    let (waited, retry) = mac.waited_request();
    assert_eq!((waited.as_secs(), proof(&retry).seq), (0, Some(floor + 1)));
    assert_eq!(mac.next_after(Ok(refusal(&retry, Refusal::Sequence { floor: floor + 10 }))), 30, "once");
    assert_eq!(mac.problems(), ["portal-refused"]);
}

#[test]
fn an_incredible_floor_is_the_network() {
    let (_, mut mac, request) = about_to_check_in();
    let seq = proof(&request).seq.unwrap();
    let floor = seq + (1 << 32) + 1;
    assert_eq!(mac.next_after(Ok(refusal(&request, Refusal::Sequence { floor }))), 30);
    assert!(mac.session.identities.current.as_ref().unwrap().pace.seq < floor);
}

#[test]
fn a_sequence_never_repeats_whatever_clock_and_restart_do() {
    let (_, mut mac, request) = about_to_check_in();
    let mut last = proof(&request).seq.unwrap();
    for back in [0, 10, 86_400, 40_000_000] {
        mac.now = at(-back);
        mac.restart();
        let next = proof(&mac.request()).seq.unwrap();
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

#[test]
fn who_is_unknown_backs_off_to_an_hour_and_keeps_everything() {
    for unknown in [Refusal::DeviceUnknown, Refusal::SignatureInvalid] {
        let (signer, mut mac, mut request) = about_to_check_in();
        mac.local.portal.token = None;
        let before = core(&mac.session);
        let mut waits = Vec::new();
        for _ in 0..9 {
            mac.hear(refusal(&request, unknown.clone()));
            let (waited, next) = mac.waited_request();
            assert_eq!(next.path, checkin::PATH);
            (request, _) = (next, waits.push(waited.as_secs()));
            assert_eq!(core(&mac.session), before);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        mac.hear(signer.serve(&request, 7));
        assert_eq!(mac.problems(), [""; 0]);
    }
}

#[test]
fn who_is_unknown_enrolls_again_with_the_same_key_if_a_token_is_there() {
    let (signer, mut mac, request) = about_to_check_in();
    let before = core(&mac.session);
    let first_attempt = mac.session.identities.current.as_ref().unwrap().attempt.id;
    mac.hear(refusal(&request, Refusal::DeviceUnknown));
    assert_eq!(mac.problems(), ["device-unknown"]);
    let (waited, again) = mac.waited_request();
    assert_eq!((waited.as_secs(), again.path), (30, enrollment::PATH));
    let key = mac.session.key.as_ref().unwrap().public();
    assert_eq!(body(&again)["public_key"], json!(key));
    assert_eq!(body(&again)["previous_device_id"], json!(signer.device));
    assert_ne!(body(&again)["enrollment_id"], json!(first_attempt));
    mac.hear(signer.serve(&again, 7));
    assert_eq!(core(&mac.session), before);
    assert_eq!(mac.request().path, checkin::PATH);
    assert_eq!(mac.problems(), [""; 0]);
}

#[test]
fn a_refused_token_waits_for_another_one_or_six_hours() {
    for refused in [Refusal::TokenInvalid, Refusal::TokenExpired, Refusal::TokenUsed] {
        let signer = Signer::new();
        let mut mac = Mac::new(signer.local());
        let first = mac.request();
        mac.hear(refusal(&first, refused));
        assert_eq!(mac.problems(), ["enrollment-refused"]);
        let (waited, again) = mac.waited_request();
        assert_eq!(waited.as_hours(), 6);
        assert_eq!(body(&again)["enrollment_id"], body(&first)["enrollment_id"]);
        mac.hear(refusal(&again, Refusal::TokenUsed));
        mac.restart();
        assert!(
            matches!(mac.poll(), Some(Do::Until(until)) if until.duration_since(mac.now).as_hours() == 6),
            "a restart is no reason"
        );
        mac.now = mac.now.checked_add(SignedDuration::from_secs(60)).unwrap();
        mac.local.portal.token = Some(enrollment::EnrollmentToken::new("another".to_owned()));
        let (waited, again) = mac.waited_request();
        assert_eq!((waited.as_secs(), &body(&again)["token"]), (0, &json!("another")));
    }
}

#[test]
fn an_enrollment_conflict_takes_a_new_id_with_the_same_key() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let first = mac.request();
    assert_eq!(mac.next_after(Ok(refusal(&first, Refusal::EnrollmentConflict))), 30);
    mac.session.abandon();
    mac.restart();
    let again = mac.request();
    let id = |request: &HttpRequest| -> EnrollmentId {
        body(request)["enrollment_id"].as_str().unwrap().parse().unwrap()
    };
    assert_ne!(id(&again), id(&first));
    assert_eq!(body(&again)["public_key"], body(&first)["public_key"]);
    mac.hear(signer.serve(&again, 7));
    assert_eq!(mac.version(), Some(7));
}

#[test]
fn device_forked_is_the_network_for_the_mac_that_enrolled() {
    let (_, mut mac, request) = about_to_check_in();
    let before = core(&mac.session);
    assert_eq!(mac.next_after(Ok(refusal(&request, Refusal::DeviceForked))), 30);
    assert_eq!((core(&mac.session), mac.problems()), (before, vec!["device-forked"]));
}

#[test]
fn malformed_is_told_once_for_a_body_and_a_full_report_follows() {
    let (_, mut mac, request) = about_to_check_in();
    assert_eq!(body(&request).get("device"), None);
    mac.hear(refusal(&request, Refusal::Malformed));
    let (waited, full) = mac.waited_request();
    assert_eq!(waited.as_secs(), 30);
    assert!(body(&full)["device"].is_object() && body(&full)["inventory"]["base"].is_null());
    mac.hear(refusal(&full, Refusal::Malformed));
    let again = mac.request();
    mac.hear(refusal(&again, Refusal::Malformed));
    let told = mac.effects.iter().filter(|effect| matches!(effect, Effect::Malformed(_))).count();
    assert_eq!(told, 2, "one for each of two bodies");
}

#[test]
fn too_large_makes_smaller_parts() {
    let (_, mut mac, request) = about_to_check_in();
    let before = mac.session.run.part;
    assert_eq!(mac.next_after(Ok(refusal(&request, Refusal::TooLarge { limit: 1 }))), 30);
    assert_eq!(mac.session.run.part, before / 2);
}

#[test]
fn later_waits_for_the_greater_of_backoff_and_retry_after() {
    let (_, mut mac, request) = about_to_check_in();
    let later = |request: &HttpRequest, status, after: Option<&str>| {
        let page = HttpAnswer {
            content_type: Some("text/html".to_owned()),
            ..answer(request, status, &json!("busy"))
        };
        Ok(HttpAnswer { retry_after: after.map(str::to_owned), ..page })
    };
    assert_eq!(mac.next_after(later(&request, 503, Some("600"))), 600);
    assert_eq!(mac.next_after(later(&request, 429, Some("1"))), 60, "the backoff is the greater");
}

#[test]
fn every_other_answer_is_the_network_and_backs_off_with_its_name() {
    let bare = |status, content_type: &str, text: &str| {
        Ok(HttpAnswer {
            status,
            content_type: Some(content_type.to_owned()),
            body: text.as_bytes().to_vec(),
            ..HttpAnswer::default()
        })
    };
    for (answer, problem) in [
        (bare(401, "text/html", "<h1>Unauthorized</h1>"), "portal-unreachable"),
        (bare(401, MEDIA_TYPE, "{}"), "portal-unreachable"),
        (bare(404, "application/json", "{}"), "portal-unreachable"),
        (bare(200, "text/html", "<html>sign in</html>"), "portal-unreachable"),
        (bare(200, "application/json", "{}"), "portal-unreachable"),
        (bare(302, "", ""), "portal-unreachable"),
        (Err(NetFault::Dns), "portal-unreachable"),
        (Err(NetFault::Connect), "portal-unreachable"),
        (Err(NetFault::Timeout), "portal-unreachable"),
        (Err(NetFault::Truncated), "portal-unreachable"),
        (Err(NetFault::TooLarge), "portal-unreachable"),
        (Err(NetFault::Tls(TlsFault::UnknownIssuer)), "tls-failed"),
    ] {
        let (signer, mut mac, _) = about_to_check_in();
        let before = core(&mac.session);
        mac.hear_or(answer);
        assert_eq!(mac.problems(), [problem]);
        let (waited, again) = mac.waited_request();
        assert_eq!((waited.as_secs(), core(&mac.session)), (30, before));
        mac.hear(signer.serve(&again, 7));
        assert_eq!(mac.problems(), [""; 0], "it recovers by itself");
        assert_eq!(mac.session.status().failures, 0);
    }
}

#[test]
fn the_counter_survives_a_restart() {
    let signer = Signer::new();
    for mut mac in [Mac::enrolled(&signer), Mac::new(signer.local())] {
        let path = mac.request().path;
        for wait in [30, 60, 120, 240] {
            mac.hear_or(Err(NetFault::Connect));
            mac.restart();
            let (waited, again) = mac.waited_request();
            assert_eq!((waited.as_secs(), again.path), (wait, path));
        }
    }
}

#[test]
fn nothing_to_do_where_the_profile_gives_no_ground() {
    let signer = Signer::new();
    for (change, standing, problems) in [
        (
            (|portal| portal.origin = None) as fn(&mut crate::checkin::local::Portal),
            Standing::NoPortal,
            vec![],
        ),
        (|portal| portal.root_key = None, Standing::NoRootKey, vec!["no-root-key"]),
        // The profile's problem says it already.
        (|portal| (portal.root_key, portal.root_key_is_bad) = (None, true), Standing::NoRootKey, vec![]),
        (|portal| portal.token = None, Standing::NoToken, vec!["no-token"]),
    ] {
        let mut mac = Mac::new(signer.local());
        change(&mut mac.local.portal);
        assert_eq!(mac.poll(), Some(Do::Nothing));
        assert_eq!((mac.session.status().standing, mac.problems()), (standing, problems));
        mac.local = signer.local();
        assert_eq!(mac.request().path, enrollment::PATH);
        assert_eq!(mac.problems(), [""; 0]);
    }
    let mut mac = Mac::enrolled(&signer);
    mac.local.portal.root_key = None;
    assert_eq!((mac.poll(), mac.version()), (Some(Do::Nothing), Some(7)), "what is stored stays");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes back that is not signed: the key, the device and the assignment stay.
    #[test]
    fn no_answer_that_is_not_signed_changes_what_counts(
        status in prop_oneof![Just(200_u16), Just(201), Just(401), Just(403), Just(409), 100_u16..600],
        content_type in prop_oneof![Just("application/json"), Just(MEDIA_TYPE), Just("text/html")],
        text in prop_oneof![
            ".{0,60}",
            "[a-z-]{1,20}".prop_map(|name| json!({"type": format!("urn:meridian:problem:{name}")}).to_string()),
            Just(json!({"type": "urn:meridian:problem:device-unknown"}).to_string()),
            Just(json!({"type": "urn:meridian:problem:device-forked"}).to_string()),
            ("[A-Za-z0-9._-]{0,80}", any::<u64>()).prop_map(|(token, after_s)| json!({
                "server_time": "2025-11-24T16:00:00Z", "next": {"after_s": after_s, "jitter_s": after_s, "wait": true},
                "keyset": token, "assignment": token, "resend": ["inventory", "x"], "rejected": [{"member": token, "reason": ""}],
            }).to_string()),
        ],
        enrolling in any::<bool>(),
    ) {
        let signer = Signer::new();
        let mut mac = if enrolling { Mac::new(signer.local()) } else { Mac::enrolled(&signer) };
        let request = mac.request();
        let before = core(&mac.session);
        let answer = HttpAnswer { status, content_type: Some(content_type.to_owned()), body: text.into_bytes(), ..answer(&request, 0, &json!(0)) };
        mac.hear(answer);
        prop_assert_eq!(core(&mac.session), before);
        let (waited, _) = mac.waited_request();
        prop_assert!(waited.as_hours() <= 48);
    }
}
