//! The license as the local socket shows it. Pure.

use super::super::board::Board;
use crate::control::view::{
    DeactivationView, LeaseView, LicenseNext, LicenseView, NextStep, OnMacView, ReactivationView,
    VerificationView,
};
use crate::license::machine::Deactivation;
use crate::license::{Held, Means, Stage, State};

/// What the board says of the license.
#[must_use]
pub fn view(board: &Board) -> LicenseView {
    let facts = &board.observation.license.facts;
    let state = board.licensing.state.as_ref();
    LicenseView {
        stage: board.licensing.stage(),
        on_mac: OnMacView {
            state: facts.state,
            edition: facts.edition.clone(),
            activation: facts.activation,
            key: facts.key.clone(),
            parent: facts.parent.clone(),
            trial: facts.trial,
            user: facts.user.clone(),
            main_period_ends_at: facts.main_period_ends_at,
        },
        lease: state.and_then(|state| state.lease.as_ref()).map(lease),
        verification: state.map(verification).unwrap_or_default(),
        deactivation: state.and_then(|state| state.deactivation.as_ref()).map(deactivation),
        reactivation: state.and_then(reactivation),
        next: state.map(next).unwrap_or_default(),
    }
}

fn lease(lease: &Held) -> LeaseView {
    LeaseView {
        seq: lease.seq(),
        state: lease.state(),
        product: lease.product(),
        license: lease.license().to_owned(),
        seat: Some(lease.seat().to_owned()),
        group: lease.group(),
        verify_after: lease.verify_after(),
        grace_until: lease.grace_until(),
    }
}

fn verification(state: &State) -> VerificationView {
    VerificationView {
        next_at: state.verifies_at(),
        since: state.asking.as_ref().map(|asking| asking.since),
        failures: state.tries.failures,
        denied: state.tries.denied.clone(),
    }
}

fn deactivation(deactivation: &Deactivation) -> DeactivationView {
    DeactivationView { at: deactivation.at, order: deactivation.order.clone(), told_at: deactivation.told_at }
}

fn reactivation(state: &State) -> Option<ReactivationView> {
    let reactivation = state.reactivation.as_ref()?;
    Some(ReactivationView {
        since: reactivation.since,
        tries: reactivation.tries,
        next_at: (state.means == Means::Key).then_some(reactivation.next_at),
        trouble: reactivation.trouble.clone(),
    })
}

/// What happens next of itself, and when.
fn next(state: &State) -> LicenseNext {
    let step = |step| LicenseNext { step, at: None };
    if state.is_releasing() {
        return step(NextStep::Release);
    }
    match (&state.asking, &state.reactivation) {
        (Some(_), _) => return step(NextStep::Verify),
        (None, _) if state.is_revoked() => return step(NextStep::Portal),
        (None, Some(_)) if state.waits_for_sign_in() => return step(NextStep::SignIn),
        (None, Some(reactivation)) => {
            return LicenseNext { step: NextStep::Activate, at: Some(reactivation.next_at) };
        }
        (None, None) => {}
    }
    match (state.stage(), state.verifies_at()) {
        (Stage::Released, None) => step(NextStep::Portal),
        (_, Some(at)) => LicenseNext { step: NextStep::Verify, at: Some(at) },
        (Stage::Unlicensed, None) => step(NextStep::Activation),
        _ => step(NextStep::Nothing),
    }
}
