//! Which virtual machines there are on this Mac, and whose.
//!
//! What goes in: the lists of all macOS users who have Parallels Desktop. What comes out: a [`Snapshot`], in which
//! "no virtual machines" and "could not ask" are different things for every user.

pub mod collect;
pub mod record;

pub use collect::{BadMember, Collector, Listing, Snapshot};
