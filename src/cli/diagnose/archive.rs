//! An archive of some files: ustar (POSIX.1-1988), compressed by gzip, which a Mac opens by double click.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

/// A block of the format, in bytes.
const BLOCK: usize = 512;

/// The longest name that a header takes, in bytes.
const LONGEST_NAME: usize = 100;

/// An archive in the making.
pub(super) struct Archive {
    out: GzEncoder<Vec<u8>>,
    folder: String,
    at: Timestamp,
}

impl Archive {
    /// An archive whose files lie in `folder` and date from `at`.
    pub(super) fn new(folder: String, at: Timestamp) -> Self {
        Self { out: GzEncoder::new(Vec::new(), Compression::default()), folder, at }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// The name is too long.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let header = header(&format!("{}/{name}", self.folder), bytes.len(), self.at)?;
        self.out.write_all(&header)?;
        self.out.write_all(bytes)?;
        let left = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        self.out.write_all(&[0; BLOCK][..left])
    }

    /// The whole archive.
    ///
    /// # Errors
    /// None is known of.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.finish()
    }
}

/// A regular file that only its owner, root, may read. Numbers are octal.
fn header(name: &str, size: usize, at: Timestamp) -> io::Result<[u8; BLOCK]> {
    if name.len() > LONGEST_NAME {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name is too long for the archive"));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, &format!("{:011o}\0", at.as_second().clamp(0, 0o77_777_777_777)));
    // The sum counts itself as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}
