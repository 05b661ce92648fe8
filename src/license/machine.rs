//! The machine of the license: what has become of it, and what is to be done. Pure.
//!
//! In go a [`State`], an [`Event`] and the time; out come another state and [`Effect`]s. Whoever drives it stores the state
//! before anything of it is shown or done.
//!
//! ```text
//!                        facts: good
//!   unknown ───────────────────────────────┐          a signed lease may lead from any stage to
//!      │ facts: none         facts: good   ▼          active, suspended, revoked, released
//!      └────────▶ unlicensed ─────────▶ active ◀──────── newer lease ─────────┐
//!                    ▲                     │ due, ordered, clock set back,    │
//!                    │ facts: none,        ▼ other license                    │
//!                    │ deactivated   verification due ────────────────────────┤
//!                    │                     │ verify_after                     │
//!                    └─────────────────────┤                                  │
//!                                          ▼                                  │
//!                                       in grace ─────────────────────────────┤
//!                                          │ grace_until, and a verification  │
//!                                          ▼ that failed on a steady clock    │
//!                                      unverified ────────────────────────────┘
//! ```
//!
//! * Facts that are not known change nothing: what was known last stays.
//! * The lease is verified at `verify_after − U(0, 24 h)`, drawn once a lease; then again with backoff. A verification is
//!   [`Effect::Check`] (two processes) and [`State::wish`] `verify` (one request). What came due by time goes with the
//!   schedule of the check-in; what was ordered or follows from another license is asked at once ([`State::urgent_wish`]).
//! * Time alone ends nothing. Past `grace_until` a verification must have failed, on a clock that has gone steadily for
//!   [`STEADY`], before the license counts as unverified. A clock that is set back starts a verification.
//! * What follows in "unverified" the lease says: by default it is reported and the policy stays enforced; else the policy
//!   is lifted ([`State::lifts_policy`]) until the next verified lease. Without the document nothing is lifted.
//! * A deactivation, by our order or seen afterwards, asks the portal to release the seat, and then the Mac activates
//!   again where a key is in the managed preferences, or waits for the user to sign in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{Effect, Event, Means};
use super::held::Held;
use super::reckoning::Reckoning;
use super::stage::Stage;
use crate::domain::license::{LicenseFacts, LicenseState};
use crate::wire::checkin::LeaseWish;
use crate::wire::lease::{LeaseState, WhenUnverified};

/// How much earlier than `verify_after` a lease is verified, at the most.
pub const SPREAD: SignedDuration = SignedDuration::from_hours(24);

/// How long a lease is left alone at the least, whatever it says.
const LEAST: SignedDuration = SignedDuration::from_hours(1);

/// How long an answer to a verification is waited for before it counts as failed.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// How long the clock must have gone steadily before a failed verification can end the grace.
pub const STEADY: SignedDuration = SignedDuration::from_mins(10);

/// The first and the longest pause between two verifications; a part of it is added, drawn once a lease.
const RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(15), SignedDuration::from_hours(6));

/// The first and the longest pause between two activations.
const ACTIVATE: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(1), SignedDuration::from_hours(1));

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

/// How verifications went since the last lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Failures in a row.
    pub failures: u32,
    /// When the next one is made.
    pub next_at: Option<Timestamp>,
    /// Why the portal denied it, the last time.
    pub denied: Option<String>,
    /// One failed after the grace.
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
    clock: Reckoning,
    /// The lease that counts.
    pub lease: Option<Held>,
    /// By how much it is verified earlier than it has to be; drawn once.
    early: SignedDuration,
    /// When it is verified, which follows from both.
    pub due_at: Option<Timestamp>,
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
    begun_anew: bool,
}

impl State {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            clock: Reckoning::at(now),
            lease: None,
            early: SignedDuration::ZERO,
            due_at: None,
            facts: None,
            means: Means::Unsaid,
            asking: None,
            tries: Tries::default(),
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
            LeaseState::Active if now >= lease.grace_until() && self.tries.lapsed => Stage::Unverified,
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
        match self.tries.next_at {
            Some(at) => Some(at),
            None if self.is_verified_at_all() => self.due_at.map(|at| self.clock.local(at)),
            None => None,
        }
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

    /// Leases that are suspended are verified, too: a conversion ends that state. Those given back or taken away are not.
    fn is_verified_at_all(&self) -> bool {
        let state = self.lease.as_ref().map(Held::state);
        matches!(state, Some(LeaseState::Active | LeaseState::Suspended)) && !self.is_releasing()
    }

    fn is_due(&self) -> bool {
        self.is_verified_at_all() && self.due_at.is_some_and(|at| self.clock.judged() >= at)
    }

    fn is_revoked(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.state() == LeaseState::Revoked)
    }

    /// True where the Mac itself said last that it has none.
    #[must_use]
    pub fn is_without_license(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.state == LicenseState::None)
    }

    /// Begins a verification, or one anew whose answer is overdue.
    fn verify(&mut self, at_once: bool, effects: &mut Vec<Effect>) {
        if let Some(asking) = self.asking.as_mut().filter(|asking| !asking.overdue) {
            asking.at_once |= at_once;
            return;
        }
        let since = self.clock.seen();
        self.asking = Some(Asking { since, checked: false, overdue: false, at_once });
        self.tries.next_at = None;
        effects.push(Effect::Check);
    }

    /// A verification failed.
    fn fail(&mut self) {
        let steady = self.clock.steady() >= STEADY;
        let grace_over = self.lease.as_ref().is_some_and(|lease| self.clock.judged() >= lease.grace_until());
        let pause = spaced(RETRY, self.tries.failures);
        // Macs whose leases were drawn apart stay apart.
        let jitter = pause.as_secs() * self.early.as_secs() / SPREAD.as_secs();
        let pause = pause + SignedDuration::from_secs(jitter);
        self.tries.failures = self.tries.failures.saturating_add(1);
        self.tries.next_at = Some(later(self.clock.seen(), pause));
        self.tries.lapsed |= steady && grace_over;
    }

    /// The license was given back here: the portal is to know, and the Mac looks for another.
    fn deactivated(&mut self, order: Option<String>) {
        let at = self.clock.seen();
        let state = self.lease.as_ref().map(Held::state);
        let taken = matches!(state, Some(LeaseState::Active | LeaseState::Suspended));
        self.deactivation = Some(Deactivation { at, order, told_at: (!taken).then_some(at) });
        self.reactivation = Some(Reactivation { since: at, tries: 0, next_at: at, trouble: None });
        self.facts = Some(LicenseFacts { state: LicenseState::None, ..LicenseFacts::default() });
        self.asking = None;
        self.tries = Tries::default();
    }
}

/// One step: the time is looked at, the event is taken, and what is then due is begun.
#[must_use]
pub fn step(state: &State, event: Event, now: Timestamp) -> (State, Vec<Effect>) {
    let (mut state, mut effects) = (state.clone(), Vec::new());
    let set_back = state.clock.look(now);
    match event {
        Event::Started => resume(&mut state, &mut effects),
        Event::Tick => {}
        Event::Observed(facts) => observe(&mut state, facts, &mut effects),
        Event::Told(means) => state.means = means,
        Event::Leased(lease, draw) => lease_taken(&mut state, lease, draw),
        Event::Denied(at, reason) => denied(&mut state, at, reason),
        Event::Ordered => state.verify(true, &mut effects),
        Event::Checked => {
            if let Some(asking) = &mut state.asking {
                asking.checked = true;
            }
        }
        Event::Deactivated(order, began) => ordered_away(&mut state, order, began),
        Event::ActivationFailed(why) => {
            if let Some(reactivation) = &mut state.reactivation {
                reactivation.trouble = Some(why);
            }
        }
    }
    if set_back && state.is_verified_at_all() {
        state.verify(false, &mut effects);
    }
    come_due(&mut state, &mut effects);
    (state, effects)
}

/// A process that was under way ended with the daemon.
fn resume(state: &mut State, effects: &mut Vec<Effect>) {
    if state.asking.as_ref().is_some_and(|asking| !asking.checked) {
        effects.push(Effect::Check);
    }
    state.begun_anew = state.reactivation.is_some();
}

fn observe(state: &mut State, facts: LicenseFacts, effects: &mut Vec<Effect>) {
    if facts.state == LicenseState::Unknown {
        return;
    }
    let begun_anew = std::mem::take(&mut state.begun_anew);
    let Some(before) = state.facts.replace(facts.clone()) else { return };
    match (before.state, facts.state) {
        (LicenseState::None, LicenseState::None) => {
            let now = state.clock.seen();
            if let Some(reactivation) = state.reactivation.as_mut().filter(|_| begun_anew) {
                reactivation.next_at = now;
            }
        }
        (_, LicenseState::None) => state.deactivated(None),
        _ => {
            if facts.state.is_good() {
                state.reactivation = None;
            }
            if before.state != facts.state || identity(&before) != identity(&facts) {
                state.verify(true, effects);
            }
        }
    }
}

/// What tells one license from another.
fn identity(facts: &LicenseFacts) -> impl PartialEq + use<> {
    let LicenseFacts { edition, activation, key, parent, sublicense, user, .. } = facts.clone();
    (edition, activation, key, parent, sublicense, user)
}

fn lease_taken(state: &mut State, lease: Held, draw: f64) {
    if state.lease.as_ref().is_some_and(|held| !lease.supersedes(held)) {
        return;
    }
    let now = state.clock.seen();
    let given_back = matches!(lease.state(), LeaseState::Released | LeaseState::Revoked);
    if state.is_releasing() {
        if let Some(deactivation) = state.deactivation.as_mut().filter(|_| given_back) {
            deactivation.told_at = Some(now);
        }
    } else {
        state.asking = None;
    }
    state.clock = state.clock.anchored(lease.signed_at());
    let early = SignedDuration::try_from_secs_f64(SPREAD.as_secs_f64() * draw.clamp(0.0, 1.0));
    state.early = SignedDuration::from_secs(early.unwrap_or(SPREAD).as_secs());
    let due = lease.verify_after().checked_sub(state.early).unwrap_or(Timestamp::MIN);
    state.due_at = Some(due.max(later(state.clock.judged(), LEAST)));
    state.tries = Tries::default();
    state.lease = Some(lease);
}

fn denied(state: &mut State, at: Timestamp, reason: String) {
    let answered = |asking: &mut Asking| asking.checked && at >= asking.since;
    if state.asking.take_if(answered).is_some() {
        state.fail();
        state.tries.denied = Some(reason);
    }
}

/// Our own order took effect. One that was seen by itself meanwhile is the same deactivation.
fn ordered_away(state: &mut State, order: String, began: Timestamp) {
    match &mut state.deactivation {
        Some(known) if known.order.as_ref() == Some(&order) => {}
        Some(known) if known.order.is_none() && known.at >= began => known.order = Some(order),
        _ => state.deactivated(Some(order)),
    }
}

fn come_due(state: &mut State, effects: &mut Vec<Effect>) {
    let now = state.clock.seen();
    if let Some(asking) = &mut state.asking {
        let late = now.duration_since(asking.since) >= PATIENCE;
        if asking.checked && !asking.overdue && late {
            asking.overdue = true;
            state.fail();
        }
    }
    // A pause that is longer than any can be was begun before the clock was set back.
    let over = |at: Timestamp| at <= now || at.duration_since(now) > RETRY.1 * 2;
    let again = state.tries.next_at.is_some_and(over);
    let first = state.tries.next_at.is_none() && state.asking.is_none() && state.is_due();
    if (again || first) && state.is_verified_at_all() {
        state.verify(false, effects);
    }
    activate(state, now, effects);
}

fn activate(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let wanted = state.means == Means::Key && state.is_without_license() && !state.is_revoked();
    let Some(reactivation) = state.reactivation.as_mut().filter(|_| wanted) else { return };
    let left = reactivation.next_at.duration_since(now);
    if !left.is_positive() || left > ACTIVATE.1 {
        reactivation.next_at = later(now, spaced(ACTIVATE, reactivation.tries));
        reactivation.tries = reactivation.tries.saturating_add(1);
        effects.push(Effect::Activate);
    }
}

/// The pause after so many failures.
fn spaced((first, longest): (SignedDuration, SignedDuration), failures: u32) -> SignedDuration {
    first.checked_mul(1 << failures.min(16)).map_or(longest, |pause| pause.min(longest))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod fleet;
#[cfg(test)]
mod tests;
