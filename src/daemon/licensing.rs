//! Licensing: drives the machine of the license, and serves orders to give it back or to verify it.
//!
//! In go what was observed, what the portal signed, the managed preferences, the book of orders and the portal's commands;
//! out come [`Licensing`] for the board and wishes for looks at the license. One document is written, `license.json`,
//! before anything of it is published or done. A verification is `update-license`, one look by the observer, and
//! the wish that the next check-in carries.

mod commands;
mod orders;
mod view;

use std::sync::Arc;

use tokio::sync::Notify;

use self::commands::{Commands, Outcome};
use self::orders::{Given, Orders};
use super::board::{Board, Part, Ruling};
use super::inputs::Profile;
use super::observer::{LicenseWish, Observation};
use super::tasks::{Next, Publish, Task};
use super::ticker::Ticker;
use crate::checkin::chance::{Chance, SystemChance};
use crate::checkin::session::Denied;
use crate::clock::Clock;
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
use crate::wire::lease::LeaseState;

pub use commands::Executor;
pub use view::view;

impl Kept for State {
    const NAME: &'static str = "license.json";
}

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
    commands: Commands,
    heard: Heard,
    due: Vec<Effect>,
    looks: Looks,
}

/// What was taken already.
#[derive(Default)]
struct Heard {
    started: bool,
    looks: u64,
    denied: Option<Denied>,
}

/// What is asked of Parallels Desktop and of the observer.
#[derive(Default)]
struct Looks {
    check: Option<Check>,
    /// Why Parallels Desktop could not update its license, the last time.
    trouble: Option<String>,
    wish: LicenseWish,
    /// The look that tells whether what an order found is news.
    confirmed_by: Option<u64>,
}

impl Licenser {
    /// A task that remembers what the document says, and the way for the portal's commands to it.
    #[must_use]
    pub fn new(ground: Ground, remembered: Option<State>) -> (Self, Executor) {
        let (commands, executor) = Commands::none();
        let state = remembered.clone().unwrap_or_else(|| State::new(ground.ticker.moment()));
        let licenser = Self {
            orders: Orders::of(ground.runner.paths().clone()),
            ground,
            state,
            kept: remembered,
            commands,
            heard: Heard::default(),
            due: Vec::new(),
            looks: Looks::default(),
        };
        (licenser, executor)
    }

    fn take(&mut self, event: Event) {
        let before = self.state.stage();
        let (state, effects) = step(&self.state, event, self.ground.ticker.moment());
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
        if let Some(Check::Looking(number)) = self.looks.check
            && input.observation.served.licensing.number >= number
        {
            self.looks.check = None;
            self.take(Event::Checked);
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

    /// Takes the portal's commands in, and answers a verification that has ended.
    fn listen(&mut self) {
        self.commands.take_in();
        if self.commands.begin(CommandKind::VerifyLicense) {
            self.take(Event::Ordered);
        }
        if self.commands.is_begun(CommandKind::VerifyLicense)
            && let Some(outcome) = self.verified()
        {
            self.commands.answer(CommandKind::VerifyLicense, &outcome);
        }
    }

    /// How the verification went that was begun last; nothing while it is under way. It is not done before the portal has
    /// answered, whatever Parallels' own server said.
    fn verified(&self) -> Option<Outcome> {
        let said = match (&self.state.asking, &self.state.tries.denied) {
            (Some(asking), _) if asking.overdue => {
                Err("the portal did not answer in time; it is asked again".to_owned())
            }
            (Some(_), _) => return None,
            (None, _) if self.looks.check.is_some() => return None,
            (None, Some(reason)) => Err(format!("the portal denies the license: {reason}")),
            (None, None) => match self.state.lease.as_ref().map(Held::state) {
                _ if self.state.is_without_license() => Err("there is no license on this Mac".to_owned()),
                Some(LeaseState::Active) => Ok("the license is verified".to_owned()),
                Some(LeaseState::Suspended) => Ok("the license is verified, and suspended".to_owned()),
                Some(state @ (LeaseState::Revoked | LeaseState::Released)) => {
                    Err(format!("the portal says that the license is {state}"))
                }
                None => Err("the portal gave no lease".to_owned()),
            },
        };
        let also = |said: String| match &self.looks.trouble {
            Some(why) => format!("{said}; Parallels Desktop could not update it: {why}"),
            None => said,
        };
        Some(said.map(also).map_err(also))
    }

    /// Serves orders from the book, and the portal's and the profile's, which go through it, too. Whether they are to be
    /// looked at soon again, because somebody else has the book.
    async fn serve_orders(&mut self, input: &Input) -> bool {
        let commanded = self.commands.last(CommandKind::DeactivateLicense);
        let preferences = input.profile.preferences.as_ref();
        let by_profile = preferences.and_then(|preferences| preferences.deactivation_order.value());
        let given = Given {
            by_portal: commanded.as_ref().map(|run| run.id),
            by_profile: by_profile.map(String::as_str),
        };
        let can_be_asked = matches!(input.observation.service, Answer::Known(_));
        let Ground { runner, ticker, .. } = &self.ground;
        let Some(desk) = self.orders.open(given) else { return self.orders.is_busy() };
        let outcome = self.orders.carry_out(&desk, runner, ticker, (given, can_be_asked)).await;
        if commanded.is_some() {
            self.commands.answer(CommandKind::DeactivateLicense, &outcome);
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
            self.looks.confirmed_by = None;
            return true;
        }
        let Some(number) = self.looks.confirmed_by else {
            self.looks.wish.number += 1;
            self.looks.confirmed_by = Some(self.looks.wish.number);
            return false;
        };
        let seen = observation.served.licensing.number >= number;
        self.looks.confirmed_by = self.looks.confirmed_by.filter(|_| !seen);
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
        match self.looks.check {
            Some(Check::Announced) => {
                self.update().await;
                self.looks.wish = LicenseWish { number: self.looks.wish.number + 1, held: false };
                self.looks.check = Some(Check::Looking(self.looks.wish.number));
                false
            }
            _ if self.due.contains(&Effect::Check) => {
                self.due.retain(|effect| *effect != Effect::Check);
                self.looks.wish.held = true;
                self.looks.check = Some(Check::Announced);
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
    async fn update(&mut self) {
        let call = invocation::update_license(self.ground.runner.paths());
        let outcome = self.ground.runner.stdout_of(&call).await;
        self.looks.trouble = outcome.err().map(|error| Chain(&error).to_string());
        if let Some(why) = &self.looks.trouble {
            tracing::warn!(error = why, "Parallels Desktop could not update its license");
        }
    }

    async fn activate(&mut self, key: &SecretKey) {
        tracing::info!(key = %key.masked(), "activating Parallels Desktop again");
        let call = invocation::install_license(self.ground.runner.paths(), key);
        if let Err(error) = self.ground.runner.stdout_of(&call).await {
            tracing::warn!(error = %Chain(&error), "cannot activate Parallels Desktop");
            self.take(Event::ActivationFailed(Chain(&error).to_string()));
        }
        self.looks.wish.number += 1;
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
        let wish = self.looks.wish;
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
            () = self.commands.come() => {}
        }
    }
}
