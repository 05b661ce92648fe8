//! The counter, at which images are ordered.
//!
//! In go the board, the book and who asks; out comes the book with the order in it, stored before anyone is told that it
//! was taken. Who works on the book sees it there.

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Assortment, publish, subject};
use crate::daemon::board::Board;
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, Uid};
use crate::images::book::{Book, By, Subject};
use crate::images::keeper::Keeper;
use crate::images::offer::{WhyNot, choose};
use crate::state::StateError;

/// Where orders are given.
#[derive(Debug, Clone)]
pub struct Counter {
    keeper: Keeper,
    board: watch::Sender<Board>,
}

/// Why an order is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Declined {
    /// The policy assigns no image, or none that is called so.
    #[error("no golden image of that name is assigned to this Mac; `meridian images` lists those that are")]
    NoImage,
    /// The caller is no user of Parallels Desktop.
    #[error(
        "Parallels Desktop knows no such user on this Mac; for one that it knows root names them with --user"
    )]
    NoUser,
    /// It is not offered to this user.
    #[error("it is not offered: {0}")]
    NotOffered(WhyNot),
    /// It would not outlive a crash.
    #[error("the order cannot be stored; free disk space, then order it again")]
    NotStored(#[source] StateError),
}

impl Counter {
    /// A counter for this book, which publishes what it takes on this board.
    #[must_use]
    pub const fn new(keeper: Keeper, board: watch::Sender<Board>) -> Self {
        Self { keeper, board }
    }

    /// Takes the order of a user for themselves; what they get.
    ///
    /// # Errors
    /// [`Declined`].
    pub fn order(&self, user: Uid, named: Option<&str>, now: Timestamp) -> Result<Subject, Declined> {
        let board = self.board.borrow().clone();
        self.take(|book| {
            let assortment = Assortment::with(&board, book);
            enter(book, (&assortment, user, named), By::User, (now, now))
        })
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
        let times = (now, spread(&board, now));
        self.take(|book| {
            let assortment = Assortment::with(&board, book);
            let (mut taken, mut last) = (Vec::new(), Declined::NoUser);
            let meant = assortment.candidates.iter().filter(|each| user.is_none_or(|user| each.user == user));
            for candidate in meant {
                match enter(book, (&assortment, candidate.uid, named), By::Portal, times) {
                    Ok(_) => taken.push(candidate.user.clone()),
                    Err(declined) => last = declined,
                }
            }
            if taken.is_empty() { Err(last) } else { Ok(taken) }
        })
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

    fn take<T>(&self, order: impl FnOnce(&mut Book) -> Result<T, Declined>) -> Result<T, Declined> {
        let taken = self.keeper.change(order).map_err(Declined::NotStored)??;
        publish(&self.board, &self.keeper, |_| {});
        Ok(taken)
    }
}

/// Enters an order into the book; what it is for.
fn enter(
    book: &mut Book,
    (assortment, user, named): (&Assortment, Uid, Option<&str>),
    by: By,
    times: (Timestamp, Timestamp),
) -> Result<Subject, Declined> {
    let of = chosen(assortment, user, named)?;
    if !book.order(user, of.clone(), by, times) {
        // The portal's own that has not begun keeps its place; another image is not taken for it.
        let is_known = book.installs.get(&user).is_some_and(|install| install.of == of);
        return if is_known { Ok(of) } else { Err(Declined::NotOffered(WhyNot::UnderWay)) };
    }
    tracing::info!(%user, image = of.name, ?by, "a golden image is ordered");
    Ok(of)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
}
