//! Giving the license back on order: by `meridian deactivate-license`, with the daemon running, dead or hung, and by the
//! daemon itself.
//!
//! In go orders; out comes the [`Book`], a document with a lock of its own. An order is in it before anything is done, and
//! each step is durable before the next: ordered → done on this Mac → told to the portal. Whoever holds the lock
//! may take the next step, so that the daemon finishes what a command could not. An order is carried out at most once.
//! What may change is how many orders are remembered.

mod perform;

pub use perform::{Deadline, Unperformed, WhenStopped, perform};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::state::document::Kept;

/// How many orders are remembered.
const REMEMBERED: usize = 200;

/// How long an order that could not be carried out is tried: later it would surprise whoever gave it.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The orders, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    orders: Vec<Order>,
}

impl Kept for Book {
    const NAME: &'static str = "deactivation.json";
}

/// An order to give the license back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name, which tells a repetition from another order.
    pub id: String,
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
}

impl Book {
    /// The order of this name.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// The orders, the oldest first.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The last order that took effect at or after this time: whoever waited for the lock since then has its result.
    #[must_use]
    pub fn effective_since(&self, at: Timestamp) -> Option<&Order> {
        self.orders.iter().rev().find(|order| order.effect.is_some_and(|effect| effect.at >= at))
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
        self.orders.retain(|order| order.id != id || order.effect.is_some());
        if self.order(id).is_none() {
            let id = id.to_owned();
            self.orders.push(Order { id, ordered_at: now, effect: None, told_at: None, trouble: None });
        }
        let surplus = self.orders.len().saturating_sub(REMEMBERED);
        self.orders.drain(..surplus);
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

    /// Takes an order down that another one carried out while it waited, so that it is known when it is repeated.
    pub fn settle(&mut self, id: &str, now: Timestamp, by: &Order) {
        self.give(id, now);
        for order in self.orders.iter_mut().filter(|order| order.id == id) {
            order.effect = by.effect.map(|effect| Effect { deactivated: false, ..effect });
            order.told_at = by.told_at;
        }
    }

    /// What is given back is given back for every open order.
    pub fn took_effect(&mut self, effect: Effect) {
        for order in self.orders.iter_mut().filter(|order| order.is_open(effect.at)) {
            (order.effect, order.trouble) = (Some(effect), None);
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
}

#[cfg(test)]
mod tests;
