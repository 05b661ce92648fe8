//! The imager: installs golden images that were ordered, one at a time.
//!
//! In go the book, into which the [`Counter`] enters orders, and the board; out comes [`Imaging`](super::imaging::Imaging) for
//! the board. It is a loop of its own beside the tasks, because a download takes hours and shows how far it is meanwhile. Each turn
//! looks at the book alone, so that boot, a retry and a new order take the same path. A restriction that a crash left lifted is put
//! back before anything else, and until that was tried nobody looks at the service.

use std::cell::Cell;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::board::{Board, Part};
use super::imaging::{Counter, publish, standing};
use super::problems::Problem;
use super::ticker::Ticker;
use crate::domain::digest::Digest;
use crate::domain::ids::Uid;
use crate::domain::keyed::Keyed as _;
use crate::error::Chain;
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::{Changed, Runner};
use crate::hypervisor::users::LocalUser;
use crate::hypervisor::{images, outcome};
use crate::images::book::{Install, Stage};
use crate::images::install::Installer;
use crate::images::keeper::Keeper;
use crate::images::offer::source;
use crate::images::power::{Feed, Fitness, fitness, parse_awake, parse_feed};
use crate::images::transfer::{Manner, Source, TransferError, Vault};
use crate::images::trouble::{Again, Trouble};
use crate::state::{StateError, Store};
use crate::wire::assignment::{Assignment, ImageFile};
use crate::wire::codes::ProblemCode;

/// How often a download tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How soon a turn is made again whose result could not be stored.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How often an answer that is no file is asked for again.
const ANSWERS: u32 = 6;

/// What the imager stands on.
pub struct Ground {
    /// The documents.
    pub store: Arc<Store>,
    /// The tools.
    pub runner: Arc<Runner>,
    /// The wall clock.
    pub ticker: Ticker,
    /// The agent's own executable, which puts images into users' folders as them.
    pub program: PathBuf,
    /// The board.
    pub board: watch::Sender<Board>,
}

/// The imager.
pub struct Imager {
    store: Arc<Store>,
    runner: Arc<Runner>,
    ticker: Ticker,
    board: watch::Sender<Board>,
    installer: Installer,
    vault: Result<Vault, String>,
    not_restored: Option<String>,
    write_failed: Option<String>,
    /// The files that the folder was last tidied for.
    kept: Option<Vec<Digest>>,
}

/// How a turn ended.
enum Turn {
    /// There may be more to do.
    More,
    /// Nothing before this time, an order, or another board.
    Rest(Option<Timestamp>),
}

impl Imager {
    /// An imager that goes on where its documents are. With it comes the damage that was found.
    ///
    /// # Errors
    /// When the system does not let the book be read.
    pub fn open(ground: Ground) -> Result<(Self, Vec<Problem>), StateError> {
        let Ground { store, runner, ticker, program, board } = ground;
        let (keeper, lost) = Keeper::open(Arc::clone(&store))?;
        let mut damage: Vec<_> = lost.iter().map(Problem::of_damage).collect();
        // Without its folder nothing is fetched, and everything else goes on.
        let vault =
            Vault::open(runner.paths(), Arc::clone(&store)).map_err(|error| Chain(&error).to_string());
        let vault = vault.map(|(vault, lost)| {
            damage.extend(lost.iter().map(Problem::of_damage));
            vault
        });
        let installer = Installer::new(Arc::clone(&runner), program, Arc::new(ticker.clone()), keeper);
        let (not_restored, write_failed, kept) = (None, None, None);
        let imager =
            Self { store, runner, ticker, board, installer, vault, not_restored, write_failed, kept };
        imager.publish();
        Ok((imager, damage))
    }

    /// Puts back what a crash left lifted. To be awaited before anyone looks at the service.
    pub async fn recover(&mut self) {
        if self.installer.book().lifted {
            tracing::warn!("a restriction was lifted when the agent ended; it is put back");
            self.put_back().await;
        }
    }

    /// Where images are ordered for this imager.
    #[must_use]
    pub fn counter(&self) -> Counter {
        Counter::new(self.installer.keeper().clone(), self.board.clone())
    }

    /// Runs until it is dropped, which ends what runs and loses nothing.
    pub async fn run(mut self) {
        let mut changes = self.board.subscribe();
        loop {
            changes.mark_unchanged();
            self.tidy();
            let turn = self.turn().await;
            self.publish();
            let Turn::Rest(until) = turn else { continue };
            let mut ticker = self.ticker.clone();
            let rested = async {
                match until {
                    Some(until) => ticker.until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changes.changed() => {}
                () = rested => {}
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        if self.installer.book().lifted {
            self.put_back().await;
            if self.installer.book().lifted {
                return self.rest_until(WRITE_AGAIN);
            }
        }
        self.forget();
        self.look_back();
        let (now, book) = (self.ticker.now(), self.installer.book());
        let due = book.due(now).and_then(|user| Some((user, book.installs.get(&user)?)));
        let Some((user, order)) = due else { return Turn::Rest(book.next_due()) };
        let worked = self.work(user, order.clone()).await;
        let before = order.clone();
        let noted = match worked {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.board.send_modify(Board::look_again);
                Ok(())
            }
            // What befell an order says nothing about the one that took its place.
            Err(_) if !self.installer.book().is_same(user, order) => Ok(()),
            Err(trouble) => {
                tracing::warn!(code = %trouble.code, why = trouble.why, "a golden image is not installed yet");
                let noted = self.installer.note(user, trouble);
                self.clear_up(user, &before).await;
                noted
            }
        };
        self.write_failed = noted.err().map(|error| Chain(&error).to_string());
        if self.write_failed.is_some() { self.rest_until(WRITE_AGAIN) } else { Turn::More }
    }

    /// What failed for good leaves no half of a copy in the user's folder.
    async fn clear_up(&self, uid: Uid, order: &Install) {
        let book = self.installer.book();
        let failed =
            book.installs.get(&uid).is_some_and(|install| matches!(install.stage, Stage::Failed { .. }));
        let Some(user) = self.user(uid).ok().filter(|_| failed) else { return };
        if let Err(trouble) = self.installer.discard(&user, order).await {
            tracing::warn!(why = trouble.why, "half of a golden image stays in a user's folder");
        }
    }

    fn rest_until(&self, pause: SignedDuration) -> Turn {
        let now = self.ticker.now();
        Turn::Rest(Some(now.checked_add(pause).unwrap_or(now)))
    }

    /// Makes the next step of an installation. Whether more of it follow.
    async fn work(&mut self, uid: Uid, install: Install) -> Result<bool, Trouble> {
        let user = self.user(uid)?;
        self.open_again();
        let to_fetch = matches!(install.stage, Stage::Ordered | Stage::Fetching | Stage::Placing);
        let install = if to_fetch { self.still_wanted(&user, install).await? } else { install };
        if to_fetch || matches!(install.stage, Stage::Unpacking { packed: true, .. }) {
            is_fit(&self.runner).await?;
        }
        if to_fetch {
            self.has_space(&user, &install).await?;
            let is_here = self.fetch(uid, &install).await?;
            if !is_here || self.still_wanted(&user, install.clone()).await?.of != install.of {
                return Ok(true);
            }
        }
        self.publish();
        let image = self.vault()?.path(install.of.sha256);
        let under_policy = self.board.borrow().enforcement.effective.policy_assigned;
        self.installer.step(&user, &image, under_policy).await
    }

    /// Opens the folder of the downloads where that failed before: the disk may have been full.
    fn open_again(&mut self) {
        if self.vault.is_err() {
            let opened = Vault::open(self.runner.paths(), Arc::clone(&self.store));
            self.vault = opened.map_err(|error| Chain(&error).to_string()).map(|(vault, lost)| {
                if let Some(lost) = lost {
                    tracing::warn!(damage = %Chain(&lost), "what was known of downloads is lost");
                }
                vault
            });
        }
    }

    fn user(&self, uid: Uid) -> Result<LocalUser, Trouble> {
        let board = self.board.borrow();
        let mut listings = board.observation.inventory.listings.iter();
        let listing = listings.find(|listing| listing.user.uid == uid);
        match listing {
            Some(listing) if matches!(listing.answer, outcome::Answer::NotLoggedIn) => {
                Err(Trouble::passing(ProblemCode::UserNotLoggedIn, "the user is not logged in"))
            }
            Some(listing) => Ok(listing.user.clone()),
            None => Err(Trouble::passing(ProblemCode::UserNotLoggedIn, "the user is not to be found yet")),
        }
    }

    /// The installation as the assignment of now has it: with another file where it names another, and not at all where
    /// it [does not stand](standing) any more.
    async fn still_wanted(&mut self, user: &LocalUser, install: Install) -> Result<Install, Trouble> {
        let of = standing(&self.board.borrow(), user.uid, &install.of)
            .map_err(|why| Trouble::lasting(ProblemCode::ImageInstallFailed, why))?;
        if of == install.of {
            return Ok(install);
        }
        self.installer.discard(user, &install).await?;
        self.installer.change(|book| book.replace(user.uid, of.clone()))?;
        Ok(Install { of, stage: Stage::Ordered, ..install })
    }

    async fn has_space(&mut self, user: &LocalUser, install: &Install) -> Result<(), Trouble> {
        let present = self.vault()?.present(install.of.sha256);
        self.installer.has_space(user, install, present).await
    }

    /// Fetches what is missing of the file. It stops where the Mac is not fit any more, and where what was ordered or how it
    /// is to be fetched has changed; whether the file is here.
    async fn fetch(&mut self, uid: Uid, install: &Install) -> Result<bool, Trouble> {
        let (source, manner) = (wanted(install)?, manner(&self.board.borrow()));
        if !self.installer.change(|book| book.begin(uid, install))? {
            return Ok(false);
        }
        self.publish();
        let Self { runner, ticker, board, installer, vault, .. } = self;
        let vault =
            vault.as_mut().map_err(|why| Trouble::passing(ProblemCode::StateWriteFailed, why.clone()))?;
        let before = vault.present(source.sha256);
        let at = Cell::new(before);
        let ended = tokio::select! {
            fetched = vault.fetch(&source, &manner, |bytes| at.set(bytes)) => Ended::Fetch(fetched),
            trouble = until_unfit(runner, ticker.clone()) => Ended::Unfit(trouble),
            () = until_changed(board.subscribe(), (uid, install), &manner) => return Ok(false),
            never = keep_telling(board, uid, &at) => match never {},
        };
        if vault.present(source.sha256) > before {
            installer.change(|book| book.got_further(uid))?;
        }
        let error = match ended {
            Ended::Fetch(Ok(())) => return Ok(true),
            Ended::Fetch(Err(error)) => error,
            Ended::Unfit(trouble) => return Err(trouble),
        };
        let again = matches!(error, TransferError::Mismatch { mixed: true })
            && installer.change(|book| book.mismatch(uid))?;
        Err(trouble(&error, again))
    }

    /// Puts back what is lifted. Where the policy that it was lifted under is gone, what stood before that is to hold, which
    /// the enforcer puts back from its record.
    async fn put_back(&mut self) {
        if self.installer.book().lifted_under_policy && policy_is_gone(&self.board.borrow()) {
            let left = self.installer.change(|book| book.lifted = false);
            self.not_restored = left.err().map(|error| Chain(&error).to_string());
            self.publish();
            return;
        }
        let runner = Arc::clone(&self.runner);
        let _unseen = runner.begin_changes(Changed::Service);
        self.not_restored = self.installer.put_back().await.err().map(|trouble| trouble.why);
        self.publish();
    }

    /// Looks at what was added while a restriction was lifted, once the observer has listed it: after a crash, or where a user
    /// could not be asked. Nobody lists while it is lifted.
    fn look_back(&mut self) {
        let (board, book) = (self.board.borrow().clone(), self.installer.book());
        let observation = &board.observation;
        let last = book.unseen.values().map(|unseen| unseen.since).max();
        if last.is_some_and(|last| observation.listed_at.is_some_and(|listed_at| listed_at > last))
            && let Err(error) = self.installer.look_back(&observation.inventory)
        {
            self.write_failed = Some(Chain(&error).to_string());
        }
    }

    /// Forgets what every user's list says is gone.
    fn forget(&mut self) {
        let board = self.board.borrow().clone();
        let observation = &board.observation;
        let complete = matches!(observation.listed, Answer::Known(())) && observation.inventory.is_complete();
        if complete {
            let there = observation.inventory.vms.keys().copied().distinct();
            let (now, seen_at) = (self.ticker.now(), observation.listed_at);
            let forgotten = self.installer.change(|book| book.forget(&there, seen_at.unwrap_or(now), now));
            self.write_failed = forgotten.err().map(|error| Chain(&error).to_string());
        }
    }

    /// Removes files that nobody needs any more, once for each change of what is needed: also what failed leaves none.
    fn tidy(&mut self) {
        let wanted = self.installer.book().wanted();
        let Ok(vault) = &mut self.vault else { return };
        if self.kept.as_ref() == Some(&wanted) {
            return;
        }
        match vault.keep_only(&wanted) {
            Ok(()) => self.kept = Some(wanted),
            Err(error) => {
                let error = Chain(&error);
                tracing::warn!(%error, "cannot remove a golden image that is not needed any more");
            }
        }
    }

    fn vault(&self) -> Result<&Vault, Trouble> {
        self.vault.as_ref().map_err(|why| Trouble::passing(ProblemCode::StateWriteFailed, why.clone()))
    }

    /// With how many bytes are here, which the folder tells after a restart as well.
    fn publish(&self) {
        let book = self.installer.book();
        let present = |(uid, install): (&Uid, &Install)| {
            let vault = self.vault.as_ref().ok()?;
            (!install.stage.is_over()).then(|| (*uid, vault.present(install.of.sha256)))
        };
        let bytes = book.installs.iter().filter_map(present).keyed();
        let (not_restored, write_failed) = (self.not_restored.clone(), self.write_failed.clone());
        publish(&self.board, self.installer.keeper(), |imaging| {
            (imaging.bytes, imaging.not_restored, imaging.write_failed) = (bytes, not_restored, write_failed);
        });
    }
}

/// How a download ended.
enum Ended {
    /// By itself.
    Fetch(Result<(), TransferError>),
    /// The Mac is not fit any more.
    Unfit(Trouble),
}

/// Tells how far a download is for as long as it is under way.
async fn keep_telling(board: &watch::Sender<Board>, uid: Uid, at: &Cell<u64>) -> Infallible {
    let mut told = at.get();
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        if at.get() != told {
            told = at.get();
            board.send_modify(|board| {
                let mut imaging = (*board.imaging).clone();
                imaging.bytes.insert(uid, told);
                board.imaging = Part::new(imaging);
            });
        }
    }
}

/// Resolves when the download is to be looked at afresh: what was ordered does not stand any more, is another file by now,
/// or is to be fetched in another manner.
async fn until_changed(
    mut changes: watch::Receiver<Board>,
    (uid, install): (Uid, &Install),
    manner_now: &Manner,
) {
    loop {
        let board = changes.borrow_and_update().clone();
        let stands = standing(&board, uid, &install.of).is_ok_and(|of| of == install.of);
        if !stands || manner(&board) != *manner_now || changes.changed().await.is_err() {
            return;
        }
    }
}

/// Whether the portal says that there is no policy; without an assignment nobody says so.
fn policy_is_gone(board: &Board) -> bool {
    let assignment = board.assigned.assignment.as_ref();
    let is_gone = |assignment: &Assignment| assignment.retired || assignment.policy.is_none();
    assignment.is_some_and(is_gone) || board.lifts_policy() || board.assigned.taken_away
}

/// What to fetch for an installation.
fn wanted(install: &Install) -> Result<Source, Trouble> {
    let of = &install.of;
    let file =
        ImageFile { url: of.url.clone(), sha256: of.sha256, size: of.size, unpacked_size: of.unpacked_size };
    source(&file)
        .ok_or_else(|| Trouble::lasting(ProblemCode::ImageUnavailable, "its address is no web address"))
}

fn manner(board: &Board) -> Manner {
    let delivery = board.assigned.assignment.as_ref().and_then(|assignment| assignment.image_delivery);
    let preferences = board.profile.preferences.as_ref();
    Manner {
        ca: preferences.and_then(|preferences| preferences.portal_ca.value().cloned()),
        bytes_per_s: delivery.and_then(|delivery| delivery.bytes_per_s),
    }
}

/// Whether heavy work may be done now. A Mac whose tools do not say is taken for fit.
async fn is_fit(runner: &Runner) -> Result<(), Trouble> {
    let paths = runner.paths();
    let feed = runner.stdout_of(&images::battery(paths)).await;
    let feed = feed.map_or(Feed { mains: true, charge: None }, |output| parse_feed(&output));
    let awake = runner.stdout_of(&images::system_state(paths)).await;
    let awake = awake.map_or(true, |output| parse_awake(&output));
    match fitness(feed, awake) {
        Fitness::Fit => Ok(()),
        Fitness::LowBattery(charge) => {
            Err(Trouble::passing(ProblemCode::ImageNotFit, format!("the battery is at {charge} %")))
        }
        Fitness::HalfAwake => Err(Trouble::passing(ProblemCode::ImageNotFit, "the Mac is half asleep")),
    }
}

/// Resolves when the Mac is not fit any more, looked at on every tick.
async fn until_unfit(runner: &Runner, mut ticker: Ticker) -> Trouble {
    loop {
        ticker.tick().await;
        if let Err(trouble) = is_fit(runner).await {
            return trouble;
        }
    }
}

fn trouble(error: &TransferError, again: bool) -> Trouble {
    let why = Chain(error).to_string();
    match error {
        TransferError::Mismatch { .. } if again => Trouble::passing(ProblemCode::ImageDigestWrong, why),
        TransferError::Mismatch { .. } => Trouble::lasting(ProblemCode::ImageDigestWrong, why),
        TransferError::Disk(source) if source.kind() == std::io::ErrorKind::StorageFull => {
            Trouble::passing(ProblemCode::ImageNoSpace, why)
        }
        // It may be somebody's on the way, and not the server's.
        TransferError::Answer(_) if !error.may_pass() => {
            Trouble { code: ProblemCode::ImageUnavailable, why, again: Again::Times(ANSWERS) }
        }
        error if error.may_pass() => Trouble::passing(ProblemCode::ImageUnavailable, why),
        _ => Trouble::lasting(ProblemCode::ImageUnavailable, why),
    }
}

/// The executable of this process, or the one that is installed.
#[must_use]
pub fn own_executable(installed: &Path) -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| installed.to_owned())
}
