//! `meridian diagnose`: one archive for support, of what is needed to understand this Mac and of no secret.
//!
//! It works with the daemon up or down. What cannot be told is named with the reason instead. Nothing on the Mac is changed
//! save that the archive is written: by root, into the folder of the logs, where only root can read it, or to standard output,
//! so that root never writes where a user could have laid a link.

mod archive;
mod mask;
mod profile;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use self::archive::Archive;
use super::arguments::DiagnoseArguments;
use super::deactivate::may;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::{doctor, license, output, status};
use crate::clock::Clock;
use crate::control::client::Client;
use crate::control::view::VmsView;
use crate::error::Chain;
use crate::file::Links;
use crate::paths::{LOG_FILES, Paths};
use crate::platform::folder;
use crate::state::atomic;

/// The most of a file that is taken, in bytes: its end.
const LARGEST: u64 = 2 << 20;

/// The most documents and listed files of a folder.
const MOST: usize = 200;

/// How many archives stay in the folder, the new one with them.
const STAYING: usize = 3;

/// What the names of archives begin and end with.
const NAME: (&str, &str) = ("meridian-diagnose-", ".tar.gz");

/// What is in the archive, for whoever opens it.
const READ_ME: &str = include_str!("read-me.txt");

/// What was written.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Diagnosed {
    /// The archive; `None` where it went to standard output.
    pub path: Option<PathBuf>,
    /// Its length in bytes.
    pub bytes: usize,
    /// What is in it.
    pub files: Vec<String>,
    /// What could not be told, and why.
    pub missing: BTreeMap<String, String>,
}

/// Gathers, and writes the archive.
///
/// # Errors
/// When the caller may not, or the archive cannot be written.
pub(super) fn request(
    paths: &Paths,
    clock: &dyn Clock,
    order: &DiagnoseArguments,
) -> Result<Diagnosed, Failure> {
    if !may(paths) {
        return Err(Failure::MustBeRoot("diagnose"));
    }
    if order.stdout && io::stdout().is_terminal() {
        return Err(Failure::ArchiveOnTerminal);
    }
    let stem = format!("{}{}", NAME.0, clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let path = paths.logs().join(format!("{stem}{}", NAME.1));
    let unwritten = |source| Failure::Unwritten { file: path.display().to_string(), source };
    let gathered = gather(paths, clock);
    let bytes = gathered.packed(stem, clock.now()).map_err(unwritten)?;
    if order.stdout {
        io::stdout().lock().write_all(&bytes).map_err(Failure::Output)?;
    } else {
        folder::ensure(&paths.logs(), folder::PUBLIC).map_err(|error| unwritten(io::Error::other(error)))?;
        atomic::write(&path, &bytes, atomic::PRIVATE).map_err(unwritten)?;
        remove_older(&paths.logs());
    }
    let Gathered { files, missing, .. } = gathered;
    let files = files.into_iter().map(|(name, _)| name).collect();
    Ok(Diagnosed { path: (!order.stdout).then_some(path), bytes: bytes.len(), files, missing })
}

/// What goes into the archive.
#[derive(Default)]
struct Gathered {
    files: Vec<(String, String)>,
    missing: BTreeMap<String, String>,
    secrets: Vec<String>,
}

impl Gathered {
    fn text(&mut self, name: &str, text: &str) {
        self.files.push((name.to_owned(), mask::text(text, &self.secrets)));
    }

    fn json(&mut self, name: &str, view: &impl Serialize) {
        match output::json(view) {
            Ok(text) => self.text(name, &text),
            Err(error) => self.miss(name, &error),
        }
    }

    fn view(&mut self, name: &str, view: Result<impl Serialize, &(impl Error + 'static)>) {
        match view {
            Ok(view) => self.json(name, &view),
            Err(error) => self.miss(name, error),
        }
    }

    fn miss(&mut self, name: &str, why: &(impl Error + 'static)) {
        let why = mask::text(&Chain(why).to_string(), &self.secrets);
        self.missing.insert(name.to_owned(), why);
    }

    /// The end of a file, where there is one.
    fn file(&mut self, name: &str, path: &Path, shown: impl FnOnce(&[u8]) -> Option<String>) {
        match end_of(path) {
            Ok(bytes) => match shown(&bytes) {
                Some(text) => self.text(name, &text),
                None => {
                    drop(self.missing.insert(name.to_owned(), "not readable, so left out whole".to_owned()))
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.miss(name, &error),
        }
    }

    fn packed(&self, folder: String, at: Timestamp) -> io::Result<Vec<u8>> {
        let mut archive = Archive::new(folder, at);
        archive.add("README.txt", READ_ME.as_bytes())?;
        for (name, text) in &self.files {
            archive.add(name, text.as_bytes())?;
        }
        if !self.missing.is_empty() {
            let lines: String = self.missing.iter().map(|(name, why)| format!("{name}: {why}\n")).collect();
            archive.add("missing.txt", lines.as_bytes())?;
        }
        archive.finish()
    }
}

fn gather(paths: &Paths, clock: &dyn Clock) -> Gathered {
    let (profiles, secrets) = profile::shown(paths);
    let mut all = Gathered { secrets, ..Gathered::default() };
    all.json("versions.json", &versions(paths, clock));
    all.json("profile.json", &profiles);
    let client = Client::of(paths);
    let seen = status::request(paths);
    all.view("license.json", seen.as_ref().map(license::Shown::of));
    all.view("status.json", seen.as_ref());
    all.view("explain.json", client.explain(None).as_ref());
    all.view("plan.json", client.plan().as_ref());
    all.view("vms.json", client.vms().as_ref().map(counts));
    let doctor = doctor::request(paths, clock);
    all.text("doctor.txt", &doctor::render(&doctor, &Style { width: 120, color: false }));
    all.json("doctor.json", &doctor);
    all.text("files.txt", &listing(paths));
    for name in names(&paths.private()).iter().filter(|name| name.contains(".json")) {
        all.file(&format!("state/{name}"), &paths.private().join(name), mask::document);
    }
    let logs = (1..LOG_FILES).map(|age| paths.older_log(age));
    for path in [paths.log(), paths.logs().join("daemon.log")].into_iter().chain(logs) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.file(&format!("logs/{name}"), &path, |bytes| Some(String::from_utf8_lossy(bytes).into_owned()));
    }
    all
}

fn versions(paths: &Paths, clock: &dyn Clock) -> serde_json::Value {
    let of = |path: PathBuf, key: &str| {
        let bytes = end_of(&path).ok()?;
        let list = crate::property_list::value(&bytes).ok()?;
        Some(list.as_dictionary()?.get(key)?.as_string()?.to_owned())
    };
    json!({
        "meridian": env!("CARGO_PKG_VERSION"),
        "built_for": std::env::consts::ARCH,
        "macos": of(paths.system_version(), "ProductVersion"),
        "macos_build": of(paths.system_version(), "ProductBuildVersion"),
        "parallels": of(paths.parallels_info_plist(), "CFBundleShortVersionString"),
        "parallels_build": of(paths.parallels_info_plist(), "CFBundleVersion"),
        "at": clock.now(),
    })
}

/// How many virtual machines there are, by what they do and by their guest; no name of one.
fn counts(view: &VmsView) -> serde_json::Value {
    let mut states = BTreeMap::<String, u64>::new();
    let mut guests = BTreeMap::<&str, u64>::new();
    for vm in &view.vms {
        *states.entry(super::words::word(&vm.state)).or_default() += 1;
        *guests.entry(&vm.os).or_default() += 1;
    }
    json!({ "total": view.vms.len(), "states": states, "guests": guests, "users": view.users, "as_of": view.as_of })
}

/// Each file of the agent with its mode, owner and length, as `ls` would list it.
fn listing(paths: &Paths) -> String {
    let mut text = String::new();
    let folders = [paths.support(), paths.private(), paths.logs(), paths.socket_folder()];
    let files = [paths.executable(), paths.launchd_plist()];
    let inside = folders.iter().flat_map(|folder| names(folder).into_iter().map(|name| folder.join(name)));
    for path in folders.iter().cloned().chain(files).chain(inside) {
        // Writing to a string cannot fail.
        let _ = match path.symlink_metadata() {
            Ok(found) => {
                let (mode, uid, gid, size) = (found.mode(), found.uid(), found.gid(), found.size());
                writeln!(text, "{mode:06o} {uid:>5} {gid:>5} {size:>9} {}", path.display())
            }
            Err(error) => writeln!(text, "{}: {error}", path.display()),
        };
    }
    text
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().take(MOST);
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The end of a file, which is no link.
fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = crate::file::open(path, Links::Refused)?;
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(LARGEST)))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes away the oldest archives, so that they do not pile up. One that stays for some reason does no harm.
fn remove_older(folder: &Path) {
    let entries = folder.read_dir().into_iter().flatten();
    let mut archives: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(NAME.0) && name.ends_with(NAME.1))
        .collect();
    archives.sort();
    for name in archives.iter().rev().skip(STAYING) {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

/// The screen. The path comes last, on a line of its own.
#[must_use]
pub(super) fn render(view: &Diagnosed, style: &Style) -> String {
    let Some(path) = &view.path else { return String::new() };
    let mut screen = Screen::new(style);
    for (name, why) in &view.missing {
        let line = Line::of(Tone::Strong, name).text(format!(" is not in it: {why}"));
        screen.hanging(0, &Line::of(Tone::Warning, "! "), &line);
    }
    let size = view.bytes.div_ceil(1000);
    let line = format!("{size} KB, with names of users and without secrets.");
    screen.hanging(0, &Line::of(Tone::Good, "✓ "), &Line::plain(line));
    let own = "To have it as a file of your own: sudo meridian diagnose --stdout > FILE";
    screen.hanging(2, &Line::of(Tone::Accent, "→ "), &Line::plain(own));
    screen.finish() + &super::text::printable(&path.display().to_string()) + "\n"
}

#[cfg(test)]
mod tests;
