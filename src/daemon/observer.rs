//! The observer: what Parallels Desktop shows now, in as few processes as possible.
//!
//! In goes what other tasks want to be looked at; out comes an [`Observation`]. A change of the files below
//! `/Library/Preferences/Parallels` is looked at at once. The service touches them when it is asked, so the observer
//! remembers their content from after its last look; and looks that files called for and that found nothing new become rarer,
//! so that no service can keep it busy.

mod attention;
mod rhythm;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use self::attention::Attention;
use self::rhythm::Rhythm;
use super::board::{Board, Part};
use super::fingerprint::{Files, Fingerprint};
use super::tasks::{Next, Publish, Task, unchanged};
use super::ticker::Ticker;
use super::watch::Watch;
use crate::domain::host::Host;
use crate::domain::license::{LicenseFacts, LicenseState};
use crate::domain::version::ParallelsVersion;
use crate::hypervisor::defaults::Preferences;
use crate::hypervisor::inquiry;
use crate::hypervisor::outcome::{Answer, Obstacle, ObstacleKind};
use crate::hypervisor::runner::{Changed, Runner};
use crate::hypervisor::server_info::ServerInfo;
use crate::hypervisor::users::LocalUser;
use crate::inventory::{Collector, Snapshot};

/// What was seen, and when.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What this Mac is; `None` until its tools have told.
    pub host: Option<Host>,
    /// The version of Parallels Desktop.
    pub parallels: Answer<ParallelsVersion>,
    /// What the service shows.
    pub service: Answer<ServerInfo>,
    /// The virtual machines: the last inventory stays while they cannot be listed.
    pub inventory: Snapshot,
    /// Whether they could be listed the last time.
    pub listed: Answer<()>,
    /// When they were last listed.
    pub listed_at: Option<Timestamp>,
    /// Which wishes this observation has served.
    pub served: Wanted,
    /// The license.
    pub license: LicenseSight,
    /// The users' own preferences, of those users who are known; empty until somebody wants them.
    pub preferences: Vec<Preferences>,
    /// The service was asked at all.
    pub begun: bool,
}

/// The license as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenseSight {
    /// It.
    pub facts: LicenseFacts,
    /// How often it was looked at since the daemon started.
    pub looks: u64,
}

impl Observation {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn none() -> Self {
        let not_yet = || Obstacle { kind: ObstacleKind::NotYet, words: "not looked yet".to_owned() };
        Self {
            host: None,
            parallels: Answer::CouldNotAsk(not_yet()),
            service: Answer::CouldNotAsk(not_yet()),
            inventory: Snapshot::default(),
            listed: Answer::CouldNotAsk(not_yet()),
            listed_at: None,
            served: Wanted::default(),
            license: LicenseSight::default(),
            preferences: Vec::new(),
            begun: false,
        }
    }
}

/// How many looks were wished for: numbers that only rise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// At the service's settings.
    pub service: u64,
    /// At the virtual machines.
    pub vms: u64,
    /// At the license.
    pub license: u64,
    /// At the users' own preferences.
    pub users: u64,
}

impl Wishes {
    /// True when all of the others were served with these.
    #[must_use]
    pub const fn covers(self, others: Self) -> bool {
        self.service >= others.service
            && self.vms >= others.vms
            && self.license >= others.license
            && self.users >= others.users
    }
}

/// Wishes for a look, by who has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The enforcer's, after it changed something.
    pub changes: Wishes,
    /// Those of local requests and of the check-in.
    pub requests: Wishes,
    /// Those of licensing.
    pub licensing: LicenseWish,
    /// True while a policy is about virtual machines: they are then listed as often as the service is asked.
    pub vms_often: bool,
    /// True while a setting is about the users' own preferences: they are looked at for nothing else.
    pub users_too: bool,
}

/// What licensing wants of the observer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LicenseWish {
    /// How many looks were wished for.
    pub number: u64,
    /// Parallels' tool is at work on the license: a look now would cost a process and tell nothing.
    pub held: bool,
}

impl Wanted {
    fn service_beyond(&self, served: &Self) -> bool {
        self.changes.service > served.changes.service || self.requests.service > served.requests.service
    }

    fn license_beyond(&self, served: &Self) -> bool {
        self.licensing.number > served.licensing.number || self.requests.license > served.requests.license
    }

    fn vms_beyond(&self, served: &Self) -> bool {
        self.changes.vms > served.changes.vms || self.requests.vms > served.requests.vms
    }
}

/// The task.
pub struct Observer {
    runner: Arc<Runner>,
    ticker: Ticker,
    watch: Watch,
    /// Successful calls of Parallels' tools, whoever made them.
    successes: watch::Receiver<u64>,
    /// Such a call was made since the last look.
    is_answered: bool,
    collector: Collector,
    seen: Observation,
    attention: Attention,
    rhythm: Rhythm,
}

/// What a pass looks at, and what called for it.
struct Look {
    service: bool,
    vms: bool,
    users: bool,
    license: bool,
    preferences: bool,
    by_files: bool,
}

impl Observer {
    /// An observer that has seen nothing.
    #[must_use]
    pub fn new(runner: Arc<Runner>, ticker: Ticker, watch: Watch) -> Self {
        let files = Files::in_folder(&runner.paths().parallels_preferences());
        Self {
            successes: runner.successes(),
            is_answered: false,
            runner,
            ticker,
            watch,
            collector: Collector::default(),
            seen: Observation::none(),
            attention: Attention::to(files),
            rhythm: Rhythm::new(),
        }
    }

    fn decide(&self, wanted: &Wanted, files: &Fingerprint, now: Timestamp) -> Look {
        let calls = self.attention.calls(files, now);
        // Whoever got an answer knows better than the last look, and what is wrong no longer is.
        let is_back = self.is_cut_off() && self.is_answered;
        Look {
            service: calls.service
                || is_back
                || wanted.service_beyond(&self.seen.served)
                || self.rhythm.service_is_due(now),
            vms: calls.vms
                || wanted.vms_beyond(&self.seen.served)
                || self.rhythm.vms_are_due(wanted.vms_often, now),
            users: calls.vms || wanted.requests.vms > self.seen.served.requests.vms,
            license: !wanted.licensing.held
                && (calls.license
                    || wanted.license_beyond(&self.seen.served)
                    || self.rhythm.license_is_due(now)),
            // What was changed is looked at also where no setting is about it any more.
            preferences: wanted.changes.users > self.seen.served.changes.users
                || (wanted.users_too
                    && (wanted.requests.users > self.seen.served.requests.users
                        || self.rhythm.preferences_are_due(now)
                        || self.misses_preferences())),
            by_files: calls.service || calls.license,
        }
    }

    /// True when the last look at the service got no answer of it.
    const fn is_cut_off(&self) -> bool {
        matches!(self.seen.service, Answer::ServiceStopped | Answer::CouldNotAsk(_))
    }

    /// True when somebody's virtual machines could not be listed.
    fn misses_vms(&self) -> bool {
        let mut listings = self.seen.inventory.listings.iter();
        !matches!(self.seen.listed, Answer::Known(()))
            || listings.any(|each| matches!(each.answer, Answer::CouldNotAsk(_)))
    }

    async fn look_at_host(&mut self) {
        if self.seen.host.is_none() {
            match inquiry::host(&self.runner).await {
                Ok(host) => self.seen.host = Some(host),
                Err(error) => {
                    tracing::warn!(error = %crate::error::Chain(&error), "cannot tell what this Mac is")
                }
            }
        }
    }

    async fn look_at_service(&mut self) {
        self.seen.parallels = inquiry::parallels_version(&self.runner).await;
        self.seen.service = match &self.seen.parallels {
            Answer::NotInstalled => Answer::NotInstalled,
            _ => inquiry::server_info(&self.runner).await,
        };
    }

    async fn look_at_license(&mut self, now: Timestamp) {
        let facts = match &self.seen.parallels {
            Answer::NotInstalled => LicenseFacts::default(),
            _ => inquiry::license(&self.runner).await,
        };
        self.rhythm.looked_at_license(facts.state == LicenseState::Unknown, now);
        self.seen.license = LicenseSight { facts, looks: self.seen.license.looks + 1 };
    }

    /// Whether a user came, or one logged in, since the preferences were looked at.
    fn misses_preferences(&self) -> bool {
        let silent = |user: &LocalUser| {
            let seen = self.seen.preferences.iter().find(|seen| seen.user == *user);
            seen.is_none_or(|seen| matches!(seen.values, Answer::NotLoggedIn))
        };
        let listings = self.seen.inventory.listings.iter();
        listings.filter(|listing| matches!(listing.answer, Answer::Known(_))).any(|each| silent(&each.user))
    }

    async fn look_at_preferences(&mut self, now: Timestamp) {
        let mut preferences = Vec::new();
        for listing in &self.seen.inventory.listings {
            preferences.push(inquiry::preferences(&self.runner, &listing.user).await);
        }
        self.seen.preferences = preferences;
        self.rhythm.looked_at_preferences(now);
    }

    async fn look_at_vms(&mut self, now: Timestamp, anew: bool) {
        if self.rhythm.asks_for_users(anew, now) {
            self.collector.forget_users();
        }
        let answer = match &self.seen.service {
            Answer::Known(_) => self.collector.collect(&self.runner).await,
            other => other.clone().map(|_| Snapshot::default()),
        };
        match answer {
            Answer::Known(snapshot) => {
                self.seen.inventory = snapshot.keeping(&self.seen.inventory.vms);
                self.seen.listed = Answer::Known(());
                self.seen.listed_at = Some(now);
            }
            other => self.seen.listed = other.map(|_| ()),
        }
    }

    fn serve(&mut self, wanted: &Wanted, look: &Look) {
        let served = &mut self.seen.served;
        if look.service {
            (served.changes.service, served.requests.service) =
                (wanted.changes.service, wanted.requests.service);
            self.seen.begun = true;
        }
        if look.vms {
            (served.changes.vms, served.requests.vms) = (wanted.changes.vms, wanted.requests.vms);
        }
        if look.preferences {
            served.changes.users = wanted.changes.users;
        }
        if look.preferences || !wanted.users_too {
            served.requests.users = wanted.requests.users;
        }
        if look.license {
            (served.licensing, served.requests.license) = (wanted.licensing, wanted.requests.license);
        }
    }
}

impl Task for Observer {
    type Input = Part<Wanted>;

    fn input(&self, board: &Board) -> Self::Input {
        board.wanted.clone()
    }

    async fn pass(&mut self, wanted: &Self::Input) -> (Publish, Next) {
        self.watch.rearm();
        if self.runner.is_changing(Changed::Service) {
            // Each change touches files, and what is half done tells nothing; the enforcer wishes for a look at its end.
            return (unchanged(), Next::Tick);
        }
        let now = self.ticker.now();
        let files = self.attention.look(now);
        let mut look = self.decide(wanted, &files, now);
        // The same with virtual machines; but to change many takes long, and meanwhile a user may change the service.
        let machines_rest = !self.runner.is_changing(Changed::Machines);
        look.vms &= machines_rest;
        if !look.service && !look.vms && !look.license && !look.preferences {
            let next = if machines_rest {
                self.attention.next(self.rhythm.first(wanted.users_too), now)
            } else {
                Next::Tick
            };
            return (unchanged(), next);
        }
        let before = self.seen.clone();
        self.look_at_host().await;
        if look.service {
            self.look_at_service().await;
            let failed = self.seen.host.is_none() || matches!(self.seen.service, Answer::CouldNotAsk(_));
            self.rhythm.asked_service(failed, now);
        }
        // A service that is back can tell what it could not.
        let is_back =
            !matches!(before.service, Answer::Known(_)) && matches!(self.seen.service, Answer::Known(_));
        look.vms |= machines_rest && is_back && self.misses_vms();
        let is_unknown = before.license.facts.state == LicenseState::Unknown;
        look.license |= is_back && is_unknown && !wanted.licensing.held;
        if look.license {
            self.look_at_license(now).await;
        }
        if look.vms {
            self.look_at_vms(now, look.users).await;
            let may_be_had = matches!(self.seen.listed, Answer::Known(()) | Answer::CouldNotAsk(_));
            self.rhythm.listed_vms(may_be_had && self.misses_vms(), wanted.vms_often, now);
        }
        look.preferences |= wanted.users_too && self.misses_preferences();
        if look.preferences {
            self.look_at_preferences(now).await;
        }
        let found = before.service != self.seen.service
            || before.inventory.vms != self.seen.inventory.vms
            || before.license.facts != self.seen.license.facts;
        self.successes.mark_unchanged();
        self.is_answered = false;
        // The service touched its files when it was asked: they are read now, and not once more after the debounce.
        self.watch.catch_up();
        self.attention.compare(files, found, machines_rest, self.ticker.now());
        self.attention.weigh(look.by_files, found, now);
        self.serve(wanted, &look);
        let seen = Part::new(self.seen.clone());
        (
            Box::new(move |board| board.observation = seen),
            self.attention.next(self.rhythm.first(wanted.users_too), now),
        )
    }

    async fn stirred(&mut self) {
        let is_cut_off = self.is_cut_off();
        tokio::select! {
            () = self.watch.changed() => {}
            Ok(()) = self.successes.changed(), if is_cut_off => self.is_answered = true,
        }
    }
}
