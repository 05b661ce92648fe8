//! The agent's side of the conversation with the portal, without IO.
//!
//! In go [`Local`], the time, chance and answers; out come [`Step`]s: the session after it, what has to be stored
//! first, what to publish, and what to do next. A session never changes in place. Who drives it stores what the step
//! says, and only then goes on with the step's session; if storing fails, the old session still stands, and so memory
//! and disk never differ in what counts.
//!
//! The device's key belongs to this Mac and not to an address: when `PortalURL` or `PortalRootKey` change, the same key
//! and device go on, and the portal says whether it knows them; if it does not, the profile's token enrolls them there.
//! Under another root key nothing that is new counts until that root's keyset came; what is stored stays.

mod heard;
mod licensing;
mod request;
mod stand;
mod step;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;
use super::identity::{Cause, Enrolled, Identities, Pace};
use super::local::Local;
use super::problems::Problems;
use super::report::{Fingerprint, Memory};
use super::schedule::{self, Backoff, Due, Timetable};
use super::trust::{Held, Trust, TrustDocument};
use crate::domain::digest::Digest;
use crate::wire::assignment::Assignment;
use crate::wire::checkin::CheckinReason;
use crate::wire::codes::ProblemCode;
use crate::wire::document::Addressee;
use crate::wire::enrollment::EnrollmentReason;
use crate::wire::key::{PublicKey, SigningKey};
use crate::wire::lease::Lease;
use crate::wire::limits::INVENTORY_PART;
use crate::wire::token::Verified;

use licensing::Licensing;
use request::Flight;
pub use step::{Denied, Do, Effect, HttpRequest, Save, Standing, Status, Step};

/// What a session is made of at the start.
#[derive(Debug, Default)]
pub struct Documents {
    /// The identities; `None` where none were ever stored.
    pub identities: Option<Identities>,
    /// Whether identities were stored and cannot be read.
    pub identities_lost: bool,
    /// What is trusted.
    pub trust: Option<TrustDocument>,
    /// What the portal accepted.
    pub memory: Option<Memory>,
}

/// The conversation with the portal.
#[derive(Debug, Clone)]
pub struct Session {
    identities: Identities,
    key: Option<Arc<SigningKey>>,
    trust: Trust,
    memory: Memory,
    timetable: Timetable,
    problems: Problems,
    flight: Option<Box<Flight>>,
    run: Run,
}

/// What does not outlive the process.
#[derive(Debug, Clone)]
struct Run {
    /// Where the portal is, as the profile said when it was looked at last.
    portal: Option<(String, PublicKey)>,
    /// The token, likewise.
    token: Option<Digest>,
    /// Whether the portal said that it does not know the device or its key.
    unknown: bool,
    /// Whether the retry that `clock-skew` and `sequence` allow was made.
    retried: bool,
    /// Whether the last answer asked to send something again.
    resent: bool,
    /// The size of inventory parts, in bytes.
    part: usize,
    /// What the last check-in amounted to.
    seen: Option<Fingerprint>,
    /// The body that was malformed last.
    malformed: Option<Digest>,
    /// What is known of the license and of commands.
    licensing: Licensing,
    /// A failing disk rests.
    disk: Option<(Backoff, Due)>,
    /// What [`Status`] shows.
    shown: Shown,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    standing: Standing,
    last_success: Option<Timestamp>,
    next: Option<(Timestamp, CheckinReason)>,
}

impl Session {
    /// A session from what is stored.
    #[must_use]
    pub fn new(documents: Documents, now: Timestamp, chance: &mut impl Chance) -> Self {
        let Documents { identities, identities_lost, trust, memory } = documents;
        let mut problems = Problems::default();
        let (trust, refused) = trust.map_or_else(Default::default, |document| Trust::read(&document));
        for refused in refused {
            problems.raise(refused.code(), now, Some("what was stored cannot be verified".to_owned()));
        }
        let mut identities = identities.unwrap_or_default();
        let key = identities.current.as_ref().and_then(|identity| identity.seed.key()).map(Arc::new);
        let is_lost = identities_lost || (identities == Identities::default() && trust.held().is_some());
        if key.is_none() && (is_lost || identities.current.is_some()) {
            identities.current = None;
            let previous = trust.held().map(|held| held.addressee.device);
            identities.next = Some(Cause { reason: EnrollmentReason::KeyLost, previous });
        }
        let pace = identities.current.as_ref().map(|identity| identity.pace).unwrap_or_default();
        let timetable = Timetable::starting(now, pace.last, pace.backoff, chance.draw());
        let memory = memory.unwrap_or_default();
        let mut run = Run::default();
        run.shown.last_success = pace.last_success;
        Self { identities, key, trust, memory, timetable, problems, flight: None, run }
    }

    /// The assignment that holds. It does before any word with the portal.
    #[must_use]
    pub fn assignment(&self) -> Option<&Arc<Verified<Assignment>>> {
        self.trust.held().map(|held| &held.document)
    }

    /// When the assignment that holds was received.
    #[must_use]
    pub fn received_at(&self) -> Option<Timestamp> {
        self.trust.held().map(|held| held.received_at)
    }

    /// The lease that holds. It does before any word with the portal.
    #[must_use]
    pub fn lease(&self) -> Option<&Arc<Verified<Lease>>> {
        self.trust.lease().map(|held| &held.document)
    }

    /// The latest `iat` of all that was ever verified: for leases and commands, time is the later of this and the clock.
    #[must_use]
    pub const fn latest_iat(&self) -> Option<Timestamp> {
        self.trust.latest()
    }

    /// What a person is shown.
    #[must_use]
    pub fn status(&self) -> Status {
        let enrolled = self.enrolled();
        let Shown { standing, last_success, next } = self.run.shown;
        Status {
            standing,
            device: enrolled.map(|enrolled| enrolled.device),
            organization: enrolled.map(|enrolled| enrolled.organization),
            enrolled_at: enrolled.and_then(|enrolled| enrolled.at),
            last_success,
            next,
            failures: self.backoff().failures,
            trouble: self.problems.of_the_way(),
            problems: self.problems.all(),
        }
    }

    /// A check-in is wanted after this delay, by a person or by the portal's wake. For a person a disk that failed does
    /// not rest either: its next try comes at once, and where it fails again, the rest grows on.
    pub fn call(&mut self, now: Timestamp, delay: SignedDuration, reason: CheckinReason) {
        if let (CheckinReason::Manual, Some((_, due))) = (reason, &mut self.run.disk) {
            *due = Due::after(now, delay);
        }
        self.timetable.call(now, delay, reason);
    }

    /// The first check-in after the start rests for so long, unless somebody calls for it.
    pub fn rest(&mut self, now: Timestamp, length: SignedDuration) {
        self.timetable.rest(now, length);
    }

    /// What to do now.
    pub fn poll(&self, now: Timestamp, local: &Local, chance: &mut impl Chance) -> Step {
        let mut next = self.clone();
        let mut effects = Vec::new();
        let then = next.advance(now, local, &mut effects, chance);
        self.step(next, effects, then)
    }

    /// The request that is under way is not waited for any longer; what it said counts as not said.
    pub fn abandon(&mut self) {
        self.flight = None;
    }

    /// Saves failed. On the old session where they were essential, on the new one otherwise.
    pub fn write_failed(&mut self, now: Timestamp, essential: bool, chance: &mut impl Chance) {
        self.problems.raise(ProblemCode::StateWriteFailed, now, None);
        if essential {
            self.flight = None;
            let backoff = self.run.disk.map(|(backoff, _)| backoff).unwrap_or_default();
            let backoff = backoff.failed(schedule::CAP_S);
            self.run.disk = Some((backoff, Due::after(now, backoff.wait(None, chance.draw()))));
        }
    }

    /// Saves succeeded.
    pub fn written(&mut self) {
        self.run.disk = None;
        self.problems.solve(ProblemCode::StateWriteFailed);
    }

    fn step(&self, session: Self, effects: Vec<Effect>, then: Do) -> Step {
        let mut saves = Vec::new();
        let trust = session.trust != self.trust;
        if trust {
            saves.extend(session.trust.document().map(Save::Trust));
        }
        if session.identities != self.identities {
            saves.push(Save::Identities(session.identities.clone()));
        }
        if session.memory != self.memory {
            saves.push(Save::Memory(session.memory.clone()));
        }
        let essential = trust || without_pace(&session.identities) != without_pace(&self.identities);
        Step { session, saves, essential, effects, then }
    }

    fn enrolled(&self) -> Option<&Enrolled> {
        self.identities.current.as_ref()?.enrolled.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn key_thumbprint(&self) -> Option<crate::wire::key::Thumbprint> {
        self.key.as_ref().map(|key| key.thumbprint())
    }

    fn backoff(&self) -> Backoff {
        self.identities.current.as_ref().map(|identity| identity.pace.backoff).unwrap_or_default()
    }

    fn addressee(&self) -> Option<Addressee> {
        Some(Addressee { device: self.enrolled()?.device, key: self.key.as_ref()?.thumbprint() })
    }

    fn advance(
        &mut self,
        now: Timestamp,
        local: &Local,
        effects: &mut Vec<Effect>,
        chance: &mut impl Chance,
    ) -> Do {
        if self.flight.is_some() {
            return Do::Nothing;
        }
        if let Some((_, due)) = &mut self.run.disk
            && due.at(now) > now
        {
            return Do::Until(due.at(now));
        }
        let is_stale = |held: &Held<Assignment>| held.document.is_stale(now) && !held.document.retired;
        self.problems.set(ProblemCode::AssignmentStale, self.trust.held().is_some_and(is_stale), now);
        self.retire(now, local, effects);
        self.run.shown.next = None;
        let standing = self.stand(now, local);
        self.run.shown.standing = standing;
        let no_root_key = standing == Standing::NoRootKey && !local.portal.root_key_is_bad;
        self.problems.set(ProblemCode::NoRootKey, no_root_key, now);
        self.problems.set(ProblemCode::NoToken, standing == Standing::NoToken, now);
        if standing == Standing::HardwareChanged {
            self.problems.raise(ProblemCode::HardwareChanged, now, None);
        }
        if !matches!(standing, Standing::Enrolling | Standing::Enrolled) {
            return Do::Nothing;
        }
        self.notice(now, local);
        let (at, reason) = self.due(now, standing);
        self.run.shown.next = Some((at, reason));
        if at > now {
            return Do::Until(self.verification_rests(now, local).map_or(at, |rested| rested.min(at)));
        }
        self.send(now, local, (standing, reason), chance)
    }
}

impl Default for Run {
    fn default() -> Self {
        Self {
            portal: None,
            token: None,
            unknown: false,
            retried: false,
            resent: false,
            part: INVENTORY_PART,
            seen: None,
            malformed: None,
            licensing: Licensing::default(),
            disk: None,
            shown: Shown { standing: Standing::NoPortal, last_success: None, next: None },
        }
    }
}

/// Everything but what changes with every request.
fn without_pace(identities: &Identities) -> Identities {
    let mut identities = identities.clone();
    if let Some(identity) = &mut identities.current {
        identity.pace = Pace::default();
    }
    identities
}

#[cfg(test)]
mod tests;
