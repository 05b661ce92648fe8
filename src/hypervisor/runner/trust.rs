//! Which programs are run: of Parallels' tools only those inside its bundle that nobody but root could have changed and
//! that Parallels signed. The daemon is root, so running anything else would hand root to whoever put it there.
//!
//! The tools of macOS need no such look: the sealed system volume guards them.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::invocation;
use super::process::Command;
use super::{RunError, name};
use crate::paths::Paths;

/// What is wrong with a tool.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// The path leads out of the bundle.
    #[error("it does not lie inside Parallels Desktop")]
    Outside,
    /// A folder, a device, or the like.
    #[error("it is not a regular file")]
    NotAFile,
    /// It, or a folder above it in the bundle, belongs to a user.
    #[error(
        "it, or a folder that it lies in, belongs to user {uid} and not to root; install Parallels Desktop again"
    )]
    Owner {
        /// The owner.
        uid: u32,
    },
    /// It, or a folder above it in the bundle, may be changed by others.
    #[error(
        "it, or a folder that it lies in, may be written by others than root; install Parallels Desktop again"
    )]
    Writable,
    /// The signature is missing, broken or another's.
    #[error("it is not signed by Parallels; install Parallels Desktop again")]
    Signature,
    /// It cannot be looked at.
    #[error("it cannot be looked at")]
    Unreadable(#[source] io::Error),
}

/// One version of a file: device, inode, seconds and nanoseconds of its last change.
type Identity = (u64, u64, i64, i64);

/// Remembers which files carry Parallels' signature, so that it is verified once for each version of a file.
pub(super) struct Trust {
    paths: Paths,
    signed: Mutex<BTreeSet<Identity>>,
}

impl Trust {
    pub(super) const fn new(paths: Paths) -> Self {
        Self { paths, signed: Mutex::new(BTreeSet::new()) }
    }

    /// The path to run for `program`: for Parallels' tools the canonical one that was looked at.
    pub(super) async fn program(&self, program: &Path) -> Result<PathBuf, RunError> {
        if !program.starts_with(self.paths.parallels_app()) {
            return Ok(program.to_owned());
        }
        let untrusted = |reason| RunError::Untrusted { program: name(program), reason };
        let canonical = program.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RunError::NotInstalled,
            _ => untrusted(Untrusted::Unreadable(error)),
        })?;
        let identity = self.examine(&canonical).map_err(untrusted)?;
        if self.is_signed(identity) {
            return Ok(canonical);
        }
        let call = invocation::signature(&self.paths, &canonical.to_string_lossy());
        let verdict = Command::of(&self.paths, &call, &call.program).run(call.limit).await?;
        if !verdict.succeeded() {
            return Err(untrusted(Untrusted::Signature));
        }
        self.signed.lock().unwrap_or_else(PoisonError::into_inner).insert(identity);
        Ok(canonical)
    }

    fn is_signed(&self, identity: Identity) -> bool {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner).contains(&identity)
    }

    /// Looks at the file and every folder above it, up to the bundle and with it.
    fn examine(&self, canonical: &Path) -> Result<Identity, Untrusted> {
        let bundle = self.paths.parallels_app().canonicalize().map_err(Untrusted::Unreadable)?;
        if !canonical.starts_with(&bundle) {
            return Err(Untrusted::Outside);
        }
        let file = canonical.symlink_metadata().map_err(Untrusted::Unreadable)?;
        if !file.is_file() {
            return Err(Untrusted::NotAFile);
        }
        self.guarded(&file)?;
        for folder in canonical.ancestors().skip(1).take_while(|folder| folder.starts_with(&bundle)) {
            self.guarded(&folder.symlink_metadata().map_err(Untrusted::Unreadable)?)?;
        }
        Ok((file.dev(), file.ino(), file.mtime(), file.mtime_nsec()))
    }

    /// Root's and writable by no other. Below a scratch root the daemon's own user takes the place of root.
    fn guarded(&self, metadata: &Metadata) -> Result<(), Untrusted> {
        let own = rustix::process::geteuid().as_raw();
        let uid = metadata.uid();
        if uid != 0 && (self.paths.is_system() || uid != own) {
            return Err(Untrusted::Owner { uid });
        }
        if metadata.mode() & 0o022 == 0 { Ok(()) } else { Err(Untrusted::Writable) }
    }
}
