//! The simulator's own folder below a scratch root: the state, its lock and the journal of calls. In: changes; out: files
//! that the tools of several macOS users read and write, so everything in it is writable by all. The lock is held for
//! each change, and the state is replaced as a whole, so that a killed tool leaves the old state or the new one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Touch;
use super::licensing::LicenseRefusal;
use super::state::State;
use super::{Answer, Effect};
use super::{install, license_file, shell};

const STATE: &str = "var/db/prl-sim/state.json";
const LOCK: &str = "var/db/prl-sim/lock";
const CALLS: &str = "var/db/prl-sim/calls.jsonl";
const DISPATCHER: &str = "Library/Preferences/Parallels/dispatcher.desktop.xml";
const LICENSES: &str = "Library/Preferences/Parallels/licenses.json";

/// Why the simulator could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A file or folder did not obey.
    #[error("could not {what} {}", path.display())]
    File {
        /// What was attempted.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file or an argument is not the JSON that is expected.
    #[error("{what} is not the JSON that is expected")]
    Json {
        /// Which file or argument.
        what: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// No folder above the executable holds a state.
    #[error("no folder above {} holds {STATE}; install the simulator there first", executable.display())]
    NoRoot {
        /// The executable.
        executable: PathBuf,
    },
    /// The real root must keep its own tools.
    #[error("the simulator is never installed over the real system; choose a scratch folder")]
    SystemRoot,
    /// A user could not sign in.
    #[error("the sign-in was refused")]
    SignIn {
        /// Why.
        source: LicenseRefusal,
    },
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
}

/// Names the attempt in an error.
pub(super) fn attempt(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SimulatorError {
    let path = path.to_owned();
    move |source| SimulatorError::File { what, path, source }
}

/// One call, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// The tool's name.
    pub tool: String,
    /// The arguments.
    pub argv: Vec<String>,
    /// The process's real user id.
    pub uid: u32,
    /// The process's effective user id.
    pub euid: u32,
    /// The process's id; `sudo` and `launchctl` hand theirs on to the program that they run.
    pub pid: u32,
    /// The user of the state for whom the call was answered.
    pub acting_as: Option<String>,
    /// The names of all environment variables, sorted.
    pub environment_names: Vec<String>,
    /// `HOME`, `USER`, `LOGNAME`, `PATH` and `LANG`, those that are set.
    pub environment: BTreeMap<String, String>,
    /// The exit code of the answer; without meaning when it hangs, floods or runs another program.
    pub code: i32,
}

/// The nearest folder above an executable that holds a state.
pub(super) fn root_of(executable: &Path) -> Result<PathBuf, SimulatorError> {
    let found = executable.ancestors().skip(1).find(|folder| folder.join(STATE).is_file());
    let no_root = || SimulatorError::NoRoot { executable: executable.to_owned() };
    found.map(Path::to_owned).ok_or_else(no_root)
}

impl State {
    /// Reads the state below a root.
    ///
    /// # Errors
    /// When the file is missing or is no state.
    pub fn load(root: &Path) -> Result<Self, SimulatorError> {
        let path = root.join(STATE);
        let bytes = fs::read(&path).map_err(attempt("read", &path))?;
        let what = path.display().to_string();
        serde_json::from_slice(&bytes).map_err(|source| SimulatorError::Json { what, source })
    }

    /// Replaces the state below a root, without asking what it was: use [`edit`] beside running tools.
    ///
    /// # Errors
    /// When the file cannot be replaced.
    pub fn save(&self, root: &Path) -> Result<(), SimulatorError> {
        let path = root.join(STATE);
        let what = path.display().to_string();
        let bytes =
            serde_json::to_vec_pretty(self).map_err(|source| SimulatorError::Json { what, source })?;
        shell::replace(&path, &bytes, 0o666)
    }
}

/// Changes the state as somebody in Parallels' own windows would: under the lock, and the service's file is rewritten.
///
/// # Errors
/// When the state cannot be read or replaced.
pub fn edit<T>(root: &Path, change: impl FnOnce(&mut State) -> T) -> Result<T, SimulatorError> {
    let _lock = lock(root)?;
    let mut state = State::load(root)?;
    let licenses = license_file::render(&state);
    let (parallels, host) = (state.parallels.clone(), state.host.clone());
    let value = change(&mut state);
    state.save(root)?;
    if (&parallels, &host) != (&state.parallels, &state.host) {
        install::versions(root, &state)?;
    }
    if license_file::render(&state) != licenses {
        write_licenses(root, &state)?;
    }
    touch(root, &state, state.quirks.dispatcher)?;
    Ok(value)
}

/// Applies a JSON merge patch to the state, as [`edit`] does.
///
/// # Errors
/// When the result is no state; then nothing is changed.
pub(super) fn patch(root: &Path, patch: &Value) -> Result<(), SimulatorError> {
    let result = edit(root, |state| {
        let mut value = serde_json::to_value(&*state)?;
        merge_patch(&mut value, patch);
        *state = serde_json::from_value(value)?;
        Ok(())
    })?;
    result.map_err(|source| SimulatorError::Json { what: "the patched state".to_owned(), source })
}

/// Merges a patch into a value, after RFC 7396.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// One call of a tool: reads the state, lets it be answered, stores what changed, writes the journal and those of
/// Parallels' files that the answer rewrites, all under the lock.
pub(super) fn transact(
    root: &Path,
    call: impl FnOnce(&mut State) -> (Answer, CallRecord),
) -> Result<Answer, SimulatorError> {
    let _lock = lock(root)?;
    let mut state = State::load(root)?;
    let before = state.clone();
    let (answer, record) = call(&mut state);
    if state != before {
        state.save(root)?;
    }
    append(root, &record)?;
    let anew = answer.effects.contains(&Effect::WriteLicenses);
    if anew || license_file::render(&state) != license_file::render(&before) {
        write_licenses(root, &state)?;
    }
    for effect in &answer.effects {
        if let Effect::Touch(how) = effect {
            touch(root, &state, *how)?;
        }
    }
    Ok(answer)
}

/// Rewrites `licenses.json`, or removes it when there is no license.
pub(super) fn write_licenses(root: &Path, state: &State) -> Result<(), SimulatorError> {
    let path = root.join(LICENSES);
    match license_file::render(state) {
        Some(text) => shell::replace(&path, text.as_bytes(), 0o644),
        None => install::remove(&path),
    }
}

/// The journal of calls, in their order.
///
/// # Errors
/// When the journal cannot be read.
pub fn calls(root: &Path) -> Result<Vec<CallRecord>, SimulatorError> {
    let _lock = lock(root)?;
    let path = root.join(CALLS);
    let text = fs::read_to_string(&path).map_err(attempt("read", &path))?;
    let what = || path.display().to_string();
    let parse =
        |line| serde_json::from_str(line).map_err(|source| SimulatorError::Json { what: what(), source });
    text.lines().map(parse).collect()
}

fn append(root: &Path, record: &CallRecord) -> Result<(), SimulatorError> {
    let path = root.join(CALLS);
    let what = || path.display().to_string();
    let mut line =
        serde_json::to_vec(record).map_err(|source| SimulatorError::Json { what: what(), source })?;
    line.push(b'\n');
    let mut file = open_for_all(&path, OpenOptions::new().append(true).create(true))?;
    file.write_all(&line).map_err(attempt("write", &path))
}

/// Empties the journal, or makes it.
pub(super) fn start_journal(root: &Path) -> Result<(), SimulatorError> {
    shell::replace(&root.join(CALLS), b"", 0o666)
}

/// Makes the lock, so that no tool has to: of several that come at once as several users only one could open it to all.
pub(super) fn start_lock(root: &Path) -> Result<(), SimulatorError> {
    lock(root).map(drop)
}

fn lock(root: &Path) -> Result<File, SimulatorError> {
    let path = root.join(LOCK);
    let file = open_for_all(&path, OpenOptions::new().read(true).append(true).create(true))?;
    file.lock().map_err(attempt("lock", &path))?;
    Ok(file)
}

/// Opens a file that every user may open; only its owner can see to that, and its owner is who made it.
fn open_for_all(path: &Path, options: &OpenOptions) -> Result<File, SimulatorError> {
    let new = !path.exists();
    let file = options.open(path).map_err(attempt("open", path))?;
    if new {
        file.set_permissions(Permissions::from_mode(0o666)).map_err(attempt("open to all users", path))?;
    }
    Ok(file)
}

/// Rewrites `dispatcher.desktop.xml`, as the real service does on calls.
pub(super) fn touch(root: &Path, state: &State, touch: Touch) -> Result<(), SimulatorError> {
    let stamp = match touch {
        Touch::Never => return Ok(()),
        Touch::Same => String::new(),
        Touch::Changing => format!(" lastAccess=\"{}\"", shell::now_ms()),
    };
    shell::replace(&root.join(DISPATCHER), dispatcher(state, &stamp).as_bytes(), 0o644)
}

/// A plausible `dispatcher.desktop.xml`: which users it has met is known from Parallels' backup script; where it keeps
/// the restrictions is not, so these elements are an invention that makes the file change when a setting does.
fn dispatcher(state: &State, stamp: &str) -> String {
    let known = state.users.iter().filter(|(_, user)| user.known_to_parallels);
    let users: String = known
        .map(|(name, user)| {
            format!(
                "    <ParallelsUser><Name>{}</Name><Uid>{}</Uid></ParallelsUser>\n",
                escaped(name),
                user.uid
            )
        })
        .collect();
    let service = &state.service;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ParallelsDispatcherSettings dyn_lists=\"ParallelsUser\"{stamp}>\n  <Users>\n{users}  </Users>\n  <Usb/>\n  <Simulated confirmations=\"{}\" locked=\"{}\" cep=\"{}\" screenshots=\"{}\"/>\n</ParallelsDispatcherSettings>\n",
        service.require_password.names().join(" "),
        service.preferences_locked,
        service.cep,
        service.attach_screenshots,
    )
}

/// Text made safe for XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merges_as_rfc_7396_shows() {
        let table = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!(["a"]), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        ];
        for (mut target, patch, expected) in table {
            merge_patch(&mut target, &patch);
            assert_eq!(target, expected, "{patch}");
        }
    }
}
