//! What a session tells whoever drives it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::Session;
use crate::checkin::identity::Identities;
use crate::checkin::report::Memory;
use crate::checkin::trust::TrustDocument;
use crate::domain::digest::Digest;
use crate::domain::ids::{CommandId, DeviceId, OrganizationId, RequestId};
use crate::wire::assignment::Assignment;
use crate::wire::checkin::{CheckinReason, ReportedProblem};
use crate::wire::command::Command;
use crate::wire::lease::Lease;
use crate::wire::token::Verified;

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// Send this; the answer, or why there is none, goes to [`Session::answer`].
    Send(HttpRequest),
    /// Ask again at this time, or when something changed.
    Until(Timestamp),
    /// Ask again when something changed.
    Nothing,
}

/// A request to the portal. `Debug` shows neither its authorization nor its body, which may hold the enrollment token.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The portal's origin.
    pub origin: String,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// The query, without question mark.
    pub query: Option<String>,
    /// `Meridian-Request-Id`.
    pub request_id: RequestId,
    /// `Authorization`; empty for a request that anyone may make.
    pub authorization: String,
    /// The body, JSON; `None` for a request without.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, method, path, query, request_id, .. } = self;
        let mut shown = f.debug_struct("HttpRequest");
        shown.field("origin", origin).field("method", method).field("path", path).field("query", query);
        shown.field("request_id", request_id).finish_non_exhaustive()
    }
}

/// A document to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Save {
    /// What is trusted.
    Trust(TrustDocument),
    /// Who this Mac is.
    Identities(Identities),
    /// What the portal accepted.
    Memory(Memory),
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Another assignment holds.
    Assigned(Arc<Verified<Assignment>>),
    /// Another lease holds.
    Leased(Arc<Verified<Lease>>),
    /// The portal denies a license; `None` when it no longer does.
    Denied(Option<Denied>),
    /// These are the commands that are open now, by `seq`.
    Commands(Vec<Arc<Verified<Command>>>),
    /// The portal knows what became of these commands, which is none in most check-ins.
    Acked(Vec<CommandId>),
    /// The device was retired; its identity is archived.
    Retired,
    /// A check-in succeeded; whether the portal wants a wait to be held open.
    CheckedIn {
        /// `next.wait`.
        wait: bool,
    },
    /// The portal found a request malformed, told once for each body.
    Malformed(Digest),
}

/// That the portal denies a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why, a word of the portal's.
    pub reason: String,
    /// When it said so.
    pub at: Timestamp,
}

/// One step of a session.
#[must_use]
#[derive(Debug)]
pub struct Step {
    /// The session after it, if the saves succeed.
    pub session: Session,
    /// What has to be stored first, in this order.
    pub saves: Vec<Save>,
    /// Whether the step must not be taken unless the saves succeeded. The others guard against rare repetitions only:
    /// a full disk is no reason to fall silent.
    pub essential: bool,
    /// What to publish then.
    pub effects: Vec<Effect>,
    /// What to do then.
    pub then: Do,
}

/// How this Mac stands to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The profile names no portal.
    NoPortal,
    /// The profile names no root key.
    NoRootKey,
    /// Not enrolled, and nothing to enroll with.
    NoToken,
    /// What the Mac is could not be read yet.
    NoHost,
    /// About to enroll.
    Enrolling,
    /// Enrolled.
    Enrolled,
    /// Another Mac than the one that enrolled, and nothing to enroll with.
    HardwareChanged,
    /// Retired; another token enrolls again.
    Retired,
}

/// What a person is shown of the check-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How this Mac stands to the portal.
    pub standing: Standing,
    /// The device, once enrolled.
    pub device: Option<DeviceId>,
    /// The organization, once enrolled.
    pub organization: Option<OrganizationId>,
    /// When it enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When a check-in succeeded last; after a restart this may be up to an hour too early.
    pub last_success: Option<Timestamp>,
    /// When the next request leaves, and why.
    pub next: Option<(Timestamp, CheckinReason)>,
    /// The failures in a row.
    pub failures: u32,
    /// What was wrong with the last request, while the failures go on.
    pub trouble: Option<ReportedProblem>,
    /// What is wrong.
    pub problems: Vec<ReportedProblem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_without_what_proves_it_and_without_what_it_carries() {
        let request = HttpRequest {
            origin: "https://portal.example.com".to_owned(),
            method: "POST",
            path: "/v1/enrollments",
            query: None,
            request_id: RequestId::of(uuid::Uuid::nil()),
            authorization: "Meridian canary".to_owned(),
            body: Some(b"canary".to_vec()),
        };
        let shown = format!("{request:?} {request:#?}");
        assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
        assert!(shown.contains("/v1/enrollments"));
    }
}
