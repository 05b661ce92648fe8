//! What a tool's end means: done, or a [`Refusal`]; and the six answers that are told apart everywhere.

use std::fmt;

use super::ParseError;
use crate::domain::license::without_keys;
use crate::domain::version::{Gate, ParallelsVersion};
use crate::error::Chain;

/// What a tool printed and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Why a tool did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Exit code 253: Parallels' service does not run (from the OpenVZ fork). An everyday state.
    #[error("Parallels' service is stopped")]
    ServiceStopped,
    /// Exit code 254: the virtual machine is frozen (from the OpenVZ fork).
    #[error("the virtual machine is frozen")]
    Frozen,
    /// An administrator's password is asked for, that is: a restriction is in force.
    #[error("an administrator's password is asked for")]
    NeedsAdministrator,
    /// The custom password is asked for.
    #[error("the custom password is asked for; remove it, or make the change, in Parallels Desktop")]
    NeedsCustomPassword,
    /// The configuration of the virtual machine is locked.
    #[error("the configuration of the virtual machine is locked")]
    Locked,
    /// The user has no session to run in.
    #[error("the user is not logged in")]
    NotLoggedIn,
    /// Parallels' service let nobody in, also when asked again.
    #[error("Parallels' service refused the login")]
    LoginFailed,
    /// Anything else.
    #[error("{message} (exit code {})", code.map_or_else(|| "none".to_owned(), |code| code.to_string()))]
    Other {
        /// The exit code; none when a signal ended it.
        code: Option<i32>,
        /// The first line of the complaint, without paths of users and without control characters.
        message: String,
    },
}

/// The longest complaint that is kept, in characters.
const LONGEST_MESSAGE: usize = 200;

impl Output {
    /// A successful end with this on standard output.
    #[must_use]
    pub fn success(stdout: impl Into<Vec<u8>>) -> Self {
        Self { code: Some(0), stdout: stdout.into(), stderr: Vec::new() }
    }

    /// An end with this exit code and complaint.
    #[must_use]
    pub fn failure(code: i32, stderr: impl Into<Vec<u8>>) -> Self {
        Self { code: Some(code), stdout: Vec::new(), stderr: stderr.into() }
    }

    /// True when it ended with exit code 0, the only truth about a change.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self.code, Some(0))
    }

    /// True when the service let the tool not in, which passes: facts, Parallels' own plugins ask again.
    #[must_use]
    pub fn login_failed(&self) -> bool {
        !self.succeeded() && contains(&self.stderr, "login failed:")
    }

    /// Standard output of a success.
    ///
    /// # Errors
    /// The [`Refusal`] of anything else.
    pub fn into_stdout(self) -> Result<Vec<u8>, Refusal> {
        if self.succeeded() { Ok(self.stdout) } else { Err(self.refusal()) }
    }

    /// What an end other than success means.
    fn refusal(&self) -> Refusal {
        let says = |text| contains(&self.stderr, text) || contains(&self.stdout, text);
        match self.code {
            _ if has_no_session(self) => Refusal::NotLoggedIn,
            Some(253) => Refusal::ServiceStopped,
            Some(254) => Refusal::Frozen,
            _ if self.login_failed() => Refusal::LoginFailed,
            _ if says("host os administrator's credentials") => Refusal::NeedsAdministrator,
            _ if asks_for_custom_password(self) => Refusal::NeedsCustomPassword,
            _ if says_locked(self) => Refusal::Locked,
            code => Refusal::Other { code, message: self.complaint() },
        }
    }

    fn complaint(&self) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr);
        let stdout = String::from_utf8_lossy(&self.stdout);
        let line = stderr.lines().chain(stdout.lines()).map(str::trim).find(|line| !line.is_empty());
        line.map_or_else(|| "it failed without a word".to_owned(), presentable)
    }
}

/// Inferred: how `launchctl asuser` and `sudo` complain when the user has no session.
fn has_no_session(output: &Output) -> bool {
    const WORDS: [&str; 5] = [
        "could not find domain",
        "could not find specified domain",
        "could not switch to audit session",
        "domain does not support specified action",
        "not logged in",
    ];
    WORDS.iter().any(|words| contains(&output.stderr, words))
}

/// Inferred: the words in which a change is refused under a custom password.
fn asks_for_custom_password(output: &Output) -> bool {
    contains(&output.stderr, "custom password") || contains(&output.stdout, "custom password")
}

/// Inferred: the words in which a change is refused while the configuration is locked.
fn says_locked(output: &Output) -> bool {
    contains(&output.stderr, " locked") || contains(&output.stdout, " locked")
}

/// Whether the lower-case `words` stand in `bytes` in any case.
fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// A line that may travel: paths of users are cut, license keys masked, control characters replaced, the length is
/// limited.
fn presentable(line: &str) -> String {
    let line = without_paths(&without_keys(line));
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect()
}

/// The text without what follows `/Users/`. A path may hold spaces, so it is taken to end where a quotation, a clause or the
/// line does.
fn without_paths(text: &str) -> String {
    let mut parts = text.split("/Users/");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['"', '\'', '”', '’', '»', ':', ';', ',', '(', ')', '\n']);
        masked.push_str("/Users/…");
        masked.push_str(&part[end.unwrap_or(part.len())..]);
    }
    masked
}

/// What stood in the way of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Of which kind it is.
    pub kind: ObstacleKind,
    /// What happened, in words that may travel.
    pub words: String,
}

/// The kinds of obstacles that need different remedies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// Nobody has asked yet.
    NotYet,
    /// The tool may not be Parallels' and is not run.
    Untrusted,
    /// The tool hung, or is left alone because it did.
    Hung,
    /// The tool failed.
    Failed,
    /// The tool answered, and the answer was not understood.
    Unreadable,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What was found out about something, or why it was not. An empty list is `Known`: that there are no virtual
/// machines is knowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The answer.
    Known(T),
    /// Nobody could be asked, or nobody understood the answer.
    CouldNotAsk(Obstacle),
    /// Parallels' service is stopped, which is an everyday state; what was known last stays.
    ServiceStopped,
    /// The user is not logged in.
    NotLoggedIn,
    /// Parallels Desktop is not installed.
    NotInstalled,
    /// Parallels Desktop is too old for it.
    TooOld(ParallelsVersion),
}

impl<T> Answer<T> {
    /// The answer, if there is one.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The same answer about something that is made of this.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Known(value) => Answer::Known(make(value)),
            Self::CouldNotAsk(why) => Answer::CouldNotAsk(why),
            Self::ServiceStopped => Answer::ServiceStopped,
            Self::NotLoggedIn => Answer::NotLoggedIn,
            Self::NotInstalled => Answer::NotInstalled,
            Self::TooOld(version) => Answer::TooOld(version),
        }
    }
}

impl<T> From<Refusal> for Answer<T> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ServiceStopped => Self::ServiceStopped,
            Refusal::NotLoggedIn => Self::NotLoggedIn,
            other => Self::CouldNotAsk(Obstacle { kind: ObstacleKind::Failed, words: other.to_string() }),
        }
    }
}

impl<T> From<ParseError> for Answer<T> {
    fn from(error: ParseError) -> Self {
        Self::CouldNotAsk(Obstacle { kind: ObstacleKind::Unreadable, words: Chain(&error).to_string() })
    }
}

impl Answer<ParallelsVersion> {
    /// The same, and too old where it does not reach `gate`.
    #[must_use]
    pub fn reaching(self, gate: Gate) -> Self {
        match self {
            Self::Known(version) if !version.reaches(gate) => Self::TooOld(version),
            other => other,
        }
    }
}

impl<T> fmt::Display for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(_) => f.write_str("known"),
            Self::CouldNotAsk(why) => write!(f, "could not ask: {why}"),
            Self::ServiceStopped => f.write_str("Parallels' service is stopped"),
            Self::NotLoggedIn => f.write_str("the user is not logged in"),
            Self::NotInstalled => f.write_str("Parallels Desktop is not installed"),
            Self::TooOld(version) => write!(f, "Parallels Desktop {version} is too old"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_meaning() {
        let admin = "Failed to register the VM: The operation failed. To perform this operation, you must enter the host OS \
                     administrator's credentials.";
        for (code, stderr, refusal) in [
            (253, "Unable to connect", Refusal::ServiceStopped),
            (254, "", Refusal::Frozen),
            (255, admin, Refusal::NeedsAdministrator),
            (255, "You must enter the Custom Password.", Refusal::NeedsCustomPassword),
            (255, "The virtual machine configuration is locked.", Refusal::Locked),
            (1, "Login failed: nobody", Refusal::LoginFailed),
            (113, "Could not find domain for user: 502", Refusal::NotLoggedIn),
            (
                255,
                "\n  Odd\u{7}thing\nmore",
                Refusal::Other { code: Some(255), message: "Odd thing".to_owned() },
            ),
            (
                1,
                "No such file /Users/anna/x.pvm here",
                Refusal::Other { code: Some(1), message: "No such file /Users/…".to_owned() },
            ),
            (
                255,
                "Failed to install the license: AAAAAA-BBBBBB-CCCCCC-DDDDDD-EEEEEE is taken",
                Refusal::Other {
                    code: Some(255),
                    message: "Failed to install the license: AAAAAA-******-******-******-EEEEEE is taken"
                        .to_owned(),
                },
            ),
            (1, "", Refusal::Other { code: Some(1), message: "it failed without a word".to_owned() }),
        ] {
            assert_eq!(Output::failure(code, stderr).into_stdout(), Err(refusal), "{code} {stderr}");
        }
        assert_eq!(Output::success("x").into_stdout(), Ok(b"x".to_vec()));
    }

    #[test]
    fn a_complaint_may_stand_on_standard_output_and_is_kept_short() {
        let output = Output { code: Some(255), stdout: "é".repeat(5000).into_bytes(), stderr: Vec::new() };
        let Err(Refusal::Other { message, .. }) = output.into_stdout() else { panic!("no other refusal") };
        assert_eq!(message.chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn noise_on_a_success_is_no_failed_login() {
        let noisy = Output { stderr: b"Login failed: once".to_vec(), ..Output::success("[]") };
        assert!(!noisy.login_failed());
        assert!(noisy.succeeded());
    }
}
