//! Whether files may have changed since they were read, without opening them.
//!
//! In go paths; out comes a [`Stamp`] to compare with a later one. Opening a file below a watched folder wakes the watcher on
//! Linux, and reading costs more than asking for the times and the size.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

/// File systems keep times in steps; what changed this shortly before could change again within the same step.
const STEP: SignedDuration = SignedDuration::from_secs(2);

/// What the system tells of some files, and when it was asked.
#[derive(Debug, Clone)]
pub struct Stamp {
    marks: Vec<(PathBuf, Option<Mark>)>,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Asks for these files; `at` is the time now. To be taken before they are read.
    #[must_use]
    pub fn of(paths: impl IntoIterator<Item = PathBuf>, at: Timestamp) -> Self {
        let marks = paths.into_iter().map(|path| {
            let mark = Mark::of(&path);
            (path, mark)
        });
        Self { marks: marks.collect(), at }
    }

    /// True when there was none of the files.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.marks.iter().all(|(_, mark)| mark.is_none())
    }

    /// True when the files are surely as they were; false also when that cannot be told.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.marks.iter().all(|(path, mark)| {
            let settled = mark.is_none_or(|mark| mark.is_older_than(self.at));
            settled && Mark::of(path) == *mark
        })
    }
}

impl Mark {
    fn of(path: &std::path::Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    fn is_older_than(&self, at: Timestamp) -> bool {
        let changed = Timestamp::from_second(self.changed.0).ok();
        changed.is_some_and(|changed| at.duration_since(changed) > STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long after whatever a test writes.
    fn later() -> Timestamp {
        jiff::Timestamp::MAX
    }

    #[expect(clippy::disallowed_methods, reason = "what MDM does, not what the agent does")]
    fn write(path: &std::path::Path, content: &str) {
        fs::write(path, content).unwrap();
    }

    #[test]
    fn every_change_breaks_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.plist");
        let stamp = || Stamp::of([path.clone()], later());
        let absent = stamp();
        assert!(absent.holds());
        write(&path, "one");
        assert!(!absent.holds(), "it came");
        let one = stamp();
        assert!(one.holds());
        write(&path, "three");
        assert!(!one.holds(), "other content");
        let three = stamp();
        write(&scratch.path().join("new"), "three");
        fs::remove_file(&path).unwrap();
        assert!(!three.holds(), "it went");
        fs::hard_link(scratch.path().join("new"), &path).unwrap();
        assert!(!three.holds(), "another file with the same content");
    }

    #[test]
    fn what_changed_just_now_is_read_again() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.plist");
        write(&path, "one");
        let changed = Mark::of(&path).unwrap().changed.0;
        for (after, holds) in [(-9, false), (0, false), (2, false), (3, true)] {
            let at = Timestamp::from_second(changed + after).unwrap();
            assert_eq!(Stamp::of([path.clone()], at).holds(), holds, "{after} s");
        }
    }
}
