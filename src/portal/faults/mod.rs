//! Misbehaviour on demand, for tests of agents.
//!
//! In go orders of an administrator: which endpoint, which fault, how often; out comes, request by request, what is to
//! go wrong. Answers that are damaged on the way are made here; documents that are forged, in [`forge`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub mod damage;
pub mod forge;

/// An endpoint of the device API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `GET /v1/portal`.
    Portal,
    /// `POST /v1/enrollments`.
    Enrollments,
    /// `POST /v1/checkin`.
    Checkin,
    /// `GET /v1/wait`.
    Wait,
}

impl Endpoint {
    /// The endpoint at a path.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        use crate::wire::{checkin, enrollment, portal, wait};
        match path {
            portal::PATH => Some(Self::Portal),
            enrollment::PATH => Some(Self::Enrollments),
            checkin::PATH => Some(Self::Checkin),
            wait::PATH => Some(Self::Wait),
            _ => None,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is closed without an answer.
    Down,
    /// 401 without a body, as proxies send it.
    Bare401,
    /// 200 with a page, as captive portals send it.
    Html,
    /// 200, `application/json`, and bytes that are none.
    Garbage,
    /// The real answer, cut off in the middle.
    HalfBody,
    /// The real answer, late.
    Slow {
        /// By so many milliseconds.
        ms: u64,
    },
    /// A status without a problem, such as 429, 500 or 503.
    Status {
        /// The status.
        status: u16,
        /// The text of `Retry-After`, whatever it is.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The real answer, with the id of another request.
    WrongRequestId,
    /// A validly signed assignment with a lower version than any before.
    OlderAssignment,
    /// A higher assignment, signed by a key of nobody's.
    StrangerAssignment,
    /// A validly signed higher assignment for another device.
    ForeignAssignment,
    /// The current version again, with other content.
    Equivocation,
    /// A validly signed keyset with a lower version than the current one.
    StaleKeyset,
    /// A validly signed lease with a lower number than any before.
    OlderLease,
    /// A higher lease, signed by a key of nobody's.
    StrangerLease,
    /// A validly signed higher lease for another device.
    ForeignLease,
    /// The current number again, with other content.
    LeaseEquivocation,
    /// A higher lease whose signature took harm.
    CorruptLease,
    /// A validly signed higher lease whose grace is over.
    OverdueLease,
    /// The open commands, with a lower number than any before.
    OlderCommand,
    /// The open commands, signed by a key of nobody's.
    StrangerCommand,
    /// The open commands, validly signed for another device.
    ForeignCommand,
    /// The open commands, whose signatures took harm.
    CorruptCommand,
    /// The open commands, too late.
    ExpiredCommand,
    /// The open commands, good for longer than any may be.
    EndlessCommand,
    /// The open commands, of a kind of a later protocol.
    UnknownCommand,
    /// The commands that were acknowledged, once more.
    ReplayedCommand,
}

impl Fault {
    /// Whether it forges a document, so that the endpoint itself has to see to it.
    #[must_use]
    pub const fn is_forgery(&self) -> bool {
        !matches!(
            self,
            Self::Down
                | Self::Bare401
                | Self::Html
                | Self::Garbage
                | Self::HalfBody
                | Self::Slow { .. }
                | Self::Status { .. }
                | Self::WrongRequestId
        )
    }
}

/// A fault that is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Where.
    pub endpoint: Endpoint,
    /// What.
    pub fault: Fault,
    /// How often; without it, until the faults are cleared.
    #[serde(default)]
    pub times: Option<u64>,
}

/// The orders. They are not stored.
#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeMap<Endpoint, Order>>);

impl Faults {
    fn orders(&self) -> std::sync::MutexGuard<'_, BTreeMap<Endpoint, Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an order in place of the endpoint's former one.
    pub fn order(&self, order: Order) {
        self.orders().insert(order.endpoint, order);
    }

    /// Forgets all orders.
    pub fn clear(&self) {
        self.orders().clear();
    }

    /// What is ordered now.
    #[must_use]
    pub fn list(&self) -> Vec<Order> {
        self.orders().values().cloned().collect()
    }

    /// What is to go wrong with the next request to this endpoint.
    #[must_use]
    pub fn next(&self, endpoint: Endpoint) -> Option<Fault> {
        let mut orders = self.orders();
        let order = orders.get_mut(&endpoint)?;
        let fault = order.fault.clone();
        match &mut order.times {
            None => {}
            Some(0) => {
                orders.remove(&endpoint);
                return None;
            }
            Some(times) => {
                *times -= 1;
                if *times == 0 {
                    orders.remove(&endpoint);
                }
            }
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_holds_as_often_as_it_says() {
        let faults = Faults::default();
        let order = |times| {
            serde_json::from_value(json!({"endpoint": "checkin", "fault": {"kind": "down"}, "times": times}))
                .unwrap()
        };
        for (times, answers) in [(Some(0), [false, false]), (Some(1), [true, false]), (None, [true, true])] {
            faults.order(order(times));
            assert_eq!(faults.next(Endpoint::Wait), None);
            assert_eq!([(); 2].map(|()| faults.next(Endpoint::Checkin).is_some()), answers, "{times:?}");
            faults.clear();
        }
        assert!(faults.list().is_empty());
    }
}
