//! The machine's rules as tables, and what holds over any sequence of events.

mod clock;
mod seat;

use proptest::prelude::*;

use super::*;
use crate::domain::license::{ActivationKind, MaskedKey};
use crate::license::Stage;
use crate::wire::checkin::LeaseWish;

const START: Timestamp = Timestamp::constant(1_764_000_000, 0);

const fn start() -> Timestamp {
    START
}

const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

const fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn facts(state: LicenseState) -> LicenseFacts {
    LicenseFacts { state, ..LicenseFacts::default() }
}

fn lease(seq: u64, state: LeaseState, at: Timestamp) -> Event {
    Event::Leased(Held::sample(seq, state, at), 0.5)
}

/// By two clocks that nobody has set: so many of a moment's parts after the start.
fn moment(after: SignedDuration) -> Moment {
    Moment { at: start() + after, uptime: after }
}

/// A machine with its clocks.
struct Story {
    state: State,
    now: Timestamp,
    uptime: SignedDuration,
}

impl Story {
    /// A Mac with an active license and lease.
    fn active() -> Self {
        let mut story = Self::of(State::new(moment(SignedDuration::ZERO)));
        assert_eq!(story.state.stage(), Stage::Unknown);
        story.take(Event::Observed(facts(LicenseState::Active)));
        assert_eq!(story.take(lease(1, LeaseState::Active, start())), []);
        assert_eq!(story.state.stage(), Stage::Active);
        story
    }

    /// A machine that is in this state at the start.
    const fn of(state: State) -> Self {
        Self { state, now: START, uptime: SignedDuration::ZERO }
    }

    /// The same over a restart of the daemon.
    fn restarted(self) -> Self {
        let stored = serde_json::to_vec(&self.state).unwrap();
        Self { state: serde_json::from_slice(&stored).unwrap(), ..self }
    }

    fn take(&mut self, event: Event) -> Vec<Effect> {
        let now = Moment { at: self.now, uptime: self.uptime };
        let (state, effects) = step(&self.state, event, now);
        self.state = state;
        effects
    }

    /// Lets time pass as the daemon sees it, a look a minute.
    fn wait(&mut self, length: SignedDuration) -> Vec<Effect> {
        let until = self.now + length;
        let mut effects = Vec::new();
        while self.now < until {
            let next = until.min(self.now + minutes(1));
            effects.extend(self.sleep(next.duration_since(self.now)));
        }
        effects
    }

    /// The Mac sleeps for so long.
    fn sleep(&mut self, length: SignedDuration) -> Vec<Effect> {
        self.now += length;
        self.uptime += length;
        self.take(Event::Tick)
    }

    /// The clock is set, forward or back.
    fn set(&mut self, by: SignedDuration) -> Vec<Effect> {
        self.now += by;
        self.take(Event::Tick)
    }

    fn stage(&self) -> Stage {
        self.state.stage()
    }
}

#[test]
fn a_lease_is_verified_once_and_due_within_its_last_day() {
    for (draw, due) in [(0.0, hours(168)), (0.5, hours(156)), (1.0, hours(144)), (7.0, hours(144))] {
        let mut story = Story::active();
        story.take(Event::Leased(Held::sample(2, LeaseState::Active, start()), draw));
        assert_eq!(story.state.verifies_at(), Some(start() + due));
    }
    let mut story = Story::active();
    assert_eq!(story.wait(hours(156) - minutes(1)), []);
    assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
    assert_eq!(story.wait(minutes(1)), [Effect::Check]);
    assert_eq!((story.stage(), story.state.wish()), (Stage::VerificationDue, LeaseWish::Keep));
    assert_eq!(story.take(Event::Checked), []);
    assert_eq!(story.state.wish(), LeaseWish::Verify);
    let now = story.now;
    assert_eq!(story.take(lease(2, LeaseState::Active, now)), []);
    assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
    assert_eq!(story.state.verifies_at(), Some(now + hours(156)));
}

#[test]
fn without_an_answer_it_is_in_grace_and_then_unverified_until_one_comes() {
    let mut story = Story::active();
    story.wait(hours(156));
    story.take(Event::Checked);
    assert_eq!(story.wait(hours(13)), [Effect::Check], "with pauses that grow, once each check has ended");
    assert_eq!(story.stage(), Stage::InGrace);
    story.take(Event::Checked);
    story.sleep(hours(14 * 24));
    assert_eq!(story.stage(), Stage::InGrace, "sleep alone ends nothing");
    story.take(Event::Checked);
    story.wait(hours(1));
    story.take(Event::Checked);
    story.wait(hours(1));
    assert_eq!(story.stage(), Stage::Unverified);
    story.take(Event::Checked);
    assert_eq!(story.state.wish(), LeaseWish::Verify, "it is asked for all the same");
    let now = story.now;
    story.take(lease(2, LeaseState::Active, now));
    assert_eq!(story.stage(), Stage::Active);
}

#[test]
fn a_clock_set_back_starts_a_verification_and_adds_nothing() {
    let mut story = Story::active();
    story.wait(hours(24));
    assert_eq!(story.set(-hours(20)), [Effect::Check]);
    assert_eq!(story.stage(), Stage::VerificationDue);
    story.take(Event::Checked);
    let due = story.state.verifies_at();
    assert!(due.is_none_or(|at| at <= start() + hours(156) - hours(20)));
    story.wait(hours(24 * 6 + 1));
    assert_eq!(story.stage(), Stage::InGrace, "168 hours have passed, whatever the clock says");
}

#[test]
fn only_a_newer_lease_counts_and_it_acts_at_once() {
    for (state, stage) in [
        (LeaseState::Suspended, Stage::Suspended),
        (LeaseState::Revoked, Stage::Revoked),
        (LeaseState::Released, Stage::Released),
    ] {
        let mut story = Story::active();
        story.take(lease(1, state, start()));
        assert_eq!(story.stage(), Stage::Active, "the same number");
        story.take(lease(2, state, start()));
        assert_eq!(story.stage(), stage);
        story.take(lease(1, LeaseState::Active, start()));
        assert_eq!(story.stage(), stage, "an older one");
        story.wait(hours(24 * 30));
        assert_eq!(story.stage(), stage, "time changes nothing");
    }
}

#[test]
fn a_deactivation_is_told_to_the_portal_and_the_key_activates_again() {
    for (event, order) in [
        (Event::Deactivated("jamf".into(), start()), Some("jamf".to_owned())),
        (Event::Observed(facts(LicenseState::None)), None),
    ] {
        let mut story = Story::active();
        story.take(Event::Told(Means::Key));
        assert_eq!(story.take(event.clone()), [Effect::Activate]);
        assert_eq!((story.stage(), story.state.wish()), (Stage::Unlicensed, LeaseWish::Release));
        assert_eq!(story.take(event), [], "the same again");
        assert_eq!(story.take(Event::Observed(facts(LicenseState::Unknown))), []);
        assert_eq!(story.stage(), Stage::Unlicensed, "unknown changes nothing");
        assert_eq!(story.take(Event::Observed(facts(LicenseState::Active))), [Effect::Check]);
        story.take(Event::Checked);
        assert_eq!(story.state.wish(), LeaseWish::Release, "giving back comes first");
        story.take(lease(2, LeaseState::Active, start()));
        assert_eq!(story.state.wish(), LeaseWish::Release, "a refresh that crossed is no answer");
        story.take(lease(3, LeaseState::Released, start()));
        assert_eq!((story.stage(), story.state.wish()), (Stage::Released, LeaseWish::Verify));
        let deactivation = story.state.deactivation.clone().unwrap();
        assert_eq!((deactivation.order, deactivation.told_at), (order, Some(start())));
        story.take(lease(4, LeaseState::Active, start()));
        assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
    }
}

#[test]
fn an_order_that_was_seen_before_it_was_told_is_one_deactivation() {
    let mut story = Story::active();
    story.take(Event::Observed(facts(LicenseState::None)));
    story.take(lease(2, LeaseState::Released, start()));
    story.take(Event::Observed(facts(LicenseState::Active)));
    story.take(Event::Checked);
    story.take(lease(3, LeaseState::Active, start()));
    story.take(Event::Deactivated("jamf".into(), start()));
    assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
    assert_eq!(story.state.deactivation.as_ref().unwrap().order.as_deref(), Some("jamf"));
    story.wait(minutes(1));
    let later = story.now;
    story.take(Event::Deactivated("another".into(), later));
    assert_eq!(story.state.wish(), LeaseWish::Release);
}

#[test]
fn a_sign_in_is_waited_for_and_a_revoked_license_is_not_installed_again() {
    let mut story = Story::active();
    story.take(Event::Told(Means::SignIn));
    story.take(Event::Deactivated("a".into(), start()));
    assert!(story.wait(hours(2)).is_empty() && story.state.waits_for_sign_in());
    story.take(Event::Observed(facts(LicenseState::Active)));
    assert!(!story.state.waits_for_sign_in());

    let mut story = Story::active();
    story.take(lease(2, LeaseState::Revoked, start()));
    story.take(Event::Told(Means::Key));
    assert_eq!(story.take(Event::Observed(facts(LicenseState::None))), []);
    assert!(!story.state.is_releasing() && !story.state.waits_for_sign_in());
}

#[test]
fn activations_that_fail_become_rarer() {
    let mut story = Story::active();
    story.take(Event::Told(Means::Key));
    story.take(Event::Deactivated("a".into(), start()));
    story.take(Event::ActivationFailed("no network".into()));
    assert_eq!(story.wait(hours(24)).len(), 28);
    assert_eq!(story.state.reactivation.unwrap().trouble.as_deref(), Some("no network"));
}

#[test]
fn another_license_is_verified_and_a_denial_is_tried_again() {
    let mut story = Story::active();
    let key = Some(MaskedKey::of("BBBBBB-AAAAAA-AAAAAA-AAAAAA-CCCCCC"));
    let other = LicenseFacts { key, activation: Some(ActivationKind::Key), ..facts(LicenseState::Active) };
    assert_eq!(story.take(Event::Observed(other.clone())), [Effect::Check]);
    assert_eq!(story.take(Event::Observed(other)), []);
    story.take(Event::Checked);
    story.take(Event::Denied(start() - minutes(1), "no-seat".into()));
    assert!(story.state.asking.is_some(), "a denial from before the question");
    story.take(Event::Denied(start(), "no-seat".into()));
    assert_eq!((story.stage(), story.state.wish()), (Stage::Active, LeaseWish::Keep));
    assert_eq!(story.state.tries.denied.as_deref(), Some("no-seat"));
    assert_eq!(story.wait(minutes(23)), [Effect::Check]);
    story.take(Event::Checked);
    story.take(Event::Denied(start(), "no-seat".into()));
    assert_eq!(story.state.wish(), LeaseWish::Verify, "the same denial answers no new question");
}

#[test]
fn a_restart_begins_the_processes_again_and_keeps_the_rest() {
    let mut story = Story::active();
    story.take(Event::Ordered);
    let mut story = story.restarted();
    (story.now, story.uptime) = (start() + minutes(1), minutes(1));
    assert_eq!(story.take(Event::Started), [Effect::Check]);
    story.take(Event::Checked);
    assert_eq!((story.take(Event::Started), story.state.wish()), (vec![], LeaseWish::Verify));
    let kept = story.state.clone();
    story.sleep(minutes(1));
    assert!(!story.state.is_worth_keeping(&kept), "a minute is not worth a write");
    story.wait(hours(1));
    assert!(story.state.is_worth_keeping(&kept));
}

#[test]
fn what_was_called_for_is_asked_at_once_and_what_came_due_by_time_is_not() {
    let other = || LicenseFacts { edition: Some("enterprise".into()), ..facts(LicenseState::Active) };
    type Call = fn(&mut Story);
    let table: [(&str, Call, bool); 7] = [
        ("an order", |it| drop(it.take(Event::Ordered)), true),
        ("another edition", |it| drop(it.take(Event::Observed(facts(LicenseState::Graced)))), true),
        (
            "a sign-in after a deactivation",
            |it| {
                it.take(Event::Observed(facts(LicenseState::None)));
                let now = it.now;
                it.take(lease(2, LeaseState::Released, now));
                it.take(Event::Observed(facts(LicenseState::Active)));
            },
            true,
        ),
        ("the time", |it| drop(it.wait(hours(156))), false),
        ("a clock set back", |it| drop(it.set(-hours(2))), false),
        (
            "the time, and an order meanwhile",
            |it| {
                it.wait(hours(156));
                it.take(Event::Ordered);
            },
            true,
        ),
        (
            "an order that stayed without an answer",
            |it| {
                it.take(Event::Ordered);
                it.take(Event::Checked);
                it.wait(hours(1));
            },
            false,
        ),
    ];
    for (what, call, at_once) in table {
        let mut story = Story::active();
        call(&mut story);
        story.take(Event::Checked);
        let urgent = story.state.urgent_wish().map(|(wish, _)| wish);
        assert_eq!(urgent, at_once.then_some(LeaseWish::Verify), "{what}");
        assert_eq!(story.state.wish(), LeaseWish::Verify, "{what}");
    }
    let mut story = Story::active();
    story.take(Event::Ordered);
    story.take(Event::Checked);
    let first = story.state.urgent_wish();
    let now = story.now;
    story.take(Event::Denied(now, "no-seat".into()));
    assert_eq!(story.state.urgent_wish(), None);
    story.wait(minutes(1));
    story.take(Event::Observed(other()));
    story.take(Event::Checked);
    assert!(story.state.urgent_wish().is_some_and(|again| Some(again) != first), "another one");
    story.take(Event::Observed(facts(LicenseState::None)));
    assert_eq!(story.state.urgent_wish(), Some((LeaseWish::Release, story.now)));
}

#[test]
fn only_a_signed_word_lifts_the_policy_and_only_past_the_grace() {
    let lapse = |held: Held| {
        let mut story = Story::of(State::new(moment(SignedDuration::ZERO)));
        story.take(Event::Observed(facts(LicenseState::Active)));
        story.take(Event::Leased(held, 0.5));
        let mut lifted = Vec::new();
        while story.stage() != Stage::Unverified {
            lifted.push(story.state.lifts_policy());
            story.take(Event::Checked);
            story.wait(hours(1));
        }
        assert!(!lifted.contains(&true), "within the grace");
        story
    };
    let sample = || Held::sample(1, LeaseState::Active, start());
    assert!(!lapse(sample()).state.lifts_policy(), "it is reported, nothing else");
    let mut story = lapse(sample().lifting());
    assert!(story.state.lifts_policy());
    let stored = serde_json::to_vec(&story.state).unwrap();
    assert!(serde_json::from_slice::<State>(&stored).unwrap().lifts_policy(), "over a restart");
    let now = Moment { at: story.now, uptime: story.uptime };
    let lost = step(&State::new(now), Event::Leased(sample().lifting(), 0.5), now).0;
    assert!(!lost.lifts_policy(), "what is lost loosens nothing");
    for state in [LeaseState::Suspended, LeaseState::Revoked, LeaseState::Released, LeaseState::Active] {
        let (next, _) = step(&story.state, lease(2, state, story.now), now);
        assert!(!next.lifts_policy(), "{state:?}");
    }
    story.take(Event::Observed(facts(LicenseState::None)));
    assert!(!story.state.lifts_policy(), "no license is no reason");
}

#[test]
fn a_daemon_that_was_started_on_the_way_back_tries_at_once_what_its_look_calls_for() {
    let restarted = |found| {
        let mut story = Story::active();
        story.take(Event::Told(Means::Key));
        assert_eq!(story.take(Event::Observed(facts(LicenseState::None))), [Effect::Activate]);
        let mut story = story.restarted();
        assert_eq!(story.take(Event::Started), [], "it may have been done");
        (story.take(Event::Observed(facts(found))), story.take(Event::Observed(facts(found))))
    };
    assert_eq!(restarted(LicenseState::None), (vec![Effect::Activate], vec![]), "once");
    assert_eq!(restarted(LicenseState::Active), (vec![Effect::Check], vec![]));
}

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
