//! The folder of managed preferences: the only code here that opens files.
//!
//! The agent and Parallels have a file each at device scope; a file of the agent's domain in a user's folder is listed as
//! ignored, because only device scope enforces. `complete.plist`, the aggregate of all domains, is never opened.

use std::fmt;
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Unreadable;
use super::activation::Activation;
use crate::file::{self, Links};
use crate::paths::{LABEL, PARALLELS_MANAGED_DOMAIN, Paths};

/// Largest file that is read, in bytes.
pub(crate) const LARGEST: u64 = 1 << 20;

/// A whole file: absent, unreadable or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// There is no such file.
    Absent,
    /// There is one that does not count; what was read before stays.
    Unreadable(Unreadable),
    /// What it holds.
    Read(T),
}

impl<T> Reading<T> {
    fn and_then<U>(self, parse: impl FnOnce(T) -> Result<U, Unreadable>) -> Reading<U> {
        match self {
            Self::Absent => Reading::Absent,
            Self::Unreadable(why) => Reading::Unreadable(why),
            Self::Read(content) => parse(content).map_or_else(Reading::Unreadable, Reading::Read),
        }
    }
}

/// The bytes of a file that may hold secrets: base64 in documents, never displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(pub Vec<u8>);

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileBytes({} hidden)", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("not base64"))
    }
}

/// The agent's file as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its path.
    pub file: String,
    /// Its content.
    pub bytes: FileBytes,
}

/// A file of the agent's domain at user scope, which is ignored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserFile {
    /// The user's name, that of the folder.
    pub user: String,
    /// The file's path.
    pub file: String,
}

/// What lies in the folder of managed preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The agent's own file, not parsed yet: [`super::Grace::step`] parses it.
    pub agent: Reading<Document>,
    /// Parallels' activation profile.
    pub activation: Reading<Activation>,
    /// The agent's files at user scope, by user.
    pub ignored: Vec<UserFile>,
}

/// Reads the folder of managed preferences once. Blocks for as long as the file system does.
#[must_use]
pub fn read_managed(paths: &Paths) -> Managed {
    let agent = paths.managed_domain(LABEL);
    let parallels = paths.managed_domain(PARALLELS_MANAGED_DOMAIN);
    Managed {
        agent: read(&agent)
            .and_then(|bytes| Ok(Document { file: agent.display().to_string(), bytes: FileBytes(bytes) })),
        activation: read(&parallels)
            .and_then(|bytes| Activation::parse(&parallels.display().to_string(), &bytes)),
        ignored: user_files(&paths.managed_preferences()),
    }
}

/// The files and folders on which [`read_managed`] depends: when none of them changes, it gives the same.
#[must_use]
pub fn depends_on(paths: &Paths) -> Vec<PathBuf> {
    let folder = paths.managed_preferences();
    let mut all = vec![paths.managed_domain(LABEL), paths.managed_domain(PARALLELS_MANAGED_DOMAIN)];
    all.extend(folders(&folder).map(|user| user.path()));
    all.push(folder);
    all
}

fn read(path: &Path) -> Reading<Vec<u8>> {
    match file::read(path, Links::Refused, LARGEST) {
        Ok(bytes) => Reading::Read(bytes),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reading::Absent,
            ErrorKind::InvalidInput => Reading::Unreadable(Unreadable::NotAFile),
            ErrorKind::FileTooLarge => Reading::Unreadable(Unreadable::TooLarge),
            _ => Reading::Unreadable(Unreadable::System(error.to_string())),
        },
    }
}

fn folders(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

fn user_files(folder: &Path) -> Vec<UserFile> {
    let mut files: Vec<_> = folders(folder)
        .filter_map(|entry| {
            let file = entry.path().join(format!("{LABEL}.plist"));
            fs::symlink_metadata(&file).ok()?;
            Some(UserFile {
                user: entry.file_name().to_string_lossy().into_owned(),
                file: file.display().to_string(),
            })
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests;
