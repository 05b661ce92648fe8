//! A hundred thousand Macs over three weeks of virtual time: they ask the portal evenly, also when all were enrolled in
//! one morning. The machine, the session and the schedule are those of the agent; only the idle check-ins in between are
//! left out, but for the last one before a verification on every twenty-fifth Mac.

use std::collections::BTreeMap;

use super::*;
use crate::checkin::local::Local;
use crate::checkin::rehearsal::{Dice, Disk, Mac, Signer, at, body};
use crate::checkin::session::{Do, HttpRequest, Session};
use crate::license::Stage;
use crate::wire::checkin::LeaseWish;
use crate::wire::key::Thumbprint;
use crate::wire::time::NumericDate;

const MACS: u32 = 100_000;
const MORNING: SignedDuration = SignedDuration::from_hours(3);
const WEEKS: u8 = 3;
const WINDOW: i64 = 10 * 60;
const WINDOWS_A_DAY: i64 = 86_400 / WINDOW;

/// The pause between two idle check-ins.
const IDLE: SignedDuration = SignedDuration::from_secs(900);

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

/// How many verifications reach the portal in each ten minutes, one table a week.
type Counts = BTreeMap<u8, BTreeMap<i64, u32>>;

/// By two clocks that nobody sets.
fn moment(at: Timestamp) -> Moment {
    Moment { at, uptime: at.duration_since(Timestamp::UNIX_EPOCH) }
}

/// Some of the Macs, and the portal as they see it. It signs one lease a minute for all of them, which saves the test
/// time: they differ in what they draw alone.
struct Part {
    signer: Signer,
    enrolled: Session,
    local: Local,
    key: Thumbprint,
    leases: BTreeMap<(u64, i64), String>,
    draws: Draws,
    counts: Counts,
}

impl Part {
    fn new(seed: u64) -> Self {
        let signer = Signer::new();
        let mac = Mac::enrolled(&signer);
        let (leases, counts) = (BTreeMap::new(), Counts::new());
        let (key, enrolled) = (mac.jkt(), mac.session);
        // What is reported besides does not matter to when.
        let local = Local { vms: None, ..mac.local };
        Self { signer, enrolled, local, key, leases, draws: Draws(seed), counts }
    }

    fn mac(&mut self, now: Timestamp) -> Mac {
        let (session, local) = (self.enrolled.clone(), self.local.clone());
        let (disk, dice) = (Disk::default(), Dice::showing(self.draws.next()));
        Mac { session, disk, now, dice, local, effects: Vec::new() }
    }

    /// A lease of this number, signed now.
    fn lease(&mut self, seq: u64, now: Timestamp) -> String {
        let minute = now.as_second() - now.as_second() % 60;
        let (signer, key) = (&self.signer, self.key);
        let signed = self.leases.entry((seq, minute)).or_insert_with(|| {
            signer.changed_lease(seq, key, |lease| {
                let signed_at = Timestamp::from_second(minute).unwrap();
                lease.claims.iat = NumericDate::of(signed_at);
                lease.verify_after = later(signed_at, SignedDuration::from_hours(24 * 7));
                lease.grace_until = later(signed_at, SignedDuration::from_hours(24 * 30));
            })
        });
        signed.clone()
    }

    /// The portal answers with a lease, and the machine takes the one that the session verified.
    fn grant(&mut self, mac: &mut Mac, state: &State, (seq, request): (u64, &HttpRequest)) -> State {
        let lease = self.lease(seq, mac.now);
        mac.dice.draw = self.draws.next();
        mac.hear(self.signer.checked_in(request, &serde_json::json!({ "lease": lease })));
        mac.effects.clear();
        let held = Held::of(mac.session.lease().unwrap());
        assert_eq!(held.seq(), seq);
        let (state, _) = step(state, Event::Leased(held, self.draws.next()), moment(mac.now));
        assert_eq!((state.wish(), state.stage()), (LeaseWish::Keep, Stage::Active), "and no other");
        mac.local.licensing.wish = LeaseWish::Keep;
        state
    }

    /// A Mac that has its first lease at `enrolled` and then verifies when the machine and the session say so.
    fn live(&mut self, enrolled: Timestamp, has_idle: bool) {
        let mut mac = self.mac(enrolled);
        let request = mac.request();
        let mut state = self.grant(&mut mac, &State::new(moment(enrolled)), (1, &request));
        for week in 1..=WEEKS {
            let due = state.verifies_at().unwrap();
            if has_idle {
                let before =
                    SignedDuration::try_from_secs_f64(IDLE.as_secs_f64() * self.draws.next()).unwrap();
                mac.now = due - before;
                let idle = mac.request();
                assert_eq!(body(&idle).get("lease"), None, "nothing is wanted before it is due");
                mac.hear(self.signer.checked_in(&idle, &serde_json::json!({})));
            }
            mac.now = due;
            let (begun, effects) = step(&state, Event::Tick, moment(due));
            assert_eq!(
                (effects, begun.wish()),
                (vec![Effect::Check], LeaseWish::Keep),
                "the processes first"
            );
            let (checked, effects) = step(&begun, Event::Checked, moment(due));
            assert_eq!((effects, checked.wish()), (vec![], LeaseWish::Verify), "then one request");
            assert_eq!(checked.urgent_wish(), None, "by its schedule");
            mac.local.licensing.wish = checked.wish();
            let request = mac.request();
            if has_idle {
                assert_eq!(body(&request)["lease"], "verify");
                assert!(mac.now.duration_since(due).as_secs() <= 60, "with what the schedule takes");
            }
            let window = mac.now.duration_since(at(0)).as_secs() / WINDOW;
            *self.counts.entry(week).or_default().entry(window).or_default() += 1;
            state = self.grant(&mut mac, &checked, (u64::from(week) + 1, &request));
            if has_idle {
                assert!(!matches!(mac.poll(), Some(Do::Send(_))), "one request");
            }
        }
    }
}

/// The mean of ten minutes in the 24 hours with the most verifications.
fn mean_of_the_day(counts: &BTreeMap<i64, u32>) -> f64 {
    let day = |first: i64| counts.range(first..first + WINDOWS_A_DAY).map(|(_, count)| count).sum::<u32>();
    f64::from(counts.keys().map(|first| day(*first)).max().unwrap()) / 144.0
}

/// Every second Mac, from this one on.
fn half(first: u32) -> Counts {
    let mut part = Part::new(20_261_124 + u64::from(first));
    for mac in (first..MACS).step_by(2) {
        let after = MORNING.as_millis() * i128::from(mac) / i128::from(MACS);
        let enrolled = at(3_600) + SignedDuration::from_millis(i64::try_from(after).unwrap());
        part.live(enrolled, mac % 50 < 2);
    }
    part.counts
}

#[test]
fn a_fleet_enrolled_in_one_morning_verifies_evenly() {
    let (mut all, other) = std::thread::scope(|scope| {
        let (even, odd) = (scope.spawn(|| half(0)), scope.spawn(|| half(1)));
        (even.join().unwrap(), odd.join().unwrap())
    });
    for (week, windows) in other {
        for (window, count) in windows {
            *all.entry(week).or_default().entry(window).or_default() += count;
        }
    }
    for (week, counts) in &all {
        let days = (*counts.keys().next().unwrap(), *counts.keys().last().unwrap());
        assert!(
            days.0 / WINDOWS_A_DAY >= i64::from(*week) * 6 && days.1 / WINDOWS_A_DAY <= i64::from(*week) * 7
        );
        assert_eq!(counts.values().sum::<u32>(), MACS, "every Mac verifies in week {week}");
        let (most, mean) = (f64::from(*counts.values().max().unwrap()), mean_of_the_day(counts));
        assert!(most <= 1.5 * mean, "week {week}: {most} in ten minutes, of a mean of {mean}");
        eprintln!("week {week}: at most {most} in ten minutes, of a mean of {mean:.0}");
    }
}
