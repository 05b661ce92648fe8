//! The rules of the runner, with real processes: what runs is `/bin/sh` and small scripts below a scratch root.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::*;
use crate::domain::ids::Uid;
use crate::hypervisor::users::LocalUser;

const SOON: Duration = Duration::from_millis(300);
const AMPLE: Duration = Duration::from_secs(20);

/// A scratch root and a runner of the processes below it.
struct Scratch {
    root: TempDir,
    runner: Runner,
}

impl Scratch {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Canonical, since a temporary folder may lie behind a link.
        let paths = Paths::under(root.path().canonicalize().unwrap());
        for folder in ["Applications/Parallels Desktop.app/Contents/MacOS", "usr/bin", "bin"] {
            fs::create_dir_all(paths.root().join(folder)).unwrap();
        }
        for folder in
            paths.prlctl().ancestors().skip(1).take_while(|folder| folder.starts_with(paths.parallels_app()))
        {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { root, runner: Runner::real(paths) }
    }

    fn paths(&self) -> &Paths {
        self.runner.paths()
    }

    fn file(&self, name: &str) -> String {
        self.root.path().join(name).display().to_string()
    }

    /// Lets a shell write the script: a file that this process itself writes cannot be run while another thread forks.
    async fn script(&self, program: &Path, body: &str) {
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let call = Invocation::read("/bin/sh".into(), &["-c", write, "sh", program.to_str().unwrap(), body]);
        self.runner.stdout_of(&call).await.unwrap();
    }

    /// `prlctl` is this script, and signed.
    async fn prlctl(&self, body: &str) -> Invocation {
        self.script(&self.paths().prlctl(), body).await;
        self.script(&self.paths().codesign(), "echo \"$@\" >> \"$0.log\"").await;
        Invocation::read(self.paths().prlctl(), &["list", "-a"])
    }

    fn verifications(&self) -> usize {
        let log = fs::read_to_string(format!("{}.log", self.paths().codesign().display()));
        log.map_or(0, |log| log.lines().count())
    }

    /// A named pipe, at whose end one hears when everyone who holds it is dead.
    async fn pipe(&self) -> (String, pipe::Receiver) {
        let path = self.file("pipe");
        let call = shell("mkfifo \"$1\"", &[&path]);
        self.runner.stdout_of(&call).await.unwrap();
        let receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
        (path, receiver)
    }
}

fn shell(script: &str, arguments: &[&str]) -> Invocation {
    let argv: Vec<&str> = ["-c", script, "sh"].iter().chain(arguments).copied().collect();
    Invocation { limit: AMPLE, ..Invocation::read("/bin/sh".into(), &argv) }
}

fn anna() -> LocalUser {
    LocalUser { uid: Uid(501), name: "anna".to_owned(), home: "/Users/anna".into() }
}

async fn rest_of(mut receiver: pipe::Receiver) -> String {
    let mut text = String::new();
    tokio::time::timeout(AMPLE, receiver.read_to_string(&mut text))
        .await
        .expect("somebody survived")
        .unwrap();
    text
}

#[tokio::test]
async fn a_tool_gets_five_variables_and_nothing_to_read() {
    let scratch = Scratch::new();
    let output = scratch.runner.stdout_of(&Invocation::read("/usr/bin/env".into(), &[])).await.unwrap();
    let mut lines: Vec<String> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    let home = format!("HOME={}/var/root", scratch.paths().root().display());
    assert_eq!(
        lines,
        [&home, "LANG=en_US.UTF-8", "LOGNAME=root", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "USER=root"]
    );
    let output = scratch.runner.run(&shell("cat; echo out; echo err >&2; exit 7", &[])).await.unwrap();
    assert_eq!(output, Output { code: Some(7), stdout: b"out\n".to_vec(), stderr: b"err\n".to_vec() });
}

#[test]
fn a_call_may_move_between_threads() {
    fn movable<T: Send>(_: &T) {}
    let scratch = Scratch::new();
    let call = shell("exit", &[]);
    movable(&scratch.runner.run(&call));
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let scratch = Scratch::new();
    for hostile in ["a b", "-rf", "$(touch x)", "`x`", "'\"", "\n", "🦀", "*", &"x".repeat(4096)] {
        let call = Invocation::read("/usr/bin/printf".into(), &["%s", hostile]);
        assert_eq!(scratch.runner.stdout_of(&call).await.unwrap(), hostile.as_bytes());
    }
}

#[tokio::test]
async fn a_user_s_tool_runs_in_their_session_with_their_rights() {
    let scratch = Scratch::new();
    let call = scratch.prlctl("echo unused").await;
    scratch.script(&scratch.paths().launchctl(), "echo \"$HOME $USER $LOGNAME $@\"").await;
    let call = Invocation { as_user: Some(anna()), ..call };
    let output = scratch.runner.stdout_of(&call).await.unwrap();
    let (sudo, prlctl) = (scratch.paths().sudo(), scratch.paths().prlctl());
    assert_eq!(
        String::from_utf8(output).unwrap(),
        format!(
            "/Users/anna anna anna asuser 501 {} -n -H -u #501 -- {} list -a\n",
            sudo.display(),
            prlctl.display()
        )
    );
}

#[tokio::test]
async fn a_tool_that_hangs_is_ended_with_all_it_started() {
    let scratch = Scratch::new();
    let (path, receiver) = scratch.pipe().await;
    let hang = "exec 9>\"$1\"; sleep 1000 & sleep 1000 & wait";
    let call = Invocation { limit: SOON, ..shell(hang, &[&path]) };
    let result = scratch.runner.run(&call).await;
    assert!(matches!(result, Err(RunError::TimedOut { limit: SOON, .. })), "{result:?}");
    rest_of(receiver).await;
}

#[tokio::test]
async fn a_tool_that_ignores_the_polite_signal_is_killed() {
    let scratch = Scratch::new();
    let (path, receiver) = scratch.pipe().await;
    let stubborn = "trap '' TERM; exec 9>\"$1\"; while :; do sleep 1000; done";
    let call = Invocation { limit: SOON, ..shell(stubborn, &[&path]) };
    assert!(matches!(scratch.runner.run(&call).await, Err(RunError::TimedOut { .. })));
    rest_of(receiver).await;
}

#[tokio::test]
async fn a_tool_may_clean_up_before_it_is_killed() {
    let scratch = Scratch::new();
    let (path, receiver) = scratch.pipe().await;
    let tidy = "exec 9>\"$1\"; trap 'echo tidy >&9; exit 0' TERM; yes; sleep 1000 & wait";
    let result = scratch.runner.run(&shell(tidy, &[&path])).await;
    assert!(matches!(result, Err(RunError::TooMuch(_))), "{result:?}");
    assert_eq!(rest_of(receiver).await, "tidy\n");
}

#[tokio::test]
async fn a_tool_that_floods_is_ended() {
    let scratch = Scratch::new();
    for flood in ["exec yes", "exec yes >&2", "yes & exec yes >&2"] {
        let result = scratch.runner.run(&shell(flood, &[])).await;
        assert!(matches!(result, Err(RunError::TooMuch(_))), "{flood}: {result:?}");
    }
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_stream_holds_nothing_up() {
    let scratch = Scratch::new();
    let (path, receiver) = scratch.pipe().await;
    let call = shell("exec 9>\"$1\"; sleep 1000 & echo done; exit 3", &[&path]);
    let output = scratch.runner.run(&call).await.unwrap();
    assert_eq!(output, Output { code: Some(3), stdout: b"done\n".to_vec(), stderr: Vec::new() });
    rest_of(receiver).await;
}

#[tokio::test]
async fn dropping_a_call_ends_its_tool() {
    let scratch = Scratch::new();
    let (path, mut receiver) = scratch.pipe().await;
    let call = shell("exec 9>\"$1\"; echo up >&9; sleep 1000 & wait", &[&path]);
    let mut up = [0; 3];
    tokio::select! {
        result = scratch.runner.run(&call) => panic!("it ended: {result:?}"),
        read = async {
            // Before the tool opens the pipe there is nobody at its other end.
            while receiver.read(&mut up).await.unwrap() == 0 { tokio::task::yield_now().await; }
        } => read,
    }
    assert_eq!(&up, b"up\n");
    rest_of(receiver).await;
}

#[tokio::test]
async fn changes_run_one_at_a_time() {
    let scratch = Scratch::new();
    let lock = scratch.file("lock");
    let alone = "mkdir \"$1\" || exit 9; ls / > /dev/null; rmdir \"$1\"";
    let call = Invocation { mutating: true, ..shell(alone, &[&lock]) };
    let run = || scratch.runner.run(&call);
    let outputs = tokio::join!(run(), run(), run(), run());
    for output in [outputs.0, outputs.1, outputs.2, outputs.3] {
        assert_eq!(output.unwrap().code, Some(0));
    }
}

#[tokio::test]
async fn what_is_not_there_has_its_name() {
    let scratch = Scratch::new();
    let result = scratch.runner.run(&Invocation::read(scratch.paths().prlctl(), &[])).await;
    assert!(matches!(result, Err(RunError::NotInstalled)), "{result:?}");
    let result = scratch.runner.run(&Invocation::read(scratch.paths().dscl(), &[])).await;
    assert!(matches!(result, Err(RunError::System { .. })), "{result:?}");
}

#[tokio::test]
async fn the_signature_is_verified_once_for_each_version_of_a_file() {
    let scratch = Scratch::new();
    let call = scratch.prlctl("echo 1").await;
    for _ in 0..3 {
        assert_eq!(scratch.runner.stdout_of(&call).await.unwrap(), b"1\n");
    }
    assert_eq!(scratch.verifications(), 1);
    let log = fs::read_to_string(format!("{}.log", scratch.paths().codesign().display())).unwrap();
    assert_eq!(
        log,
        format!(
            "--verify --strict -R =anchor apple generic and certificate leaf[subject.OU] = \"4C6364ACXT\" {}\n",
            scratch.paths().prlctl().display()
        )
    );
    fs::remove_file(scratch.paths().prlctl()).unwrap();
    scratch.prlctl("echo 22").await;
    assert_eq!(scratch.runner.stdout_of(&call).await.unwrap(), b"22\n");
    assert_eq!(scratch.verifications(), 2);
}

/// What is wrong with `prlctl` in this scratch root.
async fn reason(scratch: &Scratch, call: &Invocation) -> Untrusted {
    match scratch.runner.run(call).await {
        Err(RunError::Untrusted { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_that_others_could_have_changed_is_not_run() {
    let scratch = Scratch::new();
    let prlctl = scratch.paths().prlctl();
    let call = scratch.prlctl("echo 1").await;
    let folder = prlctl.parent().unwrap();
    for (path, usual) in
        [(prlctl.as_path(), 0o755), (folder, 0o755), (&scratch.paths().parallels_app(), 0o755)]
    {
        for mode in [0o775, 0o757] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(reason(&scratch, &call).await, Untrusted::Writable),
                "{} {mode:o}",
                path.display()
            );
        }
        fs::set_permissions(path, fs::Permissions::from_mode(usual)).unwrap();
    }
    scratch.script(&scratch.paths().codesign(), "exit 3").await;
    assert!(matches!(reason(&scratch, &call).await, Untrusted::Signature));
    fs::remove_file(&prlctl).unwrap();
    symlink("/bin/sh", &prlctl).unwrap();
    assert!(matches!(reason(&scratch, &call).await, Untrusted::Outside));
    fs::remove_file(&prlctl).unwrap();
    fs::create_dir(&prlctl).unwrap();
    assert!(matches!(reason(&scratch, &call).await, Untrusted::NotAFile));
}

#[tokio::test]
async fn tools_that_hang_three_times_in_a_row_are_left_alone() {
    let scratch = Scratch::new();
    let call = Invocation { limit: Duration::from_millis(50), ..scratch.prlctl("exec sleep 1000").await };
    for _ in 0..3 {
        let result = scratch.runner.run(&call).await;
        assert!(matches!(result, Err(RunError::TimedOut { .. })), "{result:?}");
    }
    let result = scratch.runner.run(&call).await;
    assert!(matches!(result, Err(RunError::Paused { retry_in }) if retry_in > AMPLE), "{result:?}");
    assert_eq!(
        scratch.runner.stdout_of(&shell("echo 1", &[])).await.unwrap(),
        b"1\n",
        "other tools still run"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_login_is_tried_again_five_times() {
    for (fails, code, calls) in [(0, 0, 1), (2, 0, 3), (5, 0, 6), (9, 255, 6)] {
        let count = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&count);
        let runner = Runner::answering(Paths::under("/scratch"), move |_| {
            match counted.fetch_add(1, Ordering::Relaxed) < fails {
                true => Output::failure(255, "Login failed: The connection was closed"),
                false => Output::success("[]"),
            }
        });
        let start = Instant::now();
        let output = runner.run(&Invocation::read("/bin/x".into(), &[])).await.unwrap();
        assert_eq!((output.code, count.load(Ordering::Relaxed)), (Some(code), calls), "{fails}");
        assert_eq!(start.elapsed(), LOGIN_PAUSE * u32::try_from(calls - 1).unwrap());
    }
}
