//! How often the daemon started without having ended in order, and how long the portal is left alone for that.
//!
//! launchd starts a daemon that crashes again and again. Each start enforces from disk; but a fleet that crashes on what
//! its portal says must not storm the portal, so the first check-in comes later and later. In goes what is remembered of
//! the last start; out comes the rest. The document is removed by an end in order. What may change is the arithmetic.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::checkin::schedule::{Backoff, CAP_S, passed};
use crate::state::document::Kept;

/// Starts in a row that change nothing: a power cut is no crash loop, nor are two.
const FREE: u32 = 3;

/// A run that lasted so long was none of a crash loop. It is longer than the longest rest, or the rest would end the row.
const LASTING: SignedDuration = SignedDuration::from_hours(1);

/// The starts in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starts {
    /// How many there were, the last included.
    in_a_row: u32,
    /// When the last was.
    last: Timestamp,
}

impl Kept for Starts {
    const NAME: &'static str = "starts.json";
}

impl Starts {
    /// One more start, after those that are remembered.
    #[must_use]
    pub fn another(before: Option<Self>, now: Timestamp) -> Self {
        let row = before.filter(|before| !passed(Some(before.last), LASTING, now));
        Self { in_a_row: row.map_or(0, |row| row.in_a_row).saturating_add(1), last: now }
    }

    /// How long the first check-in rests. `draw` is a random part of one.
    #[must_use]
    pub fn rest(self, draw: f64) -> SignedDuration {
        let surplus = self.in_a_row.saturating_sub(FREE).min(CAP_S);
        let backoff = (0..surplus).fold(Backoff::default(), |backoff, _| backoff.failed(CAP_S));
        backoff.wait(None, draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rests of starts that follow one another after these seconds.
    fn rests(gaps_s: &[i64]) -> Vec<i64> {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut starts = None;
        let mut rests = Vec::new();
        for gap in gaps_s {
            now = now.checked_add(SignedDuration::from_secs(*gap)).unwrap();
            let next = Starts::another(starts, now);
            rests.push(next.rest(0.0).as_secs());
            starts = Some(next);
        }
        rests
    }

    #[test]
    fn a_crash_loop_leaves_the_portal_alone_longer_and_longer() {
        assert_eq!(rests(&[30; 11]), [0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn a_loop_that_crashes_on_what_the_portal_says_stays_in_its_row() {
        let longest = Starts { in_a_row: u32::MAX, last: Timestamp::UNIX_EPOCH }.rest(1.0);
        assert!(longest < LASTING && longest.as_secs() == 1800);
    }

    #[test]
    fn a_run_that_lasted_begins_a_new_row_and_so_does_a_clock_that_was_set_back() {
        assert_eq!(rests(&[0, 1, 1, 1, 3600, 1]), [0, 0, 0, 30, 0, 0]);
        assert_eq!(rests(&[0, 1, 1, 1, -100, 1]), [0, 0, 0, 30, 0, 0]);
    }
}
