//! Compliance: what was seen, not what was ordered. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Key, LayerKind, Lever, Scope, Value};
use crate::domain::ids::VmId;
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::plan::memory::{Attempt, PerSetting, Went, entry};
use crate::plan::{Plan, Reason, Situation, Withheld};
use crate::resolve::Outcome;
use crate::updates::book::Watch;
use crate::wire::checkin::{ComplianceItem, ComplianceState};
use crate::wire::codes::ComplianceReason;

/// How one setting of one object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// How it stands.
    pub state: ComplianceState,
    /// Why, where there is more to say.
    pub reason: Option<ComplianceReason>,
    /// The value that was seen.
    pub observed: Option<Value>,
}

impl Standing {
    /// The item of a check-in.
    #[must_use]
    pub fn item(&self) -> ComplianceItem {
        let setting = self.key.name().to_owned();
        ComplianceItem { subject: self.subject, setting, state: self.state, reason: self.reason }
    }
}

/// What is known beside the plan.
pub struct Findings<'a> {
    /// What exists against the policy.
    pub violations: &'a BTreeMap<VmId, BTreeSet<Key>>,
    /// How the settings stand that the agent decides by and has no lever for.
    pub watched: &'a BTreeMap<&'static str, Watch>,
    /// Why an object could not be asked, should that be so.
    pub unobserved: &'a dyn Fn(Subject) -> ComplianceReason,
}

/// How every setting stands that a layer above the local one holds, or that is lifted.
#[must_use]
pub fn compliance(situation: &Situation<'_>, plan: &Plan, findings: &Findings<'_>) -> Vec<Standing> {
    let withheld = plan.withheld.iter().map(|each| ((each.subject, each.key), each)).keyed();
    let planned = plan.changes().map(|change| (change.subject, change.key)).distinct();
    let judge = |subject: Subject, key: Key| match withheld.get(&(subject, key)) {
        Some(withheld) => judge_withheld(withheld, situation.attempts, (findings.unobserved)(subject)),
        None if planned.contains(&(subject, key)) => judge_planned(entry(situation.attempts, subject, key)),
        None if situation.touched.contains(&subject) => {
            (ComplianceState::Pending, Some(ComplianceReason::NotYetApplied))
        }
        None => (ComplianceState::Compliant, None),
    };
    let mut standings = Vec::new();
    for (key, resolved) in &situation.effective.settings {
        if matches!(&resolved.outcome, Outcome::Holds(winner) if winner.layer == LayerKind::Local) {
            continue;
        }
        if let Lever::Implies(_) = key.setting().lever {
            let holds = matches!(resolved.outcome, Outcome::Holds(_));
            standings.extend(judge_violations(*key, holds, findings.violations));
            continue;
        }
        if key.setting().lever == Lever::Decided && !withheld.contains_key(&(Subject::App, *key)) {
            let (state, reason) = judge_watched(findings.watched.get(key.name()));
            standings.push(Standing { subject: Subject::App, key: *key, state, reason, observed: None });
            continue;
        }
        for subject in subjects(situation, *key) {
            let (state, reason) = judge(subject, *key);
            standings.push(Standing {
                subject,
                key: *key,
                state,
                reason,
                observed: situation.observed.value(subject, *key).cloned(),
            });
        }
        // Kept, and passed all the same: what was added while it was lifted for a golden image.
        if matches!(resolved.outcome, Outcome::Holds(_)) {
            standings.extend(violated(*key, findings.violations));
        }
    }
    standings
}

fn subjects(situation: &Situation<'_>, key: Key) -> Vec<Subject> {
    match key.setting().scope {
        Scope::VirtualMachine => situation.observed.vms.keys().copied().map(Subject::Vm).collect(),
        Scope::User if !situation.observed.users.is_empty() => {
            situation.observed.users.keys().copied().map(Subject::User).collect()
        }
        Scope::Application | Scope::User => vec![Subject::App],
    }
}

fn judge_planned(last: Option<&Attempt>) -> (ComplianceState, Option<ComplianceReason>) {
    match last.map(|last| last.went) {
        None => (ComplianceState::Pending, Some(ComplianceReason::NotYetApplied)),
        Some(Went::Worked) => (ComplianceState::Drifted, None),
        Some(_) => (ComplianceState::Failed, Some(ComplianceReason::ToolFailed)),
    }
}

fn judge_withheld(
    withheld: &Withheld,
    attempts: &PerSetting<Attempt>,
    unobserved: ComplianceReason,
) -> (ComplianceState, Option<ComplianceReason>) {
    let (state, reason) = match withheld.reason {
        Reason::VersionTooOld => (ComplianceState::Unsupported, ComplianceReason::ParallelsTooOld),
        Reason::GuestUnsupported => (ComplianceState::Unsupported, ComplianceReason::GuestUnsupported),
        Reason::NoLever => (ComplianceState::Unsupported, ComplianceReason::NoLever),
        Reason::BadValue => (ComplianceState::Unsupported, ComplianceReason::InvalidValue),
        Reason::NotShown => (ComplianceState::Pending, ComplianceReason::NotShown),
        Reason::NotObserved | Reason::NoAssignment => (ComplianceState::Pending, unobserved),
        Reason::NeedsCustomPassword => (ComplianceState::Failed, ComplianceReason::NeedsCustomPassword),
        Reason::VmLocked => (ComplianceState::Failed, ComplianceReason::VmLocked),
        Reason::NoRecord => (ComplianceState::Failed, ComplianceReason::BaselineLost),
        Reason::NothingRecorded => (ComplianceState::Pending, ComplianceReason::NotRestored),
        Reason::Later { .. } => match entry(attempts, withheld.subject, withheld.key).map(|last| last.went) {
            Some(Went::Worked) => (ComplianceState::Drifted, ComplianceReason::Contested),
            _ => (ComplianceState::Failed, ComplianceReason::ToolFailed),
        },
    };
    (state, Some(reason))
}

/// What is switched off asks for nothing, and is not watched.
const fn judge_watched(watch: Option<&Watch>) -> (ComplianceState, Option<ComplianceReason>) {
    match watch {
        None | Some(Watch::Kept) => (ComplianceState::Compliant, None),
        Some(Watch::Unknown) => (ComplianceState::Pending, Some(ComplianceReason::NotObserved)),
        Some(Watch::Passed(_)) => (ComplianceState::Violated, Some(ComplianceReason::VersionPassed)),
    }
}

fn violated(key: Key, violations: &BTreeMap<VmId, BTreeSet<Key>>) -> impl Iterator<Item = Standing> {
    let (state, reason) = (ComplianceState::Violated, Some(ComplianceReason::CannotPrevent));
    let those = violations.iter().filter(move |(_, keys)| keys.contains(&key));
    those.map(move |(vm, _)| Standing { subject: Subject::Vm(*vm), key, state, reason, observed: None })
}

fn judge_violations(key: Key, holds: bool, violations: &BTreeMap<VmId, BTreeSet<Key>>) -> Vec<Standing> {
    let standing = |subject, state, reason| Standing { subject, key, state, reason, observed: None };
    if !holds {
        let reason = Some(ComplianceReason::InvalidValue);
        return vec![standing(Subject::App, ComplianceState::Unsupported, reason)];
    }
    let mut standings: Vec<_> = violated(key, violations).collect();
    if standings.is_empty() {
        standings.push(standing(Subject::App, ComplianceState::Compliant, None));
    }
    standings
}
