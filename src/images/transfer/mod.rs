//! The download of golden images: resumed, verified as it streams, in constant memory.
//!
//! In go a [`Source`] from the signed assignment and a cap on bandwidth; out comes a file whose digest is the one that
//! was signed, or a [`TransferError`]. Files lie in a folder that only root may enter, each under its digest, so that
//! no name, address or header of a server chooses a path. A download that was cut goes on where it ended, also after a
//! restart; a file that changed meanwhile starts over by its `ETag`. What has another digest is thrown away and never
//! handed out. Nothing is asked for a file that is there. One document is written, `downloads.json`.

mod client;
mod judge;
mod pace;
mod partial;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;
use url::Url;

pub use client::is_fetchable;
pub use judge::{Lie, Validator};

use self::judge::{Asked, Head, Verdict, judge};
use self::pace::Pace;
use self::partial::Partial;
use crate::domain::digest::Digest;
use crate::domain::keyed::Keyed as _;
use crate::paths::Paths;
use crate::platform::folder::{self, FolderError};
use crate::state::document::Kept;
use crate::state::{Damage, StateError, Store};

/// How many pieces may wait for the disk. A piece is what the connection had at hand, at most about 400 KiB.
const PIECES: usize = 2;

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub url: Url,
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// How to fetch it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manner {
    /// The profile's certificates, which the server's may chain to besides the trust store's.
    pub ca: Option<Vec<u8>>,
    /// At most so many bytes a second.
    pub bytes_per_s: Option<u64>,
}

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The folder of the downloads is not usable.
    #[error("cannot use the folder of the downloads")]
    Folder(#[from] FolderError),
    /// The document could not be read or written.
    #[error("cannot remember the download")]
    State(#[from] StateError),
    /// The disk refused.
    #[error("cannot store the image")]
    Disk(#[source] io::Error),
    /// The address, or a certificate, is of no use.
    #[error("cannot prepare the download")]
    Client(#[source] reqwest::Error),
    /// There was no answer.
    #[error("the server of the image cannot be reached")]
    Network(#[source] reqwest::Error),
    /// The answer is not the file.
    #[error("the image is not to be had")]
    Answer(#[from] Lie),
    /// The connection ended early; it goes on from there.
    #[error("the connection ended after {at} of {size} bytes")]
    Cut {
        /// How many bytes are there.
        at: u64,
        /// How many it should be.
        size: u64,
    },
    /// More bytes came than the file has.
    #[error("the server sent more than the {0} bytes that the image has in the portal")]
    TooLong(u64),
    /// The file is another one than was signed; nothing of it is kept.
    #[error("the image has not the digest that the portal signed; nothing of it is kept")]
    Mismatch {
        /// It was put together from several answers, so that it is worth another try.
        mixed: bool,
    },
    /// The thread that writes ended.
    #[error("writing the image was ended")]
    Ended(#[source] JoinError),
}

impl TransferError {
    /// Whether it may pass by itself: it is tried again, with growing pauses.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Network(_) | Self::Cut { .. } | Self::State(_) | Self::Disk(_) | Self::Ended(_) => true,
            Self::Answer(Lie::Page) => true,
            Self::Answer(Lie::Status(status)) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Mismatch { mixed } => *mixed,
            Self::Folder(_) | Self::Client(_) | Self::Answer(_) | Self::TooLong(_) => false,
        }
    }
}

/// The document: of which versions the files so far are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ledger(BTreeMap<Digest, Entry>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    url: String,
    validator: Validator,
}

impl Kept for Ledger {
    const NAME: &'static str = "downloads.json";
}

/// The folder of the downloads.
#[derive(Debug)]
pub struct Vault {
    folder: PathBuf,
    store: Arc<Store>,
    ledger: Ledger,
    /// The file that was worked on last, with the digest of its bytes so far.
    current: Option<(Digest, Arc<Mutex<Partial>>)>,
    /// Files that this process verified, as they were then: they are not read again.
    verified: BTreeMap<Digest, Stamp>,
}

/// Inode, size, seconds and nanoseconds of the last change.
type Stamp = (u64, u64, i64, i64);

impl Vault {
    /// Opens the folder, which is made where it is missing. With it comes the damage of its document; losing that costs
    /// no bytes: a file whose version is not known is still told by its digest.
    ///
    /// # Errors
    /// [`TransferError::Folder`] and [`TransferError::State`].
    pub fn open(paths: &Paths, store: Arc<Store>) -> Result<(Self, Option<Damage>), TransferError> {
        let folder = paths.images();
        if let Some(mode) = folder::ensure(&folder, folder::PRIVATE)? {
            tracing::error!(mode = format!("{mode:04o}"), "the folder of the downloads lay open");
        }
        let (ledger, damage) = match store.load::<Ledger>()? {
            crate::state::Loaded::Absent => (Ledger::default(), None),
            crate::state::Loaded::Current(ledger) => (ledger, None),
            crate::state::Loaded::Previous(ledger, damage) => (ledger, Some(damage)),
            crate::state::Loaded::Lost(damage) => (Ledger::default(), Some(damage)),
        };
        Ok((Self { folder, store, ledger, current: None, verified: BTreeMap::new() }, damage))
    }

    /// Where a file is once it was verified.
    #[must_use]
    pub fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(digest.hex())
    }

    /// How many bytes of a file are there.
    #[must_use]
    pub fn present(&self, digest: Digest) -> u64 {
        self.path(digest).symlink_metadata().map_or(0, |found| found.len())
    }

    /// Fetches what is missing of a file and verifies it; `progress` is told how many bytes are there. One answer of the
    /// server is read, so that who calls decides when to ask again. Dropping the future ends it and keeps what came.
    ///
    /// # Errors
    /// [`TransferError`].
    pub async fn fetch(
        &mut self,
        source: &Source,
        manner: &Manner,
        progress: impl Fn(u64),
    ) -> Result<(), TransferError> {
        if self.is_verified(source) {
            progress(source.size);
            return Ok(());
        }
        let partial = self.partial(source.sha256)?;
        let (offset, inherited) = look(&partial).await?;
        let mut mixed = offset > 0 || inherited;
        if offset > source.size {
            lock(&partial).clear().map_err(TransferError::Disk)?;
            mixed = false;
        }
        if look(&partial).await?.0 < source.size {
            let client = client::client(&source.url, manner.ca.as_deref()).map_err(TransferError::Client)?;
            let (response, went_on) = self.ask(&client, source, &partial).await?;
            mixed &= went_on;
            receive(response, &partial, source.size, (Pace::of(manner.bytes_per_s), &progress)).await?;
        }
        self.verify(source, &partial, mixed).await
    }

    /// Asks for the rest of a file, and for the whole where the rest is of no use. Whether the answer goes on.
    async fn ask(
        &mut self,
        client: &Client,
        source: &Source,
        partial: &Arc<Mutex<Partial>>,
    ) -> Result<(Response, bool), TransferError> {
        let mut asked =
            Asked { offset: look(partial).await?.0, size: source.size, validator: Validator::default() };
        if let Some(entry) =
            self.ledger.0.get(&source.sha256).filter(|entry| entry.url == source.url.as_str())
        {
            asked.validator = entry.validator.clone();
        }
        loop {
            let response = request(client, source, &asked).await?;
            let head = head(&response);
            match judge(&asked, &head)? {
                Verdict::GoOn => return Ok((response, true)),
                Verdict::Anew => {
                    lock(partial).clear().map_err(TransferError::Disk)?;
                    self.note(source, head.validator)?;
                    return Ok((response, false));
                }
                Verdict::AskAnew => {
                    lock(partial).clear().map_err(TransferError::Disk)?;
                    asked = Asked { offset: 0, validator: Validator::default(), ..asked };
                }
            }
        }
    }

    /// Remembers of which version the bytes are, before the first of them is stored.
    fn note(&mut self, source: &Source, validator: Validator) -> Result<(), TransferError> {
        let entry = Entry { url: source.url.to_string(), validator };
        if self.ledger.0.get(&source.sha256) == Some(&entry) {
            return Ok(());
        }
        let mut ledger = self.ledger.clone();
        ledger.0.insert(source.sha256, entry);
        self.save(ledger)
    }

    fn save(&mut self, ledger: Ledger) -> Result<(), TransferError> {
        self.store.save(&ledger)?;
        self.ledger = ledger;
        Ok(())
    }

    async fn verify(
        &mut self,
        source: &Source,
        partial: &Arc<Mutex<Partial>>,
        mixed: bool,
    ) -> Result<(), TransferError> {
        let file = Arc::clone(partial);
        let digest = spawn_blocking(move || lock(&file).digest()).await.map_err(TransferError::Ended)?;
        if digest.map_err(TransferError::Disk)? == source.sha256 {
            self.verified.extend(stamp(&self.path(source.sha256)).map(|stamp| (source.sha256, stamp)));
            return Ok(());
        }
        lock(partial).clear().map_err(TransferError::Disk)?;
        self.discard(source.sha256)?;
        Err(TransferError::Mismatch { mixed })
    }

    /// Whether this process verified the file and nobody changed it since.
    fn is_verified(&self, source: &Source) -> bool {
        let known = self.verified.get(&source.sha256);
        known.is_some() && known == stamp(&self.path(source.sha256)).as_ref()
    }

    fn partial(&mut self, digest: Digest) -> Result<Arc<Mutex<Partial>>, TransferError> {
        if let Some((_, partial)) = self.current.as_ref().filter(|(current, _)| *current == digest) {
            return Ok(Arc::clone(partial));
        }
        let partial = Partial::open(&self.path(digest)).map_err(TransferError::Disk)?;
        let partial = Arc::new(Mutex::new(partial));
        self.current = Some((digest, Arc::clone(&partial)));
        Ok(partial)
    }

    /// Removes a file; there may be none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn discard(&mut self, digest: Digest) -> Result<(), TransferError> {
        self.current.take_if(|(current, _)| *current == digest);
        self.verified.remove(&digest);
        remove(&self.path(digest)).map_err(TransferError::Disk)?;
        if self.ledger.0.contains_key(&digest) {
            let mut ledger = self.ledger.clone();
            ledger.0.remove(&digest);
            self.save(ledger)?;
        }
        Ok(())
    }

    /// Removes all files but those that are `wanted`, and whatever else lies in the folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep_only(&mut self, wanted: &[Digest]) -> Result<(), TransferError> {
        let names: Vec<_> = wanted.iter().map(Digest::hex).collect();
        for entry in self.folder.read_dir().map_err(TransferError::Disk)?.flatten() {
            if !names.iter().any(|name| entry.file_name() == name.as_str()) {
                remove(&entry.path()).map_err(TransferError::Disk)?;
            }
        }
        self.current.take_if(|(current, _)| !wanted.contains(current));
        self.verified.retain(|digest, _| wanted.contains(digest));
        let kept = self.ledger.0.iter().filter(|(digest, _)| wanted.contains(digest));
        let kept = Ledger(kept.map(|(digest, entry)| (*digest, entry.clone())).keyed());
        if kept == self.ledger { Ok(()) } else { self.save(kept) }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let found = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

fn lock(partial: &Mutex<Partial>) -> std::sync::MutexGuard<'_, Partial> {
    partial.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is there, and whether an earlier process stored some of it. A hash that goes on for a fetch that was given up has the
/// file for minutes, so it is waited for beside the loop.
async fn look(partial: &Arc<Mutex<Partial>>) -> Result<(u64, bool), TransferError> {
    let partial = Arc::clone(partial);
    let look = move || {
        let partial = lock(&partial);
        (partial.length(), partial.is_inherited())
    };
    spawn_blocking(look).await.map_err(TransferError::Ended)
}

async fn request(client: &Client, source: &Source, asked: &Asked) -> Result<Response, TransferError> {
    let mut request = client.get(source.url.clone());
    if asked.offset > 0 {
        request = request.header(RANGE, format!("bytes={}-", asked.offset));
        if let Some(version) = asked.validator.if_range() {
            request = request.header(IF_RANGE, version);
        }
    }
    request.send().await.map_err(|error| TransferError::Network(error.without_url()))
}

fn head(response: &Response) -> Head {
    let headers: &HeaderMap = response.headers();
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
    Head {
        status: response.status().as_u16(),
        length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        range: text(CONTENT_RANGE),
        encoding: text(CONTENT_ENCODING),
        page: text(CONTENT_TYPE)
            .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/html")),
        validator: Validator { etag: text(ETAG), modified: text(LAST_MODIFIED) },
    }
}

/// Reads an answer to its end. The connection is read here; another thread stores and one more hashes, so that all go on at once.
async fn receive(
    mut response: Response,
    partial: &Arc<Mutex<Partial>>,
    size: u64,
    (mut pace, progress): (Pace, &impl Fn(u64)),
) -> Result<(), TransferError> {
    let mut at = look(partial).await?.0;
    let (sender, pieces) = mpsc::channel(PIECES);
    let file = Arc::clone(partial);
    let storing = spawn_blocking(move || store(&file, pieces));
    let begun = Instant::now();
    let read = loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break Ok(()),
            Err(_) => break Err(TransferError::Cut { at, size }),
        };
        let length = piece.len();
        if length as u64 > size.saturating_sub(at) {
            break Err(TransferError::TooLong(size));
        }
        if sender.send(piece).await.is_err() {
            break Ok(());
        }
        at += length as u64;
        progress(at);
        let rest = pace.rest(length, begun.elapsed());
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    };
    drop(sender);
    storing.await.map_err(TransferError::Ended)?.map_err(TransferError::Disk)?;
    read?;
    if at < size { Err(TransferError::Cut { at, size }) } else { Ok(()) }
}

fn store<P: AsRef<[u8]> + Send>(file: &Mutex<Partial>, mut pieces: mpsc::Receiver<P>) -> io::Result<()> {
    lock(file).append(std::iter::from_fn(|| pieces.blocking_recv()))
}
