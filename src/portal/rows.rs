//! The rows that the portal's pages show: what the store fills in and the pages read.
//!
//! In goes whatever the store knows; out come [`VmRow`]s, [`DeviceRow`]s, [`LicenseRow`]s and [`GroupRow`]s, ready to be
//! shown and in no order. The texts are as devices, people and identity providers sent them, so hostile: only
//! `pages::text` makes them fit to be seen. A [`Rows`] also tells when anything changed, which is what keeps an open page
//! live.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::domain::compliance::{self, Tally};
use crate::domain::host::Arch;
use crate::domain::ids::{DeviceId, VmId};
use crate::wire::checkin::UpdateReport;

mod images;
mod licensing;

pub use images::{ImageFileRow, ImageRow, InstallRow};
pub use licensing::{
    GroupRow, GroupSeats, LicenseNote, LicenseRow, LicenseSeats, LicenseStanding, Licensing, ProfileRow,
    ProfileSetting, SeatMode, Unmapped,
};

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the portal could not read its records")]
pub struct Unreadable(#[source] pub Box<dyn Error + Send + Sync>);

/// An answer of the store, which may have to read a file first.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, Unreadable>> + Send + 'a>>;

/// Where the pages' rows come from.
pub trait Rows: Send + Sync {
    /// Every virtual machine that devices reported, once for each Mac that has it.
    fn virtual_machines(&self) -> Answer<'_, VmRow>;

    /// Every device that ever enrolled, retired ones included.
    fn devices(&self) -> Answer<'_, DeviceRow>;

    /// Every license, those that are out of use included.
    fn licenses(&self) -> Answer<'_, LicenseRow>;

    /// Every user group: the primary key's of each license, and those of its sublicense keys.
    fn groups(&self) -> Answer<'_, GroupRow>;

    /// Every golden image of the organization.
    fn images(&self) -> Answer<'_, ImageRow>;

    /// Every license-bound configuration profile.
    fn profiles(&self) -> Answer<'_, ProfileRow>;

    /// A number that differs from the former one after each change of any row.
    ///
    /// It is raised after the rows show the change: who reads the number and then the rows misses nothing. The
    /// sender is dropped when the portal ends.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// A virtual machine on one Mac. Two Macs can have one of the same id, where its files were copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmRow {
    /// Its id in Parallels Desktop.
    pub id: VmId,
    /// The Mac that reported it.
    pub device: DeviceId,
    /// Its name, any text at all.
    pub name: String,
    /// `running`, `stopped` and so on, as Parallels' tools say it.
    pub state: String,
    /// Where it is and whose it is.
    pub place: Place,
    /// What runs inside.
    pub guest: Guest,
    /// What it is given.
    pub machine: Machine,
    /// Where it comes from.
    pub origin: Origin,
    /// The keys of the settings that it violates.
    pub violations: Vec<String>,
    /// When its Mac last checked in.
    pub last_seen: Timestamp,
}

/// Where a virtual machine is and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The Mac's host name.
    pub mac: String,
    /// The short names of the macOS users in whose list it stands.
    pub users: Vec<String>,
    /// The name of the Mac's user group; none where it is in no group.
    pub group: Option<String>,
}

/// What runs inside a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guest {
    /// Parallels' name of the operating system, such as `win-11`.
    pub os: String,
    /// The state of Parallels Tools, such as `installed`; empty where it is not known.
    pub tools: String,
    /// Their version; empty where none is installed.
    pub tools_version: String,
    /// Its network adapters.
    pub networks: Vec<Network>,
    /// Its IP addresses.
    pub addresses: Vec<String>,
}

/// A network adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The hardware address as Parallels' tools write it.
    pub mac: String,
    /// `shared`, `bridged`, `host-only` and so on.
    pub mode: String,
}

/// What a virtual machine is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Virtual processors.
    pub cpu: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The size of its disks as the guest sees them, in MiB.
    pub disk_mib: u64,
    /// How much of the Mac's disk it uses, in MiB, where that was reported.
    pub disk_used_mib: Option<u64>,
    /// For how long it has run, in seconds, where that was reported.
    pub uptime_s: Option<u64>,
    /// How many snapshots it has, where that is known.
    pub snapshots: Option<u64>,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// Whether its configuration is locked.
    pub configuration_locked: bool,
}

/// Where a virtual machine comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whether it was made from the organization's golden image.
    pub corporate: bool,
    /// The name of that image, or its id where the portal has no such image.
    pub image: Option<String>,
}

/// A Mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id in the portal.
    pub id: DeviceId,
    /// Its host name, any text at all.
    pub hostname: String,
    /// The hardware that it claims to be.
    pub hardware: Hardware,
    /// What is installed on it.
    pub versions: Versions,
    /// What it is assigned.
    pub assigned: Assigned,
    /// How its settings stand.
    pub compliance: Compliance,
    /// What its agent reports as wrong.
    pub problems: Vec<ProblemRow>,
    /// The golden images that are being installed on it.
    pub installs: Vec<InstallRow>,
    /// How many virtual machines it has.
    pub vms: u32,
    /// When it last checked in.
    pub last_seen: Timestamp,
    /// Whether an administrator retired it.
    pub retired: bool,
}

/// The hardware that a Mac claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// The model identifier, such as `Mac15,3`.
    pub model: String,
    /// The serial number.
    pub serial: String,
    /// The processor.
    pub arch: Arch,
}

/// What is installed on a Mac.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// The version of macOS.
    pub os: String,
    /// The agent's version.
    pub agent: String,
    /// The version of Parallels Desktop; none where it is not installed.
    pub parallels: Option<String>,
    /// Whether that version is below the least that policies work with (facts: administrator's guide, 20.1.0).
    pub too_old: bool,
    /// What is decided of its updates; none where no setting is about them.
    pub updates: Option<UpdateReport>,
}

/// What a Mac is assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The name of its user group.
    pub group: Option<String>,
    /// The policy of that group.
    pub policy: Option<PolicyRow>,
}

/// A policy as a device has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its name.
    pub name: String,
    /// Its revision.
    pub revision: u64,
}

/// How the settings of a Mac stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compliance {
    /// How many settings are in each state.
    pub counts: Tally,
    /// Those that are not as ordered.
    pub noncompliant: Vec<Noncompliant>,
}

/// A setting that is not as ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noncompliant {
    /// What it is set on: `app`, `user:<uid>` or the id of a virtual machine.
    pub subject: String,
    /// The key of the settings catalog, or an unknown one.
    pub setting: String,
    /// How it stands.
    pub state: compliance::Compliance,
    /// Why, where the state does not say it all.
    pub reason: Option<String>,
}

/// Something wrong on a Mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemRow {
    /// The stable code.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
    /// More for a person.
    pub detail: Option<String>,
}
