//! The sizes and header names that both sides keep to.

/// The header that carries a request's id, a UUID of version 7, echoed in the answer. Lower case, as HTTP
/// libraries want it.
pub const REQUEST_ID: &str = "meridian-request-id";

/// The scheme of the `Authorization` header, before a space and the proof.
pub const AUTHORIZATION_SCHEME: &str = "Meridian";

/// The media type of bodies and of answers that succeed.
pub const JSON: &str = "application/json";

/// The version of the protocol, as `GET /v1/portal` lists it in `api`.
pub const API_VERSION: u32 = 1;

/// The largest body of a request, in bytes; more is `too-large`.
pub const REQUEST_BODY: usize = 1 << 20;

/// The largest body of an answer, in bytes; more is the network, not the portal.
pub const ANSWER_BODY: usize = 8 << 20;

/// The size in bytes at which an agent splits an inventory report into parts.
pub const INVENTORY_PART: usize = 512 << 10;

/// The largest number that a sequence, a version or a canonical form may hold: 2^53 − 1, which every JSON library
/// keeps exact.
pub const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// How far a proof's `iat` may be from the portal's clock, in seconds, either way.
pub const CLOCK_TOLERANCE_S: u64 = 300;

/// The longest that a `GET /v1/wait` may be held open, in seconds.
pub const WAIT_TIMEOUT_S: u64 = 300;
