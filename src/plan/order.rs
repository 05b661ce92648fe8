//! The order of changes: restricting before lifting, and a lock of the configuration around all else.

use super::{Action, Change, VmSight};
use crate::catalog::{Sensor, Value};
use crate::domain::subject::Subject;

/// The setting that locks a virtual machine's configuration.
pub const LOCK: &str = "vm.lock_configuration";

/// Groups the changes of one object: each of the application's and of a user's is an action of its own, a virtual machine's
/// are one.
pub(super) fn actions(subject: Subject, vm: Option<&VmSight>, mut changes: Vec<Change>) -> Vec<Action> {
    let Some(vm) = vm else {
        let owner = match subject {
            Subject::User(uid) => Some(uid),
            Subject::App | Subject::Vm(_) => None,
        };
        return changes
            .into_iter()
            .map(|change| Action { subject, owner, unlock: false, changes: vec![change] })
            .collect();
    };
    changes.sort_by_cached_key(|change| (place(change), change.loosens(), change.key));
    let lock_changes = changes.iter().any(is_lock);
    vec![Action { subject, owner: Some(vm.owner), unlock: vm.locked && !lock_changes, changes }]
}

/// Unlocking goes first, locking last.
fn place(change: &Change) -> u8 {
    match (is_lock(change), &change.to) {
        (true, Value::Switch(false)) => 0,
        (true, _) => 2,
        (false, _) => 1,
    }
}

fn is_lock(change: &Change) -> bool {
    change.key.setting().sensor == Sensor::ConfigurationLocked
}

/// Puts the actions that restrict before those that only lift; the order is otherwise kept.
pub(super) fn restricting_first(actions: &mut [Action]) {
    actions.sort_by_key(|action| action.changes.iter().all(Change::loosens));
}
