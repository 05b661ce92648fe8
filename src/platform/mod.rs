//! What the agent asks of the operating system beyond the standard library: its user id, its umask, folders of a given
//! mode, and for how long it has run. There is no unsafe code: `rustix` wraps the calls. Nothing here may grow a decision of the domain.

pub mod folder;

use std::time::Duration;

use rustix::fs::Mode;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::ids::Uid;

/// The umask of the daemon and the command line: nothing for group and others.
pub const UMASK: u64 = 0o077;

/// The clock that nobody sets and that goes on while the system sleeps: `CLOCK_MONOTONIC` on macOS (facts: its
/// clock_gettime(3)), `CLOCK_BOOTTIME` on Linux.
#[cfg(not(target_os = "linux"))]
const SLEEPLESS: ClockId = ClockId::Monotonic;
#[cfg(target_os = "linux")]
const SLEEPLESS: ClockId = ClockId::Boottime;

const DENIED: Mode = Mode::RWXG.union(Mode::RWXO);

/// Makes every file that this process creates its owner's alone. Called by the first line of `main`; what others may
/// read is opened up by an explicit mode.
pub fn restrict_umask() {
    rustix::process::umask(DENIED);
}

/// The user that this process acts as.
#[must_use]
pub fn effective_uid() -> Uid {
    Uid(rustix::process::geteuid().as_raw())
}

/// How long the system has run since it was started, its sleep included.
#[must_use]
pub fn uptime() -> Duration {
    let time = clock_gettime(SLEEPLESS);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_uptime_goes_on() {
        let first = super::uptime();
        assert!(!first.is_zero() && super::uptime() >= first);
    }

    #[test]
    fn the_umask_is_the_number_that_launchd_is_told() {
        assert_eq!(u64::from(super::DENIED.bits()), super::UMASK);
    }
}
