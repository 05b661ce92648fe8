//! The README says what the code says: its tables, its commands and its pictures.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use meridian::catalog::settings_table;
use meridian::error::Exit;
use meridian::sources::profile::profile_table;
use meridian::wire::codes::{problem_table, reason_table};

const README: &str = include_str!("../../README.md");

/// What stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, without the empty lines around it.
fn section(name: &str) -> &'static str {
    let after = README.split_once(&format!("<!-- {name}:begin -->\n")).map(|(_, after)| after);
    let section = after.and_then(|after| after.split_once(&format!("<!-- {name}:end -->")));
    section.unwrap_or_else(|| panic!("the README has no section {name}")).0.trim_matches('\n')
}

fn exit_table() -> String {
    let row = |exit: Exit| format!("| {} | {} |\n", exit as u8, exit.meaning());
    format!("| code | what it means |\n|---|---|\n{}", Exit::ALL.map(row).concat())
}

#[expect(clippy::disallowed_methods, reason = "the test is about the real command line")]
fn help(program: &str) -> String {
    let output = Command::new(program).arg("--help").output().unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that the help lists.
fn verbs(help: &str) -> BTreeSet<String> {
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // What is wrapped hangs further in.
    let lines = commands.map_while(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let verbs = lines.filter_map(|line| line.split_whitespace().next());
    verbs.filter(|verb| *verb != "help").map(str::to_owned).collect()
}

/// The words that follow `program` where the README shows a command.
fn shown_verbs(program: &str) -> BTreeSet<String> {
    let program = format!("{program} ");
    let code = README.split('`').skip(1).step_by(2).flat_map(str::lines);
    let commands = code.flat_map(|line| line.split("&& ")).filter_map(|command| {
        let command = command.trim_start_matches("sudo ").trim_start_matches("target/release/");
        command.strip_prefix(program.as_str())
    });
    let verb = |rest: &str| {
        rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or_default().to_owned()
    };
    commands.map(verb).filter(|verb| !verb.is_empty()).collect()
}

#[test]
fn the_tables_are_those_of_the_code() {
    let tables = [
        ("settings", settings_table()),
        ("profile", profile_table()),
        ("problems", problem_table()),
        ("reasons", reason_table()),
        ("exit-codes", exit_table()),
    ];
    let wrong = tables.iter().filter(|(name, table)| section(name) != table.trim_end());
    let due: String =
        wrong.map(|(name, table)| format!("<!-- {name}:begin -->\n{table}<!-- {name}:end -->\n")).collect();
    assert!(due.is_empty(), "the README must say:\n{due}");
}

#[test]
fn the_help_and_the_table_name_the_same_exit_codes() {
    let help = help(env!("CARGO_BIN_EXE_meridian"));
    let codes = help.split_once("Exit codes: ").unwrap().1.split("In scripts").next().unwrap();
    let codes = codes.split_whitespace().collect::<Vec<_>>().join(" ");
    let codes: Vec<u8> =
        codes.split(", ").map(|code| code.split(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(codes, Exit::ALL.map(|exit| exit as u8));
}

#[test]
fn the_commands_are_those_of_the_help() {
    for (program, path, hidden) in [
        ("meridian", env!("CARGO_BIN_EXE_meridian"), Some("daemon")),
        ("mock-portal", env!("CARGO_BIN_EXE_mock-portal"), None),
    ] {
        let mut known = verbs(&help(path));
        assert!(!known.is_empty());
        known.extend(hidden.map(str::to_owned));
        assert_eq!(shown_verbs(program), known, "{program}");
    }
}

#[test]
fn what_is_linked_and_pictured_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let files: Vec<_> = targets
        .filter(|target| !target.contains("://"))
        .map(|target| target.split('#').next().unwrap())
        .collect();
    let pictures = files.iter().filter(|file| file.ends_with(".png"));
    for picture in pictures.clone() {
        let bytes = std::fs::read(top.join(picture)).unwrap_or_default();
        assert!(bytes.starts_with(b"\x89PNG"), "{picture} is no picture");
        assert!(bytes.len() <= 200 * 1024, "{picture} is too large for a README");
    }
    assert!(pictures.count() >= 2);
    for file in files.iter().filter(|file| !file.is_empty()) {
        assert!(top.join(file).exists(), "{file} is not there");
    }
}
