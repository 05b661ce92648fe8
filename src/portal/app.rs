//! What all endpoints share.

use std::sync::Arc;

use jiff::Timestamp;

use super::faults::Faults;
use super::server::origins::Origins;
use super::store::Store;
use crate::clock::Clock;
use crate::domain::digest::Digest;
use crate::wire::checkin::Next;

/// The portal's parts, for its endpoints.
pub struct App {
    /// What it knows.
    pub store: Store,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Where it is reached.
    pub origins: Origins,
    /// When devices are to check in again.
    pub next: Next,
    /// What is to go wrong.
    pub faults: Faults,
    /// SHA-256 of the administrator's token.
    pub admin: Digest,
}

impl App {
    /// The portal's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether this is the administrator's token. Digests are compared, every byte of them: neither the time it takes
    /// nor where it ends tells anything about the token.
    #[must_use]
    pub fn is_admin_token(&self, token: &str) -> bool {
        let given = Digest::of(token.as_bytes());
        let pairs = given.bytes().iter().zip(self.admin.bytes());
        pairs.fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
    }
}

/// [`App`] as endpoints have it.
pub type Shared = Arc<App>;
