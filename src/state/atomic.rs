//! Files that are replaced whole: whoever reads sees the old bytes or the new ones, also after a power cut.
//!
//! In goes a path, bytes and a mode; out comes a file with exactly these. The new bytes go to a temporary file in the
//! same folder, are synced, and take the old file's name; then the folder is synced. Nothing is ever truncated in place,
//! so a full disk costs the new bytes only. The temporary file has one fixed name for each file, so that what a crash
//! leaves behind is taken away by the next write; hence each file may have one writer only.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::domain::ids::Uid;
use crate::file::{self, Links};
use crate::platform::effective_uid;

/// The mode of a file that only its owner may read.
pub const PRIVATE: u32 = 0o600;
/// The mode of a file that anyone may read.
pub const PUBLIC: u32 = 0o644;

/// The steps of a write, in their order, as a test may stop them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A temporary file is made.
    Create,
    /// It gets its bytes.
    Write,
    /// It gets its mode.
    Mode,
    /// Its bytes reach the disk.
    Sync,
    /// The bytes so far get a second name.
    Link,
    /// The second name replaces the previous generation's.
    Keep,
    /// The temporary file takes the file's name.
    Rename,
    /// The new name reaches the disk.
    SyncFolder,
    /// After a failure, the temporary file is taken away.
    Discard,
}

/// Is asked before each step; an error stands for the failure of that step.
pub(super) trait Steps {
    /// Before `step` is made.
    fn before(&self, step: Step) -> io::Result<()>;
}

/// What runs in the product: every step is made.
pub(super) struct Unhindered;

impl Steps for Unhindered {
    fn before(&self, _: Step) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces the file at `path` by `bytes` and gives it `mode`, whatever the umask is.
///
/// # Errors
/// What the system says, such as [`io::ErrorKind::StorageFull`]. The old file is then untouched, except when only the
/// last sync of the folder failed; writing again is always right.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    Staged::write(path, bytes, mode, &Unhindered)?.commit()
}

/// What a file holds; `None` when there is none. Symbolic links are not followed.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file, [`io::ErrorKind::FileTooLarge`] above `limit` bytes,
/// and what the system says.
pub fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    open(path)?.map(|file| file::whole(&file, limit as u64)).transpose()
}

/// A file whose mode was put right because others might have read or changed it; this is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mended(pub(super) u32);

/// What a private file holds, and whether its mode had to be put right. Owner and mode are those of the very file that is
/// read.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] with the inner error [`Foreign`] for a file that belongs neither to root nor to this
/// process's user, who could have written anything into it; otherwise as [`read`].
pub(super) fn read_private(path: &Path, limit: usize) -> io::Result<Option<(Vec<u8>, Option<Mended>)>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let found = file.metadata()?;
    let owner = Uid(found.uid());
    if owner != Uid(0) && owner != effective_uid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, Foreign(owner)));
    }
    let mode = found.mode() & 0o7777;
    let mended = (mode & 0o077 != 0).then_some(Mended(mode));
    if mended.is_some() {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(Some((file::whole(&file, limit as u64)?, mended)))
}

/// A file belongs to another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it belongs to uid {0}")]
pub(super) struct Foreign(pub(super) Uid);

fn open(path: &Path) -> io::Result<Option<File>> {
    match file::open(path, Links::Refused) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// New bytes beside the file they are to replace, safe on the disk.
pub(super) struct Staged<'a> {
    path: &'a Path,
    temporary: PathBuf,
    steps: &'a dyn Steps,
    committed: bool,
}

impl<'a> Staged<'a> {
    /// Writes the bytes to the temporary file.
    pub(super) fn write(path: &'a Path, bytes: &[u8], mode: u32, steps: &'a dyn Steps) -> io::Result<Self> {
        let temporary = beside(path, "new");
        remove_if_there(&temporary)?;
        steps.before(Step::Create)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&temporary)?;
        let staged = Self { path, temporary, steps, committed: false };
        steps.before(Step::Write)?;
        file.write_all(bytes)?;
        steps.before(Step::Mode)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        steps.before(Step::Sync)?;
        sync(&file)?;
        Ok(staged)
    }

    /// Gives the file so far a second name, which replaces `second`. It keeps its own name until [`Self::commit`].
    pub(super) fn keep_old_as(&self, second: &Path) -> io::Result<()> {
        let link = beside(second, "new");
        remove_if_there(&link)?;
        self.steps.before(Step::Link)?;
        fs::hard_link(self.path, &link)?;
        self.steps.before(Step::Keep)?;
        rename(&link, second)?;
        // Two names of one file: the rename then does nothing, as POSIX has it.
        remove_if_there(&link)
    }

    /// Puts the new bytes in place.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.steps.before(Step::Rename)?;
        rename(&self.temporary, self.path)?;
        self.committed = true;
        self.steps.before(Step::SyncFolder)?;
        sync_folder_of(self.path)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.committed && self.steps.before(Step::Discard).is_ok() {
            // If it stays, the next write takes it away.
            let _ = remove_if_there(&self.temporary);
        }
    }
}

/// `name` becomes `.name.suffix`, in the same folder.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// Removes a file; that there is none is fine.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one home of renaming")]
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Makes the names in the folder of `path` durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    // The parent of a bare name is the empty path, which names no folder.
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync(&File::open(folder)?)
}

/// Syncs down to the medium (the standard library calls `F_FULLFSYNC` on macOS), where the volume can: a network volume
/// that cannot is no reason to keep nothing.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.json");
        for (bytes, mode) in [(&b"one"[..], PUBLIC), (b"two two", PUBLIC), (b"", PRIVATE)] {
            write(&path, bytes, mode).unwrap();
            assert_eq!(read(&path, 100).unwrap().as_deref(), Some(bytes));
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, mode);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_bare_name_lies_in_the_current_folder() {
        sync_folder_of(Path::new("status.json")).unwrap();
        sync_folder_of(Path::new("/status.json")).unwrap();
    }

    #[test]
    fn what_a_crash_left_behind_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        File::create(&target).unwrap();
        symlink(&target, folder.path().join(".a.new")).unwrap();
        write(&path, b"new", PRIVATE).unwrap();
        assert_eq!(read(&target, 9).unwrap().as_deref(), Some(&b""[..]), "a link is not written through");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_link_that_takes_the_name_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        write(&target, b"theirs", PRIVATE).unwrap();
        symlink(&target, &path).unwrap();
        assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        write(&path, b"ours", PRIVATE).unwrap();
        assert_eq!(read(&target, 9).unwrap().as_deref(), Some(&b"theirs"[..]));
        assert_eq!(read(&path, 9).unwrap().as_deref(), Some(&b"ours"[..]));
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(read(&path, 3).unwrap(), None);
        write(&path, b"1234", PRIVATE).unwrap();
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&path, 4).unwrap().unwrap().len(), 4);
        assert_eq!(read(folder.path(), 3).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(read(&socket, 3).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
