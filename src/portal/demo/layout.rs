//! The layout of a Mac below a scratch root: the simulated tools, the managed preferences, the programs that run there.
//!
//! In go a root and what the profile is to say; out come files below that root and nowhere else. A root of the demo's own making
//! is removed with it.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use crate::domain::ids::Uid;
use crate::paths::{LABEL, PARALLELS_MANAGED_DOMAIN, Paths};
use crate::simulator::{self, SimulatorError, State};
use crate::state::atomic;

/// The most bytes of a socket's path on macOS, without the zero at its end.
const SOCKET_PATH_LIMIT: usize = 103;

/// How often a name for the scratch root is drawn before giving up.
const DRAWS: u32 = 16;

/// Why the layout is not there.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file or a folder did not obey.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The root holds something already.
    #[error("{} is not empty; name a folder that is empty or does not exist", .0.display())]
    NotEmpty(PathBuf),
    /// The simulated tools act as users of the Mac, who do not get to the root.
    #[error("{} keeps other users out (mode {mode:04o}), and the demo acts as users of the Mac; name a folder that everybody reaches, such as one in /tmp", path.display())]
    Impassable {
        /// The folder on the way that keeps them out.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The root's path leaves no room for the socket's.
    #[error("the path {} is too long for a socket below it; name a shorter one", .0.display())]
    TooLong(PathBuf),
    /// A program does not lie beside this one.
    #[error("there is no {}; build all of them with: cargo build --release --bins", .0.display())]
    NoProgram(PathBuf),
    /// The simulator could not be installed.
    #[error("cannot install the simulated tools")]
    Simulator(#[from] SimulatorError),
    /// The profile cannot be written as a property list.
    #[error("the profile has no form as a binary property list")]
    Profile(#[from] plist::Error),
}

fn attempt(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LayoutError {
    let path = path.to_owned();
    move |source| LayoutError::File { what, path, source }
}

/// The folder that stands for `/`. One that was made here is removed when this is dropped.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    ours: bool,
}

impl Root {
    /// A new folder below `/tmp`, whose path is short.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scratch() -> Result<Self, LayoutError> {
        // On a Mac /tmp is a link; what watches files names them by their true path.
        let tmp = Path::new("/tmp");
        let tmp = tmp.canonicalize().map_err(attempt("look up", tmp))?;
        let mut last = tmp.clone();
        for _ in 0..DRAWS {
            let draw = uuid::Uuid::new_v4().simple().to_string();
            last = tmp.join(format!("mer-{}", draw.get(..6).unwrap_or(&draw)));
            match DirBuilder::new().mode(0o755).create(&last) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(attempt("make", &last)(error)),
                Ok(()) => return Self { path: last, ours: true }.passable(),
            }
        }
        Err(LayoutError::NotEmpty(last))
    }

    /// This folder, which stays. It is made where there is none, and must be empty. What is refused leaves nothing behind.
    ///
    /// # Errors
    /// It cannot be made, holds something, has too long a path, or lies where root alone gets and the demo is root's.
    pub fn given(path: &Path) -> Result<Self, LayoutError> {
        let path = true_path(path)?;
        if Paths::under(&path).socket().as_os_str().len() > SOCKET_PATH_LIMIT {
            return Err(LayoutError::TooLong(path));
        }
        if crate::platform::effective_uid() == Uid(0) {
            reachable(&path)?;
        }
        make(&path)?;
        let mut entries = path.read_dir().map_err(attempt("read", &path))?;
        if entries.next().is_some() {
            return Err(LayoutError::NotEmpty(path));
        }
        Self { path, ours: false }.passable()
    }

    /// Whether it was made here, and goes with the demo.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.ours
    }

    /// The umask may have taken what other users need to pass through.
    fn passable(self) -> Result<Self, LayoutError> {
        open(&self.path, 0o755)?;
        Ok(self)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The layout below it.
    #[must_use]
    pub fn paths(&self) -> Paths {
        Paths::under(&self.path)
    }
}

/// Makes a folder and those above it that are missing. The umask does not take what other users need to pass through.
fn make(path: &Path) -> Result<(), LayoutError> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        DirBuilder::new().create(folder).map_err(attempt("make", folder))?;
        open(folder, 0o755)?;
    }
    Ok(())
}

/// Whether any user may pass through the folders that are there above this one, whose own mode is the demo's to set.
fn reachable(path: &Path) -> Result<(), LayoutError> {
    for folder in path.ancestors().skip(1).filter(|folder| folder.exists()) {
        let mode = std::fs::metadata(folder).map_err(attempt("look up", folder))?.mode() & 0o7777;
        if mode & 0o001 == 0 {
            return Err(LayoutError::Impassable { path: folder.to_owned(), mode });
        }
    }
    Ok(())
}

/// A path without links, also where its last folders do not exist yet.
fn true_path(path: &Path) -> Result<PathBuf, LayoutError> {
    let whole = std::path::absolute(path).map_err(attempt("look up", path))?;
    let mut missing = Vec::new();
    let mut there = whole.as_path();
    loop {
        match there.canonicalize() {
            Ok(known) => return Ok(known.components().chain(missing.into_iter().rev()).collect()),
            Err(error) => {
                // A link to nowhere, and a file where a folder should be, are there but lead no further.
                let last = there.components().next_back();
                let (Some(last), Some(above), io::ErrorKind::NotFound) =
                    (last.filter(|_| !there.is_symlink()), there.parent(), error.kind())
                else {
                    return Err(attempt("look up", there)(error));
                };
                missing.push(last);
                there = above;
            }
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if self.ours {
            // What cannot be removed is in a folder for such things.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The programs that take part.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The agent and its command line.
    pub agent: PathBuf,
    /// The simulated tools.
    pub simulator: PathBuf,
}

impl Programs {
    /// The programs beside this executable, but for an agent that is named.
    ///
    /// # Errors
    /// One is missing.
    pub fn beside(executable: &Path, agent: Option<&Path>) -> Result<Self, LayoutError> {
        let folder = executable.parent().unwrap_or(executable);
        let agent = agent.map_or_else(|| folder.join("meridian"), Path::to_owned);
        let programs = Self { agent, simulator: folder.join("prl-sim") };
        let all = [&programs.agent, &programs.simulator];
        let missing = all.into_iter().find(|program| !program.is_file()).cloned();
        missing.map_or(Ok(programs), |missing| Err(LayoutError::NoProgram(missing)))
    }
}

/// Lays everything that the agent finds on a Mac before it starts, but for its own profile.
///
/// # Errors
/// A file cannot be written.
pub fn lay(paths: &Paths, simulator: &Path, state: &State) -> Result<(), LayoutError> {
    simulator::install(paths.root(), simulator, state)?;
    make(&paths.managed_preferences())?;
    make(&paths.logs())
}

/// Installs managed preferences as MDM does, as a binary property list.
///
/// # Errors
/// The file cannot be written.
pub fn install_profile(paths: &Paths, domain: &str, profile: Dictionary) -> Result<(), LayoutError> {
    let path = paths.managed_domain(domain);
    let mut bytes = Vec::new();
    Value::Dictionary(profile).to_writer_binary(&mut bytes)?;
    atomic::write(&path, &bytes, 0o644).map_err(attempt("write", &path))
}

/// Installs the profile of the agent.
///
/// # Errors
/// The file cannot be written.
pub fn install_agent_profile(paths: &Paths, profile: Dictionary) -> Result<(), LayoutError> {
    install_profile(paths, LABEL, profile)
}

/// Installs Parallels' own profile, which activates with a license key.
///
/// # Errors
/// The file cannot be written.
pub fn install_parallels_profile(paths: &Paths) -> Result<(), LayoutError> {
    let items = [
        ("ActivationExperience", "License Key"),
        ("LicenseKey", "6J9A5T-DEMO00-DEMO00-DEMO00-RN17ZA"),
        ("PayloadUUID", "E4D2A0B7-6C1F-4F0E-9A52-3B7C8D9E0F11"),
    ];
    let items = items.map(|(name, value)| (name.to_owned(), Value::from(value)));
    install_profile(paths, PARALLELS_MANAGED_DOMAIN, items.into_iter().collect())
}

fn open(path: &Path, mode: u32) -> Result<(), LayoutError> {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(attempt("set the mode of", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_root_goes_and_a_given_one_stays() {
        let scratch = Root::scratch().unwrap();
        let path = scratch.path().to_owned();
        assert!(scratch.paths().socket().as_os_str().len() <= SOCKET_PATH_LIMIT);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        let given = Root::given(&path.join("a/b")).unwrap();
        let below = given.path().to_owned();
        drop(given);
        assert!(below.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn every_user_gets_to_a_root_that_was_made_with_its_parents() {
        let scratch = Root::scratch().unwrap();
        let given = Root::given(&scratch.path().join("a/b/c")).unwrap();
        for folder in given.path().ancestors().take(3) {
            assert_eq!(std::fs::metadata(folder).unwrap().mode() & 0o777, 0o755, "{}", folder.display());
        }
    }

    #[test]
    fn a_folder_that_keeps_users_out_is_told_and_nothing_is_made_in_it() {
        let scratch = Root::scratch().unwrap();
        let private = scratch.path().join("private");
        DirBuilder::new().mode(0o750).create(&private).unwrap();
        let refused = reachable(&private.join("a/b")).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("{} keeps other users out (mode 0750)", private.display())),
            "{refused}"
        );
        reachable(&private).unwrap();
        let given = Root::given(&private.join("a"));
        assert_eq!(
            given.is_err(),
            crate::platform::effective_uid() == Uid(0),
            "root's demo acts as other users"
        );
        drop(given);
        assert_eq!(private.join("a").exists(), crate::platform::effective_uid() != Uid(0));
    }

    #[test]
    fn a_folder_that_holds_something_is_not_built_upon() {
        let scratch = Root::scratch().unwrap();
        std::fs::create_dir(scratch.path().join("work")).unwrap();
        assert!(matches!(Root::given(scratch.path()), Err(LayoutError::NotEmpty(_))));
        assert!(matches!(Root::given(Path::new("/")), Err(LayoutError::NotEmpty(_))));
    }

    #[test]
    fn a_path_that_is_too_long_leaves_nothing_behind() {
        let scratch = Root::scratch().unwrap();
        std::os::unix::fs::symlink(scratch.path(), scratch.path().join("link")).unwrap();
        for below in [
            "a".repeat(90),
            format!("{}/{}", "b".repeat(40), "c".repeat(50)),
            format!("link/{}", "d".repeat(90)),
        ] {
            let given = Root::given(&scratch.path().join(below));
            assert!(matches!(given, Err(LayoutError::TooLong(_))), "{given:?}");
        }
        std::fs::remove_file(scratch.path().join("link")).unwrap();
        assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_given_path_is_the_true_one() {
        let scratch = Root::scratch().unwrap();
        let (folder, link) = (scratch.path().join("folder"), scratch.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(Root::given(&link.join("a/b")).unwrap().path(), folder.join("a/b"));
        let nowhere = scratch.path().join("nowhere");
        std::os::unix::fs::symlink(scratch.path().join("gone"), &nowhere).unwrap();
        assert!(matches!(Root::given(&nowhere), Err(LayoutError::File { .. })));
        assert!(!scratch.path().join("gone").exists());
    }

    #[test]
    fn the_profile_is_a_binary_property_list() {
        let root = Root::scratch().unwrap();
        let paths = root.paths();
        make(&paths.managed_preferences()).unwrap();
        install_parallels_profile(&paths).unwrap();
        let bytes = std::fs::read(paths.managed_domain(PARALLELS_MANAGED_DOMAIN)).unwrap();
        assert!(bytes.starts_with(b"bplist00"));
        let activation = crate::sources::profile::Activation::parse("file", &bytes).unwrap();
        assert!(activation.has_license_key());
    }
}
