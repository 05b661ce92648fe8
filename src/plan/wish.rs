//! What is asked of each setting, by the effective settings.

use std::sync::Arc;

use super::action::Why;
use crate::catalog::{Key, LayerKind, Value};
use crate::resolve::{Effective, Outcome};

/// What is asked of one setting, on every object that has it.
pub(super) struct Wish<'a> {
    /// The setting.
    pub(super) key: Key,
    /// The value; `None` where the policy's is bad.
    pub(super) to: Option<&'a Value>,
    /// Why.
    pub(super) why: Arc<Why>,
}

/// The wishes, in the order of the catalog. What holds by the local layer alone is none of them: it is so already.
pub(super) fn wishes<'a>(effective: &'a Effective) -> Vec<Wish<'a>> {
    static OFF: Value = Value::Switch(false);
    let wish = |key: Key, outcome: &'a Outcome| match outcome {
        Outcome::Holds(winner) if winner.layer == LayerKind::Local => None,
        Outcome::Holds(winner) => {
            let (layer, origin) = (winner.layer, winner.origin.to_string());
            let why = Why::Holds { layer, origin, derived_from: winner.derived_from };
            Some(Wish { key, to: Some(&winner.value), why: Arc::new(why) })
        }
        Outcome::Lifted => Some(Wish { key, to: Some(&OFF), why: Arc::new(Why::Lifted) }),
        Outcome::Undecided => Some(Wish { key, to: None, why: Arc::new(Why::Lifted) }),
    };
    effective.settings.iter().filter_map(|(key, resolved)| wish(*key, &resolved.outcome)).collect()
}
