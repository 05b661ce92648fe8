//! A process that ends with what holds it.
//!
//! In goes a command; out comes a [`Process`] in a process group of its own, which a Ctrl-C in the terminal does not reach.
//! Dropping it kills the group.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a process may take to end itself.
const TO_END_ITSELF: Duration = Duration::from_secs(3);

/// Kills a process group at once.
pub(super) fn kill(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        // It may be gone already.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: i32,
}

impl Process {
    /// Starts a command.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        Ok(Self { child, group })
    }

    /// Its process id.
    #[must_use]
    pub const fn id(&self) -> i32 {
        self.group
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// What the system says.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, as launchd does.
    pub fn terminate(&self) {
        if let Some(process) = Pid::from_raw(self.group) {
            // It may be gone already.
            let _ = kill_process(process, Signal::TERM);
        }
    }

    /// Kills it and its group at once.
    pub fn kill(&self) {
        kill(self.group);
    }

    /// Asks it to end, and kills it where it does not.
    pub async fn stop(mut self) {
        self.terminate();
        // Dropping it kills what is left.
        let _ended = timeout(TO_END_ITSELF, self.child.wait()).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After it was waited for, its id may belong to another process; its group keeps the id from being used again
        // only as long as somebody is in it.
        if self.child.id().is_some() {
            kill(self.group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test is about real processes")]
    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn dropping_ends_it_and_what_it_started() {
        let mut command = shell("trap '' TERM; sleep 1000 & sleep 1000");
        command.stdout(std::process::Stdio::piped());
        let mut process = Process::start(command).unwrap();
        let mut stdout = process.child.stdout.take().unwrap();
        drop(process);
        // The stream ends once nobody is left who could write to it.
        let mut rest = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut stdout, &mut rest);
        timeout(Duration::from_secs(5), end).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_is_asked_first() {
        let mut process =
            Process::start(shell("trap 'exit 7' TERM; echo; while :; do sleep 0.01; done")).unwrap();
        assert_eq!(process.ended(), None);
        // The trap may not be set yet; either way it ends by what it is asked.
        process.terminate();
        let status = timeout(Duration::from_secs(5), process.wait()).await.unwrap().unwrap();
        assert!(!status.success());
        process.stop().await;
    }
}
