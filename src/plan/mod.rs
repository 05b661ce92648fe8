//! The plan: which changes make the Mac what the effective settings say; pure.
//!
//! In go the effective settings, what was observed, where Parallels Desktop stands, and what the agent remembers; out
//! comes a [`Plan`]: what to record first, what to change and in which order, what to withhold and why. It leaves no choice
//! to `enforce`. What no layer names is never planned, and planning again after applying gives nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Guests, Key, LayerKind, Lever, Scope, Sensor, Value};
use crate::domain::host::Arch;
use crate::domain::ids::{Uid, VmId};
use crate::domain::subject::Subject;
use crate::resolve::{Effective, Outcome};

pub mod memory;
mod order;

use memory::{Attempt, Baseline, PerSetting, Record, Went, entry};

/// What was seen of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// The values that are shown.
    pub values: BTreeMap<Key, Value>,
    /// A custom password protects it.
    pub custom_password: bool,
}

/// What was seen of a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmSight {
    /// Its settings.
    pub sight: Sight,
    /// The user whose `prlctl` sees it.
    pub owner: Uid,
    /// The guest is macOS.
    pub mac_guest: bool,
    /// Its configuration is locked.
    pub locked: bool,
}

/// What was seen of the Mac.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The application; `None` when it could not be asked.
    pub app: Option<Sight>,
    /// The virtual machines that could be listed.
    pub vms: BTreeMap<VmId, VmSight>,
}

/// Where Parallels Desktop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Its version as major, minor, patch; a version that cannot be read is not too old.
    pub parallels: Option<(u64, u64, u64)>,
    /// The Mac's processor.
    pub arch: Arch,
}

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What holds.
    pub effective: &'a Effective,
    /// What was seen.
    pub observed: &'a Observed,
    /// Where Parallels Desktop stands.
    pub gate: Gate,
    /// The values from before.
    pub baseline: &'a Baseline,
    /// How the last changes went.
    pub attempts: &'a PerSetting<Attempt>,
    /// A verified assignment stands, so what it does not name may be given back.
    pub may_release: bool,
    /// The time.
    pub now: Timestamp,
}

/// Why a value is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Why {
    /// A layer says so.
    Holds {
        /// The layer.
        layer: LayerKind,
        /// Where it comes from, in words.
        origin: String,
        /// The setting that implies it.
        derived_from: Option<Key>,
    },
    /// A policy is assigned and does not name it, so the local restriction is lifted.
    Lifted,
    /// The assignment no longer names it, so the value from before is put back.
    Restored,
}

/// One value to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// What was observed.
    pub from: Option<Value>,
    /// The value to set.
    pub to: Value,
    /// Why.
    pub why: Why,
}

impl Change {
    /// True when the change takes a restriction away.
    #[must_use]
    pub fn loosens(&self) -> bool {
        self.from.as_ref().is_some_and(|from| self.key.loosens(from, &self.to))
    }
}

/// Changes that are carried out together, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The object.
    pub subject: Subject,
    /// The user to act as; `None` for the application.
    pub owner: Option<Uid>,
    /// The configuration is unlocked first, and locked again at the end.
    pub unlock: bool,
    /// The changes.
    pub changes: Vec<Change>,
}

/// Why a setting is not changed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// This version of Parallels Desktop does not know it.
    VersionTooOld,
    /// This guest does not have it.
    GuestUnsupported,
    /// Nothing on the Mac enforces it; the agent heeds and reports it.
    NoLever,
    /// It was set, and nothing shows whether it holds.
    NotShown,
    /// The object could not be asked.
    NotObserved,
    /// A custom password is asked for.
    NeedsCustomPassword,
    /// The virtual machine's configuration could not be unlocked.
    VmLocked,
    /// It failed or is contested, and is tried again later.
    Later {
        /// When.
        until: Timestamp,
    },
    /// No value from before is recorded, and this would loosen.
    NoRecord,
    /// No verified assignment stands, so nothing is given back.
    NoAssignment,
    /// The value from before was not to be seen, so nothing is put back.
    NothingRecorded,
    /// The policy's value is bad: it stays as it is.
    BadValue,
}

/// A setting that is not changed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// The value that would be set, where there is one.
    pub to: Option<Value>,
    /// Why not.
    pub reason: Reason,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Values to record, durably, before anything is changed.
    pub record: PerSetting<Record>,
    /// Records that have served: what they hold is back.
    pub forget: Vec<(Subject, Key)>,
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// What is not changed, and why.
    pub withheld: Vec<Withheld>,
}

impl Plan {
    /// All changes in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.actions.iter().flat_map(|action| &action.changes)
    }
}

/// Makes the plan.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let mut planner = Planner { situation, plan: Plan::default(), changes: BTreeMap::new() };
    for (key, resolved) in &situation.effective.settings {
        match &resolved.outcome {
            Outcome::Holds(winner) if winner.layer == LayerKind::Local => {}
            Outcome::Holds(winner) => {
                let why = Why::Holds {
                    layer: winner.layer,
                    origin: winner.origin.to_string(),
                    derived_from: winner.derived_from,
                };
                planner.want(*key, &winner.value, &why);
            }
            Outcome::Lifted => planner.want(*key, &Value::Switch(false), &Why::Lifted),
            Outcome::Undecided => {
                for subject in planner.subjects(*key) {
                    planner.withhold(subject, *key, None, Reason::BadValue);
                }
            }
        }
    }
    planner.give_back();
    planner.finish()
}

struct Planner<'a> {
    situation: &'a Situation<'a>,
    plan: Plan,
    changes: BTreeMap<Subject, Vec<Change>>,
}

impl Planner<'_> {
    fn subjects(&self, key: Key) -> Vec<Subject> {
        match key.setting().scope {
            Scope::VirtualMachine => self.situation.observed.vms.keys().copied().map(Subject::Vm).collect(),
            Scope::Application | Scope::User => vec![Subject::App],
        }
    }

    fn sight(&self, subject: Subject) -> Option<&Sight> {
        match subject {
            Subject::App => self.situation.observed.app.as_ref(),
            Subject::Vm(vm) => self.situation.observed.vms.get(&vm).map(|vm| &vm.sight),
            Subject::User(_) => None,
        }
    }

    fn withhold(&mut self, subject: Subject, key: Key, to: Option<&Value>, reason: Reason) {
        self.plan.withheld.push(Withheld { subject, key, to: to.cloned(), reason });
    }

    fn want(&mut self, key: Key, to: &Value, why: &Why) {
        match key.setting().lever {
            Lever::Implies(_) => {}
            Lever::Heeded => self.withhold(Subject::App, key, Some(to), Reason::NoLever),
            _ => {
                for subject in self.subjects(key) {
                    if let Err(reason) = self.want_on(subject, key, to, why) {
                        self.withhold(subject, key, Some(to), reason);
                    }
                }
            }
        }
    }

    /// Plans one value on one object, or tells why not.
    fn want_on(&mut self, subject: Subject, key: Key, to: &Value, why: &Why) -> Result<(), Reason> {
        self.supported(subject, key)?;
        let from = self.sight(subject).ok_or(Reason::NotObserved)?.values.get(&key).cloned();
        let unseen = key.setting().sensor == Sensor::Unseen;
        if from.is_none() && !unseen && *why == Why::Lifted {
            return Err(Reason::NotObserved);
        }
        let baseline = self.situation.baseline;
        let recorded = entry(&baseline.records, subject, key).is_some();
        if !recorded && !baseline.lost {
            let record = Record { value: from.clone(), at: self.situation.now };
            self.plan.record.entry(subject).or_default().insert(key, record);
        }
        if from.as_ref() == Some(to) {
            return Ok(());
        }
        let change = Change { subject, key, from, to: to.clone(), why: why.clone() };
        if !recorded && baseline.lost && (change.loosens() || *why == Why::Lifted) {
            return Err(Reason::NoRecord);
        }
        self.try_again(&change)?;
        self.changes.entry(subject).or_default().push(change);
        Ok(())
    }

    fn supported(&self, subject: Subject, key: Key) -> Result<(), Reason> {
        let requires = key.setting().requires;
        let Subject::Vm(vm) = subject else { return Ok(()) };
        if requires.parallels > self.situation.gate.parallels && self.situation.gate.parallels.is_some() {
            return Err(Reason::VersionTooOld);
        }
        let mac_guest = self.situation.observed.vms.get(&vm).is_some_and(|vm| vm.mac_guest);
        let barred = requires.guests == Guests::NotMacOnAppleSilicon;
        if barred && mac_guest && self.situation.gate.arch == Arch::Arm64 {
            return Err(Reason::GuestUnsupported);
        }
        Ok(())
    }

    /// Heeds how the last attempt at the same value went.
    fn try_again(&self, change: &Change) -> Result<(), Reason> {
        let Some(last) = entry(self.situation.attempts, change.subject, change.key) else { return Ok(()) };
        if last.to != change.to {
            return Ok(());
        }
        let sight = self.sight(change.subject);
        let custom_password = sight.is_some_and(|sight| sight.custom_password);
        let locked = match change.subject {
            Subject::Vm(vm) => self.situation.observed.vms.get(&vm).is_some_and(|vm| vm.locked),
            _ => false,
        };
        match last.went {
            Went::NeedsCustomPassword if custom_password => return Err(Reason::NeedsCustomPassword),
            Went::VmLocked if locked => return Err(Reason::VmLocked),
            Went::Worked if change.from.is_none() => return Err(Reason::NotShown),
            // What stood in the way is gone: once at once, then with waits.
            Went::NeedsCustomPassword | Went::VmLocked if last.streak == 0 => return Ok(()),
            _ => {}
        }
        match last.not_before {
            Some(until) if until > self.situation.now => Err(Reason::Later { until }),
            _ => Ok(()),
        }
    }

    /// Puts back what is recorded for settings that no assignment names any more.
    fn give_back(&mut self) {
        let baseline = self.situation.baseline;
        for (subject, records) in &baseline.records {
            for (key, record) in records {
                let local = match self.situation.effective.settings.get(key).map(|resolved| &resolved.outcome)
                {
                    None => true,
                    Some(Outcome::Holds(winner)) => winner.layer == LayerKind::Local,
                    Some(Outcome::Lifted | Outcome::Undecided) => false,
                };
                if local && let Err(reason) = self.give_back_on(*subject, *key, record) {
                    self.withhold(*subject, *key, record.value.as_ref(), reason);
                }
            }
        }
    }

    fn give_back_on(&mut self, subject: Subject, key: Key, record: &Record) -> Result<(), Reason> {
        if !self.situation.may_release {
            return Err(Reason::NoAssignment);
        }
        let Some(to) = record.value.clone() else {
            self.plan.forget.push((subject, key));
            return Err(Reason::NothingRecorded);
        };
        let from = self.sight(subject).ok_or(Reason::NotObserved)?.values.get(&key).cloned();
        if from.as_ref() == Some(&to) {
            self.plan.forget.push((subject, key));
            return Ok(());
        }
        let change = Change { subject, key, from, to, why: Why::Restored };
        self.try_again(&change)?;
        self.changes.entry(subject).or_default().push(change);
        Ok(())
    }

    fn finish(mut self) -> Plan {
        for (subject, changes) in std::mem::take(&mut self.changes) {
            let vm = match subject {
                Subject::Vm(vm) => self.situation.observed.vms.get(&vm),
                _ => None,
            };
            self.plan.actions.extend(order::actions(subject, vm, changes));
        }
        order::restricting_first(&mut self.plan.actions);
        self.plan
    }
}

#[cfg(test)]
mod tests;
