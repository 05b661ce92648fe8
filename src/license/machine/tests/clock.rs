//! Clocks that are set, sleep and restarts: nothing of it extends a lease or ends one.

use super::*;

/// The processes of a verification end, and nobody answers, for so long.
fn offline(story: &mut Story, length: SignedDuration) {
    let until = story.uptime + length;
    while story.uptime < until {
        story.take(Event::Checked);
        story.wait(minutes(5));
    }
}

#[test]
fn sleep_is_no_credit_for_a_clock_set_back() {
    let mut story = Story::active();
    for day in 1..=20 {
        offline(&mut story, hours(16));
        story.sleep(hours(8));
        story.set(-hours(8));
        let reached: &[Stage] = match day {
            ..7 => &[Stage::VerificationDue],
            7..14 => &[Stage::InGrace],
            // A verification has to fail first.
            14 => &[Stage::InGrace, Stage::Unverified],
            _ => &[Stage::Unverified],
        };
        assert!(reached.contains(&story.stage()), "day {day}: {:?}", story.stage());
    }
}

#[test]
fn what_is_unverified_is_verified_by_a_lease_alone() {
    type Way = fn(&mut Story);
    let ways: [(&str, Way); 4] = [
        ("a clock set back", |it| drop(it.set(-hours(39 * 24)))),
        ("a restart", |it| drop(it.take(Event::Started))),
        ("another license", |it| drop(it.take(Event::Observed(facts(LicenseState::Graced))))),
        ("a deactivation and an activation", |it| {
            it.take(Event::Observed(facts(LicenseState::None)));
            it.take(Event::Observed(facts(LicenseState::Active)));
        }),
    ];
    for (way, go) in ways {
        let mut story = Story::active();
        story.sleep(hours(40 * 24));
        offline(&mut story, hours(2));
        assert_eq!(story.stage(), Stage::Unverified);
        go(&mut story);
        assert_eq!(story.stage(), Stage::Unverified, "{way}");
        let now = story.now;
        story.take(lease(2, LeaseState::Released, now));
        story.take(lease(3, LeaseState::Active, now));
        assert_eq!(story.stage(), Stage::Active, "{way}");
    }
}

#[test]
fn a_verification_under_way_outlasts_a_clock_set_back() {
    let mut story = Story::active();
    story.take(Event::Ordered);
    story.take(Event::Checked);
    story.set(-hours(24));
    let now = story.now;
    story.take(Event::Denied(now, "no-seat".into()));
    assert_eq!(story.state.asking, None, "it is answered");
    assert_eq!(story.state.tries.denied.as_deref(), Some("no-seat"));
}

#[test]
fn a_deactivation_that_is_still_to_come_is_not_the_one_that_was_ordered() {
    let mut story = Story::active();
    story.set(hours(24));
    story.take(Event::Observed(facts(LicenseState::None)));
    let now = story.now;
    story.take(lease(2, LeaseState::Released, now));
    story.take(Event::Observed(facts(LicenseState::Active)));
    story.take(Event::Checked);
    story.take(lease(3, LeaseState::Active, now));
    story.set(-hours(24));
    story.wait(minutes(1));
    let began = story.now;
    story.take(Event::Deactivated("jamf".into(), began));
    assert_eq!(story.state.wish(), LeaseWish::Release, "the portal is to know of it");
}

/// What may happen to a Mac without a network.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Awake(i64),
    Asleep(i64),
    Set(i64),
    Restart,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (1_i64..32).prop_map(Turn::Awake),
        3 => (1_i64..48).prop_map(Turn::Asleep),
        3 => (-200_i64..200).prop_map(Turn::Set),
        1 => Just(Turn::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The stage is that of the time that has passed, whatever the clock shows: nothing is good for longer, and nothing ends
    /// that has not lasted.
    #[test]
    fn no_clock_extends_or_ends_a_lease(turns in proptest::collection::vec(turn(), 1..24)) {
        let mut story = Story::active();
        let mut lapsed = false;
        for turn in turns {
            match turn {
                Turn::Awake(length) => offline(&mut story, hours(length)),
                Turn::Asleep(length) => drop(story.sleep(hours(length))),
                Turn::Set(by) => drop(story.set(hours(by))),
                Turn::Restart => {
                    story = story.restarted();
                    story.take(Event::Started);
                }
            }
            let (passed, stage) = (story.uptime, story.stage());
            let is_good = matches!(stage, Stage::Active | Stage::VerificationDue);
            prop_assert!(passed < hours(168) + minutes(1) || !is_good, "{stage:?} after {passed:#}");
            prop_assert!(stage != Stage::Active || passed < hours(156) + minutes(1), "{stage:?} after {passed:#}");
            prop_assert!(stage != Stage::Unverified || passed >= hours(336), "{stage:?} after {passed:#}");
            prop_assert!(!lapsed || stage == Stage::Unverified, "{stage:?} after it was unverified");
            lapsed |= stage == Stage::Unverified;
        }
        // Once more awake, with a verification that fails.
        offline(&mut story, hours(24));
        prop_assert!(story.stage() == Stage::Unverified || story.uptime < hours(336 + 24), "{:?}", story.stage());
    }
}
