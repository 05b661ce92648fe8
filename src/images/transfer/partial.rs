//! A file that is being fetched: its bytes so far, and their digest as far as it is known.
//!
//! In go bytes in their order; out comes whether they are the file. The file is opened without following links and its
//! name is its digest, so that nothing from outside chooses a path. Bytes that this process wrote are hashed as they come;
//! bytes of an earlier process are read once, at the end, however often it was interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::digest::{Context, SHA256};
use rustix::fs::OFlags;

use crate::domain::digest::Digest;

/// How much is read at a time when a file is read again, in bytes.
const CHUNK: usize = 256 << 10;

/// The mode of a downloaded file.
const MODE: u32 = 0o600;

/// The file, open.
pub(super) struct Partial {
    file: File,
    length: u64,
    /// Of all bytes; none where bytes are there that this process did not write.
    hash: Option<Context>,
}

impl std::fmt::Debug for Partial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partial").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Opens a file of the folder without following links.
pub(super) fn open(path: &Path, write: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(write).create(write).mode(MODE).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

impl Partial {
    /// What is there of a file, or a new one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = open(path, true)?;
        let length = file.seek(SeekFrom::End(0))?;
        let hash = (length == 0).then(|| Context::new(&SHA256));
        Ok(Self { file, length, hash })
    }

    /// How many bytes are there.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether bytes are there that this process did not write.
    pub(super) const fn is_inherited(&self) -> bool {
        self.hash.is_none()
    }

    /// Forgets all bytes.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        (self.length, self.hash) = (0, Some(Context::new(&SHA256)));
        Ok(())
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // How much of it was written is not known; what was before it still is.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digest of all bytes; reads them where this process did not write them all.
    pub(super) fn digest(&mut self) -> io::Result<Digest> {
        let hash = match &self.hash {
            Some(hash) => hash.clone(),
            None => {
                let hash = read_again(&mut self.file)?;
                self.hash = Some(hash.clone());
                hash
            }
        };
        Ok(Digest::finished(hash))
    }
}

fn read_again(file: &mut File) -> io::Result<Context> {
    let mut hash = Context::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    file.rewind()?;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash),
            count => hash.update(chunk.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn bytes_are_hashed_as_they_come_and_those_of_before_once_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut partial = Partial::open(&path).unwrap();
        partial.append(b"one ").unwrap();
        partial.append(b"two").unwrap();
        assert_eq!((partial.length(), partial.is_inherited()), (7, false));
        assert_eq!(partial.digest().unwrap(), Digest::of(b"one two"));
        drop(partial);
        let mut partial = Partial::open(&path).unwrap();
        assert_eq!((partial.length(), partial.is_inherited()), (7, true));
        partial.append(b" three").unwrap();
        assert_eq!(partial.digest().unwrap(), Digest::of(b"one two three"));
        assert!(!partial.is_inherited(), "it is not read twice");
        partial.clear().unwrap();
        partial.append(b"new").unwrap();
        assert_eq!(partial.digest().unwrap(), Digest::of(b"new"));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn links_and_folders_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        File::create(&target).unwrap();
        symlink(&target, &link).unwrap();
        assert!(Partial::open(&link).is_err());
        assert!(Partial::open(folder.path()).is_err());
        assert!(open(&link, false).is_err());
    }
}
