//! Files that were named to a command, or that it finds where the daemon leaves them.
//!
//! In goes a path; out come its bytes. Links are followed, since whoever runs the command may read what it may. Only a regular
//! file is read: a pipe that nobody writes to would hold the command forever.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file, and what the system says.
pub(super) fn open(path: &Path) -> io::Result<File> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

/// The bytes of a regular file of at most so many mebibytes.
///
/// # Errors
/// As [`open`], and [`io::ErrorKind::FileTooLarge`].
pub(super) fn read(path: &Path, mebibytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take((mebibytes << 20) + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > mebibytes << 20 {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {mebibytes} MiB")));
    }
    Ok(bytes)
}

/// What is said of a device, a pipe, a folder.
pub(super) fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn regular_files_are_read_and_nothing_else_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, pipe) =
            (folder.path().join("file"), folder.path().join("link"), folder.path().join("pipe"));
        crate::state::atomic::write(&file, b"1234", 0o600).unwrap();
        symlink(&file, &link).unwrap();
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(read(&file, 1).unwrap(), b"1234");
        assert_eq!(read(&link, 1).unwrap(), b"1234");
        for (path, most, kind) in [
            (file.as_path(), 0, io::ErrorKind::FileTooLarge),
            (&pipe, 1, io::ErrorKind::InvalidInput),
            (folder.path(), 1, io::ErrorKind::InvalidInput),
            (Path::new("/dev/zero"), 1, io::ErrorKind::InvalidInput),
            (&folder.path().join("none"), 1, io::ErrorKind::NotFound),
        ] {
            assert_eq!(read(path, most).unwrap_err().kind(), kind, "{}", path.display());
        }
    }
}
