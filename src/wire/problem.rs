//! What a portal refuses and how it says so (RFC 9457).
//!
//! In go status, content type and body; out comes a [`Problem`] only if the pair of status and type stands in the
//! protocol's table and its members are whole. Everything else is the network, not the portal. The statuses 429 and
//! 503 mean "later" whatever their body says, and are no problems.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json;
use super::limits::LARGEST_INTEGER;
use super::time;
use crate::domain::ids::RequestId;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What `type` begins with.
const URN: &str = "urn:meridian:problem:";

/// What was refused, with the members that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The body is broken, or `reason` or `have` are; for an enrollment, any member.
    Malformed,
    /// The proof's `iat` is too far from the portal's clock.
    ClockSkew {
        /// The portal's clock.
        server_time: Timestamp,
    },
    /// The proof's `seq` is not above the highest one seen.
    Sequence {
        /// The highest one seen.
        floor: u64,
    },
    /// The proof is missing, or is not what it should be.
    SignatureInvalid,
    /// The portal does not know the device.
    DeviceUnknown,
    /// The enrollment token is unknown.
    TokenInvalid,
    /// The enrollment token has expired.
    TokenExpired,
    /// The enrollment token was for one use and is used.
    TokenUsed,
    /// No license can be leased.
    LicenseDenied {
        /// Why, a word of the portal's.
        reason: String,
    },
    /// The enrollment id is taken by another key.
    EnrollmentConflict,
    /// The device's identity is used by two Macs.
    DeviceForked,
    /// The body is too large.
    TooLarge {
        /// The largest that is taken, in bytes.
        limit: u64,
    },
}

impl Refusal {
    /// The pair of status and name in the protocol's table.
    #[must_use]
    pub const fn pair(&self) -> (u16, &'static str) {
        match self {
            Self::Malformed => (400, "malformed"),
            Self::ClockSkew { .. } => (401, "clock-skew"),
            Self::Sequence { .. } => (401, "sequence"),
            Self::SignatureInvalid => (401, "signature-invalid"),
            Self::DeviceUnknown => (401, "device-unknown"),
            Self::TokenInvalid => (403, "token-invalid"),
            Self::TokenExpired => (403, "token-expired"),
            Self::TokenUsed => (403, "token-used"),
            Self::LicenseDenied { .. } => (403, "license-denied"),
            Self::EnrollmentConflict => (409, "enrollment-conflict"),
            Self::DeviceForked => (409, "device-forked"),
            Self::TooLarge { .. } => (413, "too-large"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.pair().0
    }

    /// The name, the end of `type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.pair().1
    }

    fn read(status: u16, name: &str, body: &Value) -> Option<Self> {
        let number = |member| body.get(member)?.as_u64().filter(|number| *number <= LARGEST_INTEGER);
        let text = |member| body.get(member)?.as_str();
        let refusal = match name {
            "malformed" => Self::Malformed,
            "clock-skew" => Self::ClockSkew { server_time: time::read(text("server_time")?).ok()? },
            "sequence" => Self::Sequence { floor: number("floor")? },
            "signature-invalid" => Self::SignatureInvalid,
            "device-unknown" => Self::DeviceUnknown,
            "token-invalid" => Self::TokenInvalid,
            "token-expired" => Self::TokenExpired,
            "token-used" => Self::TokenUsed,
            "license-denied" => Self::LicenseDenied { reason: text("reason")?.to_owned() },
            "enrollment-conflict" => Self::EnrollmentConflict,
            "device-forked" => Self::DeviceForked,
            "too-large" => Self::TooLarge { limit: number("limit")? },
            _ => return None,
        };
        (refusal.status() == status).then_some(refusal)
    }
}

/// A refusal as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was refused.
    pub refusal: Refusal,
    /// The request it answers.
    pub request_id: Option<RequestId>,
    /// More for a person: no path below `/Users`, no token, no key.
    pub detail: Option<String>,
}

impl Problem {
    /// Reads an answer. `None` means that it is not a portal that speaks.
    #[must_use]
    pub fn read(status: u16, content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        if !is_media_type(content_type?, MEDIA_TYPE) {
            return None;
        }
        let body = json::parse(body).ok()?;
        let name = body.get("type")?.as_str()?.strip_prefix(URN)?;
        Some(Self {
            refusal: Refusal::read(status, name, &body)?,
            request_id: body.get("request_id").and_then(Value::as_str).and_then(|id| id.parse().ok()),
            detail: body.get("detail").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        let (status, name) = self.refusal.pair();
        let mut body = json!({"type": format!("{URN}{name}"), "title": name, "status": status});
        match &self.refusal {
            Refusal::ClockSkew { server_time } => body["server_time"] = time::write(*server_time).into(),
            Refusal::Sequence { floor } => body["floor"] = (*floor).into(),
            Refusal::LicenseDenied { reason } => body["reason"] = reason.as_str().into(),
            Refusal::TooLarge { limit } => body["limit"] = (*limit).into(),
            _ => {}
        }
        if let Some(id) = self.request_id {
            body["request_id"] = id.to_string().into();
        }
        if let Some(detail) = &self.detail {
            body["detail"] = detail.as_str().into();
        }
        body
    }
}

/// Whether a `Content-Type` names this media type, whatever its parameters.
#[must_use]
pub fn is_media_type(content_type: &str, media_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> Vec<Refusal> {
        vec![
            Refusal::Malformed,
            Refusal::ClockSkew { server_time: time::read("2025-12-24T16:00:00Z").unwrap() },
            Refusal::Sequence { floor: 1_764_000_000_001 },
            Refusal::SignatureInvalid,
            Refusal::DeviceUnknown,
            Refusal::TokenInvalid,
            Refusal::TokenExpired,
            Refusal::TokenUsed,
            Refusal::LicenseDenied { reason: "no-seat".to_owned() },
            Refusal::EnrollmentConflict,
            Refusal::DeviceForked,
            Refusal::TooLarge { limit: 1 << 20 },
        ]
    }

    #[test]
    fn every_pair_of_the_table_reads_back_and_no_other_pair_does() {
        for refusal in table() {
            let status = refusal.status();
            let problem =
                Problem { refusal, request_id: Some(RequestId::next()), detail: Some("why".to_owned()) };
            let body = problem.body().to_string().into_bytes();
            let read = |status| Problem::read(status, Some("application/problem+json; charset=utf-8"), &body);
            assert_eq!(read(status), Some(problem.clone()));
            for other in (200..600).filter(|other| *other != status) {
                assert_eq!(read(other), None, "{other} {body:?}");
            }
            assert_eq!(Problem::read(status, Some("application/json"), &body), None);
            assert_eq!(Problem::read(status, None, &body), None);
        }
    }

    #[test]
    fn a_problem_without_its_members_is_the_network() {
        for (status, body) in [
            (401, r#"{"type":"urn:meridian:problem:clock-skew"}"#),
            (401, r#"{"type":"urn:meridian:problem:clock-skew","server_time":"now"}"#),
            (401, r#"{"type":"urn:meridian:problem:sequence","floor":-1}"#),
            (401, r#"{"type":"urn:meridian:problem:sequence","floor":9007199254740992}"#),
            (401, r#"{"type":"urn:meridian:problem:sequence","floor":1,"floor":2}"#),
            (403, r#"{"type":"urn:meridian:problem:license-denied"}"#),
            (413, r#"{"type":"urn:meridian:problem:too-large","limit":"1"}"#),
            (401, r#"{"type":"urn:other:problem:device-unknown"}"#),
            (401, r#"{"type":"device-unknown"}"#),
            (401, r#"["urn:meridian:problem:device-unknown"]"#),
            (403, r#"{"type":"about:blank"}"#),
            (401, "<html>"),
        ] {
            assert_eq!(Problem::read(status, Some(MEDIA_TYPE), body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(status in any::<u16>(), content_type in ".*", body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Problem::read(status, Some(&content_type), &body);
            let _ = Problem::read(status, Some(MEDIA_TYPE), &body);
        }
    }
}
