//! Files that Parallels Desktop and macOS leave, read as if by strangers.
//!
//! In goes a path; out come its bytes. Whoever may write beside such a file may put something else in its place: a pipe would hold
//! the daemon forever, a link would lead elsewhere, and a device would never end.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The bytes of a regular file that is no link, at most the first `most` of them.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file, and what the system says.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_regular_file_is_read_and_nothing_else_is_waited_for_or_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        crate::state::atomic::write(&at("file"), b"1234", 0o600).unwrap();
        symlink(at("file"), at("link")).unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(read(&at("file"), 3).unwrap(), b"123");
        for place in [at("link"), at("pipe"), folder.path().to_owned(), at("none"), "/dev/zero".into()] {
            assert!(read(&place, 1).is_err(), "{}", place.display());
        }
    }
}
