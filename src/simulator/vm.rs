//! A virtual machine as the simulated `prlctl` knows it. In and out: JSON; the printed form is made in `listing` and `detail`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A virtual machine of one macOS user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vm {
    /// The short name of the macOS user in whose list it is.
    pub owner: String,
    /// The name, any text.
    pub name: String,
    /// The description.
    pub description: String,
    /// One of the states that `prlctl list` prints: `running`, `stopped`, `suspended`, `paused`, … (names from the OpenVZ fork).
    pub state: String,
    /// A template is listed only with `--template`.
    pub template: bool,
    /// The bundle, with a slash at the end.
    pub home: String,
    /// `Home` and `Home path` come empty from `list -a -i --json`, for this one alone.
    pub home_empty: bool,
    /// The guest and the virtual hardware.
    pub guest: Guest,
    /// What `prlctl set` changes.
    pub settings: Settings,
    /// Snapshots, by bare UUID.
    pub snapshots: BTreeMap<String, Snapshot>,
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            owner: "ada".to_owned(),
            name: "Virtual Machine".to_owned(),
            description: String::new(),
            state: "stopped".to_owned(),
            template: false,
            home: "/Users/ada/Parallels/Virtual Machine.pvm/".to_owned(),
            home_empty: false,
            guest: Guest::default(),
            settings: Settings::default(),
            snapshots: BTreeMap::new(),
        }
    }
}

/// The guest and the virtual hardware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guest {
    /// The guest's name in the listing: `win-11`, `ubuntu`, `macosx`, …
    pub os: String,
    /// The number of processors.
    pub cpus: u64,
    /// Memory in MB.
    pub memory_mb: u64,
    /// The disk's size in MB.
    pub disk_mb: u64,
    /// Seconds that the guest has been up.
    pub uptime_seconds: u64,
    /// `installed`, `not_installed`, `possibly_installed` or `outdated`.
    pub tools: String,
    /// The version of the guest tools; absent from the output when unknown.
    pub tools_version: Option<String>,
    /// An IPv4 address, when the guest tells one.
    pub ip: Option<String>,
    /// The network card's address.
    pub mac: String,
    /// The disk is encrypted.
    pub encrypted: bool,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            os: "win-11".to_owned(),
            cpus: 4,
            memory_mb: 8192,
            disk_mb: 262_144,
            uptime_seconds: 0,
            tools: "installed".to_owned(),
            tools_version: Some("26.1.1-57288".to_owned()),
            ip: None,
            mac: "001C42AABBCC".to_owned(),
            encrypted: false,
        }
    }
}

/// What `prlctl set` changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The configuration is locked: no other setting can be changed.
    pub locked: bool,
    /// A custom password protects the security settings.
    pub custom_password: bool,
    /// Security settings that the listing does not show.
    pub hidden: Hidden,
    /// Developer tools are shown.
    pub developer_tools: bool,
    /// `off`, `start-host`, `open-window` or `user-login`.
    pub autostart: String,
    /// `same`, `window`, `coherence`, `fullscreen`, `modality` or `headless`.
    pub startup_view: String,
    /// `shared`, `bridged` or `host`, as the listing prints it.
    pub network: String,
    /// The network card is plugged in.
    pub network_connected: bool,
    /// The actions inside this virtual machine that ask for a password.
    pub require_password: VmRestrictions,
    /// When it expires.
    pub expiration: Expiration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            locked: false,
            custom_password: false,
            hidden: Hidden::default(),
            developer_tools: false,
            autostart: "off".to_owned(),
            startup_view: "window".to_owned(),
            network: "shared".to_owned(),
            network_connected: true,
            require_password: VmRestrictions::default(),
            expiration: Expiration::default(),
        }
    }
}

/// Settings that can be set but that no public sample of `prlctl list -i` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hidden {
    /// `--lock-on-suspend`.
    pub lock_on_suspend: bool,
    /// `--isolate-vm`.
    pub isolated: bool,
    /// `--tools-autoupdate`.
    pub tools_autoupdate: bool,
}

impl Default for Hidden {
    fn default() -> Self {
        Self { lock_on_suspend: false, isolated: false, tools_autoupdate: true }
    }
}

/// What `prlctl set --require-pwd` knows (from the OpenVZ fork's first commit of 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VmRestrictions {
    /// `exit-fullscreen`.
    pub exit_fullscreen: bool,
    /// `change-vm-state`.
    pub change_vm_state: bool,
    /// `manage-snapshots`.
    pub manage_snapshots: bool,
    /// `change-guest-pwd`.
    pub change_guest_pwd: bool,
}

impl VmRestrictions {
    /// The switch of this name, if there is one.
    pub fn named(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "exit-fullscreen" => Some(&mut self.exit_fullscreen),
            "change-vm-state" => Some(&mut self.change_vm_state),
            "manage-snapshots" => Some(&mut self.manage_snapshots),
            "change-guest-pwd" => Some(&mut self.change_guest_pwd),
            _ => None,
        }
    }

    /// The names under which the listing gives back what is on: one switch can stand for many actions (from the OpenVZ
    /// fork's first commit of 2015).
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        const STATE: [&str; 8] = [
            "start-vm",
            "stop-vm",
            "pause-vm",
            "reset-vm",
            "suspend-vm",
            "resume-vm",
            "drop-vm-suspended-state",
            "restart-guest",
        ];
        const SNAPSHOTS: [&str; 3] = ["create-snapshot", "switch-to-snapshot", "delete-snapshot"];
        let all: [(bool, &[&'static str]); 4] = [
            (self.exit_fullscreen, &["exit-fullscreen"]),
            (self.change_vm_state, &STATE),
            (self.manage_snapshots, &SNAPSHOTS),
            (self.change_guest_pwd, &["change-guest-pwd"]),
        ];
        all.into_iter().filter(|(on, _)| *on).flat_map(|(_, names)| names.iter().copied()).collect()
    }
}

/// When a virtual machine expires (options from the OpenVZ fork's CmdParam.cpp).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Expiration {
    /// It expires.
    pub enabled: bool,
    /// The date as it was given, `YYYY-MM-DD`.
    pub date: Option<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// The name.
    pub name: String,
    /// When it was taken, `YYYY-MM-DD HH:MM:SS`.
    pub date: String,
    /// The state of the guest in it.
    pub state: String,
    /// The one that the disk stands on.
    pub current: bool,
    /// The bare UUID of the one before it; empty for the first.
    pub parent: String,
}
