//! The shell: what waits, wakes and fails.

pub mod watch;
