//! What is signed: which keysets and assignments are taken, and that a refusal keeps what is stored.

use serde_json::{Value, json};

use crate::checkin::rehearsal::{Mac, Signer, at, body};
use crate::checkin::session::Effect;
use crate::domain::ids::DeviceId;
use crate::wire::key::Thumbprint;

/// Enrolled with version 7; the next check-in is answered with these members.
fn answered(members: impl FnOnce(&Signer, Thumbprint) -> Value) -> (Signer, Mac) {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let jkt = mac.session.key.as_ref().unwrap().thumbprint();
    let request = mac.request();
    let answer = signer.checked_in(&request, &members(&signer, jkt));
    mac.hear(answer);
    (signer, mac)
}

fn assigned(mac: &Mac) -> usize {
    mac.effects.iter().filter(|effect| matches!(effect, Effect::Assigned(_))).count()
}

#[test]
fn a_newer_assignment_holds_after_it_was_stored() {
    let (_, mut mac) = answered(|signer, jkt| json!({"assignment": signer.assignment(8, 8, jkt)}));
    assert_eq!((mac.version(), assigned(&mac)), (Some(8), 1));
    mac.restart();
    assert_eq!(mac.version(), Some(8));
    assert_eq!(body(&mac.request())["have"]["assignment"], 8);
}

#[test]
fn the_same_assignment_again_is_no_news() {
    let (_, mac) = answered(|signer, jkt| json!({"assignment": signer.assignment(7, 7, jkt)}));
    assert_eq!((mac.version(), assigned(&mac), mac.problems()), (Some(7), 0, vec![]));
}

#[test]
fn what_is_refused_leaves_the_stored_one_in_force_and_recovers_by_itself() {
    let stranger = Signer::of(100);
    type Offer = fn(&Signer, &Signer, Thumbprint) -> Value;
    let cases: [(Offer, &str); 11] = [
        (|us, _, jkt| json!({"assignment": us.assignment(6, 6, jkt)}), "assignment-rollback"),
        (|us, _, jkt| json!({"assignment": us.assignment(7, 99, jkt)}), "assignment-equivocation"),
        (
            |us, them, _| json!({"assignment": us.assignment(8, 8, them.key.thumbprint())}),
            "assignment-foreign",
        ),
        (
            |us, _, jkt| json!({"assignment": us.changed_assignment(8, 8, jkt, |a| a.claims.aud = DeviceId::random())}),
            "assignment-foreign",
        ),
        (
            |us, them, jkt| json!({"assignment": us.changed_assignment(8, 8, jkt, |a| a.claims.iss = them.organization)}),
            "assignment-foreign",
        ),
        (|_, them, jkt| json!({"assignment": them.assignment(8, 8, jkt)}), "assignment-signature"),
        (
            |us, _, jkt| json!({"assignment": us.changed_assignment(8, 8, jkt, |a| a.claims.keyset = 5)}),
            "assignment-signature",
        ),
        (|_, _, _| json!({"assignment": "e30.e30.e30"}), "assignment-signature"),
        (|_, them, _| json!({"keyset": them.keyset(9)}), "keyset-invalid"),
        (|us, _, _| json!({"keyset": us.keyset(0)}), "keyset-invalid"),
        (|_, _, _| json!({"keyset": ""}), "keyset-invalid"),
    ];
    for (offer, problem) in cases {
        let (signer, mut mac) = answered(|us, jkt| offer(us, &stranger, jkt));
        assert_eq!((mac.version(), assigned(&mac), mac.problems()), (Some(7), 0, vec![problem]));
        let request = mac.request();
        assert_eq!(body(&request)["problems"][0]["code"], problem, "the portal is told");
        mac.hear(signer.serve(&request, 7));
        assert_eq!(mac.problems(), [""; 0], "{problem}");
    }
}

#[test]
fn a_keyset_is_taken_before_the_assignment_that_needs_it() {
    let (_, mac) = answered(|signer, jkt| {
        let assignment = signer.changed_assignment(8, 8, jkt, |assignment| assignment.claims.keyset = 2);
        json!({"assignment": assignment, "keyset": signer.keyset(2)})
    });
    assert_eq!((mac.version(), mac.problems()), (Some(8), vec![]));
}

#[test]
fn two_keysets_of_a_version_are_refused() {
    let (_, mac) = answered(|signer, _| {
        let other_key = Signer { root: Signer::new().root, ..Signer::of(100) };
        let other_key = Signer { organization: signer.organization, ..other_key };
        json!({"keyset": other_key.keyset(1)})
    });
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec!["keyset-invalid"]));
}

#[test]
fn an_assignment_past_its_refresh_by_holds_with_a_problem() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    mac.now = at(31 * 86_400);
    let request = mac.request();
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec!["assignment-stale"]));
    let jkt = mac.session.key.as_ref().unwrap().thumbprint();
    let refreshed =
        signer.changed_assignment(8, 7, jkt, |assignment| assignment.refresh_by = at(60 * 86_400));
    mac.hear(signer.checked_in(&request, &json!({"assignment": refreshed})));
    let _ = mac.request();
    assert_eq!((mac.version(), mac.problems()), (Some(8), vec![]));
}

#[test]
fn a_stored_assignment_outlives_its_key() {
    let (signer, mut mac) = answered(|_, _| json!({}));
    let rotated = Signer { root: Signer::new().root, organization: signer.organization, ..Signer::of(100) };
    let request = mac.request();
    mac.hear(signer.checked_in(&request, &json!({"keyset": rotated.keyset(2)})));
    mac.restart();
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec![]));
}

#[test]
fn the_assignment_is_saved_before_it_is_published_and_not_published_where_saving_fails() {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let jkt = mac.session.key.as_ref().unwrap().thumbprint();
    let request = mac.request();
    let offer = signer.checked_in(&request, &json!({"assignment": signer.assignment(8, 8, jkt)}));
    let step = mac.session.answer(mac.now, Ok(offer), &mut mac.dice);
    assert!(step.essential);
    mac.session.write_failed(mac.now, true, &mut mac.dice);
    assert_eq!((mac.version(), mac.problems()), (Some(7), vec!["state-write-failed"]));
    let again = mac.request();
    assert_eq!(body(&again)["have"]["assignment"], 7, "so that the portal sends it again");
}
