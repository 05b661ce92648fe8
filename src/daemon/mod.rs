//! The shell: where waiting happens. One loop drives every task; the board is the level they look at.

pub mod board;
pub mod checkin;
pub mod commands;
pub mod conversation;
pub mod desk;
pub mod documents;
pub mod enforcement;
pub mod enforcer;
pub mod executor;
pub mod fingerprint;
pub mod imager;
pub mod imaging;
pub mod inputs;
pub mod leave;
pub mod licensing;
pub mod log;
pub mod observer;
pub mod problems;
pub mod report;
pub mod run;
pub mod sights;
pub mod stamp;
pub mod standings;
pub mod starts;
pub mod tasks;
pub mod ticker;
pub mod updater;
pub mod views;
pub mod watch;

pub use leave::{LeaveError, leave};
pub use run::{END_WITHIN, StartError, run};

#[cfg(test)]
#[cfg(feature = "portal")]
mod tests;
