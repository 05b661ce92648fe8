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
//!   [`STEADY`], before the license counts as unverified; time that a clock was set forward by has not passed. A clock that is
//!   set back adds nothing, and starts a verification. Only a lease leads out of "unverified".
//! * A Mac with a good license whose seat is free, because it was denied one or was barred for a while, verifies at once, and
//!   then with backoff.
//! * What follows in "unverified" the lease says: by default it is reported and the policy stays enforced; else the policy
//!   is lifted ([`State::lifts_policy`]) until the next verified lease. Without the document nothing is lifted.
//! * A deactivation, by our order or seen afterwards, asks the portal to release the seat, and then the Mac activates
//!   again where a key is in the managed preferences, or waits for the user to sign in.

mod state;

use jiff::{SignedDuration, Timestamp};

pub use state::{Asking, Deactivation, Due, Reactivation, State, Tries};

use super::event::{Effect, Event, Means};
use super::held::Held;
use super::reckoning::CORRECTION;
use crate::clock::Moment;
use crate::domain::license::{LicenseFacts, LicenseState};
use crate::wire::lease::LeaseState;

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

impl State {
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
        let grace_over = self.lease.as_ref().is_some_and(|lease| self.clock.proven() >= lease.grace_until());
        let pause = spaced(RETRY, self.tries.failures);
        // Macs whose leases were drawn apart stay apart.
        let early = self.due.map_or(0, |due| due.early.as_secs());
        let jitter = pause.as_secs() * early / SPREAD.as_secs();
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
        self.tries = Tries { lapsed: self.tries.lapsed, ..Tries::default() };
    }
}

/// One step: the time is looked at, the event is taken, and what is then due is begun.
#[must_use]
pub fn step(state: &State, event: Event, now: Moment) -> (State, Vec<Effect>) {
    let (mut state, mut effects) = (state.clone(), Vec::new());
    let set_back = match event {
        Event::Started => state.clock.resume(now),
        _ => state.clock.look(now),
    };
    if let Some(asking) = state.asking.as_mut().filter(|_| set_back) {
        // It was begun before, whatever the clock says now.
        asking.since = asking.since.min(now.at);
    }
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
    let (now, without_license) = (state.clock.seen(), state.is_without_license());
    let given_back = matches!(lease.state(), LeaseState::Released | LeaseState::Revoked);
    if state.is_releasing() {
        if let Some(deactivation) = state.deactivation.as_mut().filter(|_| given_back) {
            deactivation.told_at = Some(now);
        }
    } else {
        state.asking = None;
    }
    let gives_seat = matches!(lease.state(), LeaseState::Active | LeaseState::Suspended);
    if let Some(deactivation) = state.deactivation.as_mut().filter(|_| gives_seat && without_license) {
        // It answers what was asked before the license was given back: there is a seat to release after all.
        deactivation.told_at = None;
    }
    state.clock = state.clock.anchored(lease.signed_at());
    let early = SignedDuration::try_from_secs_f64(SPREAD.as_secs_f64() * draw.clamp(0.0, 1.0));
    let early = SignedDuration::from_secs(early.unwrap_or(SPREAD).as_secs());
    let at = lease.verify_after().checked_sub(early).unwrap_or(Timestamp::MIN);
    state.due = Some(Due { early, at: at.max(later(state.clock.judged(), LEAST)) });
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

/// Our own order took effect. One that was seen by itself meanwhile is the same deactivation; one that is still to come by
/// a clock that was set back since is none that was seen meanwhile.
fn ordered_away(state: &mut State, order: String, began: Timestamp) {
    let seen = later(state.clock.seen(), CORRECTION);
    match &mut state.deactivation {
        Some(known) if known.order.as_ref() == Some(&order) => {}
        Some(known) if known.order.is_none() && (began..=seen).contains(&known.at) => {
            known.order = Some(order)
        }
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
        // A Mac that has lost its seat waits for nothing.
        state.verify(first && state.seeks_seat(), effects);
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
