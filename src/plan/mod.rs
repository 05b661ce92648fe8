//! The plan: which changes make the Mac what the effective settings say; pure.
//!
//! In go the effective settings, what was observed, where Parallels Desktop stands, and what the agent remembers; out
//! comes a [`Plan`]: what to record first, what to change and in which order, what to withhold and why. It leaves no choice
//! to `enforce`. What no layer names is never planned, and planning again after applying gives nothing.

use crate::domain::subject::Subject;

mod action;
pub mod memory;
mod object;
mod order;
mod situation;
mod wish;

pub use action::{Action, Change, Plan, Reason, Why, Withheld};
pub use order::LOCK;
pub use situation::{Gate, Observed, Sight, Situation, VmSight};

/// Makes the plan.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let wishes = wish::wishes(situation.effective);
    let mut plan = Plan::default();
    for subject in subjects(situation).into_iter().filter(|subject| !situation.touched.contains(subject)) {
        object::Object::new(situation, subject, &mut plan).plan(&wishes);
    }
    order::restricting_first(&mut plan.actions);
    plan
}

/// The application, every user and virtual machine that was seen, and whatever else there are records of.
fn subjects(situation: &Situation<'_>) -> Vec<Subject> {
    let mut subjects = vec![Subject::App];
    subjects.extend(situation.observed.users.keys().copied().map(Subject::User));
    subjects.extend(situation.observed.vms.keys().copied().map(Subject::Vm));
    subjects.extend(situation.baseline.records.keys().copied());
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

#[cfg(test)]
mod tests;
