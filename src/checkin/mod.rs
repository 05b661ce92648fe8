//! The agent's side of the check-in: when to talk to the portal, what to say, and what to make of the answer.
//!
//! In go [`local::Local`], the stored documents, the time and answers; out come requests, documents to store, and
//! verified assignments. [`session`] is the machine over [`schedule`], [`identity`], [`trust`], `report` and [`answer`],
//! all without IO; [`wait`] is the same for the long poll. [`http`] alone talks to the network. What may change: members
//! of a check-in are added as the protocol's next parts come.

pub mod answer;
pub mod chance;
pub mod http;
pub mod identity;
pub mod local;
mod problems;
#[cfg(test)]
pub(crate) mod rehearsal;
mod report;
pub mod schedule;
pub mod session;
pub mod trust;
pub mod wait;

pub use report::Memory;
