//! The portal's commands about the license, from when they come until they are answered.

use std::future::pending;

use tokio::sync::{mpsc, oneshot};

use super::super::commands::Run;
use crate::wire::command::CommandKind;

/// How many may wait to be taken in.
const QUEUE: usize = 4;

/// How a command went, in words that may travel.
pub(super) type Outcome = Result<String, String>;

/// A command, and where its outcome goes.
#[derive(Debug)]
struct Request {
    command: Run,
    outcome: oneshot::Sender<Outcome>,
    is_begun: bool,
}

/// Carries out the portal's commands about the license.
#[derive(Debug, Clone)]
pub struct Executor(mpsc::Sender<Request>);

impl Executor {
    /// Carries out `deactivate_license` or `verify_license` and says how it went, in words that may travel.
    ///
    /// # Errors
    /// Why it could not be carried out.
    pub async fn run(&self, command: Run) -> Result<String, String> {
        let ended = || "the agent is ending".to_owned();
        let (outcome, answer) = oneshot::channel();
        let request = Request { command, outcome, is_begun: false };
        self.0.send(request).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Those that are not answered yet.
pub(super) struct Commands {
    coming: mpsc::Receiver<Request>,
    open: Vec<Request>,
}

impl Commands {
    /// None yet, and the way for them to come.
    pub(super) fn none() -> (Self, Executor) {
        let (sender, coming) = mpsc::channel(QUEUE);
        (Self { coming, open: Vec::new() }, Executor(sender))
    }

    /// Returns once one has come. Dropped before, it loses none.
    pub(super) async fn come(&mut self) {
        match self.coming.recv().await {
            Some(request) => self.open.push(request),
            None => pending().await,
        }
    }

    /// Takes in those that wait.
    pub(super) fn take_in(&mut self) {
        while let Ok(request) = self.coming.try_recv() {
            self.open.push(request);
        }
    }

    /// The last one of this kind.
    pub(super) fn last(&self, kind: CommandKind) -> Option<Run> {
        self.open.iter().map(|request| request.command.clone()).rfind(|command| command.kind == kind)
    }

    /// Whether one of this kind was not begun before, as it is now.
    pub(super) fn begin(&mut self, kind: CommandKind) -> bool {
        let of_kind = self.open.iter_mut().filter(|request| request.command.kind == kind);
        of_kind.map(|request| std::mem::replace(&mut request.is_begun, true)).any(|before| !before)
    }

    /// Whether one of this kind was begun.
    pub(super) fn is_begun(&self, kind: CommandKind) -> bool {
        self.open.iter().any(|request| request.command.kind == kind && request.is_begun)
    }

    /// Answers those of this kind.
    pub(super) fn answer(&mut self, kind: CommandKind, outcome: &Outcome) {
        for request in self.open.extract_if(.., |request| request.command.kind == kind) {
            // Nobody may be waiting any more.
            let _ = request.outcome.send(outcome.clone());
        }
    }
}
