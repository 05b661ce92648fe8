//! Which virtual machines are new, and whose doing that is. Pure.
//!
//! In go lists of before and after; out comes the machine that was made from an image, and those that somebody else added
//! while a restriction was lifted. A user whose list could not be read is judged by the next one that can.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::book::{Attempt, Book, Install, Stage};
use crate::domain::ids::{Uid, VmId};
use crate::domain::keyed::Keyed as _;
use crate::domain::vm::Vm;
use crate::hypervisor::outcome::Answer;
use crate::inventory::Snapshot;

impl Book {
    /// Takes note of what was added while a restriction was lifted, of everyone whose list was read for this. Where all were, who
    /// is in no list is gone.
    pub fn look_back(&mut self, there: &Snapshot, now: Timestamp) {
        let ours = |(uid, install): (&Uid, &Install)| match &install.stage {
            Stage::Registering { bundle, attempt: Some(attempt) } => {
                is_there(there, &attempt.before, *uid, bundle)
            }
            _ => None,
        };
        let ours: Vec<_> = self.installs.iter().filter_map(ours).collect();
        for uid in answered(there) {
            let Some(unseen) = self.unseen.remove(&uid) else { continue };
            let theirs = there.vms.values().filter(|vm| is_of(vm, uid)).map(|vm| vm.id);
            let is_known =
                |id: &VmId| unseen.before.contains(id) || ours.contains(id) || self.lineage.contains_key(id);
            let added: Vec<_> = theirs.filter(|id| !is_known(id)).collect();
            if !added.is_empty() {
                self.intruders.extend(added);
                self.noted_at = Some(now);
            }
        }
        if there.is_complete() {
            self.unseen.clear();
        }
    }
}

impl Attempt {
    /// One for a bundle that gets its name now.
    pub(super) fn at(there: &Snapshot) -> Self {
        Self { before: there.vms.keys().copied().distinct() }
    }
}

/// The users whose lists were read.
pub(super) fn answered(there: &Snapshot) -> impl Iterator<Item = Uid> {
    let read = there.listings.iter().filter(|listing| matches!(listing.answer, Answer::Known(_)));
    read.map(|listing| listing.user.uid)
}

fn is_of(vm: &Vm, user: Uid) -> bool {
    vm.owners.iter().any(|owner| owner.uid == user)
}

/// The virtual machine of this user that was made from the bundle: a new one that lies there (its ending may change when it
/// is unpacked), or else the only new one, where no home is told at all.
pub(super) fn is_there(there: &Snapshot, before: &BTreeSet<VmId>, user: Uid, bundle: &str) -> Option<VmId> {
    let new = there.vms.values().filter(|vm| !before.contains(&vm.id) && is_of(vm, user));
    let new: Vec<_> = new.collect();
    let stem = |path: &str| Path::new(path).with_extension("");
    let home = |vm: &Vm| vm.storage.home.as_deref().map(|home| home.trim_end_matches('/').to_owned());
    let is_it = |vm: &&&Vm| home(vm).as_deref() == Some(bundle);
    let lies_there = |vm: &&&Vm| home(vm).is_some_and(|home| stem(&home) == stem(bundle));
    match new.iter().find(is_it).or_else(|| new.iter().find(lies_there)) {
        Some(vm) => Some(vm.id),
        None if new.iter().all(|vm| vm.storage.home.is_none()) => match new.as_slice() {
            [only] => Some(only.id),
            _ => None,
        },
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::super::book::Unseen;
    use super::*;
    use crate::domain::vm::Owner;
    use crate::hypervisor::users::LocalUser;
    use crate::hypervisor::vm_list;
    use crate::inventory::Listing;

    const ADA: Uid = Uid(501);
    const BOB: Uid = Uid(502);
    const BUNDLE: &str = "/Users/ada/Parallels/Windows 11.pvmp";

    fn id(number: u128) -> VmId {
        VmId::of(Uuid::from_u128(number))
    }

    fn ids(numbers: &[u128]) -> BTreeSet<VmId> {
        numbers.iter().map(|number| id(*number)).distinct()
    }

    /// Virtual machines by number, owner and home, as they are listed while these users can be asked.
    fn listed(vms: &[(u128, Uid, Option<&str>)], asked: &[Uid]) -> Snapshot {
        let vm = |(number, uid, home): &(u128, Uid, Option<&str>)| {
            let text =
                format!(r#"[{{"ID": "{}", "Name": "x", "State": "stopped"}}]"#, Uuid::from_u128(*number));
            let mut vm = vm_list::parse(text.as_bytes()).unwrap().vms.remove(0);
            vm.owners = vec![Owner { uid: *uid, user: String::new() }];
            vm.storage.home = home.map(str::to_owned);
            (vm.id, vm)
        };
        let listing = |uid: Uid| Listing {
            user: LocalUser { uid, name: String::new(), home: "/".into() },
            answer: if asked.contains(&uid) { Answer::Known(0) } else { Answer::NotLoggedIn },
        };
        Snapshot {
            vms: vms.iter().map(vm).keyed(),
            listings: [ADA, BOB].map(listing).into(),
            bad: Vec::new(),
        }
    }

    #[test]
    fn a_machine_is_told_by_its_home_and_never_by_an_old_one() {
        let (pvm, other) = (Some("/Users/ada/Parallels/Windows 11.pvm/"), Some("/Users/ada/Other.pvm"));
        for (vms, expected) in [
            (&[(2, ADA, Some(BUNDLE))][..], Some(2)),
            (&[(2, ADA, pvm)], Some(2)),
            (&[(2, ADA, pvm), (3, ADA, Some(BUNDLE))], Some(3)),
            (&[(2, ADA, None)], Some(2)),
            (&[(2, ADA, None), (3, ADA, None)], None),
            (&[(2, ADA, None), (3, ADA, other)], None),
            (&[(2, ADA, other)], None),
            (&[(2, BOB, Some(BUNDLE))], None),
            (&[(1, ADA, Some(BUNDLE))], None),
            (&[], None),
        ] {
            let found = is_there(&listed(vms, &[ADA, BOB]), &ids(&[1]), ADA, BUNDLE);
            assert_eq!(found, expected.map(id), "{vms:?}");
        }
    }

    #[test]
    fn what_is_new_is_an_intruder_once_its_user_can_be_asked() {
        let now = Timestamp::UNIX_EPOCH;
        let unseen = Unseen { since: now, before: ids(&[1, 2]) };
        let mut book =
            Book { unseen: BTreeMap::from([(ADA, unseen.clone()), (BOB, unseen)]), ..Book::default() };
        let vms = [(1, ADA, None), (2, BOB, None), (3, ADA, None), (4, BOB, None)];
        book.look_back(&listed(&vms, &[BOB]), now);
        assert_eq!((&book.intruders, book.unseen.len()), (&ids(&[4]), 1), "Ada could not be asked");
        book.look_back(&listed(&[vms[0], vms[1], (5, BOB, None)], &[BOB]), now);
        assert_eq!(book.intruders, ids(&[4]), "what came later had nobody to ask");
        book.look_back(&listed(&vms, &[ADA, BOB]), now);
        assert_eq!((book.intruders, book.unseen.len()), (ids(&[3, 4]), 0));
    }
}
