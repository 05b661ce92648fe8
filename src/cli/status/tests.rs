//! The screen of `status`, where it comes from, and how it ends.

use super::super::samples::{self, NOW, screens};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::compliance::Tally;

fn live(view: StatusView) -> Seen {
    Seen { source: Source::Daemon, unreachable: None, view }
}

#[test]
fn the_most_important_line_comes_first() {
    for (name, view) in [
        ("status", samples::status()),
        ("status_healthy", samples::healthy()),
        ("status_starting", samples::starting()),
        ("status_hostile", samples::hostile_status()),
        ("status_failing", samples::failing()),
    ] {
        screens(name, |style| render(&live(view.clone()), style, *NOW));
    }
}

#[test]
fn exit_codes_are_those_of_the_table() {
    for (state, check, exit) in [
        (HealthState::Ok, false, 0),
        (HealthState::Ok, true, 0),
        (HealthState::Degraded, false, 0),
        (HealthState::Degraded, true, 3),
        (HealthState::Starting, false, 0),
        (HealthState::Starting, true, 3),
    ] {
        let mut seen = live(samples::status());
        seen.view.health.state = state;
        assert_eq!(seen.exit(check) as u8, exit, "{state:?} {check}");
        seen.source = Source::File;
        assert_eq!(seen.exit(check), Exit::Unreachable);
    }
}

#[test]
fn the_counts_of_settings_add_up() {
    let counted =
        |tally: Tally| settings(&EnforcementView::of(tally)).paint(&Style { width: 80, color: false });
    let none = Tally::default();
    for (tally, line) in [
        (none, "no source names any, so none is touched"),
        (Tally { local: 5, heeded: 1, ..none }, "6 managed: 5 held locally, 1 heeded"),
        (Tally { compliant: 7, heeded: 1, ..none }, "8 managed: 7 of 7 kept, 1 heeded"),
        (
            Tally { compliant: 1, failed: 1, idle: 2, ..none },
            "4 managed: 1 of 2 kept, 1 failed, 2 without a machine",
        ),
    ] {
        assert_eq!(counted(tally), line);
    }
}

#[test]
fn a_portal_that_is_named_badly_is_not_one_that_is_not_named() {
    let problem = |code: ProblemCode, detail: &str| ProblemView {
        code: code.code().into(),
        since: *NOW,
        detail: format!("{} {detail}", code.explanation()),
        remedy: String::new(),
        subject: None,
    };
    for (problems, words) in [
        (vec![], "the profile names no portal"),
        (
            vec![problem(ProblemCode::ProfileKeyInvalid, "LogLevel: expected a word")],
            "the profile names no portal",
        ),
        (
            vec![problem(ProblemCode::ProfileKeyInvalid, "PortalURL: expected an https origin")],
            "the profile's PortalURL is not one",
        ),
        (vec![problem(ProblemCode::ProfileUnreadable, "half of it")], "the profile cannot be read"),
        (vec![problem(ProblemCode::ProfileMissing, "")], "there is no profile"),
    ] {
        let mut view = samples::starting();
        view.health.problems = problems;
        let text = portal(&view, *NOW).paint(&Style { width: 80, color: false });
        assert_eq!(text, format!("none: {words}"));
    }
}

#[test]
fn json_tells_of_every_object_while_the_screen_tells_once() {
    let seen = live(samples::failing());
    let text = render(&seen, &Style { width: 80, color: false }, *NOW);
    assert_eq!(text.matches("tool-failed").count(), 1, "{text}");
    assert!(text.contains("tool-failed · 17 virtual machines, first “Windows 11 (0)” · for 2 min"), "{text}");
    assert!(text.contains(": 3 problems."), "{text}");
    assert_eq!(super::super::output::json(&seen).unwrap().matches("tool-failed").count(), 17);
}

/// The status file, as the daemon writes it.
fn line(view: &StatusView) -> Vec<u8> {
    crate::control::proto::encode(&Answer::Status(Box::new(view.clone()))).unwrap()
}

/// A root with this status file and no daemon.
fn root(content: Option<&[u8]>) -> (tempfile::TempDir, Paths) {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    if let Some(content) = content {
        std::fs::create_dir_all(paths.support()).unwrap();
        let mut file = std::fs::File::create(paths.status_file()).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
    }
    (scratch, paths)
}

#[test]
fn without_the_daemon_the_file_is_shown_with_its_age() {
    let mut view = samples::healthy();
    view.written_at = *NOW - jiff::SignedDuration::from_mins(7);
    let (_scratch, paths) = root(Some(&line(&view)));
    let seen = request(&paths).unwrap();
    assert_eq!((seen.source, seen.exit(false), &seen.view), (Source::File, Exit::Unreachable, &view));
    assert!(seen.unreachable.as_ref().unwrap().contains("launchctl kickstart"));
    let style = Style { width: 80, color: false };
    let text = render(&seen, &style, *NOW);
    assert!(text.starts_with("✗ The daemon does not answer; this is as of 7 min ago.\n"), "{text}");
    let public = Seen { view: view.clone().seen_by(crate::control::auth::Viewer::Public), ..seen };
    let told = render(&public, &style, *NOW);
    assert!(told.contains("Machines      not told without the daemon"), "{told}");
    let seen = request(&paths).unwrap();
    let json: serde_json::Value = serde_json::from_str(&super::super::output::json(&seen).unwrap()).unwrap();
    assert_eq!(
        (&json["schema"], &json["source"], &json["health"]["state"]),
        (&1.into(), &"file".into(), &"ok".into())
    );
}

#[test]
fn without_both_it_is_unreachable_and_says_so() {
    for content in [None, Some(&b"{"[..]), Some(b"[]"), Some(b"\xff")] {
        let (_scratch, paths) = root(content);
        let failure = request(&paths).unwrap_err();
        assert_eq!(failure.exit(), Exit::Unreachable);
        assert!(failure.complaint().contains("status.json"), "{}", failure.complaint());
    }
    let (_scratch, paths) = root(Some(&vec![b' '; (LARGEST + 1) as usize]));
    assert!(request(&paths).unwrap_err().complaint().contains("larger than 1 MiB"));
    let (_scratch, paths) = root(Some(b""));
    std::fs::remove_file(paths.status_file()).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, paths.status_file(), pipe, mode, 0).unwrap();
    assert!(request(&paths).unwrap_err().complaint().contains("not a regular file"));
}

#[test]
fn a_daemon_that_hangs_costs_less_than_two_seconds() {
    let (_scratch, paths) = root(Some(&line(&samples::healthy())));
    std::fs::create_dir_all(paths.socket_folder()).unwrap();
    let _hangs = std::os::unix::net::UnixListener::bind(paths.socket()).unwrap();
    let start = SystemClock.now();
    let seen = request(&paths).unwrap();
    assert_eq!(seen.source, Source::File);
    assert!(SystemClock.now().duration_since(start).as_secs() < 2);
}
