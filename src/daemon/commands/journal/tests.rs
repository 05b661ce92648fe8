//! At most once, whatever is replayed, lost, late or cut short.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

fn id(number: u64) -> CommandId {
    CommandId::of(Uuid::from_u128(number.into()))
}

/// A command with this number, good for a day.
fn offer(seq: u64) -> Offer {
    Offer {
        device: DeviceId::of(Uuid::from_u128(7)),
        id: id(seq),
        seq,
        kind: CommandKind::VerifyLicense,
        args: Map::new(),
        expires_at: at(DAY),
    }
}

fn after(journal: &Journal, event: Event, now: Timestamp) -> Journal {
    journal.step(event, now).0
}

fn states(journal: &Journal) -> Vec<(CommandId, AckState)> {
    journal.acks().into_iter().map(|ack| (ack.id, ack.state)).collect()
}

/// Runs all that may run, successfully, and returns what ran.
fn drain(journal: &mut Journal, now: Timestamp) -> Vec<CommandId> {
    let mut ran = Vec::new();
    while let (next, Some(run)) = journal.step(Event::Proceed, now) {
        ran.push(run.id);
        *journal = after(&next, Event::Ended(run.id, Ok(String::new())), now);
    }
    *journal = after(journal, Event::Proceed, now);
    ran
}

#[test]
fn a_command_goes_from_received_to_acknowledged() {
    let journal = after(&Journal::default(), Event::Offered(vec![offer(2), offer(1)]), at(0));
    let (journal, run) = journal.step(Event::Proceed, at(1));
    assert_eq!(run, Some(Run { id: id(1), kind: CommandKind::VerifyLicense, args: Map::new() }), "by seq");
    assert_eq!(journal.step(Event::Proceed, at(1)), (journal.clone(), None), "one at a time");
    let failed = Err("no seat at /Users/anna with AAAAAA-BBBBBB-CCCCCC-DDDDDD-EEEEEE".to_owned());
    let mut journal = after(&journal, Event::Ended(id(1), failed), at(2));
    assert_eq!(drain(&mut journal, at(3)), [id(2)]);
    let acks = journal.acks();
    assert_eq!(states(&journal), [(id(1), AckState::Failed), (id(2), AckState::Succeeded)]);
    assert_eq!((acks[0].detail.as_deref(), acks[1].detail.as_deref()), (Some("no seat at /Users/…"), None));
    let journal = after(&journal, Event::Acked(vec![id(2), id(99)]), at(4));
    assert_eq!(states(&journal), [(id(1), AckState::Failed)], "repeated until it is confirmed");
}

#[test]
fn what_is_not_to_be_run_is_answered() {
    for (odd, state) in [
        (Offer { expires_at: at(0), ..offer(5) }, AckState::Expired),
        (Offer { kind: CommandKind::Unknown, ..offer(5) }, AckState::Unsupported),
        (Offer { kind: CommandKind::CollectDiagnostics, ..offer(5) }, AckState::Unsupported),
        (Offer { id: id(77), ..offer(4) }, AckState::Expired),
        (Offer { id: id(77), ..offer(3) }, AckState::Expired),
    ] {
        let mut journal = after(&Journal::default(), Event::Offered(vec![offer(4)]), at(0));
        assert_eq!(drain(&mut journal, at(0)), [id(4)]);
        let odd_id = odd.id;
        let mut journal = after(&journal, Event::Offered(vec![odd.clone()]), at(0));
        assert_eq!(drain(&mut journal, at(0)), []);
        assert!(states(&journal).contains(&(odd_id, state)), "{odd:?}");
    }
}

#[test]
fn what_waits_past_its_time_expires() {
    let journal = after(&Journal::default(), Event::Offered(vec![offer(1)]), at(0));
    let (journal, run) = journal.step(Event::Proceed, at(DAY));
    assert_eq!((run, states(&journal)), (None, vec![(id(1), AckState::Expired)]));
}

#[test]
fn sixty_days_offline_and_twenty_in_the_queue() {
    let queue = (1..=20).map(offer).collect();
    let mut journal = after(&Journal::default(), Event::Offered(queue), at(60 * DAY));
    assert_eq!(drain(&mut journal, at(60 * DAY)), []);
    assert_eq!(journal.acks().len(), 20);
    assert!(journal.acks().iter().all(|ack| ack.state == AckState::Expired));
}

#[test]
fn a_crash_repeats_what_converges_and_nothing_else() {
    let started = |kind| {
        let offer = Offer { kind, ..offer(1) };
        let journal = after(&Journal::default(), Event::Offered(vec![offer]), at(0));
        let mut journal = after(&journal, Event::Proceed, at(0));
        // A later release may have started what this one does not run.
        journal.entries.get_mut(&id(1)).unwrap().phase = Phase::Started;
        journal
    };
    for kind in [CommandKind::DeactivateLicense, CommandKind::VerifyLicense, CommandKind::RefreshInventory] {
        let mut journal = after(&started(kind), Event::Restarted, at(1));
        assert_eq!(drain(&mut journal, at(1)), [id(1)], "{kind:?}");
        let mut late = after(&started(kind), Event::Restarted, at(DAY));
        assert_eq!(drain(&mut late, at(DAY)), []);
        assert_eq!(states(&late), [(id(1), AckState::Interrupted)], "stale work is not taken up again");
    }
    for kind in [CommandKind::FetchImage, CommandKind::CollectDiagnostics, CommandKind::Unknown] {
        let mut journal = after(&started(kind), Event::Restarted, at(1));
        assert_eq!(drain(&mut journal, at(1)), []);
        assert_eq!(states(&journal), [(id(1), AckState::Interrupted)], "{kind:?}");
    }
}

#[test]
fn a_command_that_ends_the_agent_each_time_is_left_alone() {
    let mut journal = after(&Journal::default(), Event::Offered(vec![offer(1), offer(2)]), at(0));
    let mut starts = 0;
    loop {
        let (next, run) = journal.step(Event::Proceed, at(0));
        match run {
            Some(run) if run.id == id(1) => starts += 1,
            other => break assert_eq!(other.map(|run| run.id), Some(id(2))),
        }
        journal = after(&next, Event::Restarted, at(0));
    }
    assert_eq!(starts, STARTS);
}

#[test]
fn ids_are_kept_for_180_days_and_the_number_for_good() {
    let mut journal = after(&Journal::default(), Event::Offered(vec![offer(1)]), at(0));
    drain(&mut journal, at(0));
    let journal = after(&journal, Event::Acked(vec![id(1)]), at(0));
    let kept = after(&journal, Event::Restarted, at(180 * DAY - 1));
    assert_eq!(kept.entries.len(), 1);
    let forgotten = after(&journal, Event::Restarted, at(180 * DAY));
    assert_eq!((forgotten.entries.len(), forgotten.highest), (0, 1));
    let fresh = Offer { expires_at: at(1_000 * DAY), ..offer(1) };
    let mut replayed = after(&forgotten, Event::Offered(vec![fresh]), at(180 * DAY));
    assert_eq!(drain(&mut replayed, at(180 * DAY)), []);
    assert_eq!(states(&replayed), [(id(1), AckState::Expired)]);
}

#[test]
fn what_a_portal_forgot_is_told_again_and_not_run_again() {
    let mut journal = after(&Journal::default(), Event::Offered(vec![offer(1)]), at(0));
    drain(&mut journal, at(0));
    let journal = after(&journal, Event::Acked(vec![id(1)]), at(1));
    assert_eq!(journal.acks(), []);
    let mut journal = after(&journal, Event::Offered(vec![offer(1)]), at(2));
    assert_eq!(drain(&mut journal, at(2)), []);
    assert_eq!(states(&journal), [(id(1), AckState::Succeeded)]);
}

#[test]
fn a_lost_journal_runs_nothing_that_was_signed_before() {
    let now = at(0);
    let seconds = |time: Timestamp| u64::try_from(time.as_second()).unwrap();
    let mut journal = Journal::default().after_loss(now);
    let old = offer(seconds(at(-5)));
    journal = after(&journal, Event::Offered(vec![old]), now);
    assert_eq!(drain(&mut journal, now), []);
    let new = offer(seconds(at(1)));
    journal = after(&journal, Event::Offered(vec![new.clone()]), at(1));
    assert_eq!(drain(&mut journal, at(1)), [new.id]);
}

#[test]
fn another_portal_counts_anew() {
    let mut journal = after(&Journal::default(), Event::Offered(vec![offer(50)]), at(0));
    drain(&mut journal, at(0));
    let elsewhere = Offer { device: DeviceId::of(Uuid::from_u128(8)), ..offer(3) };
    journal = after(&journal, Event::Offered(vec![elsewhere]), at(0));
    assert_eq!(drain(&mut journal, at(0)), [id(3)]);
}

#[derive(Debug, Clone)]
enum Act {
    Offer(Vec<u64>),
    Ack(Vec<u64>),
    Work,
    Crash,
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let numbers = || prop::collection::vec(0_u64..24, 0..8);
    let act = prop_oneof![
        4 => numbers().prop_map(Act::Offer),
        2 => numbers().prop_map(Act::Ack),
        4 => Just(Act::Work),
        2 => Just(Act::Crash),
        1 => (-DAY..40 * DAY).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    #[test]
    fn whatever_is_replayed_nothing_runs_after_it_was_answered(acts in acts()) {
        let mut journal = Journal::default();
        let (mut now, mut running) = (at(0), None);
        let mut starts: BTreeMap<CommandId, u32> = BTreeMap::new();
        let mut answered: BTreeSet<CommandId> = BTreeSet::new();
        for act in acts {
            let event = match act {
                Act::Offer(numbers) => Event::Offered(numbers.into_iter().map(offer).collect()),
                Act::Ack(numbers) => Event::Acked(numbers.into_iter().map(id).collect()),
                Act::Work => match running.take() {
                    Some(id) => Event::Ended(id, Ok(String::new())),
                    None => Event::Proceed,
                },
                Act::Crash => {
                    running = None;
                    Event::Restarted
                }
                Act::Wait(seconds) => {
                    now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
                    Event::Proceed
                }
            };
            let event = if running.is_some() && event == Event::Proceed { continue } else { event };
            let (next, run) = journal.step(event, now);
            journal = serde_json::from_value(serde_json::to_value(&next).unwrap()).unwrap();
            prop_assert_eq!(&journal, &next);
            if let Some(run) = run {
                prop_assert!(!answered.contains(&run.id), "{:?} ran after it was answered", run.id);
                prop_assert!(now < at(DAY), "it ran too late");
                *starts.entry(run.id).or_default() += 1;
                prop_assert!(starts[&run.id] <= STARTS);
                running = Some(run.id);
            }
            answered.extend(journal.acks().into_iter().map(|ack| ack.id));
        }
    }

    #[test]
    fn every_historical_command_at_random_executes_nothing(order in Just((1_u64..=40).collect::<Vec<_>>()).prop_shuffle(), late in 0..400 * DAY) {
        let mut journal = after(&Journal::default(), Event::Offered((1..=40).map(offer).collect()), at(0));
        prop_assert_eq!(drain(&mut journal, at(0)).len(), 40);
        journal = after(&journal, Event::Acked((1..=40).map(id).collect()), at(0));
        for number in order {
            let again = Offer { expires_at: at(1_000 * DAY), ..offer(number) };
            journal = after(&journal, Event::Offered(vec![again]), at(late));
            prop_assert_eq!(drain(&mut journal, at(late)), vec![]);
            prop_assert!(states(&journal).iter().any(|(answered, _)| *answered == id(number)));
        }
    }
}
