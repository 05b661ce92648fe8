//! The license of Parallels Desktop as the agent lives with it: verified about every seven days, given back on order.
//!
//! In go what the Mac says of its license, what the portal signed about it, and orders; out comes in which [`Stage`] it
//! is and what is to be done. [`machine`] decides and does nothing, [`deactivation`] gives a license back under a lock of
//! its own, so that it works with the daemon running, dead or hung. What may change is how long things are waited for;
//! that an unknown license is no missing one, and that only a signed lease takes one away, may not.

pub mod deactivation;
mod event;
mod held;
pub mod machine;
mod reckoning;
mod stage;

pub use event::{Effect, Event, Means};
pub use held::Held;
pub use machine::{State, step};
pub use stage::Stage;
