//! The book of golden images: what is being installed for whom, which virtual machines are corporate, and what was lifted.
//! Pure.
//!
//! ```text
//!  ordered ─> fetching ─> placing ─> placed ─> registering ─> unpacking ─> done
//!     └──────────┴───────────┴─────────┴────────────┴─────────────┴─────> failed
//! ```
//! Who drives it stores the book before it acts on a step, so that a crash between any two is told from the book and from
//! what Parallels shows: a step that may have happened is looked for before it is made again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::domain::ids::{ImageId, Uid, VmId};
use crate::domain::keyed::Keyed as _;
use crate::state::document::Kept;
use crate::wire::codes::ProblemCode;

/// How often a download whose bytes were put together from several answers is begun anew before it counts as wrong.
const MISMATCHES: u32 = 2;

/// The first and the longest pause before something that may pass is tried again.
const RETRY: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(2), SignedDuration::from_mins(15));

/// How long what ended is shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Who ordered an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The user.
    User,
    /// The portal.
    Portal,
}

/// How far an installation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was done yet.
    Ordered,
    /// The file is being fetched.
    Fetching,
    /// It is being copied or unpacked into the user's folder, under a name of its own.
    Placing,
    /// It lies there under that name, and gets its final one.
    Placed {
        /// The name while it was written.
        draft: String,
        /// The final one.
        bundle: String,
    },
    /// It is being added to the user's list.
    Registering {
        /// The bundle.
        bundle: String,
        /// None in what was remembered before that was.
        attempt: Option<Attempt>,
    },
    /// Parallels unpacks it.
    Unpacking {
        /// Which.
        vm: VmId,
        /// Whether it came packed at all.
        packed: bool,
    },
    /// It is there.
    Done {
        /// Which.
        vm: VmId,
        /// Since when.
        at: Timestamp,
    },
    /// It failed for good.
    Failed {
        /// The kind.
        code: ProblemCode,
        /// Why, in words that may travel.
        why: String,
        /// When.
        at: Timestamp,
    },
}

/// By what the machine that is made from a bundle is told from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The virtual machines from before the bundle had its name, of all users who could be asked.
    pub before: BTreeSet<VmId>,
}

/// What was there when a restriction was lifted, of users whose lists were not read since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// When it was lifted.
    pub since: Timestamp,
    /// The virtual machines of all users whose lists were read then.
    pub before: BTreeSet<VmId>,
}

impl Stage {
    /// For people and programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ordered => "waiting",
            Self::Fetching => "downloading",
            Self::Placing | Self::Placed { .. } => "copying",
            Self::Registering { .. } => "registering",
            Self::Unpacking { .. } => "unpacking",
            Self::Done { .. } => "installed",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// What of an image an installation is about; the assignment may change meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The image.
    pub image: ImageId,
    /// Its name.
    pub name: String,
    /// Where its file is.
    pub url: String,
    /// The file's digest.
    pub sha256: Digest,
    /// The file's size in bytes.
    pub size: u64,
    /// Its size in bytes when unpacked.
    pub unpacked_size: u64,
}

/// An installation for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// What is installed.
    pub of: Subject,
    /// Who ordered it.
    pub by: By,
    /// When.
    pub ordered_at: Timestamp,
    /// Not before this time: the next try, or this Mac's part of a spread.
    pub not_before: Timestamp,
    /// How far it is.
    pub stage: Stage,
    /// Tries in a row that got no further.
    pub failures: u32,
    /// Of these those that are tried a number of times alone.
    #[serde(default)]
    pub refusals: u32,
    /// How often the file had another digest.
    pub mismatches: u32,
    /// What it waits for.
    pub waits: Option<(ProblemCode, String)>,
}

/// Where a corporate virtual machine comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The image.
    pub image: ImageId,
    /// What it was called then; none in what was remembered before that was.
    #[serde(default)]
    pub name: Option<String>,
    /// The digest of its file.
    pub sha256: Digest,
    /// For whom it was installed.
    pub user: Uid,
    /// When.
    pub at: Timestamp,
}

/// The document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The last installation for each user.
    pub installs: BTreeMap<Uid, Install>,
    /// The corporate virtual machines.
    pub lineage: BTreeMap<VmId, Lineage>,
    /// Virtual machines that somebody else added while the restriction was lifted.
    pub intruders: BTreeSet<VmId>,
    /// When the last of those was noted.
    #[serde(default)]
    pub noted_at: Option<Timestamp>,
    /// `restrict.add_vm` is lifted, and has to be put back.
    pub lifted: bool,
    /// By user: what of theirs is new was added while it was lifted. Until their lists are read again.
    #[serde(default)]
    pub unseen: BTreeMap<Uid, Unseen>,
    /// A policy was assigned when it was lifted: once that is gone, what is to hold is what stood before it.
    #[serde(default)]
    pub lifted_under_policy: bool,
}

impl Kept for Book {
    const NAME: &'static str = "images.json";
}

impl Book {
    /// Takes an order. One that is under way for this user goes on, unless it [gives way](Self::gives_way) to the user's own;
    /// whether this is a new one.
    pub fn order(
        &mut self,
        user: Uid,
        of: Subject,
        by: By,
        (now, not_before): (Timestamp, Timestamp),
    ) -> bool {
        let gives_way = by == By::User && self.gives_way(user);
        if self.is_busy(user) && !gives_way {
            return false;
        }
        let install = Install {
            of,
            by,
            ordered_at: now,
            not_before,
            stage: Stage::Ordered,
            failures: 0,
            refusals: 0,
            mismatches: 0,
            waits: None,
        };
        self.installs.insert(user, install);
        true
    }

    /// Whether an installation for this user is under way.
    #[must_use]
    pub fn is_busy(&self, user: Uid) -> bool {
        self.installs.get(&user).is_some_and(|install| !install.stage.is_over())
    }

    /// The file of this very order is being fetched. False where another order took its place.
    pub fn begin(&mut self, user: Uid, order: &Install) -> bool {
        let is_same = self.is_same(user, order);
        if is_same && self.installs.get(&user).is_some_and(|install| install.stage == Stage::Ordered) {
            self.advance(user, Stage::Fetching);
        }
        is_same
    }

    /// Whether the installation for this user is still the one that was ordered so, whatever became of it.
    #[must_use]
    pub fn is_same(&self, user: Uid, order: &Install) -> bool {
        let install = self.installs.get(&user);
        install.is_some_and(|install| (install.ordered_at, install.by) == (order.ordered_at, order.by))
    }

    /// Whether the portal's order for this user has not begun, so that the user's own comes first: a spread keeps a group apart, and
    /// nobody from what they ask for.
    #[must_use]
    pub fn gives_way(&self, user: Uid) -> bool {
        let waits = |install: &Install| install.by == By::Portal && install.stage == Stage::Ordered;
        self.installs.get(&user).is_some_and(waits)
    }

    /// The installation to work on: the oldest one whose time has come. A time further away than it can be set was set
    /// before the clock was set back.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Uid> {
        let due = self.open().filter(|(_, install)| {
            let left = install.not_before.duration_since(now);
            !left.is_positive() || (install.failures > 0 && left > RETRY.1)
        });
        due.min_by_key(|(user, install)| (install.ordered_at, **user)).map(|(user, _)| *user)
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.open().map(|(_, install)| install.not_before).min()
    }

    fn open(&self) -> impl Iterator<Item = (&Uid, &Install)> {
        self.installs.iter().filter(|(_, install)| !install.stage.is_over())
    }

    /// The digests of the files that are still needed.
    #[must_use]
    pub fn wanted(&self) -> Vec<Digest> {
        let wanted: BTreeSet<_> = self.open().map(|(_, install)| install.of.sha256).distinct();
        wanted.into_iter().collect()
    }

    /// A step was made.
    pub fn advance(&mut self, user: Uid, stage: Stage) {
        if let Some(install) = self.installs.get_mut(&user) {
            // Entering the same stage again is no progress.
            if install.stage.name() != stage.name() {
                (install.failures, install.refusals) = (0, 0);
            }
            (install.stage, install.waits) = (stage, None);
        }
    }

    /// It waits for something, and is looked at again after a pause that grows with each time.
    pub fn wait(&mut self, user: Uid, code: ProblemCode, why: String, now: Timestamp) {
        if let Some(install) = self.installs.get_mut(&user) {
            let pause = RETRY.0.checked_mul(1 << install.failures.min(10)).unwrap_or(RETRY.1).min(RETRY.1);
            install.failures = install.failures.saturating_add(1);
            install.not_before = now.checked_add(pause).unwrap_or(now);
            install.waits = Some((code, why));
        }
    }

    /// A step was refused once more without a reason that is known to pass: how often in a row.
    pub fn refuse(&mut self, user: Uid) -> u32 {
        let Some(install) = self.installs.get_mut(&user) else { return u32::MAX };
        install.refusals = install.refusals.saturating_add(1);
        install.refusals
    }

    /// Bytes came: the pauses are short again.
    pub fn got_further(&mut self, user: Uid) {
        if let Some(install) = self.installs.get_mut(&user) {
            (install.failures, install.refusals) = (0, 0);
        }
    }

    /// The image is assigned with another file now.
    pub fn replace(&mut self, user: Uid, of: Subject) {
        if let Some(install) = self.installs.get_mut(&user) {
            (install.of, install.stage, install.mismatches) = (of, Stage::Ordered, 0);
            (install.failures, install.refusals) = (0, 0);
        }
    }

    /// The file had another digest. Whether it is worth another try.
    pub fn mismatch(&mut self, user: Uid) -> bool {
        let Some(install) = self.installs.get_mut(&user) else { return false };
        install.mismatches = install.mismatches.saturating_add(1);
        install.mismatches < MISMATCHES
    }

    /// It failed for good.
    pub fn fail(&mut self, user: Uid, code: ProblemCode, why: String, now: Timestamp) {
        self.advance(user, Stage::Failed { code, why, at: now });
    }

    /// The virtual machine was added: it is corporate from now on.
    pub fn registered(&mut self, user: Uid, vm: VmId, packed: bool, now: Timestamp) {
        if let Some(install) = self.installs.get(&user) {
            let (image, sha256, name) = (install.of.image, install.of.sha256, Some(install.of.name.clone()));
            self.lineage.insert(vm, Lineage { image, name, sha256, user, at: now });
        }
        self.advance(user, Stage::Unpacking { vm, packed });
    }

    /// Forgets virtual machines that are gone, and installations that ended long ago. `there` are all that there were at
    /// `seen_at`, told by everyone; a list from before a machine was added says nothing about it.
    pub fn forget(&mut self, there: &BTreeSet<VmId>, seen_at: Timestamp, now: Timestamp) {
        self.lineage.retain(|vm, lineage| there.contains(vm) || lineage.at >= seen_at);
        let young = self.noted_at.is_some_and(|noted_at| noted_at >= seen_at);
        self.intruders.retain(|vm| there.contains(vm) || young);
        self.installs.retain(|_, install| match &install.stage {
            Stage::Done { at, .. } | Stage::Failed { at, .. } => now.duration_since(*at) < SHOWN,
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ADA: Uid = Uid(501);
    const BOB: Uid = Uid(502);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    fn subject(number: u128) -> Subject {
        Subject {
            image: ImageId::of(Uuid::from_u128(number)),
            name: "Windows".to_owned(),
            url: "https://images.example/a.pvmp".to_owned(),
            sha256: Digest::of(&number.to_be_bytes()),
            size: 10,
            unpacked_size: 20,
        }
    }

    fn vm(number: u128) -> VmId {
        VmId::of(Uuid::from_u128(number))
    }

    #[test]
    fn waiting_for_what_passes_uses_up_no_try() {
        let mut book = Book::default();
        book.order(ADA, subject(1), By::User, (at(0), at(0)));
        for second in 0..20 {
            book.wait(ADA, ProblemCode::ImageNotFit, "the battery is at 9 %".to_owned(), at(second));
        }
        assert_eq!([book.refuse(ADA), book.refuse(ADA)], [1, 2]);
        book.got_further(ADA);
        assert_eq!(book.refuse(ADA), 1);
        book.advance(ADA, Stage::Fetching);
        assert_eq!(book.refuse(ADA), 1, "another stage, another count");
    }

    #[test]
    fn one_installation_a_user_and_the_oldest_first() {
        let mut book = Book::default();
        assert!(book.order(BOB, subject(1), By::User, (at(0), at(0))));
        assert!(book.order(ADA, subject(2), By::Portal, (at(1), at(60))));
        assert!(!book.order(BOB, subject(2), By::User, (at(2), at(2))), "it is busy");
        assert_eq!((book.due(at(2)), book.next_due()), (Some(BOB), Some(at(0))));
        book.advance(BOB, Stage::Done { vm: vm(1), at: at(3) });
        assert_eq!((book.due(at(3)), book.due(at(60))), (None, Some(ADA)));
        assert!(book.order(BOB, subject(2), By::User, (at(4), at(4))), "it may be ordered again");
        assert_eq!(book.wanted(), [subject(2).sha256]);
    }

    #[test]
    fn a_users_own_order_comes_before_the_portals_that_has_not_begun() {
        let mut book = Book::default();
        assert!(book.order(ADA, subject(1), By::Portal, (at(0), at(3600))));
        assert!(
            !book.order(ADA, subject(1), By::Portal, (at(1), at(7200))),
            "ordered again it keeps its place"
        );
        assert!(book.order(ADA, subject(2), By::User, (at(2), at(2))));
        assert_eq!((book.due(at(2)), book.gives_way(ADA)), (Some(ADA), false));
        book.order(BOB, subject(1), By::Portal, (at(0), at(0)));
        let portals = book.installs[&BOB].clone();
        assert!(book.begin(BOB, &portals));
        assert!(!book.order(BOB, subject(2), By::User, (at(3), at(3))), "it has begun");
        let first = Install { by: By::Portal, ..book.installs[&ADA].clone() };
        assert!(!book.begin(ADA, &first), "another order took its place");
        assert_eq!(book.installs[&ADA].stage, Stage::Ordered);
    }

    #[test]
    fn pauses_grow_and_bytes_make_them_short_again() {
        let mut book = Book::default();
        book.order(ADA, subject(1), By::User, (at(0), at(0)));
        let mut pauses = Vec::new();
        for _ in 0..11 {
            book.wait(ADA, ProblemCode::ImageUnavailable, "x".to_owned(), at(0));
            pauses.push(book.installs[&ADA].not_before.duration_since(at(0)).as_secs());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(book.due(at(-1000)), Some(ADA), "a clock set back does not make it wait for longer");
        book.got_further(ADA);
        book.wait(ADA, ProblemCode::ImageUnavailable, "x".to_owned(), at(0));
        assert_eq!(book.installs[&ADA].not_before, at(2));
    }

    #[test]
    fn a_wrong_digest_is_tried_once_more() {
        let mut book = Book::default();
        book.order(ADA, subject(1), By::User, (at(0), at(0)));
        assert!(book.mismatch(ADA));
        assert!(!book.mismatch(ADA));
    }

    #[test]
    fn what_is_registered_is_corporate_until_it_is_gone() {
        let mut book = Book::default();
        book.order(ADA, subject(1), By::User, (at(0), at(0)));
        book.registered(ADA, vm(7), true, at(1));
        book.intruders.insert(vm(8));
        assert_eq!(book.lineage[&vm(7)].image, subject(1).image);
        book.forget(&BTreeSet::from([vm(8)]), at(1), at(2));
        assert!(book.lineage.contains_key(&vm(7)), "a list from before it was added does not count");
        book.advance(ADA, Stage::Done { vm: vm(7), at: at(3) });
        book.forget(&BTreeSet::from([vm(7)]), at(4), at(4));
        assert!(book.lineage.contains_key(&vm(7)) && book.intruders.is_empty());
        book.forget(&BTreeSet::new(), at(5), at(5));
        assert!(book.lineage.is_empty());
        assert!(book.installs.contains_key(&ADA));
        book.forget(&BTreeSet::new(), at(700_000), at(700_000));
        assert!(book.installs.is_empty());
    }

    #[test]
    fn every_stage_survives_the_disk() {
        for stage in [
            Stage::Ordered,
            Stage::Placed { draft: "a".to_owned(), bundle: "b".to_owned() },
            Stage::Registering {
                bundle: "b".to_owned(),
                attempt: Some(Attempt { before: BTreeSet::from([vm(1)]) }),
            },
            Stage::Failed { code: ProblemCode::ImageInstallFailed, why: "x".to_owned(), at: at(1) },
        ] {
            let text = serde_json::to_string(&stage).unwrap();
            assert_eq!(serde_json::from_str::<Stage>(&text).unwrap(), stage);
        }
    }
}
