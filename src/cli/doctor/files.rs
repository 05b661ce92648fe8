//! The agent's files: whose they are and who may change them, and whether the disk has room.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Area, Finding};
use crate::paths::Paths;
use crate::platform::effective_uid;
use crate::platform::folder::{PRIVATE, PUBLIC};

/// Below this much the agent may soon not be able to remember what it must, in bytes.
const SCARCE: u64 = 64 << 20;

/// The most entries of the private folder that are looked at.
const MOST: usize = 1000;

const RESTART: &str = "Restart the daemon, which puts it right; find out who changed it.";

const STRAY: &str = "Find out who made it, then remove it and restart the daemon.";

/// Looks at all of them.
pub(super) fn check(paths: &Paths) -> Vec<Finding> {
    let folders = [
        (paths.support(), PUBLIC),
        (paths.private(), PRIVATE),
        (paths.logs(), PUBLIC),
        (paths.socket_folder(), PUBLIC),
    ];
    let mut findings: Vec<_> = folders.iter().filter_map(|(path, mode)| folder(paths, path, *mode)).collect();
    findings.extend(documents(paths));
    let program = paths.executable();
    let guarded = [program.parent().map(Path::to_owned), Some(program.clone()), Some(paths.launchd_plist())];
    findings.extend(guarded.into_iter().flatten().filter_map(|path| guard(paths, &path)));
    if findings.is_empty() {
        findings.push(Area::Files.good("nobody else may change them, or read what is private"));
    }
    findings.push(disk(paths));
    findings
}

/// A finding where a folder is not as the agent makes it.
fn folder(paths: &Paths, path: &Path, mode: u32) -> Option<Finding> {
    let shown = path.display();
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("there is no {shown}; the daemon makes it when it first starts");
            return Some(Area::Files.unknown(text));
        }
        Err(error) => return Some(Area::Files.unknown(format!("{shown} cannot be looked at: {error}"))),
    };
    if !found.is_dir() {
        Some(Area::Files.bad(format!("{shown} is not a folder"), "Move it away and restart the daemon."))
    } else if found.mode() & 0o7777 != mode {
        let text = format!("{shown} has mode {:03o} instead of {mode:03o}", found.mode() & 0o7777);
        Some(Area::Files.bad(text, RESTART))
    } else {
        stranger(paths, path, &found, "Find out who made it, then move it away and restart the daemon.")
    }
}

/// A finding where something belongs to a user.
fn stranger(paths: &Paths, path: &Path, found: &Metadata, remedy: &str) -> Option<Finding> {
    let is_owned = found.uid() == 0 || (!paths.is_system() && found.uid() == effective_uid().0);
    let text = || format!("{} belongs to user {} and not to root", path.display(), found.uid());
    (!is_owned).then(|| Area::Files.bad(text(), remedy))
}

/// Findings where somebody else could read a document, or it is no file.
fn documents(paths: &Paths) -> Vec<Finding> {
    let entries = match paths.private().read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let text = "what is private only root can look at";
            return vec![Area::Files.unknown(text).or_try("Ask as root: sudo meridian doctor")];
        }
        // Its folder is a finding already.
        Err(_) => return Vec::new(),
    };
    let paths_of = entries.take(MOST).filter_map(|entry| Some(entry.ok()?.path()));
    paths_of.filter_map(|path: PathBuf| document(paths, &path)).collect()
}

fn document(paths: &Paths, path: &Path) -> Option<Finding> {
    // One that is gone by now was replaced.
    let found = path.symlink_metadata().ok()?;
    let is_folder = found.is_dir() && path == paths.images();
    let text = if !found.is_file() && !is_folder {
        // The daemon looks at the names of its documents only, and moves aside what it cannot take.
        let text = format!("{} is not a regular file", path.display());
        return Some(Area::Files.bad(text, STRAY));
    } else if found.mode() & 0o077 != 0 {
        format!("{} has mode {:03o}, so that others may read it", path.display(), found.mode() & 0o7777)
    } else {
        return stranger(paths, path, &found, RESTART);
    };
    Some(Area::Files.bad(text, RESTART))
}

/// A finding where somebody else than root could change what root runs. Where the package is not installed there is none.
fn guard(paths: &Paths, path: &Path) -> Option<Finding> {
    const REMEDY: &str = "Install the package again; find out who changed it.";
    let found = path.symlink_metadata().ok()?;
    if found.mode() & 0o022 != 0 {
        let text = format!("{} may be changed by others than root", path.display());
        return Some(Area::Files.bad(text, REMEDY));
    }
    stranger(paths, path, &found, REMEDY)
}

fn disk(paths: &Paths) -> Finding {
    let support = paths.support();
    let there = support.ancestors().find(|path| path.exists()).unwrap_or(paths.root());
    let found = match rustix::fs::statvfs(there) {
        Ok(found) => found,
        Err(error) => return Area::Disk.unknown(format!("cannot be looked at: {error}")),
    };
    if found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Area::Disk.bad("it can only be read", "Check the disk; restart the Mac.");
    }
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} are free", amount(free));
    if free < SCARCE { Area::Disk.bad(text, "Free disk space.") } else { Area::Disk.good(text) }
}

/// `12 MB`, `3.4 GB`: as the Finder counts.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_daemon_takes_away_is_for_a_person_to_remove() {
        let scratch = tempfile::tempdir().unwrap();
        let paths = Paths::under(scratch.path());
        std::fs::create_dir_all(paths.private()).unwrap();
        std::os::unix::fs::symlink("/dev/null", paths.private().join("stray")).unwrap();
        let open = paths.private().join("trust.json");
        crate::state::atomic::write(&open, b"{}", 0o644).unwrap();
        let remedy = |path: &Path| document(&paths, path).unwrap().remedy.unwrap();
        assert_eq!(remedy(&paths.private().join("stray")), STRAY);
        assert_eq!(remedy(&open), RESTART);
    }

    #[test]
    fn amounts_are_short() {
        for (bytes, shown) in [(999_999, "0 MB"), (64 << 20, "67 MB"), (12_345_678_901, "12.3 GB")] {
            assert_eq!(amount(bytes), shown);
        }
    }
}
