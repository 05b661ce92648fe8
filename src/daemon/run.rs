//! From start to end: the documents, the tasks, the socket, the signals.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::board::{Board, Commanded, Part};
use super::checkin::{Checkin, Ground, Ticks};
use super::commands::{self, Commands};
use super::conversation::{assigned, converse, ruling};
use super::desk::{Bells, Desk};
use super::documents::Account;
use super::enforcer::Enforcer;
use super::executor::Executor;
use super::imager::{self, Imager};
use super::imaging::Counter;
use super::inputs::Inputs;
use super::licensing::{Licenser, Licensing};
use super::log::Verbosity;
use super::observer::Observer;
use super::problems::Problem;
use super::starts::Starts;
use super::tasks::drive;
use super::ticker::{Pulse, Ticker};
use super::updater::Updater;
use super::watch::Watch;
use crate::checkin::chance::{Chance, SystemChance};
use crate::checkin::http::Http;
use crate::clock::{Clock, SystemClock};
use crate::control::server::{Server, ServerError};
use crate::error::Chain;
use crate::hypervisor::runner::Runner;
use crate::images::install;
use crate::license::State;
use crate::paths::Paths;
use crate::plan::memory::Baseline;
use crate::sources::profile::Remembered;
use crate::state::{Kept, Loaded, StateError, Store};
use crate::updates::book::Book;
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
    /// What is remembered of updates, and whether Parallels' own server may be asked.
    updates: (Option<Book>, bool),
    commands: Commands<Ticker>,
    imager: (Imager, Counter),
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
        let updates = (load::<Book>(&store, &mut damage)?, paths.is_system());
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
        let (imager, lost) = images((&store, &runner, &ticker), &board)?;
        damage.extend(lost);
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
            updates,
            commands,
            imager,
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
            store,
            ticker,
            pulse,
            runner,
            checkin,
            inputs,
            remembered,
            license,
            updates,
            commands,
            imager,
            board,
            ..
        } = self;
        let (mut imager, counter) = imager;
        imager.recover().await;
        let observer = observer(&runner, &ticker);
        let (licenser, license) = licenser((&store, &runner, &ticker), orders, license);
        let commands_told = (commands.acks(), commands.write_failed());
        let lifted = (Arc::clone(&runner), Arc::clone(&store));
        let updater = Updater::new(Arc::clone(&store), ticker.clone(), stopped.clone(), updates);
        let enforcer =
            Enforcer::new(runner, store, ticker.clone(), stopped.clone(), board.clone(), remembered);
        let tasks = (inputs, observer, enforcer, licenser, updater);
        let tasks = drive_all(tasks, board.clone(), ticker.clone(), stopped);
        let sides = async {
            tokio::join!(
                converse(checkin, board.clone(), Arc::clone(&desk), sync),
                tell_acks(&commands_told, &board),
                commands.run(Executor { license, board: board.clone(), counter, clock: ticker.clone() }),
                imager.run(),
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
                wind_up(tasks, lifted).await;
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
        let ordering = (bells, self.imager.1.clone());
        Desk::new(self.board.subscribe(), Arc::clone(&self.runner), clock, self.damage.clone(), ordering)
    }
}

/// Drives all tasks until `stop` is true.
async fn drive_all(
    (inputs, observer, enforcer, licenser, updater): (Inputs, Observer, Enforcer, Licenser, Updater),
    board: watch::Sender<Board>,
    ticker: Ticker,
    stop: watch::Receiver<bool>,
) {
    tokio::join!(
        drive(inputs, board.clone(), ticker.clone(), stop.clone()),
        drive(observer, board.clone(), ticker.clone(), stop.clone()),
        drive(enforcer, board.clone(), ticker.clone(), stop.clone()),
        drive(licenser, board.clone(), ticker.clone(), stop.clone()),
        drive(updater, board, ticker, stop),
    );
}

/// Lets the tasks come to an end between two actions, and puts back a restriction that was lifted for a golden image: the
/// next start may be long after. The imager is gone by now.
async fn wind_up(tasks: Pin<&mut impl Future<Output = ()>>, (runner, store): (Arc<Runner>, Arc<Store>)) {
    let put_back = install::put_back(runner, store, Arc::new(SystemClock));
    let (tasks, put_back) = tokio::join!(timeout(END_WITHIN, tasks), timeout(END_WITHIN, put_back));
    if tasks.is_err() {
        tracing::warn!("a tool was still running and is ended");
    }
    if !matches!(put_back, Ok(Ok(()))) {
        tracing::warn!("a restriction stays lifted until the next start");
    }
}

/// What most parts stand on.
type Footing<'a> = (&'a Arc<Store>, &'a Arc<Runner>, &'a Ticker);

fn observer(runner: &Arc<Runner>, ticker: &Ticker) -> Observer {
    let watch = Watch::new(runner.paths().parallels_preferences(), SERVICE_DEBOUNCE);
    Observer::new(Arc::clone(runner), ticker.clone(), watch)
}

fn licenser(
    (store, runner, ticker): Footing<'_>,
    orders: Arc<Notify>,
    license: Option<State>,
) -> (Licenser, super::licensing::Executor) {
    let (store, runner, ticker) = (Arc::clone(store), Arc::clone(runner), ticker.clone());
    Licenser::new(super::licensing::Ground { store, runner, ticker, orders }, license)
}

/// The imager with the counter at which images are ordered, and what was wrong with its documents.
fn images(
    (store, runner, ticker): Footing<'_>,
    board: &watch::Sender<Board>,
) -> Result<((Imager, Counter), Vec<Problem>), StateError> {
    let ground = imager::Ground {
        store: Arc::clone(store),
        runner: Arc::clone(runner),
        ticker: ticker.clone(),
        program: imager::own_executable(&runner.paths().executable()),
        board: board.clone(),
    };
    let (imager, lost) = Imager::open(ground)?;
    let counter = imager.counter();
    Ok(((imager, counter), lost))
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
