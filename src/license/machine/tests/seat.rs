//! The way back to a seat that was given back, denied or taken away.

use super::*;

/// A Mac whose seat is free, and whose license is this.
fn released(found: LicenseState) -> Story {
    let mut story = Story::active();
    story.take(Event::Told(Means::Key));
    story.take(Event::Deactivated("jamf".into(), start()));
    story.take(lease(2, LeaseState::Released, start()));
    story.take(Event::Observed(facts(found)));
    story
}

#[test]
fn a_denial_after_a_release_is_tried_again_for_as_long_as_the_license_is_good() {
    for (found, is_tried) in [
        (LicenseState::Active, true),
        (LicenseState::Graced, true),
        (LicenseState::Expired, false),
        (LicenseState::Suspended, false),
        (LicenseState::Invalid, false),
        (LicenseState::None, false),
    ] {
        let mut story = released(LicenseState::Active);
        assert_eq!(story.state.wish(), LeaseWish::Keep, "the processes first");
        story.take(Event::Checked);
        assert_eq!(story.state.wish(), LeaseWish::Verify);
        story.take(Event::Denied(start(), "activation-not-accepted".into()));
        assert_eq!(story.state.tries.failures, 1);
        if found != LicenseState::Active {
            story.take(Event::Observed(facts(found)));
            story.take(Event::Checked);
            if story.state.asking.is_some() {
                let now = story.now;
                story.take(Event::Denied(now, "activation-not-accepted".into()));
            }
        }
        let planned = story.state.verifies_at();
        assert_eq!(planned.is_some(), is_tried, "{found:?}: what is shown is what happens");
        let effects = story.wait(hours(1));
        assert_eq!(effects.contains(&Effect::Check), is_tried, "{found:?}: {effects:?}");
        assert_eq!(story.stage(), Stage::Released, "{found:?}: only a lease ends it");
        if is_tried {
            story.take(Event::Checked);
            assert_eq!(story.state.urgent_wish(), None, "with the next check-in");
            let now = story.now;
            story.take(lease(3, LeaseState::Active, now));
            assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
        }
    }
}

#[test]
fn a_mac_that_was_barred_is_back_by_itself_once_its_seat_is_free_again() {
    let mut story = Story::active();
    story.take(lease(2, LeaseState::Revoked, start()));
    assert_eq!(story.wait(hours(24)), [], "nothing is tried that is taken away");
    assert_eq!((story.stage(), story.state.verifies_at()), (Stage::Revoked, None));
    let now = story.now;
    assert_eq!(story.take(lease(3, LeaseState::Released, now)), [Effect::Check]);
    story.take(Event::Checked);
    assert_eq!(story.state.urgent_wish(), Some((LeaseWish::Verify, now)), "at once");
    assert_eq!(story.stage(), Stage::Released);
    story.take(lease(4, LeaseState::Active, now));
    assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
}

#[test]
fn a_seat_that_was_granted_while_the_license_was_given_back_is_released() {
    for before in [None, Some(LeaseState::Released)] {
        let mut story = Story::of(State::new(moment(SignedDuration::ZERO)));
        story.take(Event::Observed(facts(LicenseState::Active)));
        if let Some(before) = before {
            story.take(lease(1, before, start()));
            story.take(Event::Checked);
        }
        story.take(Event::Observed(facts(LicenseState::None)));
        assert_eq!(story.state.wish(), LeaseWish::Keep, "there is no seat that is known of");
        // The answer was on its way.
        story.take(lease(2, LeaseState::Active, start()));
        assert_eq!(story.state.wish(), LeaseWish::Release, "{before:?}");
        story.take(lease(3, LeaseState::Released, start()));
        assert_eq!((story.stage(), story.state.wish()), (Stage::Released, LeaseWish::Keep));
    }
}

#[test]
fn one_that_gave_its_license_back_meanwhile_activates_again_first() {
    for (means, effects) in [(Means::Key, vec![Effect::Activate]), (Means::SignIn, vec![])] {
        let mut story = Story::active();
        story.take(Event::Told(means));
        story.take(lease(2, LeaseState::Revoked, start()));
        story.take(Event::Deactivated("jamf".into(), start()));
        story.take(Event::Ordered);
        story.take(Event::Checked);
        story.take(Event::Denied(start(), "not-activated".into()));
        assert_eq!(story.wait(hours(24)), [], "a license that is taken away is not installed again");
        assert!(!story.state.waits_for_sign_in(), "nor is anybody asked to sign in");
        let now = story.now;
        assert_eq!(story.take(lease(3, LeaseState::Released, now)), effects, "{means:?}");
        assert_eq!(story.state.waits_for_sign_in(), means == Means::SignIn);
        assert_eq!(story.take(Event::Observed(facts(LicenseState::Active))), [Effect::Check]);
        story.take(Event::Checked);
        story.take(lease(4, LeaseState::Active, now));
        assert_eq!((story.stage(), story.state.reactivation.is_none()), (Stage::Active, true));
    }
}
