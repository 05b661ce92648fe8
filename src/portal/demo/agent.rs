//! The real agent: started as its own process below a root, and asked through its local socket and its command line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use super::guard::Process;
use crate::control::client::{Client, ClientError};
use crate::control::view::{ExplainView, StatusView, VmsView};
use crate::paths::Paths;

/// How much of the log's end is looked at, in bytes.
const LOG_TAIL: u64 = 16 * 1024;

/// Where an agent's executable and layout are.
#[derive(Debug, Clone)]
pub struct Agent {
    executable: PathBuf,
    paths: Paths,
}

impl Agent {
    /// The agent of this executable and layout.
    #[must_use]
    pub const fn new(executable: PathBuf, paths: Paths) -> Self {
        Self { executable, paths }
    }

    /// What the daemon writes to its standard streams, as launchd would keep it.
    #[must_use]
    pub fn streams(&self) -> PathBuf {
        self.paths.logs().join("daemon.log")
    }

    /// Its command line with these arguments.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the agent is a process of its own")]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg("--root").arg(self.paths.root()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts the daemon.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(&self) -> io::Result<Process> {
        let log = OpenOptions::new().append(true).create(true).open(self.streams())?;
        let mut command = self.command(&["daemon"]);
        command.stdout(log.try_clone()?).stderr(log);
        Process::start(command)
    }

    /// Lets the command line write to this process's own standard streams.
    ///
    /// # Errors
    /// What the system says.
    pub async fn show(&self, arguments: &[&str]) -> io::Result<ExitStatus> {
        self.command(arguments).status().await
    }

    /// How the agent is.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        self.ask(|client| client.status()).await
    }

    /// Which values hold, and why.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn explain(&self) -> Result<ExplainView, ClientError> {
        self.ask(|client| client.explain(None)).await
    }

    /// The virtual machines.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn vms(&self) -> Result<VmsView, ClientError> {
        self.ask(|client| client.vms()).await
    }

    /// Asks in a thread of its own, because the client blocks.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Client) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let client = Client::of(&self.paths);
        tokio::task::spawn_blocking(move || question(&client)).await.unwrap_or(Err(ClientError::Closed))
    }

    /// The last lines of its log and of its standard streams, at most so many of each.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> Vec<String> {
        let files = [self.paths.log(), self.streams()];
        files.iter().filter_map(|file| tail(file).ok()).flat_map(|text| last_lines(&text, lines)).collect()
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str, count: usize) -> Vec<String> {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(count)).map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_the_last_ones() {
        for (text, count, expected) in
            [("", 3, vec![]), ("a\nb\n\nc\n", 2, vec!["b", "c"]), ("a\n", 9, vec!["a"]), ("a\nb", 0, vec![])]
        {
            assert_eq!(last_lines(text, count), expected, "{text:?}");
        }
    }
}
