//! How every managed setting stands on each of its objects: what `status` counts and `explain` shows. Pure.
//!
//! In goes the board; out come the standings of what is ordered, as the enforcer judged them, and those of the rest: what a local
//! restriction decides, and what no object has.

use super::board::Board;
use super::enforcement::orders;
use super::sights;
use crate::catalog::{Key, LayerKind, Scope, Value};
use crate::domain::compliance::{Compliance, Tally};
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::enforce::compliance::Standing;
use crate::hypervisor::outcome::Answer;
use crate::plan::{Reason, Withheld};
use crate::resolve::{Outcome, Resolved};
use crate::wire::codes::ComplianceReason;

/// How one setting stands on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The object; `None` where there is none.
    pub subject: Option<Subject>,
    /// How it stands.
    pub compliance: Compliance,
    /// Why, where there is more to say.
    pub reason: Option<ComplianceReason>,
    /// The value that was seen.
    pub observed: Option<Value>,
}

/// How one setting stands on each of its objects; for one that no layer names, where it stays as the agent set it.
#[must_use]
pub fn of(board: &Board, key: Key) -> Vec<State> {
    let Some(resolved) = board.enforcement.effective.settings.get(&key) else {
        return left_as_set(board, key).collect();
    };
    let ordered: Vec<_> = board
        .enforcement
        .standings
        .iter()
        .filter(|standing| standing.key == key)
        .map(|standing| State {
            subject: Some(standing.subject),
            compliance: standing.state.with(standing.reason),
            reason: standing.reason,
            observed: standing.observed.clone(),
        })
        .collect();
    if ordered.is_empty() { vec![unordered(board, key, resolved)] } else { ordered }
}

/// The objects on which nothing is put back, because the value from before was not to be seen.
fn left_as_set(board: &Board, key: Key) -> impl Iterator<Item = State> {
    let withheld = board.enforcement.plan.withheld.iter();
    let left = withheld.filter(move |held| held.key == key && held.reason == Reason::NothingRecorded);
    left.map(|held| State {
        subject: Some(held.subject),
        compliance: Compliance::Unshown,
        reason: Some(ComplianceReason::NotRestored),
        observed: None,
    })
}

/// The settings of virtual machines that wait because none could be listed, and why none could.
pub fn unlisted(board: &Board) -> impl Iterator<Item = (Key, ComplianceReason)> {
    unordered_keys(board).filter_map(|(key, resolved)| match unordered(board, key, resolved) {
        State { subject: None, reason: Some(reason), .. } => Some((key, reason)),
        _ => None,
    })
}

/// The count of all managed settings.
#[must_use]
pub fn tally(board: &Board) -> Tally {
    Tally::of(compliances(board))
}

/// True when the Mac is as it should be, as far as the agent can make it so: the enforcer has looked at the present profile and
/// assignment, there is nothing that it would change now or later, and nothing that it waits to see. What can neither be
/// enforced nor prevented stands in no way, nor does a user who is not logged in.
#[must_use]
pub fn is_settled(board: &Board) -> bool {
    let enforcement = &board.enforcement;
    let for_good = |reason: &Reason| {
        matches!(
            reason,
            Reason::VersionTooOld
                | Reason::GuestUnsupported
                | Reason::NoLever
                | Reason::NotShown
                | Reason::BadValue
                | Reason::NothingRecorded
        )
    };
    // Nothing can be seen or set of a user who is away, and it follows by itself when they log in.
    let is_away = |standing: &&Standing| standing.reason == Some(ComplianceReason::UserNotLoggedIn);
    let away = enforcement.standings.iter().filter(is_away).map(|each| each.subject).distinct();
    let unseen = enforcement.standings.iter().any(|standing| {
        standing.state.with(standing.reason) == Compliance::Pending && !away.contains(&standing.subject)
    });
    let stands_still = |withheld: &Withheld| for_good(&withheld.reason) || away.contains(&withheld.subject);
    board.observation.begun
        && enforcement.settled
        && enforcement.made_from == Some(orders(board))
        && enforcement.plan.actions.is_empty()
        && enforcement.plan.withheld.iter().all(stands_still)
        && !unseen
        && unordered_keys(board)
            .all(|(key, resolved)| unordered(board, key, resolved).compliance != Compliance::Pending)
}

fn compliances(board: &Board) -> impl Iterator<Item = (Key, Compliance)> {
    let ordered = board.enforcement.standings.iter();
    let ordered = ordered.map(|standing| (standing.key, standing.state.with(standing.reason)));
    let rest = unordered_keys(board).map(|(key, resolved)| (key, unordered(board, key, resolved).compliance));
    ordered.chain(rest)
}

/// The settings that the enforcer has no standing of.
fn unordered_keys(board: &Board) -> impl Iterator<Item = (Key, &Resolved)> {
    let ordered = board.enforcement.standings.iter().map(|standing| standing.key).distinct();
    let settings = board.enforcement.effective.settings.iter();
    settings.map(|(key, resolved)| (*key, resolved)).filter(move |(key, _)| !ordered.contains(key))
}

fn unordered(board: &Board, key: Key, resolved: &Resolved) -> State {
    let observation = &board.observation;
    let state = |subject, compliance, reason, observed| State { subject, compliance, reason, observed };
    let (subject, observed) = (Some(Subject::App), sights::of_app(observation, key));
    match (&resolved.outcome, &observed) {
        (Outcome::Holds(winner), Some(seen)) if winner.layer == LayerKind::Local => {
            let is_back = *seen == winner.value;
            let reason = (!is_back).then_some(ComplianceReason::NotYetApplied);
            let compliance = if is_back { Compliance::Local } else { Compliance::Pending };
            state(subject, compliance, reason, observed)
        }
        _ if key.setting().scope == Scope::VirtualMachine => match &observation.listed {
            Answer::Known(()) => state(None, Compliance::Idle, None, None),
            _ => state(None, Compliance::Pending, Some(sights::unlisted(observation)), None),
        },
        _ => state(subject, Compliance::Pending, Some(sights::unobserved(observation, Subject::App)), None),
    }
}

#[cfg(test)]
mod tests;
