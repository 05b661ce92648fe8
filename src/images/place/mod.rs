//! Putting an image into a user's folder, as that user.
//!
//! In go the image's bytes, through standard input because the user cannot open root's folder, and an [`Order`]; out comes a
//! bundle under a draft name, which [`settle`] then gives its final one. The daemon starts its own executable for this in
//! the user's session, so that root writes nothing below a home folder and no link in it leads anywhere that the user
//! could not write anyway. Both steps may be made again after a crash.

mod archive;
pub mod calls;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use url::Url;

pub use archive::ArchiveError;

/// How many names are tried before one is free.
const NAMES: u32 = 100;

/// How an image is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By Parallels' "Prepare for Transfer"; Parallels alone unpacks it.
    Pvmp,
    /// As a ZIP archive of a bundle.
    Zip,
}

impl Kind {
    /// By the end of its address, or else by its first bytes.
    #[must_use]
    pub fn of(url: &Url, first: &[u8]) -> Self {
        let path = url.path().to_ascii_lowercase();
        if path.ends_with(".pvmp") {
            Self::Pvmp
        } else if path.ends_with(".zip") || first.starts_with(b"PK\x03\x04") {
            Self::Zip
        } else {
            Self::Pvmp
        }
    }

    /// As it stands in an order.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pvmp => "pvmp",
            Self::Zip => "zip",
        }
    }
}

/// What to put where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The user's folder for virtual machines; it is made where it is missing.
    pub into: PathBuf,
    /// What the bundle is called, made harmless by [`file_name`].
    pub name: String,
    /// How it is packed.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// Its size in bytes when unpacked, and the most that an archive may unpack to.
    pub unpacked_size: u64,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Draft {
    /// The name that it has.
    pub draft: PathBuf,
    /// The name that it is to get.
    pub bundle: PathBuf,
}

/// Why it is not there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The user's folder is not usable.
    #[error("cannot use the folder for virtual machines")]
    Folder(#[source] io::Error),
    /// The privacy control of macOS refused.
    #[error("the privacy control of macOS does not let the folder for virtual machines be used")]
    Privacy(#[source] io::Error),
    /// There is no space.
    #[error("{needed} bytes are needed in the folder for virtual machines, and {free} are free")]
    Space {
        /// What is needed.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// The bytes could not be stored.
    #[error("cannot store the image")]
    Write(#[source] io::Error),
    /// The image ended early or has more bytes than it should.
    #[error("the image has not {0} bytes")]
    Length(u64),
    /// The archive is not safe to unpack.
    #[error("the archive is not unpacked")]
    Archive(#[from] ArchiveError),
    /// All names are taken.
    #[error("there are too many bundles of this name")]
    Names,
}

impl PlaceError {
    fn folder(error: io::Error) -> Self {
        if is_privacy(&error) { Self::Privacy(error) } else { Self::Folder(error) }
    }

    fn write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Space { needed: 0, free: 0 },
            _ if is_privacy(&error) => Self::Privacy(error),
            _ => Self::Write(error),
        }
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Refused {
        match self {
            Self::Privacy(_) => Refused::Privacy,
            Self::Space { .. } => Refused::Space,
            Self::Archive(_) | Self::Length(_) => Refused::Image,
            Self::Folder(_) | Self::Write(_) | Self::Names => Refused::Other,
        }
    }
}

/// What the child says to the daemon, as JSON on its standard output.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The image lies there.
    Placed(Draft),
    /// The draft has its final name, or is taken away.
    Settled,
    /// It was not done.
    Refused {
        /// The kind of reason.
        kind: Refused,
        /// The reason, in words.
        why: String,
    },
}

/// The kinds of reasons for which an image is not placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// The privacy control of macOS.
    Privacy,
    /// There is no space.
    Space,
    /// The image itself is of no use.
    Image,
    /// Anything else.
    Other,
}

/// Inferred: the privacy control of macOS says "operation not permitted" where the rights of files would say "permission
/// denied".
fn is_privacy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
}

/// A name that is one part of a path, is no option and is not hidden.
#[must_use]
pub fn file_name(name: &str) -> String {
    let harmless = |c: char| if c.is_control() || matches!(c, '/' | ':' | '\\' | '\0') { ' ' } else { c };
    let name: String = name.chars().map(harmless).take(80).collect();
    let name = name.trim().trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    // A name may take 255 bytes, and gets a number and an ending.
    let mut end = name.len().min(200);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    match name.get(..end).unwrap_or_default() {
        "" => "Golden Image".to_owned(),
        name => name.to_owned(),
    }
}

/// Puts an image into the user's folder, under a draft name. What an earlier try left there is taken away.
///
/// # Errors
/// [`PlaceError`]; nothing is left then.
pub fn place(order: &Order, image: &mut (impl Read + Seek)) -> Result<Draft, PlaceError> {
    DirBuilder::new().recursive(true).mode(0o700).create(&order.into).map_err(PlaceError::folder)?;
    let draft = draft(&order.into, &order.name);
    clear(&draft).map_err(PlaceError::folder)?;
    has_space(order)?;
    let placed = match order.kind {
        Kind::Pvmp => copy(order, image, &draft).map(|()| "pvmp"),
        Kind::Zip => archive::unpack(image, &draft, order.unpacked_size),
    };
    let ending = match placed {
        Ok(ending) => ending,
        Err(error) => {
            // What stays is taken away by the next try.
            let _ = clear(&draft);
            return Err(error);
        }
    };
    let free = (1..=NAMES).map(|number| match number {
        1 => order.into.join(format!("{}.{ending}", order.name)),
        number => order.into.join(format!("{} {number}.{ending}", order.name)),
    });
    // Parallels makes a bundle of the packed file's name, which has to be free as well.
    let is_free = |path: &PathBuf| {
        path.symlink_metadata().is_err() && path.with_extension("pvm").symlink_metadata().is_err()
    };
    match free.into_iter().find(is_free) {
        Some(bundle) => Ok(Draft { draft, bundle }),
        None => {
            discard(&draft)?;
            Err(PlaceError::Names)
        }
    }
}

/// What the draft of a bundle of this name is called.
#[must_use]
pub fn draft(into: &Path, name: &str) -> PathBuf {
    into.join(format!(".{name}.meridian"))
}

/// Takes a draft away; there may be none.
///
/// # Errors
/// [`PlaceError::Folder`] where the system refuses.
pub fn discard(draft: &Path) -> Result<(), PlaceError> {
    clear(draft).map_err(PlaceError::folder)
}

/// Gives a draft its final name. One that has it already is fine.
///
/// # Errors
/// [`PlaceError::Folder`] where there is neither, or the system refuses.
#[expect(clippy::disallowed_methods, reason = "a user's bundle is no durable document of the agent")]
pub fn settle(draft: &Draft) -> Result<(), PlaceError> {
    match std::fs::rename(&draft.draft, &draft.bundle) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && draft.bundle.symlink_metadata().is_ok() => {
            Ok(())
        }
        done => done.map_err(PlaceError::folder),
    }
}

fn clear(path: &Path) -> io::Result<()> {
    let gone = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A packed image is unpacked beside itself; of an archive only what is in it is stored.
fn has_space(order: &Order) -> Result<(), PlaceError> {
    let needed = match order.kind {
        Kind::Pvmp => order.size.saturating_add(order.unpacked_size),
        Kind::Zip => order.unpacked_size,
    };
    let free = free(&order.into).map_err(PlaceError::folder)?;
    if needed > free { Err(PlaceError::Space { needed, free }) } else { Ok(()) }
}

/// How many bytes are free where this folder is.
///
/// # Errors
/// What the system says.
pub fn free(folder: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn copy(order: &Order, image: &mut impl Read, draft: &Path) -> Result<(), PlaceError> {
    let mut file = create(draft).map_err(PlaceError::write)?;
    let mut limited = image.take(order.size.saturating_add(1));
    let copied = io::copy(&mut limited, &mut file).map_err(PlaceError::write)?;
    if copied != order.size {
        return Err(PlaceError::Length(order.size));
    }
    file.flush().map_err(PlaceError::write)
}

/// A new file; neither an existing one nor a link is written through.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
