//! Waits for wall-clock times with one wake-up a minute for the whole process.
//!
//! macOS stops `Instant` while the Mac sleeps, so what is due is a wall-clock time that is compared again on every
//! tick. A small thread ticks, because it wakes once a minute where tokio's timer wheel wakes three times.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;

/// How long a tick is.
pub const TICK: Duration = Duration::from_secs(60);

/// How much too early what is due around a time may come: half a tick.
pub const SLACK: SignedDuration = SignedDuration::from_secs(30);

/// Tells when a time has come.
#[derive(Clone)]
pub struct Ticker {
    clock: Arc<dyn Clock>,
    ticks: watch::Receiver<()>,
}

/// Passes the thread's beats on to everyone who waits, from within the runtime: so one beat wakes the runtime once.
pub struct Pulse {
    beat: Arc<Notify>,
    ticks: watch::Sender<()>,
}

impl Pulse {
    /// Runs until it is dropped.
    pub async fn run(self) {
        loop {
            self.beat.notified().await;
            self.ticks.send_replace(());
        }
    }
}

impl Ticker {
    /// A ticker and its pulse, whose thread ends after the pulse is dropped. It ticks while the pulse runs.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(clock: Arc<dyn Clock>) -> std::io::Result<(Self, Pulse)> {
        let beat = Arc::new(Notify::new());
        let alive = Arc::downgrade(&beat);
        std::thread::Builder::new().name("ticker".to_owned()).stack_size(64 * 1024).spawn(move || {
            loop {
                std::thread::park_timeout(TICK);
                let Some(beat) = alive.upgrade() else { return };
                beat.notify_one();
            }
        })?;
        let (ticker, ticks) = Self::driven(clock);
        Ok((ticker, Pulse { beat, ticks }))
    }

    /// A ticker that ticks when the returned sender is used: for tests, and for a runtime with paused time.
    #[must_use]
    pub fn driven(clock: Arc<dyn Clock>) -> (Self, watch::Sender<()>) {
        let (sender, ticks) = watch::channel(());
        (Self { clock, ticks }, sender)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The next tick, at most a minute away.
    pub async fn tick(&mut self) {
        self.ticks.mark_unchanged();
        if self.ticks.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns on the tick that is next to `at`: for what is due now and then and need not wake the process by itself.
    pub async fn around(&mut self, at: Timestamp) {
        while at.duration_since(self.clock.now()) > SLACK {
            self.tick().await;
        }
    }

    /// Returns once the wall clock shows `at`; at once if it does. A sleep of the Mac makes it late by a tick at most.
    pub async fn until(&mut self, at: Timestamp) {
        loop {
            self.ticks.mark_unchanged();
            let left = at.duration_since(self.clock.now());
            if !left.is_positive() {
                return;
            }
            let left = left.unsigned_abs();
            if left > TICK {
                self.tick().await;
            } else {
                // The time left is short; the tick still comes between, should the Mac sleep meanwhile.
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    () = self.tick() => {}
                }
            }
        }
    }
}

impl Clock for Ticker {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uptime(&self) -> SignedDuration {
        self.clock.uptime()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test(start_paused = true)]
    async fn a_time_that_came_during_sleep_is_seen_on_the_next_tick() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (mut ticker, ticks) = Ticker::driven(Arc::new(clock.clone()));
        let due = Timestamp::from_second(3600).unwrap();
        let waiting = tokio::join!(ticker.until(due), async {
            tokio::task::yield_now().await;
            clock.advance(SignedDuration::from_hours(9));
            ticks.send_replace(());
        });
        assert_eq!(waiting, ((), ()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_around_a_time_comes_on_the_tick_next_to_it() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (mut ticker, ticks) = Ticker::driven(Arc::new(clock.clone()));
        for (due_s, minutes) in [(0, 0), (30, 0), (31, 1), (90, 1), (91, 2), (300, 5)] {
            let due = clock.now().checked_add(SignedDuration::from_secs(due_s)).unwrap();
            let mut waited = 0;
            let mut waiting = std::pin::pin!(ticker.around(due));
            while tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err() {
                clock.advance(SignedDuration::from_mins(1));
                ticks.send_replace(());
                waited += 1;
            }
            assert_eq!(waited, minutes, "{due_s} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_has_come_is_not_waited_for() {
        let (mut ticker, _ticks) = Ticker::driven(Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
        ticker.until(Timestamp::UNIX_EPOCH).await;
        ticker.until(Timestamp::MIN).await;
    }
}
