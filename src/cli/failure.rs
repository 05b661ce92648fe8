//! Why a command failed, for people and for programs.

use std::error::Error;
use std::io;
use std::time::Duration;

use serde::Serialize;

use super::text::printable;
use crate::control::client::ClientError;
use crate::error::{Chain, Exit};
use crate::payload::PayloadError;
use crate::state::StateError;

/// Why a command failed. Each message ends with the next step, or its source does.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon gave no answer, and there is no status file to show instead.
    #[error(
        "no status from the daemon and none that can be read on disk ({file}); is the agent installed? ask: meridian doctor"
    )]
    NoStatus {
        /// What is wrong with the file.
        file: String,
        /// Why the daemon gave no answer.
        #[source]
        source: ClientError,
    },
    /// The daemon gave no answer; the status file tells when it last gave signs of life.
    #[error("its last status is of {age}; see: meridian status")]
    Silent {
        /// How old the status file is, in words.
        age: String,
        /// Why the daemon gave no answer.
        #[source]
        source: ClientError,
    },
    /// There is no such setting.
    #[error("there is no setting “{key}”; {hint}")]
    UnknownSetting {
        /// What was asked for.
        key: String,
        /// The nearest names.
        hint: String,
    },
    /// Only root may do it.
    #[error("only root may do this; use: sudo meridian {0}")]
    MustBeRoot(&'static str),
    /// The order could not be written down, and so nothing was done.
    #[error(
        "the license was not given back, and nothing is written down, so that nobody tries again; put it right, then run it again"
    )]
    NotOrdered(#[source] StateError),
    /// What became of the order cannot be read.
    #[error("what became of the order cannot be read; put it right, then run it again")]
    NotRead(#[source] StateError),
    /// Another run of the command has the book of orders.
    #[error(
        "the license was not given back, and nothing is written down: another run of this command is at work; run it again"
    )]
    OrdersBusy,
    /// The system did not let the command work.
    #[error("the license was not given back; run it again")]
    NoRuntime(#[source] io::Error),
    /// The agent was not taken away.
    #[error("the agent was not taken away; stop it with: launchctl bootout system/dev.meridian.agent")]
    NotLeft(#[source] Box<dyn Error>),
    /// The check-in did not end in time.
    #[error("the check-in did not end within {} s and goes on: {pending}; see: meridian status", limit.as_secs())]
    SyncPending {
        /// The time that it had.
        limit: Duration,
        /// What it waits for.
        pending: String,
    },
    /// The installation did not end in time.
    #[error("the installation did not end within {} s and goes on; see: meridian images", .0.as_secs())]
    InstallPending(Duration),
    /// There is no portal to check in with, or the Mac cannot enroll there.
    #[error("there is no check-in to wait for: {0}; put it right, then see: meridian doctor")]
    NoCheckin(String),
    /// A file that was named cannot be read.
    #[error("cannot read {file}")]
    Unread {
        /// Its path.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file that was named is no profile.
    #[error("cannot judge {file}")]
    Unjudged {
        /// Its path.
        file: String,
        /// Why.
        #[source]
        source: PayloadError,
    },
    /// A flag has a value that no profile may carry.
    #[error("no profile is written: {0}")]
    BadDraft(String),
    /// The profile cannot be written.
    #[error("cannot write {file}")]
    Unwritten {
        /// Its path.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An archive is nothing to look at.
    #[error("an archive is nothing for a terminal; use: sudo meridian diagnose --stdout > FILE")]
    ArchiveOnTerminal,
    /// The answer has no JSON form.
    #[error("cannot write the answer as JSON; report this")]
    Encode(#[source] serde_json::Error),
    /// Standard output is gone.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
}

#[derive(Serialize)]
struct FailureView<'a> {
    error: Explanation<'a>,
}

#[derive(Serialize)]
struct Explanation<'a> {
    message: &'a str,
    exit: u8,
}

impl Failure {
    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => error.exit(),
            Self::NoStatus { .. } | Self::Silent { .. } => Exit::Unreachable,
            Self::UnknownSetting { .. } | Self::BadDraft(_) | Self::ArchiveOnTerminal => Exit::Usage,
            Self::Unread { .. } | Self::Unjudged { .. } | Self::Unwritten { .. } => Exit::Failed,
            Self::MustBeRoot(_) => Exit::MustBeRoot,
            Self::NotOrdered(_)
            | Self::NotRead(_)
            | Self::OrdersBusy
            | Self::NoRuntime(_)
            | Self::NotLeft(_) => Exit::Failed,
            Self::SyncPending { .. }
            | Self::InstallPending(_)
            | Self::NoCheckin(_)
            | Self::Encode(_)
            | Self::Output(_) => Exit::Failed,
        }
    }

    /// The chain on one line. Those that say the next step themselves have their cause first, for who reads no more.
    fn message(&self) -> String {
        match self {
            Self::NoStatus { source, .. } | Self::Silent { source, .. } => {
                format!("{}; {self}", Chain(source))
            }
            Self::Unwritten { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                format!("{}; to replace it, add --force", Chain(self))
            }
            other => Chain(other).to_string(),
        }
    }

    /// The complaint for people.
    #[must_use]
    pub(super) fn complaint(&self) -> String {
        format!("meridian: {}\n", printable(&self.message()))
    }

    /// The complaint for programs, on one line.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        let complaint = self.message();
        super::output::json_line(&FailureView {
            error: Explanation { message: &complaint, exit: self.exit() as u8 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::proto::{Refusal, RefusalCode};

    #[test]
    fn each_failure_has_its_exit_code_and_ends_with_a_step() {
        let no_socket = || ClientError::NoSocket("/var/run/meridian/agent.sock".into());
        let refusal = Refusal::new(RefusalCode::Busy, "too many ask; try again");
        for (failure, exit, end) in [
            (Failure::Client(no_socket()), 5, "kickstart system/dev.meridian.agent"),
            (Failure::Client(ClientError::TimedOut(Duration::from_secs(2))), 5, "see its log"),
            (Failure::Client(ClientError::MustBeRoot), 4, "use sudo"),
            (Failure::Client(ClientError::Rejected(refusal)), 1, "try again"),
            (Failure::NoStatus { file: "no file".into(), source: no_socket() }, 5, "meridian doctor"),
            (
                Failure::Silent { age: "7 min ago".into(), source: ClientError::Closed },
                5,
                "see: meridian status",
            ),
            (
                Failure::UnknownSetting { key: "x\u{1b}".into(), hint: "see: meridian explain".into() },
                2,
                "explain",
            ),
            (Failure::MustBeRoot("sync"), 4, "sudo meridian sync"),
            (Failure::InstallPending(Duration::from_secs(45)), 1, "meridian images"),
            (
                Failure::SyncPending { limit: Duration::from_secs(45), pending: "no answer yet".into() },
                1,
                "no answer yet; see: meridian status",
            ),
            (Failure::NoCheckin("no token".into()), 1, "meridian doctor"),
            (
                Failure::Unwritten { file: "m".into(), source: io::ErrorKind::AlreadyExists.into() },
                1,
                "already exists; to replace it, add --force",
            ),
        ] {
            let complaint = failure.complaint();
            assert_eq!(failure.exit() as u8, exit, "{complaint}");
            assert!(complaint.trim_end().ends_with(end), "{complaint}");
            assert!(!complaint.contains('\u{1b}') && complaint.lines().count() == 1, "{complaint}");
            let json: serde_json::Value = serde_json::from_str(&failure.json().unwrap()).unwrap();
            assert_eq!(
                (json["schema"].as_u64(), json["error"]["exit"].as_u64()),
                (Some(1), Some(u64::from(exit)))
            );
        }
    }
}
