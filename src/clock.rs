//! Time as an argument: [`SystemClock`] for the product, [`ManualClock`] for tests.
//!
//! What is due is a wall-clock time, because macOS stops `Instant` while the Mac sleeps. Where it matters that the wall clock
//! was set, a [`Moment`] tells: beside it stands the time for which the system has run, which nobody sets.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::platform;

/// A moment, by the clock on the wall and by one that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall time, as the system gives it.
    pub at: Timestamp,
    /// For how long the system has run since it was started, its sleep included.
    pub uptime: SignedDuration,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The wall time now, as the system gives it.
    fn now(&self) -> Timestamp;

    /// For how long the system has run since it was started, its sleep included.
    fn uptime(&self) -> SignedDuration;

    /// Now, by both.
    fn moment(&self) -> Moment {
        Moment { at: self.now(), uptime: self.uptime() }
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn uptime(&self) -> SignedDuration {
        SignedDuration::try_from(platform::uptime()).unwrap_or(SignedDuration::MAX)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Moment>>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Moment { at: start, uptime: SignedDuration::ZERO })))
    }

    /// Lets time pass; a negative duration sets the clock back. Stops at the ends of time.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        now.at = now.at.checked_add(by).unwrap_or(end);
        now.uptime = now.uptime.saturating_add(by.max(SignedDuration::ZERO));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).at
    }

    fn uptime(&self) -> SignedDuration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).uptime
    }
}
