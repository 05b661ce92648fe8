//! How settings stand, and the one way to count them.
//!
//! `status` and `explain`, the demo and the portal's page of devices count by [`Tally`], so that the same Mac has the same numbers
//! everywhere. A setting is *managed* where a layer names or implies it, and counts once, by the weightiest state that it has on
//! any object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a setting is on one object, by what was seen and not by what was ordered; the weightiest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compliance {
    /// No object has it: a setting of virtual machines, and there is none.
    Idle,
    /// This version, guest or processor does not have it.
    Unsupported,
    /// Nothing on the Mac enforces it: the agent heeds it and reports it.
    Heeded,
    /// It was set, and Parallels' tools do not show whether it holds.
    Unshown,
    /// A local restriction, which nobody overrides, and which is as the user set it.
    Local,
    /// Seen to be as ordered.
    Compliant,
    /// Not known yet, or not done yet.
    Pending,
    /// Seen to differ after it was set; it is put right.
    Drifted,
    /// It could not be set.
    Failed,
    /// Something exists that it forbids and Parallels Desktop cannot prevent.
    Violated,
}

/// How many managed settings there are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// [`Compliance::Compliant`].
    pub compliant: u32,
    /// [`Compliance::Drifted`].
    pub drifted: u32,
    /// [`Compliance::Violated`].
    pub violated: u32,
    /// [`Compliance::Failed`].
    pub failed: u32,
    /// [`Compliance::Pending`].
    pub pending: u32,
    /// [`Compliance::Unsupported`].
    pub unsupported: u32,
    /// [`Compliance::Heeded`].
    pub heeded: u32,
    /// [`Compliance::Unshown`].
    #[serde(default)]
    pub unshown: u32,
    /// [`Compliance::Local`].
    pub local: u32,
    /// [`Compliance::Idle`].
    pub idle: u32,
}

impl Tally {
    /// Counts settings, of which each may come once for every object.
    #[must_use]
    pub fn of<K: Ord>(states: impl IntoIterator<Item = (K, Compliance)>) -> Self {
        let mut weightiest = BTreeMap::new();
        for (setting, state) in states {
            weightiest.entry(setting).and_modify(|known: &mut _| *known = state.max(*known)).or_insert(state);
        }
        let mut tally = Self::default();
        for state in weightiest.into_values() {
            *tally.number(state) += 1;
        }
        tally
    }

    /// The managed settings.
    #[must_use]
    pub const fn managed(&self) -> u32 {
        self.enforced() + self.unsupported + self.heeded + self.unshown + self.local + self.idle
    }

    /// The managed settings that the agent has to enforce on this Mac, whether it has managed to or not.
    #[must_use]
    pub const fn enforced(&self) -> u32 {
        self.compliant + self.drifted + self.violated + self.failed + self.pending
    }

    const fn number(&mut self, state: Compliance) -> &mut u32 {
        match state {
            Compliance::Idle => &mut self.idle,
            Compliance::Unsupported => &mut self.unsupported,
            Compliance::Heeded => &mut self.heeded,
            Compliance::Unshown => &mut self.unshown,
            Compliance::Local => &mut self.local,
            Compliance::Compliant => &mut self.compliant,
            Compliance::Pending => &mut self.pending,
            Compliance::Drifted => &mut self.drifted,
            Compliance::Failed => &mut self.failed,
            Compliance::Violated => &mut self.violated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_counts_once_by_its_weightiest_state() {
        use Compliance::{Compliant, Drifted, Failed, Heeded, Idle, Local, Pending, Unsupported, Violated};
        for (states, tally) in [
            (&[][..], Tally::default()),
            (&[("a", Compliant), ("b", Local)], Tally { compliant: 1, local: 1, ..Tally::default() }),
            // What one machine's guest does not have is kept on all machines that have it.
            (&[("a", Unsupported), ("a", Compliant)], Tally { compliant: 1, ..Tally::default() }),
            (&[("a", Drifted), ("a", Failed), ("a", Pending)], Tally { failed: 1, ..Tally::default() }),
            (&[("a", Compliant), ("a", Violated)], Tally { violated: 1, ..Tally::default() }),
            (&[("a", Heeded), ("b", Idle)], Tally { heeded: 1, idle: 1, ..Tally::default() }),
        ] {
            assert_eq!(Tally::of(states.iter().copied()), tally);
        }
    }

    #[test]
    fn what_is_enforced_and_what_is_not_make_up_what_is_managed() {
        let all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|setting| {
            use Compliance::{
                Compliant, Drifted, Failed, Heeded, Idle, Local, Pending, Unshown, Unsupported, Violated,
            };
            let state =
                [Idle, Unsupported, Heeded, Unshown, Local, Compliant, Pending, Drifted, Failed, Violated]
                    [setting];
            (setting, state)
        });
        let tally = Tally::of(all);
        assert_eq!((tally.managed(), tally.enforced()), (10, 5));
    }
}
