//! A small launchd for one job, by the rules that launchd.plist(5) documents: RunAtLoad, KeepAlive, ThrottleInterval,
//! ExitTimeOut, Umask and StandardErrorPath. Its seconds may be shorter than real ones, so that tests need not wait for throttling.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use meridian::paths::Paths;
use meridian::portal::demo::guard::Process;
use plist::Dictionary;
use tokio::process::Command;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often the small launchd looks whether a job is wanted.
const GLANCE: Duration = Duration::from_millis(10);

/// What a property list says of its job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) label: String,
    pub(crate) program: Vec<String>,
    run_at_load: bool,
    keep_alive: bool,
    pub(crate) throttle_s: u64,
    pub(crate) exit_timeout_s: u64,
    umask: u32,
    stderr: String,
}

impl Job {
    /// Reads a property list; what is left out has launchd's own value.
    pub(crate) fn read(path: &Path) -> Self {
        let items: Dictionary = plist::from_file(path).unwrap();
        let text = |name: &str| items.get(name).and_then(plist::Value::as_string).map(str::to_owned);
        let number = |name: &str| items.get(name).and_then(plist::Value::as_unsigned_integer);
        let switch = |name: &str| items.get(name).and_then(plist::Value::as_boolean).unwrap_or_default();
        let program = items.get("ProgramArguments").and_then(plist::Value::as_array).unwrap();
        Self {
            label: text("Label").unwrap(),
            program: program.iter().map(|word| word.as_string().unwrap().to_owned()).collect(),
            run_at_load: switch("RunAtLoad"),
            keep_alive: switch("KeepAlive"),
            throttle_s: number("ThrottleInterval").unwrap_or(10),
            exit_timeout_s: number("ExitTimeOut").unwrap_or(20),
            umask: number("Umask").and_then(|umask| u32::try_from(umask).ok()).unwrap_or(0o22),
            stderr: text("StandardErrorPath").unwrap(),
        }
    }
}

/// The job of a scratch root.
pub(crate) struct Launchd {
    paths: Paths,
    /// How long one of launchd's seconds lasts here.
    second: Duration,
    /// When the job was started, each time.
    pub(crate) starts: Vec<Instant>,
    job: Option<Job>,
    process: Option<Process>,
}

impl Launchd {
    pub(crate) fn new(paths: Paths, second: Duration) -> Self {
        Self { paths, second, starts: Vec::new(), job: None, process: None }
    }

    /// The job's process id, while it runs.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::id)
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    /// Takes the job that the root's property list describes.
    pub(crate) fn bootstrap(&mut self) {
        let job = Job::read(&self.paths.launchd_plist());
        let starts_now = job.run_at_load;
        self.job = Some(job);
        if starts_now {
            self.start();
        }
    }

    /// Asks the job to end, and kills it after ExitTimeOut. How it ended.
    pub(crate) async fn bootout(&mut self) -> ExitStatus {
        let job = self.job.take().unwrap();
        let mut process = self.process.take().unwrap();
        process.terminate();
        let limit = Duration::from_secs(job.exit_timeout_s);
        if let Ok(status) = timeout(limit, process.wait()).await {
            return status.unwrap();
        }
        process.kill();
        process.wait().await.unwrap()
    }

    /// Waits until the job's process has ended, and starts it again by KeepAlive, not before ThrottleInterval is over.
    pub(crate) async fn supervise(&mut self) {
        self.process.as_mut().unwrap().wait().await.unwrap();
        self.process = None;
        let job = self.job.as_ref().unwrap();
        if job.keep_alive {
            let throttle = self.second * u32::try_from(job.throttle_s).unwrap();
            sleep_until(*self.starts.last().unwrap() + throttle).await;
            self.start();
        }
    }

    /// Does what a recorded launchctl is told, which is whether there is a file at `loaded`; says by one at `running` that
    /// the job runs.
    pub(crate) async fn obey(&mut self, loaded: &Path, running: &Path) -> ! {
        loop {
            match (loaded.exists(), self.process.as_mut().map(Process::ended)) {
                (true, None) => {
                    std::fs::File::create(running).unwrap();
                    self.bootstrap();
                }
                (false, Some(_)) => {
                    self.bootout().await;
                    std::fs::remove_file(running).unwrap();
                }
                (true, Some(Some(_))) => self.supervise().await,
                (true, Some(None)) | (false, None) => sleep(GLANCE).await,
            }
        }
    }

    fn start(&mut self) {
        let job = self.job.as_ref().unwrap();
        let at_root = |path: &str| -> PathBuf { self.paths.root().join(path.trim_start_matches('/')) };
        let mut log = OpenOptions::new();
        let log = log.append(true).create(true).mode(0o666 & !job.umask).open(at_root(&job.stderr)).unwrap();
        #[expect(clippy::disallowed_methods, reason = "launchd starts processes")]
        let mut command = Command::new(at_root(&job.program[0]));
        command.arg("--root").arg(self.paths.root()).args(&job.program[1..]).current_dir("/");
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(Process::start(command).unwrap());
        self.starts.push(Instant::now());
    }
}
