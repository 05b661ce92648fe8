//! The shell: what waits and fails around the pure parts. Nothing imports it but the binary.

pub mod checkin;
