//! What the archive holds and what it does not.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::samples::{HOSTILE, screens};
use super::*;
use crate::clock::ManualClock;

fn clock() -> ManualClock {
    ManualClock::at("2025-11-24T16:00:00Z".parse().unwrap())
}

/// The archive's files, by an implementation that is not ours.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, String> {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("archive.tar.gz");
    std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
    #[expect(clippy::disallowed_methods, reason = "somebody else's tar is to read ours")]
    let mut tar = std::process::Command::new("tar");
    let done = tar.arg("-xzf").arg(&file).arg("-C").arg(scratch.path()).status().unwrap();
    assert!(done.success());
    std::fs::remove_file(&file).unwrap();
    let mut files = BTreeMap::new();
    let mut folders = vec![scratch.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
                let name =
                    path.strip_prefix(scratch.path()).unwrap().components().skip(1).collect::<PathBuf>();
                files.insert(name.display().to_string(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn an_archive_is_read_by_tar() {
    let mut archive = Archive::new("folder".to_owned(), clock().now());
    let sizes = [0, 1, 511, 512, 513, 100_000];
    for size in sizes {
        archive.add(&format!("a/{size}"), &vec![b'x'; size]).unwrap();
    }
    archive.add(&"n".repeat(101), b"").unwrap_err();
    let files = unpacked(&archive.finish().unwrap());
    assert_eq!(files.len(), sizes.len());
    assert!(sizes.iter().all(|size| files[&format!("a/{size}")].len() == *size));
}

/// A Mac without a daemon, with state, logs and things that were planted.
#[test]
fn a_mac_without_a_daemon_is_told_of_and_no_link_followed() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    for folder in [paths.private(), paths.logs(), paths.managed_preferences()] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let write =
        |path: PathBuf, text: &str| std::fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    write(
        paths.managed_domain(crate::paths::LABEL),
        concat!(
            r#"<?xml version="1.0"?><plist version="1.0"><dict><key>EnrollmentToken</key><string>canary-token</string>"#,
            r#"<key>EnrolmentToken</key><string>canary-typo</string><key>LogLevel</key><string>info</string>"#,
            r#"<key>Settings</key><dict><key>updates.feed_url</key><string>http://up.example/f?t=canary-query</string></dict></dict></plist>"#
        ),
    );
    write(paths.private().join("identity.json"), r#"{"body":{"seed":"canary-seed","device":"d"}}"#);
    let remembered = r#"{"body":{"reading":{"address":"http://up.example/f?t=canary-query"}}}"#;
    write(paths.private().join("updates.json"), remembered);
    write(paths.private().join("trust.json"), "{\"token\": \"canary-cut");
    write(paths.log(), "it said canary-token, https://h/i?canary, ABCDEF-CANARY-ABCDEF-ABCDEF-ABCDEF\n");
    write(paths.older_log(1), &"x".repeat(3 << 20));
    write(scratch.path().join("elsewhere"), "canary-elsewhere");
    symlink(scratch.path().join("elsewhere"), paths.older_log(2)).unwrap();
    symlink(scratch.path().join("elsewhere"), paths.private().join("report.json")).unwrap();

    let order = DiagnoseArguments { stdout: false, format: super::super::arguments::Format { json: false } };
    let done = request(&paths, &clock(), &order).unwrap();
    let path = done.path.clone().unwrap();
    assert_eq!(path, paths.logs().join("meridian-diagnose-20251124T160000Z.tar.gz"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let files = unpacked(&std::fs::read(&path).unwrap());
    for (name, text) in &files {
        assert!(!text.contains("canary") && !text.contains("CANARY"), "{name}: {text}");
    }
    for name in
        ["README.txt", "versions.json", "profile.json", "doctor.txt", "files.txt", "state/identity.json"]
    {
        assert!(files.contains_key(name), "{name}");
    }
    assert!(files["profile.json"].contains("EnrolmentToken") && files["profile.json"].contains("INFO"));
    assert!(["profile.json", "state/updates.json"].iter().all(|name| files[*name].contains("/f?…")));
    assert_eq!(files["logs/meridian.1.log"].len(), 2 << 20);
    for name in [
        "status.json",
        "explain.json",
        "plan.json",
        "vms.json",
        "state/trust.json",
        "state/report.json",
        "logs/meridian.2.log",
    ] {
        assert!(done.missing.contains_key(name) && files["missing.txt"].contains(name), "{name}");
    }
}

#[test]
fn three_archives_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let name = |day: u32| format!("meridian-diagnose-202511{day:02}T160000Z.tar.gz");
    for file in (1..=6).map(name).chain(["meridian.log".to_owned()]) {
        std::fs::File::create(scratch.path().join(file)).unwrap();
    }
    remove_older(scratch.path());
    let mut left = names(scratch.path());
    assert_eq!(left.pop().as_deref(), Some("meridian.log"));
    assert_eq!(left, [name(4), name(5), name(6)]);
}

#[test]
fn the_path_comes_last() {
    let path = PathBuf::from("/Library/Logs/Meridian/meridian-diagnose-20251124T160000Z.tar.gz");
    let mut view = Diagnosed { path: Some(path), bytes: 34_567, files: Vec::new(), missing: BTreeMap::new() };
    screens("diagnose", |style| render(&view, style));
    view.missing.insert("status.json".to_owned(), HOSTILE.to_owned());
    screens("diagnose_missing", |style| render(&view, style));
}
