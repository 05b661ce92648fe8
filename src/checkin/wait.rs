//! The long poll, without IO: when to open it, and what its end means.
//!
//! In go successes of check-ins and the ends of polls; out comes when to open the next one, and when a wake is to be
//! followed by a check-in. A wake is told once and cleared by the check-in, so the next poll comes after it.

use jiff::{SignedDuration, Timestamp};

use super::answer::{self, HttpAnswer, Meaning, NetFault};
use super::schedule::{Due, later, part};
use crate::domain::ids::RequestId;
use crate::wire::wait::WaitAnswer;

/// At most one wake is followed in this time.
const FOLLOWED: SignedDuration = SignedDuration::from_secs(60);
/// A dropped poll reopens after a random part of this.
const REOPEN: SignedDuration = SignedDuration::from_secs(60);
/// After this many failures in a row the channel closes.
const FAILURES: u8 = 3;
/// For how long, and a random part of it again.
const CLOSED: SignedDuration = SignedDuration::from_mins(30);
/// The least time between two openings, so that a portal that holds nothing is not asked without pause.
const OPENINGS: SignedDuration = SignedDuration::from_secs(10);
/// The longest spread that a wake may ask for.
const SPREAD: SignedDuration = SignedDuration::from_hours(1);

/// The state of the channel.
#[derive(Debug, Clone, Default)]
pub struct Wait {
    allowed: bool,
    opened: Option<Timestamp>,
    is_open: bool,
    failures: u8,
    not_before: Option<Due>,
    followed: Option<Timestamp>,
}

/// What to do with the channel now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Open a poll.
    Open,
    /// Leave it as it is until this time.
    Until(Timestamp),
    /// Leave it as it is until a check-in succeeded or the poll ends.
    Nothing,
}

impl Wait {
    /// A check-in succeeded, and the portal says whether it wants the channel. If not, the poll that is open is to be
    /// dropped; the result says so.
    #[must_use]
    pub const fn checked_in(&mut self, wanted: bool) -> bool {
        self.allowed = wanted;
        let drop = self.is_open && !wanted;
        if drop {
            self.is_open = false;
        }
        drop
    }

    /// The identity, the key or the portal is another one: the poll that is open is worth nothing.
    pub const fn close(&mut self) {
        self.is_open = false;
        self.allowed = false;
    }

    /// What to do.
    #[must_use]
    pub fn poll(&mut self, now: Timestamp) -> Channel {
        if self.is_open || !self.allowed {
            return Channel::Nothing;
        }
        match self.not_before.as_mut().map(|due| due.at(now)).filter(|at| *at > now) {
            Some(at) => Channel::Until(at),
            None => {
                self.is_open = true;
                self.opened = Some(now);
                self.not_before = None;
                Channel::Open
            }
        }
    }

    /// The poll ended. After which delay a check-in is to follow, if the portal woke this Mac.
    #[must_use]
    pub fn ended(
        &mut self,
        now: Timestamp,
        answer: Result<HttpAnswer, NetFault>,
        id: RequestId,
        draw: f64,
    ) -> Option<SignedDuration> {
        self.is_open = false;
        if answer
            .as_ref()
            .is_ok_and(|answer| answer.status == 204 && answer.body.is_empty() && answer.is_to(id))
        {
            self.failures = 0;
            let held = self.opened.map_or(OPENINGS, |opened| now.duration_since(opened));
            let pause = (OPENINGS - held).clamp(SignedDuration::ZERO, OPENINGS);
            self.not_before = Some(Due::after(now, pause));
            return None;
        }
        match answer::read::<WaitAnswer>(answer, 200, id, now) {
            Meaning::Success(wake) => {
                self.failures = 0;
                // The next poll comes after the check-in that this one brings about.
                self.allowed = false;
                Some(self.follow(now, &wake, draw))
            }
            Meaning::Refused(_) | Meaning::Later(_) | Meaning::Network(_) => {
                self.dropped(now, draw);
                None
            }
        }
    }

    fn follow(&mut self, now: Timestamp, wake: &WaitAnswer, draw: f64) -> SignedDuration {
        let spread = SignedDuration::from_secs(i64::try_from(wake.spread_s).unwrap_or(i64::MAX)).min(SPREAD);
        let since = self.followed.filter(|last| *last <= now).map(|last| now.duration_since(last));
        let pause = since.map_or(SignedDuration::ZERO, |since| (FOLLOWED - since).max(SignedDuration::ZERO));
        let delay = part(spread, draw).max(pause);
        self.followed = Some(later(now, delay));
        delay
    }

    fn dropped(&mut self, now: Timestamp, draw: f64) {
        self.failures += 1;
        let pause = if self.failures >= FAILURES {
            self.failures = 0;
            self.allowed = false;
            CLOSED + part(CLOSED, draw)
        } else {
            part(REOPEN, draw)
        };
        self.not_before = Some(Due::after(now, pause));
    }
}

#[cfg(test)]
mod tests;
