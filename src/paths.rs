//! Every path that the agent knows, below one root: `/` on a Mac, a scratch folder in tests and in the demo.

use std::path::{Path, PathBuf};

/// The launchd label and the preference domain of the agent.
pub const LABEL: &str = "dev.meridian.agent";

/// How many files the log has: the one that grows and the older ones.
pub const LOG_FILES: u8 = 5;

/// The preference domain of Parallels' own activation profile.
pub const PARALLELS_MANAGED_DOMAIN: &str = "com.parallels.desktop.managedprefs";

/// The Mac's layout below a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    root: PathBuf,
}

macro_rules! paths {
    ($($(#[doc = $doc:literal])+ $name:ident => $path:literal;)+) => {$(
        $(#[doc = $doc])+
        #[must_use]
        pub fn $name(&self) -> PathBuf {
            self.root.join($path)
        }
    )+};
}

impl Paths {
    /// The layout below `root`.
    #[must_use]
    pub fn under(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True when the layout is the Mac's own and not one below a scratch root.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.root == Path::new("/")
    }

    paths! {
        /// The agent's executable, in a folder that only root may write.
        executable => "opt/meridian/bin/meridian";
        /// The link to the executable in everyone's PATH.
        executable_link => "usr/local/bin/meridian";
        /// The launchd property list of the daemon.
        launchd_plist => "Library/LaunchDaemons/dev.meridian.agent.plist";
        /// Where macOS lays down the managed preferences of every domain.
        managed_preferences => "Library/Managed Preferences";
        /// The agent's own state.
        support => "Library/Application Support/Meridian";
        /// The status that anyone may read, also while the daemon is down.
        status_file => "Library/Application Support/Meridian/status.json";
        /// What only root may read: keys, documents, the lock.
        private => "Library/Application Support/Meridian/private";
        /// The golden images as they are fetched.
        images => "Library/Application Support/Meridian/private/images";
        /// The folder of the local socket.
        socket_folder => "var/run/meridian";
        /// The local socket.
        socket => "var/run/meridian/agent.sock";
        /// The agent's logs. `daemon.log` in it is launchd's: what was said before the log began, and panics.
        logs => "Library/Logs/Meridian";
        /// The agent's log.
        log => "Library/Logs/Meridian/meridian.log";
        /// Parallels Desktop.
        parallels_app => "Applications/Parallels Desktop.app";
        /// Parallels Desktop's version.
        parallels_info_plist => "Applications/Parallels Desktop.app/Contents/Info.plist";
        /// `prlctl`: the virtual machines of one macOS user.
        prlctl => "Applications/Parallels Desktop.app/Contents/MacOS/prlctl";
        /// `prlsrvctl`: Parallels' service and its settings.
        prlsrvctl => "Applications/Parallels Desktop.app/Contents/MacOS/prlsrvctl";
        /// Where Parallels' service keeps its settings; a change here may be drift.
        parallels_preferences => "Library/Preferences/Parallels";
        /// The license as Parallels' service keeps it; read, never written.
        parallels_licenses => "Library/Preferences/Parallels/licenses.json";
        /// The version of macOS.
        system_version => "System/Library/CoreServices/SystemVersion.plist";
        /// `ioreg`: serial number, platform UUID, model.
        ioreg => "usr/sbin/ioreg";
        /// `sysctl`: host name and processor.
        sysctl => "usr/sbin/sysctl";
        /// `pmset`: mains or battery, awake or half asleep.
        pmset => "usr/bin/pmset";
        /// `dscl`: the local accounts.
        dscl => "usr/bin/dscl";
        /// `codesign`: who signed Parallels' tools.
        codesign => "usr/bin/codesign";
        /// `defaults`: a user's preferences.
        defaults => "usr/bin/defaults";
        /// `launchctl`: into a user's session.
        launchctl => "bin/launchctl";
        /// `open`: starts an application.
        open => "usr/bin/open";
        /// `logger`: lines for the Mac's own log.
        logger => "usr/bin/logger";
        /// `profiles`: whether MDM manages this Mac.
        profiles => "usr/bin/profiles";
        /// `scutil`: the proxies of the network.
        scutil => "usr/sbin/scutil";
        /// `sfltool`: whether the user lets background items run.
        sfltool => "usr/bin/sfltool";
        /// `sudo`: as a user.
        sudo => "usr/bin/sudo";
    }

    /// An older file of the log, the younger the lower its age; below [`LOG_FILES`].
    #[must_use]
    pub fn older_log(&self, age: u8) -> PathBuf {
        self.logs().join(format!("meridian.{age}.log"))
    }

    /// The managed preferences of `domain` at device scope.
    #[must_use]
    pub fn managed_domain(&self, domain: &str) -> PathBuf {
        self.managed_preferences().join(format!("{domain}.plist"))
    }
}
