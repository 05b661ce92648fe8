//! Warnings and errors for the Mac's own log, which an administrator reads with `log show` or in Console.
//!
//! Unified logging has no file and no socket to write to: its one door is a C macro of Apple's, which needs unsafe code, and
//! `/var/run/syslog` is no longer listened to since macOS 12 (documented by Python's `SysLogHandler`). What is left is
//! `logger`, which takes lines from standard input until that ends (logger(1)). One is started with the first warning and kept,
//! so there is no process a line, and none at all on a Mac where all is well. That its lines arrive one by one and at
//! once is inferred; `packaging/verify-on-mac.sh` asks it.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// The most of a line, in bytes: what a pipe takes as a whole or not at all, on a Mac (`PIPE_BUF`).
const LONGEST: usize = 512;

/// How long a `logger` that failed is left alone.
const REST: SignedDuration = SignedDuration::from_mins(10);

/// The Mac's own log.
#[derive(Debug)]
pub(super) struct SystemLog {
    logger: PathBuf,
    running: Option<(Child, ChildStdin)>,
    failed_at: Option<Timestamp>,
}

impl SystemLog {
    /// The log that this `logger` writes to. It is not started yet.
    pub(super) const fn of(logger: PathBuf) -> Self {
        Self { logger, running: None, failed_at: None }
    }

    /// Says a line. It never waits: what `logger` does not take is lost.
    pub(super) fn say(&mut self, line: &str, now: Timestamp) {
        if self.failed_at.is_some_and(|at| now.duration_since(at).abs() < REST) {
            return;
        }
        self.failed_at = self.try_to_say(line).is_none().then_some(now);
        if self.failed_at.is_some()
            && let Some((mut logger, stdin)) = self.running.take()
        {
            drop(stdin);
            // It has ended, or it ends now; nothing is left of it.
            let _ = logger.kill();
            let _ = logger.wait();
        }
    }

    fn try_to_say(&mut self, line: &str) -> Option<()> {
        if self.running.is_none() {
            self.running = Some(start(&self.logger)?);
        }
        let (_, stdin) = self.running.as_mut()?;
        // So that it can be searched for, whatever becomes of the tag.
        let mut line = format!("meridian: {line}");
        line.truncate(line.floor_char_boundary(LONGEST - 1));
        line.push('\n');
        match stdin.write_all(line.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => None,
            _ => Some(()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the runner runs tools to their end; this one is fed for as long as the daemon lives"
)]
fn start(logger: &PathBuf) -> Option<(Child, ChildStdin)> {
    let mut child = Command::new(logger)
        .args(["-t", "meridian", "-p", "daemon.warning"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdin = child.stdin.take()?;
    fcntl_setfl(&stdin, fcntl_getfl(&stdin).ok()? | OFlags::NONBLOCK).ok()?;
    Some((child, stdin))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// A `logger` that does this.
    fn logger(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("logger");
        let mut file = std::fs::File::create(&path).unwrap();
        write!(file, "#!/bin/sh\n{script}\n").unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    async fn until(mut holds: impl FnMut() -> bool) {
        let look = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), look).await.unwrap();
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + 60 * minute).unwrap()
    }

    #[tokio::test]
    async fn one_logger_takes_all_lines_and_a_long_one_is_cut() {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let script = format!("echo \"$@\" >>'{0}'; exec /bin/cat >>'{0}'", out.display());
        let mut log = SystemLog::of(logger(scratch.path(), &script));
        for line in ["one", "two", &"ä".repeat(2_000)] {
            log.say(line, at(0));
        }
        let read = || std::fs::read_to_string(&out).unwrap_or_default();
        until(|| read().lines().count() == 4).await;
        let lines: Vec<String> = read().lines().map(str::to_owned).collect();
        assert_eq!(lines[..3], ["-t meridian -p daemon.warning", "meridian: one", "meridian: two"]);
        assert!((500..LONGEST).contains(&lines[3].len()) && lines[3].ends_with('ä'));
    }

    #[tokio::test]
    async fn a_logger_that_ends_or_is_missing_rests_and_one_that_takes_nothing_keeps_nobody() {
        let scratch = tempfile::tempdir().unwrap();
        let count = scratch.path().join("count");
        let mut log = SystemLog::of(logger(scratch.path(), &format!("echo >>'{}'", count.display())));
        let starts = || std::fs::read_to_string(&count).unwrap_or_default().len();
        log.say("lost", at(0));
        until(|| starts() == 1).await;
        until(|| log.running.as_mut().is_none_or(|(child, _)| child.try_wait().unwrap().is_some())).await;
        log.say("noticed", at(1));
        assert!(log.running.is_none(), "nothing of it stays");
        log.say("resting", at(2));
        assert_eq!(starts(), 1);
        log.say("again", at(12));
        until(|| starts() == 2).await;

        let mut log = SystemLog::of(scratch.path().join("missing"));
        log.say("lost", at(0));
        assert!(log.running.is_none());

        // A pipe holds 64 KiB.
        let mut log = SystemLog::of(logger(scratch.path(), "exec /bin/sleep 60"));
        for _ in 0..1_000 {
            log.say(&"x".repeat(500), at(0));
        }
        let (mut child, _) = log.running.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
