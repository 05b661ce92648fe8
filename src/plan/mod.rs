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

use memory::{Attempt, Baseline, PerSetting, Record, Went};

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
    /// The users; `None` for those whose own preferences could not be read.
    pub users: BTreeMap<Uid, Option<Sight>>,
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
    /// The only word on it is a bad value: it stays as it is.
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
    let wishes = wishes(situation.effective);
    let mut plan = Plan::default();
    for subject in subjects(situation) {
        Object::new(situation, subject, &mut plan).plan(&wishes);
    }
    order::restricting_first(&mut plan.actions);
    plan
}

/// What is asked of one setting, on every object that has it.
struct Wish<'a> {
    key: Key,
    /// The value; `None` where the policy's is bad.
    to: Option<&'a Value>,
    why: Why,
}

/// The wishes, in the order of the catalog. What holds by the local layer alone is none of them: it is so already.
fn wishes<'a>(effective: &'a Effective) -> Vec<Wish<'a>> {
    static OFF: Value = Value::Switch(false);
    let wish = |key: Key, outcome: &'a Outcome| match outcome {
        Outcome::Holds(winner) if winner.layer == LayerKind::Local => None,
        Outcome::Holds(winner) => {
            let (layer, origin) = (winner.layer, winner.origin.to_string());
            let why = Why::Holds { layer, origin, derived_from: winner.derived_from };
            Some(Wish { key, to: Some(&winner.value), why })
        }
        Outcome::Lifted => Some(Wish { key, to: Some(&OFF), why: Why::Lifted }),
        Outcome::Undecided => Some(Wish { key, to: None, why: Why::Lifted }),
    };
    effective.settings.iter().filter_map(|(key, resolved)| wish(*key, &resolved.outcome)).collect()
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

/// One object with all that is known of it, looked up once: a Mac may have a thousand.
struct Object<'a> {
    situation: &'a Situation<'a>,
    subject: Subject,
    vm: Option<&'a VmSight>,
    sight: Option<&'a Sight>,
    records: Option<&'a BTreeMap<Key, Record>>,
    attempts: Option<&'a BTreeMap<Key, Attempt>>,
    plan: &'a mut Plan,
    record: Vec<(Key, Record)>,
    changes: Vec<Change>,
}

impl<'a> Object<'a> {
    fn new(situation: &'a Situation<'a>, subject: Subject, plan: &'a mut Plan) -> Self {
        let vm = match subject {
            Subject::Vm(vm) => situation.observed.vms.get(&vm),
            Subject::App | Subject::User(_) => None,
        };
        let sight = match subject {
            Subject::App => situation.observed.app.as_ref(),
            Subject::Vm(_) => vm.map(|vm| &vm.sight),
            Subject::User(uid) => situation.observed.users.get(&uid).and_then(Option::as_ref),
        };
        Self {
            situation,
            subject,
            vm,
            sight,
            records: situation.baseline.records.get(&subject),
            attempts: situation.attempts.get(&subject),
            plan,
            record: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn plan(mut self, wishes: &[Wish<'_>]) {
        for wish in wishes {
            if self.has(wish.key)
                && let Err(reason) = self.want(wish)
            {
                self.withhold(wish.key, wish.to, reason);
            }
        }
        for (key, record) in self.records.into_iter().flatten() {
            if !self.is_asked(*key)
                && let Err(reason) = self.give_back(*key, record)
            {
                self.withhold(*key, record.value.as_ref(), reason);
            }
        }
        if !self.record.is_empty() {
            self.plan.record.insert(self.subject, self.record.into_iter().collect());
        }
        if !self.changes.is_empty() {
            self.plan.actions.extend(order::actions(self.subject, self.vm, self.changes));
        }
    }

    /// Whether the setting is one of this object's. A machine that is not seen now has none.
    fn has(&self, key: Key) -> bool {
        match key.setting().scope {
            Scope::VirtualMachine => self.vm.is_some(),
            Scope::Application => self.subject == Subject::App,
            Scope::User => match self.subject {
                Subject::User(uid) => self.situation.observed.users.contains_key(&uid),
                // Until the users are known, what concerns them is the application's.
                Subject::App => self.situation.observed.users.is_empty(),
                Subject::Vm(_) => false,
            },
        }
    }

    /// Whether a layer above the local one, or its silence, says something of the setting.
    fn is_asked(&self, key: Key) -> bool {
        match self.situation.effective.settings.get(&key).map(|resolved| &resolved.outcome) {
            None => false,
            Some(Outcome::Holds(winner)) => winner.layer != LayerKind::Local,
            Some(Outcome::Lifted | Outcome::Undecided) => true,
        }
    }

    fn withhold(&mut self, key: Key, to: Option<&Value>, reason: Reason) {
        self.plan.withheld.push(Withheld { subject: self.subject, key, to: to.cloned(), reason });
    }

    /// Plans one value, or tells why not.
    fn want(&mut self, wish: &Wish<'_>) -> Result<(), Reason> {
        let Wish { key, to: Some(to), why } = wish else { return Err(Reason::BadValue) };
        let setting = key.setting();
        match setting.lever {
            Lever::Implies(_) | Lever::Decided => return Ok(()),
            _ if setting.scope == Scope::User && self.subject == Subject::App => {
                return Err(Reason::NotObserved);
            }
            Lever::Heeded => return Err(Reason::NoLever),
            _ => self.supported(*key)?,
        }
        let from = self.sight.ok_or(Reason::NotObserved)?.values.get(key);
        if from.is_none() && setting.sensor != Sensor::Unseen && *why == Why::Lifted {
            return Err(Reason::NotObserved);
        }
        let lost = self.situation.baseline.lost;
        let recorded = self.records.is_some_and(|records| records.contains_key(key));
        if !recorded && !lost {
            self.record.push((*key, Record { value: from.cloned(), at: self.situation.now }));
        }
        if from == Some(*to) {
            return Ok(());
        }
        let loosens = from.is_some_and(|from| key.loosens(from, to));
        if !recorded && lost && (loosens || *why == Why::Lifted) {
            return Err(Reason::NoRecord);
        }
        self.change(*key, to, why.clone())
    }

    fn supported(&self, key: Key) -> Result<(), Reason> {
        let requires = key.setting().requires;
        let Some(vm) = self.vm else { return Ok(()) };
        let gate = self.situation.gate;
        if requires.parallels > gate.parallels && gate.parallels.is_some() {
            return Err(Reason::VersionTooOld);
        }
        let barred = requires.guests == Guests::NotMacOnAppleSilicon;
        if barred && vm.mac_guest && gate.arch == Arch::Arm64 {
            return Err(Reason::GuestUnsupported);
        }
        Ok(())
    }

    /// Plans a change, unless the last attempt at the same value speaks against it.
    fn change(&mut self, key: Key, to: &Value, why: Why) -> Result<(), Reason> {
        let from = self.sight.and_then(|sight| sight.values.get(&key));
        self.try_again(key, from, to)?;
        let change = Change { subject: self.subject, key, from: from.cloned(), to: to.clone(), why };
        self.changes.push(change);
        Ok(())
    }

    /// Heeds how the last attempt at the same value went.
    fn try_again(&self, key: Key, from: Option<&Value>, to: &Value) -> Result<(), Reason> {
        let Some(last) = self.attempts.and_then(|attempts| attempts.get(&key)) else { return Ok(()) };
        if last.to != *to {
            return Ok(());
        }
        let custom_password = self.sight.is_some_and(|sight| sight.custom_password);
        let locked = self.vm.is_some_and(|vm| vm.locked);
        match last.went {
            Went::NeedsCustomPassword if custom_password => return Err(Reason::NeedsCustomPassword),
            Went::VmLocked if locked => return Err(Reason::VmLocked),
            Went::Worked if from.is_none() => return Err(Reason::NotShown),
            _ => {}
        }
        match last.not_before {
            Some(until) if until > self.situation.now => Err(Reason::Later { until }),
            _ => Ok(()),
        }
    }

    /// Puts back what is recorded for a setting that no assignment names any more.
    fn give_back(&mut self, key: Key, record: &Record) -> Result<(), Reason> {
        if !self.situation.may_release {
            return Err(Reason::NoAssignment);
        }
        let Some(to) = &record.value else {
            self.plan.forget.push((self.subject, key));
            return Err(Reason::NothingRecorded);
        };
        if self.sight.ok_or(Reason::NotObserved)?.values.get(&key) == Some(to) {
            self.plan.forget.push((self.subject, key));
            return Ok(());
        }
        self.change(key, to, Why::Restored)
    }
}

#[cfg(test)]
mod tests;
