//! Giving the license back on order: by `meridian deactivate-license`, with the daemon running, dead or hung, and by the
//! daemon itself.
//!
//! In go orders; out comes the [`Book`], a document with a lock of its own. An order is in it before anything is done, and
//! each step is durable before the next: ordered → done on this Mac → told to the portal. Whoever holds the lock
//! may take the next step, so that the daemon finishes what a command could not. An order is carried out at most once, and
//! where the book is lost it counts as carried out. Effects are numbered, because clocks are set. What may change is how
//! many orders are remembered.

mod perform;

pub use perform::{Deadline, Unperformed, WhenStopped, perform};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::state::document::Kept;

/// How many orders are remembered, those aside that are not finished. Those that nobody named go first: nobody repeats them.
const REMEMBERED: usize = 200;

/// How long an order that could not be carried out is tried: later it would surprise whoever gave it.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The orders, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    orders: Vec<Order>,
    /// The number of the last effect.
    #[serde(default)]
    effects: u64,
    /// The book before this one is lost, and no named order was given since.
    #[serde(default)]
    follows_lost: bool,
}

impl Kept for Book {
    const NAME: &'static str = "deactivation.json";
}

/// An order to give the license back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name, which tells a repetition from another order.
    pub id: String,
    /// Nobody gave it a name, and it got one of its own.
    #[serde(default)]
    pub is_unnamed: bool,
    /// When it was given.
    pub ordered_at: Timestamp,
    /// How it took effect on this Mac; `None` while it has not.
    pub effect: Option<Effect>,
    /// When the portal knew.
    pub told_at: Option<Timestamp>,
    /// Why it was not carried out the last time, in words that may be shown.
    pub trouble: Option<String>,
}

/// How an order took effect on this Mac.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// When.
    pub at: Timestamp,
    /// There was a license, and it was given back.
    pub deactivated: bool,
    /// Its number: later ones have higher ones, whatever the clock said.
    #[serde(default)]
    pub number: u64,
}

impl Book {
    /// The order of this name.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// The book that follows one that cannot be read.
    #[must_use]
    pub const fn after_loss() -> Self {
        Self { orders: Vec::new(), effects: 0, follows_lost: true }
    }

    /// Whether nobody knows if a named order that is not in it was carried out before.
    #[must_use]
    pub const fn follows_lost(&self) -> bool {
        self.follows_lost
    }

    /// The orders, the oldest first.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The number of the last effect. Another one later tells that there was an effect meanwhile.
    #[must_use]
    pub const fn effects(&self) -> u64 {
        self.effects
    }

    /// An order that took effect last.
    #[must_use]
    pub fn last_effective(&self) -> Option<&Order> {
        self.orders
            .iter()
            .rev()
            .find(|order| order.effect.is_some_and(|effect| effect.number == self.effects))
    }

    /// True while an order is to be carried out.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.orders.iter().any(|order| order.is_open(now))
    }

    /// Orders that took effect here, and of which the portal does not know.
    pub fn untold(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.effect.is_some() && order.told_at.is_none())
    }

    /// Writes an order down. One of the same name that was not carried out is given anew.
    pub fn give(&mut self, id: &str, now: Timestamp) {
        self.write_down(id, now, false);
    }

    /// Writes an order down that nobody named but by this id, which is like no other.
    pub fn give_unnamed(&mut self, id: &str, now: Timestamp) {
        self.write_down(id, now, true);
    }

    fn write_down(&mut self, id: &str, now: Timestamp, is_unnamed: bool) {
        self.orders.retain(|order| order.id != id || order.effect.is_some());
        if self.order(id).is_none() {
            let (id, ordered_at) = (id.to_owned(), now);
            self.orders.push(Order {
                id,
                is_unnamed,
                ordered_at,
                effect: None,
                told_at: None,
                trouble: None,
            });
        }
        self.forget(true, now);
        self.forget(false, now);
    }

    /// Forgets the oldest finished ones that are too many: of those that nobody named, or of the others, which they push not out.
    fn forget(&mut self, unnamed: bool, now: Timestamp) {
        let count = self.orders.iter().filter(|order| unnamed || !order.is_unnamed).count();
        let mut surplus = count.saturating_sub(REMEMBERED);
        self.orders.retain(|order| {
            let goes = surplus > 0 && order.is_unnamed == unnamed && order.is_finished(now);
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// Writes an order of the profile down, unless it ever was: a profile says the same again and again, so neither a
    /// failed nor an old one is given anew. True when the book changed.
    pub fn give_once(&mut self, id: &str, now: Timestamp) -> bool {
        let Some(at) = self.orders.iter().position(|order| order.id == id) else {
            self.give(id, now);
            return true;
        };
        // The oldest are forgotten first. This one is still named, and forgotten it would be carried out again.
        let is_old = at + REMEMBERED / 2 < self.orders.len();
        if is_old {
            self.orders[at..].rotate_left(1);
        }
        is_old
    }

    /// Settles an order that was given while another one was carried out, so that it is known when it is repeated.
    pub fn settle(&mut self, id: &str, by: &Order) {
        for order in self.orders.iter_mut().filter(|order| order.id == id) {
            order.effect = by.effect.map(|effect| Effect { deactivated: false, ..effect });
            order.told_at = by.told_at;
        }
    }

    /// What is given back now is given back for every open order. Whether there was a license is said with it.
    pub fn took_effect(&mut self, now: Timestamp, deactivated: bool) {
        let number = self.effects.saturating_add(1);
        for order in self.orders.iter_mut().filter(|order| order.is_open(now)) {
            (order.effect, order.trouble) = (Some(Effect { at: now, deactivated, number }), None);
            self.effects = number;
        }
    }

    /// Takes an order for carried out of which nobody knows whether it was, because the book before this one is lost: once
    /// too few is better than once too often.
    pub fn take_for_done(&mut self, id: &str, now: Timestamp) {
        self.follows_lost = false;
        self.give(id, now);
        for order in self.orders.iter_mut().filter(|order| order.id == id && order.effect.is_none()) {
            order.effect = Some(Effect { at: now, deactivated: false, number: 0 });
            order.told_at = Some(now);
        }
    }

    /// Every open order could not be carried out.
    pub fn failed(&mut self, trouble: &str, now: Timestamp) {
        for order in self.orders.iter_mut().filter(|order| order.is_open(now)) {
            order.trouble = Some(trouble.to_owned());
        }
    }

    /// The portal knows of these.
    pub fn told(&mut self, now: Timestamp, knows: impl Fn(&Order) -> bool) {
        for order in &mut self.orders {
            if order.effect.is_some() && order.told_at.is_none() && knows(order) {
                order.told_at = Some(now);
            }
        }
    }
}

impl Order {
    fn is_open(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.ordered_at);
        self.effect.is_none() && age.abs() < STALE_AFTER
    }

    /// Nothing of it is left to do, here or at the portal.
    fn is_finished(&self, now: Timestamp) -> bool {
        match self.effect {
            Some(_) => self.told_at.is_some(),
            None => !self.is_open(now),
        }
    }
}

#[cfg(test)]
mod tests;
