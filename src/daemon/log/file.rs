//! The log's files: `meridian.log` and four older ones, each of at most 2 MiB.
//!
//! In go whole lines; out come files of mode 0600 that this process's user owns. Nothing is kept open across a change of the
//! name: a file that somebody deleted, moved or cut is noticed by the next line. A link or anything else that is no file
//! of this user is taken away before a new file is made, and never written through.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::paths::{LOG_FILES, Paths};
use crate::platform::{effective_uid, folder};
use crate::state::atomic::PRIVATE;

/// No file grows beyond this, in bytes.
const LARGEST: u64 = 2 << 20;

/// The log's files.
#[derive(Debug)]
pub(super) struct LogFile {
    paths: Paths,
    largest: u64,
    open: Option<(File, Identity)>,
    /// The last write ended within a line.
    torn: bool,
}

/// Device and inode.
type Identity = (u64, u64);

impl LogFile {
    /// The log of this layout. Nothing is opened or made yet.
    pub(super) const fn new(paths: Paths) -> Self {
        Self { paths, largest: LARGEST, open: None, torn: false }
    }

    /// Appends a line, which ends with a line feed.
    ///
    /// # Errors
    /// What the system says. The line is lost then, and the next one is tried again.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        let path = self.paths.log();
        let size = match path.symlink_metadata() {
            Ok(found) => {
                let identity = (found.dev(), found.ino());
                self.open.take_if(|(_, open)| *open != identity);
                if found.is_file() { found.len() } else { 0 }
            }
            Err(_) => {
                self.open = None;
                0
            }
        };
        if size > 0 && size + line.len() as u64 > self.largest {
            self.rotate(&path)?;
        }
        let torn = self.torn;
        let file = self.opened(&path)?;
        let written = match torn {
            true => file.write_all(format!("\n{line}").as_bytes()),
            false => file.write_all(line.as_bytes()),
        };
        // Some of it may be there.
        self.torn = written.is_err();
        written
    }

    /// Gives each file the next older name; the oldest is gone then. Where that cannot be done, the file is emptied: the log
    /// must not grow.
    fn rotate(&mut self, path: &Path) -> io::Result<()> {
        (self.open, self.torn) = (None, false);
        let older = |age| self.paths.older_log(age);
        for age in (1..LOG_FILES - 1).rev() {
            // There may be none of this age.
            let _: io::Result<()> = rename(&older(age), &older(age + 1));
        }
        match rename(path, &older(1)) {
            Ok(()) => Ok(()),
            Err(_) => open(path, false)?.0.set_len(0),
        }
    }

    fn opened(&mut self, path: &Path) -> io::Result<&mut File> {
        if self.open.is_none() {
            folder::ensure(&self.paths.logs(), folder::PUBLIC).map_err(io::Error::other)?;
            let opened = open(path, false).or_else(|_| {
                // A link, a pipe, another user's file. A folder stays in the way, and the error tells so.
                fs::remove_file(path)?;
                open(path, true)
            })?;
            self.torn = false;
            self.open = Some(opened);
        }
        self.open.as_mut().map(|(file, _)| file).ok_or_else(|| io::Error::other("not open"))
    }
}

/// Opens a file to append to, which is made where there is none. Not blocking, since a pipe would wait for a reader.
fn open(path: &Path, is_new: bool) -> io::Result<(File, Identity)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .create_new(is_new)
        .mode(PRIVATE)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != effective_uid().0 || found.nlink() != 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file of the agent's own"));
    }
    if found.mode() & 0o7777 != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok((file, (found.dev(), found.ino())))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log that is put aside is no document: nothing depends on it"
)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[cfg(test)]
mod tests;
