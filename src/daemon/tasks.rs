//! The one loop that drives every task, level-triggered.
//!
//! A task's pass looks at its input as it is now and never at why it woke: at boot, on a change, on a retry and on a
//! resync the same path is taken. The board is the level; a task reads its part of it and publishes its part.

use std::future::Future;

use jiff::Timestamp;
use tokio::sync::watch;

use super::ticker::Ticker;

/// When a task wants its next pass, should its input not change before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Not before the input changes.
    Settled,
    /// On the next tick, at most a minute away.
    Tick,
    /// At this time.
    At(Timestamp),
    /// On the tick that is next to this time.
    Around(Timestamp),
}

/// A task of the daemon.
pub trait Task {
    /// The part of the board that it looks at.
    type Input: PartialEq;

    /// Takes its part of the board.
    fn input(&self, board: &super::board::Board) -> Self::Input;

    /// One pass: infallible and idempotent; problems are part of what it publishes.
    fn pass(&mut self, input: &Self::Input) -> impl Future<Output = (Publish, Next)>;

    /// Resolves when something outside the board may have changed; cancel-safe.
    fn stirred(&mut self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// What a pass puts on the board.
pub type Publish = Box<dyn FnOnce(&mut super::board::Board) + Send>;

/// Nothing new.
#[must_use]
pub fn unchanged() -> Publish {
    Box::new(|_| {})
}

/// Drives a task until `stop` is true. A pass that is running then is dropped, and its processes with it, by the caller.
pub async fn drive<T: Task>(
    mut task: T,
    board: watch::Sender<super::board::Board>,
    mut ticker: Ticker,
    mut stop: watch::Receiver<bool>,
) {
    let mut changes = board.subscribe();
    loop {
        let input = task.input(&changes.borrow_and_update());
        let (publish, next) = task.pass(&input).await;
        board.send_modify(publish);
        if *stop.borrow() {
            return;
        }
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if task.input(&changes.borrow_and_update()) != input {
                        break;
                    }
                }
                () = task.stirred() => break,
                () = wait(&mut ticker, next) => break,
            }
        }
    }
}

async fn wait(ticker: &mut Ticker, next: Next) {
    match next {
        Next::Settled => std::future::pending().await,
        Next::Tick => ticker.tick().await,
        Next::At(at) => ticker.until(at).await,
        Next::Around(at) => ticker.around(at).await,
    }
}
