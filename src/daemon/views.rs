//! The board as the local socket shows it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::board::Board;
use super::observer::Observation;
use super::problems::Problem;
use super::sights;
use super::standings::{self, State};
use crate::catalog::{Key, LayerKind, Value};
use crate::control::view::{
    ActionView, Availability, ExplainView, LayerView, LoserView, OutcomeView, PlanView, ProblemView,
    SettingView, SubjectStateView, SubjectView, UserVmsView, VmView, VmsView, WinnerView, WithheldView,
};
use crate::domain::address::without_queries;
use crate::domain::ids::Uid;
use crate::domain::subject::Subject;
use crate::enforce::apply::{Way, command_lines};
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::Runner;
use crate::hypervisor::users::LocalUser;
use crate::plan::memory::{Attempt, entry};
use crate::plan::{Action, Reason, Why, Withheld};
use crate::resolve::{Candidate, Outcome, Resolved};
use crate::sources::assignment;

/// A layer's rank as the socket names it.
#[must_use]
pub const fn layer(kind: LayerKind) -> LayerView {
    match kind {
        LayerKind::Local => LayerView::Local,
        LayerKind::LicenseProfile => LayerView::LicenseProfile,
        LayerKind::Profile => LayerView::Profile,
        LayerKind::Policy => LayerView::Policy,
    }
}

/// A value as JSON, for any local user and for the portal: an address without its query.
pub(super) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Switch(on) => serde_json::Value::Bool(*on),
        Value::Text(text) => serde_json::Value::String(without_queries(text)),
    }
}

/// An object with what a person calls it.
#[must_use]
pub fn subject(observation: &Observation, subject: Subject) -> SubjectView {
    let vm = match subject {
        Subject::Vm(vm) => observation.inventory.vms.get(&vm),
        Subject::App | Subject::User(_) => None,
    };
    let owners = match subject {
        Subject::User(uid) => vec![uid],
        _ => vm.into_iter().flat_map(|vm| vm.owners.iter().map(|owner| owner.uid)).collect(),
    };
    let name = match subject {
        Subject::User(uid) => user(observation, uid).map(|user| user.name.clone()),
        _ => vm.map(|vm| vm.name.clone()),
    };
    SubjectView { subject, name, owners }
}

fn user(observation: &Observation, uid: Uid) -> Option<&LocalUser> {
    let mut users = observation.inventory.listings.iter().map(|listing| &listing.user);
    users.find(|user| user.uid == uid)
}

/// A problem with its remedy.
#[must_use]
pub fn problem(observation: &Observation, problem: &Problem, since: Timestamp) -> ProblemView {
    let code = problem.code;
    let subject = problem.subject.map(|about| subject(observation, about));
    ProblemView {
        code: code.code().to_owned(),
        since,
        detail: problem.words(),
        remedy: code.remedy().to_owned(),
        subject,
    }
}

/// `meridian explain`: one setting, or every setting that some layer names.
#[must_use]
pub fn explain(board: &Board, key: Option<Key>, now: Timestamp) -> ExplainView {
    let settings = &board.enforcement.effective.settings;
    let view = |key: Key, resolved: Option<&Resolved>| setting(board, key, resolved, now);
    let settings = match key {
        Some(key) => vec![view(key, settings.get(&key))],
        None => settings.iter().map(|(key, resolved)| view(*key, Some(resolved))).collect(),
    };
    ExplainView { settings }
}

fn setting(board: &Board, key: Key, resolved: Option<&Resolved>, now: Timestamp) -> SettingView {
    let outcome = resolved.map(|resolved| &resolved.outcome);
    let winner = match outcome {
        Some(Outcome::Holds(winner)) => Some(winner),
        _ => None,
    };
    let problems = resolved.into_iter().flat_map(|resolved| &resolved.problems).map(|bad| {
        let detail = format!("{} in {} {}", bad.fault, bad.layer.title(), bad.origin);
        problem(
            &board.observation,
            &Problem { code: crate::wire::codes::ProblemCode::SettingInvalid, subject: None, detail },
            now,
        )
    });
    let states = standings::of(board, key);
    SettingView {
        key: key.name().to_owned(),
        title: key.setting().title.to_owned(),
        outcome: match outcome {
            None => OutcomeView::Unmanaged,
            Some(Outcome::Holds(_)) => OutcomeView::Holds,
            Some(Outcome::Lifted) => OutcomeView::Lifted,
            Some(Outcome::Undecided) => OutcomeView::Undecided,
        },
        value: winner.map(|winner| json(&winner.value)),
        winner: winner.map(|winner| WinnerView {
            layer: layer(winner.layer),
            origin: winner.origin.to_string(),
            since: winner.since,
            derived_from: winner.derived_from.map(|key| key.name().to_owned()),
        }),
        overridden: resolved.into_iter().flat_map(|resolved| &resolved.overridden).map(loser).collect(),
        problems: problems.collect(),
        notes: notes(board, key, winner),
        state: states.iter().map(|state| state.compliance).max(),
        subjects: states.into_iter().filter_map(|state| on_subject(board, key, state)).collect(),
    }
}

/// What else there is to know of a setting: that its source is deprecated, and what is decided by it.
fn notes(board: &Board, key: Key, winner: Option<&Candidate>) -> Vec<String> {
    let deprecated = winner.filter(|winner| winner.layer == LayerKind::LicenseProfile);
    let mut notes: Vec<String> = deprecated.iter().map(|_| assignment::deprecation(key)).collect();
    notes.extend(super::updater::notes(board, key));
    notes
}

fn loser((candidate, reason): &(Candidate, crate::resolve::Lost)) -> LoserView {
    LoserView {
        layer: layer(candidate.layer),
        origin: candidate.origin.to_string(),
        value: json(&candidate.value),
        reason: reason.words().to_owned(),
    }
}

fn on_subject(board: &Board, key: Key, state: State) -> Option<SubjectStateView> {
    // Where no virtual machine could be listed, there is none to name, and a reason all the same.
    let about = state.subject.or(state.reason.map(|_| Subject::App))?;
    let attempt: Option<&Attempt> = entry(&board.enforcement.attempts, about, key);
    Some(SubjectStateView {
        subject: subject(&board.observation, about),
        applied: attempt.map(|attempt| json(&attempt.to)),
        observed: state.observed.as_ref().map(json),
        compliance: state.compliance,
        reason: state.reason.map(|reason| reason.explanation().to_owned()),
        corrections: attempt.map_or(0, |attempt| u64::from(attempt.drifts)),
        last_correction: attempt.and_then(|attempt| attempt.drifted_at),
    })
}

/// `meridian plan`.
#[must_use]
pub fn plan(board: &Board, runner: &Runner) -> PlanView {
    let observation = &board.observation;
    let plan = &board.enforcement.plan;
    // What nothing on the Mac enforces waits for nothing.
    let withheld = plan.withheld.iter().filter(|withheld| withheld.reason != Reason::NoLever);
    let withheld = withheld.map(|withheld| WithheldView {
        subject: subject(observation, withheld.subject),
        key: withheld.key.name().to_owned(),
        reason: reason(observation, withheld),
        until: if let Reason::Later { until } = withheld.reason { Some(until) } else { None },
    });
    let unlisted = standings::unlisted(board).map(|(key, reason)| WithheldView {
        subject: subject(observation, Subject::App),
        key: key.name().to_owned(),
        reason: format!("the virtual machines could not be listed: {}", reason.explanation()),
        until: None,
    });
    PlanView {
        actions: plan.actions.iter().flat_map(|action| actions(observation, action, runner)).collect(),
        withheld: withheld.chain(unlisted).collect(),
    }
}

/// One line a change; the command lines of unlocking and locking again stand with the first and the last.
fn actions(observation: &Observation, action: &Action, runner: &Runner) -> Vec<ActionView> {
    let way = match action.subject {
        Subject::Vm(vm) => observation
            .inventory
            .vms
            .get(&vm)
            .and_then(|vm| Some(Way::Vm(vm, observation.inventory.way_to(vm)?))),
        Subject::User(uid) => user(observation, uid).map(Way::User),
        Subject::App => None,
    };
    let single = |change: &crate::plan::Change| Action {
        subject: action.subject,
        owner: action.owner,
        unlock: action.unlock,
        changes: vec![change.clone()],
    };
    let line = |call: crate::hypervisor::invocation::Invocation| {
        let program = call.program.display().to_string();
        std::iter::once(program).chain(call.argv).collect()
    };
    action
        .changes
        .iter()
        .map(|change| ActionView {
            subject: subject(observation, change.subject),
            key: change.key.name().to_owned(),
            from: change.from.as_ref().map(json),
            to: Some(json(&change.to)),
            why: why(&change.why),
            commands: command_lines(runner, &single(change), way).into_iter().map(line).collect(),
        })
        .collect()
}

fn why(why: &Why) -> String {
    match why {
        Why::Holds { layer, origin, derived_from: None } => format!("{} {origin}", layer.title()),
        Why::Holds { layer, origin, derived_from: Some(key) } => {
            format!("{} {origin}, implied by {key}", layer.title())
        }
        Why::Lifted => "a policy is assigned and does not name it".to_owned(),
        Why::Restored => "no longer assigned: the value from before is put back".to_owned(),
    }
}

/// Why a setting is not changed, in words.
#[must_use]
pub fn reason(observation: &Observation, withheld: &Withheld) -> String {
    match &withheld.reason {
        Reason::VersionTooOld => "this version of Parallels Desktop does not have it".to_owned(),
        Reason::GuestUnsupported => "this guest does not have it".to_owned(),
        Reason::NoLever => "nothing on the Mac enforces it yet; it is heeded and reported".to_owned(),
        Reason::NotShown => "it was set, and nothing shows whether it holds".to_owned(),
        Reason::NotObserved => {
            let why = sights::unobserved(observation, withheld.subject);
            format!("it could not be observed: {}", why.explanation())
        }
        Reason::NeedsCustomPassword => "a custom password is asked for".to_owned(),
        Reason::VmLocked => "the configuration is locked and could not be unlocked".to_owned(),
        Reason::Later { until } => format!("it is tried again at {until:.0}"),
        Reason::NoRecord => "the value from before is not known, and this would loosen".to_owned(),
        Reason::NoAssignment => "no verified assignment stands, so nothing is given back".to_owned(),
        Reason::NothingRecorded => {
            "the value from before was not to be seen, so nothing is put back".to_owned()
        }
        Reason::BadValue => "the only word on it is a bad value, so it stays as it is".to_owned(),
    }
}

/// `meridian vms`.
#[must_use]
pub fn vms(board: &Board) -> VmsView {
    let observation = &board.observation;
    let violations = |vm| {
        let keys = board.enforcement.violations.get(&vm).into_iter().flatten();
        keys.map(|key| key.name().to_owned()).collect::<Vec<_>>()
    };
    let vms = observation.inventory.vms.values().map(|vm| VmView {
        uuid: vm.id,
        name: vm.name.clone(),
        owners: vm.owners.clone(),
        os: vm.guest.os.clone(),
        state: vm.state.clone(),
        corporate: board.imaging.book.lineage.contains_key(&vm.id),
        cpu: vm.hardware.cpu,
        memory_mib: vm.hardware.memory_mib,
        disk_mib: vm.storage.disk_mib,
        violations: violations(vm.id),
    });
    VmsView { vms: vms.collect(), users: users(board), as_of: observation.listed_at }
}

/// Whose virtual machines could be listed, and how many they have.
#[must_use]
pub fn users(board: &Board) -> Vec<UserVmsView> {
    let observation = &board.observation;
    let (mut totals, mut corporate): (BTreeMap<_, u32>, BTreeMap<_, u32>) = Default::default();
    for vm in observation.inventory.vms.values() {
        let is_corporate = board.imaging.book.lineage.contains_key(&vm.id);
        for owner in &vm.owners {
            *totals.entry(owner.uid).or_default() += 1;
            *corporate.entry(owner.uid).or_default() += u32::from(is_corporate);
        }
    }
    let listings = observation.inventory.listings.iter();
    listings
        .map(|listing| {
            let answer = match &observation.listed {
                Answer::Known(()) => listing.answer.clone().map(|_| ()),
                other => other.clone(),
            };
            let (availability, detail) = availability(&answer);
            let known = matches!(listing.answer, Answer::Known(_));
            let total = totals.get(&listing.user.uid).copied().or(known.then_some(0));
            UserVmsView {
                uid: listing.user.uid,
                user: listing.user.name.clone(),
                availability,
                detail,
                total,
                corporate: total.map(|_| corporate.get(&listing.user.uid).copied().unwrap_or(0)),
            }
        })
        .collect()
}

fn availability(answer: &Answer<()>) -> (Availability, Option<String>) {
    match answer {
        Answer::Known(()) => (Availability::Listed, None),
        Answer::CouldNotAsk(why) => (Availability::CouldNotAsk, Some(why.to_string())),
        Answer::ServiceStopped => (Availability::ServiceStopped, None),
        Answer::NotLoggedIn => (Availability::NotLoggedIn, None),
        Answer::NotInstalled => (Availability::NotInstalled, None),
        Answer::TooOld(version) => (Availability::TooOld, Some(version.to_string())),
    }
}
