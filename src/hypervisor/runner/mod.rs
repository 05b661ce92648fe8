//! The only door to a process.
//!
//! What goes in: an [`Invocation`]. What comes out: its [`Output`], or why there is none. The runner keeps the rules that
//! every call obeys: only the real tools of Parallels are run (`trust`), changes run one at a time, a login that failed
//! is tried again, and tools that hang three times in a row are left alone for a while (`breaker`). In tests a function
//! takes the place of the processes, and the rules stay.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::breaker::Breaker;
use self::process::Command;
use self::trust::{Trust, Untrusted};
use super::invocation::Invocation;
use super::outcome::{Answer, Obstacle, ObstacleKind, Output, Refusal};
use crate::domain::license::without_keys;
use crate::paths::Paths;

mod breaker;
mod process;
#[cfg(test)]
mod tests;
mod trust;

/// How often a call is made again after `Login failed:`, and the pause before each (facts: Parallels' own plugins).
const LOGIN_ATTEMPTS: u32 = 5;
const LOGIN_PAUSE: Duration = Duration::from_secs(2);

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Parallels' tool is not there.
    #[error("Parallels Desktop is not installed")]
    NotInstalled,
    /// The tool may not be run, because it may not be Parallels'.
    #[error("{program} is not run")]
    Untrusted {
        /// The tool.
        program: String,
        /// What is wrong with it.
        #[source]
        reason: Untrusted,
    },
    /// The tool did not end in time and was killed.
    #[error("{program} did not end within {} s and was killed", limit.as_secs())]
    TimedOut {
        /// The tool.
        program: String,
        /// The time it had.
        limit: Duration,
    },
    /// The tool printed without end and was killed.
    #[error("{0} printed more than 16 MiB and was killed")]
    TooMuch(String),
    /// Parallels' tools hung three times in a row; they are not called until the pause is over.
    #[error("Parallels' tools hung three times in a row; the next call is made in {} s", retry_in.as_secs())]
    Paused {
        /// What is left of the pause.
        retry_in: Duration,
    },
    /// The system did not start it, or not read from it.
    #[error("cannot run {program}")]
    System {
        /// The tool.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The tool ran and refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl<T> From<RunError> for Answer<T> {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NotInstalled => Self::NotInstalled,
            RunError::Refused(refusal) => Self::from(refusal),
            other => Self::CouldNotAsk(Obstacle {
                kind: match other {
                    RunError::Untrusted { .. } => ObstacleKind::Untrusted,
                    RunError::TimedOut { .. } | RunError::Paused { .. } => ObstacleKind::Hung,
                    _ => ObstacleKind::Failed,
                },
                words: crate::error::Chain(&other).to_string(),
            }),
        }
    }
}

/// Runs the tools.
pub struct Runner {
    paths: Paths,
    backend: Backend,
    one_change: tokio::sync::Mutex<()>,
    changing: [AtomicUsize; 2],
    breaker: Mutex<Breaker>,
    successes: watch::Sender<u64>,
}

/// What a row of changes is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The service's own settings.
    Service,
    /// Virtual machines.
    Machines,
}

/// A row of changes is under way until this is dropped.
#[derive(Debug)]
pub struct Changing<'a>(&'a AtomicUsize);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to make several changes in a row with no other between them.
pub struct Alone<'a> {
    runner: &'a Runner,
    _lock: tokio::sync::MutexGuard<'a, ()>,
}

impl Alone<'_> {
    /// Runs a tool and returns what it printed, as [`Runner::stdout_of`] does.
    ///
    /// # Errors
    /// A [`RunError`], also for an exit code other than 0.
    pub async fn stdout_of(&self, invocation: &Invocation) -> Result<Vec<u8>, RunError> {
        Ok(self.runner.run_anyway(invocation).await?.into_stdout()?)
    }
}

/// A function in the place of the processes.
type Answering = Box<dyn FnMut(&Invocation) -> Output + Send>;

enum Backend {
    Processes(Trust),
    Function(Mutex<Answering>),
}

impl Runner {
    /// A runner of real processes, all of them below the root of `paths`.
    #[must_use]
    pub fn real(paths: Paths) -> Self {
        let trust = Trust::new(paths.clone());
        Self::with(paths, Backend::Processes(trust))
    }

    /// A runner whose processes are answered by a function.
    #[must_use]
    pub fn answering(paths: Paths, answer: impl FnMut(&Invocation) -> Output + Send + 'static) -> Self {
        Self::with(paths, Backend::Function(Mutex::new(Box::new(answer))))
    }

    fn with(paths: Paths, backend: Backend) -> Self {
        Self {
            paths,
            backend,
            one_change: tokio::sync::Mutex::new(()),
            changing: Default::default(),
            breaker: Mutex::new(Breaker::default()),
            successes: watch::Sender::default(),
        }
    }

    /// The layout whose tools it runs.
    #[must_use]
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Says that a row of changes is under way, so that nobody looks at what is half done.
    #[must_use]
    pub fn begin_changes(&self, of: Changed) -> Changing<'_> {
        let changing = &self.changing[of as usize];
        changing.fetch_add(1, Ordering::Relaxed);
        Changing(changing)
    }

    /// Whether a row of changes is under way.
    #[must_use]
    pub fn is_changing(&self, of: Changed) -> bool {
        self.changing[of as usize].load(Ordering::Relaxed) > 0
    }

    /// Waits until no change is under way and keeps others from beginning until this is dropped.
    pub async fn alone(&self) -> Alone<'_> {
        Alone { runner: self, _lock: self.one_change.lock().await }
    }

    /// How many calls of Parallels' tools succeeded. Whoever believes that they cannot be asked learns here that they can.
    #[must_use]
    pub fn successes(&self) -> watch::Receiver<u64> {
        self.successes.subscribe()
    }

    /// Runs a tool to its end, whatever its exit code.
    ///
    /// Dropping the future ends the tool and all it started.
    ///
    /// # Errors
    /// A [`RunError`] other than [`RunError::Refused`].
    pub async fn run(&self, invocation: &Invocation) -> Result<Output, RunError> {
        let _alone = match invocation.mutating {
            true => Some(self.one_change.lock().await),
            false => None,
        };
        self.run_anyway(invocation).await
    }

    async fn run_anyway(&self, invocation: &Invocation) -> Result<Output, RunError> {
        let mut attempt = 0;
        loop {
            let output = self.run_once(invocation).await?;
            if !output.login_failed() || attempt == LOGIN_ATTEMPTS {
                return Ok(output);
            }
            attempt += 1;
            sleep(LOGIN_PAUSE).await;
        }
    }

    /// Runs a tool and returns what it printed.
    ///
    /// # Errors
    /// A [`RunError`], also for an exit code other than 0.
    pub async fn stdout_of(&self, invocation: &Invocation) -> Result<Vec<u8>, RunError> {
        Ok(self.run(invocation).await?.into_stdout()?)
    }

    /// One attempt. Only Parallels' tools count for the breaker: that `sysctl` answers says nothing of them.
    async fn run_once(&self, invocation: &Invocation) -> Result<Output, RunError> {
        if !invocation.program.starts_with(self.paths.parallels_app()) {
            return self.attempt(invocation).await;
        }
        if let Some(retry_in) = self.breaker().pause_left(Instant::now()) {
            return Err(RunError::Paused { retry_in });
        }
        let result = self.attempt(invocation).await;
        match &result {
            Ok(output) => {
                self.breaker().answered();
                if output.code == Some(0) {
                    self.successes.send_modify(|count| *count += 1);
                }
            }
            Err(RunError::TimedOut { .. }) => self.breaker().hung(Instant::now()),
            Err(_) => {}
        }
        result
    }

    async fn attempt(&self, invocation: &Invocation) -> Result<Output, RunError> {
        let begun = Instant::now();
        let result = self.call(invocation).await;
        let (tool, ms) = (name(&invocation.program), begun.elapsed().as_millis());
        let arguments = || without_keys(&invocation.argv.join(" "));
        match &result {
            Ok(output) => {
                tracing::debug!(tool, arguments = arguments(), code = output.code, ms, "a tool ended")
            }
            Err(error) => tracing::debug!(tool, arguments = arguments(), %error, ms, "a tool gave no output"),
        }
        result
    }

    async fn call(&self, invocation: &Invocation) -> Result<Output, RunError> {
        match &self.backend {
            Backend::Function(answer) => {
                let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(answer(invocation))
            }
            Backend::Processes(trust) => {
                let program = trust.program(&invocation.program).await?;
                Command::of(&self.paths, invocation, &program).run(invocation.limit).await
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a tool, as messages show it.
fn name(program: &Path) -> String {
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}
