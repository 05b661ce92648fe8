//! Why a step of an installation was not made, and whether it is tried again. Pure.
//!
//! In go the errors of tools, of the book and of lists; out comes a [`Trouble`]. What is known to pass is waited for; what
//! may be the image's own fault is tried a number of times.

use crate::error::Chain;
use crate::hypervisor::images;
use crate::hypervisor::outcome::{Answer, Refusal};
use crate::hypervisor::runner::RunError;
use crate::hypervisor::users::LocalUser;
use crate::inventory::Snapshot;
use crate::state::StateError;
use crate::wire::codes::ProblemCode;

/// How often a step that failed without a known reason is made again.
const FAILURES: u32 = 4;

/// Why a step was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// The kind.
    pub code: ProblemCode,
    /// In words that may travel.
    pub why: String,
    /// Whether it is tried again.
    pub again: Again,
}

/// Whether a step that was not made is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// For as long as it takes: what it waits for is known and passes.
    Always,
    /// So many times in a row, what it waited for otherwise left out.
    Times(u32),
    /// Not at all.
    Never,
}

impl Trouble {
    /// One that is tried again: for ever where it is known what it waits for.
    pub fn passing(code: ProblemCode, why: impl Into<String>) -> Self {
        let again =
            if code == ProblemCode::ImageInstallFailed { Again::Times(FAILURES) } else { Again::Always };
        Self { code, why: why.into(), again }
    }

    /// One that is not.
    pub fn lasting(code: ProblemCode, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), again: Again::Never }
    }
}

impl From<StateError> for Trouble {
    fn from(error: StateError) -> Self {
        Self::passing(ProblemCode::StateWriteFailed, Chain(&error).to_string())
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        let code = match &error {
            _ if images::is_privacy_refusal(&error) => ProblemCode::ImagePrivacyRefused,
            RunError::Refused(Refusal::ServiceStopped) => ProblemCode::ServiceStopped,
            RunError::Refused(Refusal::NotLoggedIn) => ProblemCode::UserNotLoggedIn,
            RunError::Refused(Refusal::NeedsCustomPassword) => ProblemCode::NeedsCustomPassword,
            // Parallels Desktop is being updated, or its tools hang.
            RunError::NotInstalled => ProblemCode::ParallelsMissing,
            RunError::Untrusted { .. } => ProblemCode::ToolUntrusted,
            RunError::TimedOut { .. } | RunError::Paused { .. } => ProblemCode::ToolFailed,
            _ => ProblemCode::ImageInstallFailed,
        };
        Self::passing(code, Chain(&error).to_string())
    }
}

/// The trouble with a call that makes something of the image: what it hangs at may be the image, and each try lifts the
/// restriction or copies all of it.
pub(super) fn heavy(error: RunError) -> Trouble {
    let hangs = matches!(error, RunError::TimedOut { .. });
    let trouble = Trouble::from(error);
    if hangs { Trouble { again: Again::Times(FAILURES), ..trouble } } else { trouble }
}

/// The trouble with a question that got no answer.
pub(super) fn unanswered(answer: Answer<()>) -> Trouble {
    let code = match answer {
        Answer::ServiceStopped => ProblemCode::ServiceStopped,
        Answer::NotInstalled => ProblemCode::ParallelsMissing,
        Answer::NotLoggedIn => ProblemCode::UserNotLoggedIn,
        _ => ProblemCode::ToolFailed,
    };
    Trouble::passing(code, answer.to_string())
}

/// Whether this user's own list was read: what is missing in another counts as not added.
pub(super) fn has_answered(there: &Snapshot, user: &LocalUser) -> Result<(), Trouble> {
    let theirs = there.listings.iter().find(|listing| listing.user.uid == user.uid);
    match theirs.map(|listing| &listing.answer) {
        Some(Answer::Known(_)) => Ok(()),
        Some(other) => Err(unanswered(other.clone().map(|_| ()))),
        None => Err(Trouble::passing(ProblemCode::UserNotLoggedIn, "the user is not to be found yet")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_hangs_is_tried_a_number_of_times_and_what_passes_for_ever() {
        let paused = RunError::Paused { retry_in: Duration::from_secs(60) };
        let hung = || RunError::TimedOut { program: "prlctl".to_owned(), limit: Duration::from_secs(30) };
        for (error, code, again) in [
            (hung(), ProblemCode::ToolFailed, Again::Always),
            (paused, ProblemCode::ToolFailed, Again::Always),
            (RunError::NotInstalled, ProblemCode::ParallelsMissing, Again::Always),
            (RunError::TooMuch("prlctl".to_owned()), ProblemCode::ImageInstallFailed, Again::Times(FAILURES)),
            (RunError::Refused(Refusal::NotLoggedIn), ProblemCode::UserNotLoggedIn, Again::Always),
        ] {
            let trouble = Trouble::from(error);
            assert_eq!((trouble.code, trouble.again), (code, again), "{trouble}");
        }
        assert_eq!(heavy(hung()).again, Again::Times(FAILURES));
    }
}
