//! What an error looks like at the edge: the chain printed once, and the exit codes.

use std::error::Error;
use std::fmt;

/// How a `meridian` command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also a `status` that shows a degraded agent.
    Fine = 0,
    /// It failed; the message says why.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// `status --check` found the agent degraded.
    Degraded = 3,
    /// Only root may do this.
    MustBeRoot = 4,
    /// The daemon does not answer; what is shown comes from the status file.
    Unreachable = 5,
    /// `deactivate-license --require-ack`: done on this Mac, and the portal does not know yet.
    NotTold = 6,
}

impl Exit {
    /// Every one, in the order of the README's table.
    pub const ALL: [Self; 7] = [
        Self::Fine,
        Self::Failed,
        Self::Usage,
        Self::Degraded,
        Self::MustBeRoot,
        Self::Unreachable,
        Self::NotTold,
    ];

    /// What it means, in one sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "Done; also a `status` that shows a degraded agent.",
            Self::Failed => "It failed; the message says why.",
            Self::Usage => "The command line is wrong.",
            Self::Degraded => "`status --check` found that not all is well.",
            Self::MustBeRoot => "Only root may do this.",
            Self::Unreachable => "The daemon does not answer; `status` shows what it last wrote.",
            Self::NotTold => {
                "`deactivate-license --require-ack`: done here, and the portal does not know yet."
            }
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Displays an error and its sources on one line, joined by `: `.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
