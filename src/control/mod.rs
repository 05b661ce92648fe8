//! The local socket: how the command line, and anyone on the Mac, asks the daemon.
//!
//! In goes one line of JSON, out comes one: `{"schema":1,"read":"status"}` and `{"schema":1,"status":{…}}`. [`proto`]
//! has the requests and answers, [`view`] what the answers show, [`auth`] who may ask what and sees which part,
//! [`server`] and [`client`] the two ends. No request names a path, an address or a key of cryptography. A member may be added
//! to an answer; anything else raises [`proto::SCHEMA`].

pub mod auth;
pub mod client;
pub mod proto;
pub mod server;
pub mod view;

#[cfg(test)]
mod samples;
