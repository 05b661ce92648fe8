//! `GET /v1/portal`: what a portal says of itself to anyone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::limits::API_VERSION;
use super::time;

/// The path of the endpoint.
pub const PATH: &str = "/v1/portal";

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalAnswer {
    /// The versions of the protocol that the portal speaks.
    pub api: Vec<u32>,
    /// The organization's name, for people.
    pub organization: String,
    /// The current keyset, a token.
    pub keyset: String,
    /// The portal's clock.
    #[serde(with = "time")]
    pub server_time: Timestamp,
}

impl PortalAnswer {
    /// Whether the portal speaks this agent's version; if not, the agent is too old.
    #[must_use]
    pub fn speaks_ours(&self) -> bool {
        self.api.contains(&API_VERSION)
    }
}
