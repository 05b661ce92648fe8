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

/// Displays an error and its sources on one line, joined by `: `. What an error of another crate repeats of its source is said
/// once.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with this message and what caused it.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn what_a_source_repeats_is_said_once() {
        let chain = |said: &[&'static str]| {
            let error = said.iter().rev().fold(None, |source, text| Some(Box::new(Said(text, source))));
            Chain(error.unwrap().as_ref()).to_string()
        };
        for (said, shown) in [
            (&["a", "b", "c"][..], "a: b: c"),
            (&["cannot read", "no file", "no file"], "cannot read: no file"),
            (
                &["no query", "bad query: limit: zero", "limit: zero", "zero"],
                "no query: bad query: limit: zero",
            ),
            (&["zero is too few", "zero"], "zero is too few: zero"),
            (&["a", "b", "a"], "a: b: a"),
        ] {
            assert_eq!(chain(said), shown);
        }
    }
}
