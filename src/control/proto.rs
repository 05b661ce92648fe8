//! What travels through the local socket: a line of JSON each way, capped, with the number of its schema.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::view::{ExplainView, ImagesView, PlanView, StatusView, VmsView};
use crate::domain::ids::{ImageId, Uid};

/// The number of the present form of requests, answers and the command line's `--json`.
pub const SCHEMA: u32 = 1;

/// The most bytes of a request, its newline included.
pub const REQUEST_LIMIT: usize = 64 << 10;

/// The most bytes of an answer, its newline included.
pub const ANSWER_LIMIT: usize = 16 << 20;

/// What any local user may ask; they see what is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadRequest {
    /// How the agent is.
    Status,
    /// Which value of each setting holds, and why.
    Explain {
        /// This setting alone.
        key: Option<String>,
    },
    /// What would be changed now.
    Plan,
    /// The virtual machines.
    Vms,
    /// The golden images.
    Images,
}

/// What any local user may order for themselves, and root for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnRequest {
    /// Install a golden image.
    InstallImage {
        /// The id or the name of one that is assigned; the first that is offered where none is named.
        image: Option<String>,
        /// For the user of this short name; for the caller where none is named.
        user: Option<String>,
    },
}

/// What only root may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminRequest {
    /// Look at the profile, the portal and the Mac now.
    Sync,
    /// Look at the book of deactivations now: an order was carried out.
    Deactivated,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Changes nothing.
    Read(ReadRequest),
    /// Makes the agent do something for one user.
    Own(OwnRequest),
    /// Makes the agent do something.
    Admin(AdminRequest),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`ReadRequest::Status`].
    Status(Box<StatusView>),
    /// To [`ReadRequest::Explain`].
    Explain(ExplainView),
    /// To [`ReadRequest::Plan`].
    Plan(PlanView),
    /// To [`ReadRequest::Vms`].
    Vms(VmsView),
    /// To [`ReadRequest::Images`].
    Images(ImagesView),
    /// To [`OwnRequest::InstallImage`]: it is waiting; how far it is shows in [`ImagesView`].
    Ordered {
        /// For whom.
        user: Uid,
        /// The image.
        image: ImageId,
        /// Its name.
        name: String,
        /// When it was ordered.
        at: Timestamp,
    },
    /// To an [`AdminRequest`]: it begins; its end shows as a later check-in in [`StatusView`].
    Accepted {
        /// When it was ordered.
        at: Timestamp,
    },
    /// To any request.
    Refused(Refusal),
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people, with the next step.
    pub message: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// It is no request.
    Malformed,
    /// It is of a schema that the daemon does not speak.
    UnsupportedSchema,
    /// The request or its answer is over the limit.
    TooLarge,
    /// Only root may ask it.
    MustBeRoot,
    /// There is no such setting.
    UnknownSetting,
    /// The image is not offered.
    NotOffered,
    /// Too many ask at the same time.
    Busy,
}

impl Refusal {
    /// A refusal with a message for people.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A line that is not what the other end speaks.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not of this form.
    #[error("not a line of the control protocol")]
    Malformed(#[from] serde_json::Error),
    /// Another schema.
    #[error("schema {0} instead of {SCHEMA}; both ends must be of the same release")]
    Schema(u32),
}

#[derive(Serialize)]
struct Line<T> {
    schema: u32,
    #[serde(flatten)]
    content: T,
}

/// The line of a request or an answer, its newline included.
///
/// # Errors
/// When the content has no JSON form, which no request or answer is known for.
pub fn encode<T: Serialize>(content: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(&Line { schema: SCHEMA, content })?;
    line.push(b'\n');
    Ok(line)
}

/// The request or answer in a line.
///
/// # Errors
/// When the line is of another schema or another form.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    // The schema is taken out first, since what another schema says need not be of this form. And through `flatten` every view
    // would have a second reader of its own: 150 KB of program.
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(line)?;
    match serde_json::from_str(members.remove("schema").map_or("null", RawValue::get))? {
        SCHEMA => Ok(serde_json::from_str(&serde_json::to_string(&members)?)?),
        schema => Err(LineError::Schema(schema)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn requests_are_these_lines() {
        for (request, line) in [
            (Request::Read(ReadRequest::Status), r#"{"schema":1,"read":"status"}"#),
            (
                Request::Read(ReadRequest::Explain { key: Some("restrict.create_vm".into()) }),
                r#"{"schema":1,"read":{"explain":{"key":"restrict.create_vm"}}}"#,
            ),
            (
                Request::Read(ReadRequest::Explain { key: None }),
                r#"{"schema":1,"read":{"explain":{"key":null}}}"#,
            ),
            (Request::Read(ReadRequest::Plan), r#"{"schema":1,"read":"plan"}"#),
            (Request::Read(ReadRequest::Vms), r#"{"schema":1,"read":"vms"}"#),
            (Request::Read(ReadRequest::Images), r#"{"schema":1,"read":"images"}"#),
            (
                Request::Own(OwnRequest::InstallImage { image: Some("Windows".into()), user: None }),
                r#"{"schema":1,"own":{"install-image":{"image":"Windows","user":null}}}"#,
            ),
            (Request::Admin(AdminRequest::Sync), r#"{"schema":1,"admin":"sync"}"#),
            (Request::Admin(AdminRequest::Deactivated), r#"{"schema":1,"admin":"deactivated"}"#),
        ] {
            assert_eq!(String::from_utf8(encode(&request).unwrap()).unwrap(), format!("{line}\n"));
            assert_eq!(decode::<Request>(line.as_bytes()).unwrap(), request);
        }
    }

    #[test]
    fn every_answer_is_one_line_and_reads_back() {
        for answer in samples::answers() {
            let line = encode(&answer).unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(decode::<Answer>(&line).unwrap(), answer);
        }
    }

    #[test]
    fn another_schema_is_told_from_garbage() {
        for line in [r#"{"schema":2,"read":"status"}"#, r#"{"schema":0,"ask":7}"#] {
            assert!(matches!(decode::<Request>(line.as_bytes()), Err(LineError::Schema(0 | 2))), "{line}");
        }
        let nested = "[".repeat(10_000);
        for line in [
            "",
            "null",
            "{}",
            r#"{"read":"status"}"#,
            r#"{"schema":1}"#,
            r#"{"schema":1,"read":"secrets"}"#,
            r#"{"schema":1,"admin":"status"}"#,
            r#"{"schema":-1,"read":"status"}"#,
            "\u{0}\u{7f}",
            nested.as_str(),
        ] {
            assert!(matches!(decode::<Request>(line.as_bytes()), Err(LineError::Malformed(_))), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..256)) {
            let _ = decode::<Request>(&bytes);
            let _ = decode::<Answer>(&bytes);
        }
    }
}
