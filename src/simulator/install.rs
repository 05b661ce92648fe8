//! Lays the simulated tools below a scratch root. In: a root, the `prl-sim` executable, a state; out: the parts of a Mac
//! that the agent looks at.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use plist::{Dictionary, Value};

use super::folder::{self, SimulatorError, attempt, escaped};
use super::shell;
use super::state::{InfoPlist, State};

const MACOS: &str = "Applications/Parallels Desktop.app/Contents/MacOS";

/// Where each tool lies; all but the first are links to one and the same file.
const TOOLS: [&str; 16] = [
    "var/db/prl-sim/prl-sim",
    "Applications/Parallels Desktop.app/Contents/MacOS/prlctl",
    "Applications/Parallels Desktop.app/Contents/MacOS/prlsrvctl",
    "Applications/Parallels Desktop.app/Contents/MacOS/Parallels Service",
    "usr/bin/sudo",
    "usr/bin/dscl",
    "usr/bin/codesign",
    "usr/bin/defaults",
    "usr/bin/open",
    "usr/bin/pmset",
    "usr/bin/profiles",
    "usr/bin/sfltool",
    "usr/sbin/scutil",
    "usr/sbin/ioreg",
    "usr/sbin/sysctl",
    "bin/launchctl",
];

/// Folders that every user of the simulated Mac may write in; on a real one the second belongs to root.
const OPEN_FOLDERS: [&str; 2] = ["var/db/prl-sim", "Library/Preferences/Parallels"];

/// Lays the tools, Parallels Desktop's and macOS's version files and the state below `root`, which is made when it is
/// missing and opened for other users to pass through. The folders above it must be passable already when tools run as
/// other users. Installing again replaces everything and empties the journal. The homes of users and of virtual machines
/// are those of the state, below the root: what is done in them stays there.
///
/// # Errors
/// When `root` is the real one or a file cannot be written.
pub fn install(root: &Path, prl_sim_executable: &Path, state: &State) -> Result<(), SimulatorError> {
    fs::create_dir_all(root).map_err(attempt("make", root))?;
    let real = root.canonicalize().map_err(attempt("look up", root))?;
    if real == Path::new("/") {
        return Err(SimulatorError::SystemRoot);
    }
    mode(root, 0o755)?;
    for path in OPEN_FOLDERS {
        make_folder(root, path)?;
        mode(&root.join(path), 0o777)?;
    }
    let (first, links) = TOOLS.split_first().ok_or(SimulatorError::SystemRoot)?;
    let original = root.join(first);
    remove(&original)?;
    shell::copy_executable(prl_sim_executable, &original)?;
    mode(&original, 0o755)?;
    for link in links {
        if let Some((folder, _)) = link.rsplit_once('/') {
            make_folder(root, folder)?;
        }
        let path = root.join(link);
        remove(&path)?;
        fs::hard_link(&original, &path).map_err(attempt("link", &path))?;
    }
    make_folder(root, "usr/local/bin")?;
    for name in ["prlctl", "prlsrvctl"] {
        let path = root.join("usr/local/bin").join(name);
        remove(&path)?;
        symlink(Path::new("../../..").join(MACOS).join(name), &path).map_err(attempt("link", &path))?;
    }
    let state = &below(&real, state);
    homes(&real, state)?;
    folder::start_journal(root)?;
    folder::start_lock(root)?;
    state.save(root)?;
    folder::touch(root, state, super::Touch::Same)?;
    folder::write_licenses(root, state)?;
    shell::replace(
        &root.join("Library/Preferences/Parallels/vmdirectorylist.desktop.xml"),
        directory(state).as_bytes(),
        0o644,
    )?;
    versions(root, state)
}

/// The same Mac with its homes below the root.
fn below(root: &Path, state: &State) -> State {
    let settle = |home: &mut String| {
        let path = Path::new(&*home);
        if !path.starts_with(root) {
            let below = root.join(path.strip_prefix("/").unwrap_or(path));
            let slash = if home.ends_with('/') { "/" } else { "" };
            *home = format!("{}{slash}", below.to_string_lossy().trim_end_matches('/'));
        }
    };
    let mut state = state.clone();
    state.users.values_mut().for_each(|user| settle(&mut user.home));
    state.vms.values_mut().filter(|vm| vm.home.starts_with('/')).for_each(|vm| settle(&mut vm.home));
    state
}

/// Makes the home folders, each its user's where tools run as other users.
fn homes(root: &Path, state: &State) -> Result<(), SimulatorError> {
    for user in state.users.values() {
        let home = Path::new(&user.home);
        let Some(path) = home.strip_prefix(root).ok().and_then(Path::to_str) else { continue };
        make_folder(root, path)?;
        if rustix::process::geteuid().is_root() {
            chown(home, Some(user.uid), Some(user.gid)).map_err(attempt("give away", home))?;
        }
    }
    Ok(())
}

/// Makes a folder below the root, and each one above it, passable by all whatever the umask is.
fn make_folder(root: &Path, path: &str) -> Result<(), SimulatorError> {
    let mut folder = root.to_owned();
    for part in path.split('/') {
        folder.push(part);
        if !folder.is_dir() {
            fs::create_dir(&folder).map_err(attempt("make", &folder))?;
            mode(&folder, 0o755)?;
        }
    }
    Ok(())
}

fn mode(path: &Path, mode: u32) -> Result<(), SimulatorError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(attempt("set the mode of", path))
}

pub(super) fn remove(path: &Path) -> Result<(), SimulatorError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(attempt("remove", path)(error)),
        _ => Ok(()),
    }
}

/// `Info.plist` of Parallels Desktop and `SystemVersion.plist` of macOS.
pub(super) fn versions(root: &Path, state: &State) -> Result<(), SimulatorError> {
    let build = (state.parallels.info_plist != InfoPlist::WithoutBuild)
        .then_some(("CFBundleVersion", state.parallels.build.as_str()));
    let mut parallels = vec![
        ("CFBundleExecutable", "prl_client_app"),
        ("CFBundleIdentifier", "com.parallels.desktop.console"),
        ("CFBundleName", "Parallels Desktop"),
        ("CFBundleShortVersionString", &state.parallels.version),
    ];
    parallels.extend(build);
    let system = [
        ("ProductBuildVersion", state.host.macos_build.as_str()),
        ("ProductName", "macOS"),
        ("ProductUserVisibleVersion", &state.host.macos_version),
        ("ProductVersion", &state.host.macos_version),
    ];
    let form = state.parallels.info_plist;
    property_list(root, ("Applications/Parallels Desktop.app/Contents", "Info.plist"), &parallels, form)?;
    property_list(root, ("System/Library/CoreServices", "SystemVersion.plist"), &system, InfoPlist::Xml)
}

fn property_list(
    root: &Path,
    (folder, name): (&str, &str),
    pairs: &[(&str, &str)],
    form: InfoPlist,
) -> Result<(), SimulatorError> {
    make_folder(root, folder)?;
    let path = root.join(folder).join(name);
    let pairs = pairs.iter().map(|&(key, value)| (key.to_owned(), Value::from(value)));
    let mut bytes = Vec::new();
    let list = Value::Dictionary(pairs.collect::<Dictionary>());
    let written = match form {
        InfoPlist::Binary => list.to_writer_binary(&mut bytes),
        InfoPlist::Xml | InfoPlist::WithoutBuild | InfoPlist::Cut => list.to_writer_xml(&mut bytes),
    };
    if form == InfoPlist::Cut {
        bytes.truncate(bytes.len() / 2);
    }
    written.map_err(|error| attempt("write", &path)(std::io::Error::other(error)))?;
    shell::replace(&path, &bytes, 0o644)
}

/// A plausible `vmdirectorylist.desktop.xml`; that it holds `VmGlobalUuid` is known from Parallels' backup script.
fn directory(state: &State) -> String {
    let items: String = state
        .vms
        .iter()
        .map(|(uuid, vm)| {
            let (name, home) = (escaped(&vm.name), escaped(&vm.home));
            format!("    <VmDirectoryItem><Uuid>{{{uuid}}}</Uuid><VmGlobalUuid>{{{uuid}}}</VmGlobalUuid><VmName>{name}</VmName><VmHome>{home}config.pvs</VmHome></VmDirectoryItem>\n")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ParallelsVmDirectories>\n  <VmDirectory>\n{items}  </VmDirectory>\n</ParallelsVmDirectories>\n"
    )
}
