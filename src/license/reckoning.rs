//! The time by which a lease is judged, over sleep, restarts and clocks that are set.
//!
//! It is the later of the local clock and the time at which the lease was signed. A clock that is set back adds
//! nothing: what it lost is added to it again. A clock that is set forward and then put right ends nothing: the
//! way back is set off against the way forward. Sleep cannot be told from a clock set forward, and need not be:
//! what follows from either alone is a verification.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The clock is looked at every minute, so that a longer pause is sleep, an outage, or a clock set forward.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// Network time corrects a clock by less than this; more is a clock that was set.
const CORRECTION: SignedDuration = SignedDuration::from_mins(1);

/// How the local clock went since the lease was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reckoning {
    /// What the local clock showed last.
    seen: Timestamp,
    /// Since when it goes without a pause and without being set.
    steady_since: Timestamp,
    /// Pauses that no way back was set off against.
    ahead: SignedDuration,
    /// By how much it was set back, what was set off aside.
    behind: SignedDuration,
    /// When the lease was signed.
    floor: Timestamp,
}

impl Reckoning {
    /// A reckoning that begins now.
    pub(super) const fn at(now: Timestamp) -> Self {
        let zero = SignedDuration::ZERO;
        Self { seen: now, steady_since: now, ahead: zero, behind: zero, floor: Timestamp::MIN }
    }

    /// The same, with a lease as the new ground: the portal knows the time.
    pub(super) fn anchored(self, signed_at: Timestamp) -> Self {
        let zero = SignedDuration::ZERO;
        Self { ahead: zero, behind: zero, floor: signed_at, ..self }
    }

    /// The clock is looked at. True when it was set back.
    #[must_use]
    pub(super) fn look(&mut self, now: Timestamp) -> bool {
        let passed = now.duration_since(self.seen);
        self.seen = now;
        if passed.is_negative() {
            let back = passed.abs();
            let off = back.min(self.ahead);
            self.ahead = self.ahead.saturating_sub(off);
            self.behind = self.behind.saturating_add(back.saturating_sub(off));
            self.steady_since = now;
        } else if passed > PAUSE {
            let off = passed.min(self.behind);
            self.behind = self.behind.saturating_sub(off);
            self.ahead = self.ahead.saturating_add(passed.saturating_sub(off));
            self.steady_since = now;
        }
        passed < -CORRECTION
    }

    /// The time by which the lease is judged.
    pub(super) fn judged(&self) -> Timestamp {
        self.seen.checked_add(self.behind).unwrap_or(Timestamp::MAX).max(self.floor)
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

    #[test]
    fn a_clock_that_is_set_back_adds_nothing_and_one_put_right_ends_nothing() {
        let (hour, minute) = (SignedDuration::from_hours(1), SignedDuration::from_mins(1));
        let mut reckoning = Reckoning::at(start());
        for (to, back, judged) in [
            (start() + minute, false, start() + minute),
            (start() - hour, true, start() + minute),
            (start() - hour + minute, false, start() + minute * 2),
            (start() + minute * 4, false, start() + minute * 4),
            (start() + hour * 9000, false, start() + hour * 9000),
            (start() + minute * 9, true, start() + minute * 9),
            (
                start() + minute * 9 - SignedDuration::from_secs(20),
                false,
                start() + minute * 9 - SignedDuration::from_secs(20),
            ),
        ] {
            assert_eq!((reckoning.look(to), reckoning.judged()), (back, judged), "{to}");
        }
        let anchored = reckoning.anchored(start() + hour);
        assert_eq!(anchored.judged(), start() + hour);
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(there in -10_000_000_000_i64..10_000_000_000) {
            let mut reckoning = Reckoning::at(start());
            let there = SignedDuration::from_secs(there);
            let _ = reckoning.look(start() + there);
            let _ = reckoning.look(start());
            let pause = PAUSE.as_secs();
            prop_assert!(reckoning.judged() >= start());
            prop_assert!(reckoning.judged() <= start() + SignedDuration::from_secs(pause));
        }

        #[test]
        fn what_passes_in_steps_always_counts(steps in proptest::collection::vec(0_i64..300, 1..50), back in 61_i64..1_000_000) {
            let mut reckoning = Reckoning::at(start());
            let mut now = start() - SignedDuration::from_secs(back);
            let _ = reckoning.look(now);
            let total: i64 = steps.iter().sum();
            for step in steps {
                now += SignedDuration::from_secs(step);
                let _ = reckoning.look(now);
            }
            prop_assert!(reckoning.judged() >= start() + SignedDuration::from_secs(total));
        }
    }
}
