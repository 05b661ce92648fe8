//! The pause of a command that waits for the daemon.

use std::time::Duration;

/// Waits for so long.
#[expect(
    clippy::disallowed_methods,
    reason = "a command in the foreground that waits for the daemon has nothing else to do"
)]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}
