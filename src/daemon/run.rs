//! From start to end: the documents, the tasks, the socket, the signals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::board::{Assigned, Board, Commanded, Conversation, Part, Ruling};
use super::checkin::{Checkin, Ground, Ticks, Traffic, Transport};
use super::commands::{self, Commands};
use super::desk::{Bells, Desk};
use super::documents::Account;
use super::enforcer::Enforcer;
use super::executor::Executor;
use super::inputs::Inputs;
use super::licensing::{Licenser, Licensing};
use super::log::Verbosity;
use super::observer::Observer;
use super::problems::Problem;
use super::report;
use super::starts::Starts;
use super::tasks::drive;
use super::ticker::{Pulse, Ticker};
use super::watch::Watch;
use crate::checkin::chance::{Chance, SystemChance};
use crate::checkin::http::Http;
use crate::checkin::session::{Denied, Status};
use crate::clock::{Clock, SystemClock};
use crate::control::server::{Server, ServerError};
use crate::control::view::{LastCheckin, NextCheckin};
use crate::error::Chain;
use crate::hypervisor::runner::Runner;
use crate::license::State;
use crate::paths::Paths;
use crate::plan::memory::Baseline;
use crate::sources::profile::Remembered;
use crate::state::{Kept, Loaded, StateError, Store};
use crate::wire::checkin::{CheckinReason, LeaseWish};
use crate::wire::codes::ProblemCode;
use crate::wire::command::Ack;

/// How long changes of the managed preferences are waited out: macOS deletes and re-creates every file, twice.
const PROFILE_DEBOUNCE: Duration = Duration::from_secs(1);

/// How long changes of the service's files are waited out. Below 64 ms tokio's timer wakes the process once, above it twice.
pub(super) const SERVICE_DEBOUNCE: Duration = Duration::from_millis(50);

/// What the tasks have to come to an end between two actions, before they are dropped with their processes.
pub const END_WITHIN: Duration = Duration::from_millis(1500);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The documents cannot be used.
    #[error("cannot open the agent's state")]
    State(#[from] StateError),
    /// The socket cannot be used.
    #[error("cannot open the agent's socket")]
    Socket(#[from] ServerError),
    /// The system refused something that every process has.
    #[error("cannot start")]
    System(#[from] std::io::Error),
}

impl Ticks for Ticker {
    fn until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let mut ticker = self.clone();
        async move { Self::until(&mut ticker, at).await }
    }
}

/// Runs the daemon until it is told to end.
///
/// # Errors
/// It could not start; another one may be running.
pub fn run(paths: &Paths) -> Result<(), StartError> {
    let verbosity = Verbosity::start();
    let store = Arc::new(Store::open(paths)?);
    verbosity.keep(paths);
    crate::checkin::http::choose_cryptography();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let daemon = Daemon::open(paths, Arc::clone(&store), verbosity.clone())?;
    let ended = runtime.block_on(daemon.serve());
    if ended.is_ok()
        && let Err(error) = store.remove::<Starts>()
    {
        tracing::warn!(error = %Chain(&error), "cannot note the end; the next start may pass for one after a crash");
    }
    verbosity.end();
    // A name lookup may still be under way in a thread of its own.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// The parts before they run.
struct Daemon {
    paths: Paths,
    store: Arc<Store>,
    ticker: Ticker,
    pulse: Pulse,
    runner: Arc<Runner>,
    checkin: Checkin<Ticker, Http>,
    inputs: Inputs,
    remembered: (Baseline, Account),
    damage: Vec<Problem>,
    license: Option<State>,
    commands: Commands<Ticker>,
    board: watch::Sender<Board>,
}

impl Daemon {
    fn open(paths: &Paths, store: Arc<Store>, verbosity: Verbosity) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (ticker, pulse) = Ticker::start(Arc::clone(&clock))?;
        let mut damage = Vec::new();
        let account = load::<Account>(&store, &mut damage)?.unwrap_or_default();
        let baseline = baseline(&store, &account, &mut damage)?;
        let profile = load::<Remembered>(&store, &mut damage)?;
        let license = load::<State>(&store, &mut damage)?;
        let ground = Ground {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            ticks: ticker.clone(),
            transport: Arc::new(Http::default()),
        };
        let (mut checkin, damages) = Checkin::open(ground)?;
        checkin.rest(rest_after_crashes(&store, &*clock, &mut damage)?);
        damage.extend(damages.iter().map(Problem::of_damage));
        let ground = commands::Ground { store: Arc::clone(&store), clock, ticks: ticker.clone() };
        let (commands, lost) = Commands::open(ground, commands::Inputs::of(&checkin.outputs()))?;
        damage.extend(lost.iter().map(Problem::of_damage));
        if account.enforced && checkin.assigned().borrow().is_none() {
            damage.push(Problem::new(
                ProblemCode::StateCorrupt,
                "the assignment is gone: what was enforced stays, and is kept again once the portal answers",
            ));
        }
        damage.extend(store.exposed().iter().map(Problem::of_exposed));
        for Problem { code, detail, .. } in &damage {
            tracing::error!(%code, detail, "something was wrong with a stored document");
        }
        let watch = Watch::new(paths.managed_preferences(), PROFILE_DEBOUNCE);
        let ground = super::inputs::Ground { paths: paths.clone(), store: Arc::clone(&store), verbosity };
        let mut inputs = Inputs::new(ground, ticker.clone(), watch, profile);
        let mut board = Board::at_boot(inputs.read(), assigned(&checkin.assigned()));
        board.ruling = ruling(&checkin.outputs().lease(), &checkin.outputs().denied());
        // Whether the policy is lifted is known before anything is enforced.
        board.licensing = Part::new(Licensing { state: license.clone(), ..Licensing::default() });
        let board = watch::Sender::new(board);
        let runner = Arc::new(Runner::real(paths.clone()));
        let remembered = (baseline, account);
        let paths = paths.clone();
        Ok(Self {
            paths,
            store,
            ticker,
            pulse,
            runner,
            checkin,
            inputs,
            remembered,
            damage,
            license,
            commands,
            board,
        })
    }

    /// Everything at once, until a signal.
    async fn serve(self) -> Result<(), StartError> {
        // Before anything runs that would have to be ended in order.
        let ended = ends()?;
        let server = Server::bind(&self.paths)?;
        let (stop, stopped) = watch::channel(false);
        let (sync, orders) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let desk = Arc::new(self.desk(Arc::clone(&sync), Arc::clone(&orders)));
        let Self {
            store, ticker, pulse, runner, checkin, inputs, remembered, license, commands, board, ..
        } = self;
        let folder = runner.paths().parallels_preferences();
        let observer =
            Observer::new(Arc::clone(&runner), ticker.clone(), Watch::new(folder, SERVICE_DEBOUNCE));
        let ground = super::licensing::Ground {
            store: Arc::clone(&store),
            runner: Arc::clone(&runner),
            ticker: ticker.clone(),
            orders,
        };
        let (licenser, license) = Licenser::new(ground, license);
        let commands_told = (commands.acks(), commands.write_failed());
        let enforcer = Enforcer::new(runner, store, ticker.clone(), stopped.clone(), remembered);
        let tasks = async {
            tokio::join!(
                drive(inputs, board.clone(), ticker.clone(), stopped.clone()),
                drive(observer, board.clone(), ticker.clone(), stopped.clone()),
                drive(enforcer, board.clone(), ticker.clone(), stopped.clone()),
                drive(licenser, board.clone(), ticker.clone(), stopped.clone()),
            );
        };
        let sides = async {
            tokio::join!(
                converse(checkin, board.clone(), Arc::clone(&desk), sync),
                tell_acks(&commands_told, &board),
                commands.run(Executor { license, board: board.clone() }),
                desk.keep_status_file(ticker.clone()),
                server.serve(desk.clone()),
                pulse.run(),
            )
        };
        tracing::info!(version = env!("CARGO_PKG_VERSION"), root = %self.paths.root().display(), "started");
        tokio::pin!(tasks);
        tokio::select! {
            () = &mut tasks => {}
            _ = sides => {}
            signal = ended => {
                tracing::info!(signal, "asked to end");
                stop.send_replace(true);
                if tokio::time::timeout(END_WITHIN, tasks).await.is_err() {
                    tracing::warn!("a tool was still running and is ended");
                }
            }
        }
        Ok(())
    }

    fn desk(&self, sync: Arc<Notify>, orders: Arc<Notify>) -> Desk {
        let board = self.board.clone();
        let sync = Box::new(move || {
            board.send_modify(Board::look_again);
            sync.notify_one();
        });
        let bells = Bells { sync, deactivated: Box::new(move || orders.notify_one()) };
        let clock = Arc::new(SystemClock);
        Desk::new(self.board.subscribe(), Arc::clone(&self.runner), clock, self.damage.clone(), bells)
    }
}

/// Counts this start; how long the portal is left alone because of those before it.
fn rest_after_crashes(
    store: &Store,
    clock: &dyn Clock,
    damage: &mut Vec<Problem>,
) -> Result<SignedDuration, StateError> {
    let starts = Starts::another(load(store, damage)?, clock.now());
    if let Err(error) = store.save(&starts) {
        tracing::warn!(error = %Chain(&error), "cannot count this start");
    }
    let rest = starts.rest(SystemChance.draw());
    if !rest.is_zero() {
        tracing::warn!(rest_s = rest.as_secs(), "started again and again; the portal is left alone for now");
    }
    Ok(rest)
}

/// Keeps on the board what became of the portal's commands.
async fn tell_acks(
    (acks, write_failed): &(watch::Receiver<Vec<Ack>>, watch::Receiver<Option<String>>),
    board: &watch::Sender<Board>,
) {
    let (mut acks, mut write_failed) = (acks.clone(), write_failed.clone());
    loop {
        let told = (acks.borrow_and_update().clone(), write_failed.borrow_and_update().clone());
        board.send_modify(|board| {
            let (acks, write_failed) = told;
            let full_reports = board.commanded.full_reports;
            board.commanded = Part::new(Commanded { acks, full_reports, write_failed });
        });
        let ended = tokio::select! {
            changed = acks.changed() => changed.is_err(),
            changed = write_failed.changed() => changed.is_err(),
        };
        if ended {
            return;
        }
    }
}

fn load<T: Kept>(store: &Store, damage: &mut Vec<Problem>) -> Result<Option<T>, StateError> {
    let loaded: Loaded<T> = store.load()?;
    damage.extend(loaded.damage().map(Problem::of_damage));
    Ok(loaded.value())
}

/// The values from before the agent first changed them. Where the last generation is gone, records may be missing; so they
/// may where there is none after an assignment was enforced.
fn baseline(store: &Store, account: &Account, damage: &mut Vec<Problem>) -> Result<Baseline, StateError> {
    let loaded: Loaded<Baseline> = store.load()?;
    damage.extend(loaded.damage().map(Problem::of_damage));
    Ok(match loaded {
        Loaded::Current(baseline) => baseline,
        Loaded::Absent => Baseline { lost: account.enforced, ..Baseline::default() },
        Loaded::Previous(baseline, _) => Baseline { lost: true, ..baseline },
        Loaded::Lost(_) => Baseline { lost: true, ..Baseline::default() },
    })
}

/// Listens to the signals that ask for the end; the future is the one that came.
fn ends() -> Result<impl Future<Output = &'static str>, std::io::Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Runs the check-in between the board and the portal.
pub(super) async fn converse<H: Transport>(
    checkin: Checkin<Ticker, H>,
    board: watch::Sender<Board>,
    desk: Arc<Desk>,
    sync: Arc<Notify>,
) {
    // For good: later changes are enforced while the conversation goes on.
    let mut may_speak = false;
    let mut tell = || {
        let board = board.borrow().clone();
        may_speak |= report::is_enforced(&board);
        Arc::new(report::local(&board, &desk.problems(&board), may_speak))
    };
    let (local, heard) = watch::channel(tell());
    let (mut assignments, mut status, mut traffic) =
        (checkin.assigned(), checkin.status(), checkin.traffic());
    let (mut lease, mut denied) = (checkin.outputs().lease(), checkin.outputs().denied());
    // What is known from disk is shown before any word with the portal.
    publish(&board, &status.borrow_and_update(), *traffic.borrow_and_update());
    let mut changes = board.subscribe();
    // What stood when the daemon ended does not wait for the pause after the last check-in either.
    let mut urgent = None;
    let speak = checkin.run(super::checkin::Inputs { local: heard, sync: Arc::clone(&sync) });
    tokio::pin!(speak);
    loop {
        // In this order, so that who reads of a check-in finds on the board what it brought.
        tokio::select! {
            biased;
            () = &mut speak => return,
            Ok(()) = lease.changed() => rule(&board, &lease, &denied),
            Ok(()) = denied.changed() => rule(&board, &lease, &denied),
            Ok(()) = assignments.changed() => {
                let assigned = assigned(&assignments);
                board.send_modify(|board| board.assigned = Part::new(assigned));
                assignments.mark_unchanged();
            }
            Ok(()) = status.changed() => publish(&board, &status.borrow_and_update(), *traffic.borrow()),
            Ok(()) = traffic.changed() => publish(&board, &status.borrow(), *traffic.borrow_and_update()),
            Ok(()) = changes.changed() => {
                changes.mark_unchanged();
                let said = tell();
                let last = std::mem::replace(&mut urgent, urgent_wish(&board));
                local.send_if_modified(|last| {
                    let differs = *last != said;
                    if differs {
                        *last = said;
                    }
                    differs
                });
                if hurries(last, urgent) {
                    sync.notify_one();
                }
            }
        }
    }
}

/// A wish of the license that does not wait for the schedule, and since when it stands.
type Urgent = Option<(LeaseWish, Timestamp)>;

fn urgent_wish(board: &watch::Sender<Board>) -> Urgent {
    board.borrow().licensing.state.as_ref().and_then(State::urgent_wish)
}

/// Whether a check-in is made at once: a seat is given back, or a verification was called for. Verifications by time keep
/// to the schedule, so that a fleet's stay apart.
fn hurries(last: Urgent, wish: Urgent) -> bool {
    wish.is_some() && wish != last
}

fn rule(
    board: &watch::Sender<Board>,
    lease: &watch::Receiver<super::checkin::Leased>,
    denied: &watch::Receiver<Option<Denied>>,
) {
    let ruling = ruling(lease, denied);
    board.send_modify(|board| board.ruling = ruling);
}

/// What the portal says of the license, as the board has it.
fn ruling(
    lease: &watch::Receiver<super::checkin::Leased>,
    denied: &watch::Receiver<Option<Denied>>,
) -> Part<Ruling> {
    Part::new(Ruling { lease: lease.borrow().clone(), denied: denied.borrow().clone() })
}

/// The assignment that holds, as the board has it.
fn assigned(assignments: &watch::Receiver<super::checkin::Assigned>) -> Assigned {
    let assignment = assignments.borrow().clone();
    Assigned { assignment: assignment.map(|assignment| (**assignment).clone()), taken_away: false }
}

fn publish(board: &watch::Sender<Board>, status: &Status, traffic: Traffic) {
    let conversation = conversation(status, traffic);
    board.send_if_modified(|board| {
        let differs = *board.conversation != conversation;
        if differs {
            board.conversation = Part::new(conversation);
        }
        differs
    });
}

/// How the conversation with the portal goes, as the board has it.
fn conversation(status: &Status, traffic: Traffic) -> Conversation {
    let last = traffic.last.map(|(at, succeeded)| LastCheckin {
        at,
        succeeded,
        detail: if succeeded { "accepted".to_owned() } else { why(status) },
    });
    Conversation {
        device: status.device,
        organization: status.organization,
        enrolled_at: status.enrolled_at,
        last,
        last_success: status.last_success,
        next: status.next.map(|(at, reason)| NextCheckin { at, reason: because(reason, status.failures) }),
        wait_open: traffic.wait_open,
        problems: status.problems.clone(),
    }
}

/// Why the last request failed, as exactly as it is known.
fn why(status: &Status) -> String {
    let trouble = status.trouble.as_ref().or_else(|| status.problems.first());
    trouble.map_or_else(
        || "not accepted".to_owned(),
        |problem| problem.detail.clone().unwrap_or_else(|| problem.code.explanation().to_owned()),
    )
}

fn because(reason: CheckinReason, failures: u32) -> String {
    if failures > 0 {
        return format!("retry after {failures} failures");
    }
    match reason {
        CheckinReason::Startup => "the agent started",
        CheckinReason::Interval => "the interval",
        CheckinReason::Wake => "the portal called; at most one call a minute is followed",
        CheckinReason::VmChange => "a virtual machine changed",
        CheckinReason::ProfileChange => "the profile changed",
        CheckinReason::LicenseChange => "the license changed",
        CheckinReason::Manual => "asked for by hand",
        CheckinReason::Uninstall => "the agent is uninstalled",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkin::session::Standing;
    use crate::wire::checkin::ReportedProblem;

    #[test]
    fn a_check_in_that_failed_says_what_exactly_went_wrong() {
        let problem = |code, detail: &str| ReportedProblem {
            code,
            since: Timestamp::UNIX_EPOCH,
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
        };
        let stale = problem(ProblemCode::AssignmentStale, "");
        let down = problem(ProblemCode::PortalUnreachable, "the portal's name cannot be resolved");
        let refused = problem(ProblemCode::EnrollmentRefused, "token-used");
        let mut status = Status {
            standing: Standing::Enrolled,
            device: None,
            organization: None,
            enrolled_at: None,
            last_success: None,
            next: None,
            failures: 1,
            trouble: Some(down.clone()),
            problems: vec![stale.clone(), down],
        };
        let failed = Traffic { last: Some((Timestamp::UNIX_EPOCH, false)), wait_open: false };
        let said = |status: &Status, traffic| conversation(status, traffic).last.unwrap().detail;
        assert_eq!(said(&status, failed), "the portal's name cannot be resolved");
        (status.trouble, status.problems) = (None, vec![refused]);
        assert_eq!(said(&status, failed), "token-used");
        status.problems = vec![stale];
        assert_eq!(said(&status, failed), ProblemCode::AssignmentStale.explanation());
        let fine = Traffic { last: Some((Timestamp::UNIX_EPOCH, true)), ..failed };
        assert_eq!(said(&status, fine), "accepted");
    }
}
