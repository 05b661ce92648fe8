//! What lies below a folder, and files that tests may write anew.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The letter that `ls` shows for its type.
    pub(super) kind: char,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    /// Of a file its content, of a link its target.
    pub(super) content: Vec<u8>,
}

/// Every path below a root, and what it is.
pub(super) fn below(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            // What the agent replaces may be gone by now.
            let Ok(found) = path.symlink_metadata() else { continue };
            let kind = found.file_type();
            let (letter, content) = if kind.is_dir() {
                folders.push(path.clone());
                ('d', Vec::new())
            } else if kind.is_symlink() {
                ('l', path.read_link().unwrap().into_os_string().into_encoded_bytes())
            } else if kind.is_socket() {
                ('s', Vec::new())
            } else {
                ('-', std::fs::read(&path).unwrap_or_default())
            };
            let entry = Entry {
                kind: letter,
                mode: found.mode() & 0o7777,
                owner: (found.uid(), found.gid()),
                content,
            };
            entries.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
        }
    }
    entries
}

/// Whether generated files are written anew and not compared.
#[expect(clippy::disallowed_methods, reason = "a person asks for it in the environment of the test")]
pub(super) fn is_to_rewrite() -> bool {
    std::env::var("MERIDIAN_REWRITE").is_ok_and(|value| value == "1")
}

/// Makes a folder of exactly these files.
pub(super) fn replace_folder(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let _ = std::fs::remove_dir_all(folder);
    for (name, content) in files {
        write(&folder.join(name), content);
    }
}

/// Writes a file and makes the folders above it.
pub(super) fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path).unwrap().write_all(content).unwrap();
}
