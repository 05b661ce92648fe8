//! A ZIP archive of one bundle, unpacked safely.
//!
//! In go an archive from outside and a folder that does not exist yet; out comes that folder with the bundle's content. An
//! archive is refused as a whole, before anything of it is written, where a path would leave the folder, an entry is a
//! link or anything but a file or folder, entries overlap or clash by their names, it is packed in a way that is not known
//! here, or it unpacks to more than was announced. What it says of its sizes is not believed: bytes are counted as they come.

mod names;

use std::fs::DirBuilder;
use std::io::{self, Read, Seek};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use self::names::Names;
use super::{PlaceError, clear, create};

/// How many entries an archive may have.
const ENTRIES: usize = 100_000;

/// How deep its folders may lie in each other.
const DEPTH: usize = 32;

/// The kind of file in an entry's mode, and those of a regular file and of a folder.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no ZIP archive, or a broken one.
    #[error("it is no ZIP archive that can be read")]
    Broken(#[source] ZipError),
    /// There is an entry that leaves the folder, is a link, is packed in another way, clashes with another, or lies too
    /// deep.
    #[error("an entry of it is {0}")]
    Entry(&'static str),
    /// There are too many entries.
    #[error("it has more than {ENTRIES} entries")]
    TooMany,
    /// It unpacks to more than was announced.
    #[error("it unpacks to more than the {0} bytes that the portal announced")]
    TooLarge(u64),
    /// It is not the archive of one bundle.
    #[error("it holds not exactly one .pvm or .pvmp")]
    NoBundle,
}

/// An entry that is to be unpacked.
struct Entry {
    place: usize,
    /// Its path below the top folder of the archive; empty for that folder, and for the one file of an archive of one.
    path: PathBuf,
    folder: bool,
}

/// Unpacks an archive to `draft`. Out comes how the bundle's name is to end.
pub(super) fn unpack(
    archive: &mut (impl Read + Seek),
    draft: &Path,
    limit: u64,
) -> Result<&'static str, PlaceError> {
    let mut archive = ZipArchive::new(archive).map_err(ArchiveError::Broken)?;
    let (entries, ending) = examine(&mut archive, limit)?;
    let mut left = limit;
    for entry in entries {
        let path = if entry.path.as_os_str().is_empty() { draft.to_owned() } else { draft.join(&entry.path) };
        if entry.folder {
            make_folder(&path)?;
        } else {
            if let Some(parent) = path.parent().filter(|_| path != draft) {
                make_folder(parent)?;
            }
            left = extract(&mut archive, entry.place, &path, (left, limit))?;
        }
    }
    Ok(ending)
}

/// Looks at every entry before anything is written.
fn examine(
    archive: &mut ZipArchive<impl Read + Seek>,
    limit: u64,
) -> Result<(Vec<Entry>, &'static str), ArchiveError> {
    if archive.len() > ENTRIES {
        return Err(ArchiveError::TooMany);
    }
    if archive.has_duplicate_names() {
        return Err(ArchiveError::Entry("there twice"));
    }
    if archive.has_overlapping_files().map_err(ArchiveError::Broken)? {
        return Err(ArchiveError::Entry("laid over another"));
    }
    let (mut top, mut entries) = (None, Vec::new());
    let (mut names, mut total) = (Names::default(), 0_u64);
    for place in 0..archive.len() {
        let entry = archive.by_index_data(place).map_err(ArchiveError::Broken)?;
        let name = plain(&entry.name().map_err(ArchiveError::Broken)?)?;
        let kind = entry.unix_mode().map_or(0, |mode| mode & KIND);
        if entry.encrypted() {
            return Err(ArchiveError::Entry("encrypted"));
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(ArchiveError::Entry("compressed in a way that is not known here"));
        }
        if entry.is_symlink() || !matches!(kind, 0 | REGULAR | FOLDER) {
            return Err(ArchiveError::Entry("a link or a device"));
        }
        let first = name.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        let first = first.ok_or(ArchiveError::Entry("without a name"))?;
        // What the Finder adds.
        if first == "__MACOSX" || first == ".DS_Store" {
            continue;
        }
        if *top.get_or_insert_with(|| first.clone()) != first {
            return Err(ArchiveError::NoBundle);
        }
        let path = name.strip_prefix(&first).unwrap_or(Path::new("")).to_owned();
        names.take(&path, entry.is_dir()).map_err(ArchiveError::Entry)?;
        total = total.saturating_add(entry.size());
        if total > limit {
            return Err(ArchiveError::TooLarge(limit));
        }
        entries.push(Entry { place, path, folder: entry.is_dir() });
    }
    let ending = ending(&top.unwrap_or_default(), &entries).ok_or(ArchiveError::NoBundle)?;
    Ok((entries, ending))
}

/// A bundle is a folder, a packed one a file by itself.
fn ending(top: &str, entries: &[Entry]) -> Option<&'static str> {
    let top = top.to_lowercase();
    match entries {
        [only] if !only.folder && only.path.as_os_str().is_empty() => {
            top.ends_with(".pvmp").then_some("pvmp")
        }
        entries => {
            let in_a_folder = entries.iter().all(|entry| entry.folder || !entry.path.as_os_str().is_empty());
            (in_a_folder && top.ends_with(".pvm")).then_some("pvm")
        }
    }
}

/// A path that goes down only.
fn plain(name: &str) -> Result<PathBuf, ArchiveError> {
    if name.contains(['\\', '\0']) || name.starts_with('/') {
        return Err(ArchiveError::Entry("called by a path that leaves the bundle"));
    }
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(ArchiveError::Entry("called by a path that leaves the bundle"));
            }
        }
    }
    if path.components().count() > DEPTH {
        return Err(ArchiveError::Entry("too deep"));
    }
    Ok(path)
}

fn make_folder(path: &Path) -> Result<(), PlaceError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(clash)
}

/// Names that the file system does not take side by side, though they were different: no other try ends better.
fn clash(error: io::Error) -> PlaceError {
    match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => PlaceError::Archive(ArchiveError::Broken(ZipError::Io(error))),
        _ => PlaceError::write(error),
    }
}

/// Unpacks one file; gives what is left of the allowance.
fn extract(
    archive: &mut ZipArchive<impl Read + Seek>,
    place: usize,
    path: &Path,
    (left, limit): (u64, u64),
) -> Result<u64, PlaceError> {
    let mut entry = archive.by_index(place).map_err(ArchiveError::Broken)?;
    let mut file = create(path).map_err(clash)?;
    let copied = io::copy(&mut entry.by_ref().take(left.saturating_add(1)), &mut file);
    let copied = copied.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            PlaceError::Archive(ArchiveError::Broken(ZipError::Io(error)))
        }
        _ => PlaceError::write(error),
    })?;
    match left.checked_sub(copied) {
        Some(left) => Ok(left),
        None => {
            clear(path).map_err(PlaceError::write)?;
            Err(ArchiveError::TooLarge(limit).into())
        }
    }
}
