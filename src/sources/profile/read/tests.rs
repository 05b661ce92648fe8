use std::os::unix::fs::symlink;

use super::*;

struct Mac(tempfile::TempDir);

impl Mac {
    fn new() -> Self {
        let mac = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(mac.paths().managed_preferences()).unwrap();
        mac
    }

    fn paths(&self) -> Paths {
        Paths::under(self.0.path())
    }

    #[expect(clippy::disallowed_methods, reason = "what MDM does, not what the agent does")]
    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.paths().managed_preferences().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn agent(&self) -> Reading<Document> {
        read_managed(&self.paths()).agent
    }
}

const OURS: &str = "dev.meridian.agent.plist";

#[test]
fn the_two_device_files_are_read_and_user_files_listed() {
    let mac = Mac::new();
    mac.put(OURS, b"ours");
    mac.put("com.parallels.desktop.managedprefs.plist", b"<plist><dict></dict></plist>");
    mac.put("complete.plist", b"everything");
    mac.put("zoe/dev.meridian.agent.plist", b"hers");
    mac.put("alice/dev.meridian.agent.plist", b"hers");
    mac.put("bob/com.apple.dock.plist", b"his");
    symlink(mac.0.path(), mac.paths().managed_preferences().join("eve")).unwrap();

    let managed = read_managed(&mac.paths());
    let file = mac.paths().managed_domain(LABEL).display().to_string();
    assert_eq!(managed.agent, Reading::Read(Document { file, bytes: FileBytes(b"ours".to_vec()) }));
    assert!(matches!(managed.activation, Reading::Read(_)));
    let users: Vec<_> = managed.ignored.iter().map(|file| file.user.as_str()).collect();
    assert_eq!(users, ["alice", "zoe"]);
    assert!(managed.ignored[0].file.ends_with("/alice/dev.meridian.agent.plist"));
}

#[test]
fn no_folder_and_no_file_are_absent() {
    let mac = Mac::new();
    assert_eq!(mac.agent(), Reading::Absent);
    fs::remove_dir(mac.paths().managed_preferences()).unwrap();
    assert_eq!(
        read_managed(&mac.paths()),
        Managed { agent: Reading::Absent, activation: Reading::Absent, ignored: Vec::new() }
    );
}

#[test]
fn links_folders_pipes_and_sockets_are_not_read() {
    let not_a_file = Reading::Unreadable(Unreadable::NotAFile);
    let mac = Mac::new();
    let path = mac.paths().managed_domain(LABEL);
    mac.put("elsewhere.plist", b"<plist><dict></dict></plist>");
    symlink(path.with_file_name("elsewhere.plist"), &path).unwrap();
    assert_eq!(mac.agent(), not_a_file);
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    assert_eq!(mac.agent(), not_a_file);
    fs::remove_dir(&path).unwrap();

    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(mac.agent(), Reading::Unreadable(_)));
}

#[test]
fn size_is_capped_at_one_mebibyte() {
    let mac = Mac::new();
    mac.put(OURS, &vec![b' '; 1 << 20]);
    assert!(matches!(mac.agent(), Reading::Read(_)));
    mac.put(OURS, &vec![b' '; (1 << 20) + 1]);
    assert_eq!(mac.agent(), Reading::Unreadable(Unreadable::TooLarge));
}

#[test]
fn a_bad_activation_profile_is_unreadable_alone() {
    let mac = Mac::new();
    mac.put(OURS, b"ours");
    mac.put("com.parallels.desktop.managedprefs.plist", b"half");
    let managed = read_managed(&mac.paths());
    assert!(matches!(managed.activation, Reading::Unreadable(Unreadable::Malformed(_))));
    assert!(matches!(managed.agent, Reading::Read(_)));
}
