//! What is alike on many objects is told once: one setting that failed on 17 virtual machines is one thing to read.
//!
//! In go the items of a view; out come groups of them, and the objects of a group in words. JSON stays as it is, item by item.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{count, subject};
use crate::control::view::SubjectView;
use crate::domain::ids::{Uid, VmId};
use crate::domain::subject::Subject;

/// The items in groups of the same key, both in the order in which the first of each came.
pub(super) fn alike<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<Vec<&'a T>> {
    let (mut places, mut groups) = (BTreeMap::new(), Vec::<Vec<&T>>::new());
    for item in items {
        let place = *places.entry(key(item)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// The kind of an object: those of different kinds are not counted together.
#[must_use]
pub(super) const fn kind(of: &SubjectView) -> u8 {
    match of.subject {
        Subject::App => 0,
        Subject::User(_) => 1,
        Subject::Vm(_) => 2,
    }
}

/// Objects of one kind: the one there is, or how many and the first of them.
#[must_use]
pub(super) fn subjects(views: &[&SubjectView], name: impl Fn(&SubjectView) -> String) -> String {
    let number = views.len() as u64;
    let many =
        |first: &SubjectView, one, many| format!("{}, first {}", count(number, one, many), name(first));
    match views {
        [] => String::new(),
        [first, _, ..] if kind(first) == 1 => many(first, "user", "users"),
        [first, _, ..] if kind(first) == 2 => many(first, "virtual machine", "virtual machines"),
        [first, ..] => name(first),
    }
}

/// Names that several virtual machines of one owner have, so that the name alone tells nobody which is meant.
#[derive(Debug, Default)]
pub(super) struct Shared(BTreeSet<(Uid, String)>);

impl Shared {
    /// Those among these virtual machines, each as its id, its name and its owners.
    pub(super) fn among<'a>(vms: impl Iterator<Item = (VmId, &'a str, Vec<Uid>)>) -> Self {
        let mut named = BTreeMap::<(Uid, &str), BTreeSet<VmId>>::new();
        for (id, name, owners) in vms {
            for owner in owners {
                named.entry((owner, name)).or_default().insert(id);
            }
        }
        let shared = named.into_iter().filter(|(_, ids)| ids.len() > 1);
        Self(shared.map(|((owner, name), _)| (owner, name.to_owned())).collect())
    }

    /// The first group of the id, where the name does not tell this one from another.
    #[must_use]
    pub(super) fn mark(&self, id: VmId, name: &str, owners: &[Uid]) -> Option<String> {
        let ambiguous = owners.iter().any(|owner| self.0.contains(&(*owner, name.to_owned())));
        ambiguous.then(|| id.to_string().chars().take_while(|c| *c != '-').collect())
    }

    /// The object in words, told from others of its name.
    #[must_use]
    pub(super) fn subject(&self, view: &SubjectView) -> String {
        let mark = match (view.subject, &view.name) {
            (Subject::Vm(id), Some(name)) => self.mark(id, name, &view.owners),
            _ => None,
        };
        mark.map_or_else(|| subject(view), |mark| format!("{} ({mark})", subject(view)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn vm(number: u128, name: &str, owner: u32) -> SubjectView {
        let id = VmId::of(Uuid::from_u128(number << 96));
        SubjectView { subject: Subject::Vm(id), name: Some(name.to_owned()), owners: vec![Uid(owner)] }
    }

    fn shared(views: &[SubjectView]) -> Shared {
        Shared::among(views.iter().filter_map(|view| match view.subject {
            Subject::Vm(id) => Some((id, view.name.as_deref()?, view.owners.clone())),
            _ => None,
        }))
    }

    #[test]
    fn groups_keep_the_order_of_their_first() {
        let groups = alike(&["b1", "a1", "b2", "c1", "a2"], |item| item.as_bytes()[0]);
        assert_eq!(groups, [vec![&"b1", &"b2"], vec![&"a1", &"a2"], vec![&"c1"]]);
        assert!(alike(&[] as &[u8], |item| *item).is_empty());
    }

    #[test]
    fn objects_are_counted_and_the_first_is_named() {
        let (one, two) = (vm(1, "A", 501), vm(2, "B", 501));
        let user = SubjectView { subject: Subject::User(Uid(501)), name: None, owners: vec![Uid(501)] };
        let app = SubjectView::app();
        for (views, words) in [
            (vec![], ""),
            (vec![&one], "“A”"),
            (vec![&one, &two], "2 virtual machines, first “A”"),
            (vec![&user, &user], "2 users, first user 501"),
            (vec![&app], "Parallels Desktop"),
        ] {
            assert_eq!(subjects(&views, subject), words);
        }
    }

    #[test]
    fn only_names_that_an_owner_gave_twice_are_marked() {
        let views =
            [vm(1, "Dev", 501), vm(2, "Dev", 501), vm(3, "Dev", 502), vm(4, "Test", 501), vm(5, "", 501)];
        let shared = shared(&views);
        let words: Vec<_> = views.iter().map(|view| shared.subject(view)).collect();
        assert_eq!(
            words,
            ["“Dev” (00000001)", "“Dev” (00000002)", "“Dev”", "“Test”", "a virtual machine without a name"]
        );
        let again = [vm(1, "Dev", 501), vm(1, "Dev", 501)];
        assert_eq!(self::shared(&again).subject(&again[0]), "“Dev”", "it is one and the same");
    }
}
