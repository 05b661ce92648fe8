//! What is to be done with one object: the application, a user or a virtual machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::action::{Change, Plan, Reason, Why, Withheld};
use super::memory::{Attempt, Record, Went};
use super::order;
use super::situation::{Sight, Situation, VmSight};
use super::wish::Wish;
use crate::catalog::{Guests, Key, LayerKind, Lever, Scope, Sensor, Value};
use crate::domain::host::Arch;
use crate::domain::subject::Subject;
use crate::resolve::Outcome;

/// One object with all that is known of it, looked up once: a Mac may have a thousand.
pub(super) struct Object<'a> {
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
    pub(super) fn new(situation: &'a Situation<'a>, subject: Subject, plan: &'a mut Plan) -> Self {
        let vm = match subject {
            Subject::Vm(vm) => situation.observed.vms.get(&vm),
            Subject::App | Subject::User(_) => None,
        };
        let sight = match subject {
            Subject::Vm(_) => vm.map(|vm| &vm.sight),
            Subject::App | Subject::User(_) => situation.observed.sight(subject),
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

    /// Adds what is to be done with this object to the plan.
    pub(super) fn plan(mut self, wishes: &[Wish<'_>]) {
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
        let changes = std::mem::take(&mut self.changes);
        let actions =
            if changes.is_empty() { vec![] } else { order::actions(self.subject, self.vm, changes) };
        if actions.iter().any(|action| action.unlock) {
            self.record_lock();
        }
        if !self.record.is_empty() {
            // Once for each of a thousand machines: here the sort is worth its room.
            self.plan.record.insert(self.subject, self.record.into_iter().collect());
        }
        self.plan.actions.extend(actions);
    }

    /// Records that the configuration was locked, before it is unlocked for other changes: whatever ends the agent in between,
    /// the record has it locked again.
    fn record_lock(&mut self) {
        let Some(lock) = Key::named(order::LOCK) else { return };
        let is_recorded = self.records.is_some_and(|records| records.contains_key(&lock))
            || self.record.iter().any(|(key, _)| *key == lock);
        if !is_recorded {
            let record = Record { value: Some(Value::Switch(true)), at: self.situation.now };
            self.record.push((lock, record));
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
        if from.is_none() && setting.sensor != Sensor::Unseen && **why == Why::Lifted {
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
        if !recorded && lost && (loosens || **why == Why::Lifted) {
            return Err(Reason::NoRecord);
        }
        self.change(*key, to, Arc::clone(why))
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
    fn change(&mut self, key: Key, to: &Value, why: Arc<Why>) -> Result<(), Reason> {
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
        let sight = self.sight.ok_or(Reason::NotObserved)?;
        let Some(to) = &record.value else {
            if self.attempts.and_then(|attempts| attempts.get(&key)).is_some_and(Attempt::leaves_a_mark) {
                return Err(Reason::NothingRecorded);
            }
            self.plan.forget.push((self.subject, key));
            return Ok(());
        };
        if sight.values.get(&key) == Some(to) {
            self.plan.forget.push((self.subject, key));
            return Ok(());
        }
        self.change(key, to, Arc::new(Why::Restored))
    }
}
