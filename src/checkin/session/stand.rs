//! How this Mac stands to the portal, and when the next request is due.

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Session, Standing};
use crate::checkin::identity::{End, is_other_mac, token_digest};
use crate::checkin::local::Local;
use crate::checkin::report::{Facts, Memory};
use crate::checkin::schedule::{self, Backoff, TOKEN_REST};
use crate::checkin::trust::Held;
use crate::wire::assignment::Assignment;
use crate::wire::checkin::CheckinReason;

impl Session {
    /// A signed assignment that retires this device ends its identity. Looked at before everything else, so that a
    /// crash between storing the assignment and this costs nothing.
    pub(super) fn retire(&mut self, now: Timestamp, local: &Local, effects: &mut Vec<Effect>) {
        let is_retired =
            |held: &Held<Assignment>| held.document.retired && Some(held.addressee) == self.addressee();
        if self.trust.held().is_some_and(is_retired) {
            self.end(End::Retired, now);
            if let Some(token) = &local.portal.token {
                self.identities.spend(token_digest(token));
            }
            effects.push(Effect::Retired);
        }
    }

    pub(super) fn end(&mut self, end: End, now: Timestamp) {
        self.identities.end(end, now);
        self.key = None;
        self.memory = Memory::default();
        self.run.unknown = false;
    }

    /// How this Mac stands to the portal that the profile names.
    pub(super) fn stand(&mut self, now: Timestamp, local: &Local) -> Standing {
        let Some(origin) = &local.portal.origin else { return Standing::NoPortal };
        let Some(root) = local.portal.root_key else { return Standing::NoRootKey };
        let token = local.portal.token.as_ref().map(token_digest);
        let portal = Some((origin.clone(), root));
        // What was never seen before did not change: a start goes on with its backoff.
        let is_known = self.run.portal.is_some();
        let moved = is_known && self.run.portal != portal;
        if moved && let Some(identity) = &mut self.identities.current {
            // Failures of another portal say nothing about this one.
            identity.pace.backoff = Backoff::default();
        }
        if moved || (is_known && self.run.token != token && self.is_to_enroll()) {
            self.timetable.set(now, SignedDuration::ZERO, CheckinReason::ProfileChange);
        }
        (self.run.portal, self.run.token) = (portal, token);
        let may_enroll = token.is_some_and(|token| !self.identities.spent.contains(&token));
        let Some(host) = &local.host else {
            return if self.enrolled().is_some() { Standing::Enrolled } else { Standing::NoHost };
        };
        match self.enrolled() {
            Some(enrolled) if is_other_mac(&enrolled.hardware, &host.hardware) => {
                if may_enroll {
                    Standing::Enrolling
                } else {
                    Standing::HardwareChanged
                }
            }
            Some(_) if self.run.unknown && may_enroll && self.rests_until(now).is_none() => {
                Standing::Enrolling
            }
            Some(_) => Standing::Enrolled,
            None if may_enroll => Standing::Enrolling,
            None if self.identities.former.last().is_some_and(|former| former.end == End::Retired) => {
                Standing::Retired
            }
            None => Standing::NoToken,
        }
    }

    /// Whether a token is waited for.
    fn is_to_enroll(&self) -> bool {
        self.enrolled().is_none() || self.run.unknown
    }

    /// Until when the profile's token rests after it was refused.
    fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let refused = self.identities.current.as_ref()?.refused?;
        let rests =
            Some(refused.token) == self.run.token && !schedule::passed(Some(refused.at), TOKEN_REST, now);
        rests.then(|| schedule::later(refused.at, TOKEN_REST))
    }

    /// Compares what is there with what was said last.
    pub(super) fn notice(&mut self, now: Timestamp, local: &Local) {
        let Some(seen) = self.run.seen else { return };
        let own = self.problems.for_the_portal();
        let present = Facts::of(local, &own).fingerprint(local);
        let licensing = self.licensing_differs(now, local);
        if present == seen && !licensing {
            return;
        }
        let reason = if licensing || present.license_differs(&seen) {
            CheckinReason::LicenseChange
        } else if present.vms_differ(&seen) {
            CheckinReason::VmChange
        } else if present.profile_differs(&seen) {
            CheckinReason::ProfileChange
        } else {
            CheckinReason::Interval
        };
        self.timetable.changed(now, reason);
    }

    pub(super) fn due(&mut self, now: Timestamp, standing: Standing) -> (Timestamp, CheckinReason) {
        let failing = self.backoff().failures > 0;
        let (at, reason) = self.timetable.next(now, failing);
        let rests = if standing == Standing::Enrolling { self.rests_until(now) } else { None };
        match rests {
            // A person may try a refused token again at any time.
            Some(until) if reason != CheckinReason::Manual => (at.max(until), reason),
            _ => (at, reason),
        }
    }
}
