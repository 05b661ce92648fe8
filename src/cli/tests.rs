//! The command line as a whole: its grammar, help, and exit codes.

use clap::CommandFactory;

use super::*;
use crate::clock::ManualClock;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split(' '))
}

#[test]
fn the_grammar_is_sound_and_help_is_reviewed() {
    Arguments::command().debug_assert();
    for (name, line) in [
        ("help_short", "meridian -h"),
        ("help_long", "meridian --help"),
        ("help_status", "meridian status --help"),
        ("help_explain", "meridian explain --help"),
        ("help_sync", "meridian sync -h"),
        ("help_updates", "meridian updates -h"),
        ("help_leave", "meridian leave --help"),
        ("help_deactivate_license", "meridian deactivate-license --help"),
        ("help_profile_make", "meridian profile make --help"),
        ("help_config_validate", "meridian config validate --help"),
    ] {
        let help = parse(line).unwrap_err();
        assert!(!help.use_stderr());
        insta::assert_snapshot!(name, help.to_string());
    }
}

#[test]
fn usage_errors_are_told_from_help() {
    for line in [
        "meridian",
        "meridian dance",
        "meridian status --field no.such",
        "meridian status --field health --json",
        "meridian explain a b",
        "meridian sync --timeout 0",
        "meridian deactivate-license --timeout 4",
        "meridian deactivate-license --timeout 301",
        "meridian license x",
        "meridian updates check-feed",
        "meridian updates x",
        "meridian plan --check",
        "meridian profile",
        "meridian profile make --output x --portal-url https://x",
        "meridian profile make --output x --portal-url https://x --root-key x --license-key x --sso",
        "meridian profile make --output x --portal-url https://x --root-key x --full-disk-access",
        "meridian profile make --output x --portal-url https://x --root-key x --identifier a/b",
        "meridian config validate",
    ] {
        let usage = parse(line).unwrap_err();
        assert!(usage.use_stderr() && usage.exit_code() == 2, "{line}");
    }
}

#[test]
fn the_root_may_stand_anywhere() {
    for line in ["meridian --root /tmp/r status --check", "meridian status --check --root /tmp/r"] {
        assert_eq!(parse(line).unwrap().root, std::path::Path::new("/tmp/r"));
    }
    let relative = parse("meridian --root r status").unwrap().root;
    assert!(relative.is_absolute() && relative.ends_with("r"), "{}", relative.display());
    assert_eq!(parse("meridian daemon").unwrap().root, std::path::Path::new("/"));
}

#[test]
fn without_a_daemon_every_verb_ends_as_the_table_says() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    let clock = ManualClock::at(*samples::NOW);
    std::fs::create_dir_all(paths.support()).unwrap();
    for (line, exit) in [
        ("meridian status", 5),
        ("meridian status --check", 5),
        ("meridian status --field health", 5),
        ("meridian explain", 5),
        ("meridian explain restrict.create_vm --json", 5),
        ("meridian plan", 5),
        ("meridian vms --json", 5),
        ("meridian sync", 5),
        ("meridian license", 5),
        ("meridian updates", 5),
        ("meridian updates --json", 5),
        ("meridian updates check-feed /nonexistent.xml", 1),
        ("meridian updates check-feed tests/golden/updates/local.xml --json", 0),
        ("meridian updates check-feed tests/golden/updates/faults.xml", 1),
        ("meridian deactivate-license --timeout 5", 0),
        ("meridian deactivate-license --require-ack --timeout 5", 6),
        ("meridian version", 0),
        ("meridian version --json", 0),
        ("meridian doctor --json", 1),
        ("meridian config validate /nowhere/file", 1),
        ("meridian profile make --output /nowhere/file --portal-url x --root-key x", 2),
    ] {
        let arguments = parse(line).unwrap();
        let ended = match perform(&arguments.verb, &paths, &clock) {
            Ok(done) => done.exit,
            Err(failure) => failure.exit(),
        };
        assert_eq!(ended as u8, exit, "{line}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "an obstacle, and not a document")]
fn the_last_line_of_an_order_is_its_verdict_for_programs_too() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    std::fs::create_dir_all(paths.support()).unwrap();
    let clock = ManualClock::at(*samples::NOW);
    let arguments = parse("meridian deactivate-license --json --id a --timeout 5").unwrap();
    let Ok(done) = perform(&arguments.verb, &paths, &clock) else { panic!("it is done") };
    let last: serde_json::Value = serde_json::from_str(done.text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["schema"], &last["outcome"]),
        (&serde_json::json!(1), &serde_json::json!("nothing-to-do"))
    );
    // And where the order could not be written down.
    std::fs::remove_dir_all(paths.support()).unwrap();
    std::fs::write(paths.support(), "").unwrap();
    let Err(failure) = perform(&arguments.verb, &paths, &clock) else { panic!("it is not done") };
    let last: serde_json::Value =
        serde_json::from_str(failure.json().unwrap().lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["exit"], 1);
    let message = last["error"]["message"].as_str().unwrap();
    assert!(message.contains("nothing is written down, so that nobody tries again"), "{message}");
}

#[test]
fn a_silent_daemon_is_told_with_the_age_of_its_last_status() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    let clock = ManualClock::at(*samples::NOW);
    let mut view = samples::healthy();
    view.written_at = *samples::NOW - jiff::SignedDuration::from_mins(7);
    let line = crate::control::proto::encode(&crate::control::proto::Answer::Status(Box::new(view))).unwrap();
    std::fs::create_dir_all(paths.support()).unwrap();
    crate::state::atomic::write(&paths.status_file(), &line, crate::state::atomic::PUBLIC).unwrap();
    std::fs::create_dir_all(paths.socket_folder()).unwrap();
    let _hangs = std::os::unix::net::UnixListener::bind(paths.socket()).unwrap();
    for line in ["meridian explain", "meridian plan --json", "meridian vms"] {
        let Err(failure) = perform(&parse(line).unwrap().verb, &paths, &clock) else { panic!("{line}") };
        assert_eq!(failure.exit(), Exit::Unreachable, "{line}");
        assert!(failure.complaint().contains("its last status is of 7 min ago"), "{}", failure.complaint());
    }
    for line in ["meridian license", "meridian status"] {
        let Ok(done) = perform(&parse(line).unwrap().verb, &paths, &clock) else { panic!("{line}") };
        assert_eq!(done.exit, Exit::Unreachable, "{line}");
        assert!(done.text.contains("this is as of 7 min ago"), "{}", done.text);
    }
}
