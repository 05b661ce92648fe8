use std::collections::BTreeSet;

use jiff::Timestamp;

use super::memory::{Attempt, Baseline, PerSetting, Went};
use super::*;
use crate::catalog::{Key, LayerKind, Sensor, Value};
use crate::domain::host::Arch;
use crate::domain::ids::{Uid, VmId};
use crate::resolve::{Effective, resolve};
use crate::sources::layer::{Layer, Origin};
use crate::sources::local::local;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const ON: Value = Value::Switch(true);
const OFF: Value = Value::Switch(false);

fn key(name: &str) -> Key {
    Key::named(name).unwrap()
}

fn policy(settings: serde_json::Value) -> Layer {
    let origin =
        Origin::Policy { id: uuid::Uuid::nil().to_string().parse().unwrap(), name: "P".into(), revision: 1 };
    let settings = settings.as_object().unwrap();
    Layer::read(LayerKind::Policy, origin, settings.iter().map(|(name, value)| (name.as_str(), value)))
}

/// A Mac in memory: what the agent sees, remembers, and how it changes when a plan is carried out.
struct Mac {
    observed: Observed,
    baseline: Baseline,
    attempts: PerSetting<Attempt>,
    policy: Option<Layer>,
    version: (u64, u64, u64),
}

impl Mac {
    fn with(values: &[(&str, Value)]) -> Self {
        let mut sight = Sight::default();
        for name in [
            "restrict.create_vm",
            "restrict.add_vm",
            "restrict.remove_vm",
            "restrict.clone_vm",
            "restrict.preferences",
        ] {
            sight.values.insert(key(name), OFF);
        }
        sight.values.extend(values.iter().map(|(name, value)| (key(name), value.clone())));
        let observed = Observed { app: Some(sight), ..Observed::default() };
        Self {
            observed,
            baseline: Baseline::default(),
            attempts: PerSetting::new(),
            policy: None,
            version: (26, 1, 1),
        }
    }

    fn vm(mut self, number: u128, mac_guest: bool, locked: bool, values: &[(&str, Value)]) -> Self {
        let values = values.iter().map(|(name, value)| (key(name), value.clone())).collect();
        let sight = Sight { values, custom_password: false };
        self.observed.vms.insert(
            VmId::of(uuid::Uuid::from_u128(number)),
            VmSight { sight, owner: Uid(501), mac_guest, locked },
        );
        self
    }

    fn effective(&self) -> Effective {
        let recorded = self.baseline.records.get(&Subject::App).cloned().unwrap_or_default();
        let recorded = recorded.into_iter().map(|(key, record)| (key, record.value)).collect();
        let mut layers = vec![local(&self.observed.app.clone().unwrap_or_default().values, &recorded)];
        layers.extend(self.policy.clone());
        resolve(&layers)
    }

    fn plan(&self) -> Plan {
        plan(&self.situation(&self.effective(), &BTreeSet::new()))
    }

    fn situation<'a>(&'a self, effective: &'a Effective, touched: &'a BTreeSet<Subject>) -> Situation<'a> {
        Situation {
            effective,
            observed: &self.observed,
            gate: Gate { parallels: Some(self.version), arch: Arch::Arm64 },
            baseline: &self.baseline,
            attempts: &self.attempts,
            touched,
            may_release: true,
            now: NOW,
        }
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.observed.app.as_ref()?.values.get(&key(name)).cloned()
    }

    /// Carries the plan out as a Mac on which everything works would.
    fn apply(&mut self) -> Plan {
        let plan = self.plan();
        for (subject, records) in plan.record.clone() {
            self.baseline.records.entry(subject).or_default().extend(records);
        }
        for change in plan.changes() {
            let sight = match change.subject {
                Subject::Vm(vm) => &mut self.observed.vms.get_mut(&vm).unwrap().sight,
                _ => self.observed.app.as_mut().unwrap(),
            };
            if change.key.setting().sensor != Sensor::Unseen {
                sight.values.insert(change.key, change.to.clone());
            }
            let attempt = Attempt {
                to: change.to.clone(),
                went: Went::Worked,
                at: NOW,
                not_before: None,
                streak: 0,
                drifts: 0,
                drifted_at: None,
            };
            self.attempts.entry(change.subject).or_default().insert(change.key, attempt);
            if *change.why == Why::Restored {
                memory::forget(&mut self.baseline.records, change.subject, change.key);
            }
        }
        for (subject, key) in &plan.forget {
            memory::forget(&mut self.baseline.records, *subject, *key);
        }
        assert_eq!(self.plan().actions, [], "planning again after applying gives nothing");
        plan
    }
}

fn changes(plan: &Plan) -> Vec<(&'static str, String)> {
    plan.changes().map(|change| (change.key.name(), change.to.to_string())).collect()
}

#[test]
fn without_a_policy_nothing_is_touched() {
    let mut mac = Mac::with(&[("restrict.remove_vm", ON)]);
    let plan = mac.apply();
    assert_eq!(plan, Plan::default());
}

#[test]
fn a_policy_restricts_first_lifts_what_it_does_not_name_and_gives_all_back() {
    let mut mac = Mac::with(&[("restrict.remove_vm", ON), ("restrict.clone_vm", ON), ("experience.cep", ON)]);
    mac.policy = Some(policy(serde_json::json!({"vms.corporate_only": true, "experience.cep": false})));
    let plan = mac.apply();
    assert_eq!(
        changes(&plan),
        [
            ("restrict.create_vm", "on".to_owned()),
            ("restrict.add_vm", "on".to_owned()),
            ("experience.cep", "off".to_owned()),
            ("restrict.remove_vm", "off".to_owned()),
        ]
    );
    assert_eq!(plan.changes().last().map(|change| &*change.why), Some(&Why::Lifted));

    mac.policy = None;
    let plan = mac.apply();
    assert_eq!(
        changes(&plan),
        [
            ("restrict.remove_vm", "on".to_owned()),
            ("experience.cep", "on".to_owned()),
            ("restrict.create_vm", "off".to_owned()),
            ("restrict.add_vm", "off".to_owned()),
        ]
    );
    assert_eq!(mac.baseline.records, PerSetting::new());
    assert_eq!(mac.value("restrict.clone_vm"), Some(ON));
}

#[test]
fn what_the_policy_leaves_as_it_is_is_recorded_too() {
    let mut mac = Mac::with(&[("restrict.remove_vm", ON)]);
    mac.policy = Some(policy(serde_json::json!({"restrict.remove_vm": true})));
    mac.apply();
    mac.observed.app.as_mut().unwrap().values.insert(key("restrict.remove_vm"), OFF);
    assert_eq!(changes(&mac.apply()), [("restrict.remove_vm", "on".to_owned())]);
    mac.policy = None;
    mac.apply();
    assert_eq!(mac.value("restrict.remove_vm"), Some(ON), "the value from before, not the drifted one");
}

#[test]
fn a_lost_baseline_only_tightens() {
    let mut mac = Mac::with(&[("restrict.remove_vm", ON), ("restrict.clone_vm", ON)]);
    mac.baseline.lost = true;
    mac.policy = Some(policy(serde_json::json!({"restrict.add_vm": true, "restrict.remove_vm": false})));
    let plan = mac.apply();
    assert_eq!(changes(&plan), [("restrict.add_vm", "on".to_owned())]);
    let withheld: Vec<_> =
        plan.withheld.iter().map(|withheld| (withheld.key.name(), &withheld.reason)).collect();
    assert_eq!(
        withheld,
        [("restrict.remove_vm", &Reason::NoRecord), ("restrict.clone_vm", &Reason::NoRecord)]
    );
    mac.policy = None;
    assert_eq!(mac.apply().actions, []);
}

#[test]
fn nothing_is_given_back_without_a_verified_assignment() {
    let mut mac = Mac::with(&[]);
    mac.policy = Some(policy(serde_json::json!({"restrict.add_vm": true})));
    mac.apply();
    mac.policy = None;
    let effective = mac.effective();
    let plan = plan(&Situation {
        effective: &effective,
        observed: &mac.observed,
        gate: Gate { parallels: None, arch: Arch::Arm64 },
        baseline: &mac.baseline,
        attempts: &mac.attempts,
        touched: &BTreeSet::new(),
        may_release: false,
        now: NOW,
    });
    assert_eq!(plan.actions, []);
    assert!(plan.withheld.iter().all(|withheld| withheld.reason == Reason::NoAssignment));
}

#[test]
fn a_bad_value_leaves_the_setting_and_what_it_would_imply_as_they_are() {
    let mut mac = Mac::with(&[("restrict.create_vm", ON), ("restrict.remove_vm", ON)]);
    mac.policy = Some(policy(serde_json::json!({"vms.corporate_only": "yes", "restrict.remove_vm": 7})));
    assert_eq!(mac.apply().actions, []);
    assert_eq!(mac.value("restrict.create_vm"), Some(ON));
}

#[test]
fn settings_of_virtual_machines_heed_version_guest_and_lock() {
    let off = [("vm.lock_configuration", OFF), ("vm.developer_tools", ON)];
    let mut mac = Mac::with(&[]).vm(1, false, false, &off).vm(2, true, false, &off).vm(
        3,
        false,
        true,
        &[("vm.lock_configuration", ON), ("vm.developer_tools", ON)],
    );
    mac.policy =
        Some(policy(serde_json::json!({"vm.lock_configuration": true, "vm.developer_tools": false})));
    let plan = mac.plan();
    let action = |number| {
        let vm = Subject::Vm(VmId::of(uuid::Uuid::from_u128(number)));
        plan.actions.iter().find(|action| action.subject == vm)
    };
    let names =
        |number| action(number).unwrap().changes.iter().map(|change| change.key.name()).collect::<Vec<_>>();
    assert_eq!(names(1), ["vm.developer_tools", "vm.lock_configuration"]);
    assert!(!action(1).unwrap().unlock);
    assert_eq!(action(2), None);
    assert_eq!(names(3), ["vm.developer_tools"]);
    assert!(action(3).unwrap().unlock);

    mac.version = (26, 0, 0);
    let plan = mac.plan();
    assert_eq!(plan.actions, []);
    assert!(plan.withheld.iter().all(|withheld| withheld.reason == Reason::VersionTooOld));
}

#[test]
fn what_is_never_shown_is_set_once() {
    let mut mac = Mac::with(&[]).vm(1, false, false, &[]);
    mac.policy = Some(policy(serde_json::json!({"vm.isolate": true})));
    assert_eq!(changes(&mac.apply()), [("vm.isolate", "on".to_owned())]);
    assert_eq!(mac.plan().withheld[0].reason, Reason::NotShown);
    mac.policy = None;
    for _ in 0..2 {
        assert_eq!(mac.apply().withheld[0].reason, Reason::NothingRecorded, "it is said as long as it is so");
    }
    mac.policy = Some(policy(serde_json::json!({"vm.isolate": false})));
    assert_eq!(changes(&mac.apply()), [("vm.isolate", "off".to_owned())]);
    mac.policy = None;
    assert_eq!(mac.apply().withheld, [], "what is off leaves nothing to put back");
    assert_eq!(mac.plan(), Plan::default());
}

#[test]
fn what_was_changed_and_not_looked_at_since_is_left_alone() {
    let mut mac = Mac::with(&[]).vm(1, false, false, &[("vm.developer_tools", OFF)]);
    mac.policy = Some(policy(serde_json::json!({"restrict.add_vm": true, "vm.developer_tools": true})));
    mac.apply();
    mac.policy = None;
    let effective = mac.effective();
    let planned = |touched: BTreeSet<Subject>| {
        let plan = plan(&mac.situation(&effective, &touched));
        plan.changes().map(|change| change.subject).collect::<BTreeSet<_>>()
    };
    let vm = *mac.observed.vms.keys().next().unwrap();
    let (app, vm) = (Subject::App, Subject::Vm(vm));
    assert_eq!(planned(BTreeSet::new()), BTreeSet::from([app, vm]));
    assert_eq!(planned(BTreeSet::from([vm])), BTreeSet::from([app]));
    assert_eq!(planned(BTreeSet::from([app])), BTreeSet::from([vm]));
    let both = BTreeSet::from([app, vm]);
    assert_eq!(plan(&mac.situation(&effective, &both)), Plan::default(), "nor is a record made or forgotten");
}

#[test]
fn a_refusal_is_not_repeated_until_something_changes() {
    let mut mac = Mac::with(&[]);
    mac.policy = Some(policy(serde_json::json!({"restrict.add_vm": true})));
    mac.observed.app.as_mut().unwrap().custom_password = true;
    let attempt = |went, not_before| Attempt {
        to: ON,
        went,
        at: NOW,
        not_before,
        streak: 0,
        drifts: 0,
        drifted_at: None,
    };
    let mut try_after = |attempt: Attempt| {
        mac.attempts.entry(Subject::App).or_default().insert(key("restrict.add_vm"), attempt);
        let plan = mac.plan();
        mac.observed.app.as_mut().unwrap().custom_password = false;
        (
            plan.actions.len(),
            plan.withheld.first().map(|withheld| withheld.reason.clone()),
            mac.plan().actions.len(),
        )
    };
    assert_eq!(
        try_after(attempt(Went::NeedsCustomPassword, None)),
        (0, Some(Reason::NeedsCustomPassword), 1)
    );
    let later = Timestamp::from_second(9).unwrap();
    assert_eq!(try_after(attempt(Went::Failed, Some(later))), (0, Some(Reason::Later { until: later }), 0));
    assert_eq!(try_after(attempt(Went::Failed, Some(NOW))), (1, None, 1));
}

/// Whatever ends the agent after it unlocked a virtual machine, the record made before that has it locked again.
#[test]
fn a_lock_that_is_taken_off_for_other_changes_is_recorded_first_and_put_back() {
    let lock = key("vm.lock_configuration");
    let vm = VmId::of(uuid::Uuid::from_u128(1));
    let locked = [("vm.lock_configuration", ON), ("vm.developer_tools", ON)];
    let mut mac = Mac::with(&[]).vm(1, false, true, &locked);
    mac.policy = Some(policy(serde_json::json!({"vm.developer_tools": false})));
    let plan = mac.plan();
    assert!(plan.actions[0].unlock);
    assert_eq!(plan.record[&Subject::Vm(vm)][&lock].value, Some(ON));

    // It was ended between the two: the machine stays unlocked, and the next plan locks it.
    let unlocked = [("vm.lock_configuration", OFF), ("vm.developer_tools", OFF)];
    let mut ended = Mac::with(&[]).vm(1, false, false, &unlocked);
    (ended.policy, ended.baseline.records) = (mac.policy.clone(), plan.record);
    let plan = ended.plan();
    let changes: Vec<_> = plan.changes().map(|change| (change.key, &change.to, &*change.why)).collect();
    assert_eq!(changes, [(lock, &ON, &Why::Restored)]);

    // It came to its end: the record has served.
    mac.apply();
    assert_eq!(mac.plan().actions, []);
    assert_eq!(mac.plan().forget, [(Subject::Vm(vm), lock)]);
}
