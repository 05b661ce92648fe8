//! The virtual machines, as a check-in reports them: records, their digests, and the root over all of them.
//!
//! An agent sends a typed [`VmRecord`]. A portal keeps the record as sent, because its digest is over every member,
//! known or not: it uses [`record_digest`] and [`record_id`] on the JSON value.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{self, JsonError};
use crate::domain::digest::Digest;
use crate::domain::ids::{ImageId, Uid, VmId};

/// A report: what changed between the root that the portal last confirmed, and the root now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The root after this part.
    pub root: Digest,
    /// The root before it; `None` for a full report, or for the first part of one.
    pub base: Option<Digest>,
    /// Records that are new or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upsert: Vec<VmRecord>,
    /// Virtual machines that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<VmId>,
    /// Whether more parts follow before the report counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Figures that change all the time, at most hourly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volatile: Vec<Volatile>,
}

impl Inventory {
    /// The report of a Mac where nothing changed since the portal confirmed this root.
    #[must_use]
    pub const fn unchanged(root: Digest) -> Self {
        Self {
            root,
            base: Some(root),
            upsert: Vec::new(),
            remove: Vec::new(),
            more: false,
            volatile: Vec::new(),
        }
    }
}

/// Figures of a virtual machine that are outside its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volatile {
    /// The virtual machine.
    pub uuid: VmId,
    /// For how long it has run, in seconds, rounded.
    pub uptime_s: u64,
    /// How much of the Mac's disk it uses, in MiB, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_used_mib: Option<u64>,
}

/// The stable facts of a virtual machine. The groups of members are flat on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmRecord {
    /// Which one.
    pub uuid: VmId,
    /// Its name, any text at all.
    pub name: String,
    /// The macOS users in whose list it stands.
    pub owners: Vec<Owner>,
    /// The guest system, as Parallels' tools name it, such as `win-11`.
    pub os: String,
    /// `running`, `stopped` and so on, as Parallels' tools say it.
    pub state: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// What it is given.
    #[serde(flatten)]
    pub resources: Resources,
    /// What is known of its guest.
    #[serde(flatten)]
    pub guest: Guest,
    /// How many snapshots it has, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<u64>,
    /// How it stands to the policy.
    #[serde(flatten)]
    pub standing: Standing,
}

/// A macOS user who has a virtual machine in their list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The user id.
    pub uid: Uid,
    /// The account's short name.
    pub user: String,
}

/// Where a virtual machine comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Whether it was made from the organization's golden image.
    pub corporate: bool,
    /// Which image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageId>,
}

/// What a virtual machine is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Virtual processors.
    pub cpu: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The size of its disks as the guest sees them, in MiB.
    pub disk_mib: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// What is known of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Parallels Tools.
    pub tools: Tools,
    /// Its network adapters.
    pub networks: Vec<Network>,
    /// Its IP addresses.
    pub addresses: Vec<String>,
}

/// Parallels Tools in a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// `installed`, `not_installed` and so on, as Parallels' tools say it.
    pub state: String,
    /// The version; empty where none is installed.
    pub version: String,
}

/// A network adapter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Network {
    /// The hardware address, as Parallels' tools write it.
    pub mac: String,
    /// `shared`, `bridged`, `host-only` and so on.
    pub mode: String,
}

/// How a virtual machine stands to the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether its configuration is locked.
    pub configuration_locked: bool,
    /// The keys of the settings that it violates.
    pub violations: Vec<String>,
}

impl VmRecord {
    /// The digest of the record as it is sent.
    ///
    /// # Errors
    /// [`JsonError::Number`] where a count is over 2^53 − 1.
    pub fn digest(&self) -> Result<Digest, JsonError> {
        json::digest_of(self)
    }
}

/// The digest of a record as sent, unknown members included.
///
/// # Errors
/// [`JsonError::Number`] where it holds a number that is no integer, or one beyond ±(2^53 − 1).
pub fn record_digest(record: &Value) -> Result<Digest, JsonError> {
    json::digest(record)
}

/// The id of a record as sent; `None` unless it is a UUID in lower case without braces.
#[must_use]
pub fn record_id(record: &Value) -> Option<VmId> {
    let text = record.get("uuid")?.as_str()?;
    text.parse().ok().filter(|id: &VmId| id.to_string() == text)
}

/// The root over all records: SHA-256 over the sorted lines `uuid SP sha256:hex LF`; without any, over no bytes.
#[must_use]
pub fn root(digests: &BTreeMap<VmId, Digest>) -> Digest {
    // Ids in the order of their bytes are in the order of their text.
    let lines = digests.iter().fold(String::new(), |mut lines, (id, digest)| {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{id} {digest}");
        lines
    });
    Digest::of(lines.as_bytes())
}
