//! What the portal knows, in memory: the truth for all reads.
//!
//! In go an administrator's changes and devices' verified requests; out come answers and, through
//! [`Model::take_dirty`], the names of the records that the store has to write before anyone hears the answer. Nothing
//! here waits, reads a clock or touches a file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, EnrollmentId, GroupId, LicenseId, PolicyId, ProfileId, UserId, VmId};
use crate::wire::key::Thumbprint;

pub mod admission;
mod assign;
mod checkin;
pub mod command;
pub mod device;
mod edit;
mod enroll;
pub mod image;
pub mod inventory;
pub mod licenses;
pub mod organization;
pub mod policy;
pub mod profiles;
pub mod wakes;

pub(in crate::portal) use assign::sign;
pub use assign::{Desired, SignError};
pub use checkin::{Acks, Arrival, CheckinError, Report};
pub use edit::EditError;
pub use enroll::EnrollError;

use admission::Admissions;
use device::{Device, Presence};
use inventory::Inventories;
use licenses::Licensing;
use organization::Organization;
use policy::{Group, Policy};
use profiles::ConfigurationProfile;
use wakes::Wakes;

/// The version after `last`: the greater of `last` + 1 and Unix seconds, so that a portal restored from a backup does
/// not fall behind its Macs.
#[must_use]
pub fn next_version(last: u64, now: Timestamp) -> u64 {
    last.saturating_add(1).max(u64::try_from(now.as_second()).unwrap_or(0))
}

/// The name of a record that the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordName {
    /// The organization and its keys.
    Organization,
    /// A policy.
    Policy(PolicyId),
    /// A user group.
    Group(GroupId),
    /// An enrollment token.
    Token(Digest),
    /// An enrollment that was answered.
    Enrollment(EnrollmentId),
    /// A device.
    Device(DeviceId),
    /// The use of a device's key.
    Presence(Thumbprint),
    /// A virtual machine of a device.
    Vm(DeviceId, VmId),
    /// A license.
    License(LicenseId),
    /// A person in the directory.
    User(UserId),
    /// A device as one that holds a seat.
    Lessee(DeviceId),
    /// A license-bound configuration profile.
    Profile(ProfileId),
}

/// Everything.
#[derive(Debug)]
pub struct Model {
    /// The organization.
    pub organization: Organization,
    /// The policies.
    pub policies: BTreeMap<PolicyId, Policy>,
    /// The user groups.
    pub groups: BTreeMap<GroupId, Group>,
    /// The license-bound configuration profiles.
    pub profiles: BTreeMap<ProfileId, ConfigurationProfile>,
    /// Tokens and enrollments.
    pub admissions: Admissions,
    /// The devices.
    pub devices: BTreeMap<DeviceId, Device>,
    /// How the devices' keys are used.
    pub presences: BTreeMap<Thumbprint, Presence>,
    /// The virtual machines.
    pub inventories: Inventories,
    /// Licenses, seats and the directory.
    pub licensing: Licensing,
    /// Who is to be woken.
    pub wakes: Wakes,
    dirty: BTreeSet<RecordName>,
}

impl Model {
    /// A portal of this organization that knows nothing else.
    #[must_use]
    pub fn new(organization: Organization) -> Self {
        Self {
            organization,
            policies: BTreeMap::new(),
            groups: BTreeMap::new(),
            profiles: BTreeMap::new(),
            admissions: Admissions::default(),
            devices: BTreeMap::new(),
            presences: BTreeMap::new(),
            inventories: Inventories::default(),
            licensing: Licensing::default(),
            wakes: Wakes::default(),
            dirty: BTreeSet::new(),
        }
    }

    /// Marks a record as changed.
    pub fn touch(&mut self, record: RecordName) {
        self.dirty.insert(record);
    }

    /// The records that changed since the last call.
    pub fn take_dirty(&mut self) -> BTreeSet<RecordName> {
        std::mem::take(&mut self.dirty)
    }

    /// How a device's key is used; also of a retired device.
    #[must_use]
    pub fn presence(&self, device: &Device) -> Option<&Presence> {
        self.presences.get(&device.key.thumbprint())
    }
}
