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
    let mut command = meridian::cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &mut files);
    files
}

/// The page of a command, and those below it.
fn pages(command: &clap::Command, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    command.get_subcommands().filter(|below| !below.is_hide_set()).for_each(|below| pages(below, files));
    let source = format!("Meridian {}", env!("CARGO_PKG_VERSION"));
    let page = clap_mangen::Man::new(command.clone()).source(source).manual("Meridian Manual");
    let mut bytes = Vec::new();
    page.render(&mut bytes).unwrap();
    // What stands below the options, under a name that manual pages have.
    let text = String::from_utf8(bytes).unwrap().replace("\n.SH EXTRA\n", "\n.SH NOTES\n");
    files.insert(Path::new("man").join(page.get_filename()), text.into_bytes());
}

#[test]
fn every_page_describes_each_option_and_names_the_release() {
    let files = made();
    let pages: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("man")).collect();
    assert!(pages.len() >= 20);
    for (name, content) in pages {
        let (name, text) = (name.display(), String::from_utf8_lossy(content));
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        let release = format!("\"Meridian {}\" \"Meridian Manual\"", env!("CARGO_PKG_VERSION"));
        assert!(title.ends_with(&release), "{name}: {title}");
        assert!(!text.contains("EXTRA"), "{name}");
        // Each option's line is followed by what it does.
        let lines: Vec<_> = text.lines().collect();
        for at in lines.iter().enumerate().filter(|(_, line)| **line == ".TP").map(|(at, _)| at) {
            assert!(
                !lines[at + 2].is_empty() && !lines[at + 2].starts_with('.'),
                "{name}: {}",
                lines[at + 1]
            );
        }
    }
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
