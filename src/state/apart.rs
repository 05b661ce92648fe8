//! A document with a lock of its own, for what must work whether or not the daemon runs and holds the store.
//!
//! In goes the Mac's layout; out comes the document, for as long as the lock is held. The lock is the system's, so that it
//! is given back however a process ends. Whoever comes second is told so, and may try again.

use std::fs::{File, OpenOptions, TryLockError};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::OFlags;

use super::atomic::{self, Unhindered};
use super::document::{self, Kept, Loaded};
use super::error::StateError;
use crate::paths::Paths;
use crate::platform::folder;

/// A document, locked.
#[derive(Debug)]
pub struct Apart<T> {
    folder: PathBuf,
    _lock: File,
    document: PhantomData<T>,
}

impl<T: Kept> Apart<T> {
    /// Takes the lock; `None` while another process or task has it. The folders are made where they are missing.
    ///
    /// # Errors
    /// When a folder is not this user's, or the system refuses.
    pub fn try_open(paths: &Paths) -> Result<Option<Self>, StateError> {
        for (path, mode) in [(paths.support(), folder::PUBLIC), (paths.private(), folder::PRIVATE)] {
            if let Some(had) = folder::ensure(&path, mode)? {
                tracing::error!(path = %path.display(), mode = format!("{had:04o}"), "a folder lay open");
            }
        }
        let folder = paths.private();
        let name = T::NAME.strip_suffix(".json").unwrap_or(T::NAME);
        let path = folder.join(format!("{name}.lock"));
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(atomic::PRIVATE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(StateError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder, _lock: lock, document: PhantomData })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StateError::io("lock", &path)(error)),
        }
    }

    /// What the document is now, for who has to wait for the lock.
    ///
    /// # Errors
    /// When the system does not let the file be read.
    pub fn glance(paths: &Paths) -> Result<Loaded<T>, StateError> {
        document::glance(&paths.private())
    }

    /// What is there of the document; see [`super::Store::load`].
    ///
    /// # Errors
    /// When the system does not let the file be read.
    pub fn load(&self) -> Result<Loaded<T>, StateError> {
        document::load(&self.folder, &mut |exposed| tracing::error!(%exposed, "a stored document lay open"))
    }

    /// Makes `value` the current generation, durably.
    ///
    /// # Errors
    /// When the value cannot be encoded or written; the generation before then still stands.
    pub fn save(&self, value: &T) -> Result<(), StateError> {
        document::save(&self.folder, value, &Unhindered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Orders(Vec<u8>);

    impl Kept for Orders {
        const NAME: &'static str = "orders.json";
    }

    #[test]
    fn it_works_beside_the_store_and_one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(root.path());
        let _store = Store::open(&paths).unwrap();
        let first = Apart::<Orders>::try_open(&paths).unwrap().unwrap();
        assert!(Apart::<Orders>::try_open(&paths).unwrap().is_none());
        assert!(matches!(Apart::<Orders>::glance(&paths), Ok(Loaded::Absent)));
        first.save(&Orders(vec![1])).unwrap();
        assert_eq!(Apart::<Orders>::glance(&paths).unwrap().value(), Some(Orders(vec![1])));
        drop(first);
        let second = Apart::<Orders>::try_open(&paths).unwrap().unwrap();
        assert_eq!(second.load().unwrap().value(), Some(Orders(vec![1])));
    }
}
