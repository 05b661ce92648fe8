//! The circuit breaker: tools that hang are not called again and again.
//!
//! Pure: the time is an argument, and it is the time that the timers run on, which stands still while the Mac sleeps, as
//! limits on processes do.

use std::time::Duration;

use tokio::time::Instant;

/// So many time-outs in a row open the breaker.
const TIMEOUTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Counts time-outs in a row. After the third each one starts a pause, each twice as long as the one before.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    timeouts: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// What is left of a pause.
    pub(super) fn pause_left(&self, now: Instant) -> Option<Duration> {
        self.until?.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// A call came to its end.
    pub(super) const fn answered(&mut self) {
        self.timeouts = 0;
        self.until = None;
    }

    /// A call ran into its limit.
    pub(super) fn hung(&mut self, now: Instant) {
        self.timeouts = self.timeouts.saturating_add(1);
        if let Some(doublings) = self.timeouts.checked_sub(TIMEOUTS) {
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
            self.until = Some(now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_quarter_of_an_hour_and_an_answer_ends_them() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            breaker.hung(now);
            pauses.push(breaker.pause_left(now).map_or(0, |left| left.as_secs()));
        }
        assert_eq!(pauses, [0, 0, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(breaker.pause_left(now + LONGEST_PAUSE), None, "then one call is let through");
        breaker.answered();
        assert_eq!(breaker.pause_left(now), None);
        breaker.hung(now);
        breaker.hung(now);
        assert_eq!(breaker.pause_left(now), None, "counted from the start again");
    }
}
