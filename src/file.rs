//! Regular files, opened and read as if a stranger had laid them there.
//!
//! In goes a path; out comes an open file, or its bytes up to a limit. Whoever may write beside a file may put something else in its
//! place: a pipe would hold the reader forever, a link would lead elsewhere, and a device would never end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// What becomes of a link in the place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It is followed: the reader may read no more than whoever named the path.
    Followed,
    /// It is no regular file.
    Refused,
}

/// Opens a regular file for reading.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file, and what the system says.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = match links {
        Links::Followed => OFlags::NONBLOCK,
        Links::Refused => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // A link, and a socket.
        Some(Errno::LOOP | Errno::NXIO | Errno::OPNOTSUPP) => not_a_file(),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

/// What is left of an open file: at most so many bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`], and what the system says.
pub fn whole(file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let limit = if most >= 1 << 20 { format!("{} MiB", most >> 20) } else { format!("{most} bytes") };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit}")));
    }
    Ok(bytes)
}

/// The bytes of a regular file of at most so many.
///
/// # Errors
/// As [`open`] and [`whole`].
pub fn read(path: &Path, links: Links, most: u64) -> io::Result<Vec<u8>> {
    whole(&open(path, links)?, most)
}

/// What is said of a device, a pipe, a folder, and of a link where none is followed.
#[must_use]
pub fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_regular_file_is_read_and_nothing_else_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        crate::state::atomic::write(&at("file"), b"1234", 0o600).unwrap();
        symlink(at("file"), at("link")).unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for links in [Links::Followed, Links::Refused] {
            assert_eq!(read(&at("file"), links, 4).unwrap(), b"1234");
            for (path, most, kind) in [
                (at("file"), 3, io::ErrorKind::FileTooLarge),
                (at("pipe"), 9, io::ErrorKind::InvalidInput),
                (at("socket"), 9, io::ErrorKind::InvalidInput),
                (folder.path().to_owned(), 9, io::ErrorKind::InvalidInput),
                ("/dev/zero".into(), 9, io::ErrorKind::InvalidInput),
                (at("none"), 9, io::ErrorKind::NotFound),
            ] {
                assert_eq!(read(&path, links, most).unwrap_err().kind(), kind, "{}", path.display());
            }
        }
        assert_eq!(read(&at("link"), Links::Followed, 4).unwrap(), b"1234");
        assert_eq!(read(&at("link"), Links::Refused, 4).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
