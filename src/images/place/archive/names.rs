//! The names in an archive, told apart as the usual file system of a Mac does: without case. Pure.
//!
//! In go the paths of its entries; out comes whether they lie side by side. What the file system takes for the same name
//! though it is written in other characters is refused where it is cheap to see: combining marks (U+0300 to U+036F), which
//! make one letter with the one before. Others are refused by the file system itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest name of a file, in bytes.
const NAME: usize = 255;

/// The longest path below the bundle, in bytes: the system takes 1,024 with the folders above it.
const PATH: usize = 600;

/// How many there may be, the folders above entries counted, which nothing in the archive has to name.
const MOST: usize = 100_000;

/// The names so far.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeMap<String, Taken>,
}

struct Taken {
    path: PathBuf,
    folder: bool,
    /// It has an entry of its own, and is not only above one.
    entry: bool,
}

impl Names {
    /// Takes an entry at this path below the bundle, and the folders above it.
    ///
    /// # Errors
    /// What the entry is.
    pub(super) fn take(&mut self, path: &Path, folder: bool) -> Result<(), &'static str> {
        let text = path.to_string_lossy();
        if text.len() > PATH || path.components().any(|part| part.as_os_str().len() > NAME) {
            return Err("called by a name that is too long");
        }
        if text.chars().any(|c| matches!(c, '\u{300}'..='\u{36f}')) {
            return Err("called by a name with combining marks, which may be another one's");
        }
        for above in path.ancestors().skip(1) {
            self.enter(above, (true, false))?;
        }
        self.enter(path, (folder, true))
    }

    fn enter(&mut self, path: &Path, (folder, entry): (bool, bool)) -> Result<(), &'static str> {
        if self.taken.len() >= MOST {
            return Err("one too many, the folders above it counted");
        }
        let new = || Taken { path: path.to_owned(), folder, entry: false };
        let taken = self.taken.entry(folded(&path.to_string_lossy())).or_insert_with(new);
        if taken.folder != folder {
            return Err("a file and a folder at once");
        }
        if taken.path != path || (taken.entry && entry) {
            return Err("there twice");
        }
        taken.entry |= entry;
        Ok(())
    }
}

/// Without case: `ß` is `SS`, and the Kelvin sign a `k`.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_no_entry_names_count() {
        let mut names = Names::default();
        let entry = |number: usize| format!("{number}/a/b/c/d/e/f/g/h/i");
        let taken =
            (0..MOST).take_while(|number| names.take(Path::new(&entry(*number)), true).is_ok()).count();
        assert_eq!(taken, MOST / 10 - 1, "the folder itself is one");
    }

    #[test]
    fn names_lie_side_by_side_or_clash() {
        let long = "a".repeat(256);
        let path = format!("{0}/{0}/{0}", "b".repeat(220));
        for (paths, expected) in [
            (&["a/", "a/b", "a/c/d", "a/c/"][..], Ok(())),
            (&["a", "b"], Ok(())),
            (&["gr\u{fc}n", "grun"], Ok(())),
            (&["a", "a"], Err("there twice")),
            (&["a/", "a/"], Err("there twice")),
            (&["a", "A"], Err("there twice")),
            (&["a/b", "A/c"], Err("there twice")),
            (&["a/b", "A"], Err("a file and a folder at once")),
            (&["a", "a/b"], Err("a file and a folder at once")),
            (&["a/", "a"], Err("a file and a folder at once")),
            (&["stra\u{df}e", "STRASSE"], Err("there twice")),
            (&["\u{212a}", "k"], Err("there twice")),
            (&["gr\u{fc}n", "GR\u{dc}N"], Err("there twice")),
            (&["e\u{301}"], Err("called by a name with combining marks, which may be another one's")),
            (&[long.as_str()], Err("called by a name that is too long")),
            (&[path.as_str()], Err("called by a name that is too long")),
        ] {
            let mut names = Names::default();
            let mut take =
                |path: &&str| names.take(Path::new(path.trim_end_matches('/')), path.ends_with('/'));
            assert_eq!(paths.iter().try_for_each(&mut take), expected, "{paths:?}");
        }
    }
}
