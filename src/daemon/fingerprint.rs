//! The content of the files in which Parallels' service keeps its settings, in a few bytes.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use std::io::Read;

use crate::domain::digest::Digest;

/// The file that lists the virtual machines (named in Parallels' backup scripts).
const MACHINES: &str = "vmdirectorylist.desktop.xml";

/// The file that holds the service's settings (named in Parallels' backup scripts).
const SETTINGS: &str = "dispatcher.desktop.xml";

/// The file that holds the license (named in Parallels' extension for Visual Studio Code).
const LICENSES: &str = "licenses.json";

/// No file of the service is near this size; what is beyond does not count.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The content of the service's files; a file that cannot be read counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// The list of virtual machines.
    pub machines: Option<Digest>,
    /// The settings.
    pub settings: Option<Digest>,
    /// The license.
    pub license: Option<Digest>,
}

impl Fingerprint {
    /// The content now.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let of = |name| digest(&folder.join(name));
        Self { machines: of(MACHINES), settings: of(SETTINGS), license: of(LICENSES) }
    }

    /// Whether the service's own files differ; the license is looked at by itself.
    #[must_use]
    pub fn service_differs(&self, other: &Self) -> bool {
        (&self.machines, &self.settings) != (&other.machines, &other.settings)
    }
}

fn digest(file: &Path) -> Option<Digest> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(file).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    file.take(LARGEST).read_to_end(&mut content).ok()?;
    Some(Digest::of(&content))
}
