//! The custodian: a process beside the demo that holds the agent, so that the agent also ends with a demo that was killed.
//!
//! In go orders on standard input: the first line starts the agent, and the input's end, which comes with the demo's own
//! whatever ends it, stops the agent and removes a root of the demo's making. Out come two lines: that the agent runs, and how
//! it ended. The custodian is in a process group of its own, which a Ctrl-C in the terminal does not reach. A pipe is
//! the same on every system; that a process is told of its parent's end is Linux alone.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::agent::Agent;
use super::ends::Ends;
use super::guard;
use super::layout::Root;
use crate::paths::Paths;

/// The verb of `mock-portal` that is a custodian.
const VERB: &str = "demo-custodian";

/// The line that starts the agent.
const START: &[u8] = b"start\n";

/// What the line begins with that says the agent's process id.
const STARTED: &str = "started ";

/// What the line begins with that says how the agent ended.
const ENDED: &str = "ended ";

/// How long the custodian may take to stop the agent and to remove the root.
const TO_CLEAN_UP: Duration = Duration::from_secs(10);

/// How often the root's removal is tried again: a tool whose agent was killed may write there for a moment.
const REMOVALS: u32 = 40;

/// The time between two of them.
const BETWEEN_REMOVALS: Duration = Duration::from_millis(50);

/// What a custodian is to hold.
#[derive(Debug, clap::Args)]
pub struct Charge {
    /// The agent's program
    #[arg(long)]
    agent: PathBuf,
    /// The folder that stands for the Mac
    #[arg(long)]
    root: PathBuf,
    /// Remove that folder at the end
    #[arg(long)]
    remove: bool,
}

/// A custodian at work, as the demo sees it.
#[derive(Debug)]
pub struct Custodian {
    process: Child,
    orders: Option<ChildStdin>,
    news: Lines<BufReader<ChildStdout>>,
    agent: Option<i32>,
}

impl Custodian {
    /// Engages one, which is this program run again. From now on a root of the demo's making is removed.
    ///
    /// # Errors
    /// What the system says.
    #[expect(clippy::disallowed_methods, reason = "what outlives this process is a process of its own")]
    pub fn engage(program: &Path, agent: &Path, root: &Root) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args([VERB, "--agent"]).arg(agent).arg("--root").arg(root.path());
        if root.is_ours() {
            command.arg("--remove");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut process = command.spawn()?;
        let (orders, news) = (process.stdin.take(), process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { process, orders, news: BufReader::new(news).lines(), agent: None })
    }

    /// Starts the agent.
    ///
    /// # Errors
    /// What the custodian says.
    pub async fn start(&mut self) -> io::Result<()> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        orders.write_all(START).await?;
        let line = self.news.next_line().await?.unwrap_or_default();
        let started = line.strip_prefix(STARTED).and_then(|id| id.parse().ok());
        self.agent = Some(started.ok_or_else(|| io::Error::other(line))?);
        Ok(())
    }

    /// Waits until the agent has ended; how it did.
    pub async fn ended(&mut self) -> String {
        let line = self.news.next_line().await.ok().flatten();
        if let Some(how) = line.as_deref().and_then(|line| line.strip_prefix(ENDED)) {
            self.agent = None;
            return how.to_owned();
        }
        // Nobody holds the agent any more.
        if let Some(agent) = self.agent.take() {
            guard::kill(agent);
        }
        "its custodian, which was killed".to_owned()
    }

    /// Stops the agent and waits until nothing is left.
    pub async fn dismiss(mut self) {
        drop(self.orders.take());
        if timeout(TO_CLEAN_UP, self.process.wait()).await.is_err() {
            if let Some(agent) = self.agent {
                guard::kill(agent);
            }
            // It may be gone by now.
            let _ = self.process.start_kill();
        }
    }
}

/// Is a custodian until the demo has ended.
///
/// # Errors
/// What the system says: no pipe, no signals, a root that cannot be removed.
pub fn run(charge: &Charge) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(hold(charge))
}

async fn hold(charge: &Charge) -> io::Result<()> {
    let mut ends = Ends::listen()?;
    let mut orders = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut first = [0; START.len()];
    let ordered = tokio::select! {
        read = orders.read_exact(&mut first) => read.is_ok(),
        _ = ends.come() => false,
    };
    if ordered {
        let agent = Agent::new(charge.agent.clone(), Paths::under(&charge.root));
        match agent.start() {
            Ok(process) => supervise(process, &mut orders, &mut ends).await,
            Err(error) => say(&error.to_string()),
        }
    }
    if charge.remove { remove(&charge.root).await } else { Ok(()) }
}

/// Holds the agent until the demo has ended.
async fn supervise(mut process: guard::Process, orders: &mut Receiver, ends: &mut Ends) {
    say(&format!("{STARTED}{}", process.id()));
    let mut rest = Vec::new();
    let over = async {
        tokio::select! {
            _ = orders.read_to_end(&mut rest) => {}
            _ = ends.come() => {}
        }
    };
    tokio::pin!(over);
    tokio::select! {
        () = &mut over => {}
        ended = process.wait() => {
            say(&ended.map_or_else(|error| error.to_string(), |status| format!("{ENDED}{status}")));
            // The demo looks at the root once more.
            over.await;
        }
    }
    process.stop().await;
}

/// Tells the demo, if it is still there.
fn say(line: &str) {
    let mut news = io::stdout().lock();
    let _ = writeln!(news, "{line}").and_then(|()| news.flush());
}

async fn remove(root: &Path) -> io::Result<()> {
    let mut tried = 0;
    loop {
        tried += 1;
        match std::fs::remove_dir_all(root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && tried < REMOVALS => {
                sleep(BETWEEN_REMOVALS).await;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(()),
        }
    }
}
