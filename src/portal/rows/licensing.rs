//! The rows of the pages Licenses and User Groups.
//!
//! In goes what the store knows of licenses, their keys and the directory; out come [`LicenseRow`]s, [`GroupRow`]s and [`ProfileRow`]s.
//! No whole license key has a place in them: a [`MaskedKey`] is all that a page can show.

use jiff::Timestamp;

use super::PolicyRow;
use crate::domain::ids::{GroupId, ProfileId};
use crate::domain::license::MaskedKey;
use crate::wire::lease::Product;

/// A license of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseRow {
    /// Its id, as leases name it (`license_id`).
    pub id: String,
    /// Its name, any text at all.
    pub name: String,
    /// The product and its edition.
    pub product: Product,
    /// The primary key, masked; none where everyone activates by sign-in.
    pub key: Option<MaskedKey>,
    /// What takes its seats.
    pub licensing: Licensing,
    /// How many seats it has, and who takes them.
    pub seats: LicenseSeats,
    /// How it stands.
    pub standing: LicenseStanding,
    /// When it ends, or when it ended; none for one without an end.
    pub ends: Option<Timestamp>,
    /// How many sublicense keys, that is user groups besides the primary key, it is divided into.
    pub groups: u32,
    /// What an administrator should know of it.
    pub notes: Vec<LicenseNote>,
}

/// What takes the seats of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Licensing {
    /// A Mac that is activated with a key.
    PerDevice,
    /// A person who signs in.
    PerUser,
    /// Either (facts: mixed licensing, since December 2024).
    Mixed,
}

/// The seats of a license.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LicenseSeats {
    /// How many were bought.
    pub limit: u32,
    /// How many Macs take one.
    pub devices: u32,
    /// How many people take one.
    pub users: u32,
}

impl LicenseSeats {
    /// How many are taken.
    #[must_use]
    pub const fn used(self) -> u32 {
        self.devices.saturating_add(self.users)
    }
}

/// How a license stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LicenseStanding {
    /// Good.
    Active,
    /// Out of use for now, as a trial is once a license was bought.
    Suspended,
    /// Converted: another license is in its place.
    Replaced,
    /// Its end is past.
    Expired,
}

/// Something that an administrator should know of a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseNote {
    /// A trial that may be made permanent.
    MayBecomePermanent,
    /// A trial that may not, since the organization has a Business license with seats per user.
    PerUserBusiness,
    /// A trial whose policies were kept, this many of them, and are assigned to no group any more.
    PoliciesUnassigned(u32),
    /// It was converted to the license of this id.
    ReplacedBy(String),
    /// It came from the license of this id.
    Replaces(String),
}

/// A user group, that is a key of a license: the primary one or a sublicense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// The group; none for the primary key's, which has no id of its own in leases.
    pub id: Option<GroupId>,
    /// The id of the license that the key belongs to.
    pub license: String,
    /// The product of that license.
    pub product: Product,
    /// Its name, any text at all.
    pub name: String,
    /// The key, masked; none for a group without one.
    pub key: Option<MaskedKey>,
    /// Its seats.
    pub seats: GroupSeats,
    /// The name of the golden image that the group is offered.
    pub image: Option<String>,
    /// Its policy.
    pub policy: Option<PolicyRow>,
    /// The groups of the identity provider that are mapped to the key, as it names them.
    pub idp_groups: Vec<String>,
    /// The people who draw from this key because no group of theirs is mapped to any; the primary key's alone has
    /// them.
    pub unmapped: Unmapped,
}

impl GroupRow {
    /// Whether it is the primary key's.
    #[must_use]
    pub const fn is_primary(&self) -> bool {
        self.id.is_none()
    }
}

/// A license-bound configuration profile: deprecated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its id.
    pub id: ProfileId,
    /// Its name, any text at all.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Parallels' names of its payloads.
    pub payloads: Vec<&'static str>,
    /// Its settings: key, value, and what replaces it.
    pub settings: Vec<ProfileSetting>,
    /// The names of the keys it is bound to.
    pub keys: Vec<String>,
    /// How many Macs have it.
    pub devices: u32,
}

/// A setting of a license-bound configuration profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSetting {
    /// Its key.
    pub key: String,
    /// Its value, in words.
    pub value: String,
    /// What replaces it, in a sentence.
    pub instead: String,
}

/// The seats of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSeats {
    /// How they are allocated.
    pub mode: SeatMode,
    /// The limit: its own, else what the license has for keys without one; none where that is not known.
    pub limit: Option<u32>,
    /// How many are taken.
    pub used: u32,
}

/// How seats are allocated to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatMode {
    /// Set aside for the key, also while nobody takes them.
    Reserved,
    /// Drawn from what the license has left.
    Dynamic,
}

/// People whom no mapping puts into a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmapped {
    /// How many there are.
    pub users: u32,
    /// For how many of them the identity provider sent no group at all: its claim is missing.
    pub without_claim: u32,
    /// Names of some of them; 64 are shown at most.
    pub names: Vec<String>,
}
