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
    assert_eq!(parse("meridian daemon").unwrap().root, std::path::Path::new("/"));
}

#[test]
fn without_a_daemon_every_verb_ends_as_the_table_says() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    let clock = ManualClock::at(*samples::NOW);
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
    ] {
        let arguments = parse(line).unwrap();
        let ended = match perform(&arguments.verb, &paths, &clock) {
            Ok(done) => done.exit,
            Err(failure) => failure.exit(),
        };
        assert_eq!(ended as u8, exit, "{line}");
    }
}
