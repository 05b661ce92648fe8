//! The content of the files in which Parallels' service keeps its settings, in a few bytes.
//!
//! In goes their folder; out comes a [`Fingerprint`]. A file is opened only when it may have changed since: opening one
//! below a watched folder wakes the watcher on Linux, and the daemon looks at them every minute.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::stamp::Stamp;
use crate::domain::digest::Digest;
use crate::file::{self, Links};

/// The file that lists the virtual machines (named in Parallels' backup scripts).
const MACHINES: &str = "vmdirectorylist.desktop.xml";

/// The file that holds the service's settings (named in Parallels' backup scripts).
const SETTINGS: &str = "dispatcher.desktop.xml";

/// The file that holds the license (named in Parallels' extension for Visual Studio Code).
const LICENSES: &str = "licenses.json";

/// No file of the service is near this size; a larger one counts as absent.
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
    /// Whether the service's own files differ; the license is looked at by itself.
    #[must_use]
    pub fn service_differs(&self, other: &Self) -> bool {
        (&self.machines, &self.settings) != (&other.machines, &other.settings)
    }
}

/// The service's files.
#[derive(Debug)]
pub struct Files {
    machines: Kept,
    settings: Kept,
    license: Kept,
}

impl Files {
    /// Those in this folder, none of them read yet.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        let kept = |name| Kept { path: folder.join(name), last: None };
        Self { machines: kept(MACHINES), settings: kept(SETTINGS), license: kept(LICENSES) }
    }

    /// Their content now, `now` being the time.
    pub fn fingerprint(&mut self, now: Timestamp) -> Fingerprint {
        Fingerprint {
            machines: self.machines.digest(now),
            settings: self.settings.digest(now),
            license: self.license.digest(now),
        }
    }
}

/// A file, and what was read of it while it was as it is.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    last: Option<(Stamp, Option<Digest>)>,
}

impl Kept {
    fn digest(&mut self, now: Timestamp) -> Option<Digest> {
        if let Some((_, digest)) = self.last.as_ref().filter(|(stamp, _)| stamp.holds()) {
            return *digest;
        }
        let stamp = Stamp::of([self.path.clone()], now);
        let digest = digest(&self.path);
        // What could not be read though it is there may be readable the next time, without any change.
        self.last = (digest.is_some() || stamp.is_absent()).then_some((stamp, digest));
        digest
    }
}

fn digest(path: &Path) -> Option<Digest> {
    Some(Digest::of(&file::read(path, Links::Refused, LARGEST).ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "what the service does, not what the agent does")]
    fn write(path: &Path, content: &str) {
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_file_is_read_only_when_it_may_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join(SETTINGS);
        write(&settings, "one");
        let mut files = Files::in_folder(folder.path());
        let mut now = || files.fingerprint(Timestamp::MAX);
        assert_eq!(
            now(),
            Fingerprint { settings: Some(Digest::of(b"one")), ..Fingerprint::default() },
            "absent files are no trouble"
        );
        write(&settings, "three");
        assert_eq!(now().settings, Some(Digest::of(b"three")));
        fs::remove_file(&settings).unwrap();
        assert_eq!(now().settings, None);
        write(&folder.path().join(LICENSES), "{}");
        assert_eq!(now().license, Some(Digest::of(b"{}")));
        // Whoever reads the file again does not come to this.
        files.license.last.as_mut().unwrap().1 = Some(Digest::of(b"remembered"));
        assert_eq!(files.fingerprint(Timestamp::MAX).license, Some(Digest::of(b"remembered")));
    }
}
