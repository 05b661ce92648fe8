//! What goes wrong, and how output differs from release to release. In: the faults of the state; out: a distorted answer.

use serde::{Deserialize, Serialize};

use super::state::State;
use super::{Answer, Call, Effect, Tool};

/// The line that editions without a feature print before their JSON (prl-devops-service and the terraform provider
/// strip exactly this text).
pub const EDITION_NOISE: &str = "This feature is not available in this edition of Parallels Desktop. \n";

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The tool it strikes; `prlctl` and `prlsrvctl` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tool>,
    /// The verb, which is the first argument, that it strikes; every verb when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// How many more calls it strikes; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The tool never ends (prl-devops-service added a limit of 30 s for this; vagrant-parallels issue 289).
    Hang {
        /// SIGTERM does not end it either.
        #[serde(default)]
        ignore_sigterm: bool,
        /// The change that was asked for is made before it hangs.
        #[serde(default)]
        applied: bool,
    },
    /// The tool takes this many milliseconds longer.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The tool prints without end.
    Flood,
    /// The tool fails.
    Fail {
        /// The exit code.
        code: i32,
        /// What it says on stderr.
        #[serde(default)]
        stderr: String,
        /// The change that was asked for is made nevertheless.
        #[serde(default)]
        applied: bool,
    },
    /// The service does not let the tool in; prl-devops-service and vagrant-parallels try again when they see this.
    LoginFailed,
    /// Lines come before the output.
    Noise {
        /// The lines with their line ends.
        lines: Vec<String>,
    },
    /// The tool says that all is well and changes nothing.
    Ignore,
}

impl Fault {
    /// A fault of `prlctl` and `prlsrvctl`, at every verb, without end.
    #[must_use]
    pub fn of(kind: FaultKind) -> Self {
        Self { tool: None, verb: None, times: None, kind }
    }

    /// Only for this tool.
    #[must_use]
    pub fn on(mut self, tool: Tool) -> Self {
        self.tool = Some(tool);
        self
    }

    /// Only for calls whose first argument is `verb`.
    #[must_use]
    pub fn at(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only for the next `times` calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn strikes(&self, call: &Call) -> bool {
        let tool = match self.tool {
            Some(tool) => tool == call.tool,
            None => matches!(call.tool, Tool::Prlctl | Tool::Prlsrvctl),
        };
        tool && self.verb.as_ref().is_none_or(|verb| call.argv.first() == Some(verb)) && self.times != Some(0)
    }
}

impl FaultKind {
    /// Whether the call still takes effect on the state.
    pub(super) fn applies(&self) -> bool {
        match self {
            Self::Hang { applied, .. } | Self::Fail { applied, .. } => *applied,
            Self::Flood | Self::LoginFailed | Self::Ignore => false,
            Self::Slow { .. } | Self::Noise { .. } => true,
        }
    }

    /// Distorts an answer.
    pub(super) fn distort(&self, answer: &mut Answer) {
        match self {
            Self::Hang { ignore_sigterm, .. } => {
                answer.effects.push(Effect::Hang { ignore_sigterm: *ignore_sigterm });
            }
            Self::Slow { ms } => answer.effects.push(Effect::Sleep { ms: *ms }),
            Self::Flood => answer.effects.push(Effect::Flood),
            Self::Fail { code, stderr, .. } => fail(answer, *code, stderr),
            Self::LoginFailed => fail(answer, 255, "Login failed: Unable to connect to Parallels Service.\n"),
            Self::Noise { lines } => {
                let mut stdout = lines.concat().into_bytes();
                stdout.append(&mut answer.stdout);
                answer.stdout = stdout;
            }
            Self::Ignore => {}
        }
    }
}

/// A failed call prints nothing else and runs no other program.
fn fail(answer: &mut Answer, code: i32, stderr: &str) {
    answer.stdout.clear();
    answer.stderr = stderr.as_bytes().to_vec();
    answer.code = code;
    answer.effects.retain(|effect| !matches!(effect, Effect::Run(_)));
}

/// The faults that strike this call, in the order of their names; each is counted and, when used up, removed.
pub(super) fn due(state: &mut State, call: &Call) -> Vec<FaultKind> {
    let mut due = Vec::new();
    state.faults.retain(|_, fault| {
        if !fault.strikes(call) {
            return true;
        }
        due.push(fault.kind.clone());
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        fault.times != Some(0)
    });
    due
}

/// How output differs from release to release, and how the service treats its own file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quirks {
    /// `"Require password to": [\"remove-vm\"]`, which is no JSON (vagrant-parallels issue 249, release 11.1.2).
    pub old_invalid_json: bool,
    /// Control characters stand unescaped inside strings (vagrant-parallels GH-204 and GH-219).
    pub control_characters: bool,
    /// Releases whose `prlsrvctl info` knows no `--json`: a usage error.
    pub no_info_json: bool,
    /// [`EDITION_NOISE`] comes before the output of every `list` and `info`.
    pub edition_noise: bool,
    /// `Shared clipboard` as release 18 called it, instead of `Shared clipboard mode` (prl-devops-service models).
    pub old_clipboard_key: bool,
    /// `Home` and `Home path` of every virtual machine come empty from `list -a -i --json` (prl-devops-service main.go
    /// calls it a bug and asks again with the UUID); one virtual machine alone has its own switch.
    pub home_empty: bool,
    /// `info --license` prints what only old releases are known to print (prl-devops-service models).
    pub old_license_keys: bool,
    /// `info --license` prints the whole key, which no public output shows but nothing rules out.
    pub unmasked_serial: bool,
    /// What a call does to `dispatcher.desktop.xml`.
    pub dispatcher: Touch,
}

/// What a call of `prlctl` or `prlsrvctl` does to `dispatcher.desktop.xml`, the service's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touch {
    /// Rewritten with the same bytes, as long as no setting changes.
    #[default]
    Same,
    /// Rewritten with the time of the call inside.
    Changing,
    /// Left alone.
    Never,
}
