//! A stand-in for Parallels' tools and for the tools of macOS that the agent calls. In: the arguments of a call, who
//! calls, and a [`State`]; out: an [`Answer`] and the changed state.
//!
//! [`answer`] is pure, so tests use it in-process; `prl-sim` is the same thing as an executable that goes by its own
//! file name: as `prlctl` it is `prlctl`. What an answer needs from the outside world (another program, a hang, a
//! touched file) is data in [`Answer::effects`], performed by the executable alone.
//!
//! It is written from what is public about the real tools and knows nothing of the agent's own code: it imports
//! nothing from the rest of the crate, and the rest of the crate may rely on it in tests and in the demo only. Each
//! verb names where its shape is known from. What may change is what the real tools are found to do differently.

mod demo;
mod detail;
mod fault;
mod folder;
mod install;
mod license;
mod license_file;
mod licensing;
mod listing;
mod management;
mod output;
mod packing;
mod prlctl;
mod prlsrvctl;
mod session;
mod shell;
mod starting;
mod state;
mod system;
mod vm;
mod vm_set;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use demo::{DEMO_BUSINESS_KEY, DEMO_KEY, DEMO_SUBLICENSE_KEY, DEMO_TRIAL_KEY};
pub use fault::{EDITION_NOISE, Fault, FaultKind, Quirks, Touch};
pub use folder::{CallRecord, SimulatorError, calls, edit, merge_patch};
pub use install::install;
pub use licensing::{Activation, Installed, Key, LicenseRefusal, Licensing, Standing, Terms};
pub use management::Management;
pub use packing::image;
pub use shell::run;
pub use state::{Host, InfoPlist, Parallels, Power, Restrictions, Service, Start, State, User};
pub use vm::{Expiration, Guest, Hidden, Settings, Snapshot, Vm, VmRestrictions};

/// The tools that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// The virtual machines of one macOS user.
    Prlctl,
    /// Parallels' service and the settings of the whole Mac.
    Prlsrvctl,
    /// Another user's rights.
    Sudo,
    /// Another user's session.
    Launchctl,
    /// The local accounts.
    Dscl,
    /// The hardware's identity.
    Ioreg,
    /// The host name and the processor.
    Sysctl,
    /// Mains, battery and sleep.
    Pmset,
    /// Who signed a file.
    Codesign,
    /// A user's preferences.
    Defaults,
    /// Applications, of which Parallels Desktop brings its service along.
    Open,
    /// MDM's profiles.
    Profiles,
    /// The network's configuration.
    Scutil,
    /// Login and background items.
    Sfltool,
    /// The program in the bundle that starts and stops Parallels' service.
    ParallelsService,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 15] = [
        Self::Prlctl,
        Self::Prlsrvctl,
        Self::Sudo,
        Self::Launchctl,
        Self::Dscl,
        Self::Ioreg,
        Self::Sysctl,
        Self::Pmset,
        Self::Codesign,
        Self::Defaults,
        Self::Open,
        Self::Profiles,
        Self::Scutil,
        Self::Sfltool,
        Self::ParallelsService,
    ];

    /// The file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prlctl => "prlctl",
            Self::Prlsrvctl => "prlsrvctl",
            Self::Sudo => "sudo",
            Self::Launchctl => "launchctl",
            Self::Dscl => "dscl",
            Self::Ioreg => "ioreg",
            Self::Sysctl => "sysctl",
            Self::Pmset => "pmset",
            Self::Codesign => "codesign",
            Self::Defaults => "defaults",
            Self::Open => "open",
            Self::Profiles => "profiles",
            Self::Scutil => "scutil",
            Self::Sfltool => "sfltool",
            Self::ParallelsService => "Parallels Service",
        }
    }

    /// The tool that a program's path or file name means.
    #[must_use]
    pub fn of_program(program: &str) -> Option<Self> {
        let name = program.rsplit('/').next().unwrap_or(program);
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which tool.
    pub tool: Tool,
    /// The arguments, without the program's name.
    pub argv: Vec<String>,
    /// Who calls.
    pub caller: Caller,
}

impl Call {
    /// A call by a user id.
    #[must_use]
    pub fn new(tool: Tool, argv: &[&str], uid: u32) -> Self {
        let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
        Self { tool, argv, caller: Caller { uid, user: None } }
    }
}

/// Who calls a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The process's user id.
    pub uid: u32,
    /// `$USER`, which counts only when the state knows no user of this id and it is not root's.
    pub user: Option<String>,
}

impl Caller {
    /// The user of the state who calls, or `root`. Parallels keeps one list of virtual machines a macOS user, so this
    /// decides what is seen (Parallels' own prlctl-scripts loop over the users; prl-devops-service has `AsUser`).
    fn name(&self, state: &State) -> Option<String> {
        if let Some(name) = state.user_by_uid(self.uid) {
            return Some(name.to_owned());
        }
        if self.uid == 0 {
            return Some("root".to_owned());
        }
        self.user.clone().filter(|name| state.users.contains_key(name))
    }
}

/// What a tool prints and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// The exit code. Without meaning when an effect never ends or runs another program.
    pub code: i32,
    /// What else happens: [`Effect::Touch`], [`Effect::WriteLicenses`] and [`Effect::Sleep`] before the output, the others after it.
    pub effects: Vec<Effect>,
}

impl Answer {
    fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    fn fail(code: i32, stderr: impl Into<Vec<u8>>) -> Self {
        let mut stderr: Vec<u8> = stderr.into();
        if !stderr.ends_with(b"\n") {
            stderr.push(b'\n');
        }
        Self { stderr, code, ..Self::default() }
    }
}

/// What an answer needs from the outside world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `dispatcher.desktop.xml` is rewritten.
    Touch(Touch),
    /// `licenses.json` is rewritten.
    WriteLicenses,
    /// Time passes first.
    Sleep {
        /// Milliseconds.
        ms: u64,
    },
    /// The process never ends by itself.
    Hang {
        /// SIGTERM does not end it.
        ignore_sigterm: bool,
    },
    /// The process prints without end.
    Flood,
    /// The process becomes another program.
    Run(Run),
}

/// A program that `sudo` or `launchctl` runs in its own place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The program, as it was given.
    pub program: String,
    /// Its arguments.
    pub argv: Vec<String>,
    /// The user and group id to change to.
    pub identity: Option<(u32, u32)>,
    /// The variables that are set, over whatever the environment holds.
    pub environment: BTreeMap<String, String>,
    /// The variables that are set when the environment does not hold them.
    pub fallback: BTreeMap<String, String>,
}

/// Answers one call. Never panics, whatever the arguments are.
#[must_use]
pub fn answer(call: &Call, state: &mut State) -> Answer {
    let faults = fault::due(state, call);
    let mut answer = if faults.iter().all(fault::FaultKind::applies) {
        dispatch(call, state)
    } else if faults.contains(&FaultKind::Ignore) {
        dispatch(call, &mut state.clone())
    } else {
        Answer::default()
    };
    if matches!(call.tool, Tool::Prlctl | Tool::Prlsrvctl) {
        let verb = call.argv.first().map(String::as_str);
        if state.quirks.edition_noise && answer.code == 0 && matches!(verb, Some("list" | "info")) {
            FaultKind::Noise { lines: vec![EDITION_NOISE.to_owned()] }.distort(&mut answer);
        }
        if state.service.running && state.quirks.dispatcher != Touch::Never {
            answer.effects.push(Effect::Touch(state.quirks.dispatcher));
        }
    }
    for fault in &faults {
        fault.distort(&mut answer);
    }
    answer
}

fn dispatch(call: &Call, state: &mut State) -> Answer {
    match call.tool {
        Tool::Prlctl => prlctl::answer(call, state),
        Tool::Prlsrvctl => prlsrvctl::answer(call, state),
        Tool::Sudo => session::sudo(call, state),
        Tool::Launchctl => session::launchctl(call, state),
        Tool::Dscl => system::dscl(&call.argv, state),
        Tool::Ioreg => system::ioreg(&call.argv, state),
        Tool::Sysctl => system::sysctl(&call.argv, state),
        Tool::Pmset => system::pmset(&call.argv, state),
        Tool::Codesign => system::codesign(&call.argv, state),
        Tool::Defaults => system::defaults(call, state),
        Tool::Open => starting::open(&call.argv, state),
        Tool::Profiles => management::profiles(&call.argv, state),
        Tool::Scutil => management::scutil(&call.argv, state),
        Tool::Sfltool => management::sfltool(&call.argv, state),
        Tool::ParallelsService => starting::service(&call.argv, state),
    }
}

/// Answers a call and, in-process, the calls that `sudo` and `launchctl` make of other simulated tools, as far as
/// eight deep. The effects of all of them are kept; an [`Effect::Run`] that is left names a program that is not simulated.
#[must_use]
pub fn follow(call: &Call, state: &mut State) -> Answer {
    let mut call = call.clone();
    let mut effects = Vec::new();
    for _ in 0..8 {
        let mut answer = answer(&call, state);
        let next = answer.effects.iter().find_map(|effect| match effect {
            Effect::Run(run) => Tool::of_program(&run.program).map(|tool| (tool, run.clone())),
            _ => None,
        });
        let Some((tool, run)) = next else {
            effects.append(&mut answer.effects);
            return Answer { effects, ..answer };
        };
        effects.extend(answer.effects.into_iter().filter(|effect| !matches!(effect, Effect::Run(_))));
        let uid = run.identity.map_or(call.caller.uid, |(uid, _)| uid);
        let user = run.environment.get("USER").cloned().or(call.caller.user);
        call = Call { tool, argv: run.argv, caller: Caller { uid, user } };
    }
    Answer::fail(1, "too many programs run one another")
}

#[cfg(test)]
mod tests;
