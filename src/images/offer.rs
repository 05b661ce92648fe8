//! What is offered to whom, and why not. Pure.
//!
//! In go the assigned images in their order, this Mac, and its users with what they have; out comes an [`Offer`] an image
//! and, in it, an answer a user. The command line, the portal's command and the installation ask the same function, so
//! that what is shown is what is done.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::transfer::{Source, is_fetchable};
use crate::domain::host::Arch;
use crate::domain::ids::{ImageId, Uid};
use crate::wire::assignment::{GoldenImage, ImageFile};

/// Why an image is not offered to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyNot {
    /// The image has no file for this Mac's processor.
    WrongProcessor,
    /// Which processor this Mac has could not be found out.
    ProcessorUnknown,
    /// Its address is none that images are fetched from.
    BadAddress,
    /// A profile names its address alone, so that nothing could tell the image from another file.
    NoDigest,
    /// Parallels Desktop is not installed.
    ParallelsMissing,
    /// Parallels Desktop is too old for golden images.
    ParallelsTooOld,
    /// Parallels' service is stopped, or could not be asked.
    ServiceUnavailable,
    /// The user is not logged in, so that nothing can be done as them.
    NotLoggedIn,
    /// What the user has could not be found out.
    CouldNotAsk,
    /// The policy allows one corporate virtual machine a user, and this user has it.
    OnePerUser,
    /// The user has a virtual machine of this very image.
    Installed,
    /// An image is being installed for this user.
    UnderWay,
}

impl WhyNot {
    /// For a person.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::WrongProcessor => "there is no image for this Mac's processor",
            Self::ProcessorUnknown => "this Mac's processor could not be found out",
            Self::BadAddress => "its address is no web address; correct it in the portal",
            Self::NoDigest => {
                "it comes from a profile, which names no digest to verify it by; let a policy carry it instead"
            }
            Self::ParallelsMissing => "Parallels Desktop is not installed",
            Self::ParallelsTooOld => "Parallels Desktop is too old: golden images need 20.1.0",
            Self::ServiceUnavailable => "Parallels' service does not answer; open Parallels Desktop",
            Self::NotLoggedIn => "the user is not logged in",
            Self::CouldNotAsk => "the user's virtual machines could not be listed",
            Self::OnePerUser => "the policy allows one corporate virtual machine a user",
            Self::Installed => "the user has a virtual machine of this image",
            Self::UnderWay => "an image is being installed for this user",
        }
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.explanation())
    }
}

/// What counts of this Mac.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac {
    /// Its processor.
    pub arch: Arch,
    /// Whether the policy allows one corporate virtual machine a user.
    pub one_per_user: bool,
    /// Why no image can be installed at all.
    pub obstacle: Option<WhyNot>,
}

/// A user of this Mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub user: String,
    /// Why nothing can be installed for them.
    pub obstacle: Option<WhyNot>,
    /// The images that their corporate virtual machines were made from, one entry a machine.
    pub has: Vec<ImageId>,
}

/// An image, and the answer to each user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The image.
    pub image: &'a GoldenImage,
    /// Its file for this Mac.
    pub file: Option<&'a ImageFile>,
    /// To whom it is offered, or why not.
    pub users: Vec<(&'a Candidate, Result<(), WhyNot>)>,
}

/// The offers on this Mac. An id that is assigned twice counts once, in its first place.
#[must_use]
pub fn offers<'a>(images: &'a [GoldenImage], mac: Mac, candidates: &'a [Candidate]) -> Vec<Offer<'a>> {
    let mut seen = BTreeSet::new();
    images
        .iter()
        .filter(|image| seen.insert(image.id))
        .map(|image| {
            let file = image.images.of(mac.arch);
            let users = candidates.iter().map(|user| (user, answer(image, file, mac, user))).collect();
            Offer { image, file, users }
        })
        .collect()
}

/// Why an image is of no use here, whoever asks.
#[must_use]
pub fn flaw(file: Option<&ImageFile>) -> Option<WhyNot> {
    match file {
        None => Some(WhyNot::WrongProcessor),
        Some(file) if source(file).is_none() => Some(WhyNot::BadAddress),
        Some(_) => None,
    }
}

fn answer(image: &GoldenImage, file: Option<&ImageFile>, mac: Mac, user: &Candidate) -> Result<(), WhyNot> {
    if let Some(why) = flaw(file).or(mac.obstacle).or(user.obstacle) {
        return Err(why);
    }
    room(image, mac, user)
}

/// Whether what a user has leaves room for an image.
///
/// # Errors
/// [`WhyNot::OnePerUser`] and [`WhyNot::Installed`].
pub fn room(image: &GoldenImage, mac: Mac, user: &Candidate) -> Result<(), WhyNot> {
    match user.has.as_slice() {
        [_, ..] if mac.one_per_user => Err(WhyNot::OnePerUser),
        has if has.contains(&image.id) => Err(WhyNot::Installed),
        _ => Ok(()),
    }
}

/// What is to be fetched of a file; none where its address is of no use.
#[must_use]
pub fn source(file: &ImageFile) -> Option<Source> {
    let url = Url::parse(&file.url).ok().filter(is_fetchable)?;
    Some(Source { url, sha256: file.sha256, size: file.size })
}

/// The image that this user gets: the one that is named, or the first that is offered to them.
///
/// # Errors
/// Why there is none: [`WhyNot`] of the one that is named, or of the first; none where no image is assigned or the one that is
/// named is not among them.
pub fn choose<'a>(
    offers: &'a [Offer<'a>],
    uid: Uid,
    named: Option<&str>,
) -> Result<(&'a GoldenImage, &'a ImageFile), Option<WhyNot>> {
    let named_so = |offer: &&Offer<'_>| {
        named.is_none_or(|name| offer.image.name == name || offer.image.id.to_string() == name)
    };
    let mut first = None;
    for offer in offers.iter().filter(named_so) {
        let Some((_, answer)) = offer.users.iter().find(|(user, _)| user.uid == uid) else { continue };
        match (answer, offer.file) {
            (Ok(()), Some(file)) => return Ok((offer.image, file)),
            (Ok(()), None) => first = first.or(Some(WhyNot::WrongProcessor)),
            (Err(why), _) => first = first.or(Some(*why)),
        }
    }
    Err(first)
}

#[cfg(test)]
mod tests;
