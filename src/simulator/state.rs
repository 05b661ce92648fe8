//! What the stand-in knows: one Mac, its users and their virtual machines. In: JSON; out: the same JSON after a call.
//!
//! Every field has a default, so that a state written by hand needs to name only what matters. Maps are keyed by what
//! a merge patch wants to address: users by name, virtual machines by UUID, faults by a name of the test's choosing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Quirks};
use super::licensing::Licensing;
use super::management::Management;
use super::vm::Vm;

/// All that the simulated tools answer from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The Mac.
    pub host: Host,
    /// The installed Parallels Desktop.
    pub parallels: Parallels,
    /// Its license, and the server that the license comes from. There is none unless it is named.
    pub licensing: Licensing,
    /// Parallels' service and its settings for the whole Mac.
    pub service: Service,
    /// MDM, the network and launchd.
    pub management: Management,
    /// The macOS users, by short name. System accounts are added by the answers.
    pub users: BTreeMap<String, User>,
    /// The virtual machines of all users, by bare UUID in lower case.
    pub vms: BTreeMap<String, Vm>,
    /// What goes wrong, by a name of the test's choosing.
    pub faults: BTreeMap<String, Fault>,
    /// How the output differs from release to release.
    pub quirks: Quirks,
}

/// The Mac as `ioreg`, `sysctl` and `SystemVersion.plist` tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// The host name, as `sysctl -n kern.hostname` prints it.
    pub hostname: String,
    /// The version of macOS.
    pub macos_version: String,
    /// The build of macOS.
    pub macos_build: String,
    /// `IOPlatformUUID`.
    pub platform_uuid: String,
    /// `IOPlatformSerialNumber`.
    pub serial_number: String,
    /// The model identifier.
    pub model: String,
    /// Apple silicon; otherwise Intel.
    pub apple_silicon: bool,
    /// How it is fed, and how far awake it is.
    pub power: Power,
}

/// Mains, battery and sleep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Power {
    /// From mains.
    pub mains: bool,
    /// The battery's charge in percent; none where there is no battery.
    pub charge: Option<u8>,
    /// Awake as a whole; otherwise in a moment of maintenance with its lid closed.
    pub awake: bool,
}

impl Default for Power {
    fn default() -> Self {
        Self { mains: true, charge: Some(80), awake: true }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            hostname: "lab-mac-07.local".to_owned(),
            macos_version: "26.1".to_owned(),
            macos_build: "25B78".to_owned(),
            platform_uuid: "5A9C3F10-7E2B-5D44-8C1E-2F60B7A4D913".to_owned(),
            serial_number: "C02MRDN0Q6L4".to_owned(),
            model: "Mac15,6".to_owned(),
            apple_silicon: true,
            power: Power::default(),
        }
    }
}

/// The installed Parallels Desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parallels {
    /// The version, `CFBundleShortVersionString`.
    pub version: String,
    /// The build, `CFBundleVersion`.
    pub build: String,
    /// How `Info.plist` is written.
    pub info_plist: InfoPlist,
    /// Whether `codesign` is content with the tools.
    pub signed: bool,
    /// The service's `ID`, bare.
    pub host_id: String,
    /// The `Hardware Id`, bare.
    pub hardware_id: String,
}

impl Default for Parallels {
    fn default() -> Self {
        Self {
            version: "26.1.1".to_owned(),
            build: "57288".to_owned(),
            info_plist: InfoPlist::Xml,
            signed: true,
            host_id: "0d3c7b42-9a51-4e0e-8f1c-64b2a7d81c35".to_owned(),
            hardware_id: "8be4df61-93ca-41d2-aa0d-00e098032b8c".to_owned(),
        }
    }
}

/// How `Info.plist` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InfoPlist {
    /// As XML.
    #[default]
    Xml,
    /// In the binary form.
    Binary,
    /// Without `CFBundleVersion`, so that the build is not shown.
    WithoutBuild,
    /// Cut short, so that only `prlctl --version` tells the version.
    Cut,
}

/// Parallels' service: whether it runs, and what the Security tab and the preferences of the whole Mac hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// A stopped service makes both tools end with 253.
    pub running: bool,
    /// What comes of starting it.
    pub start: Start,
    /// The actions for which the Security tab asks for a password.
    pub require_password: Restrictions,
    /// The preferences are locked.
    pub preferences_locked: bool,
    /// A custom password protects the settings: every change would ask for it.
    pub custom_password: bool,
    /// The customer experience program.
    pub cep: bool,
    /// Screenshots may go with problem reports.
    pub attach_screenshots: bool,
    /// Somebody is signed in to a Parallels account.
    pub signed_in: bool,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            running: true,
            start: Start::Works,
            require_password: Restrictions::default(),
            preferences_locked: false,
            custom_password: false,
            cep: false,
            attach_screenshots: true,
            signed_in: false,
        }
    }
}

/// What comes of starting Parallels' service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// It runs.
    #[default]
    Works,
    /// What should start it says that it could not.
    Fails,
    /// What should start it says that all is well, and it does not run.
    InVain,
}

/// The actions that `prlsrvctl set --require-pwd` knows (KB 124041; vagrant-parallels driver base.rb).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Restrictions {
    /// Making a new virtual machine.
    pub create_vm: bool,
    /// Adding an existing one.
    pub add_vm: bool,
    /// Removing one.
    pub remove_vm: bool,
    /// Cloning one or making it a template.
    pub clone_vm: bool,
}

impl Restrictions {
    /// The names of the restrictions that are on, in the order in which the real tool lists them.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("create-vm", self.create_vm),
            ("add-vm", self.add_vm),
            ("remove-vm", self.remove_vm),
            ("clone-vm", self.clone_vm),
        ];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }

    /// The switch of this name, if there is one.
    pub fn named(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "create-vm" => Some(&mut self.create_vm),
            "add-vm" => Some(&mut self.add_vm),
            "remove-vm" => Some(&mut self.remove_vm),
            "clone-vm" => Some(&mut self.clone_vm),
            _ => None,
        }
    }
}

/// A macOS user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The group id; 20 is `staff`.
    pub gid: u32,
    /// The home folder.
    pub home: String,
    /// Whether a session exists into which `launchctl asuser` can go.
    pub logged_in: bool,
    /// Whether Parallels' service has met this user, who is then in `prlsrvctl user list`.
    pub known_to_parallels: bool,
    /// Whether this is a local account, which `dscl . -list /Users` shows.
    pub local: bool,
    /// Preferences by domain and key.
    pub defaults: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            uid: 501,
            gid: 20,
            home: "/Users/ada".to_owned(),
            logged_in: true,
            known_to_parallels: true,
            local: true,
            defaults: BTreeMap::new(),
        }
    }
}

impl State {
    /// The name of the user with this id.
    #[must_use]
    pub fn user_by_uid(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|(_, user)| user.uid == uid).map(|(name, _)| name.as_str())
    }

    /// Gives a user other ids, as tests with real accounts need it. An unknown name changes nothing.
    #[must_use]
    pub fn with_ids(mut self, name: &str, uid: u32, gid: u32) -> Self {
        if let Some(user) = self.users.get_mut(name) {
            user.uid = uid;
            user.gid = gid;
        }
        self
    }

    /// Adds a fault under a name.
    #[must_use]
    pub fn with_fault(mut self, name: &str, fault: Fault) -> Self {
        self.faults.insert(name.to_owned(), fault);
        self
    }
}
