//! What holds over any sequence of events.

use proptest::prelude::*;

use super::*;

/// Anything that may happen; before it so many seconds pass, awake or asleep, and the clock is set by so many.
fn happening() -> impl Strategy<Value = ((i64, i64), Event)> {
    let state = prop_oneof![
        Just(LicenseState::Active),
        Just(LicenseState::None),
        Just(LicenseState::Unknown),
        Just(LicenseState::Suspended),
        Just(LicenseState::Expired),
    ];
    let lease_state = prop_oneof![
        4 => Just(LeaseState::Active),
        1 => Just(LeaseState::Suspended),
        1 => Just(LeaseState::Revoked),
        1 => Just(LeaseState::Released),
    ];
    let event = prop_oneof![
        6 => Just(Event::Tick),
        1 => Just(Event::Started),
        2 => state.prop_map(|state| Event::Observed(facts(state))),
        1 => prop_oneof![Just(Means::Key), Just(Means::SignIn)].prop_map(Event::Told),
        2 => (1_u64..20, lease_state, -86_400_i64..86_400, 0.0..1.0)
            .prop_map(|(seq, state, at, draw)| {
                Event::Leased(Held::sample(seq, state, start() + SignedDuration::from_secs(at)), draw)
            }),
        1 => (0_i64..5).prop_map(|at| Event::Denied(start() + hours(at), "no-seat".into())),
        1 => Just(Event::Ordered),
        2 => Just(Event::Checked),
        1 => (0_u8..4).prop_map(|order| Event::Deactivated(order.to_string(), start())),
        1 => Just(Event::ActivationFailed("x".into())),
    ];
    let passes = prop_oneof![6 => 0_i64..300, 1 => 0_i64..4_000_000];
    let set = prop_oneof![6 => Just(0), 1 => -2_000_000_i64..4_000_000];
    ((passes, set), event)
}

proptest! {
    /// No stage is reached without its event, and no jump of the clock extends or ends a lease.
    #[test]
    fn every_change_has_its_cause(story in proptest::collection::vec(happening(), 1..120)) {
        let mut now = moment(SignedDuration::ZERO);
        let mut state = State::new(now);
        let mut steady = SignedDuration::ZERO;
        for ((passes, set), event) in story {
            let (passes, set) = (SignedDuration::from_secs(passes), SignedDuration::from_secs(set));
            now = Moment { at: now.at + passes + set, uptime: now.uptime + passes };
            let goes_on = passes <= minutes(5) && set.abs() <= minutes(1);
            steady = if goes_on { steady + passes + set.abs() } else { SignedDuration::ZERO };
            let (next, effects) = step(&state, event.clone(), now);
            let (was, is) = (state.stage(), next.stage());
            let leased = |wanted| matches!(&event, Event::Leased(lease, _) if lease.state() == wanted);
            let anew = state.lease != next.lease;
            prop_assert!(!anew || matches!(event, Event::Leased(..)), "only a signed lease changes the lease");
            prop_assert!(state.due == next.due || anew, "the time is drawn once a lease");
            if was != is {
                match is {
                    Stage::Suspended => prop_assert!(leased(LeaseState::Suspended)),
                    Stage::Revoked => prop_assert!(leased(LeaseState::Revoked)),
                    Stage::Released => prop_assert!(leased(LeaseState::Released)),
                    Stage::Unknown => prop_assert!(false, "what is known stays known"),
                    Stage::Unlicensed => prop_assert!(
                        matches!(&event, Event::Observed(facts) if facts.state != LicenseState::Unknown)
                            || matches!(event, Event::Deactivated(..)) || leased(LeaseState::Active),
                    ),
                    Stage::Unverified => prop_assert!(next.tries.lapsed),
                    Stage::VerificationDue | Stage::InGrace | Stage::Active => {}
                }
                let by_signature = matches!(was, Stage::Suspended | Stage::Revoked | Stage::Released);
                prop_assert!(!by_signature || anew, "a signed state is left by a signature only");
            }
            if next.tries.lapsed && !state.tries.lapsed {
                prop_assert!(steady >= STEADY, "a grace ends on a steady clock only");
            }
            if state.tries.lapsed && !next.tries.lapsed {
                prop_assert!(anew, "no clock, and nothing else but a lease, makes a license verified");
            }
            if was == Stage::Unverified && !anew {
                prop_assert!(matches!(is, Stage::Unverified | Stage::Unlicensed), "{is:?}");
            }
            prop_assert!(effects.iter().filter(|effect| **effect == Effect::Check).count() <= 1);
            let stored: State = serde_json::from_slice(&serde_json::to_vec(&next).unwrap()).unwrap();
            prop_assert_eq!(&stored, &next);
            state = next;
        }
    }

    /// A verification costs one check, that is two processes, and one request.
    #[test]
    fn an_answered_verification_costs_one_check_and_one_request(
        draws in proptest::collection::vec((0.0..1.0, 0_i64..3_000), 1..5),
    ) {
        let mut story = Story::active();
        let (mut checks, mut requests) = (0, 0);
        for (turn, (draw, sleep)) in draws.iter().enumerate() {
            let before = story.now;
            while story.state.wish() != LeaseWish::Verify {
                let effects = if story.now == before { story.sleep(minutes(*sleep)) } else { story.wait(minutes(10)) };
                checks += effects.len();
                if !effects.is_empty() {
                    story.take(Event::Observed(facts(LicenseState::Active)));
                    story.take(Event::Checked);
                }
                if story.now == before { story.wait(minutes(1)); }
            }
            requests += 1;
            let now = story.now;
            story.take(Event::Leased(Held::sample(turn as u64 + 2, LeaseState::Active, now), *draw));
            prop_assert_eq!((checks, requests), (turn + 1, turn + 1));
            prop_assert_eq!(story.state.wish(), LeaseWish::Keep);
        }
    }

    /// A jump and the way back change nothing but that a verification is made.
    #[test]
    fn a_jump_and_the_way_back_neither_extend_nor_end_a_lease(by in -100_000_000_i64..100_000_000, waits in 0_i64..60) {
        let mut story = Story::active();
        story.set(SignedDuration::from_secs(by));
        for _ in 0..waits {
            story.wait(minutes(1));
            story.take(Event::Checked);
        }
        prop_assert_ne!(story.stage(), Stage::Unverified);
        story.set(-SignedDuration::from_secs(by));
        prop_assert!(matches!(story.stage(), Stage::Active | Stage::VerificationDue), "{:?}", story.stage());
        let lease = story.state.lease.clone().unwrap();
        prop_assert_eq!((lease.verify_after(), lease.grace_until()), (start() + hours(168), start() + hours(336)));
        story.wait(hours(169));
        prop_assert_eq!(story.stage(), Stage::InGrace, "the time that passed has passed");
    }
}
