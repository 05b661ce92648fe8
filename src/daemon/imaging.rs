//! Golden images on the board: what is offered here and to whom, and the orders that follow from it.
//!
//! In goes the board; out come offers, orders for the [`Imager`](super::imager::Imager), and what screens and the portal
//! see of them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use super::board::Board;
use super::observer::Observation;
use crate::catalog::Key;
use crate::control::view::{ImageUserView, ImageView, ImagesView, InstallView, MachineView};
use crate::domain::digest::Digest;
use crate::domain::host::Arch;
use crate::domain::ids::{DeviceId, Uid, VmId};
use crate::domain::version::POLICY_GATE;
use crate::hypervisor::outcome::Answer;
use crate::images::book::{Book, By, Install, Lineage, Stage, Subject};
use crate::images::offer::{self, Candidate, Mac, Offer, WhyNot, choose, offers};
use crate::wire::assignment::{GoldenImage, ImageFile};
use crate::wire::checkin::ImageProgress;

/// The settings by which a profile names an image.
const PROFILE_IMAGES: [(&str, Arch); 2] = [("image.arm64", Arch::Arm64), ("image.x86_64", Arch::X86)];

/// How many orders may wait.
const QUEUE: usize = 16;

/// The part of the board: what the imager is at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imaging {
    /// The book as it is stored.
    pub book: Book,
    /// How many bytes of a user's image are here.
    pub bytes: BTreeMap<Uid, u64>,
    /// Why a restriction that was lifted is not back.
    pub not_restored: Option<String>,
    /// Why a document could not be written.
    pub write_failed: Option<String>,
}

/// An installation that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// For whom.
    pub user: Uid,
    /// Of what.
    pub of: Subject,
    /// Who wants it.
    pub by: By,
    /// When it was ordered.
    pub at: Timestamp,
    /// Not before this time.
    pub not_before: Timestamp,
}

/// Where orders are given.
#[derive(Debug, Clone)]
pub struct Counter {
    orders: mpsc::Sender<Order>,
    board: watch::Receiver<Board>,
}

/// Why an order is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The policy assigns no image, or none that is called so.
    #[error("no golden image of that name is assigned to this Mac; `meridian images` lists those that are")]
    NoImage,
    /// The caller is no user of Parallels Desktop.
    #[error("there is no such user of Parallels Desktop on this Mac; name one with --user")]
    NoUser,
    /// It is not offered to this user.
    #[error("it is not offered: {0}")]
    NotOffered(WhyNot),
    /// Too many orders wait.
    #[error("too many installations wait; try again later")]
    Busy,
}

/// Offers made from the board, and what they are made of.
pub struct Assortment {
    images: Vec<GoldenImage>,
    mac: Mac,
    candidates: Vec<Candidate>,
}

impl Assortment {
    /// What is offered by this board.
    #[must_use]
    pub fn of(board: &Board) -> Self {
        // Images come with the policy, and go with it while it is lifted.
        let assignment = board.assigned.assignment.as_ref().filter(|_| !board.lifts_policy());
        Self {
            images: assignment.map(|assignment| assignment.images().to_vec()).unwrap_or_default(),
            mac: mac(board),
            candidates: candidates(&board.observation, &board.imaging.book),
        }
    }

    /// The offers.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer<'_>> {
        offers(&self.images, self.mac, &self.candidates)
    }
}

fn mac(board: &Board) -> Mac {
    let observation = &board.observation;
    let obstacle = match (&observation.parallels, &observation.service) {
        (Answer::NotInstalled, _) => Some(WhyNot::ParallelsMissing),
        (Answer::Known(version), _) if !version.reaches(POLICY_GATE) => Some(WhyNot::ParallelsTooOld),
        (Answer::TooOld(_), _) => Some(WhyNot::ParallelsTooOld),
        (_, Answer::Known(_)) => None,
        _ => Some(WhyNot::ServiceUnavailable),
    };
    Mac {
        arch: observation.host.as_ref().map_or(Arch::Arm64, |host| host.hardware.arch),
        one_per_user: board.enforcement.effective.is_on("vms.one_per_user"),
        obstacle,
    }
}

/// The users of this Mac, as offers look at them.
fn candidates(observation: &Observation, book: &Book) -> Vec<Candidate> {
    let vms = || observation.inventory.vms.values();
    let candidate = |listing: &crate::inventory::Listing| {
        let uid = listing.user.uid;
        let obstacle = match &listing.answer {
            _ if book.is_busy(uid) && !book.gives_way(uid) => Some(WhyNot::UnderWay),
            Answer::Known(_) => None,
            Answer::NotLoggedIn => Some(WhyNot::NotLoggedIn),
            _ => Some(WhyNot::CouldNotAsk),
        };
        let theirs = vms().filter(|vm| vm.owners.iter().any(|owner| owner.uid == uid));
        let has = theirs.filter_map(|vm| Some(book.lineage.get(&vm.id)?.image)).collect();
        Candidate { uid, user: listing.user.name.clone(), obstacle, has }
    };
    observation.inventory.listings.iter().map(candidate).collect()
}

impl Counter {
    /// A counter, and where its orders come out.
    #[must_use]
    pub fn new(board: watch::Receiver<Board>) -> (Self, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(QUEUE);
        (Self { orders, board }, taken)
    }

    /// Takes the order of a user for themselves; what they get.
    ///
    /// # Errors
    /// [`Declined`].
    pub fn order(&self, user: Uid, named: Option<&str>, now: Timestamp) -> Result<Subject, Declined> {
        let board = self.board.borrow().clone();
        let of = chosen(&Assortment::of(&board), user, named)?;
        self.give(Order { user, of: of.clone(), by: By::User, at: now, not_before: now })?;
        Ok(of)
    }

    /// Takes the portal's order: for the user of this name, or for everyone to whom something is offered. The names of those
    /// for whom it is taken.
    ///
    /// # Errors
    /// [`Declined`], where it is taken for nobody.
    pub fn order_for_portal(
        &self,
        user: Option<&str>,
        named: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<String>, Declined> {
        let board = self.board.borrow().clone();
        let assortment = Assortment::of(&board);
        let not_before = spread(&board, now);
        let (mut taken, mut last) = (Vec::new(), Declined::NoUser);
        for candidate in assortment.candidates.iter().filter(|each| user.is_none_or(|user| each.user == user))
        {
            let taking = chosen(&assortment, candidate.uid, named).and_then(|of| {
                self.give(Order { user: candidate.uid, of, by: By::Portal, at: now, not_before })
            });
            match taking {
                Ok(()) => taken.push(candidate.user.clone()),
                Err(declined) => last = declined,
            }
        }
        if taken.is_empty() { Err(last) } else { Ok(taken) }
    }

    /// The user of this short name.
    ///
    /// # Errors
    /// [`Declined::NoUser`].
    pub fn user(&self, name: &str) -> Result<Uid, Declined> {
        let board = self.board.borrow();
        let mut listings = board.observation.inventory.listings.iter();
        let found = listings.find(|listing| listing.user.name == name).map(|listing| listing.user.uid);
        found.ok_or(Declined::NoUser)
    }

    fn give(&self, order: Order) -> Result<(), Declined> {
        self.orders.try_send(order).map_err(|_| Declined::Busy)
    }
}

fn chosen(assortment: &Assortment, user: Uid, named: Option<&str>) -> Result<Subject, Declined> {
    let offers = assortment.offers();
    if !assortment.candidates.iter().any(|candidate| candidate.uid == user) {
        return Err(Declined::NoUser);
    }
    match choose(&offers, user, named) {
        Ok((image, file)) => Ok(subject(image, file)),
        Err(Some(why)) => Err(Declined::NotOffered(why)),
        Err(None) => Err(Declined::NoImage),
    }
}

/// What an installation remembers of an image.
#[must_use]
pub fn subject(image: &GoldenImage, file: &ImageFile) -> Subject {
    Subject {
        image: image.id,
        name: image.name.clone(),
        url: file.url.clone(),
        sha256: file.sha256,
        size: file.size,
        unpacked_size: file.unpacked_size,
    }
}

/// This Mac's place in the spread of a group, the same for every order: Macs that are ordered together begin apart.
fn spread(board: &Board, now: Timestamp) -> Timestamp {
    let assignment = board.assigned.assignment.as_ref();
    let seconds = assignment.and_then(|assignment| assignment.image_delivery).and_then(|how| how.spread_s);
    let device = assignment.map(|assignment| assignment.claims.aud);
    let wait = device.map_or(0, |device| place_in(device, seconds.unwrap_or(0)));
    now.checked_add(SignedDuration::from_secs(wait)).unwrap_or(now)
}

fn place_in(device: DeviceId, seconds: u64) -> i64 {
    let digest = Digest::of(device.to_string().as_bytes());
    let [a, b, c, d, ..] = *digest.bytes();
    let part = u64::from(u32::from_be_bytes([a, b, c, d]));
    // A week at the most; the product fits.
    let seconds = seconds.min(7 * 24 * 3600);
    i64::try_from((part * seconds) >> 32).unwrap_or(0)
}

/// What `meridian images` shows.
#[must_use]
pub fn view(board: &Board) -> ImagesView {
    let assortment = Assortment::of(board);
    let assigned = assortment.offers().into_iter().map(|offer| ImageView {
        id: Some(offer.image.id),
        name: offer.image.name.clone(),
        description: offer.image.description.clone(),
        size: offer.file.map(|file| file.size),
        unpacked_size: offer.file.map(|file| file.unpacked_size),
        why_not: offer::flaw(offer.file).map(|why| why.to_string()),
        users: offer.users.iter().map(|(user, answer)| image_user(user, *answer)).collect(),
    });
    let assignment = board.assigned.assignment.as_ref();
    let delivery = assignment.and_then(|assignment| assignment.image_delivery).unwrap_or_default();
    ImagesView {
        images: assigned.chain(named_by_profile(board)).collect(),
        bytes_per_s: delivery.bytes_per_s,
        installs: installs(board),
        machines: machines(board),
    }
}

/// The images that a profile names by their addresses alone: shown, so that it is known why they do not come.
fn named_by_profile(board: &Board) -> impl Iterator<Item = ImageView> {
    let processor = mac(board).arch;
    PROFILE_IMAGES.into_iter().filter_map(move |(name, arch)| {
        let address = board.enforcement.effective.value(Key::named(name)?)?;
        let why = if arch == processor { WhyNot::NoDigest } else { WhyNot::WrongProcessor };
        Some(ImageView {
            id: None,
            name: name.to_owned(),
            description: address.to_string(),
            size: None,
            unpacked_size: None,
            why_not: Some(why.to_string()),
            users: Vec::new(),
        })
    })
}

/// The virtual machines that were made from golden images, and from which.
fn machines(board: &Board) -> Vec<MachineView> {
    let vms = &board.observation.inventory.vms;
    let machine = |(vm, lineage): (&VmId, &Lineage)| MachineView {
        vm: *vm,
        name: vms.get(vm).map(|vm| vm.name.clone()),
        uid: lineage.user,
        image: lineage.image,
        sha256: lineage.sha256,
        at: lineage.at,
    };
    board.imaging.book.lineage.iter().map(machine).collect()
}

fn image_user(user: &Candidate, answer: Result<(), WhyNot>) -> ImageUserView {
    ImageUserView {
        uid: user.uid,
        user: user.user.clone(),
        offered: answer.is_ok(),
        why_not: answer.err().map(|why| why.to_string()),
    }
}

/// The installations, as screens show them.
#[must_use]
pub fn installs(board: &Board) -> Vec<InstallView> {
    let imaging = &board.imaging;
    let name = |uid| {
        let listings = board.observation.inventory.listings.iter();
        listings.map(|listing| &listing.user).find(|user| user.uid == uid).map(|user| user.name.clone())
    };
    let shown = |(uid, install): (&Uid, &Install)| InstallView {
        uid: *uid,
        user: name(*uid).unwrap_or_else(|| uid.to_string()),
        image: install.of.image,
        name: install.of.name.clone(),
        stage: install.stage.name().to_owned(),
        over: install.stage.is_over(),
        bytes: bytes(imaging, *uid, install),
        size: install.of.size,
        ordered_at: install.ordered_at,
        waits_until: waits_until(install),
        problem: trouble(install).map(|(code, _)| code.code().to_owned()),
        detail: trouble(install).map(|(_, why)| why.to_owned()),
        vm: match install.stage {
            Stage::Done { vm, .. } | Stage::Unpacking { vm, .. } => Some(vm),
            _ => None,
        },
    };
    imaging.book.installs.iter().map(shown).collect()
}

/// When it is tried again, or begins where the portal spread it.
fn waits_until(install: &Install) -> Option<Timestamp> {
    let is_spread = install.stage == Stage::Ordered && install.not_before > install.ordered_at;
    let waits = install.waits.is_some() || is_spread;
    (waits && !install.stage.is_over()).then_some(install.not_before)
}

/// Why an installation waits, or has failed.
#[must_use]
pub fn trouble(install: &Install) -> Option<(crate::wire::codes::ProblemCode, &str)> {
    match &install.stage {
        Stage::Failed { code, why, .. } => Some((*code, why)),
        _ => install.waits.as_ref().map(|(code, why)| (*code, why.as_str())),
    }
}

fn bytes(imaging: &Imaging, uid: Uid, install: &Install) -> u64 {
    match install.stage {
        Stage::Ordered | Stage::Fetching | Stage::Failed { .. } => {
            imaging.bytes.get(&uid).copied().unwrap_or(0).min(install.of.size)
        }
        _ => install.of.size,
    }
}

/// The installations, as the portal sees them: in steps of ten percent, so that a download is no check-in a second.
#[must_use]
pub fn progress(board: &Board) -> Vec<ImageProgress> {
    let shown = installs(board).into_iter().map(|install| ImageProgress {
        user: install.user,
        image: install.image,
        name: install.name,
        stage: install.stage,
        percent: percent(install.bytes, install.size) / 10 * 10,
        problem: install.problem.and_then(|code| code.parse().ok()),
    });
    shown.collect()
}

fn percent(bytes: u64, size: u64) -> u8 {
    let percent = u128::from(bytes) * 100 / u128::from(size.max(1));
    u8::try_from(percent.min(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_mac_has_its_place_in_the_spread(seconds in any::<u64>(), number in any::<u128>()) {
            let place = place_in(DeviceId::of(uuid::Uuid::from_u128(number)), seconds);
            prop_assert!(place == 0 || u64::try_from(place).unwrap() < seconds);
            prop_assert!(place < 7 * 24 * 3600);
        }
    }

    #[test]
    fn a_fleet_is_spread_evenly() {
        let places = (0..1000).map(|number| place_in(DeviceId::of(uuid::Uuid::from_u128(number)), 1000));
        let mut tenths = [0; 10];
        for place in places {
            tenths[usize::try_from(place / 100).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|tenth| (60..140).contains(tenth)), "{tenths:?}");
    }

    #[test]
    fn percents_end_at_a_hundred() {
        for (bytes, size, expected) in
            [(0, 0, 0), (1, 0, 100), (5, 10, 50), (u64::MAX, u64::MAX, 100), (11, 10, 100)]
        {
            assert_eq!(percent(bytes, size), expected, "{bytes} of {size}");
        }
    }
}
