//! The time by which a lease is judged, over sleep, restarts and clocks that are set.
//!
//! It is the later of the local clock and the time at which the lease was signed. Beside the local clock goes another one,
//! which counts sleep and is set by nobody. By how much the two part, the local one was set: what it lost is added to it again, so that a
//! clock that is set back adds nothing; what it gained is no time that has passed, so that one that is set forward ends
//! nothing, and the way back is set off against it. Sleep parts nothing.
//!
//! While the agent does not run, or the Mac is off, no more is known of the other clock than how long it went at the
//! least. What the local one lost to that is added; what it gained is taken for time that passed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// The clock is looked at every minute, so that a longer pause is sleep or a process that was stopped.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// Network time corrects a clock by less than this; more is a clock that was set.
pub(super) const CORRECTION: SignedDuration = SignedDuration::from_mins(1);

/// How the local clock went since the lease was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reckoning {
    /// What the local clock showed last.
    seen: Timestamp,
    /// For how long the Mac had run then.
    uptime: SignedDuration,
    /// Since when it goes without a pause and without being set.
    steady_since: Timestamp,
    /// By how much it was set forward, what was set off aside.
    ahead: SignedDuration,
    /// By how much it was set back, what was set off aside.
    behind: SignedDuration,
    /// How far it fell back, where that is still too little to be told from a correction; negative where it went forward.
    stray: SignedDuration,
    /// When the lease was signed.
    floor: Timestamp,
}

impl Reckoning {
    /// A reckoning that begins now.
    pub(super) const fn at(now: Moment) -> Self {
        let zero = SignedDuration::ZERO;
        let (seen, uptime, floor) = (now.at, now.uptime, Timestamp::MIN);
        Self { seen, uptime, steady_since: seen, ahead: zero, behind: zero, stray: zero, floor }
    }

    /// The same, with a lease as the new ground: the portal knows the time.
    pub(super) fn anchored(self, signed_at: Timestamp) -> Self {
        let zero = SignedDuration::ZERO;
        Self { ahead: zero, behind: zero, stray: zero, floor: signed_at, ..self }
    }

    /// The clock is looked at. True when it was set back.
    #[must_use]
    pub(super) fn look(&mut self, now: Moment) -> bool {
        let passed = now.at.duration_since(self.seen);
        let truly = now.uptime.saturating_sub(self.uptime);
        self.stray = self.stray.saturating_add(truly.saturating_sub(passed));
        self.judge(now, truly > PAUSE)
    }

    /// The clock is looked at for the first time after a start. True when it was set back.
    #[must_use]
    pub(super) fn resume(&mut self, now: Moment) -> bool {
        let passed = now.at.duration_since(self.seen);
        // The Mac may have been started, too; it may have been for the second time that it ran for so long.
        let since_look = now.uptime.saturating_sub(self.uptime);
        let at_least = if since_look.is_negative() { now.uptime } else { since_look };
        let lost = at_least.saturating_sub(passed);
        self.stray = self.stray.saturating_add(lost.max(SignedDuration::ZERO));
        self.judge(now, true)
    }

    fn judge(&mut self, now: Moment, is_pause: bool) -> bool {
        (self.seen, self.uptime) = (now.at, now.uptime);
        let is_set = self.stray.abs() > CORRECTION;
        if is_set || is_pause {
            self.steady_since = now.at;
        }
        if !is_set {
            return false;
        }
        let stray = std::mem::take(&mut self.stray);
        let (to, from) = match stray.is_negative() {
            true => (&mut self.ahead, &mut self.behind),
            false => (&mut self.behind, &mut self.ahead),
        };
        let off = stray.abs().min(*from);
        *from = from.saturating_sub(off);
        *to = to.saturating_add(stray.abs().saturating_sub(off));
        !stray.is_negative()
    }

    /// The time by which the lease is judged.
    pub(super) fn judged(&self) -> Timestamp {
        self.seen.checked_add(self.behind).unwrap_or(Timestamp::MAX).max(self.floor)
    }

    /// The same without what the clock was set forward by: what came before it has come, whatever was done to the clock.
    pub(super) fn proven(&self) -> Timestamp {
        self.judged().checked_sub(self.ahead).unwrap_or(Timestamp::MIN)
    }

    /// What the local clock shows when `at` has come.
    pub(super) fn local(&self, at: Timestamp) -> Timestamp {
        at.checked_sub(self.behind).unwrap_or(Timestamp::MIN)
    }

    /// What the local clock showed last.
    pub(super) const fn seen(&self) -> Timestamp {
        self.seen
    }

    /// How long the clock goes without a pause and without being set.
    pub(super) fn steady(&self) -> SignedDuration {
        self.seen.duration_since(self.steady_since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_764_000_000).unwrap()
    }

    /// So many seconds after the start by the local clock and by the other one.
    fn moment(at: i64, uptime: i64) -> Moment {
        Moment { at: start() + seconds(at), uptime: seconds(1_000 + uptime) }
    }

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    const HOUR: i64 = 3_600;

    #[test]
    fn what_was_set_is_told_from_what_passed() {
        let mut reckoning = Reckoning::at(moment(0, 0));
        for (what, at, uptime, is_back, judged, proven) in [
            ("a minute", 60, 60, false, 60, 60),
            ("set back", 120 - HOUR, 120, true, 120, 120),
            ("it goes on", 180 - HOUR, 180, false, 180, 180),
            ("put right", 240, 240, false, 240, 240),
            ("sleep", 240 + HOUR, 240 + HOUR, false, 240 + HOUR, 240 + HOUR),
            ("set back by what was slept", 300, 300 + HOUR, true, 300 + HOUR, 300 + HOUR),
            ("put right", 360 + HOUR, 360 + HOUR, false, 360 + HOUR, 360 + HOUR),
            ("set forward", 9_000 * HOUR, 420 + HOUR, false, 9_000 * HOUR, 420 + HOUR),
            ("put right", 480 + HOUR, 480 + HOUR, true, 480 + HOUR, 480 + HOUR),
            ("corrected", 500 + HOUR, 540 + HOUR, false, 500 + HOUR, 500 + HOUR),
            ("and again", 540 + HOUR, 610 + HOUR, true, 610 + HOUR, 610 + HOUR),
        ] {
            let seen = (reckoning.look(moment(at, uptime)), reckoning.judged(), reckoning.proven());
            assert_eq!(seen, (is_back, moment(judged, 0).at, moment(proven, 0).at), "{what}");
        }
        let anchored = reckoning.anchored(start() + seconds(9 * HOUR));
        assert_eq!(anchored.judged(), start() + seconds(9 * HOUR));
    }

    #[test]
    fn over_a_start_no_less_has_passed_than_the_other_clock_shows() {
        for (what, at, uptime, judged) in [
            ("nothing was set", HOUR, HOUR, HOUR),
            ("set back meanwhile", -HOUR, HOUR, HOUR),
            ("set back by what passed", 0, HOUR, HOUR),
            ("set forward meanwhile", 5 * HOUR, HOUR, 5 * HOUR),
            ("the Mac was off for an hour", HOUR, -900, HOUR),
            ("and set back", -HOUR, -900, 100),
        ] {
            let mut reckoning = Reckoning::at(moment(0, 0));
            let _ = reckoning.resume(moment(at, uptime));
            assert_eq!(reckoning.judged(), moment(judged, 0).at, "{what}");
            assert_eq!((reckoning.proven(), reckoning.steady()), (reckoning.judged(), seconds(0)), "{what}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(there in -10_000_000_000_i64..10_000_000_000) {
            let mut reckoning = Reckoning::at(moment(0, 0));
            let _ = reckoning.look(moment(there, 60));
            let _ = reckoning.look(moment(120, 120));
            prop_assert_eq!(reckoning.judged(), moment(120, 0).at);
        }

        /// However the clock is set, and whatever is slept, the time that passes counts, within what a correction may be.
        #[test]
        fn what_passes_always_counts(
            story in proptest::collection::vec((0_i64..100_000, -100_000_i64..100_000, 0_u8..8), 1..60),
        ) {
            let mut reckoning = Reckoning::at(moment(0, 0));
            let (mut at, mut uptime) = (0, 0);
            for (passes, set, what) in story {
                uptime += passes;
                at += passes;
                match what {
                    0 => {
                        at += set;
                        let _ = reckoning.look(moment(at, uptime));
                    }
                    // By less than what is noticed at once.
                    1..=3 => {
                        at -= set.rem_euclid(60);
                        let _ = reckoning.look(moment(at, uptime));
                    }
                    4 => {
                        at -= set.abs();
                        let _ = reckoning.resume(moment(at, uptime));
                    }
                    5 => {
                        let _ = reckoning.resume(moment(at, uptime));
                    }
                    _ => {
                        let _ = reckoning.look(moment(at, uptime));
                    }
                }
                let least = moment(uptime, 0).at - CORRECTION;
                prop_assert!(reckoning.judged() >= least, "{} < {}", reckoning.judged(), least);
                prop_assert!(reckoning.proven() <= reckoning.judged());
            }
        }
    }
}
