//! Lists the virtual machines of every user and puts the lists together.
//!
//! `prlctl` shows each user their own list alone, so it is asked once a user, in that user's session. A machine that is in
//! two lists is one machine with two owners.

use std::collections::BTreeMap;

use crate::domain::ids::VmId;
use crate::domain::vm::{Owner, Vm};
use crate::hypervisor::invocation;
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::Runner;
use crate::hypervisor::users::{Directory, LocalUser};
use crate::hypervisor::vm_list::{self, BadVm, VmList};

/// What was listed at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All virtual machines, those of users who could not be asked left out.
    pub vms: BTreeMap<VmId, Vm>,
    /// What became of the question to each user.
    pub listings: Vec<Listing>,
    /// Members of the lists that could not be read.
    pub bad: Vec<BadMember>,
}

/// The question to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whom it went to.
    pub user: LocalUser,
    /// How many virtual machines they have, or why that is not known.
    pub answer: Answer<usize>,
}

/// A member of a user's list that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadMember {
    /// Whose list.
    pub user: LocalUser,
    /// Which member, and why.
    pub member: BadVm,
}

impl Snapshot {
    /// True when every user was asked and answered: only then is what is missing gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.listings.iter().all(|listing| matches!(listing.answer, Answer::Known(_)))
    }

    /// The owner through whom to change a virtual machine: one whose list was read.
    #[must_use]
    pub fn way_to(&self, vm: &Vm) -> Option<&LocalUser> {
        let listings = self.listings.iter().filter(|listing| matches!(listing.answer, Answer::Known(_)));
        listings.map(|listing| &listing.user).find(|user| vm.owners.iter().any(|owner| owner.uid == user.uid))
    }

    /// This snapshot with the virtual machines that `last` knew of users who could not be asked now: that somebody
    /// logged out is no reason to forget what they have.
    #[must_use]
    pub fn keeping(mut self, last: &BTreeMap<VmId, Vm>) -> Self {
        let silent = self.listings.iter().filter(|listing| !matches!(listing.answer, Answer::Known(_)));
        for owner in silent.map(|listing| owner(&listing.user)) {
            for vm in last.values().filter(|vm| vm.owners.contains(&owner)) {
                let kept = self.vms.entry(vm.id).or_insert_with(|| Vm { owners: Vec::new(), ..vm.clone() });
                add_owner(kept, owner.clone());
            }
        }
        self
    }
}

/// Lists virtual machines with as few processes as possible: one a user, and one for each machine whose home the list
/// left empty and that was never asked for before.
#[derive(Debug, Default)]
pub struct Collector {
    directory: Directory,
    homes: BTreeMap<VmId, Option<String>>,
}

impl Collector {
    /// Asks all users.
    pub async fn collect(&mut self, runner: &Runner) -> Answer<Snapshot> {
        let users = match self.directory.users(runner).await {
            Answer::Known(users) => users,
            other => return other.map(|_| Snapshot::default()),
        };
        let mut snapshot = Snapshot::default();
        for user in users {
            let answer = match runner.stdout_of(&invocation::vm_list(runner.paths(), &user)).await {
                Ok(output) => vm_list::parse(&output).map_or_else(Answer::from, Answer::Known),
                Err(error) => error.into(),
            };
            if matches!(answer, Answer::ServiceStopped | Answer::NotInstalled) {
                return answer.map(|_| Snapshot::default());
            }
            let answer = match answer {
                Answer::Known(list) => Answer::Known(self.add(&mut snapshot, list, &user, runner).await),
                other => other.map(|_| 0),
            };
            snapshot.listings.push(Listing { user, answer });
        }
        self.homes.retain(|id, _| snapshot.vms.contains_key(id));
        Answer::Known(snapshot)
    }

    /// Forgets who the users are, so that they are asked for again.
    pub fn forget_users(&mut self) {
        self.directory.forget();
    }

    async fn add(
        &mut self,
        snapshot: &mut Snapshot,
        list: VmList,
        user: &LocalUser,
        runner: &Runner,
    ) -> usize {
        let count = list.vms.len();
        snapshot.bad.extend(list.bad.into_iter().map(|member| BadMember { user: user.clone(), member }));
        for mut vm in list.vms {
            if let Some(known) = snapshot.vms.get_mut(&vm.id) {
                add_owner(known, owner(user));
                continue;
            }
            if vm.storage.home.is_none() {
                vm.storage.home = self.home(vm.id, user, runner).await;
            }
            vm.owners = vec![owner(user)];
            snapshot.vms.insert(vm.id, vm);
        }
        count
    }

    /// The home of a machine whose list left it empty (facts: a known bug of `prlctl`). A machine that has none even
    /// when asked by itself is not asked again; a question that failed is.
    async fn home(&mut self, id: VmId, user: &LocalUser, runner: &Runner) -> Option<String> {
        if let Some(home) = self.homes.get(&id) {
            return home.clone();
        }
        let output = runner.stdout_of(&invocation::vm_details(runner.paths(), user, id)).await.ok()?;
        let details = vm_list::parse(&output).ok()?;
        let home = details.vms.into_iter().find(|vm| vm.id == id).and_then(|vm| vm.storage.home);
        self.homes.insert(id, home.clone());
        home
    }
}

fn owner(user: &LocalUser) -> Owner {
    Owner { uid: user.uid, user: user.name.clone() }
}

fn add_owner(vm: &mut Vm, owner: Owner) {
    if !vm.owners.contains(&owner) {
        vm.owners.push(owner);
        vm.owners.sort();
    }
}

#[cfg(test)]
mod tests;
