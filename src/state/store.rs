//! The private folder and its documents, held by one process.
//!
//! In goes the Mac's layout; out comes typed access to the documents, after the folders were checked and the lock taken.
//! Nobody else reads or writes the folder: the command line asks the daemon through its socket.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;

use super::document::{self, Exposed, Kept, Loaded};
use super::error::StateError;
use super::{atomic, atomic::Unhindered};
use crate::paths::Paths;
use crate::platform::folder;

/// How often the lock is asked for before another daemon is believed to run.
const LOCK_ATTEMPTS: u32 = 5;

/// The pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// The agent's documents. While it lives, no other process can open them.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The locked file. The mutex lets one thread of this process at a time touch the documents.
    lock: Mutex<File>,
    exposed: Mutex<Vec<Exposed>>,
}

impl Store {
    /// Opens the store: makes or checks the folders and takes the lock, which the system gives back however this
    /// process ends.
    ///
    /// # Errors
    /// [`StateError::Locked`] when another daemon runs; [`StateError::Folder`] and [`StateError::Io`] when the private
    /// folder is not this user's or the system refuses.
    pub fn open(paths: &Paths) -> Result<Self, StateError> {
        let above = folder::ensure(&paths.support(), folder::PUBLIC)?;
        let private = folder::ensure(&paths.private(), folder::PRIVATE)?;
        let found = [("the folder of status.json", above), ("the private folder", private)];
        let exposed = found.into_iter().filter_map(|(name, mode)| Some(Exposed { name, mode: mode? }));
        let exposed = Mutex::new(exposed.collect());
        let lock = take_lock(&paths.private().join("lock"))?;
        Ok(Self { folder: paths.private(), lock: Mutex::new(lock), exposed })
    }

    /// The folders that others might have read or changed, and the documents, of those that were loaded so far.
    #[must_use]
    pub fn exposed(&self) -> Vec<Exposed> {
        self.exposed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is there of a document. Damaged generations and those of other users are moved aside; the caller reports
    /// [`Loaded::damage`]. The mode of those that others could read is put right; the caller reports [`Store::exposed`].
    ///
    /// # Errors
    /// When the system does not let the file be read; nothing is then moved or lost.
    pub fn load<T: Kept>(&self) -> Result<Loaded<T>, StateError> {
        let _alone = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut exposed = self.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        document::load(&self.folder, &mut |found| exposed.push(found))
    }

    /// Makes `value` the current generation, durably. Publish it only after this returned.
    ///
    /// # Errors
    /// When the value cannot be encoded or written. The generation before then still stands, save that an error of the
    /// last step leaves the new one in place; saving again is always right.
    pub fn save<T: Kept>(&self, value: &T) -> Result<(), StateError> {
        let _alone = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        document::save(&self.folder, value, &Unhindered)
    }

    /// Forgets a document with both its generations, so that it is [`Loaded::Absent`]. There may be none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove<T: Kept>(&self) -> Result<(), StateError> {
        let _alone = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        document::remove::<T>(&self.folder)
    }
}

/// Takes the lock file, which is never renamed or removed, and writes this process's id into it for the message of the
/// one that comes second.
fn take_lock(path: &Path) -> Result<File, StateError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(atomic::PRIVATE)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(StateError::io("open", path))?;
    lock(&file, path)?;
    let mut write_pid = || {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    // The lock is what counts; on a full disk the message of a second daemon lacks the id.
    let _: std::io::Result<()> = write_pid();
    Ok(file)
}

/// Takes the lock. A daemon that was killed may have left it for some milliseconds to a child that was just starting a tool,
/// so it is asked for more than once.
fn lock(file: &File, path: &Path) -> Result<(), StateError> {
    for attempt in 0..LOCK_ATTEMPTS {
        if attempt > 0 {
            pause();
        }
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(StateError::io("lock", path)(error)),
        }
    }
    Err(StateError::Locked { pid: written_pid(file) })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemon has not started yet; nothing else could be done meanwhile"
)]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}

fn written_pid(lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::folder::FolderError;
    use serde::{Deserialize, Serialize};
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Baseline(Vec<String>);

    impl Kept for Baseline {
        const NAME: &'static str = "baseline.json";
    }

    fn scratch() -> (tempfile::TempDir, Paths) {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        (root, paths)
    }

    #[test]
    fn what_was_saved_is_there_after_a_restart() {
        let (_root, paths) = scratch();
        let store = Store::open(&paths).unwrap();
        assert!(matches!(store.load::<Baseline>().unwrap(), Loaded::Absent));
        store.save(&Baseline(vec!["one".into()])).unwrap();
        drop(store);
        let store = Store::open(&paths).unwrap();
        assert_eq!(store.load().unwrap().value(), Some(Baseline(vec!["one".into()])));
        store.save(&Baseline(vec![])).unwrap();
        store.remove::<Baseline>().unwrap();
        store.remove::<Baseline>().unwrap();
        assert!(matches!(store.load::<Baseline>().unwrap(), Loaded::Absent));
    }

    #[test]
    fn all_of_it_is_private() {
        let (_root, paths) = scratch();
        Store::open(&paths).unwrap().save(&Baseline(vec![])).unwrap();
        let mode = |path: PathBuf| path.metadata().unwrap().mode() & 0o7777;
        assert_eq!((mode(paths.support()), mode(paths.private())), (0o755, 0o700));
        for entry in paths.private().read_dir().unwrap() {
            assert_eq!(mode(entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn a_folder_that_lay_open_is_told_of() {
        let (_root, paths) = scratch();
        assert_eq!(Store::open(&paths).unwrap().exposed(), []);
        std::fs::set_permissions(paths.private(), Permissions::from_mode(0o777)).unwrap();
        let store = Store::open(&paths).unwrap();
        assert_eq!(store.exposed(), [Exposed { name: "the private folder", mode: 0o777 }]);
    }

    #[test]
    fn a_second_daemon_is_told_who_runs() {
        let (_root, paths) = scratch();
        let first = Store::open(&paths).unwrap();
        let error = Store::open(&paths).unwrap_err();
        assert!(matches!(error, StateError::Locked { pid: Some(pid) } if pid == std::process::id()));
        assert_eq!(
            error.to_string(),
            format!("another daemon runs (pid {}); stop it first", std::process::id())
        );
        drop(first);
        Store::open(&paths).unwrap();
    }

    #[test]
    fn a_lock_file_with_garbage_or_a_link_in_its_place() {
        let (_root, paths) = scratch();
        let lock = paths.private().join("lock");
        drop(Store::open(&paths).unwrap());
        atomic::write(&lock, &[0xff; 4096], atomic::PRIVATE).unwrap();
        let held = File::open(&lock).unwrap();
        held.lock().unwrap();
        assert!(matches!(Store::open(&paths), Err(StateError::Locked { pid: None })));
        drop(held);
        Store::open(&paths).unwrap();
        std::fs::remove_file(&lock).unwrap();
        symlink(paths.support(), &lock).unwrap();
        assert!(matches!(Store::open(&paths), Err(StateError::Io { attempt: "open", .. })));
    }

    #[test]
    fn a_private_folder_of_another_user_is_refused() {
        let (_root, paths) = scratch();
        drop(Store::open(&paths).unwrap());
        if std::os::unix::fs::chown(paths.private(), Some(12345), None).is_ok() {
            assert!(matches!(Store::open(&paths), Err(StateError::Folder(FolderError::Owner { .. }))));
        }
    }
}
