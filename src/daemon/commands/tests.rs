//! The task over a real store, ended at every step of the journal.

use std::sync::Mutex;

use uuid::Uuid;

use super::*;
use crate::checkin::rehearsal::{Mac, Signer, at};
use crate::checkin::session::Effect;
use crate::clock::ManualClock;
use crate::paths::Paths;
use crate::wire::command::{AckState, CommandKind};

/// Comes at once.
struct Now;

impl Ticks for Now {
    async fn until(&self, _: Timestamp) {
        tokio::task::yield_now().await;
    }
}

/// Counts what it does; after so many it never comes to an end, as if the power failed.
#[derive(Clone, Default)]
struct Counting {
    ran: Arc<Mutex<Vec<CommandKind>>>,
    hangs: bool,
}

impl Execute for Counting {
    async fn run(&mut self, command: Run) -> Result<String, String> {
        self.ran.lock().unwrap().push(command.kind);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok("done".to_owned())
    }
}

struct Stage {
    root: tempfile::TempDir,
    commands: watch::Sender<checkin::Commands>,
    acked: watch::Sender<Vec<CommandId>>,
    latest: watch::Sender<Option<Timestamp>>,
    clock: ManualClock,
}

impl Stage {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            commands: watch::Sender::default(),
            acked: watch::Sender::default(),
            latest: watch::Sender::default(),
            clock: ManualClock::at(at(0)),
        }
    }

    fn open(&self) -> Commands<Now> {
        let store = Arc::new(Store::open(&Paths::under(self.root.path())).unwrap());
        let ground = Ground { store, clock: Arc::new(self.clock.clone()), ticks: Now };
        let (commands, acked, latest) =
            (self.commands.subscribe(), self.acked.subscribe(), self.latest.subscribe());
        Commands::open(ground, Inputs { commands, acked, latest }).unwrap().0
    }

    /// Runs the task until it has nothing to do any more. What is acknowledged then.
    async fn settle(&self, executor: Counting) -> Vec<Ack> {
        let task = self.open();
        let acks = task.acks();
        tokio::select! {
            () = task.run(executor) => panic!("it ended"),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
        }
        acks.borrow().clone()
    }
}

/// Commands as a session verified them.
fn verified(seqs: &[u64]) -> checkin::Commands {
    let signer = Signer::new();
    let mut mac = Mac::enrolled(&signer);
    let request = mac.request();
    let tokens: Vec<_> = seqs.iter().map(|seq| signer.command(*seq, mac.jkt(), |_| {})).collect();
    mac.hear(signer.checked_in(&request, &serde_json::json!({"commands": tokens})));
    let commands = mac.effects.into_iter().find_map(|effect| match effect {
        Effect::Commands(commands) => Some(commands),
        _ => None,
    });
    commands.unwrap()
}

fn id(number: u128) -> CommandId {
    CommandId::of(Uuid::from_u128(number))
}

#[tokio::test]
async fn commands_run_once_and_are_acknowledged_until_that_is_confirmed() {
    let (stage, executor) = (Stage::new(), Counting::default());
    stage.commands.send_replace(verified(&[11, 12]));
    let acks = stage.settle(executor.clone()).await;
    let states: Vec<_> = acks.iter().map(|ack| (ack.id, ack.state)).collect();
    assert_eq!(states, [(id(11), AckState::Succeeded), (id(12), AckState::Succeeded)]);
    assert_eq!(acks[0].detail.as_deref(), Some("done"));
    assert_eq!(stage.settle(executor.clone()).await, acks, "also after a restart");
    stage.acked.send_replace(vec![id(11), id(12)]);
    assert_eq!(stage.settle(executor.clone()).await, []);
    stage.acked.send_replace(Vec::new());
    stage.commands.send_replace(verified(&[12, 11]));
    assert_eq!(stage.settle(executor.clone()).await, acks, "the portal forgot, and is told again");
    assert_eq!(executor.ran.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn ended_while_it_runs_it_runs_again_and_ended_anywhere_else_it_does_not() {
    let (stage, executor) = (Stage::new(), Counting::default());
    stage.commands.send_replace(verified(&[11]));
    let hanging = Counting { hangs: true, ..executor.clone() };
    assert_eq!(stage.settle(hanging).await, [], "started");
    assert_eq!(stage.settle(executor.clone()).await.len(), 1, "run again to its end");
    assert_eq!(stage.settle(executor.clone()).await.len(), 1, "done");
    stage.acked.send_replace(vec![id(11)]);
    assert_eq!(stage.settle(executor.clone()).await.len(), 0, "acknowledged");
    assert_eq!(executor.ran.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_clock_set_back_makes_nothing_last_longer() {
    let (stage, executor) = (Stage::new(), Counting::default());
    stage.latest.send_replace(Some(at(86_400)));
    stage.commands.send_replace(verified(&[11]));
    let acks = stage.settle(executor.clone()).await;
    assert_eq!((acks[0].state, executor.ran.lock().unwrap().len()), (AckState::Expired, 0));
}

#[tokio::test]
async fn nothing_runs_while_the_journal_cannot_be_stored() {
    let (stage, executor) = (Stage::new(), Counting::default());
    let task = stage.open();
    let write_failed = task.write_failed();
    let private = Paths::under(stage.root.path()).private();
    std::fs::remove_dir_all(&private).unwrap();
    stage.commands.send_replace(verified(&[11]));
    tokio::select! {
        () = task.run(executor.clone()) => panic!("it ended"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    assert!(write_failed.borrow().is_some());
    assert_eq!(executor.ran.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn the_task_ends_with_the_check_in() {
    let Stage { root, commands, acked, latest, clock } = Stage::new();
    let store = Arc::new(Store::open(&Paths::under(root.path())).unwrap());
    let inputs =
        Inputs { commands: commands.subscribe(), acked: acked.subscribe(), latest: latest.subscribe() };
    let ground = Ground { store, clock: Arc::new(clock), ticks: Now };
    let (task, _) = Commands::open(ground, inputs).unwrap();
    drop((commands, acked));
    task.run(Counting::default()).await;
}
