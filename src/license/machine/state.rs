//! What is remembered of the license, and what follows from it. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::event::Means;
use super::super::held::Held;
use super::super::reckoning::Reckoning;
use super::super::stage::Stage;
use crate::clock::Moment;
use crate::domain::license::{LicenseFacts, LicenseState};
use crate::wire::checkin::LeaseWish;
use crate::wire::lease::{LeaseState, WhenUnverified};

/// How old what is stored of the clock may become: it is not worth a write a minute.
const KEEP_CLOCK: SignedDuration = SignedDuration::from_hours(1);

/// A verification that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Since when.
    pub since: Timestamp,
    /// Its processes have ended; the portal is asked from then on.
    pub checked: bool,
    /// No answer came in time; it is still asked for.
    pub overdue: bool,
    /// Somebody or something called for it, and it does not wait for the next check-in. What comes due by time waits, so
    /// that a fleet stays apart.
    #[serde(default)]
    pub at_once: bool,
}

/// When a lease is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// By how much earlier than it has to be; drawn once a lease.
    pub(super) early: SignedDuration,
    /// The time that follows from it.
    pub at: Timestamp,
}

/// How verifications went since the last lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Failures in a row.
    pub failures: u32,
    /// When the next one is made.
    pub next_at: Option<Timestamp>,
    /// Why the portal denied it, the last time.
    pub denied: Option<String>,
    /// One failed after the grace. Only a lease undoes it.
    pub lapsed: bool,
}

/// A deactivation of this Mac, by an order or seen afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivation {
    /// When it was noticed.
    pub at: Timestamp,
    /// The order, where it was ours.
    pub order: Option<String>,
    /// When the portal was told, or there was nobody to tell.
    pub told_at: Option<Timestamp>,
}

/// The way back to a license after a deactivation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reactivation {
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// Why it failed the last time, without the key.
    pub trouble: Option<String>,
}

/// All that is remembered of the license.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) clock: Reckoning,
    /// The lease that counts.
    pub lease: Option<Held>,
    /// When it is verified.
    pub due: Option<Due>,
    /// What the Mac said last, the unknown aside.
    pub facts: Option<LicenseFacts>,
    /// How the copy is activated.
    pub means: Means,
    /// The verification under way.
    pub asking: Option<Asking>,
    /// How those before it went.
    pub tries: Tries,
    /// The last deactivation; the portal is to release the seat while it was not told.
    pub deactivation: Option<Deactivation>,
    /// The way back.
    pub reactivation: Option<Reactivation>,
    /// The daemon was started on the way back, and may have ended before it tried: the next look tells.
    #[serde(default)]
    pub(super) begun_anew: bool,
}

impl State {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(now: Moment) -> Self {
        Self {
            clock: Reckoning::at(now),
            lease: None,
            due: None,
            facts: None,
            means: Means::Unsaid,
            asking: None,
            tries: Tries { failures: 0, next_at: None, denied: None, lapsed: false },
            deactivation: None,
            reactivation: None,
            begun_anew: false,
        }
    }

    /// Where the license stands.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let facts = self.facts.as_ref().map(|facts| facts.state);
        let Some(lease) = &self.lease else {
            return match facts {
                None => Stage::Unknown,
                Some(state) if !state.is_good() => Stage::Unlicensed,
                Some(_) => Stage::Active,
            };
        };
        let now = self.clock.judged();
        match lease.state() {
            LeaseState::Suspended => Stage::Suspended,
            LeaseState::Revoked => Stage::Revoked,
            LeaseState::Released => Stage::Released,
            LeaseState::Active if facts == Some(LicenseState::None) => Stage::Unlicensed,
            LeaseState::Active if self.tries.lapsed => Stage::Unverified,
            LeaseState::Active if now >= lease.verify_after() => Stage::InGrace,
            LeaseState::Active if self.asking.is_some() || self.is_due() => Stage::VerificationDue,
            LeaseState::Active => Stage::Active,
        }
    }

    /// What the next check-in wants of the lease. Giving back comes before asking anew.
    #[must_use]
    pub fn wish(&self) -> LeaseWish {
        if self.is_releasing() {
            return LeaseWish::Release;
        }
        match &self.asking {
            Some(asking) if asking.checked => LeaseWish::Verify,
            _ => LeaseWish::Keep,
        }
    }

    /// The wish for which a check-in is made at once, and since when it stands, which tells it from the same one before.
    #[must_use]
    pub fn urgent_wish(&self) -> Option<(LeaseWish, Timestamp)> {
        let since = match (self.wish(), &self.deactivation, &self.asking) {
            (LeaseWish::Release, Some(deactivation), _) => deactivation.at,
            (LeaseWish::Verify, _, Some(asking)) if asking.at_once => asking.since,
            _ => return None,
        };
        Some((self.wish(), since))
    }

    /// True once the portal wants its policy lifted on this Mac: it is past its grace, and the signed lease says so.
    #[must_use]
    pub fn lifts_policy(&self) -> bool {
        let lifts = |lease: &Held| lease.when_unverified() == WhenUnverified::LiftPolicy;
        self.stage() == Stage::Unverified && self.lease.as_ref().is_some_and(lifts)
    }

    /// True while the portal does not know of a deactivation.
    #[must_use]
    pub fn is_releasing(&self) -> bool {
        self.deactivation.as_ref().is_some_and(|deactivation| deactivation.told_at.is_none())
    }

    /// True while the Mac waits for its user to sign in.
    #[must_use]
    pub fn waits_for_sign_in(&self) -> bool {
        self.reactivation.is_some() && self.means != Means::Key && !self.is_revoked()
    }

    /// When the next verification begins, by the local clock.
    #[must_use]
    pub fn verifies_at(&self) -> Option<Timestamp> {
        let first = || self.due.map(|due| self.clock.local(due.at));
        self.tries.next_at.or_else(first).filter(|_| self.is_verified_at_all())
    }

    /// Whether there is more in it than `kept` that a restart should find: the clock alone is not worth a write each
    /// minute.
    #[must_use]
    pub fn is_worth_keeping(&self, kept: &Self) -> bool {
        let age = self.clock.seen().duration_since(kept.clock.seen());
        let rest = Self { clock: kept.clock, ..self.clone() };
        rest != *kept || age.is_negative() || age >= KEEP_CLOCK
    }

    /// Whether nobody who looks at it sees a difference: the clock alone goes on with every look.
    #[must_use]
    pub fn shows_the_same(&self, shown: &Self) -> bool {
        let rest = Self { clock: shown.clock, ..self.clone() };
        rest == *shown && self.stage() == shown.stage() && self.verifies_at() == shown.verifies_at()
    }

    /// Leases that are suspended are verified, too: a conversion ends that state. So is one that was given back, on a Mac whose
    /// license is good: its seat was denied it, or taken away and given free again. One that was taken away is not.
    pub(super) fn is_verified_at_all(&self) -> bool {
        let wanted = match self.lease.as_ref().map(Held::state) {
            Some(LeaseState::Active | LeaseState::Suspended) => true,
            Some(LeaseState::Released) => self.seeks_seat(),
            Some(LeaseState::Revoked) | None => false,
        };
        wanted && !self.is_releasing()
    }

    /// True where the Mac has a good license, and the portal says that its seat is free.
    pub(super) fn seeks_seat(&self) -> bool {
        let is_free = self.lease.as_ref().is_some_and(|lease| lease.state() == LeaseState::Released);
        is_free && self.facts.as_ref().is_some_and(|facts| facts.state.is_good())
    }

    pub(super) fn is_due(&self) -> bool {
        let has_come = self.due.is_some_and(|due| self.clock.judged() >= due.at);
        self.is_verified_at_all() && (has_come || self.seeks_seat())
    }

    /// True once the portal has taken the license away.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.state() == LeaseState::Revoked)
    }

    /// True where the Mac itself said last that it has none.
    #[must_use]
    pub fn is_without_license(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.state == LicenseState::None)
    }
}
