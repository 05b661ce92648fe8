//! What travels between the agent and the portal: the one definition in code of protocol version 1.
//!
//! In go the bytes of requests, answers and tokens; out come typed members and [`Verified`](token::Verified)
//! documents, and the other way round. The agent and the mock portal use the same types. Nothing here reads a clock,
//! a file or the network. What may change: members are added as endpoints learn them; unknown ones are ignored.

pub mod assignment;
pub mod checkin;
pub mod codes;
pub mod command;
pub mod document;
pub mod enrollment;
pub mod inventory;
pub mod json;
pub mod key;
pub mod keyset;
pub mod lease;
pub mod limits;
pub mod portal;
pub mod problem;
pub mod proof;
pub mod time;
pub mod token;
pub mod wait;

#[cfg(test)]
mod vectors;
