//! Requests: the enrollment, the check-in and the wait, each with its proof.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::licensing::Said;
use super::{Do, HttpRequest, Session, Standing};
use crate::checkin::chance::Chance;
use crate::checkin::identity::{Attempt, Cause, End, is_other_mac, token_digest};
use crate::checkin::local::Local;
use crate::checkin::report::{Accepted, Draft, Facts, Memory};
use crate::checkin::schedule::{self, GAP};
use crate::domain::digest::Digest;
use crate::domain::host::{Hardware, Host};
use crate::domain::ids::RequestId;
use crate::wire::checkin::{self, CheckinReason, CheckinRequest, LeaseWish};
use crate::wire::codes::ProblemCode;
use crate::wire::document::Addressee;
use crate::wire::enrollment::{self, EnrollmentReason, EnrollmentRequest, EnrollmentToken};
use crate::wire::json;
use crate::wire::key::{PublicKey, SigningKey};
use crate::wire::limits::WAIT_TIMEOUT_S;
use crate::wire::proof::{self, Request};
use crate::wire::wait;

/// The request that is under way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) id: RequestId,
    pub(super) origin: String,
    pub(super) root: PublicKey,
    pub(super) reason: CheckinReason,
    /// The digest of the body.
    pub(super) body: Digest,
    pub(super) asked: Asked,
}

/// What was asked.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Enrollment { token: Digest, hardware: Hardware },
    Checkin { accepted: Box<Accepted>, addressee: Addressee, wish: LeaseWish },
}

/// What a request is made of, beside who asks.
struct Outgoing {
    method: &'static str,
    path: &'static str,
    query: Option<String>,
    body: Option<Vec<u8>>,
    seq: Option<u64>,
}

impl Session {
    /// The request that is due; every branch that cannot send asks again after a while.
    pub(super) fn send(
        &mut self,
        now: Timestamp,
        local: &Local,
        (standing, reason): (Standing, CheckinReason),
        chance: &mut impl Chance,
    ) -> Do {
        let sent = match (standing, &local.portal.token, &local.host) {
            (Standing::Enrolling, Some(token), Some(host)) => self.enroll(now, local, (token, host), chance),
            _ => self.check_in(now, local, reason, chance),
        };
        sent.map_or_else(|| Do::Until(schedule::later(now, GAP)), Do::Send)
    }

    fn enroll(
        &mut self,
        now: Timestamp,
        local: &Local,
        (token, host): (&EnrollmentToken, &Host),
        chance: &mut impl Chance,
    ) -> Option<HttpRequest> {
        self.ready_to_enroll(now, host, chance)?;
        let (key, identity) = (self.key.clone()?, self.identities.current.as_ref()?);
        let Attempt { id, cause: Cause { reason, previous } } = identity.attempt;
        let body = json::write(&EnrollmentRequest {
            enrollment_id: id,
            token: token.clone(),
            public_key: key.public(),
            hardware: host.hardware.clone(),
            hostname: host.hostname.clone(),
            os_version: host.os_version.clone(),
            agent_version: local.agent_version.clone(),
            reason,
            previous_device_id: previous,
        });
        let asked = Asked::Enrollment { token: token_digest(token), hardware: host.hardware.clone() };
        self.take_off(now, (enrollment::PATH, body.ok()?), (asked, CheckinReason::Startup), chance)
    }

    /// Sees to it that there is a key and an attempt. They are stored before the request leaves.
    fn ready_to_enroll(&mut self, now: Timestamp, host: &Host, chance: &mut impl Chance) -> Option<()> {
        if self.enrolled().is_some_and(|enrolled| is_other_mac(&enrolled.hardware, &host.hardware)) {
            self.problems.raise(ProblemCode::HardwareChanged, now, None);
            self.end(End::HardwareChanged, now);
        }
        if self.key.is_none() {
            let key = chance.key().ok()?;
            self.identities.begin(&key, chance.enrollment_id());
            self.key = Some(Arc::new(key));
        }
        let (_, root) = self.run.portal.as_ref()?;
        let identity = self.identities.current.as_mut()?;
        if let Some(enrolled) = &identity.enrolled
            && enrolled.attempt == identity.attempt.id
        {
            // A device id means something to the organization that gave it only.
            let previous = (enrolled.root == *root).then_some(enrolled.device);
            let cause = Cause { reason: EnrollmentReason::First, previous };
            identity.attempt = Attempt { id: chance.enrollment_id(), cause };
        }
        Some(())
    }

    fn check_in(
        &mut self,
        now: Timestamp,
        local: &Local,
        reason: CheckinReason,
        chance: &mut impl Chance,
    ) -> Option<HttpRequest> {
        let addressee = self.addressee()?;
        let (_, root) = self.run.portal.as_ref()?;
        let have = self.trust.have(root, &addressee);
        if self.memory.device_id != Some(addressee.device) {
            self.memory = Memory { device_id: Some(addressee.device), ..Memory::default() };
        }
        let Said { wish, acks } = self.say(now, local, reason);
        if wish == LeaseWish::Verify {
            // The portal judges by the license that it knows. What it accepted may be newer than what this Mac remembers
            // of that, should it have been killed in between.
            self.memory.members.license = None;
        }
        let own = self.problems.for_the_portal();
        let facts = Facts::of(local, &own);
        self.run.seen = Some(facts.fingerprint(local));
        let draft = match reason {
            // The agent that says good-bye looks at nothing any more.
            CheckinReason::Uninstall => Draft::nothing(&self.memory),
            _ => facts.draft(&self.memory, self.run.part, now),
        };
        let Draft { device, license, compliance, problems, images, inventory, accepted } = draft;
        let body = json::write(&CheckinRequest {
            reason,
            have,
            device,
            compliance,
            problems,
            inventory,
            license,
            images,
            acks,
            lease: wish,
        });
        let asked = Asked::Checkin { accepted: Box::new(accepted), addressee, wish };
        self.take_off(now, (checkin::PATH, body.ok()?), (asked, reason), chance)
    }

    fn take_off(
        &mut self,
        now: Timestamp,
        (path, body): (&'static str, Vec<u8>),
        (asked, reason): (Asked, CheckinReason),
        chance: &mut impl Chance,
    ) -> Option<HttpRequest> {
        let pace = &mut self.identities.current.as_mut()?.pace;
        let seq = Some(pace.next_seq(now));
        pace.last = Some(now);
        pace.last_success = self.run.shown.last_success;
        let digest = Digest::of(&body);
        let outgoing = Outgoing { method: "POST", path, query: None, body: Some(body), seq };
        let issuer = match &asked {
            Asked::Enrollment { .. } => self.identities.current.as_ref()?.attempt.id.uuid(),
            Asked::Checkin { addressee, .. } => addressee.device.uuid(),
        };
        let request = self.prove(now, issuer, outgoing, chance)?;
        let (origin, root) = self.run.portal.clone()?;
        self.flight =
            Some(Box::new(Flight { id: request.request_id, origin, root, reason, body: digest, asked }));
        self.timetable.sent(now);
        Some(request)
    }

    /// The long poll; `None` while not enrolled.
    pub fn wait_request(&self, now: Timestamp, chance: &mut impl Chance) -> Option<HttpRequest> {
        let issuer = self.enrolled()?.device.uuid();
        let query = Some(format!("timeout={WAIT_TIMEOUT_S}"));
        let outgoing = Outgoing { method: "GET", path: wait::PATH, query, body: None, seq: None };
        self.prove(now, issuer, outgoing, chance)
    }

    fn prove(
        &self,
        now: Timestamp,
        issuer: uuid::Uuid,
        outgoing: Outgoing,
        chance: &mut impl Chance,
    ) -> Option<HttpRequest> {
        let key: &SigningKey = self.key.as_deref()?;
        let (origin, _) = self.run.portal.clone()?;
        let Outgoing { method, path, query, body, seq } = outgoing;
        let offset = SignedDuration::from_secs(self.identities.current.as_ref()?.pace.clock_offset_s);
        let iat = now.checked_add(offset).unwrap_or(now);
        let signed =
            Request { issuer, origin: &origin, method, path, body: body.as_deref().unwrap_or_default() };
        let proof = proof::prove(key, &signed, iat, seq).ok()?;
        let authorization = proof::authorization(&proof);
        Some(HttpRequest {
            origin,
            method,
            path,
            query,
            request_id: chance.request_id(),
            authorization,
            body,
        })
    }
}
