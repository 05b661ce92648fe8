//! The inputs: what the profiles say, kept over the moments in which macOS takes them away.
//!
//! In goes the folder of managed preferences, watched and polled; out comes a [`Profile`]. One document is written: what to
//! remember of a profile that vanished.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::board::{Board, Part};
use super::log::Verbosity;
use super::stamp::Stamp;
use super::tasks::{Next, Publish, Task, unchanged};
use super::ticker::Ticker;
use super::watch::Watch;
use crate::paths::Paths;
use crate::sources::layer::{Fault, Layer};
use crate::sources::profile::{
    Activation, Grace, Managed, Preferences, Reading, Remembered, Trouble, UserFile, depends_on, read_managed,
};
use crate::state::Store;
use crate::state::document::Kept;

impl Kept for Remembered {
    const NAME: &'static str = "profile.json";
}

/// What the profiles say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// The agent's preferences; `None` without a profile.
    pub preferences: Option<Preferences>,
    /// The layer of its settings.
    pub layer: Option<Layer>,
    /// What is wrong with the file.
    pub trouble: Option<Trouble>,
    /// What is wrong with single items.
    pub faults: BTreeMap<String, Fault>,
    /// Files at user scope, which are ignored.
    pub ignored: Vec<UserFile>,
    /// Parallels' own profile, where there is one that can be read.
    pub activation: Option<Activation>,
}

/// What the task stands on.
pub struct Ground {
    /// Where the profiles are.
    pub paths: Paths,
    /// The documents.
    pub store: Arc<Store>,
    /// How much the log says, which the profile directs.
    pub verbosity: Verbosity,
}

/// The task.
pub struct Inputs {
    ground: Ground,
    ticker: Ticker,
    watch: Watch,
    remembered: Option<Remembered>,
    /// What was read last, and how to tell that it would be read again.
    last: Option<(Stamp, Managed)>,
    published: Option<Profile>,
}

impl Inputs {
    /// Inputs that remember what the document says.
    #[must_use]
    pub fn new(ground: Ground, ticker: Ticker, watch: Watch, remembered: Option<Remembered>) -> Self {
        Self { ground, ticker, watch, remembered, last: None, published: None }
    }

    /// Looks at the folder, and keeps what must be kept.
    pub fn read(&mut self) -> Profile {
        let managed = self.managed();
        let step = Grace::step(self.remembered.clone(), managed.agent.clone(), self.ticker.now());
        if step.remembered != self.remembered {
            self.remember(step.remembered.clone());
        }
        profile(step, managed)
    }

    /// What lies in the folder; it is read only when it may have changed.
    fn managed(&mut self) -> Managed {
        if let Some((_, managed)) = self.last.as_ref().filter(|(stamp, _)| stamp.holds()) {
            return managed.clone();
        }
        let paths = &self.ground.paths;
        let stamp = Stamp::of(depends_on(paths), self.ticker.now());
        let managed = read_managed(paths);
        let failed = matches!(managed.agent, Reading::Unreadable(_))
            || matches!(managed.activation, Reading::Unreadable(_));
        // What the system could not read it may be able to read the next time, without any change.
        self.last = (!failed).then(|| (stamp, managed.clone()));
        managed
    }

    fn remember(&mut self, remembered: Option<Remembered>) {
        let kept = match &remembered {
            Some(remembered) => self.ground.store.save(remembered),
            None => self.ground.store.remove::<Remembered>(),
        };
        if let Err(error) = kept {
            tracing::error!(error = %crate::error::Chain(&error), "cannot keep the profile for when it vanishes");
        }
        self.remembered = remembered;
    }
}

fn profile(step: Grace, managed: Managed) -> Profile {
    let layer = step.preferences.as_ref().map(|preferences| preferences.settings.clone());
    let faults = step.preferences.as_ref().map(Preferences::problems).unwrap_or_default();
    let activation = match managed.activation {
        Reading::Read(activation) => Some(activation),
        Reading::Absent | Reading::Unreadable(_) => None,
    };
    let (preferences, trouble, ignored) = (step.preferences, step.trouble, managed.ignored);
    Profile { preferences, layer, trouble, faults, ignored, activation }
}

impl Task for Inputs {
    type Input = ();

    fn input(&self, _board: &Board) -> Self::Input {}

    async fn pass(&mut self, (): &Self::Input) -> (Publish, Next) {
        self.watch.rearm();
        self.ground.verbosity.settle();
        let profile = self.read();
        if self.published.as_ref() == Some(&profile) {
            return (unchanged(), Next::Tick);
        }
        let preferences = profile.preferences.as_ref();
        self.ground.verbosity.set(preferences.and_then(|preferences| preferences.log_level.value().copied()));
        self.published = Some(profile.clone());
        (Box::new(move |board| board.profile = Part::new(profile)), Next::Tick)
    }

    async fn stirred(&mut self) {
        self.watch.changed().await;
    }
}
