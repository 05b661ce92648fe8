//! The manual pages and the shell completions that are packaged are those of the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

const MADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/made");

/// Every file that is made from the grammar, by its path.
fn made() -> BTreeMap<PathBuf, Vec<u8>> {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = meridian::cli::command();
    let mut files = BTreeMap::new();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let path = clap_complete::generate_to(shell, &mut command, "meridian", scratch.path()).unwrap();
        let name = Path::new("completions").join(path.file_name().unwrap());
        files.insert(name, std::fs::read(path).unwrap());
    }
    let pages = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(meridian::cli::command(), pages.path()).unwrap();
    for entry in pages.path().read_dir().unwrap() {
        let entry = entry.unwrap();
        files.insert(Path::new("man").join(entry.file_name()), std::fs::read(entry.path()).unwrap());
    }
    files
}

fn packaged() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["completions", "man"] {
        for entry in Path::new(MADE).join(folder).read_dir().into_iter().flatten() {
            let path = entry.unwrap().path();
            files.insert(path.strip_prefix(MADE).unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
    files
}

/// With `MERIDIAN_REWRITE=1` it writes the files instead.
#[test]
fn what_is_packaged_is_what_the_command_line_gives() {
    let made = made();
    if super::files::is_to_rewrite() {
        super::files::replace_folder(Path::new(MADE), &made);
    }
    let packaged = packaged();
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&packaged), names(&made), "run it with MERIDIAN_REWRITE=1");
    for (name, content) in &made {
        assert!(
            packaged[name] == *content,
            "{} is not as made; run it with MERIDIAN_REWRITE=1",
            name.display()
        );
    }
}
