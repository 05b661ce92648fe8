//! The package's scripts in a scratch root, with recorded stand-ins for launchctl, pkgutil and ps: what they do, and in
//! which order. Run as root, whom they are for.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::files::{below, write};
use super::stand_ins::{Package, StandIns, Until, bare_mac};

const PLIST: &str = "Library/LaunchDaemons/dev.meridian.agent.plist";
const PROGRAM: &str = "opt/meridian/bin/meridian";
const LINK: &str = "usr/local/bin/meridian";

fn mac() -> (TempDir, StandIns) {
    let root = tempfile::tempdir().unwrap();
    bare_mac(root.path());
    (root, StandIns::new())
}

/// How launchd is told to start the job, and what it is told before when the job is loaded.
fn starting(root: &Path) -> [String; 2] {
    let plist = root.join(PLIST);
    [
        "launchctl enable system/dev.meridian.agent".to_owned(),
        format!("launchctl bootstrap system {}", plist.display()),
    ]
}
const STOPPING: &str = "launchctl bootout system/dev.meridian.agent";

fn install_fails_because(output: &std::process::Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{output:?}");
}

#[tokio::test]
async fn a_fresh_installation_lays_the_links_and_starts_the_daemon() {
    let (root, tools) = mac();
    let output = Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    assert!(output.status.success(), "{output:?}");
    assert!(tools.is_loaded());
    assert_eq!(tools.calls(), starting(root.path()));
    for (link, target) in [
        (LINK, "/opt/meridian/bin/meridian"),
        ("usr/local/share/zsh/site-functions/_meridian", "/opt/meridian/share/completions/_meridian"),
        ("usr/local/share/man/man1/meridian-status.1", "/opt/meridian/share/man/man1/meridian-status.1"),
    ] {
        assert_eq!(root.path().join(link).read_link().unwrap(), Path::new(target), "{link}");
        assert!(root.path().join(target.trim_start_matches('/')).is_file(), "{target}");
    }
    let noted = std::fs::read_to_string(root.path().join("opt/meridian/folders")).unwrap();
    assert!(
        noted.starts_with("/opt\n/opt/meridian\n") && noted.contains("/usr/local/share/man/man1\n"),
        "{noted}"
    );
    assert!(!noted.contains("/usr/local/bin\n"), "it was there before");
}

#[tokio::test]
async fn an_upgrade_stops_the_old_daemon_first_and_keeps_the_state() {
    let (root, tools) = mac();
    let package = Package::of_this_build();
    package.install(&tools, root.path(), Until::TheEnd).await;
    let state = root.path().join("Library/Application Support/Meridian/private/trust.json");
    write(&state, b"what the agent knows");
    // What the release before had and this one has not.
    let old_page = root.path().join("opt/meridian/share/man/man1/meridian-dance.1");
    write(&old_page, b"");
    let old_link = root.path().join("usr/local/share/man/man1/meridian-dance.1");
    symlink("/opt/meridian/share/man/man1/meridian-dance.1", &old_link).unwrap();
    let before = below(root.path());
    tools.calls();

    let output = package.install(&tools, root.path(), Until::TheEnd).await;
    assert!(output.status.success(), "{output:?}");
    let [enable, bootstrap] = starting(root.path());
    assert_eq!(tools.calls(), [STOPPING.to_owned(), enable, bootstrap]);
    let mut after = below(root.path());
    for path in [&old_page, &old_link] {
        let path = path.strip_prefix(root.path()).unwrap();
        assert!(!after.contains_key(path), "{}", path.display());
        after.insert(path.to_owned(), before[path].clone());
    }
    assert!(before == after, "an installation over itself changes nothing else");
}

#[tokio::test]
async fn an_installation_that_was_interrupted_is_completed_by_the_next() {
    let (whole, other) = mac();
    Package::of_this_build().install(&other, whole.path(), Until::TheEnd).await;
    for fresh in [true, false] {
        for until in [Until::Preinstall, Until::HalfThePayload, Until::Payload] {
            let (root, tools) = mac();
            let package = Package::of_this_build();
            if !fresh {
                package.install(&tools, root.path(), Until::TheEnd).await;
            }
            package.install(&tools, root.path(), until).await;
            assert!(!tools.is_loaded(), "no half of a release runs");
            let output = package.install(&tools, root.path(), Until::TheEnd).await;
            assert!(output.status.success() && tools.is_loaded(), "{until:?}: {output:?}");
            assert!(below(root.path()) == below(whole.path()), "{until:?}, fresh: {fresh}");
        }
    }
}

#[tokio::test]
async fn launchd_is_asked_again_while_the_old_job_still_ends() {
    let (root, tools) = mac();
    write(&tools.state("refusals"), b"xxx");
    let output = Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    assert!(output.status.success() && tools.is_loaded(), "{output:?}");
    let [enable, bootstrap] = starting(root.path());
    assert_eq!(tools.calls(), [enable, bootstrap.clone(), bootstrap.clone(), bootstrap.clone(), bootstrap]);

    tools.calls();
    std::fs::remove_file(tools.state("loaded")).unwrap();
    write(&tools.state("refusals"), &[b'x'; 99]);
    let output = Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    install_fails_because(&output, "launchd does not take the daemon");
    assert_eq!(tools.calls().len(), 32, "it gives up");
}

#[tokio::test]
async fn an_upgrade_fails_while_the_old_daemon_does_not_end() {
    let (root, tools) = mac();
    let package = Package::of_this_build();
    package.install(&tools, root.path(), Until::TheEnd).await;
    write(&tools.state("stuck"), b"");
    let before = below(root.path());
    tools.calls();
    let output = package.install(&tools, root.path(), Until::TheEnd).await;
    install_fails_because(&output, "not installed: the daemon does not end");
    assert_eq!(tools.calls(), [STOPPING], "it is asked once");
    assert!(below(root.path()) == before, "the old release stays whole");
    let job = root.path().join("opt/meridian/libexec/job");
    let restart = tools.command(root.path(), &job).arg("restart").output().await.unwrap();
    assert!(!restart.status.success() && tools.calls() == [STOPPING], "{restart:?}");
}

#[tokio::test]
async fn on_another_volume_nothing_is_started_and_nothing_linked() {
    let (root, tools) = mac();
    let package = Package::of_this_build();
    let output = package.install_on(&tools, (root.path(), "/Volumes/Other"), Until::TheEnd).await;
    assert!(output.status.success() && tools.calls().is_empty(), "{output:?}");
    assert!(root.path().join(PROGRAM).is_file() && !root.path().join(LINK).is_symlink());
}

#[tokio::test]
async fn nothing_is_installed_into_a_folder_that_is_not_roots_alone() {
    let refuses = async |spoil: &dyn Fn(&Path), why: &str| {
        let (root, tools) = mac();
        spoil(root.path());
        let before = below(root.path());
        let output = Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
        install_fails_because(&output, why);
        assert!(tools.calls().is_empty() && below(root.path()) == before);
    };
    let folder = |root: &Path, path: &str, mode: u32| {
        let path = root.join(path);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    refuses(&|root| drop(folder(root, "opt", 0o775)), "/opt must be a folder of root's").await;
    refuses(&|root| drop(folder(root, "opt/meridian/bin", 0o757)), "/opt/meridian/bin must be").await;
    refuses(&|root| drop(folder(root, "Library/LaunchDaemons", 0o777)), "/Library/LaunchDaemons must be")
        .await;
    let given_away = |root: &Path| {
        let path = folder(root, "opt/meridian", 0o755);
        std::os::unix::fs::chown(path, Some(501), None).unwrap();
    };
    refuses(&given_away, "/opt/meridian must be").await;
    // Moved by somebody, with a link in its place.
    let relocated = |root: &Path| {
        folder(root, "opt", 0o755);
        folder(root, "Users/Shared/meridian", 0o755);
        symlink(root.join("Users/Shared/meridian"), root.join("opt/meridian")).unwrap();
    };
    refuses(&relocated, "/opt/meridian must be").await;
    refuses(&|root| symlink("/tmp", root.join("opt")).unwrap(), "/opt must be").await;
    let logs = |root: &Path| symlink("/tmp", root.join("Library/Logs/Meridian")).unwrap();
    refuses(&logs, "/Library/Logs/Meridian must be").await;
}

#[tokio::test]
async fn what_is_not_the_agents_stays() {
    let (root, tools) = mac();
    write(&root.path().join(LINK), b"somebody else's");
    let elsewhere = root.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, root.path().join("usr/local/share/man")).unwrap();
    let output = Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("/usr/local/bin/meridian is not the agent's and stays"),
        "{said}"
    );
    assert_eq!(std::fs::read(root.path().join(LINK)).unwrap(), b"somebody else's");
    assert_eq!(elsewhere.read_dir().unwrap().count(), 0, "root follows no user's link");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process stands for the Installer")]
async fn an_upgrade_by_the_daemon_restarts_it_after_the_installer_has_ended() {
    let (root, tools) = mac();
    let package = Package::of_this_build();
    package.install(&tools, root.path(), Until::TheEnd).await;
    tools.calls();
    let mut installer =
        tokio::process::Command::new("/bin/sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let id = installer.id().unwrap();
    // The daemon, a shell of its, the Installer's command; and the service below which the scripts run.
    let processes = format!(
        "1 0 /sbin/launchd\n300 1 /opt/meridian/bin/meridian\n301 300 /bin/sh\n{id} 301 /usr/sbin/installer\n400 1 installd\n"
    );
    write(&tools.state("processes"), processes.as_bytes());
    let output = package.install(&tools, root.path(), Until::TheEnd).await;
    assert!(output.status.success(), "{output:?}");
    assert!(tools.calls().is_empty() && tools.is_loaded(), "the daemon still runs");
    installer.kill().await.unwrap();
    let [enable, bootstrap] = starting(root.path());
    let due = [STOPPING.to_owned(), enable, bootstrap];
    let begun = tokio::time::Instant::now();
    let mut calls = Vec::new();
    while calls.len() < due.len() {
        assert!(begun.elapsed() < super::super::support::DEADLINE, "only {calls:?}");
        calls.extend(tools.calls());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(calls, due);

    // An Installer that somebody else started is none of the daemon's.
    write(&tools.state("processes"), b"1 0 /sbin/launchd\n300 1 /opt/meridian/bin/meridian\n500 1 /usr/local/bin/jamf\n501 500 installer\n");
    package.install(&tools, root.path(), Until::TheEnd).await;
    assert_eq!(tools.calls(), due);
}

#[tokio::test]
async fn uninstalling_leaves_the_state_unless_it_is_to_be_purged() {
    for purge in [false, true] {
        let (root, tools) = mac();
        let before = below(root.path());
        Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
        tools.calls();
        let mut uninstall = tools.command(root.path(), &root.path().join("opt/meridian/uninstall"));
        let output = uninstall.args(purge.then_some("--purge")).output().await.unwrap();
        assert!(output.status.success() && !tools.is_loaded(), "{output:?}");
        assert_eq!(tools.calls(), [STOPPING, "pkgutil --forget dev.meridian.agent"]);
        let said = String::from_utf8_lossy(&output.stdout);
        let verdict = said.lines().last().unwrap();
        assert!(verdict.starts_with("meridian: removed"), "{said}");
        let left: Vec<_> = below(root.path()).into_keys().filter(|path| !before.contains_key(path)).collect();
        if purge {
            assert_eq!(below(root.path()), before, "as if it had never been there");
        } else {
            let kept = ["Library/Application Support/Meridian", "Library/Logs/Meridian"];
            assert!(
                !left.is_empty() && left.iter().all(|path| kept.iter().any(|kept| path.starts_with(kept))),
                "{left:?}"
            );
        }
    }
}

/// How the uninstaller ends with these words, and its last line.
async fn uninstalled(tools: &StandIns, root: &Path, script: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = tools.command(root, script).args(words).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    (output.status.code(), said)
}

#[tokio::test]
async fn the_uninstallers_last_line_is_true_of_what_cannot_be_removed() {
    for (refused, words) in [("Support/Meridian*", &["--purge"][..]), ("LaunchDaemons*", &[])] {
        let (root, tools) = mac();
        let before = below(root.path());
        Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
        let script = root.path().join("opt/meridian/uninstall");
        let rm = tools.state("bin/rm");
        write(
            &rm,
            format!("#!/bin/sh\nfor word; do case $word in *{refused}) exit 1 ;; esac; done\nexec /bin/rm \"$@\"\n")
                .as_bytes(),
        );
        std::fs::set_permissions(&rm, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (code, said) = uninstalled(&tools, root.path(), &script, words).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("meridian: not removed as a whole"), "{said}");
        // The cause is put right, and it is run again.
        std::fs::remove_file(&rm).unwrap();
        let (code, said) = uninstalled(&tools, root.path(), &script, &["--purge"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(below(root.path()) == before, "{refused}");
    }
}

#[tokio::test]
async fn an_uninstallation_that_was_interrupted_is_completed_by_the_next() {
    let (root, tools) = mac();
    let before = below(root.path());
    Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    let script = root.path().join("opt/meridian/uninstall");
    for gone in ["opt/meridian/bin", "opt/meridian/libexec"] {
        std::fs::remove_dir_all(root.path().join(gone)).unwrap();
    }
    let there = below(root.path());
    let (code, said) = uninstalled(&tools, root.path(), &script, &["--restore", "--purge"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("without the program no value can be put back"), "{said}");
    assert!(below(root.path()) == there && !tools.is_loaded());
    let (code, said) = uninstalled(&tools, root.path(), &script, &["--purge"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "meridian: removed, with its state and its logs"));
    let left: Vec<_> = below(root.path()).into_keys().filter(|path| !before.contains_key(path)).collect();
    // The links were taken before their targets.
    assert!(left.iter().all(|path| path.starts_with("usr/local")), "{left:?}");
}

#[tokio::test]
async fn the_uninstaller_says_whether_the_agent_runs_again() {
    for refusals in [0, 99] {
        let (root, tools) = mac();
        Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
        let program = root.path().join(PROGRAM);
        std::fs::remove_file(&program).unwrap();
        write(&program, b"#!/bin/sh\nexit 1\n");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        write(&tools.state("refusals"), &vec![b'x'; refusals]);
        let script = root.path().join("opt/meridian/uninstall");
        let (code, said) = uninstalled(&tools, root.path(), &script, &["--restore"]).await;
        let end = if refusals == 0 { "the agent runs again" } else { "the agent does not start again" };
        assert_eq!((code, tools.is_loaded()), (Some(1), refusals == 0), "{said}");
        assert!(said.ends_with(end), "{said}");
    }
}

#[tokio::test]
async fn uninstalling_refuses_what_it_does_not_know() {
    let (root, tools) = mac();
    Package::of_this_build().install(&tools, root.path(), Until::TheEnd).await;
    let before = below(root.path());
    tools.calls();
    let mut uninstall = tools.command(root.path(), &root.path().join("opt/meridian/uninstall"));
    let output = uninstall.arg("--everything").output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(tools.calls().is_empty() && below(root.path()) == before);
}
