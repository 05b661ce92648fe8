//! How a setting is seen and enforced, as data that `hypervisor` turns into command lines.

/// Where the value of a setting is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensor {
    /// This action in `Require password to` of `prlsrvctl info`.
    RequirePassword(&'static str),
    /// `Preferences are locked` of `prlsrvctl info`.
    PreferencesLocked,
    /// This on/off line of `prlsrvctl info`.
    ServerSwitch(&'static str),
    /// `Configuration is locked` of `prlctl list -i`.
    ConfigurationLocked,
    /// `Show developer tools` of `prlctl list -i`.
    DeveloperTools,
    /// `Autostart` and `Startup view` of `prlctl list -i`.
    Startup,
    /// `net0` of `prlctl list -i`.
    Network,
    /// `Expiration` of `prlctl list -i`.
    Expiration,
    /// This action in `Require password to` of a virtual machine.
    VmRequirePassword(&'static str),
    /// This preference of the user, as `defaults export` shows it.
    UserDefault(UserDefault),
    /// Nothing that Parallels' tools print is known to show it.
    Unseen,
}

/// A preference of Parallels Desktop in a user's own defaults, in the domain `com.parallels.Parallels Desktop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserDefault {
    /// Its key.
    pub name: &'static str,
    /// How its value is written.
    pub form: DefaultForm,
}

/// How a value is written as a preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultForm {
    /// A boolean.
    Switch,
    /// An integer for each choice.
    Numbers(&'static [(&'static str, i64)]),
}

/// How the value of a setting is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lever {
    /// `prlsrvctl set --require-pwd ACTION:on|off`.
    RequirePassword(&'static str),
    /// `prlsrvctl set FLAG on|off`.
    ServerSwitch(&'static str),
    /// `prlctl set UUID FLAG WORD`, with the word for on and the word for off.
    VmSwitch(&'static str, &'static str, &'static str),
    /// `prlctl set UUID --require-pwd ACTION:on|off`.
    VmRequirePassword(&'static str),
    /// `prlctl set UUID --autostart … --startup-view …`.
    Startup,
    /// `prlctl set UUID --device-set net0 …`.
    Network,
    /// `prlctl set UUID --expiration …`.
    Expiration,
    /// `defaults write` of this preference, as the user.
    UserDefault(UserDefault),
    /// Through these settings, which it implies, and by reporting what Parallels does not prevent.
    Implies(&'static [&'static str]),
    /// No lever is known: the agent decides by it which updates are allowed, reports them, and reports a violation once a
    /// version is installed that it holds back.
    Decided,
    /// Nothing on the Mac is changed: the agent itself heeds it and reports what it sees.
    Heeded,
}
