//! The board: the level that every task looks at. Each part has one writer.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;

use super::checkin::Leased;
use super::enforcement::Enforcement;
use super::imaging::Imaging;
use super::inputs::Profile;
use super::licensing::Licensing;
use super::observer::{LicenseWish, Observation, Wanted, Wishes};
use super::updater::Updates;
use crate::checkin::session::Denied;
use crate::control::view::{LastCheckin, NextCheckin};
use crate::domain::ids::{DeviceId, OrganizationId};
use crate::license::State;
use crate::wire::assignment::Assignment;
use crate::wire::checkin::ReportedProblem;
use crate::wire::command::Ack;

/// A part of the board. Two are equal when they are the same publication, which costs nothing to tell.
#[derive(Debug)]
pub struct Part<T>(Arc<T>);

impl<T> Part<T> {
    /// A new publication.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The verified assignment that stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assigned {
    /// It; `None` before the first.
    pub assignment: Option<Assignment>,
    /// Root takes the agent away: what was enforced is given back, whatever the portal says.
    pub taken_away: bool,
}

impl Assigned {
    /// The same without its policy, as if the portal had assigned none.
    #[must_use]
    pub fn without_policy(&self) -> Self {
        let lifted = |assignment: &Assignment| Assignment { policy: None, ..assignment.clone() };
        Self { assignment: self.assignment.as_ref().map(lifted), taken_away: self.taken_away }
    }
}

/// The portal's last words on the license.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ruling {
    /// The lease that holds; `None` before the first.
    pub lease: Leased,
    /// That a license is denied.
    pub denied: Option<Denied>,
}

/// What the portal's commands want to be reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commanded {
    /// What became of commands, until the portal knows it.
    pub acks: Vec<Ack>,
    /// How often a full report of the virtual machines was asked for since the daemon started.
    pub full_reports: u64,
    /// Why the journal of commands cannot be written, while it cannot.
    pub write_failed: Option<String>,
}

/// How the conversation with the portal goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    /// The Mac's id at the portal, once enrolled.
    pub device: Option<DeviceId>,
    /// The organization, from the keyset that its root key signed.
    pub organization: Option<OrganizationId>,
    /// When the Mac enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// The last check-in that ended, well or not.
    pub last: Option<LastCheckin>,
    /// When one last ended well.
    pub last_success: Option<Timestamp>,
    /// When the next is due, and why then.
    pub next: Option<NextCheckin>,
    /// The wait channel is open.
    pub wait_open: bool,
    /// What is wrong with it.
    pub problems: Vec<ReportedProblem>,
}

/// What is known, all of it.
#[derive(Debug, Clone)]
pub struct Board {
    /// What the profiles say; written by the inputs.
    pub profile: Part<Profile>,
    /// What the portal assigned; written by the check-in, from disk at first.
    pub assigned: Part<Assigned>,
    /// What the portal says of the license; written by the check-in, from disk at first.
    pub ruling: Part<Ruling>,
    /// What was seen; written by the observer.
    pub observation: Part<Observation>,
    /// What is to be looked at; wishes of the enforcer and of local requests.
    pub wanted: Part<Wanted>,
    /// What holds and how it stands; written by the enforcer.
    pub enforcement: Part<Enforcement>,
    /// What the portal's commands want to be reported; written by them.
    pub commanded: Part<Commanded>,
    /// What has become of the license; written by licensing.
    pub licensing: Part<Licensing>,
    /// What becomes of golden images; written by the imager.
    pub imaging: Part<Imaging>,
    /// What is decided of updates; written by the updater.
    pub updates: Part<Updates>,
    /// How the conversation with the portal goes; written by the check-in.
    pub conversation: Part<Conversation>,
}

impl Board {
    /// The board at boot: what the disk told, and nothing seen yet.
    #[must_use]
    pub fn at_boot(profile: Profile, assigned: Assigned) -> Self {
        Self {
            profile: Part::new(profile),
            assigned: Part::new(assigned),
            ruling: Part::new(Ruling::default()),
            observation: Part::new(Observation::none()),
            wanted: Part::new(Wanted::default()),
            enforcement: Part::new(Enforcement::default()),
            commanded: Part::new(Commanded::default()),
            licensing: Part::new(Licensing::default()),
            imaging: Part::new(Imaging::default()),
            updates: Part::new(Updates::default()),
            conversation: Part::new(Conversation::default()),
        }
    }

    /// Whether the portal's policy is lifted here for as long as the license is unverified.
    #[must_use]
    pub fn lifts_policy(&self) -> bool {
        self.licensing.state.as_ref().is_some_and(State::lifts_policy)
    }

    /// The enforcer's wishes, which replace its earlier ones.
    pub fn look_after(&mut self, changes: Wishes, vms_often: bool, users_too: bool) {
        self.want(Wanted { changes, vms_often, users_too, ..*self.wanted });
    }

    /// Licensing's wishes, which replace its earlier ones.
    pub fn look_at_license(&mut self, licensing: LicenseWish) {
        self.want(Wanted { licensing, ..*self.wanted });
    }

    fn want(&mut self, wanted: Wanted) {
        if wanted != *self.wanted {
            self.wanted = Part::new(wanted);
        }
    }

    /// A wish for a look at everything.
    pub fn look_again(&mut self) {
        let mut wanted = *self.wanted;
        wanted.requests.service += 1;
        wanted.requests.vms += 1;
        wanted.requests.license += 1;
        wanted.requests.users += 1;
        self.wanted = Part::new(wanted);
    }
}
