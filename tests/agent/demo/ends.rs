//! However the demo ends, the agent ends with it and its scratch root is removed; the exit code tells how it was.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use meridian::paths::Paths;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdout};
use tokio::time::{sleep, timeout};

use super::command;

/// How long anything here may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What is told at the very end.
pub(super) const TOLD: &str = "Ctrl-C ends them";

/// A demo that runs.
pub(super) struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(super) root: PathBuf,
}

impl Demo {
    /// Starts one and reads where its root is.
    pub(super) async fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut demo = Self { child, lines, root: PathBuf::new() };
        let title = demo.until("Everything lies below ").await;
        let root = title.split_whitespace().find(|word| word.starts_with('/')).unwrap();
        demo.root = root.trim_end_matches(';').into();
        assert!(demo.root.join("Library").is_dir());
        demo
    }

    /// Reads the story up to the line with this text.
    pub(super) async fn until(&mut self, text: &str) -> String {
        loop {
            let line = timeout(DEADLINE, self.lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("the story ended without {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn send(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// The agent's lock, which outlives the root.
    fn lock(&self) -> File {
        File::open(Paths::under(&self.root).private().join("lock")).unwrap()
    }

    /// How it ended, and what it said on standard error.
    async fn ended(mut self) -> (ExitStatus, String) {
        let status = timeout(DEADLINE, self.child.wait()).await.unwrap().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        (status, said)
    }
}

async fn comes_true(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = timeout(DEADLINE, async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} within {DEADLINE:?}"));
}

/// An agent that runs and does nothing else.
fn idle_agent(folder: &Path) -> String {
    let path = folder.join("agent");
    meridian::state::atomic::write(&path, b"#!/bin/sh\nexec sleep 1000\n", 0o755).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn ctrl_c_after_the_story_is_the_good_end() {
    let folder = tempfile::Builder::new().prefix("mer-").tempdir_in("/tmp").unwrap();
    let mut demo = Demo::start(&["--root", folder.path().to_str().unwrap()]).await;
    demo.until(TOLD).await;
    let lock = demo.lock();
    demo.send(Signal::INT);
    let (status, said) = demo.ended().await;
    assert!(status.success(), "{status}: {said}");
    lock.try_lock().unwrap();
    assert!(folder.path().join("Library").is_dir(), "a root that was given stays");
}

#[tokio::test]
async fn a_signal_before_the_end_of_the_story_is_told_and_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let agent = idle_agent(folder.path());
    for (signal, name, code) in
        [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143), (Signal::HUP, "SIGHUP", 129)]
    {
        let demo = Demo::start(&["--once", "--agent", &agent]).await;
        let root = demo.root.clone();
        demo.send(signal);
        let (status, said) = demo.ended().await;
        assert_eq!(status.code(), Some(code), "{said}");
        assert_eq!(said, format!("mock-portal: ended by {name} before the end of the story\n"));
        assert!(!root.exists());
    }
}

#[tokio::test]
async fn an_agent_that_is_killed_after_the_story_ends_the_demo_with_a_message() {
    let mut demo = Demo::start(&[]).await;
    demo.until(TOLD).await;
    let root = demo.root.clone();
    let agent = UnixStream::connect(Paths::under(&root).socket()).await.unwrap().peer_cred().unwrap();
    kill_process(Pid::from_raw(agent.pid().unwrap()).unwrap(), Signal::KILL).unwrap();
    let (status, said) = demo.ended().await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.starts_with("mock-portal: the agent ended by itself: signal: 9"), "{said}");
    assert!(!root.exists());
}

#[tokio::test]
async fn a_story_that_nobody_reads_ends_quietly_and_is_no_success() {
    let Demo { mut child, lines, root } = Demo::start(&["--once"]).await;
    drop(lines);
    let status = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(1), ""));
    assert!(!root.exists());
}

#[tokio::test]
async fn a_demo_that_is_killed_leaves_neither_agent_nor_root() {
    for last in ["Local restrictions are in force", TOLD] {
        let mut demo = Demo::start(&[]).await;
        demo.until(last).await;
        let lock = demo.lock();
        assert!(lock.try_lock().is_err(), "the agent runs");
        demo.send(Signal::KILL);
        assert!(!demo.child.wait().await.unwrap().success());
        comes_true("the agent ends", || lock.try_lock().is_ok()).await;
        comes_true("the root goes", || !demo.root.exists()).await;
    }
}
