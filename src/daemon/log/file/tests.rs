//! What may happen to a log while it is written.

use std::os::unix::fs::symlink;

use super::*;

struct Scene {
    _root: tempfile::TempDir,
    log: LogFile,
    paths: Paths,
}

fn scene() -> Scene {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    Scene { _root: root, log: LogFile { largest: 20, ..LogFile::new(paths.clone()) }, paths }
}

impl Scene {
    /// The files with what they hold, each line without its end.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.paths.logs()).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let found = entry.metadata().unwrap();
                assert!(found.is_file() && found.mode() & 0o7777 == 0o600, "{entry:?}");
                let text = fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text.replace('\n', "|"))
            })
            .collect();
        files.sort();
        files
    }
}

fn files(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn five_files_are_kept_and_none_grows_beyond_its_size() {
    let mut scene = scene();
    for number in 0..100 {
        scene.log.append(&format!("line {number:03}\n")).unwrap();
    }
    let expected = [
        ("meridian.1.log", "line 096|line 097|"),
        ("meridian.2.log", "line 094|line 095|"),
        ("meridian.3.log", "line 092|line 093|"),
        ("meridian.4.log", "line 090|line 091|"),
        ("meridian.log", "line 098|line 099|"),
    ];
    assert_eq!(scene.files(), files(&expected));
    assert_eq!(LARGEST * u64::from(LOG_FILES), 10 << 20);
    // A line that is longer than a file has one to itself.
    scene.log.append("a line that is longer than any file\n").unwrap();
    scene.log.append("next\n").unwrap();
    assert_eq!(
        scene.files()[0],
        ("meridian.1.log".to_owned(), "a line that is longer than any file|".to_owned())
    );
}

#[test]
fn a_log_that_is_deleted_moved_or_cut_goes_on() {
    let mut scene = scene();
    let path = scene.paths.log();
    scene.log.append("one\n").unwrap();
    fs::remove_file(&path).unwrap();
    scene.log.append("two\n").unwrap();
    assert_eq!(scene.files(), files(&[("meridian.log", "two|")]));
    rename(&path, &scene.paths.logs().join("aside")).unwrap();
    scene.log.append("three\n").unwrap();
    assert_eq!(scene.files(), files(&[("aside", "two|"), ("meridian.log", "three|")]));
    File::options().write(true).truncate(true).open(&path).unwrap();
    scene.log.append("four\n").unwrap();
    fs::remove_dir_all(scene.paths.logs()).unwrap();
    scene.log.append("five\n").unwrap();
    assert_eq!(scene.files(), files(&[("meridian.log", "five|")]));
}

#[test]
fn a_line_that_a_full_disk_cut_does_not_run_into_the_next() {
    let mut scene = scene();
    scene.log.append("on").unwrap();
    scene.log.torn = true;
    scene.log.append("two\n").unwrap();
    scene.log.append("three\n").unwrap();
    assert_eq!(scene.files(), files(&[("meridian.log", "on|two|three|")]));
}

#[test]
fn what_is_planted_is_taken_away_and_not_written_through() {
    let mut scene = scene();
    let path = scene.paths.log();
    fs::create_dir_all(scene.paths.logs()).unwrap();
    let victim = scene.paths.root().join("victim");
    File::create(&victim).unwrap().write_all(b"mine").unwrap();
    let link = || symlink(&victim, &path).unwrap();
    let hard_link = || fs::hard_link(&victim, &path).unwrap();
    let pipe = || {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
    };
    for plant in [&link as &dyn Fn(), &hard_link, &pipe] {
        let _: io::Result<()> = fs::remove_file(&path);
        plant();
        scene.log.append("line\n").unwrap();
        assert_eq!(scene.files(), files(&[("meridian.log", "line|")]));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    }
    // Others may not read what one of them opened up.
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let mut restarted = LogFile::new(scene.paths.clone());
    restarted.append("again\n").unwrap();
    assert_eq!(scene.files(), files(&[("meridian.log", "line|again|")]));
}

#[test]
fn a_folder_in_the_way_is_an_error_each_time_and_none_when_it_is_gone() {
    let mut scene = scene();
    fs::create_dir_all(scene.paths.log()).unwrap();
    scene.log.append("one\n").unwrap_err();
    fs::remove_dir(scene.paths.log()).unwrap();
    scene.log.append("two\n").unwrap();
    assert_eq!(scene.files(), files(&[("meridian.log", "two|")]));
}

#[test]
fn a_log_that_cannot_be_put_aside_is_emptied() {
    let mut scene = scene();
    fs::create_dir_all(scene.paths.older_log(1)).unwrap();
    for age in 2..LOG_FILES {
        fs::create_dir_all(scene.paths.older_log(age)).unwrap();
    }
    // Folders that hold something are no place for a file to be moved to.
    File::create(scene.paths.older_log(2).join("in the way")).unwrap();
    for number in 0..100 {
        scene.log.append(&format!("line {number:03}\n")).unwrap();
        assert!(scene.paths.log().metadata().unwrap().len() <= 20);
    }
}
