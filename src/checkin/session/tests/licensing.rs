//! The lease, the wish, the license, commands and their acknowledgements.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::checkin::rehearsal::{Mac, Signer, at, body, refusal};
use crate::checkin::session::{Denied, Effect, HttpRequest};
use crate::domain::ids::{CommandId, DeviceId};
use crate::wire::checkin::{LeaseWish, LicenseReport};
use crate::wire::command::{Ack, AckState};
use crate::wire::key::Thumbprint;
use crate::wire::lease::LeaseState;
use crate::wire::problem::Refusal;
use crate::wire::time::NumericDate;

/// Enrolled with lease 5; the next check-in is answered with these members.
fn answered(members: impl FnOnce(&Signer, Thumbprint) -> Value) -> (Signer, Mac) {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let lease = signer.lease(5, mac.jkt());
    for members in [json!({"lease": lease}), members(&signer, mac.jkt())] {
        mac.effects.clear();
        let request = mac.request();
        mac.hear(signer.checked_in(&request, &members));
    }
    (signer, mac)
}

fn seq(mac: &Mac) -> Option<u64> {
    mac.session.lease().map(|lease| lease.seq)
}

fn leased(mac: &Mac) -> usize {
    mac.effects.iter().filter(|effect| matches!(effect, Effect::Leased(_))).count()
}

fn commands(mac: &Mac) -> Vec<Vec<u64>> {
    let opened = mac.effects.iter().filter_map(|effect| match effect {
        Effect::Commands(commands) => Some(commands.iter().map(|command| command.seq).collect()),
        _ => None,
    });
    opened.collect()
}

fn report() -> LicenseReport {
    LicenseReport {
        state: "active".to_owned(),
        edition: Some("enterprise".to_owned()),
        activation: Some("key".to_owned()),
        key: Some("6J9A5T-******-******-******-RN17ZA".to_owned()),
        sublicense: Some(false),
        user: None,
        main_period_ends_at: None,
    }
}

fn size(request: &HttpRequest) -> usize {
    // The request line, Host, Accept, User-Agent, Content-Type, Content-Length and the names of the other two.
    request.body.as_ref().unwrap().len() + request.authorization.len() + 36 + 330
}

#[test]
fn a_newer_lease_holds_at_once_and_after_a_restart() {
    let (_, mut mac) = answered(|signer, jkt| json!({"lease": signer.lease(6, jkt)}));
    assert_eq!((seq(&mac), leased(&mac), mac.problems()), (Some(6), 1, vec![]));
    mac.restart();
    assert_eq!(seq(&mac), Some(6));
    assert_eq!(body(&mac.request())["have"], json!({"keyset": 1, "assignment": 7, "lease": 6}));
}

#[test]
fn the_lease_of_the_enrollment_holds() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let request = mac.request();
    let mut answer = signer.serve(&request, 7);
    let mut members: Value = serde_json::from_slice(&answer.body).unwrap();
    members["lease"] = signer.lease(5, mac.jkt()).into();
    answer.body = members.to_string().into_bytes();
    mac.hear(answer);
    assert_eq!((seq(&mac), mac.version()), (Some(5), Some(7)));
    members["lease"] = "e30.e30.e30".into();
    let mut mac = Mac::new(signer.local());
    let request = mac.request();
    let mut answer = signer.serve(&request, 7);
    answer.body = members.to_string().into_bytes();
    mac.hear(answer);
    assert_eq!((seq(&mac), mac.version(), mac.problems()), (None, Some(7), vec!["lease-signature"]));
}

#[test]
fn a_lease_that_is_refused_leaves_the_stored_one_in_force_and_recovers_by_itself() {
    let stranger = Signer::of(100);
    type Offer = fn(&Signer, &Signer, Thumbprint) -> Value;
    let cases: [(Offer, &str); 8] = [
        (|us, _, jkt| json!({"lease": us.lease(4, jkt)}), "lease-rollback"),
        (
            |us, _, jkt| json!({"lease": us.changed_lease(5, jkt, |lease| lease.state = LeaseState::Revoked)}),
            "lease-equivocation",
        ),
        (|us, them, _| json!({"lease": us.lease(6, them.key.thumbprint())}), "lease-foreign"),
        (
            |us, _, jkt| json!({"lease": us.changed_lease(6, jkt, |lease| lease.claims.aud = DeviceId::random())}),
            "lease-foreign",
        ),
        (
            |us, them, jkt| json!({"lease": us.changed_lease(6, jkt, |l| l.claims.iss = them.organization)}),
            "lease-foreign",
        ),
        (|_, them, jkt| json!({"lease": them.lease(6, jkt)}), "lease-signature"),
        (
            |us, _, jkt| json!({"lease": us.changed_lease(6, jkt, |lease| lease.claims.keyset = 5)}),
            "lease-signature",
        ),
        (|us, _, jkt| json!({"lease": us.assignment(8, 8, jkt)}), "lease-signature"),
    ];
    for (offer, problem) in cases {
        let (signer, mut mac) = answered(|us, jkt| offer(us, &stranger, jkt));
        assert_eq!((seq(&mac), leased(&mac), mac.problems()), (Some(5), 0, vec![problem]));
        let request = mac.request();
        assert_eq!(body(&request)["problems"][0]["code"], problem, "the portal is told");
        mac.hear(signer.serve(&request, 7));
        assert_eq!(mac.problems(), [""; 0], "{problem}");
    }
}

#[test]
fn the_same_lease_again_is_no_news() {
    let (_, mac) = answered(|signer, jkt| json!({"lease": signer.lease(5, jkt)}));
    assert_eq!((seq(&mac), leased(&mac), mac.problems()), (Some(5), 0, vec![]));
}

#[test]
fn the_latest_iat_only_rises_and_outlives_a_restart() {
    let (signer, mut mac) = answered(
        |signer, jkt| json!({"lease": signer.changed_lease(6, jkt, |lease| lease.claims.iat = NumericDate::of(at(5_000)))}),
    );
    assert_eq!(mac.session.latest_iat(), Some(at(5_000)));
    let earlier = signer.changed_lease(7, mac.jkt(), |lease| lease.claims.iat = NumericDate::of(at(4_000)));
    let request = mac.request();
    mac.hear(signer.checked_in(&request, &json!({"lease": earlier})));
    mac.restart();
    assert_eq!((seq(&mac), mac.session.latest_iat()), (Some(7), Some(at(5_000))));
}

#[test]
fn the_license_is_sent_when_it_differs_on_demand_and_once_in_a_day() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    mac.local.licensing.license = Some(report());
    let request = mac.request();
    assert_eq!(body(&request)["license"], json!(report()));
    assert_eq!(body(&request)["reason"], "license_change");
    mac.hear(signer.serve(&request, 7));
    let idle = mac.request();
    assert_eq!(body(&idle).get("license"), None);
    assert!(size(&idle) < 1_536, "{}", size(&idle));
    mac.hear(signer.checked_in(&idle, &json!({"resend": ["license"]})));
    let request = mac.request();
    assert_eq!(body(&request)["license"], json!(report()));
    mac.hear(signer.serve(&request, 7));
    mac.now = mac.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    assert_eq!(body(&mac.request())["license"], json!(report()));
}

#[test]
fn a_wish_brings_a_check_in_forward_and_is_said_while_it_stands() {
    for (wish, word) in [(LeaseWish::Verify, "verify"), (LeaseWish::Release, "release")] {
        let (signer, mut mac) = answered(|_, _| json!({}));
        mac.local.licensing.wish = wish;
        let (waited, request) = mac.waited_request();
        assert_eq!((waited.as_secs(), &body(&request)["lease"]), (60, &json!(word)));
        assert_eq!(body(&request)["reason"], "license_change");
        mac.hear(signer.serve(&request, 7));
        let (waited, request) = mac.waited_request();
        assert_eq!((waited.as_secs(), &body(&request)["lease"]), (900, &json!(word)), "no answer yet");
        mac.hear(signer.checked_in(&request, &json!({"lease": signer.lease(6, mac.jkt())})));
        mac.local.licensing.wish = LeaseWish::Keep;
        let (waited, request) = mac.waited_request();
        assert_eq!((waited.as_secs(), body(&request).get("lease")), (900, None));
    }
}

#[test]
fn a_verification_says_the_license_though_the_portal_should_know_it() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    mac.local.licensing.license = Some(report());
    for (wish, said) in [(LeaseWish::Keep, true), (LeaseWish::Keep, false), (LeaseWish::Verify, true)] {
        mac.local.licensing.wish = wish;
        let request = mac.request();
        assert_eq!(body(&request)["license"].is_object(), said, "{wish:?}");
        mac.hear(signer.checked_in(&request, &json!({})));
    }
}

#[test]
fn a_denied_verification_keeps_the_lease_and_nothing_of_that_check_in_counts() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    mac.local.licensing.wish = LeaseWish::Verify;
    mac.local.licensing.license = Some(report());
    let request = mac.request();
    let denied = refusal(&request, Refusal::LicenseDenied { reason: "no-seat".to_owned() });
    mac.effects.clear();
    mac.hear(denied.clone());
    assert_eq!((seq(&mac), mac.problems()), (Some(5), vec!["license-denied"]));
    let told = Denied { reason: "no-seat".to_owned(), at: mac.now };
    assert_eq!(mac.effects, [Effect::Denied(Some(told))]);

    // The rest of it is said without the wish, which rests.
    let (waited, request) = mac.waited_request();
    assert!(waited.as_secs() <= 60, "{waited}");
    assert_eq!((body(&request).get("lease"), &body(&request)["license"]), (None, &json!(report())));
    mac.hear(signer.serve(&request, 7));
    assert_eq!(mac.problems(), ["license-denied"]);
    let (waited, request) = mac.waited_request();
    assert_eq!(body(&request)["lease"], "verify", "after {waited}");

    mac.effects.clear();
    mac.hear(signer.checked_in(&request, &json!({"lease": signer.lease(6, mac.jkt())})));
    assert_eq!((seq(&mac), mac.problems()), (Some(6), vec![]));
    assert!(mac.effects.contains(&Effect::Denied(None)));
}

#[test]
fn denials_in_a_row_come_ever_more_rarely_and_the_rest_goes_on() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    mac.local.licensing.wish = LeaseWish::Verify;
    let (mut asked, mut others) = (0, 0);
    let end = mac.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    while mac.now < end {
        let request = mac.request();
        if body(&request)["lease"] == "verify" {
            asked += 1;
            mac.hear(refusal(&request, Refusal::LicenseDenied { reason: "no-seat".to_owned() }));
        } else {
            others += 1;
            mac.hear(signer.serve(&request, 7));
        }
    }
    assert!((20..=40).contains(&asked) && others >= 90, "{asked} {others}");
    assert_eq!(seq(&mac), Some(5));
}

#[test]
fn a_denial_that_nobody_asked_for_is_not_the_portal() {
    let (_, mut mac) = answered(|_, _| json!({}));
    let request = mac.request();
    mac.hear(refusal(&request, Refusal::LicenseDenied { reason: "no-seat".to_owned() }));
    assert_eq!((seq(&mac), mac.problems()), (Some(5), vec!["portal-refused"]));
}

#[test]
fn an_enrollment_that_is_denied_a_license_is_tried_again() {
    let signer = Signer::new();
    let mut mac = Mac::new(signer.local());
    let request = mac.request();
    mac.hear(refusal(&request, Refusal::LicenseDenied { reason: "no\u{7}seat".to_owned() }));
    assert_eq!(mac.problems(), ["license-denied"]);
    let request = mac.request();
    mac.hear(signer.serve(&request, 7));
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec![]));
}

#[test]
fn commands_that_are_verified_are_handed_on_in_their_order() {
    let (signer, mut mac) =
        answered(|us, jkt| json!({"commands": [us.command(12, jkt, |_| {}), us.command(11, jkt, |_| {})]}));
    assert_eq!(commands(&mac), [vec![11, 12]]);
    let request = mac.request();
    let again = [signer.command(11, mac.jkt(), |_| {}), signer.command(12, mac.jkt(), |_| {})];
    mac.hear(signer.checked_in(&request, &json!({"commands": again})));
    assert_eq!(commands(&mac), [vec![11, 12]], "no news");
    let request = mac.request();
    mac.hear(signer.serve(&request, 7));
    assert_eq!(commands(&mac), [vec![11, 12], vec![]]);
}

#[test]
fn a_command_that_is_not_verified_is_a_problem_and_goes_no_further() {
    let stranger = Signer::of(100);
    type Offer = fn(&Signer, &Signer, Thumbprint) -> String;
    let cases: [(Offer, &str); 6] = [
        (|us, _, jkt| us.command(12, jkt, |c| c.claims.aud = DeviceId::random()), "command-foreign"),
        (|us, them, _| us.command(12, them.key.thumbprint(), |_| {}), "command-foreign"),
        (|us, them, jkt| us.command(12, jkt, |c| c.claims.iss = them.organization), "command-foreign"),
        (|_, them, jkt| them.command(12, jkt, |_| {}), "command-signature"),
        (|us, _, jkt| us.command(12, jkt, |c| c.expires_at = at(30 * 86_400 + 1)), "command-signature"),
        (|us, _, jkt| us.lease(12, jkt), "command-signature"),
    ];
    for (offer, problem) in cases {
        let (signer, mut mac) =
            answered(|us, jkt| json!({"commands": [us.command(11, jkt, |_| {}), offer(us, &stranger, jkt)]}));
        assert_eq!((commands(&mac), mac.problems()), (vec![vec![11]], vec![problem]));
        let request = mac.request();
        mac.hear(signer.serve(&request, 7));
        assert_eq!(mac.problems(), [""; 0], "{problem}");
    }
}

#[test]
fn acknowledgements_are_repeated_for_as_long_as_they_stand() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    let id = CommandId::random();
    let ack = Ack { id, state: AckState::Succeeded, detail: None, at: at(1) };
    mac.local.licensing.acks = vec![ack.clone()];
    for waits in [60, 900] {
        let (waited, request) = mac.waited_request();
        assert_eq!((waited.as_secs(), &body(&request)["acks"]), (waits, &json!([ack])));
        mac.hear(signer.serve(&request, 7));
    }
    let request = mac.request();
    mac.hear(signer.checked_in(&request, &json!({"acked": [id]})));
    assert_eq!(mac.effects.last(), Some(&Effect::Acked(vec![id])));
    mac.local.licensing.acks.clear();
    let (waited, request) = mac.waited_request();
    assert_eq!((waited.as_secs(), body(&request).get("acks")), (900, None));
    assert!(size(&request) < 1_536, "{}", size(&request));
}

#[test]
fn a_full_report_that_was_asked_for_is_sent_once() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    mac.local.licensing.full_reports += 1;
    let (waited, request) = mac.waited_request();
    assert_eq!((waited.as_secs(), &body(&request)["inventory"]["base"]), (60, &Value::Null));
    mac.hear(signer.serve(&request, 7));
    let (waited, request) = mac.waited_request();
    assert_eq!(waited.as_secs(), 900);
    assert_eq!(body(&request)["inventory"]["base"], body(&request)["inventory"]["root"]);
}

#[test]
fn a_document_of_the_release_before_leases_is_read() {
    let signer = Signer::new();
    let mac = Mac::enrolled(&signer);
    let mut document = serde_json::to_value(mac.disk.trust.as_ref().unwrap()).unwrap();
    for name in ["lease", "latest"] {
        document.as_object_mut().unwrap().remove(name);
    }
    let read: crate::checkin::trust::TrustDocument = serde_json::from_value(document).unwrap();
    let (trust, refused) = crate::checkin::trust::Trust::read(&read);
    assert!(trust.held().is_some() && trust.lease().is_none() && refused.is_empty());
}
