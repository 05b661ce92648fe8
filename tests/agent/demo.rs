//! `mock-portal demo --once`: the whole story from real processes, and what it says when a step does not come true.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

mod ends;
mod images;

#[expect(clippy::disallowed_methods, reason = "the test is about real processes")]
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-portal"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn demo(arguments: &[&str]) -> (Output, String) {
    let output =
        tokio::time::timeout(Duration::from_secs(60), command(arguments).output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

#[tokio::test]
async fn it_tells_each_step_and_ends_well() {
    let (output, text) = demo(&["--once"]).await;
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let steps = [
        "1 ✓ Local restrictions are in force",
        "2 ✓ The Mac is enrolled",
        "3 ✓ A group and its policy are assigned in the portal",
        "4 ✓ The policy is enforced, and local restrictions are overridden",
        "5 ✓ A user switches a restriction off behind the agent's back",
        "6 ✓ It is put right",
        "7 ✓ The virtual machines are in the portal's monitoring tab",
        "8 ✓ The policy is unassigned in the portal",
        "9 ✓ The local restrictions are back",
    ];
    let mut rest = text.as_str();
    for step in steps {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step} is not told, or too early:\n{text}"));
        rest = &rest[at..];
    }
    assert!(text.contains("8 managed: 8 of 8 kept\n"), "{text}");
    assert!(text.contains("8 managed settings ·"), "explain counts likewise:\n{text}");
    assert!(text.contains("6 managed: 1 of 1 kept, 5 held locally\n"), "so does status:\n{text}");
    assert!(
        !text.contains("drifted") && !text.contains("need attention"),
        "told before it was observed:\n{text}"
    );
    for told in [
        "restrict.remove_vm",
        "vms.corporate_only",
        "Windows 11 Sales",
        "Debian Sandbox",
        "http://127.0.0.1:",
        "mer-admin-",
    ] {
        assert!(text.contains(told), "{told} is not told:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "color is for terminals");
    let root = text.split_whitespace().find(|word| word.contains("/mer-")).unwrap();
    let root = PathBuf::from(root.trim_end_matches(';'));
    assert!(root.is_absolute() && !root.exists(), "{} is removed at the end", root.display());
}

#[tokio::test]
async fn an_agent_that_does_nothing_fails_the_step_that_it_should_have_made_true() {
    for agent in ["/bin/true", "/bin/false"] {
        let (output, text) = demo(&["--once", "--agent", agent]).await;
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("1 ✗ Local restrictions are in force"), "{text}");
        assert!(text.contains("the agent ended with"), "{text}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("Local restrictions are in force"), "{error}");
    }
}

#[tokio::test]
async fn a_step_that_does_not_come_true_says_what_the_agent_says_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("agent");
    let script = format!(
        "#!/bin/sh\nrm -rf \"$2/Applications/Parallels Desktop.app\"\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_meridian")
    );
    meridian::state::atomic::write(&agent, script.as_bytes(), 0o755).unwrap();
    let (output, text) = demo(&["--once", "--agent", agent.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1), "{text}");
    let error = String::from_utf8(output.stderr).unwrap();
    for said in ["the agent sees no local restriction", "the agent says parallels-missing: "] {
        assert!(error.contains(said), "{error}");
    }
    assert!(text.contains("parallels-missing"), "{text}");
}

#[tokio::test]
async fn root_says_at_once_where_the_demo_does_not_work() {
    use std::os::unix::fs::DirBuilderExt as _;

    let folder = tempfile::Builder::new().prefix("mer-").tempdir_in("/tmp").unwrap();
    let path = |below: &str| folder.path().join(below).to_str().unwrap().to_owned();
    std::fs::DirBuilder::new().mode(0o755).create(path("open")).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (output, text) = demo(&["--once", "--root", &path("open/new/root")]).await;
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    if rustix::process::geteuid().is_root() {
        std::fs::DirBuilder::new().mode(0o700).create(path("closed")).unwrap();
        let (output, text) = demo(&["--once", "--root", &path("closed/root")]).await;
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains("/closed keeps other users out (mode 0700)"), "{error}");
        assert!(!folder.path().join("closed/root").exists());
    }
}

#[tokio::test]
async fn a_root_that_holds_something_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("precious")).unwrap();
    let (output, _) = demo(&["--once", "--root", root.path().to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}
