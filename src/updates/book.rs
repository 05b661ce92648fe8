//! What update control remembers: which version was there when a setting came, and the feed as it was last read. Pure.
//!
//! In go what the settings demand, the installed version and what became of a request; out come the next request, the
//! decision, and which settings are passed. A version is *passed* when one is installed that a setting holds back, and
//! that was not there, or allowed, before:
//!
//! - `updates.stay_on_major` keeps the major version that is installed when the setting comes. What is kept is kept until
//!   the setting goes: not a removed Parallels Desktop, nor one that is installed anew, changes it.
//! - `updates.feed_url` allows what the local server offers, of that what is not held back. A version above that is passed, unless it
//!   was installed before the setting came or while the server offered it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::decision::{Decision, compare, decide, held_back};
use super::feed::Offer;
use crate::catalog::{Key, LayerKind, Value};
use crate::domain::version::ParallelsVersion;
use crate::resolve::{Effective, Outcome};

/// The setting that keeps the major version.
pub const STAY_ON_MAJOR: &str = "updates.stay_on_major";
/// The setting that names a local update server.
pub const FEED_URL: &str = "updates.feed_url";
/// The setting that says how often updates are looked for.
pub const CHECK: &str = "updates.check";
/// The setting that lets updates be downloaded.
pub const AUTO_DOWNLOAD: &str = "updates.auto_download";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How soon a feed is asked for again that could not be read; doubled each time, up to a day.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// How much too early a feed may be read: half of the tick on which it is looked at.
const SLACK: SignedDuration = SignedDuration::from_secs(30);

/// How much later a feed is read at most, so that a fleet does not come at once: this part of the rhythm.
const SPREAD: f64 = 0.1;

/// What the settings demand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// The major version is to be kept, and whether an assignment says so.
    pub stay_on_major: Option<Says>,
    /// The local update server's feed.
    pub feed_url: Option<(String, Says)>,
    /// How often to look; `None` where nothing asks for it.
    pub every: Option<SignedDuration>,
    /// A verified assignment stands, so that its silence is a statement.
    pub assigned: bool,
    /// Parallels' own server may be asked where no local one is named.
    pub parallels_too: bool,
}

/// Who says so: what an assignment said is taken back by an assignment alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// A policy or a license-bound profile.
    Assignment,
    /// A profile of the Mac.
    Profile,
}

impl Demand {
    /// What these settings demand.
    #[must_use]
    pub fn of(effective: &Effective) -> Self {
        let winner = |name: &str| {
            let resolved = effective.settings.get(&Key::named(name)?)?;
            match &resolved.outcome {
                Outcome::Holds(winner) => Some(winner),
                Outcome::Lifted | Outcome::Undecided => None,
            }
        };
        let says = |layer: LayerKind| match layer {
            LayerKind::Policy | LayerKind::LicenseProfile => Says::Assignment,
            LayerKind::Profile | LayerKind::Local => Says::Profile,
        };
        let on = |name| winner(name).filter(|winner| winner.value.is_on());
        let feed_url = winner(FEED_URL).and_then(|winner| match &winner.value {
            Value::Text(text) => Some((text.clone(), says(winner.layer))),
            Value::Switch(_) => None,
        });
        let stay_on_major = on(STAY_ON_MAJOR).map(|winner| says(winner.layer));
        let asks = stay_on_major.is_some() || feed_url.is_some() || on(AUTO_DOWNLOAD).is_some();
        let every = match winner(CHECK).map(|winner| winner.value.to_string()).as_deref() {
            Some("never") => None,
            Some("weekly") => Some(DAY * 7),
            Some("monthly") => Some(DAY * 30),
            Some(_) => Some(DAY),
            None => asks.then_some(DAY),
        };
        Self { stay_on_major, feed_url, every, assigned: false, parallels_too: false }
    }

    /// The address to read: the local server's, or Parallels' own of the installed major version (facts: one feed a major
    /// version).
    #[must_use]
    pub fn address(&self, installed: Option<&ParallelsVersion>) -> Option<String> {
        self.every?;
        match &self.feed_url {
            Some((address, _)) => Some(address.clone()),
            None => installed.filter(|_| self.parallels_too).map(|installed| {
                format!(
                    "https://update.parallels.com/desktop/v{}/parallels/parallels_updates.xml",
                    installed.major()
                )
            }),
        }
    }
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Of `updates.stay_on_major`.
    pub kept: Option<Kept>,
    /// Of `updates.feed_url`.
    pub tolerated: Option<Tolerated>,
    /// The feed.
    pub reading: Option<Reading>,
}

/// The major version that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// It.
    pub major: u64,
    /// Who says so.
    pub says: Says,
}

/// The newest version that may be there although the local server does not offer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerated {
    /// It.
    pub version: ParallelsVersion,
    /// Who says so.
    pub says: Says,
}

/// One feed, and how reading it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Its address.
    pub address: String,
    /// When it was last read, or found unchanged.
    pub read_at: Option<Timestamp>,
    /// When it is read next.
    pub next_at: Timestamp,
    /// Failures in a row.
    pub failures: u32,
    /// Why it could not be read the last time.
    pub trouble: Option<String>,
    /// What the server gave to ask by whether it has changed.
    pub validators: Validators,
    /// What it offered when it was last read.
    pub offers: Vec<Offer>,
    /// How many entries it had that do not count.
    pub flaws: u32,
}

/// What a server gives to ask by whether a file has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The feed has not changed.
    Unchanged,
    /// It was read.
    Read {
        /// What it offers.
        offers: Vec<Offer>,
        /// How many entries do not count.
        flaws: u32,
        /// For the next request.
        validators: Validators,
    },
    /// It could not be read; what was read last stands.
    Failed(String),
}

/// How a setting stands that has no lever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// Nothing is installed that it holds back.
    Kept,
    /// It is not known what is installed.
    Unknown,
    /// Something is, in words.
    Passed(String),
}

impl Book {
    /// Takes in what is demanded and what is installed.
    pub fn keep(&mut self, demand: &Demand, installed: Option<&ParallelsVersion>, now: Timestamp) {
        let goes = |says: Says| says == Says::Profile || demand.assigned;
        match (demand.stay_on_major, self.kept, installed) {
            (Some(says), Some(kept), _) => self.kept = Some(Kept { says, ..kept }),
            (Some(says), None, Some(installed)) => self.kept = Some(Kept { major: installed.major(), says }),
            (None, Some(kept), _) if goes(kept.says) => self.kept = None,
            _ => {}
        }
        // That the version cannot be read now is no reason to forget what its feed says.
        if installed.is_some() || demand.feed_url.is_some() || demand.every.is_none() {
            self.read_from(demand.address(installed).as_deref(), now);
        }
        match (&demand.feed_url, &self.tolerated, installed) {
            (Some((_, says)), tolerated, Some(installed)) => {
                let version = match tolerated {
                    Some(tolerated) if !self.is_offered(installed) => tolerated.version.clone(),
                    Some(tolerated) => tolerated.version.clone().max(installed.clone()),
                    None => installed.clone(),
                };
                self.tolerated = Some(Tolerated { version, says: *says });
            }
            (None, Some(tolerated), _) if goes(tolerated.says) => self.tolerated = None,
            _ => {}
        }
    }

    /// Reads from this address from now on. What another one offered is forgotten.
    fn read_from(&mut self, address: Option<&str>, now: Timestamp) {
        if self.reading.as_ref().map(|reading| reading.address.as_str()) == address {
            return;
        }
        self.reading = address.map(|address| Reading {
            address: address.to_owned(),
            read_at: None,
            next_at: now,
            failures: 0,
            trouble: None,
            validators: Validators::default(),
            offers: Vec::new(),
            flaws: 0,
        });
    }

    /// Whether the local server offers this version or a newer one, and nothing holds that back.
    fn is_offered(&self, installed: &ParallelsVersion) -> bool {
        let offers = self.reading.iter().flat_map(|reading| &reading.offers);
        let kept = self.kept.map(|kept| kept.major);
        let allowed = |offer: &&Offer| held_back(offer, compare(offer, installed), kept).is_none();
        offers.filter(allowed).any(|offer| compare(offer, installed).is_some_and(std::cmp::Ordering::is_ge))
    }

    /// The feed to ask for now, if it is due. One that is due later than it can be was put off before the clock was set back.
    #[must_use]
    pub fn due(&self, demand: &Demand, now: Timestamp) -> Option<&Reading> {
        let longest = demand.every? * 2;
        let reading = self.reading.as_ref()?;
        let left = reading.next_at.duration_since(now);
        (left <= SLACK || left > longest).then_some(reading)
    }

    /// Takes in what became of the request. `chance` is a part of one.
    pub fn note(&mut self, demand: &Demand, news: News, now: Timestamp, chance: f64) {
        let (Some(reading), Some(every)) = (self.reading.as_mut(), demand.every) else { return };
        match news {
            News::Failed(why) => {
                let doubled = AGAIN_AFTER * 2_i32.pow(reading.failures.min(6));
                reading.failures = reading.failures.saturating_add(1);
                reading.trouble = Some(why);
                reading.next_at = later(now, doubled.min(DAY), chance);
                return;
            }
            News::Unchanged => {}
            News::Read { offers, flaws, validators } => {
                (reading.offers, reading.flaws, reading.validators) = (offers, flaws, validators);
            }
        }
        (reading.failures, reading.trouble) = (0, None);
        reading.read_at = Some(now);
        reading.next_at = later(now, every, chance);
    }

    /// What is decided of the updates that the feed offers.
    #[must_use]
    pub fn decision(&self, installed: Option<&ParallelsVersion>) -> Decision {
        let offers = self.reading.as_ref().map(|reading| reading.offers.as_slice()).unwrap_or_default();
        decide(installed, offers, self.kept.map(|kept| kept.major))
    }

    /// How the settings stand that have no lever.
    #[must_use]
    pub fn watched(
        &self,
        demand: &Demand,
        installed: Option<&ParallelsVersion>,
    ) -> BTreeMap<&'static str, Watch> {
        let mut watched = BTreeMap::new();
        if demand.stay_on_major.is_some() {
            let watch = match (self.kept, installed) {
                (Some(kept), Some(installed)) if installed.major() > kept.major => Watch::Passed(format!(
                    "version {installed} is installed, and major version {} is to be kept",
                    kept.major
                )),
                (Some(_), Some(_)) => Watch::Kept,
                _ => Watch::Unknown,
            };
            watched.insert(STAY_ON_MAJOR, watch);
        }
        if demand.feed_url.is_some() {
            watched.insert(FEED_URL, self.watch_feed(installed));
        }
        watched
    }

    fn watch_feed(&self, installed: Option<&ParallelsVersion>) -> Watch {
        let read = self.reading.as_ref().is_some_and(|reading| reading.read_at.is_some());
        match (&self.tolerated, installed) {
            (Some(tolerated), Some(installed)) if *installed <= tolerated.version => Watch::Kept,
            (Some(_), Some(installed)) if self.is_offered(installed) => Watch::Kept,
            (Some(_), Some(installed)) if read => Watch::Passed(format!(
                "version {installed} is installed, which the local update server does not offer"
            )),
            _ => Watch::Unknown,
        }
    }
}

fn later(now: Timestamp, every: SignedDuration, chance: f64) -> Timestamp {
    let spread = SignedDuration::try_from_secs_f64(every.as_secs_f64() * SPREAD * chance.clamp(0.0, 1.0));
    now.checked_add(every + spread.unwrap_or_default()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
