//! The local restrictions of the Security tab as a layer.
//!
//! What Parallels shows now is the user's word only where the agent has not changed it: enforcing writes to the very
//! place where local values live. So the recorded values of the baseline go before the observed ones.

use std::collections::BTreeMap;

use super::layer::{Layer, Origin};
use crate::catalog::{Key, LayerKind, Value};

/// The local layer: each observed restriction, the recorded value in its place where there is a record.
///
/// `recorded` holds `None` for a setting whose value was not to be seen when it was recorded; the layer leaves it out.
#[must_use]
pub fn local(observed: &BTreeMap<Key, Value>, recorded: &BTreeMap<Key, Option<Value>>) -> Layer {
    let mut layer = Layer::new(LayerKind::Local, Origin::SecurityTab);
    for key in Key::all().filter(|key| key.setting().admits(LayerKind::Local)) {
        let value = match recorded.get(&key) {
            Some(value) => value.as_ref(),
            None => observed.get(&key),
        };
        if let Some(value) = value {
            layer.items.insert(key, Ok(value.clone()));
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_goes_before_what_is_observed() {
        let key = |name| Key::named(name).unwrap();
        let on = Value::Switch(true);
        let off = Value::Switch(false);
        let observed = BTreeMap::from([
            (key("restrict.add_vm"), on.clone()),
            (key("restrict.clone_vm"), on.clone()),
            (key("experience.cep"), on.clone()),
        ]);
        let recorded = BTreeMap::from([
            (key("restrict.add_vm"), Some(off.clone())),
            (key("restrict.preferences"), None),
        ]);
        let layer = local(&observed, &recorded);
        assert_eq!(
            layer.items,
            BTreeMap::from([(key("restrict.add_vm"), Ok(off)), (key("restrict.clone_vm"), Ok(on))])
        );
    }
}
