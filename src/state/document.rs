//! A document: one value in a file of its own, in two generations.
//!
//! On the disk it is `{"schema", "generation", "digest", "body"}` in compact JSON; the digest covers the other three, so
//! no changed byte passes for a value. Saving keeps the generation before as `NAME.previous`. Loading takes the newest
//! that is whole; what is damaged is moved aside as `NAME.corrupt-1`, `-2` and so on, the last three are kept. What a
//! newer release wrote is left alone by loading, and set aside as `NAME.schema-N` by saving, so that a downgrade loses
//! nothing.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::atomic::{self, Foreign, Mended, Staged, Steps};
use super::error::StateError;
use super::migrate::{Migration, MigrationError, migrate};
use crate::domain::digest::Digest;
use crate::domain::ids::Uid;

/// The most bytes a document may take: an inventory of ten thousand virtual machines has room.
pub const LIMIT: usize = 16 << 20;

/// How many damaged files are kept of one document.
const QUARANTINED: usize = 3;

/// A value that the agent remembers. It has one writer.
pub trait Kept: Serialize + DeserializeOwned {
    /// The name of its file, such as `baseline.json`.
    const NAME: &'static str;
    /// The number of its form, from 1; raised by every change that yesterday's release could not read.
    const SCHEMA: u32 = 1;
    /// From each earlier schema to the next: one fewer than [`Self::SCHEMA`] counts.
    const MIGRATIONS: &'static [Migration] = &[];
}

/// What was found of a document.
#[derive(Debug)]
pub enum Loaded<T> {
    /// It was never saved.
    Absent,
    /// The newest generation.
    Current(T),
    /// The newest generation is gone; this is the one before.
    Previous(T, Damage),
    /// It was saved once, and no generation can be read.
    Lost(Damage),
}

impl<T> Loaded<T> {
    /// The value, whatever its generation.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Current(value) | Self::Previous(value, _) => Some(value),
            Self::Absent | Self::Lost(_) => None,
        }
    }

    /// What is to be reported.
    #[must_use]
    pub const fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Previous(_, damage) | Self::Lost(damage) => Some(damage),
            Self::Absent | Self::Current(_) => None,
        }
    }
}

/// A generation that cannot be read, and where it went.
#[derive(Debug, thiserror::Error)]
#[error("{name} cannot be read{}", .aside.as_ref().map_or(String::new(), |path| format!(" and was moved to {}", path.display())))]
pub struct Damage {
    /// The document, or words for the folder.
    pub name: &'static str,
    /// What is wrong with the newest generation.
    #[source]
    pub flaw: Flaw,
    /// Where its file is now, if it was moved.
    pub aside: Option<PathBuf>,
}

/// What is wrong with a generation.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// Its file is not there, though an earlier generation is.
    #[error("the file is missing")]
    Missing,
    /// Its name is taken by something else.
    #[error("it is not a regular file")]
    NotAFile,
    /// Another user owns it and may have written it.
    #[error("it belongs to uid {0}, who may have written it")]
    Foreign(Uid),
    /// No document is that large.
    #[error("it takes more than {LIMIT} bytes")]
    TooLarge,
    /// It is no envelope.
    #[error("it is not a document")]
    Envelope(#[source] serde_json::Error),
    /// Some byte of it was changed.
    #[error("its digest does not match")]
    Digest,
    /// A newer release of the agent wrote it.
    #[error("a newer release wrote it, with schema {0}; install that release again to use it")]
    Newer(u32),
    /// It does not come up to the present schema.
    #[error("it is of an earlier release")]
    Migration(#[from] MigrationError),
    /// It is whole, but not what this release understands by the document.
    #[error("its content does not fit")]
    Body(#[source] serde_json::Error),
}

/// A document, or a folder of them, that others might have read or changed, until it was loaded and its mode put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} could be read or changed by others (mode {mode:04o}); its mode is put right")]
pub struct Exposed {
    /// The document, or words for the folder.
    pub name: &'static str,
    /// The mode that it had.
    pub mode: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    schema: u32,
    generation: u64,
    digest: Digest,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl<'a> Envelope<'a> {
    fn seal(schema: u32, generation: u64, body: &'a RawValue) -> Self {
        Self { schema, generation, digest: digest(schema, generation, body), body }
    }

    fn open(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let envelope: Self = serde_json::from_slice(bytes).map_err(Flaw::Envelope)?;
        let expected = digest(envelope.schema, envelope.generation, envelope.body);
        if envelope.digest == expected { Ok(envelope) } else { Err(Flaw::Digest) }
    }

    fn decode<T: Kept>(&self) -> Result<T, Flaw> {
        const { assert!(T::MIGRATIONS.len() + 1 == T::SCHEMA as usize, "one migration for each earlier schema") }
        if self.schema > T::SCHEMA {
            return Err(Flaw::Newer(self.schema));
        }
        if self.schema == T::SCHEMA {
            return serde_json::from_str(self.body.get()).map_err(Flaw::Body);
        }
        let body = serde_json::from_str(self.body.get()).map_err(Flaw::Body)?;
        serde_json::from_value(migrate(body, self.schema, T::MIGRATIONS)?).map_err(Flaw::Body)
    }
}

fn digest(schema: u32, generation: u64, body: &RawValue) -> Digest {
    Digest::of(format!("{schema}\n{generation}\n{}", body.get()).as_bytes())
}

/// The newest generation in `folder` that is whole. Moves damaged ones aside, and puts the mode of those right that others
/// could read, which `exposed` is told.
pub(super) fn load<T: Kept>(
    folder: &Path,
    exposed: &mut dyn FnMut(Exposed),
) -> Result<Loaded<T>, StateError> {
    let path = folder.join(T::NAME);
    let current = match examine(&path, exposed)? {
        Some(Ok(value)) => return Ok(Loaded::Current(value)),
        Some(Err(flaw)) => Some(set_apart::<T>(&path, flaw)),
        None => None,
    };
    let previous = previous_name(&path);
    let missing = || Damage { name: T::NAME, flaw: Flaw::Missing, aside: None };
    Ok(match (current, examine(&previous, exposed)?) {
        (None, None) => Loaded::Absent,
        (Some(damage), None) => Loaded::Lost(damage),
        (damage, Some(Ok(value))) => Loaded::Previous(value, damage.unwrap_or_else(missing)),
        (damage, Some(Err(flaw))) => {
            let older = set_apart::<T>(&previous, flaw);
            Loaded::Lost(damage.unwrap_or(older))
        }
    })
}

/// What stands there now, for who does not have the lock: a present generation that is damaged is lost to them. Nothing is
/// moved.
pub(super) fn glance<T: Kept>(folder: &Path) -> Result<Loaded<T>, StateError> {
    Ok(match examine(&folder.join(T::NAME), &mut |_| {})? {
        None => Loaded::Absent,
        Some(Ok(value)) => Loaded::Current(value),
        Some(Err(flaw)) => Loaded::Lost(Damage { name: T::NAME, flaw, aside: None }),
    })
}

/// Writes `value` as the next generation in `folder`, and keeps the present one as the previous.
pub(super) fn save<T: Kept>(folder: &Path, value: &T, steps: &dyn Steps) -> Result<(), StateError> {
    let encode = |source| StateError::Encode { name: T::NAME, source };
    let path = folder.join(T::NAME);
    let body = serde_json::value::to_raw_value(value).map_err(encode)?;
    let present = standing::<T>(&path)?;
    let latest = match &present {
        Standing::Whole(generation) | Standing::Newer(_, generation) => *generation,
        Standing::Nothing => match standing::<T>(&previous_name(&path))? {
            Standing::Whole(generation) | Standing::Newer(_, generation) => generation,
            Standing::Nothing => 0,
        },
    };
    let envelope = Envelope::seal(T::SCHEMA, latest.saturating_add(1), &body);
    let bytes = serde_json::to_vec(&envelope).map_err(encode)?;
    if bytes.len() > LIMIT {
        return Err(StateError::TooLarge { name: T::NAME, size: bytes.len(), limit: LIMIT });
    }
    let replace = || {
        let staged = Staged::write(&path, &bytes, atomic::PRIVATE, steps)?;
        match present {
            Standing::Whole(_) => staged.keep_old_as(&previous_name(&path))?,
            Standing::Newer(schema, _) => {
                staged.keep_old_as(&second_name(&path, &format!("schema-{schema}")))?
            }
            Standing::Nothing => {}
        }
        staged.commit()
    };
    replace().map_err(StateError::io("save", &path))
}

/// Forgets the document. The older generation goes first, so that it never stands in for a newer one.
pub(super) fn remove<T: Kept>(folder: &Path) -> Result<(), StateError> {
    let path = folder.join(T::NAME);
    let remove = || {
        atomic::remove_if_there(&previous_name(&path))?;
        atomic::remove_if_there(&path)?;
        atomic::sync_folder_of(&path)
    };
    remove().map_err(StateError::io("remove", &path))
}

/// What stands under a name, as far as saving cares.
enum Standing {
    /// A generation that is whole.
    Whole(u64),
    /// A schema and generation of a newer release.
    Newer(u32, u64),
    /// Nothing, or nothing that is worth keeping: what was damaged has just been moved aside.
    Nothing,
}

fn standing<T: Kept>(path: &Path) -> Result<Standing, StateError> {
    let Some(found) = read(path)? else { return Ok(Standing::Nothing) };
    Ok(match found.as_ref().map(|(bytes, _)| Envelope::open(bytes)) {
        Ok(Ok(envelope)) if envelope.schema > T::SCHEMA => {
            Standing::Newer(envelope.schema, envelope.generation)
        }
        Ok(Ok(envelope)) => Standing::Whole(envelope.generation),
        Ok(Err(_)) | Err(_) => {
            quarantine(&path.with_file_name(T::NAME), path);
            Standing::Nothing
        }
    })
}

/// The value of the file at `path`, its flaw, or `None` when there is no file.
fn examine<T: Kept>(
    path: &Path,
    exposed: &mut dyn FnMut(Exposed),
) -> Result<Option<Result<T, Flaw>>, StateError> {
    let found = read(path)?;
    if let Some(Ok((_, Some(Mended(mode))))) = found {
        exposed(Exposed { name: T::NAME, mode });
    }
    Ok(found.map(|found| Envelope::open(&found?.0)?.decode()))
}

/// A file's bytes, and how it lay open; or what is wrong with it.
type Content = Result<(Vec<u8>, Option<Mended>), Flaw>;

/// Tells what is wrong with the file from what is wrong with the disk, which is no reason to move a file.
fn read(path: &Path) -> Result<Option<Content>, StateError> {
    let foreign = |error: &io::Error| Some(error.get_ref()?.downcast_ref::<Foreign>()?.0);
    match atomic::read_private(path, LIMIT) {
        Ok(found) => Ok(found.map(Ok)),
        Err(error) if foreign(&error).is_some() => Ok(foreign(&error).map(|owner| Err(Flaw::Foreign(owner)))),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Some(Err(Flaw::NotAFile))),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(Err(Flaw::TooLarge))),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

fn set_apart<T: Kept>(path: &Path, flaw: Flaw) -> Damage {
    let aside = match flaw {
        Flaw::Newer(_) => None,
        _ => quarantine(&path.with_file_name(T::NAME), path),
    };
    Damage { name: T::NAME, flaw, aside }
}

/// Moves a damaged file of `document` aside and forgets the oldest ones. A failure here hides nothing and stops
/// nothing: the file then stays where it is and is found damaged again.
fn quarantine(document: &Path, damaged: &Path) -> Option<PathBuf> {
    let prefix = second_name(document, "corrupt-");
    let prefix = prefix.file_name()?.to_str()?;
    let mut numbers: Vec<u32> = document
        .parent()?
        .read_dir()
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix(prefix)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let name = |number: u32| second_name(document, &format!("corrupt-{number}"));
    let aside = name(numbers.last().map_or(Some(1), |last| last.checked_add(1))?);
    atomic::rename(damaged, &aside).ok()?;
    for number in numbers.iter().rev().skip(QUARANTINED - 1) {
        // What stays is removed with the next one.
        let _ = atomic::remove_if_there(&name(*number));
    }
    Some(aside)
}

fn previous_name(path: &Path) -> PathBuf {
    second_name(path, "previous")
}

/// `name` becomes `name.suffix`, in the same folder.
fn second_name(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
