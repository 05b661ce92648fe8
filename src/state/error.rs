//! What can keep the agent from keeping something.

use std::io;
use std::path::{Path, PathBuf};

use crate::platform::folder::FolderError;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process holds the lock.
    #[error("another daemon runs ({}); stop it first", .pid.map_or("pid unknown".to_owned(), |pid| format!("pid {pid}")))]
    Locked {
        /// The process that wrote its id into the lock file, if that can be read.
        pid: Option<u32>,
    },
    /// One of the store's folders cannot be used.
    #[error("the agent's folder is not usable")]
    Folder(#[from] FolderError),
    /// The system refused; see [`StateError::is_disk_full`].
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The value has no JSON form.
    #[error("cannot encode {name}")]
    Encode {
        /// The document.
        name: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The document would be larger than what is read back.
    #[error("{name} would take {size} bytes, more than {limit}")]
    TooLarge {
        /// The document.
        name: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The most bytes a document may take.
        limit: usize,
    },
}

impl StateError {
    /// True when there is no room, on the disk or within a quota: a problem that passes by itself.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }

    /// For `map_err`: says what was attempted with which file.
    pub(super) fn io(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { attempt, path, source }
    }
}
