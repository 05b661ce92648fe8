//! The part of the simulator that touches the world: environment, clock, processes, files that are replaced. In: the
//! process's arguments and file name; out: what an [`Answer`] says, done. Everything that is decided is decided elsewhere.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::folder::{self, CallRecord, SimulatorError, attempt};
use super::state::State;
use super::{Answer, Call, Caller, Effect, Run, Tool, answer};

/// The variables whose values the journal keeps.
const KEPT: [&str; 5] = ["HOME", "USER", "LOGNAME", "PATH", "LANG"];

/// Runs the executable: as the tool whose name it goes by, or as `prl-sim` itself.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    let (name, argv) =
        arguments.split_first().map_or(("prl-sim", &[][..]), |(name, argv)| (name.as_str(), argv));
    let result = match Tool::of_program(name) {
        Some(tool) => act(tool, argv),
        None => control(argv),
    };
    result.unwrap_or_else(|error| {
        complain("prl-sim", &error);
        ExitCode::from(70)
    })
}

/// Prints an error and what is behind it. What stderr does not take is lost.
fn complain(program: &str, error: &dyn std::error::Error) {
    let mut text = format!("{program}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    let _ = writeln!(io::stderr(), "{text}");
}

fn own_root() -> Result<PathBuf, SimulatorError> {
    let executable = std::env::current_exe().map_err(attempt("look up", Path::new("the executable")))?;
    folder::root_of(&executable)
}

/// Acts as a tool.
fn act(tool: Tool, argv: &[String]) -> Result<ExitCode, SimulatorError> {
    let root = own_root()?;
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let answer = folder::transact(&root, |state| {
        let caller = caller(&environment, state);
        let acting_as = caller.name(state);
        let call = Call { tool, argv: argv.to_vec(), caller };
        let answer = answer(&call, state);
        let record = record(call, acting_as, &environment, answer.code);
        (answer, record)
    })?;
    Ok(perform(answer, tool))
}

/// Who calls. A `sudo` that could not change the user id, because the tests do not run as root, is believed by its
/// `USER`; it shows in `SUDO_UID`, which is then still the process's own.
fn caller(environment: &BTreeMap<String, String>, state: &State) -> Caller {
    let uid = rustix::process::getuid().as_raw();
    let user = environment.get("USER").cloned();
    let unchanged =
        uid != 0 && environment.get("SUDO_UID").is_some_and(|invoker| *invoker == uid.to_string());
    let meant = user.as_ref().and_then(|name| state.users.get(name)).filter(|_| unchanged);
    Caller { uid: meant.map_or(uid, |user| user.uid), user }
}

fn record(
    call: Call,
    acting_as: Option<String>,
    environment: &BTreeMap<String, String>,
    code: i32,
) -> CallRecord {
    CallRecord {
        time_ms: now_ms(),
        tool: call.tool.name().to_owned(),
        argv: call.argv,
        uid: rustix::process::getuid().as_raw(),
        euid: rustix::process::geteuid().as_raw(),
        pid: std::process::id(),
        acting_as,
        environment_names: environment.keys().cloned().collect(),
        environment: environment
            .iter()
            .filter(|(name, _)| KEPT.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        code,
    }
}

/// Does what an answer says. A reader that has gone away is none of our business.
fn perform(answer: Answer, tool: Tool) -> ExitCode {
    for effect in &answer.effects {
        if let Effect::Sleep { ms } = effect {
            sleep(Duration::from_millis(*ms));
        }
    }
    let _ = io::stdout().write_all(&answer.stdout).and_then(|()| io::stdout().flush());
    let _ = io::stderr().write_all(&answer.stderr);
    for effect in answer.effects {
        match effect {
            Effect::Hang { ignore_sigterm } => hang(ignore_sigterm),
            Effect::Flood => return flood(),
            Effect::Run(run) => return become_program(run, tool),
            Effect::Touch(_) | Effect::WriteLicenses | Effect::Sleep { .. } => {}
        }
    }
    ExitCode::from(u8::try_from(answer.code).unwrap_or(255))
}

#[expect(clippy::disallowed_methods, reason = "the simulated tool is meant to be slow")]
fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

/// Never returns. A handler for SIGTERM that does nothing makes the process ignore it.
fn hang(ignore_sigterm: bool) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let _handler = runtime.as_ref().ok().filter(|_| ignore_sigterm).map(|runtime| {
        let _inside = runtime.enter();
        signal(SignalKind::terminate())
    });
    loop {
        std::thread::park();
    }
}

/// Prints until nobody reads.
fn flood() -> ExitCode {
    let line = [b"This line does not end the flood. ".repeat(512), b"\n".to_vec()].concat();
    let mut stdout = io::stdout().lock();
    while stdout.write_all(&line).is_ok() {}
    ExitCode::FAILURE
}

/// Becomes another program, as the user it is meant for when this process may change its user id.
#[expect(clippy::disallowed_methods, reason = "sudo and launchctl are there to run programs")]
fn become_program(run: Run, tool: Tool) -> ExitCode {
    let mut command = Command::new(&run.program);
    command.args(&run.argv);
    command.envs(run.fallback.iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    command.envs(&run.environment);
    if let Some((uid, gid)) = run.identity.filter(|_| rustix::process::geteuid().is_root()) {
        command.uid(uid).gid(gid);
    }
    let error = command.exec();
    let _ = writeln!(io::stderr(), "{}: {}: {error}", tool.name(), run.program);
    ExitCode::FAILURE
}

/// The wall clock in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the journal tells when real processes ran")]
pub(super) fn now_ms() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Replaces a file as a whole. It is no durable document: nothing is synced.
#[expect(clippy::disallowed_methods, reason = "the simulator's files are not the agent's durable documents")]
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), SimulatorError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut file = File::create(&draft).map_err(attempt("make", &draft))?;
    file.write_all(bytes).map_err(attempt("write", &draft))?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(attempt("set the mode of", &draft))?;
    drop(file);
    fs::rename(&draft, path).map_err(attempt("replace", path))
}

/// Copies an executable. Another process does it: a copy that this one held open for writing could be inherited by a
/// child that another thread starts at that moment, and an executable that is open for writing cannot be run.
#[expect(clippy::disallowed_methods, reason = "laying out the scratch root is not the agent's business")]
pub(super) fn copy_executable(from: &Path, to: &Path) -> Result<(), SimulatorError> {
    let status = Command::new("/bin/cp").arg(from).arg(to).status().map_err(attempt("copy to", to))?;
    if status.success() {
        return Ok(());
    }
    Err(attempt("copy to", to)(io::Error::other(format!("cp ended with {status}"))))
}

const USAGE: &str = "usage: prl-sim [--root DIR] state | calls | patch '<JSON merge patch>' | sign-in USER | image FILE BYTES | install";

/// The control verbs of `prl-sim`. The root is the one above the executable unless it is given.
fn control(argv: &[String]) -> Result<ExitCode, SimulatorError> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let (given, argv) = match argv.as_slice() {
        ["--root", root, rest @ ..] => (Some(PathBuf::from(root)), rest),
        rest => (None, rest),
    };
    let root = || given.clone().map_or_else(own_root, Ok);
    let text = match argv {
        ["state"] => pretty(&State::load(&root()?)?)?,
        ["calls"] => pretty(&folder::calls(&root()?)?)?,
        ["patch", patch] => {
            let what = "the patch".to_owned();
            let patch =
                serde_json::from_str(patch).map_err(|source| SimulatorError::Json { what, source })?;
            folder::patch(&root()?, &patch)?;
            String::new()
        }
        ["sign-in", user] => {
            let result = folder::edit(&root()?, |state| state.sign_in(user))?;
            result.map_err(|source| SimulatorError::SignIn { source })?;
            String::new()
        }
        ["image", file, size] => {
            let size = size.parse().map_err(|_| SimulatorError::Usage(USAGE.to_owned()))?;
            replace(Path::new(file), &super::image(size), 0o644)?;
            String::new()
        }
        ["install"] if given.is_some() => {
            let executable =
                std::env::current_exe().map_err(attempt("look up", Path::new("the executable")))?;
            super::install(&root()?, &executable, &State::demo())?;
            String::new()
        }
        _ => return Err(SimulatorError::Usage(USAGE.to_owned())),
    };
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn pretty(value: &impl serde::Serialize) -> Result<String, SimulatorError> {
    let what = "the output".to_owned();
    let text = serde_json::to_string_pretty(value).map_err(|source| SimulatorError::Json { what, source })?;
    Ok(format!("{text}\n"))
}
