//! Layers become effective settings with provenance: pure.
//!
//! In go the layers, in any order; out comes, for every setting that a layer names or implies, which value holds and why, with every
//! loser kept and its reason. What may change is the list of reasons; the order of the layers may not.
//!
//! - The highest valid value wins. Within one layer a restriction that is on goes before one that is off, and a named
//!   value before one that another setting implies.
//! - A policy silences the local layer as a whole. A local restriction that nothing else names is then *lifted*.
//! - A setting whose only remaining word is a bad value of the policy is *undecided*: it stays as it is, because a typing error
//!   must not take a restriction away. So do the settings that a bad value would have implied.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Key, LayerKind, Value};
use crate::sources::layer::{Fault, Layer, Origin};

/// A value that a layer gives, and where from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The layer's rank.
    pub layer: LayerKind,
    /// Where the layer comes from.
    pub origin: Origin,
    /// When the layer was first seen like this.
    pub since: Option<Timestamp>,
    /// The value.
    pub value: Value,
    /// The setting that implies this value, where the layer does not name it itself.
    pub derived_from: Option<Key>,
}

/// Why a candidate does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// A higher layer names the setting.
    Superseded,
    /// A policy is assigned, so the local restrictions are ignored.
    SilencedByPolicy,
    /// Another value of the same layer is stricter.
    Stricter,
    /// Another of the same rank contradicts it, neither is stricter, and the other comes first by name.
    Contradicted,
    /// The same layer gives the same value in another way.
    Repeated,
}

impl Lost {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Superseded => "superseded by a higher layer",
            Self::SilencedByPolicy => "ignored: a policy is assigned",
            Self::Stricter => "another value of the same layer is stricter",
            Self::Contradicted => "contradicted by another of the same rank",
            Self::Repeated => "the same layer says so itself",
        }
    }
}

/// What becomes of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This value holds.
    Holds(Candidate),
    /// A policy is assigned and does not name it: the local restriction is ignored, and taken off.
    Lifted,
    /// The policy names it with a bad value, and nothing else does: it stays as it is.
    Undecided,
}

/// A bad item: which layer, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadItem {
    /// The layer's rank.
    pub layer: LayerKind,
    /// Where the layer comes from.
    pub origin: Origin,
    /// What is wrong.
    pub fault: Fault,
}

/// A setting with all that was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What becomes of it.
    pub outcome: Outcome,
    /// The candidates that do not hold, highest first.
    pub overridden: Vec<(Candidate, Lost)>,
    /// The bad items.
    pub problems: Vec<BadItem>,
}

/// All settings that some layer names or implies; every other setting is unmanaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// The settings.
    pub settings: BTreeMap<Key, Resolved>,
    /// Names that are no setting, with their layer.
    pub strangers: Vec<(String, BadItem)>,
    /// True when a policy is assigned.
    pub policy_assigned: bool,
}

impl Effective {
    /// The value that holds, if one does.
    #[must_use]
    pub fn value(&self, key: Key) -> Option<&Value> {
        match &self.settings.get(&key)?.outcome {
            Outcome::Holds(winner) => Some(&winner.value),
            Outcome::Lifted | Outcome::Undecided => None,
        }
    }

    /// True when this switch or restriction holds and is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        Key::named(name).and_then(|key| self.value(key)).is_some_and(Value::is_on)
    }
}

/// Works out what holds.
#[must_use]
pub fn resolve(layers: &[Layer]) -> Effective {
    let mut gathered = Gathered::default();
    for layer in layers {
        gathered.add(layer);
    }
    gathered.imply();
    let policy_assigned = layers.iter().any(|layer| layer.kind == LayerKind::Policy);
    gathered.decide(policy_assigned)
}

#[derive(Default)]
struct Gathered {
    candidates: BTreeMap<Key, Vec<Candidate>>,
    problems: BTreeMap<Key, Vec<BadItem>>,
    strangers: Vec<(String, BadItem)>,
    undecided: BTreeSet<Key>,
}

impl Gathered {
    fn add(&mut self, layer: &Layer) {
        let bad =
            |fault: &Fault| BadItem { layer: layer.kind, origin: layer.origin.clone(), fault: fault.clone() };
        for (key, item) in &layer.items {
            match item {
                Ok(value) => self.candidates.entry(*key).or_default().push(Candidate {
                    layer: layer.kind,
                    origin: layer.origin.clone(),
                    since: layer.since,
                    value: value.clone(),
                    derived_from: None,
                }),
                Err(fault) => {
                    self.problems.entry(*key).or_default().push(bad(fault));
                    if layer.kind == LayerKind::Policy {
                        self.undecided.insert(*key);
                        self.undecided.extend(key.implies());
                    }
                }
            }
        }
        self.strangers.extend(layer.strangers.iter().map(|(name, fault)| (name.clone(), bad(fault))));
    }

    fn imply(&mut self) {
        let mut implied: Vec<(Key, Candidate)> = Vec::new();
        for key in Key::all().filter(|key| key.implies().next().is_some()) {
            for source in
                self.candidates.get(&key).into_iter().flatten().filter(|source| source.value.is_on())
            {
                implied.extend(
                    key.implies().map(|of| (of, Candidate { derived_from: Some(key), ..source.clone() })),
                );
            }
        }
        for (key, candidate) in implied {
            self.candidates.entry(key).or_default().push(candidate);
        }
    }

    fn decide(mut self, policy_assigned: bool) -> Effective {
        let named: BTreeSet<Key> =
            self.candidates.keys().chain(self.problems.keys()).chain(&self.undecided).copied().collect();
        let mut settings = BTreeMap::new();
        for key in named {
            let candidates = self.candidates.remove(&key).unwrap_or_default();
            let mut problems = self.problems.remove(&key).unwrap_or_default();
            problems.sort_by(|a, b| b.cmp(a));
            let undecided = self.undecided.contains(&key);
            if let Some(resolved) = decide(candidates, problems, policy_assigned, undecided) {
                settings.insert(key, resolved);
            }
        }
        self.strangers.sort();
        Effective { settings, strangers: self.strangers, policy_assigned }
    }
}

fn decide(
    mut candidates: Vec<Candidate>,
    problems: Vec<BadItem>,
    policy_assigned: bool,
    undecided: bool,
) -> Option<Resolved> {
    candidates.sort_by(|a, b| {
        let rank = |c: &Candidate| (c.layer, c.value.is_on(), c.derived_from.is_none());
        rank(b).cmp(&rank(a)).then_with(|| a.cmp(b))
    });
    let silenced = |candidate: &Candidate| policy_assigned && candidate.layer == LayerKind::Local;
    let winner = candidates.iter().position(|candidate| !silenced(candidate)).map(|at| candidates.remove(at));
    let reason = |loser: &Candidate| match &winner {
        _ if silenced(loser) => Lost::SilencedByPolicy,
        Some(winner) if winner.layer == loser.layer && winner.value == loser.value => Lost::Repeated,
        Some(winner) if winner.layer == loser.layer && winner.value.is_on() => Lost::Stricter,
        Some(winner) if winner.layer == loser.layer => Lost::Contradicted,
        _ => Lost::Superseded,
    };
    let overridden: Vec<_> = candidates.iter().map(|loser| (loser.clone(), reason(loser))).collect();
    let outcome = match winner {
        Some(winner) => Outcome::Holds(winner),
        None if undecided => Outcome::Undecided,
        None if !overridden.is_empty() => Outcome::Lifted,
        None if !problems.is_empty() => Outcome::Undecided,
        None => return None,
    };
    Some(Resolved { outcome, overridden, problems })
}

#[cfg(test)]
mod tests;
