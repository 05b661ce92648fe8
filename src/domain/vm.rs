//! A virtual machine as it was observed. What `prlctl` did not show is `None`, never a guess.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::host::Arch;
use super::ids::{Uid, VmId};

/// A virtual machine, observed with `prlctl list -a -i -j`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    /// The id, by which alone the agent addresses a virtual machine.
    pub id: VmId,
    /// The name: any text at all, 4 KiB of it, quotes, newlines and HTML included.
    pub name: String,
    /// The macOS users in whose list it stands, by user id.
    pub owners: Vec<Owner>,
    /// What it does.
    pub state: VmState,
    /// How long it has run, in seconds.
    pub uptime_s: Option<u64>,
    /// What runs inside.
    pub guest: Guest,
    /// The virtual hardware.
    pub hardware: VmHardware,
    /// Its files.
    pub storage: VmStorage,
    /// What guards it.
    pub protection: Protection,
    /// How it is set up, as far as the catalog cares.
    pub settings: VmSettings,
}

/// A macOS user who has the virtual machine in their list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub user: String,
}

/// The guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Parallels' name of the operating system, such as `win-11`, `ubuntu`, `macosx`.
    pub os: String,
    /// Parallels Tools inside it.
    pub tools: Tools,
    /// Its IP addresses as the tools report them.
    pub addresses: Vec<String>,
}

/// The families of guests that settings tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// Any Windows.
    Windows,
    /// Any macOS.
    Macos,
    /// Any Linux.
    Linux,
    /// Anything else, or nothing known.
    Other,
}

/// Parallels Tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// `installed`, `not_installed`, `possibly_installed`, `outdated`, or a word of a later version.
    pub state: Option<String>,
    /// Their version, such as `20.0.0-55397`.
    pub version: Option<String>,
}

/// The virtual hardware.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmHardware {
    /// The processor that the guest sees.
    pub arch: Option<Arch>,
    /// The number of processors.
    pub cpu: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// The network adapters in their order.
    pub networks: Vec<Network>,
}

/// A network adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its device name, such as `net0`.
    pub device: String,
    /// The hardware address as shown, such as `001C42AABBCC`.
    pub mac: Option<String>,
    /// `shared`, `bridged`, `host-only`, or a word of a later version.
    pub mode: Option<String>,
    /// False where the adapter is disabled or its cable is out.
    pub connected: Option<bool>,
}

/// The files of a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmStorage {
    /// The bundle; empty in some lists of `prlctl` (its known bug).
    pub home: Option<String>,
    /// The sizes of all hard disks together, in MiB.
    pub disk_mib: Option<u64>,
    /// How many snapshots there are.
    pub snapshots: Option<u32>,
    /// A template, not a machine that runs.
    pub template: Option<bool>,
}

/// What guards a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// The bundle is encrypted.
    pub encrypted: Option<bool>,
    /// The configuration is locked: other settings are refused until it is unlocked.
    pub configuration_locked: Option<bool>,
    /// A custom password stands before changes; the agent does not know it.
    pub custom_password: Option<bool>,
    /// It is packed for a transfer, and does not start before it is unpacked.
    pub packed: Option<bool>,
    /// The actions that ask for a password, in Parallels' words. A list that is not shown is an empty one.
    pub require_password: Option<BTreeSet<String>>,
    /// The expiration.
    pub expiration: Expiration,
}

/// When a virtual machine stops to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiration {
    /// Whether there is one.
    pub enabled: Option<bool>,
    /// The date as shown.
    pub date: Option<String>,
}

/// How a virtual machine is set up, as far as the catalog cares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSettings {
    /// The developer tools are shown.
    pub developer_tools: Option<bool>,
    /// When it starts by itself, such as `off` or `user-login`.
    pub autostart: Option<String>,
    /// How it shows itself then, such as `window` or `headless`.
    pub startup_view: Option<String>,
}

impl Vm {
    /// The family of its guest.
    #[must_use]
    pub fn guest_kind(&self) -> GuestKind {
        GuestKind::of(&self.guest.os)
    }
}

impl GuestKind {
    /// The family of an operating system that Parallels names `os`.
    ///
    /// Seen are `win-11`, `ubuntu`, `macosx`; the other Linux names come from Parallels' list of distributions
    /// (inferred). A name that is unknown is [`GuestKind::Other`], for which the least is changed.
    #[must_use]
    pub fn of(os: &str) -> Self {
        const LINUX: [&str; 13] = [
            "linux",
            "ubuntu",
            "debian",
            "fedora",
            "centos",
            "rhel",
            "redhat",
            "suse",
            "opensuse",
            "mint",
            "kali",
            "arch",
            "boot2docker",
        ];
        let os = os.trim().to_ascii_lowercase();
        if os.starts_with("win") {
            Self::Windows
        } else if os.starts_with("mac") {
            Self::Macos
        } else if LINUX.iter().any(|name| os.starts_with(name)) || os.contains("linux") {
            Self::Linux
        } else {
            Self::Other
        }
    }
}

macro_rules! vm_states {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal,)+) => {
        /// What a virtual machine does, in Parallels' words.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub enum VmState {
            $($(#[doc = $doc])+ $name,)+
            /// A word that this agent does not know.
            Unknown(String),
        }

        impl VmState {
            /// Parallels' word.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for VmState {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)+
                    _ => Self::Unknown(text.to_owned()),
                }
            }
        }
    };
}

vm_states! {
    /// Off.
    Stopped => "stopped",
    /// Being started.
    Starting => "starting",
    /// Being restored.
    Restoring => "restoring",
    /// On.
    Running => "running",
    /// Halted in memory.
    Paused => "paused",
    /// Being reset.
    Resetting => "resetting",
    /// Being paused.
    Pausing => "pausing",
    /// Being suspended.
    Suspending => "suspending",
    /// Being stopped.
    Stopping => "stopping",
    /// Its disks are being compacted.
    Compacting => "compacting",
    /// Written to disk.
    Suspended => "suspended",
    /// A snapshot is being taken; the spelling is Parallels'.
    Snapshotting => "snapshoting",
    /// Going on after a pause.
    Continuing => "continuing",
    /// Moving to another Mac.
    Migrating => "migrating",
    /// A snapshot is being deleted.
    DeletingSnapshot => "del_snapshot",
    /// Being read from disk.
    Resuming => "resuming",
    /// Being synchronized.
    Syncing => "syncing",
    /// Its files are missing or broken.
    Invalid => "invalid",
    /// Being connected again.
    Reconnecting => "reconnecting",
    /// Its disks are mounted on the Mac.
    Mounted => "mounted",
}

impl FromStr for VmState {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for VmState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for VmState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_of_a_guest_comes_from_its_name() {
        for (os, kind) in [
            ("win-11", GuestKind::Windows),
            ("Windows", GuestKind::Windows),
            ("macosx", GuestKind::Macos),
            ("ubuntu", GuestKind::Linux),
            ("fedora-core", GuestKind::Linux),
            ("other-linux", GuestKind::Linux),
            ("chromeos", GuestKind::Other),
            ("", GuestKind::Other),
        ] {
            assert_eq!(GuestKind::of(os), kind, "{os}");
        }
    }

    #[test]
    fn an_unknown_state_keeps_its_word() {
        for text in ["running", "snapshoting", "hibernating", ""] {
            let state = VmState::from(text);
            assert_eq!(state.name(), text);
            assert_eq!(matches!(state, VmState::Unknown(_)), ["hibernating", ""].contains(&text), "{text}");
        }
    }
}
