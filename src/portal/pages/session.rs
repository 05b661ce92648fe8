//! Who is signed in: random session ids in memory, each for half a day.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::digest::Digest;

/// The cookie's name.
const COOKIE: &str = "meridian_session";

/// How long a person stays signed in.
const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// How many may be signed in; the one that ends first makes room.
const MOST: usize = 1000;

/// The system has no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("no session can be opened: the system gave no random numbers")]
pub(super) struct NoRandomness;

/// The open sessions: the digest of each id, so that a look-up tells nothing by its time, and when it ends.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<Digest, Timestamp>>);

impl Sessions {
    /// Opens a session and gives its id.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub(super) fn open(&self, now: Timestamp) -> Result<String, NoRandomness> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let mut open = self.lock();
        open.retain(|_, end| *end > now);
        while open.len() >= MOST {
            let Some(first) = open.iter().min_by_key(|(_, end)| **end).map(|(id, _)| *id) else { break };
            open.remove(&first);
        }
        open.insert(Digest::of(id.as_bytes()), now.saturating_add(LIFE).unwrap_or(Timestamp::MAX));
        Ok(id)
    }

    /// Whether the request belongs to an open session.
    pub(super) fn admits(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        let open = self.lock();
        ids(headers).any(|id| open.get(&Digest::of(id.as_bytes())).is_some_and(|end| *end > now))
    }

    /// Ends the request's session.
    pub(super) fn close(&self, headers: &HeaderMap) {
        let mut open = self.lock();
        for id in ids(headers) {
            open.remove(&Digest::of(id.as_bytes()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session ids that a request brings.
fn ids(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .take(8)
}

/// The `Set-Cookie` that begins a session.
pub(super) fn cookie(id: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", LIFE.as_secs())
}

/// The `Set-Cookie` that ends one.
pub(super) fn no_cookie(secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brings(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_session_holds_until_it_ends_or_is_closed() {
        let (sessions, start) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let (one, two) = (sessions.open(start).unwrap(), sessions.open(start).unwrap());
        assert_ne!(one, two);
        let one = brings(&format!("other=1; {COOKIE}={one}"));
        assert!(sessions.admits(&one, start));
        assert!(!sessions.admits(&one, start + LIFE), "it has ended");
        sessions.close(&one);
        assert!(!sessions.admits(&one, start));
        assert!(sessions.admits(&brings(&format!("{COOKIE}={two}")), start));
        for stranger in ["", "meridian_session", "meridian_session=", "meridian_session=x", "x=y"] {
            assert!(!sessions.admits(&brings(stranger), start), "{stranger}");
        }
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.open(Timestamp::UNIX_EPOCH).unwrap();
        for second in 0..MOST {
            let later = SignedDuration::from_secs(i64::try_from(second).unwrap() + 1);
            sessions.open(Timestamp::UNIX_EPOCH + later).unwrap();
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert!(!sessions.admits(&brings(&format!("{COOKIE}={first}")), Timestamp::UNIX_EPOCH));
    }
}
