//! Drives the check-in: stores what a session wants stored, sends what it wants sent, publishes what came of it.
//!
//! In go [`Local`] by a watch and calls to synchronize; out come the assignment and the lease that hold, open commands and
//! a [`Status`], each by a watch, [`Outputs`]. A step is stored before it is taken and before anything of it is published. Nothing here decides: an event
//! only makes the session look again.

mod outputs;

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use crate::checkin::Memory;
use crate::checkin::answer::{HttpAnswer, NetFault};
use crate::checkin::chance::{Chance, SystemChance};
use crate::checkin::http::Http;
use crate::checkin::identity::Identities;
use crate::checkin::local::{Local, Portal};
use crate::checkin::session::{Do, Documents, Effect, HttpRequest, Save, Session, Status, Step};
use crate::checkin::trust::TrustDocument;
use crate::checkin::wait::{Channel, Wait};
use crate::clock::Clock;
use crate::domain::ids::RequestId;
use crate::error::Chain;
use crate::state::{Damage, Kept, Loaded, StateError, Store};
use crate::wire::checkin::CheckinReason;

pub use outputs::{Assigned, Commands, Leased, Outputs, Traffic};

impl Kept for Identities {
    const NAME: &'static str = "identity.json";
}

impl Kept for TrustDocument {
    const NAME: &'static str = "trust.json";
}

impl Kept for Memory {
    const NAME: &'static str = "report.json";
}

/// Wakes at a wall-clock time. Dropping the future is always fine.
pub trait Ticks {
    /// Returns at `at`, by the wall clock and not by a timer that a sleeping Mac stops; or earlier.
    fn until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;
}

/// The door to the network.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request to the portal and reads the whole answer.
    fn call(
        &self,
        portal: &Portal,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpAnswer, NetFault>> + Send;
}

impl Transport for Http {
    fn call(
        &self,
        portal: &Portal,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpAnswer, NetFault>> + Send {
        Self::call(self, portal, request)
    }
}

/// What the task stands on.
pub struct Ground<T, H> {
    /// The documents.
    pub store: Arc<Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// What wakes it.
    pub ticks: T,
    /// The network.
    pub transport: Arc<H>,
}

/// What the task hears.
pub struct Inputs {
    /// What there is to say.
    pub local: watch::Receiver<Arc<Local>>,
    /// A person wants to synchronize.
    pub sync: Arc<Notify>,
}

/// The task.
pub struct Checkin<T, H> {
    ground: Ground<T, H>,
    session: Session,
    wait: Wait,
    flight: Call<()>,
    poll: Call<RequestId>,
    out: Outputs,
}

type Answered = Result<HttpAnswer, NetFault>;
/// A request that is under way, and what it is known by.
type Call<K> = Option<(K, Pin<Box<dyn Future<Output = Answered> + Send>>)>;

impl<T: Ticks, H: Transport> Checkin<T, H> {
    /// Loads what is stored. The assignment that holds is published before any word with the portal. With it come the
    /// damages that were found.
    ///
    /// # Errors
    /// When the system does not let the documents be read: making a new identity then would lose the old one.
    pub fn open(ground: Ground<T, H>) -> Result<(Self, Vec<Damage>), StateError> {
        let mut damages = Vec::new();
        let identities = load::<Identities>(&ground.store, &mut damages)?;
        let identities_lost = identities.is_none() && !damages.is_empty();
        let trust = load_trust(&ground.store, &mut damages)?;
        let memory = load(&ground.store, &mut damages)?;
        let documents = Documents { identities, identities_lost, trust, memory };
        let session = Session::new(documents, ground.clock.now(), &mut SystemChance);
        let out = Outputs::of(&session);
        let (wait, flight, poll) = (Wait::default(), None, None);
        Ok((Self { ground, session, wait, flight, poll, out }, damages))
    }

    /// What it publishes. Subscribe before it runs.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        self.out.clone()
    }

    /// The assignment that holds.
    #[must_use]
    pub fn assigned(&self) -> watch::Receiver<Assigned> {
        self.out.assigned.subscribe()
    }

    /// How the check-in stands.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.out.status.subscribe()
    }

    /// What goes over the wire.
    #[must_use]
    pub fn traffic(&self) -> watch::Receiver<Traffic> {
        self.out.traffic.subscribe()
    }

    /// The first check-in rests for so long, unless somebody calls for it.
    pub fn rest(&mut self, length: SignedDuration) {
        self.session.rest(self.ground.clock.now(), length);
    }

    /// The next check-in tells the portal that the agent is being removed, and nothing else; it is made at once.
    pub fn say_goodbye(&mut self) {
        self.call(SignedDuration::ZERO, CheckinReason::Uninstall);
    }

    /// Runs until nobody tells what there is to say any more. Dropping it between two awaits loses nothing.
    pub async fn run(mut self, mut inputs: Inputs) {
        loop {
            let local = inputs.local.borrow_and_update().clone();
            let due = self.look(&local);
            tokio::select! {
                changed = inputs.local.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let moved = inputs.local.borrow().portal != local.portal;
                    if moved {
                        self.hang_up();
                    }
                }
                () = inputs.sync.notified() => self.call(SignedDuration::ZERO, CheckinReason::Manual),
                ((), answer) = ended(&mut self.flight) => self.answered(answer),
                (id, answer) = ended(&mut self.poll) => self.woken(id, answer),
                () = at(&self.ground.ticks, due) => {}
            }
        }
    }

    /// Takes the steps that are to be taken now. When to look again at the latest.
    fn look(&mut self, local: &Local) -> Option<Timestamp> {
        let now = self.ground.clock.now();
        let due = if self.flight.is_some() {
            None
        } else {
            match self.take(self.session.poll(now, local, &mut SystemChance)) {
                Do::Send(request) => {
                    self.flight = Some(((), self.start(&local.portal, request)));
                    None
                }
                Do::Until(at) => Some(at),
                Do::Nothing => None,
            }
        };
        let reopen = self.open_poll(now, local);
        self.show();
        [due, reopen].into_iter().flatten().min()
    }

    /// Opens the long poll when its time has come; if it has not, when that will be.
    fn open_poll(&mut self, now: Timestamp, local: &Local) -> Option<Timestamp> {
        match self.wait.poll(now) {
            Channel::Open => {
                let Some(request) = self.session.wait_request(now, &mut SystemChance) else {
                    self.wait.close();
                    return None;
                };
                self.poll = Some((request.request_id, self.start(&local.portal, request)));
                None
            }
            Channel::Until(at) => Some(at),
            Channel::Nothing => None,
        }
    }

    fn start(&self, portal: &Portal, request: HttpRequest) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let (transport, portal) = (self.ground.transport.clone(), portal.clone());
        Box::pin(async move {
            let (method, path, id) = (request.method, request.path, request.request_id);
            let sent = request.body.as_ref().map_or(0, Vec::len);
            let answer = transport.call(&portal, request).await;
            match &answer {
                Ok(HttpAnswer { status, body, .. }) => {
                    let received = body.len();
                    tracing::debug!(method, path, %id, sent, status, received, "the portal answered");
                }
                Err(fault) => tracing::debug!(method, path, %id, sent, %fault, "no answer from the portal"),
            }
            answer
        })
    }

    fn answered(&mut self, answer: Answered) {
        let now = self.ground.clock.now();
        self.take(self.session.answer(now, answer, &mut SystemChance));
        let well = self.session.status().failures == 0;
        self.out.traffic.send_modify(|traffic| traffic.last = Some((now, well)));
    }

    fn woken(&mut self, id: RequestId, answer: Answered) {
        let now = self.ground.clock.now();
        if let Some(delay) = self.wait.ended(now, answer, id, SystemChance.draw()) {
            self.call(delay, CheckinReason::Wake);
        }
    }

    fn call(&mut self, delay: SignedDuration, reason: CheckinReason) {
        self.session.call(self.ground.clock.now(), delay, reason);
    }

    /// The profile names another portal, root key or token: what is under way was meant for the old one.
    fn hang_up(&mut self) {
        (self.flight, self.poll) = (None, None);
        self.session.abandon();
        self.wait.close();
    }

    /// Stores, and only then takes a step. What could not be stored and matters is not taken; the session then rests.
    fn take(&mut self, step: Step) -> Do {
        let Step { session, saves, essential, effects, then } = step;
        let saved = saves.iter().try_for_each(|save| match save {
            Save::Trust(trust) => self.ground.store.save(trust),
            Save::Identities(identities) => self.ground.store.save(identities),
            Save::Memory(memory) => self.ground.store.save(memory),
        });
        let now = self.ground.clock.now();
        match saved {
            Ok(()) => {
                self.session = session;
                if !saves.is_empty() {
                    self.session.written();
                }
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), essential, "cannot store the state of the check-in");
                if essential {
                    self.session.write_failed(now, true, &mut SystemChance);
                    return Do::Until(now);
                }
                self.session = session;
                self.session.write_failed(now, false, &mut SystemChance);
            }
        }
        effects.into_iter().for_each(|effect| self.publish(effect));
        then
    }

    fn publish(&mut self, effect: Effect) {
        match effect {
            Effect::Retired => {
                tracing::warn!("the portal retired this device");
                self.poll = None;
                self.wait.close();
            }
            Effect::CheckedIn { wait } => {
                if self.wait.checked_in(wait) {
                    self.poll = None;
                }
            }
            other => self.out.publish(other),
        }
    }

    fn show(&self) {
        self.out.show(&self.session, self.poll.is_some());
    }
}

/// What is trusted, from the last generation alone: the one before it may hold an assignment without the policy that is in
/// force, and would give back what nobody released. Without it nothing is given back, and the portal is asked anew.
fn load_trust(store: &Store, damages: &mut Vec<Damage>) -> Result<Option<TrustDocument>, StateError> {
    Ok(match store.load()? {
        Loaded::Current(trust) => Some(trust),
        Loaded::Absent => None,
        Loaded::Previous(_, damage) | Loaded::Lost(damage) => {
            damages.push(damage);
            None
        }
    })
}

fn load<D: Kept>(store: &Store, damages: &mut Vec<Damage>) -> Result<Option<D>, StateError> {
    Ok(match store.load::<D>()? {
        Loaded::Absent => None,
        Loaded::Current(value) => Some(value),
        Loaded::Previous(value, damage) => {
            damages.push(damage);
            Some(value)
        }
        Loaded::Lost(damage) => {
            damages.push(damage);
            None
        }
    })
}

/// The end of a request, if one is under way. What is dropped before that goes on where it was.
async fn ended<K: Copy>(call: &mut Call<K>) -> (K, Answered) {
    let Some((known_by, request)) = call else { return pending().await };
    let (known_by, answer) = (*known_by, request.await);
    *call = None;
    (known_by, answer)
}

async fn at(ticks: &impl Ticks, due: Option<Timestamp>) {
    match due {
        Some(at) => ticks.until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
