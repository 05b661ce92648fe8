//! Golden images on the board: what is offered here and to whom, and the orders that follow from it.
//!
//! In goes the board; out come offers, orders for the [`Imager`](super::imager::Imager), whether an order still stands, and
//! what screens and the portal see of them.

mod counter;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::counter::{Counter, Declined};

use super::board::{Board, Part};
use super::observer::Observation;
use crate::catalog::Key;
use crate::control::view::{ImageUserView, ImageView, ImagesView, InstallView, MachineView};
use crate::domain::host::Arch;
use crate::domain::ids::{Uid, VmId};
use crate::domain::version::POLICY_GATE;
use crate::hypervisor::outcome::Answer;
use crate::images::book::{Book, Install, Lineage, Stage, Subject};
use crate::images::keeper::Keeper;
use crate::images::offer::{self, Candidate, Mac, Offer, WhyNot, offers};
use crate::wire::assignment::{GoldenImage, ImageFile};
use crate::wire::checkin::ImageProgress;

/// The settings by which a profile names an image.
const PROFILE_IMAGES: [(&str, Arch); 2] = [("image.arm64", Arch::Arm64), ("image.x86_64", Arch::X86)];

/// The part of the board: what the imager is at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imaging {
    /// The book as it is stored.
    pub book: Arc<Book>,
    /// How many bytes of a user's image are here.
    pub bytes: BTreeMap<Uid, u64>,
    /// Why a restriction that was lifted is not back.
    pub not_restored: Option<String>,
    /// Why a document could not be written.
    pub write_failed: Option<String>,
}

/// Publishes the book as it is stored at this moment, with another change.
pub fn publish(board: &watch::Sender<Board>, keeper: &Keeper, change: impl FnOnce(&mut Imaging)) {
    board.send_if_modified(|board| {
        let mut imaging = (*board.imaging).clone();
        change(&mut imaging);
        imaging.book = keeper.book();
        let Imaging { book, bytes, .. } = &mut imaging;
        bytes.retain(|uid, _| book.is_busy(*uid));
        let differs = *board.imaging != imaging;
        if differs {
            board.imaging = Part::new(imaging);
        }
        differs
    });
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
        Self::with(board, &board.imaging.book)
    }

    /// The same where the book is this one.
    fn with(board: &Board, book: &Book) -> Self {
        // Images come with the policy, and go with it while it is lifted.
        let assignment = board.assigned.assignment.as_ref().filter(|_| !board.lifts_policy());
        Self {
            images: assignment.map(|assignment| assignment.images().to_vec()).unwrap_or_default(),
            mac: mac(board),
            candidates: candidates(&board.observation, book),
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
        _ if observation.host.is_none() => Some(WhyNot::ProcessorUnknown),
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
        let seen = theirs.filter_map(|vm| Some(book.lineage.get(&vm.id)?.image));
        // Those that were made since then are in no list yet.
        let young = |lineage: &&Lineage| {
            lineage.user == uid && observation.listed_at.is_none_or(|listed_at| lineage.at >= listed_at)
        };
        let has = seen.chain(book.lineage.values().filter(young).map(|lineage| lineage.image)).collect();
        Candidate { uid, user: listing.user.name.clone(), obstacle, has }
    };
    observation.inventory.listings.iter().map(candidate).collect()
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

/// What an order is for by this board: the file may be another one by now. Without an assignment nothing is known to have
/// changed; and what was ordered before the policy was lifted for an unverified license is finished, since the portal still
/// assigns it.
///
/// # Errors
/// Why it does not stand any more.
pub fn standing(board: &Board, uid: Uid, of: &Subject) -> Result<Subject, &'static str> {
    let Some(assignment) = &board.assigned.assignment else { return Ok(of.clone()) };
    let mac = mac(board);
    if board.observation.host.is_none() {
        return Ok(of.clone());
    }
    let image = assignment.images().iter().find(|image| image.id == of.image);
    let assigned = image.and_then(|image| Some((image, image.images.of(mac.arch)?)));
    let (image, file) = assigned.ok_or("the image is not assigned any more")?;
    let candidates = candidates(&board.observation, &board.imaging.book);
    let user = candidates.iter().find(|candidate| candidate.uid == uid);
    match user.map_or(Ok(()), |user| offer::room(image, mac, user)) {
        Ok(()) => Ok(subject(image, file)),
        Err(why) => Err(why.explanation()),
    }
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
        user: user_name(board, lineage.user),
        image: lineage.image,
        image_name: lineage.name.clone(),
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

fn user_name(board: &Board, uid: Uid) -> Option<String> {
    let mut users = board.observation.inventory.listings.iter().map(|listing| &listing.user);
    users.find(|user| user.uid == uid).map(|user| user.name.clone())
}

/// The installations, as screens show them.
#[must_use]
pub fn installs(board: &Board) -> Vec<InstallView> {
    let imaging = &board.imaging;
    let shown = |(uid, install): (&Uid, &Install)| InstallView {
        uid: *uid,
        user: user_name(board, *uid).unwrap_or_else(|| uid.to_string()),
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

    #[test]
    fn percents_end_at_a_hundred() {
        for (bytes, size, expected) in
            [(0, 0, 0), (1, 0, 100), (5, 10, 50), (u64::MAX, u64::MAX, 100), (11, 10, 100)]
        {
            assert_eq!(percent(bytes, size), expected, "{bytes} of {size}");
        }
    }
}
