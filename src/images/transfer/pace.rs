//! A cap on bandwidth: how long to rest before the next bytes are read. Pure.
//!
//! The sender stops by itself while nobody reads, so that resting is all it takes.

use std::time::Duration;

/// Keeps the average since it began below a cap. What a pause leaves unused is not made up for beyond one second's worth.
#[derive(Debug, Clone)]
pub struct Pace {
    bytes_per_s: Option<u64>,
    /// How long what was read so far may have taken at the least.
    owed: Duration,
}

/// How much of an unused allowance is kept.
const SLACK: Duration = Duration::from_secs(1);

impl Pace {
    /// At most so many bytes a second; none is no cap. A cap of less than 1 KiB/s is one of 1 KiB/s.
    #[must_use]
    pub fn of(bytes_per_s: Option<u64>) -> Self {
        Self { bytes_per_s: bytes_per_s.map(|rate| rate.max(1024)), owed: Duration::ZERO }
    }

    /// How long to rest after these bytes, which came `passed` after it all began.
    pub fn rest(&mut self, bytes: usize, passed: Duration) -> Duration {
        let Some(rate) = self.bytes_per_s else { return Duration::ZERO };
        self.owed = self.owed.max(passed.saturating_sub(SLACK));
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(rate);
        self.owed = self.owed.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
        self.owed.saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_a_cap_nobody_rests() {
        assert_eq!(Pace::of(None).rest(usize::MAX, Duration::ZERO), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn the_average_stays_below_the_cap(
            rate in 1_024_u64..100_000_000, pieces in prop::collection::vec((1_usize..500_000, 0_u64..500), 1..200)
        ) {
            let mut pace = Pace::of(Some(rate));
            let (mut now, mut read) = (Duration::ZERO, 0_u64);
            for (bytes, delay_ms) in pieces {
                now += Duration::from_millis(delay_ms);
                read += bytes as u64;
                now += pace.rest(bytes, now);
                let allowed = (now + SLACK).as_secs_f64() * rate as f64;
                prop_assert!(read as f64 <= allowed + 1.0, "{read} bytes after {now:?}");
            }
        }
    }
}
