//! The scripts for MDM services, run as those run them: no terminal, nothing on standard input, a bare PATH, within the
//! service's time limit; on a Mac without the agent, with a healthy one, one in trouble, one that is dead, one that hangs.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::support::{Reply, Setup, TestEnvironment};

mod attributes;
mod deactivation;
mod fleet;
mod kandji;
mod munki;
mod pages;

/// What macOS gives a script.
const BARE_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// The shortest limit among the services is that of Munki's conditions. What only asks is to end far below it.
const LIMIT: Duration = Duration::from_secs(60);

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/mdm")
}

/// Lays the agent's executable where a package does.
fn install(environment: &TestEnvironment) {
    let executable = environment.paths().executable();
    std::fs::create_dir_all(executable.parent().unwrap()).unwrap();
    symlink(env!("CARGO_BIN_EXE_meridian"), executable).unwrap();
}

/// Writes a program for a test.
#[expect(clippy::disallowed_methods, reason = "a program that stands in for one of the Mac's")]
fn lay(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A Mac with the agent installed, enrolled, and a policy in force.
async fn managed() -> TestEnvironment {
    let environment = Setup::default().policy(json!({ "restrict.preferences": true })).start().await;
    install(&environment);
    environment.until_enforced().await;
    environment
        .until("well", |status| status.vms.total == Some(5) && status.health.problems.is_empty())
        .await;
    environment
}

/// Runs a script in a session without a terminal and with standard input closed.
#[expect(clippy::disallowed_methods, reason = "the test is about real scripts")]
async fn run(root: &Path, script: &Path, arguments: &[&str], path: &str) -> Reply {
    let mut command = tokio::process::Command::new("/usr/bin/setsid");
    command.args(["-w", "/bin/sh", "-c", "exec \"$@\" <&-", "sh"]).arg(script).args(arguments);
    command.env_clear().env("PATH", path).env("MERIDIAN_ROOT", root).env("MERIDIAN_PATH", path);
    command.stdin(Stdio::null()).current_dir("/").kill_on_drop(true);
    let output = timeout(LIMIT, command.output())
        .await
        .unwrap_or_else(|_| panic!("{script:?} took too long"))
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Reply {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs one of the scripts as it is.
async fn script(root: &Path, name: &str, arguments: &[&str]) -> Reply {
    run(root, &packaging().join(name), arguments, BARE_PATH).await
}

/// Runs one of the scripts as an administrator edits it.
async fn edited(root: &Path, name: &str, order: &str) -> Reply {
    let text = std::fs::read_to_string(packaging().join(name)).unwrap();
    assert_eq!(text.matches("\norder=''\n").count(), 1);
    let path = root.join("edited.sh");
    lay(&path, &text.replace("\norder=''\n", &format!("\norder='{order}'\n")));
    run(root, &path, &[], BARE_PATH).await
}

/// Every script that is delivered.
fn scripts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![packaging()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "sh") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_script_runs_by_itself_and_names_the_executable_by_its_path() {
    let scripts = scripts();
    assert!(scripts.len() >= 20, "{scripts:?}");
    let executable = meridian::paths::Paths::under("/").executable().display().to_string();
    for script in scripts {
        let text = std::fs::read_to_string(&script).unwrap();
        assert!(text.starts_with("#!/bin/sh\n"), "{script:?}");
        assert!(text.contains(&format!("$root{executable}")), "{script:?}");
        assert!(text.contains(":/usr/sbin:/sbin") && text.contains("export PATH"), "{script:?}");
        assert_eq!(script.metadata().unwrap().permissions().mode() & 0o777, 0o755, "{script:?}");
    }
}

#[tokio::test]
async fn a_check_in_is_ordered_and_its_end_told() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let names = ["jamf/scripts/check-in.sh", "intune/scripts/check-in.sh", "fleet/scripts/check-in.sh"];
    for name in names {
        let reply = script(&root, name, &["/", "mac", "ada"]).await;
        assert_eq!(reply.code, 0, "{reply:?}");
        assert!(reply.stdout.lines().last().unwrap().contains("Checked in"), "{reply:?}");
    }
    environment.kill_agent().await;
    for name in names {
        let reply = script(&root, name, &[]).await;
        assert_eq!((reply.code, reply.stdout.as_str()), (5, ""), "{reply:?}");
    }
    std::fs::remove_file(environment.paths().executable()).unwrap();
    for name in names {
        let reply = script(&root, name, &[]).await;
        assert_eq!((reply.code, reply.stderr.as_str()), (1, "meridian: not installed\n"), "{reply:?}");
    }
}
