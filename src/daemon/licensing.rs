//! Licensing: drives the machine of the license, and serves orders to give it back or to verify it.
//!
//! In go what was observed, what the portal signed, the managed preferences, the book of orders and the portal's commands;
//! out come [`Licensing`] for the board and wishes for looks at the license. One document is written, `license.json`,
//! before anything of it is published or done. A verification is `update-license`, one look by the observer, and
//! the wish that the next check-in carries.

mod orders;
mod view;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use self::orders::{Given, Orders};
use super::board::{Board, Part, Ruling};
use super::commands::Run;
use super::inputs::Profile;
use super::observer::{LicenseWish, Observation};
use super::tasks::{Next, Publish, Task};
use super::ticker::Ticker;
use crate::checkin::chance::{Chance, SystemChance};
use crate::checkin::session::Denied;
use crate::domain::license::SecretKey;
use crate::error::Chain;
use crate::hypervisor::invocation;
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::Runner;
use crate::license::{Effect, Event, Held, Means, Stage, State, step};
use crate::sources::profile::{Activation, Experience, Reading, read_managed};
use crate::state::Store;
use crate::state::document::Kept;
use crate::wire::command::CommandKind;

pub use view::view;

impl Kept for State {
    const NAME: &'static str = "license.json";
}

/// How many of the portal's commands may wait.
const QUEUE: usize = 4;

/// What has become of the license.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Licensing {
    /// The machine's state, from disk at first; `None` where nothing was ever stored.
    pub state: Option<State>,
    /// Why an order to give the license back has not taken effect.
    pub order_trouble: Option<String>,
    /// Why the state could not be stored.
    pub write_failed: Option<String>,
}

impl Licensing {
    /// Whether a publication would tell nothing new: it would wake everybody.
    fn shows_the_same(&self, shown: &Self) -> bool {
        let states = match (&self.state, &shown.state) {
            (Some(state), Some(shown)) => state.shows_the_same(shown),
            (state, shown) => state.is_none() && shown.is_none(),
        };
        states && (&self.order_trouble, &self.write_failed) == (&shown.order_trouble, &shown.write_failed)
    }

    /// Where the license stands.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.state.as_ref().map_or(Stage::Unknown, State::stage)
    }
}

/// What the task stands on.
pub struct Ground {
    /// The documents.
    pub store: Arc<Store>,
    /// The tools.
    pub runner: Arc<Runner>,
    /// The wall clock.
    pub ticker: Ticker,
    /// Resolves when an order was carried out by another process.
    pub orders: Arc<Notify>,
}

/// A command of the portal, and where its outcome goes.
#[derive(Debug)]
struct Request {
    command: Run,
    outcome: oneshot::Sender<Result<String, String>>,
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
        self.0.send(Request { command, outcome }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// How far a verification's processes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// The observer is asked to wait.
    Announced,
    /// It is asked to look; this is the number of the wish.
    Looking(u64),
}

/// The task.
pub struct Licenser {
    ground: Ground,
    state: State,
    kept: Option<State>,
    orders: Orders,
    requests: mpsc::Receiver<Request>,
    queue: Vec<Request>,
    heard: Heard,
    due: Vec<Effect>,
    check: Option<Check>,
    wish: LicenseWish,
    /// The look that tells whether what an order found is news.
    confirmed_by: Option<u64>,
}

/// What was taken already.
#[derive(Default)]
struct Heard {
    started: bool,
    looks: u64,
    denied: Option<Denied>,
}

impl Licenser {
    /// A task that remembers what the document says, and the way for the portal's commands to it.
    #[must_use]
    pub fn new(ground: Ground, remembered: Option<State>) -> (Self, Executor) {
        let (sender, requests) = mpsc::channel(QUEUE);
        let state = remembered.clone().unwrap_or_else(|| State::new(ground.ticker.now()));
        let licenser = Self {
            orders: Orders::of(ground.runner.paths().clone()),
            ground,
            state,
            kept: remembered,
            requests,
            queue: Vec::new(),
            heard: Heard::default(),
            due: Vec::new(),
            check: None,
            wish: LicenseWish::default(),
            confirmed_by: None,
        };
        (licenser, Executor(sender))
    }

    fn take(&mut self, event: Event) {
        let before = self.state.stage();
        let (state, effects) = step(&self.state, event, self.ground.ticker.now());
        self.state = state;
        self.due.extend(effects);
        let stage = self.state.stage();
        if stage != before {
            tracing::info!(from = before.name(), to = stage.name(), "the license stands otherwise");
        }
    }

    /// Stores the state, if it is worth it.
    fn keep(&mut self) -> Result<(), String> {
        if self.kept.as_ref().is_some_and(|kept| !self.state.is_worth_keeping(kept)) {
            return Ok(());
        }
        self.ground.store.save(&self.state).map_err(|error| {
            tracing::error!(error = %Chain(&error), "cannot store what has become of the license");
            Chain(&error).to_string()
        })?;
        self.kept = Some(self.state.clone());
        Ok(())
    }

    /// Takes what is new among what there is to hear.
    fn hear(&mut self, input: &Input) {
        if !std::mem::replace(&mut self.heard.started, true) {
            self.take(Event::Started);
        }
        let means = means(input.profile.activation.as_ref());
        if means != self.state.means {
            self.take(Event::Told(means));
        }
        let sight = &input.observation.license;
        if sight.looks != self.heard.looks {
            self.heard.looks = sight.looks;
            self.take(Event::Observed(sight.facts.clone()));
        }
        if let Some(Check::Looking(number)) = self.check
            && input.observation.served.licensing.number >= number
        {
            self.check = None;
            self.take(Event::Checked);
            self.answer(CommandKind::VerifyLicense, &Ok("the license is verified".to_owned()));
        }
        if let Some(lease) = input.ruling.lease.as_ref().map(|lease| Held::of(lease))
            && self.state.lease.as_ref().is_none_or(|held| lease.supersedes(held))
        {
            self.take(Event::Leased(lease, SystemChance.draw()));
        }
        let denied = &input.ruling.denied;
        if *denied != self.heard.denied {
            self.heard.denied.clone_from(denied);
            if let Some(Denied { reason, at }) = denied {
                self.take(Event::Denied(*at, reason.clone()));
            }
        }
        self.take(Event::Tick);
    }

    /// Takes the portal's commands in.
    fn listen(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            self.queue.push(request);
        }
        if self.queue.iter().any(|request| request.command.kind == CommandKind::VerifyLicense)
            && self.check.is_none()
        {
            self.take(Event::Ordered);
            if !self.due.contains(&Effect::Check) {
                self.due.push(Effect::Check);
            }
        }
    }

    fn answer(&mut self, kind: CommandKind, outcome: &Result<String, String>) {
        for request in self.queue.extract_if(.., |request| request.command.kind == kind) {
            // Nobody may be waiting any more.
            let _ = request.outcome.send(outcome.clone());
        }
    }

    /// Serves orders from the book, and the portal's and the profile's, which go through it, too. Whether they are to be
    /// looked at soon again, because somebody else has the book.
    async fn serve_orders(&mut self, input: &Input) -> bool {
        let mut commands = self.queue.iter().map(|request| request.command);
        let commanded = commands.rfind(|run| run.kind == CommandKind::DeactivateLicense);
        let preferences = input.profile.preferences.as_ref();
        let by_profile = preferences.and_then(|preferences| preferences.deactivation_order.value());
        let given =
            Given { by_portal: commanded.map(|run| run.id), by_profile: by_profile.map(String::as_str) };
        let can_be_asked = matches!(input.observation.service, Answer::Known(_));
        let Ground { runner, ticker, .. } = &self.ground;
        let Some(desk) = self.orders.open(given) else { return self.orders.is_busy() };
        let outcome = self.orders.carry_out(&desk, runner, ticker, (given, can_be_asked)).await;
        if commanded.is_some() {
            self.answer(CommandKind::DeactivateLicense, &outcome);
        }
        if let Some(order) = self.orders.untold() {
            self.take(Event::Deactivated(order.id, order.ordered_at));
        }
        let seen = self.has_seen_what_was_found(&input.observation);
        if self.keep().is_ok() && !self.state.is_releasing() && seen {
            self.orders.told(&desk, self.ground.ticker.now());
        }
        false
    }

    /// Whether the machine knows what an order found that found no license, as one does whose predecessor was killed after
    /// its effect: it may be news, of which the portal is to hear before the order counts as told.
    fn has_seen_what_was_found(&mut self, observation: &Observation) -> bool {
        if !self.orders.found_nothing() || self.state.is_without_license() {
            self.confirmed_by = None;
            return true;
        }
        let Some(number) = self.confirmed_by else {
            self.wish.number += 1;
            self.confirmed_by = Some(self.wish.number);
            return false;
        };
        let seen = observation.served.licensing.number >= number;
        self.confirmed_by = self.confirmed_by.filter(|_| !seen);
        seen
    }

    /// Does what is due: one thing at a time. Whether there is more. While somebody else is giving the license back, none
    /// is installed.
    async fn act(&mut self, input: &Input, is_busy: bool) -> bool {
        if self.due.contains(&Effect::Activate) && !is_busy {
            self.due.retain(|effect| *effect != Effect::Activate);
            if let Some(key) = self.key_now(&input.profile) {
                self.activate(&key).await;
            }
        }
        match self.check {
            Some(Check::Announced) => {
                self.update().await;
                self.wish = LicenseWish { number: self.wish.number + 1, held: false };
                self.check = Some(Check::Looking(self.wish.number));
                false
            }
            _ if self.due.contains(&Effect::Check) => {
                self.due.retain(|effect| *effect != Effect::Check);
                self.wish.held = true;
                self.check = Some(Check::Announced);
                true
            }
            _ => false,
        }
    }

    /// The key of the managed preferences as they are on disk now: MDM may have replaced them a moment ago, and the former key
    /// is not to come back.
    fn key_now(&self, profile: &Profile) -> Option<SecretKey> {
        let activation = match read_managed(self.ground.runner.paths()).activation {
            Reading::Read(activation) => Some(activation),
            Reading::Absent | Reading::Unreadable(_) => profile.activation.clone(),
        };
        activation.as_ref().and_then(Activation::key_to_install).cloned()
    }

    /// Lets Parallels' service ask its server. That it could not is no reason to not look, and not to ask the portal.
    async fn update(&self) {
        let call = invocation::update_license(self.ground.runner.paths());
        if let Err(error) = self.ground.runner.stdout_of(&call).await {
            tracing::warn!(error = %Chain(&error), "Parallels Desktop could not update its license");
        }
    }

    async fn activate(&mut self, key: &SecretKey) {
        tracing::info!(key = %key.masked(), "activating Parallels Desktop again");
        let call = invocation::install_license(self.ground.runner.paths(), key);
        if let Err(error) = self.ground.runner.stdout_of(&call).await {
            tracing::warn!(error = %Chain(&error), "cannot activate Parallels Desktop");
            self.take(Event::ActivationFailed(Chain(&error).to_string()));
        }
        self.wish.number += 1;
    }
}

/// What the managed preferences say; unset means single sign-on, the manifest's default.
fn means(activation: Option<&Activation>) -> Means {
    match activation {
        Some(activation) if activation.key_to_install().is_some() => Means::Key,
        Some(activation) if activation.experience.value() != Some(&Experience::LicenseKey) => Means::SignIn,
        _ => Means::Unsaid,
    }
}

/// What the task looks at.
#[derive(PartialEq)]
pub struct Input {
    profile: Part<Profile>,
    ruling: Part<Ruling>,
    observation: Part<Observation>,
}

impl Task for Licenser {
    type Input = Input;

    fn input(&self, board: &Board) -> Self::Input {
        Input {
            profile: board.profile.clone(),
            ruling: board.ruling.clone(),
            observation: board.observation.clone(),
        }
    }

    async fn pass(&mut self, input: &Self::Input) -> (Publish, Next) {
        let now = self.ground.ticker.now();
        self.hear(input);
        self.listen();
        let is_busy = self.serve_orders(input).await;
        let kept = self.keep();
        let more = kept.is_ok() && self.act(input, is_busy).await;
        let kept = kept.and_then(|()| self.keep());
        let next = match (more, is_busy) {
            (true, _) => Next::At(now),
            (false, true) => Next::At(now.checked_add(orders::BUSY).unwrap_or(now)),
            (false, false) => Next::Tick,
        };
        // What is not stored is not shown: after a crash it would not have been.
        let state = if kept.is_ok() { Some(self.state.clone()) } else { self.kept.clone() };
        let licensing = Licensing { state, order_trouble: self.orders.trouble(), write_failed: kept.err() };
        let wish = self.wish;
        let publish = move |board: &mut Board| {
            if !licensing.shows_the_same(&board.licensing) {
                board.licensing = Part::new(licensing);
            }
            board.look_at_license(wish);
        };
        (Box::new(publish), next)
    }

    async fn stirred(&mut self) {
        tokio::select! {
            () = self.ground.orders.notified() => self.orders.look_again(),
            Some(request) = self.requests.recv() => self.queue.push(request),
        }
    }
}
