//! Taking the agent away: what the uninstaller does before it removes the files.
//!
//! In goes whether to restore, and a time limit; out comes a [`LeaveView`]. The local effect comes first: a restriction that
//! was lifted to add a golden image is put back, whether or not to restore, since no later start does it. Then the observer and the
//! enforcer run as in the daemon, on a board that says that the agent is taken away, and so every value from before is put back and
//! forgotten durably, one after the other. Then the portal is told, by one check-in that says nothing else. It runs with the
//! daemon stopped, because it takes the daemon's lock. What may change is how long the portal is waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::board::{Assigned, Board};
use super::checkin::{Checkin, Ground, Inputs};
use super::documents::Account;
use super::enforcer::Enforcer;
use super::inputs::Profile;
use super::observer::{Observation, Observer, Wishes};
use super::report;
use super::run::SERVICE_DEBOUNCE;
use super::tasks::drive;
use super::ticker::Ticker;
use super::views;
use super::watch::Watch;
use crate::checkin::http::{Http, choose_cryptography};
use crate::checkin::local::{Licensing, Local, Parallels, Portal};
use crate::clock::{Clock, SystemClock};
use crate::control::view::{Farewell, LeaveView, WithheldView};
use crate::domain::subject::Subject;
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::Runner;
use crate::images::install;
use crate::paths::Paths;
use crate::plan::Reason;
use crate::plan::memory::Baseline;
use crate::sources::profile::{Grace, Remembered, read_managed};
use crate::state::{Kept, StateError, Store};

/// The most time that is kept for telling the portal.
const FAREWELL: Duration = Duration::from_secs(10);

/// Why the agent was not taken away. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The documents cannot be used; the daemon may still run.
    #[error("cannot open the agent's state")]
    State(#[from] StateError),
    /// The system refused something that every process has.
    #[error("cannot work on it")]
    System(#[from] std::io::Error),
}

/// Puts back what stood before the policy, if that is wanted, and tells the portal; within `limit`.
///
/// # Errors
/// The daemon still runs, or its documents cannot be read.
pub fn leave(paths: &Paths, restore: bool, limit: Duration) -> Result<LeaveView, LeaveError> {
    let store = Arc::new(Store::open(paths)?);
    choose_cryptography();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let left = runtime.block_on(async {
        let end = Instant::now() + limit;
        let lifted = put_back(paths, &store, end).await;
        let (restored, mut left) = match restore {
            true => give_back(paths, &store, end.checked_sub(FAREWELL.min(limit / 2)).unwrap_or(end)).await?,
            false => (None, Vec::new()),
        };
        left.extend(lifted);
        // Somebody who is told that it did not work runs it again: the agent is still there until then.
        let portal = match left.is_empty() {
            true => tell(paths, &store, end.min(Instant::now() + FAREWELL)).await?,
            false => Farewell::Untold,
        };
        Ok(LeaveView { restored, left, portal })
    });
    // A name lookup may still be under way in a thread of its own.
    runtime.shutdown_timeout(Duration::from_millis(100));
    left
}

type Restored = (Option<u64>, Vec<WithheldView>);

/// Puts back a restriction that the daemon's end left lifted; what of it could not be done.
async fn put_back(paths: &Paths, store: &Arc<Store>, end: Instant) -> Option<WithheldView> {
    let (runner, clock) = (Arc::new(Runner::real(paths.clone())), Arc::new(SystemClock));
    let done = timeout_at(end, install::put_back(runner, Arc::clone(store), clock)).await;
    let why = match done {
        Ok(Ok(())) => return None,
        Ok(Err(trouble)) => trouble.why,
        Err(_) => "the time was over".to_owned(),
    };
    let subject = views::subject(&Observation::none(), Subject::App);
    Some(WithheldView { subject, key: "restrict.add_vm".to_owned(), reason: why, until: None })
}

/// Puts back every value from before; how many are back, and what is not.
async fn give_back(paths: &Paths, store: &Arc<Store>, end: Instant) -> Result<Restored, LeaveError> {
    let account = load::<Account>(store)?.unwrap_or_default();
    let baseline = load::<Baseline>(store)?.unwrap_or_default();
    let before = count(&baseline);
    if before == 0 {
        return Ok((Some(0), Vec::new()));
    }
    let (ticker, pulse) = Ticker::start(Arc::new(SystemClock))?;
    let (_goes_on, stopped) = watch::channel(false);
    let runner = Arc::new(Runner::real(paths.clone()));
    let assigned = Assigned { assignment: None, taken_away: true };
    let board = watch::Sender::new(Board::at_boot(Profile::default(), assigned));
    // What is enforced from an observation before this wish was served is made from none.
    board.send_modify(Board::look_again);
    // Otherwise the users' own preferences would be looked at only after the first pass, which could pass for the last.
    board.send_modify(|board| board.look_after(Wishes::default(), false, true));
    let watch = Watch::new(paths.parallels_preferences(), SERVICE_DEBOUNCE);
    let observer = Observer::new(Arc::clone(&runner), ticker.clone(), watch);
    let remembered = (baseline, account);
    let enforcer =
        Enforcer::new(runner, Arc::clone(store), ticker.clone(), stopped.clone(), board.clone(), remembered);
    let mut seen = board.subscribe();
    tokio::select! {
        _ = async { tokio::join!(
            drive(observer, board.clone(), ticker.clone(), stopped.clone()),
            drive(enforcer, board.clone(), ticker, stopped),
            pulse.run(),
        ) } => {}
        _ = seen.wait_for(is_done) => {}
        () = sleep_until(end) => {}
    }
    let left = left(&board.borrow());
    let after = count(&load::<Baseline>(store)?.unwrap_or_default());
    Ok((Some(before.saturating_sub(after)), left))
}

fn count(baseline: &Baseline) -> u64 {
    baseline.records.values().map(|records| records.len() as u64).sum()
}

/// Everything was looked at after the last change, and nothing is left that could be done now or soon.
fn is_done(board: &Board) -> bool {
    let enforcement = &board.enforcement;
    let waits = |reason: &Reason| matches!(reason, Reason::Later { .. });
    enforcement.settled
        && enforcement.served.requests.service > 0
        && enforcement.served.requests.users > 0
        && enforcement.write_failed.is_none()
        && enforcement.plan.actions.is_empty()
        && !enforcement.plan.withheld.iter().any(|withheld| waits(&withheld.reason))
}

/// What is not back. Where there is no Parallels Desktop, or the virtual machine or the user is gone, there is nothing to put it into.
fn left(board: &Board) -> Vec<WithheldView> {
    let observation = &board.observation;
    if matches!(observation.parallels, Answer::NotInstalled) {
        return Vec::new();
    }
    let inventory = &observation.inventory;
    let listed = matches!(observation.listed, Answer::Known(())) && inventory.is_complete();
    let is_gone = |subject| match subject {
        Subject::Vm(vm) => listed && !inventory.vms.contains_key(&vm),
        Subject::User(uid) => listed && !inventory.listings.iter().any(|listing| listing.user.uid == uid),
        Subject::App => false,
    };
    let plan = &board.enforcement.plan;
    let view = |subject, key: crate::catalog::Key, reason: String| WithheldView {
        subject: views::subject(observation, subject),
        key: key.name().to_owned(),
        reason,
        until: None,
    };
    let withheld = plan
        .withheld
        .iter()
        .filter(|withheld| withheld.reason != Reason::NothingRecorded && !is_gone(withheld.subject));
    let withheld = withheld.map(|held| view(held.subject, held.key, views::reason(observation, held)));
    let late = plan.changes().map(|change| view(change.subject, change.key, "the time was over".to_owned()));
    withheld.chain(late).collect()
}

/// Tells the portal, if there is one.
async fn tell(paths: &Paths, store: &Arc<Store>, end: Instant) -> Result<Farewell, LeaveError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let remembered = load::<Remembered>(store)?;
    let profile = Grace::step(remembered, read_managed(paths).agent, clock.now());
    let portal = profile.preferences.as_ref().map(report::portal).unwrap_or_default();
    let (ticker, _ticks) = Ticker::driven(Arc::clone(&clock));
    let transport = Arc::new(Http::default());
    let (mut checkin, _) =
        Checkin::open(Ground { store: Arc::clone(store), clock, ticks: ticker, transport })?;
    let mut status = checkin.status();
    if portal.origin.is_none() || status.borrow().device.is_none() {
        return Ok(Farewell::Nobody);
    }
    // Both are kept on disk, so that they stand from before.
    let (failures, success) = (status.borrow().failures, status.borrow().last_success);
    checkin.say_goodbye();
    let (_goes_on, local) = watch::channel(Arc::new(nothing_but(portal)));
    let talk = checkin.run(Inputs { local, sync: Arc::new(Notify::new()) });
    let ended = async {
        // The retries that the protocol allows at once are no failures; after one the next comes too late for who waits.
        let ended =
            status.wait_for(|status| status.last_success != success || status.failures > failures).await;
        ended.is_ok_and(|status| status.last_success != success)
    };
    let told = tokio::select! {
        () = talk => false,
        told = timeout_at(end, ended) => told.unwrap_or(false),
    };
    Ok(if told { Farewell::Told } else { Farewell::Untold })
}

/// What the check-in needs to know for a good-bye: where the portal is.
fn nothing_but(portal: Portal) -> Local {
    Local {
        portal,
        host: None,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        parallels: Parallels::Unreadable,
        local_restrictions: serde_json::Map::new(),
        profile_settings: serde_json::Map::new(),
        updates: None,
        compliance: Vec::new(),
        problems: Vec::new(),
        images: Vec::new(),
        vms: None,
        licensing: Licensing::default(),
    }
}

fn load<T: Kept>(store: &Store) -> Result<Option<T>, StateError> {
    Ok(store.load::<T>()?.value())
}
