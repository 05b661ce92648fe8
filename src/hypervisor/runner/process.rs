//! One process: started with a bare environment in a process group of its own, read up to a cap, ended with its group.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::time::timeout;

use super::super::invocation::Invocation;
use super::super::outcome::Output;
use super::{RunError, name};
use crate::paths::Paths;

/// What a tool may print, on both streams together, in bytes.
const CAP: usize = 16 * 1024 * 1024;

/// How much is read at a time, in bytes.
const CHUNK: usize = 16 * 1024;

/// How long a group may take to end itself after SIGTERM.
const TO_END_ITSELF: Duration = Duration::from_secs(2);

/// How long the last bytes may take once the tool has ended, should something that it started keep the stream open.
const TO_DRAIN: Duration = Duration::from_millis(200);

/// A command line with its environment.
pub(super) struct Command {
    /// What messages call it.
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: [(&'static str, OsString); 5],
    input: Option<PathBuf>,
}

impl Command {
    /// The command line of a call, `program` in the place of the one that it names.
    pub(super) fn of(paths: &Paths, invocation: &Invocation, program: &Path) -> Self {
        let (home, user) = match &invocation.as_user {
            Some(user) => (user.home.clone(), user.name.as_str()),
            None => (paths.root().join("var/root"), "root"),
        };
        let (program, arguments) = invocation.command_line(paths, program);
        Self {
            name: name(&invocation.program),
            program,
            arguments,
            environment: [
                ("HOME", home.into()),
                ("USER", user.into()),
                ("LOGNAME", user.into()),
                ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin".into()),
                ("LANG", "en_US.UTF-8".into()),
            ],
            input: invocation.input.clone(),
        }
    }

    /// Runs it for at most `limit`.
    pub(super) async fn run(&self, limit: Duration) -> Result<Output, RunError> {
        let mut child = self.spawn().map_err(|source| self.system(source))?;
        let mut group = Group::of(&child);
        let mut capture = Capture::of(&mut child);
        let result = match timeout(limit, capture.until_the_end(&mut child)).await {
            Ok(Ok(ended)) => Ok(ended),
            Ok(Err(Broken::TooMuch)) => Err(RunError::TooMuch(self.name.clone())),
            Ok(Err(Broken::Io(source))) => Err(self.system(source)),
            Err(_) => Err(RunError::TimedOut { program: self.name.clone(), limit }),
        };
        match result {
            Ok(Ended { status, drained }) => {
                if drained {
                    group.disarm();
                }
                Ok(capture.into_output(status))
            }
            Err(error) => {
                group.terminate();
                // Whether it ended itself or not, the guard kills what is left.
                let _ended = timeout(TO_END_ITSELF, child.wait()).await;
                Err(error)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one home of processes")]
    fn spawn(&self) -> io::Result<Child> {
        tokio::process::Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(self.stdin()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// What the process reads: nothing, or a file that it need not be able to open itself.
    fn stdin(&self) -> io::Result<Stdio> {
        let Some(path) = &self.input else { return Ok(Stdio::null()) };
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        Ok(file.into())
    }

    fn system(&self, source: io::Error) -> RunError {
        RunError::System { program: self.name.clone(), source }
    }
}

/// The process group of a child, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Nothing of it is left, or what is left is no burden.
    const fn disarm(&mut self) {
        self.0 = None;
    }

    fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It fails only when the group is gone.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.terminate();
        self.signal(Signal::KILL);
    }
}

/// How a process ended, and whether both streams were read to their end.
struct Ended {
    status: ExitStatus,
    drained: bool,
}

/// Why it was not read to its end.
enum Broken {
    TooMuch,
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Both streams and what was printed so far. They live outside of the reading: what was read survives when that is cut
/// off, and a tool that is told to end can still write its last words without being killed for it.
struct Capture {
    streams: (Option<ChildStdout>, Option<ChildStderr>),
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Capture {
    fn of(child: &mut Child) -> Self {
        Self { streams: (child.stdout.take(), child.stderr.take()), stdout: Vec::new(), stderr: Vec::new() }
    }

    async fn until_the_end(&mut self, child: &mut Child) -> Result<Ended, Broken> {
        let read_so_far = AtomicUsize::new(0);
        let streams = async {
            tokio::try_join!(
                read(self.streams.0.as_mut(), &mut self.stdout, &read_so_far),
                read(self.streams.1.as_mut(), &mut self.stderr, &read_so_far)
            )
        };
        tokio::pin!(streams);
        tokio::select! {
            biased;
            read = &mut streams => {
                read?;
                Ok(Ended { status: child.wait().await?, drained: true })
            }
            status = child.wait() => {
                let status = status?;
                let drained = match timeout(TO_DRAIN, &mut streams).await {
                    Ok(read) => read.map(|_| true)?,
                    Err(_) => false,
                };
                Ok(Ended { status, drained })
            }
        }
    }

    fn into_output(self, status: ExitStatus) -> Output {
        Output { code: status.code(), stdout: self.stdout, stderr: self.stderr }
    }
}

/// Reads a stream to its end; `so_far` counts both streams.
async fn read(
    stream: Option<&mut (impl AsyncRead + Unpin)>,
    bytes: &mut Vec<u8>,
    so_far: &AtomicUsize,
) -> Result<(), Broken> {
    let Some(stream) = stream else { return Ok(()) };
    loop {
        bytes.reserve(CHUNK);
        let count = stream.read_buf(bytes).await?;
        if count == 0 {
            return Ok(());
        }
        if so_far.fetch_add(count, Ordering::Relaxed).saturating_add(count) > CAP {
            return Err(Broken::TooMuch);
        }
    }
}
