//! A hundred thousand Macs over three weeks of virtual time: they ask the portal evenly, also when all were enrolled in
//! one morning.

use std::collections::BTreeMap;

use super::*;

const MACS: u32 = 100_000;
const MORNING: SignedDuration = SignedDuration::from_hours(3);
const WEEKS: u8 = 3;
const WINDOW: i64 = 10 * 60;
const WINDOWS_A_DAY: i64 = 86_400 / WINDOW;

/// Draws between 0 and 1, always the same ones (SplitMix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// How many verifications begin in each ten minutes, one table a week.
type Counts = BTreeMap<u8, BTreeMap<i64, u32>>;

/// A Mac that has its first lease at `enrolled` and verifies when the machine says so, with an answer at once.
fn live(enrolled: Timestamp, start: Timestamp, draws: &mut Draws, counts: &mut Counts) {
    let leased = |state: &State, seq: u8, at, draw| {
        step(state, Event::Leased(Held::sample(seq.into(), LeaseState::Active, at), draw), at).0
    };
    let mut state = leased(&State::new(enrolled), 1, enrolled, draws.next());
    for week in 1..=WEEKS {
        let at = state.verifies_at().unwrap();
        let (due, effects) = step(&state, Event::Tick, at);
        assert_eq!((effects, due.wish()), (vec![Effect::Check], LeaseWish::Keep), "the processes come first");
        let (checked, effects) = step(&due, Event::Checked, at);
        assert_eq!((effects, checked.wish()), (vec![], LeaseWish::Verify), "then one request");
        let window = at.duration_since(start).as_secs() / WINDOW;
        *counts.entry(week).or_default().entry(window).or_default() += 1;
        state = leased(&checked, week + 1, at, draws.next());
        assert_eq!((state.wish(), state.stage()), (LeaseWish::Keep, Stage::Active), "and no other");
    }
}

/// The mean of ten minutes in the 24 hours with the most verifications.
fn mean_of_the_day(counts: &BTreeMap<i64, u32>) -> f64 {
    let day = |first: i64| counts.range(first..first + WINDOWS_A_DAY).map(|(_, count)| count).sum::<u32>();
    f64::from(counts.keys().map(|first| day(*first)).max().unwrap()) / 144.0
}

#[test]
fn a_fleet_enrolled_in_one_morning_verifies_evenly() {
    let start = Timestamp::from_second(1_764_000_000).unwrap();
    let (mut draws, mut counts) = (Draws(20_261_124), Counts::new());
    for mac in 0..MACS {
        let after = MORNING.as_millis() * i128::from(mac) / i128::from(MACS);
        let enrolled = start + SignedDuration::from_millis(i64::try_from(after).unwrap());
        live(enrolled, start, &mut draws, &mut counts);
    }
    for (week, counts) in &counts {
        let days = (*counts.keys().next().unwrap(), *counts.keys().last().unwrap());
        assert!(
            days.0 / WINDOWS_A_DAY >= i64::from(*week) * 6 && days.1 / WINDOWS_A_DAY <= i64::from(*week) * 7
        );
        assert_eq!(counts.values().sum::<u32>(), MACS, "every Mac verifies in week {week}");
        let (most, mean) = (f64::from(*counts.values().max().unwrap()), mean_of_the_day(counts));
        assert!(most <= 1.5 * mean, "week {week}: {most} in ten minutes, of a mean of {mean}");
    }
}
