//! Which update is allowed and which is held back, and why: pure.
//!
//! In go the installed version, what a feed offers and the rules; out comes a [`Decision`]. The rules, in their order:
//!
//! 1. What is not newer than the installed version is no update. Versions are compared number by number, by `semver`, so
//!    that 26 follows 20 and 20.10 follows 20.9; with equal numbers the build counts. An entry that is numbered as in the
//!    guide says no more than its major number and its build, so these are compared.
//! 2. An update whose server has switched updates off is held back.
//! 3. Where the major version is to be kept, an update of a higher one is held back.
//! 4. Where the installed version is not known, or an entry cannot be compared with it, the entry is held back.
//! 5. Any other update is allowed. Of several, the newest; where one of the feed's is numbered as in the guide, all of them are
//!    ranked by what every one of them says, the major number and the build.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::feed::{Numbering, Offer};
use crate::domain::version::ParallelsVersion;

/// The most updates that are named as held back.
const MOST_HELD: usize = 8;

/// Why an update is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBack {
    /// It is of a higher major version than the one that is to be kept.
    NextMajor,
    /// The server has switched updates off.
    SwitchedOff,
    /// Whether it is newer cannot be told.
    Incomparable,
}

impl HeldBack {
    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NextMajor => "next-major",
            Self::SwitchedOff => "switched-off",
            Self::Incomparable => "incomparable",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NextMajor => "it is of the next major version",
            Self::SwitchedOff => "the server has switched updates off",
            Self::Incomparable => "it cannot be compared with the installed version",
        }
    }
}

/// An update that is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// It.
    pub offer: Offer,
    /// Why.
    pub why: HeldBack,
}

/// What is decided of the updates that a feed offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The newest that there is, allowed or not.
    pub available: Option<Offer>,
    /// The newest that is allowed.
    pub allowed: Option<Offer>,
    /// Those that are held back, the newest first, a version once.
    pub held: Vec<Held>,
}

/// Decides. `kept` is the major version that is to be kept, where one is.
#[must_use]
pub fn decide(installed: Option<&ParallelsVersion>, offers: &[Offer], kept: Option<u64>) -> Decision {
    let mut decision = Decision::default();
    let by_build = offers.iter().any(|offer| offer.numbering == Numbering::Build);
    let better = |offer: &Offer, than: &Option<Offer>| {
        than.as_ref().is_none_or(|than| between(offer, than, by_build) == Ordering::Greater)
    };
    for offer in offers {
        let order = installed.and_then(|installed| compare(offer, installed));
        if matches!(order, Some(Ordering::Less | Ordering::Equal)) {
            continue;
        }
        if better(offer, &decision.available) {
            decision.available = Some(offer.clone());
        }
        match held_back(offer, order, kept) {
            Some(why) => decision.held.push(Held { offer: offer.clone(), why }),
            None if better(offer, &decision.allowed) => decision.allowed = Some(offer.clone()),
            None => {}
        }
    }
    decision.held.sort_by(|a, b| between(&b.offer, &a.offer, by_build).then(a.why.cmp(&b.why)));
    decision.held.dedup_by(|a, b| a.offer.version == b.offer.version && a.why == b.why);
    decision.held.truncate(MOST_HELD);
    decision
}

/// Why an offer is held back that stands so to the installed version; nothing where it is allowed.
pub(super) fn held_back(offer: &Offer, order: Option<Ordering>, kept: Option<u64>) -> Option<HeldBack> {
    if !offer.enabled {
        Some(HeldBack::SwitchedOff)
    } else if kept.is_some_and(|kept| offer.version.major() > kept) {
        Some(HeldBack::NextMajor)
    } else if order.is_none() {
        Some(HeldBack::Incomparable)
    } else {
        None
    }
}

/// Which of two offers of one feed is newer. To compare each pair by what both say would be no order: 26.3.0-100 is above
/// 26.2.0-300 by its numbers, and build 200 is above the one and below the other.
fn between(a: &Offer, b: &Offer, by_build: bool) -> Ordering {
    let place = |offer: &Offer| by_build.then(|| (offer.version.major(), offer.version.build()));
    place(a).cmp(&place(b)).then_with(|| a.version.cmp(&b.version))
}

/// How an offer stands to the installed version; nothing where that cannot be told.
#[must_use]
pub fn compare(offer: &Offer, installed: &ParallelsVersion) -> Option<Ordering> {
    let builds = || Some(offer.version.build()?.cmp(&installed.build()?));
    match offer.numbering {
        Numbering::Release => {
            Some(offer.version.cmp_numbers(installed).then_with(|| builds().unwrap_or(Ordering::Equal)))
        }
        Numbering::Build => match offer.version.major().cmp(&installed.major()) {
            // Builds only rise within a major version (inferred from all that are known).
            Ordering::Equal => builds(),
            other => Some(other),
        },
    }
}

#[cfg(test)]
mod tests;
