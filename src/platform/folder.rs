//! Folders that the agent owns: made with an exact mode, whatever the umask is, and checked when they are there already.
//!
//! A folder that somebody else owns is refused, because its owner could swap what is in it. A mode that differs is
//! put right, because a daemon that does not start enforces nothing.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::domain::ids::Uid;

/// The mode of a folder that anyone may list.
pub const PUBLIC: u32 = 0o755;
/// The mode of a folder that only its owner may enter.
pub const PRIVATE: u32 = 0o700;

/// What the group and everyone else may.
const OTHERS: u32 = 0o077;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The name is taken by a file, a symbolic link or something else.
    #[error("{} is not a folder; move it away", .0.display())]
    NotAFolder(PathBuf),
    /// Another user owns it.
    #[error("{} belongs to uid {owner}, not to uid {expected}; check who made it, then move it away", path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Who owns it.
        owner: Uid,
        /// Who should.
        expected: Uid,
    },
    /// The system refused.
    #[error("cannot prepare the folder {}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes sure that `path` is a folder of this process's user with exactly this mode. Missing folders above it are made
/// with [`PUBLIC`]; those that exist are left alone. With it comes the mode that the folder had, where others could do more
/// in it than they may.
///
/// # Errors
/// When the name is taken by something else, another user owns the folder, or the system refuses.
pub fn ensure(path: &Path, mode: u32) -> Result<Option<u32>, FolderError> {
    let io = |source| FolderError::Io { path: path.to_owned(), source };
    let folder = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty())
                && !parent.try_exists().map_err(io)?
            {
                ensure(parent, PUBLIC)?;
            }
            DirBuilder::new().mode(PRIVATE).create(path).map_err(io)?;
            open(path).map_err(io)?
        }
        Err(error) if is_no_folder(path, &error) => return Err(FolderError::NotAFolder(path.to_owned())),
        opened => opened.map_err(io)?,
    };
    let found = folder.metadata().map_err(io)?;
    let (owner, expected) = (Uid(found.uid()), super::effective_uid());
    if owner != expected {
        return Err(FolderError::Owner { path: path.to_owned(), owner, expected });
    }
    let had = found.mode() & 0o7777;
    if had != mode {
        folder.set_permissions(Permissions::from_mode(mode)).map_err(io)?;
    }
    Ok((had & OTHERS & !mode != 0).then_some(had))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// A symbolic link gives `ENOTDIR` on Linux and `ELOOP` on macOS.
fn is_no_folder(path: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotADirectory
        || path.symlink_metadata().is_ok_and(|found| !found.file_type().is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    #[test]
    fn a_folder_gets_its_mode_and_what_is_above_it_is_public() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b/private");
        assert_eq!(ensure(&path, PRIVATE).unwrap(), None);
        assert_eq!((mode(&path), mode(&scratch.path().join("a/b"))), (0o700, 0o755));
        for (kind, had, told) in [
            (PRIVATE, 0o777, Some(0o777)),
            (PRIVATE, 0o750, Some(0o750)),
            (PRIVATE, 0o500, None),
            (PUBLIC, 0o777, Some(0o777)),
            (PUBLIC, 0o700, None),
        ] {
            std::fs::set_permissions(&path, Permissions::from_mode(had)).unwrap();
            assert_eq!(ensure(&path, kind).unwrap(), told, "{had:o}");
            assert_eq!(mode(&path), kind);
        }
    }

    #[test]
    fn files_and_links_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let (file, link) = (scratch.path().join("file"), scratch.path().join("link"));
        File::create(&file).unwrap();
        symlink(scratch.path(), &link).unwrap();
        for path in [file, link] {
            assert!(matches!(ensure(&path, PRIVATE), Err(FolderError::NotAFolder(_))), "{}", path.display());
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("theirs");
        std::fs::create_dir(&path).unwrap();
        if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
            return; // Only root can give a folder away.
        }
        assert!(matches!(ensure(&path, PRIVATE), Err(FolderError::Owner { owner: Uid(12345), .. })));
    }
}
