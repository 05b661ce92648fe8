//! A scratch root that packages are installed into: what macOS' Installer would do, with recorded stand-ins for the tools that
//! the package's scripts call. The stand-ins lie outside the root.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use tempfile::TempDir;
use tokio::process::Command;

use super::files::write;

/// Records how it is called. What is loaded is a file; so is how often bootstrap is still to fail, and that no job ends.
const LAUNCHCTL: &str = r#"#!/bin/sh
state=${0%/*/*}
echo "launchctl $*" >>"$state/calls"
case $1 in
  print) [ -e "$state/loaded" ] || [ -e "$state/running" ] || exit 113 ;;
  bootout)
    [ -e "$state/loaded" ] || { echo 'Boot-out failed: 3: No such process' >&2; exit 3; }
    [ -e "$state/stuck" ] || rm "$state/loaded"
    ;;
  bootstrap)
    if [ -s "$state/refusals" ]; then
      left=$(cat "$state/refusals")
      echo "${left#?}" | tr -d '\n' >"$state/refusals"
      echo 'Bootstrap failed: 5: Input/output error' >&2
      exit 5
    fi
    [ ! -e "$state/loaded" ] && [ -f "$3" ] || { echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }
    : >"$state/loaded"
    ;;
esac
"#;
const PKGUTIL: &str = "#!/bin/sh\necho \"pkgutil $*\" >>\"${0%/*/*}/calls\"\n";
const PS: &str = "#!/bin/sh\ncat \"${0%/*/*}/processes\" 2>/dev/null\n:\n";
const SLEEP: &str = "#!/bin/sh\nexec /bin/sleep 0.05\n";

/// The tools that scripts find before the system's.
pub(super) struct StandIns {
    folder: TempDir,
}

impl StandIns {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in [("launchctl", LAUNCHCTL), ("pkgutil", PKGUTIL), ("ps", PS), ("sleep", SLEEP)] {
            let path = folder.path().join("bin").join(name);
            write(&path, script.as_bytes());
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.state("loaded").exists()
    }

    /// What was called since it was asked last, but for the looking.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.state("calls")).unwrap_or_default();
        let _ = std::fs::remove_file(self.state("calls"));
        calls.lines().filter(|call| !call.starts_with("launchctl print")).map(str::to_owned).collect()
    }

    /// A script of the package as it runs below `root`.
    #[expect(clippy::disallowed_methods, reason = "the scripts are programs")]
    pub(super) fn command(&self, root: &Path, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.state("bin").display());
        command.env_clear().env("MERIDIAN_ROOT", root).env("MERIDIAN_PATH", path);
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        command
    }
}

/// How far an installation comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Preinstall,
    HalfThePayload,
    Payload,
    TheEnd,
}

/// A package, taken apart as the Installer does.
pub(super) struct Package {
    pub(super) product: PathBuf,
    pub(super) parts: PathBuf,
    _folder: TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the tools are programs")]
pub(super) fn run(program: &str, arguments: &[&Path]) -> String {
    let output = std::process::Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Package {
    /// The package of this build, made once for all tests.
    pub(super) fn of_this_build() -> &'static Self {
        static PACKAGE: OnceLock<Package> = OnceLock::new();
        PACKAGE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let (binary, product) = (folder.path().join("meridian"), folder.path().join("meridian.pkg"));
            let built = Path::new(env!("CARGO_BIN_EXE_meridian"));
            run("strip", &[Path::new("-o"), &binary, built]);
            Self::build(&product, &[&binary]);
            let parts = folder.path().join("parts");
            take_apart(&product, &parts);
            Self { product, parts, _folder: folder }
        })
    }

    /// Runs the build script; what it says.
    pub(super) fn build(out: &Path, binaries: &[&Path]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build-pkg.sh");
        let mut arguments = vec![Path::new("--out"), out];
        for binary in binaries {
            arguments.extend([Path::new("--binary"), binary]);
        }
        run(script.to_str().unwrap(), &arguments)
    }

    /// Installs it below `root`, as far as `until`.
    pub(super) async fn install(&self, tools: &StandIns, root: &Path, until: Until) -> Output {
        self.install_on(tools, (root, "/"), until).await
    }

    /// The same for a volume by the name that the Installer gives it.
    pub(super) async fn install_on(
        &self,
        tools: &StandIns,
        (root, volume): (&Path, &str),
        until: Until,
    ) -> Output {
        let script = |name: &str| {
            let mut command = tools.command(root, &self.parts.join("scripts").join(name));
            command.arg(&self.product).args(["/", volume, "/"]);
            command
        };
        let before = script("preinstall").output().await.unwrap();
        if !before.status.success() || until == Until::Preinstall {
            return before;
        }
        let payload = self.parts.join("meridian.pkg/Payload");
        let mut arguments = vec![Path::new("-xpf"), &payload, Path::new("-C"), root];
        if until == Until::HalfThePayload {
            arguments.push(Path::new("./opt/meridian/bin"));
        }
        run("bsdtar", &arguments);
        if matches!(until, Until::Payload | Until::HalfThePayload) {
            return before;
        }
        script("postinstall").output().await.unwrap()
    }
}

/// The product archive's members below `parts`, and the component's scripts in `parts/scripts`.
fn take_apart(product: &Path, parts: &Path) {
    let scripts = parts.join("scripts");
    std::fs::create_dir_all(&scripts).unwrap();
    run("bsdtar", &[Path::new("-xf"), product, Path::new("-C"), parts]);
    run("bsdtar", &[Path::new("-xpf"), &parts.join("meridian.pkg/Scripts"), Path::new("-C"), &scripts]);
}

/// A Mac's folders as they are before anything is installed.
pub(super) fn bare_mac(root: &Path) {
    for folder in [
        "Library/LaunchDaemons",
        "Library/Application Support",
        "Library/Logs",
        "usr/local/bin",
        "usr/local/share",
        "var/run",
    ] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
}
