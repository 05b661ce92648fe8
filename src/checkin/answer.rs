//! Whether an answer is the portal's, and what it says.
//!
//! In go what HTTP brought and the id of the request; out comes one of few meanings. A success has the right status, is
//! `application/json`, a whole object, and this request's. A refusal is a problem of the protocol's table. All else is
//! the network: a captive page, a bare 401, a cut body.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::schedule;
use crate::domain::ids::RequestId;
use crate::wire::codes::ProblemCode;
use crate::wire::json;
use crate::wire::limits::{ANSWER_BODY, JSON};
use crate::wire::problem::{Problem, Refusal, is_media_type};

/// An answer, as HTTP brought it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Meridian-Request-Id`.
    pub request_id: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Date`, which also what stands in the portal's place mostly says.
    pub date: Option<Timestamp>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Whether it echoes the id of this request.
    #[must_use]
    pub fn is_to(&self, id: RequestId) -> bool {
        self.request_id.as_deref().is_some_and(|echo| echo.eq_ignore_ascii_case(&id.to_string()))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetFault {
    /// `PortalURL` is not one that may be used.
    #[error("the portal's address is neither https nor http on a loopback address")]
    Address,
    /// The portal's name has no address.
    #[error("the portal's name cannot be resolved")]
    Dns,
    /// No connection, to the portal or through the proxy.
    #[error("no connection to the portal")]
    Connect,
    /// No TLS connection that can be trusted.
    #[error("no trusted TLS connection: {0}")]
    Tls(TlsFault),
    /// It takes too long.
    #[error("the portal did not answer in time")]
    Timeout,
    /// The body is larger than any answer.
    #[error("the answer is larger than {ANSWER_BODY} bytes")]
    TooLarge,
    /// The connection ended within the answer.
    #[error("the connection ended before the answer was complete")]
    Truncated,
}

/// Why a TLS connection cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate is another host's.
    Name,
    /// The certificate is past its end or before its start.
    Expired,
    /// Nobody trusted issued the certificate: a private CA, or something that intercepts.
    UnknownIssuer,
    /// The certificate or its chain is wrong in another way.
    Chain,
    /// The handshake failed in another way.
    Handshake,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the certificate is for another name",
            Self::Expired => "the certificate has expired or is not yet valid",
            Self::UnknownIssuer => "the certificate's issuer is not trusted",
            Self::Chain => "the certificate is not acceptable",
            Self::Handshake => "the handshake failed",
        })
    }
}

/// What an answer means.
#[derive(Debug)]
pub enum Meaning<T> {
    /// The success that was asked for.
    Success(T),
    /// The portal refuses.
    Refused(Refusal),
    /// The portal has no time; how long it asks to wait.
    Later(Option<SignedDuration>),
    /// It is not the portal that speaks, or not as the protocol has it.
    Network(Trouble),
}

/// What is wrong with the way to the portal, by name and for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The problem's name.
    pub code: ProblemCode,
    /// More for a person; nothing of the answer's text is repeated.
    pub detail: String,
}

impl Trouble {
    fn unreachable(detail: impl Into<String>) -> Self {
        Self { code: ProblemCode::PortalUnreachable, detail: detail.into() }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self { code: ProblemCode::PortalAnswerInvalid, detail: detail.into() }
    }
}

impl From<NetFault> for Trouble {
    fn from(fault: NetFault) -> Self {
        let code = match fault {
            NetFault::Tls(_) => ProblemCode::TlsFailed,
            _ => ProblemCode::PortalUnreachable,
        };
        Self { code, detail: fault.to_string() }
    }
}

/// Reads an answer to the request with this id, whose success has this status.
pub fn read<T: DeserializeOwned>(
    answer: Result<HttpAnswer, NetFault>,
    success: u16,
    id: RequestId,
    now: Timestamp,
) -> Meaning<T> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => return Meaning::Network(fault.into()),
    };
    let status = answer.status;
    if matches!(status, 429 | 503) {
        let asked = answer.retry_after.as_deref().and_then(|text| schedule::retry_after(text, now));
        return Meaning::Later(asked);
    }
    if status == success {
        return match whole(&answer, id) {
            Ok(content) => Meaning::Success(content),
            Err(trouble) => Meaning::Network(trouble),
        };
    }
    match Problem::read(status, answer.content_type.as_deref(), &answer.body) {
        Some(problem) if problem.request_id.is_none_or(|named| named == id) => {
            Meaning::Refused(problem.refusal)
        }
        Some(_) => Meaning::Network(Trouble::unreachable("a refusal of another request came back")),
        None => Meaning::Network(Trouble::unreachable(format!(
            "status {status} came back without one of the portal's problem documents"
        ))),
    }
}

/// The content of a success.
fn whole<T: DeserializeOwned>(answer: &HttpAnswer, id: RequestId) -> Result<T, Trouble> {
    if !answer.content_type.as_deref().is_some_and(|content_type| is_media_type(content_type, JSON)) {
        return Err(Trouble::unreachable(format!("status {} came back without {JSON}", answer.status)));
    }
    if !answer.is_to(id) {
        return Err(Trouble::unreachable("an answer to another request came back"));
    }
    // A list would fill a type's members by their order; only an object is an answer.
    let value = json::parse(&answer.body).map_err(|error| Trouble::invalid(error.to_string()))?;
    if !value.is_object() {
        return Err(Trouble::invalid("the answer is not an object"));
    }
    serde_json::from_value(value).map_err(|_| Trouble::invalid("the answer lacks members or has wrong ones"))
}

#[cfg(test)]
mod tests;
