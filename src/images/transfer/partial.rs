//! A file that is being fetched: its bytes so far, and their digest as far as it is known.
//!
//! In go bytes in their order; out comes whether they are the file. The file is opened without following links and its
//! name is its digest, so that nothing from outside chooses a path. Bytes that this process wrote are hashed as they come;
//! bytes of an earlier process are read once, at the end, however often it was interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, Scope};

use ring::digest::{Context, SHA256};
use rustix::fs::OFlags;

use crate::domain::digest::Digest;

/// How much is read at a time when a file is read again, in bytes.
const CHUNK: usize = 256 << 10;

/// How many written pieces may wait to be hashed, beside the one that is.
const WAITING: usize = 1;

/// The stack of the thread that hashes, in bytes.
const STACK: usize = 64 << 10;

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

    /// Forgets all bytes. An empty file is let be: ext4 takes one that was truncated for one that is replaced in place, and
    /// writes all of it out when it is closed (`auto_da_alloc` in the kernel's documentation of ext4).
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > 0 {
            self.file.set_len(0)?;
        }
        self.file.rewind()?;
        (self.length, self.hash) = (0, Some(Context::new(&SHA256)));
        Ok(())
    }

    /// Appends pieces as they come. Another thread hashes what is written, as either takes about as long as the other.
    pub(super) fn append<P: AsRef<[u8]> + Send>(
        &mut self,
        pieces: impl IntoIterator<Item = P>,
    ) -> io::Result<()> {
        let Self { file, length, hash } = self;
        thread::scope(|scope| {
            let hashing = hash.as_mut().map(|hash| follow(scope, hash)).transpose()?;
            for piece in pieces {
                let bytes = piece.as_ref();
                write(file, *length, bytes)?;
                *length += bytes.len() as u64;
                if let Some(hashing) = &hashing {
                    hashing.send(piece).map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
            }
            Ok(())
        })
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

/// Writes at the end of a file that is so long.
fn write(file: &mut File, length: u64, bytes: &[u8]) -> io::Result<()> {
    if let Err(error) = file.write_all(bytes) {
        // How much of it was written is not known; what was before it still is.
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        return Err(error);
    }
    Ok(())
}

/// Hashes the pieces that it is sent, until no more can come and before the scope ends.
fn follow<'scope, P: AsRef<[u8]> + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    hash: &'scope mut Context,
) -> io::Result<SyncSender<P>> {
    let (sender, written) = sync_channel::<P>(WAITING);
    let work = move || written.into_iter().for_each(|piece| hash.update(piece.as_ref()));
    thread::Builder::new().name("digest".to_owned()).stack_size(STACK).spawn_scoped(scope, work)?;
    Ok(sender)
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
        partial.append(["one ", "t"]).unwrap();
        partial.append(["wo"]).unwrap();
        assert_eq!((partial.length(), partial.is_inherited()), (7, false));
        assert_eq!(partial.digest().unwrap(), Digest::of(b"one two"));
        drop(partial);
        let mut partial = Partial::open(&path).unwrap();
        assert_eq!((partial.length(), partial.is_inherited()), (7, true));
        partial.append([b" three"]).unwrap();
        assert_eq!(partial.digest().unwrap(), Digest::of(b"one two three"));
        assert!(!partial.is_inherited(), "it is not read twice");
        partial.clear().unwrap();
        partial.append([b"new"]).unwrap();
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
