//! Maps and sets from what an iterator brings, each item put in as it comes.
//!
//! `collect` gathers a list and sorts it first, with a sort of its own for each kind of item and each caller: 5 KB of program a
//! call, for maps that hold a dozen settings. What comes out is the same; of equal keys the last counts, as there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Iterators of pairs and of items, as maps and sets.
pub trait Keyed: Iterator + Sized {
    /// The pairs as a map; of equal keys the last counts.
    fn keyed<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        for (key, value) in self {
            map.insert(key, value);
        }
        map
    }

    /// The pairs as the members of a JSON object.
    fn members(self) -> Map<String, Value>
    where
        Self: Iterator<Item = (String, Value)>,
    {
        let mut members = Map::new();
        for (name, value) in self {
            members.insert(name, value);
        }
        members
    }

    /// The items as a set.
    fn distinct(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        for item in self {
            set.insert(item);
        }
        set
    }
}

impl<I: Iterator> Keyed for I {}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn they_hold_what_collect_holds(pairs: Vec<(u8, u16)>) {
            assert_eq!(pairs.iter().copied().keyed(), pairs.iter().copied().collect::<BTreeMap<_, _>>());
            assert_eq!(pairs.iter().distinct(), pairs.iter().collect::<BTreeSet<_>>());
        }
    }
}
