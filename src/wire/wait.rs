//! `GET /v1/wait`: the long poll that wakes an agent. A wake carries no data, it is a hint to check in.

use serde::{Deserialize, Serialize};

/// The path of the endpoint, as the proof names it: without query.
pub const PATH: &str = "/v1/wait";

/// The query of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitQuery {
    /// How long to hold the poll, in seconds; the portal holds it for
    /// [`WAIT_TIMEOUT_S`](super::limits::WAIT_TIMEOUT_S) at most.
    pub timeout: u64,
}

/// What has news. An unknown word wakes as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// An assignment.
    Assignment,
    /// A lease.
    Lease,
    /// Commands.
    Commands,
    /// A keyset.
    Keyset,
    /// A word of a later portal.
    #[serde(other)]
    Unknown,
}

/// The answer with status 200; without news it is 204 and has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitAnswer {
    /// What has news.
    pub wake: Vec<Wake>,
    /// The agent checks in after a random part of so many seconds.
    pub spread_s: u64,
}
