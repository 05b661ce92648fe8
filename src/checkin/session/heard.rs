//! Answers: what the agent does for each row of the protocol's table of problems, and for a success.

use jiff::{SignedDuration, Timestamp};

use super::request::{Asked, Flight};
use super::{Do, Effect, Session, Step};
use crate::checkin::answer::{self, HttpAnswer, Meaning, NetFault, Trouble};
use crate::checkin::chance::Chance;
use crate::checkin::identity::{Enrolled, Identity, RefusedToken};
use crate::checkin::report::{Accepted, Memory};
use crate::checkin::schedule::{self, Backoff, CAP_S, REFUSED_CAP_S, TOKEN_REST};
use crate::checkin::trust::Refused;
use crate::domain::digest::Digest;
use crate::domain::host::Hardware;
use crate::wire::checkin::{CheckinAnswer, CheckinReason, LeaseWish, Resend};
use crate::wire::codes::ProblemCode;
use crate::wire::document::Addressee;
use crate::wire::enrollment::EnrollmentAnswer;
use crate::wire::limits::CLOCK_TOLERANCE_S;
use crate::wire::problem::Refusal;

/// How old the time of the last success may be that is stored; a younger one waits for the next request.
const STORED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Parts of an inventory are never made smaller, in bytes.
const LEAST_PART: usize = 16 << 10;

const ASSIGNMENT_PROBLEMS: [ProblemCode; 4] = [
    ProblemCode::AssignmentRollback,
    ProblemCode::AssignmentEquivocation,
    ProblemCode::AssignmentForeign,
    ProblemCode::AssignmentSignature,
];

impl Session {
    /// The answer to the request that is under way. Poll again after it.
    pub fn answer(
        &self,
        now: Timestamp,
        answer: Result<HttpAnswer, NetFault>,
        chance: &mut impl Chance,
    ) -> Step {
        let mut next = self.clone();
        let mut effects = Vec::new();
        if let Some(flight) = next.flight.take() {
            next.hear(now, *flight, answer, (&mut effects, chance));
        }
        self.step(next, effects, Do::Nothing)
    }

    fn hear<C: Chance>(
        &mut self,
        now: Timestamp,
        flight: Flight,
        answer: Result<HttpAnswer, NetFault>,
        (effects, chance): (&mut Vec<Effect>, &mut C),
    ) {
        let draw = chance.draw();
        match flight.asked.clone() {
            Asked::Enrollment { token, hardware } => match answer::read(answer, 201, flight.id, now) {
                Meaning::Success(answer) => {
                    self.enrolled_as(now, &flight, (token, hardware), &answer, (effects, draw));
                }
                Meaning::Refused(refusal) => {
                    self.enrollment_refused(now, &flight, token, refusal, (effects, chance));
                }
                Meaning::Later(asked) => self.come_later(now, asked, draw),
                Meaning::Network(trouble) => self.failed(now, trouble, (CAP_S, draw)),
            },
            Asked::Checkin { accepted, addressee, wish } => match answer::read(answer, 200, flight.id, now) {
                Meaning::Success(answer) => {
                    self.checked_in(now, &flight, (*accepted, addressee), &answer, (effects, draw));
                }
                Meaning::Refused(Refusal::LicenseDenied { reason }) if wish == LeaseWish::Verify => {
                    self.verification_denied(now, flight.reason, &reason, (effects, draw));
                }
                Meaning::Refused(refusal) => self.refused(now, &flight, refusal, (effects, draw)),
                Meaning::Later(asked) => self.come_later(now, asked, draw),
                Meaning::Network(trouble) => self.failed(now, trouble, (CAP_S, draw)),
            },
        }
    }

    /// An enrollment counts only with an assignment that is signed for the very device and key that it speaks of.
    fn enrolled_as(
        &mut self,
        now: Timestamp,
        flight: &Flight,
        (token, hardware): (Digest, Hardware),
        answer: &EnrollmentAnswer,
        (effects, draw): (&mut Vec<Effect>, f64),
    ) {
        let Some(key) = self.key.as_ref().map(|key| key.thumbprint()) else { return };
        let addressee = Addressee { device: answer.device_id, key };
        let verdict = self.take(now, flight, (Some(&answer.keyset), Some(&answer.assignment)), &addressee);
        let is_signed_for_us = !matches!(verdict, Err(Refused::NoKeyset(_) | Refused::Unverified(..)));
        let organization = self.trust.keyset_of(&flight.root).map(|keyset| keyset.iss);
        let (true, Some(organization)) = (is_signed_for_us, organization) else {
            let detail = "what came with the enrollment is not signed for this Mac".to_owned();
            let trouble = Trouble { code: ProblemCode::PortalAnswerInvalid, detail };
            return self.failed(now, trouble, (CAP_S, draw));
        };
        let Some(identity) = &mut self.identities.current else { return };
        identity.enrolled = Some(Enrolled {
            attempt: identity.attempt.id,
            device: answer.device_id,
            organization,
            root: flight.root,
            origin: flight.origin.clone(),
            hardware,
            token,
            at: Some(now),
        });
        identity.refused = None;
        self.memory = Memory { device_id: Some(answer.device_id), ..Memory::default() };
        self.run.unknown = false;
        self.succeeded(now, answer.server_time);
        self.problems.solve(ProblemCode::HardwareChanged);
        self.granted(effects);
        self.publish(verdict, effects);
        self.take_lease(now, (&flight.root, &addressee), answer.lease.as_deref(), effects);
        // The portal knows nothing of this Mac yet, so the first check-in does not wait for `next`.
        self.timetable.at_once(CheckinReason::Startup);
    }

    fn checked_in(
        &mut self,
        now: Timestamp,
        flight: &Flight,
        (accepted, addressee): (Accepted, Addressee),
        answer: &CheckinAnswer,
        (effects, draw): (&mut Vec<Effect>, f64),
    ) {
        let tokens = (answer.keyset.as_deref(), answer.assignment.as_deref());
        let verdict = self.take(now, flight, tokens, &addressee);
        let (memory, more) = accepted.memory(&answer.rejected, &answer.resend);
        self.memory = memory;
        self.run.unknown = false;
        self.date_success(now);
        self.succeeded(now, answer.server_time);
        self.timetable.set(now, schedule::ordered(&answer.next, draw), CheckinReason::Interval);
        if more {
            self.timetable.at_once(flight.reason);
        }
        let resend = answer.resend.iter().any(|member| *member != Resend::Unknown);
        if resend && !self.run.resent {
            // Like a local change; a portal that is never content is served by interval.
            self.timetable.changed(now, CheckinReason::Interval);
        }
        self.run.resent = resend;
        effects.push(Effect::CheckedIn { wait: answer.next.wait });
        self.publish(verdict, effects);
        let judge = (&flight.root, &addressee);
        self.take_lease(now, judge, answer.lease.as_deref(), effects);
        self.take_commands(now, judge, &answer.commands, effects);
        effects.push(Effect::Acked(answer.acked.clone()));
    }

    /// Takes what is signed, the keyset first. Whether another assignment holds now.
    fn take(
        &mut self,
        now: Timestamp,
        flight: &Flight,
        (keyset, assignment): (Option<&str>, Option<&str>),
        addressee: &Addressee,
    ) -> Result<bool, Refused> {
        let keyset = keyset.map_or(Ok(()), |token| self.trust.take_keyset(&flight.root, token));
        match keyset {
            Ok(()) => self.problems.solve(ProblemCode::KeysetInvalid),
            Err(refused) => self.problems.raise(refused.code(), now, Some(reason(&refused))),
        }
        let verdict = assignment
            .map_or(Ok(false), |token| self.trust.take_assignment(&flight.root, token, addressee, now));
        self.judged(now, &ASSIGNMENT_PROBLEMS, verdict.as_ref().err());
        verdict
    }

    /// Of these problems holds the one by which something was refused, and no other.
    pub(super) fn judged(&mut self, now: Timestamp, codes: &[ProblemCode], refused: Option<&Refused>) {
        for code in codes {
            if refused.map(Refused::code) != Some(*code) {
                self.problems.solve(*code);
            }
        }
        if let Some(refused) = refused {
            self.problems.raise(refused.code(), now, Some(reason(refused)));
        }
    }

    fn publish(&self, verdict: Result<bool, Refused>, effects: &mut Vec<Effect>) {
        if let (Ok(true), Some(assignment)) = (verdict, self.assignment()) {
            effects.push(Effect::Assigned(assignment.clone()));
        }
    }

    fn date_success(&mut self, now: Timestamp) {
        self.run.shown.last_success = Some(now);
        if let Some(Identity { pace, .. }) = &mut self.identities.current
            && schedule::passed(pace.last_success, STORED_EVERY, now)
        {
            pace.last_success = Some(now);
        }
    }

    fn succeeded(&mut self, now: Timestamp, server_time: Timestamp) {
        self.run.retried = false;
        self.problems.way_is_free();
        self.problems.solve(ProblemCode::EnrollmentRefused);
        let off = now.as_second().abs_diff(server_time.as_second());
        self.problems.set(ProblemCode::ClockSkew, off > CLOCK_TOLERANCE_S, now);
        if let Some(identity) = &mut self.identities.current {
            identity.pace.backoff = Backoff::default();
        }
    }

    fn failed(&mut self, now: Timestamp, trouble: Trouble, (cap_s, draw): (u32, f64)) {
        self.problems.trouble(now, trouble);
        self.back_off(now, (cap_s, None), draw);
    }

    /// 429 and 503: later, and not before what the portal asks for.
    fn come_later(&mut self, now: Timestamp, asked: Option<SignedDuration>, draw: f64) {
        let detail = "the portal asks to come back later".to_owned();
        self.problems.trouble(now, Trouble { code: ProblemCode::PortalUnreachable, detail });
        self.back_off(now, (CAP_S, asked), draw);
    }

    fn back_off(&mut self, now: Timestamp, (cap_s, asked): (u32, Option<SignedDuration>), draw: f64) {
        self.run.retried = false;
        let Some(identity) = &mut self.identities.current else { return };
        identity.pace.backoff = identity.pace.backoff.failed(cap_s);
        let wait = identity.pace.backoff.wait(asked, draw);
        self.timetable.set(now, wait, CheckinReason::Interval);
    }

    fn enrollment_refused<C: Chance>(
        &mut self,
        now: Timestamp,
        flight: &Flight,
        token: Digest,
        refusal: Refusal,
        (effects, chance): (&mut Vec<Effect>, &mut C),
    ) {
        let Some(identity) = &mut self.identities.current else { return };
        let draw = chance.draw();
        match &refusal {
            Refusal::TokenInvalid | Refusal::TokenExpired | Refusal::TokenUsed => {
                identity.refused = Some(RefusedToken { token, at: now });
                let is_enrolled = identity.enrolled.is_some();
                self.problems.raise(ProblemCode::EnrollmentRefused, now, Some(refusal.name().to_owned()));
                if is_enrolled {
                    // Check-ins go on meanwhile: the portal may know the device again.
                    return self.back_off(now, (REFUSED_CAP_S, None), draw);
                }
                self.run.retried = false;
                self.problems.way_is_free();
                let wait = TOKEN_REST + schedule::part(TOKEN_REST / 10, draw);
                self.timetable.set(now, wait, CheckinReason::Interval);
            }
            Refusal::LicenseDenied { reason } => {
                self.deny(now, reason, effects);
                self.problems.way_is_free();
                self.back_off(now, (REFUSED_CAP_S, None), draw);
            }
            Refusal::EnrollmentConflict => {
                identity.attempt.id = chance.enrollment_id();
                self.failed(now, said(&refusal), (CAP_S, draw));
            }
            _ => self.refused(now, flight, refusal, (effects, draw)),
        }
    }

    /// The rows that both requests share. A refusal that does not belong to the request backs off like the network.
    fn refused(
        &mut self,
        now: Timestamp,
        flight: &Flight,
        refusal: Refusal,
        (effects, draw): (&mut Vec<Effect>, f64),
    ) {
        match refusal {
            Refusal::ClockSkew { server_time } if self.may_retry(flight) => {
                if let Some(identity) = &mut self.identities.current {
                    identity.pace.clock_offset_s = server_time.as_second() - now.as_second();
                }
            }
            Refusal::Sequence { floor } if !self.run.retried && self.jump(now, floor) => {
                self.may_retry(flight);
            }
            Refusal::SignatureInvalid | Refusal::DeviceUnknown => {
                self.run.unknown = matches!(flight.asked, Asked::Checkin { .. }) || self.run.unknown;
                self.failed(now, said(&refusal), (REFUSED_CAP_S, draw));
            }
            Refusal::Malformed => {
                // Tells the portal everything anew, in case that a delta was at fault.
                self.memory = Memory { device_id: self.memory.device_id, ..Memory::default() };
                if self.run.malformed.replace(flight.body) != Some(flight.body) {
                    effects.push(Effect::Malformed(flight.body));
                }
                self.failed(now, said(&refusal), (CAP_S, draw));
            }
            Refusal::TooLarge { .. } => {
                self.run.part = (self.run.part / 2).max(LEAST_PART);
                self.failed(now, said(&refusal), (CAP_S, draw));
            }
            // Whether this Mac is another one was looked at before the request left, so that `device-forked` about
            // this one is the network; the rest has no place here or was retried once.
            _ => self.failed(now, said(&refusal), (CAP_S, draw)),
        }
    }

    fn jump(&mut self, now: Timestamp, floor: u64) -> bool {
        self.identities.current.as_mut().is_some_and(|identity| identity.pace.jump(floor, now))
    }

    /// The one retry, if it was not made yet.
    fn may_retry(&mut self, flight: &Flight) -> bool {
        let first = !self.run.retried;
        if first {
            self.run.retried = true;
            self.timetable.at_once(flight.reason);
        }
        first
    }
}

fn reason(refused: &Refused) -> String {
    crate::error::Chain(refused).to_string()
}

/// What a refusal is to a person.
fn said(refusal: &Refusal) -> Trouble {
    let code = match refusal {
        Refusal::ClockSkew { .. } => ProblemCode::ClockSkew,
        Refusal::DeviceUnknown => ProblemCode::DeviceUnknown,
        Refusal::DeviceForked => ProblemCode::DeviceForked,
        _ => ProblemCode::PortalRefused,
    };
    Trouble { code, detail: format!("the portal answers {}", refusal.name()) }
}
