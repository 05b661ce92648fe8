//! A watched folder: file events become a level.
//!
//! In goes the path of a folder, which may not exist yet; out comes [`Watch::changed`], once for all that happens within the
//! debounce. Events are hints: whoever is woken reads the folder afresh, and polls it too, because every system loses events.
//! A watch dies with its folder, and macOS replaces the folder of managed preferences whenever any profile changes, so
//! [`Watch::rearm`] is to be called on each tick. Nothing wakes while nothing happens.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tokio::time::Instant;

/// A folder under watch.
pub struct Watch {
    path: PathBuf,
    debounce: Duration,
    armed: Option<Armed>,
    due: Option<Instant>,
}

/// A watcher on the folder that was there when it was armed.
struct Armed {
    events: watch::Receiver<Seen>,
    identity: Identity,
    _watcher: RecommendedWatcher,
}

/// What the events since arming say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    /// The folder itself was removed or renamed: what bears its name now is another one, even with the same inode.
    folder_gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Watch {
    /// Watches the folder at `path`, its direct members only; a change is reported `debounce` after its first event.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, debounce: Duration) -> Self {
        let mut watch = Self { path: path.into(), debounce, armed: None, due: None };
        watch.attach();
        watch
    }

    /// Waits until something changed in the folder, or until the folder itself was replaced. Cancel-safe.
    ///
    /// Without a folder it waits for ever: [`Watch::rearm`] finds the folder when it comes.
    pub async fn changed(&mut self) {
        let due = match self.due {
            Some(due) => due,
            None => self.first_event().await,
        };
        self.due = Some(due);
        tokio::time::sleep_until(due).await;
        self.due = None;
        if let Some(armed) = &mut self.armed {
            armed.events.mark_unchanged();
        }
        // Before the caller reads, so that nothing falls between the reading and the new watch.
        self.attach();
    }

    /// Watches the folder that is there now. One `stat` while the watch is alive; a folder that came, went or was
    /// replaced counts as a change.
    pub fn rearm(&mut self) {
        if self.attach() && self.due.is_none() {
            self.due = Some(Instant::now() + self.debounce);
        }
    }

    /// What happened so far is known to the caller, who reads the folder after this. That the folder itself went is not.
    pub fn catch_up(&mut self) {
        if let Some(armed) = self.armed.as_mut().filter(|armed| !armed.events.borrow().folder_gone) {
            armed.events.mark_unchanged();
            self.due = None;
        }
    }

    async fn first_event(&mut self) -> Instant {
        match &mut self.armed {
            // The watcher's thread ended; it is armed again when the debounce is over.
            Some(armed) => {
                if armed.events.changed().await.is_err() {
                    self.armed = None;
                }
            }
            None => std::future::pending().await,
        }
        Instant::now() + self.debounce
    }

    /// True when the watched folder is another one than before, or none.
    fn attach(&mut self) -> bool {
        let identity = Identity::of(&self.path);
        let alive = self.armed.as_ref().filter(|armed| !armed.events.borrow().folder_gone);
        if alive.is_some_and(|armed| Some(armed.identity) == identity) {
            return false;
        }
        let had = self.armed.take().is_some();
        if let Some(identity) = identity {
            match Armed::on(&self.path, identity) {
                Ok(armed) => self.armed = Some(armed),
                Err(error) => {
                    tracing::debug!(folder = %self.path.display(), %error, "not watched, only polled")
                }
            }
        }
        had || self.armed.is_some()
    }
}

impl Armed {
    fn on(path: &Path, identity: Identity) -> notify::Result<Self> {
        // FSEvents reports real paths, such as /private/var for /var.
        let folder = path.canonicalize().map_err(notify::Error::io)?;
        let (raise, events) = watch::channel(Seen::default());
        let watched = folder.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may mean lost events.
            if event.as_ref().map_or(true, wakes) {
                let gone = event.is_ok_and(|event| removes(&event, &watched));
                raise.send_modify(|seen| seen.folder_gone |= gone);
            }
        })?;
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(Self { events, identity, _watcher: watcher })
    }
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        metadata.is_dir().then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Reading wakes nobody: the agent's own reads would wake it again and again.
fn wakes(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn removes(event: &Event, folder: &Path) -> bool {
    let away = matches!(
        event.kind,
        EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::Any | RenameMode::Both))
    );
    away && event.paths.first().is_some_and(|path| path == folder)
}

#[cfg(test)]
mod tests;
