use std::io::Cursor;
use std::os::unix::fs::{MetadataExt, symlink};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn order(into: &Path, kind: Kind, size: u64, unpacked_size: u64) -> Order {
    Order { into: into.to_owned(), name: "Windows 11".to_owned(), kind, size, unpacked_size }
}

/// An archive of these entries; a name that ends with a slash is a folder, one that begins with `@` a link.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default();
        match name.strip_prefix('@') {
            Some(link) => writer.add_symlink(link, std::str::from_utf8(bytes).unwrap(), options).unwrap(),
            None if name.ends_with('/') => writer.add_directory(*name, options).unwrap(),
            None => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(bytes).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

fn unpack(bytes: &[u8], limit: u64) -> (tempfile::TempDir, Result<Draft, PlaceError>) {
    let folder = tempfile::tempdir().unwrap();
    let order = order(&folder.path().join("home/Parallels"), Kind::Zip, bytes.len() as u64, limit);
    let placed = place(&order, &mut Cursor::new(bytes));
    (folder, placed)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_packed_image_is_copied_and_settled_twice_if_need_be() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), Kind::Pvmp, 5, 9);
    std::fs::create_dir(folder.path().join(".Windows 11.meridian")).unwrap();
    let draft = place(&order, &mut Cursor::new(b"image")).unwrap();
    assert_eq!(names(folder.path()), [".Windows 11.meridian"]);
    settle(&draft).unwrap();
    settle(&draft).unwrap();
    assert_eq!(std::fs::read(folder.path().join("Windows 11.pvmp")).unwrap(), b"image");
    assert_eq!(draft.bundle.metadata().unwrap().mode() & 0o777, 0o600);
    let second = place(&order, &mut Cursor::new(b"image")).unwrap();
    assert_eq!(second.bundle, folder.path().join("Windows 11 2.pvmp"));
    assert!(settle(&Draft { draft: "/nowhere/a".into(), bundle: "/nowhere/b".into() }).is_err());
    discard(&second.draft).unwrap();
    discard(&second.draft).unwrap();
    assert_eq!(names(folder.path()), ["Windows 11.pvmp"]);
    (2..=100).for_each(|number| {
        std::fs::create_dir(folder.path().join(format!("Windows 11 {number}.pvm"))).unwrap()
    });
    assert!(matches!(place(&order, &mut Cursor::new(b"image")), Err(PlaceError::Names)));
    assert!(!names(folder.path()).contains(&".Windows 11.meridian".to_owned()));
}

#[test]
fn an_image_of_another_length_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b"imag"[..], b"images"] {
        let placed = place(&order(folder.path(), Kind::Pvmp, 5, 9), &mut Cursor::new(bytes));
        assert!(matches!(placed, Err(PlaceError::Length(5))));
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn space_is_looked_at_first() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Pvmp, Kind::Zip] {
        let placed = place(&order(folder.path(), kind, 1, u64::MAX), &mut Cursor::new(b"x"));
        assert!(matches!(placed, Err(PlaceError::Space { needed: u64::MAX, .. })), "{placed:?}");
    }
}

#[test]
fn refusals_of_the_system_are_told_apart() {
    use rustix::io::Errno;
    for (errno, folder, write) in [
        (Errno::PERM, Refused::Privacy, Refused::Privacy),
        (Errno::ACCESS, Refused::Other, Refused::Other),
        (Errno::NOSPC, Refused::Other, Refused::Space),
        (Errno::DQUOT, Refused::Other, Refused::Space),
    ] {
        let error = || io::Error::from_raw_os_error(errno.raw_os_error());
        assert_eq!(PlaceError::folder(error()).kind(), folder, "{errno:?}");
        assert_eq!(PlaceError::write(error()).kind(), write, "{errno:?}");
    }
}

#[test]
fn a_link_in_the_drafts_place_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    std::fs::File::create(target.path().join("kept")).unwrap();
    symlink(target.path(), folder.path().join(".Windows 11.meridian")).unwrap();
    place(&order(folder.path(), Kind::Pvmp, 5, 9), &mut Cursor::new(b"image")).unwrap();
    assert_eq!(names(target.path()), ["kept"]);
}

#[test]
fn an_archive_of_a_bundle_is_unpacked_without_what_the_finder_adds() {
    let bytes = archive(&[
        ("__MACOSX/._x", b"x"),
        ("Win.pvm/", b""),
        ("Win.pvm/config.pvs", b"<xml/>"),
        ("Win.pvm/harddisk.hdd/0.hds", b"disk"),
        (".DS_Store", b"x"),
    ]);
    let (_folder, placed) = unpack(&bytes, 10);
    let draft = placed.unwrap();
    settle(&draft).unwrap();
    assert!(draft.bundle.ends_with("Windows 11.pvm"));
    assert_eq!(names(&draft.bundle), ["config.pvs", "harddisk.hdd"]);
    assert_eq!(std::fs::read(draft.bundle.join("harddisk.hdd/0.hds")).unwrap(), b"disk");
    let (_folder, placed) = unpack(&archive(&[("Win.pvmp", b"packed")]), 100);
    let draft = placed.unwrap();
    assert!(draft.bundle.ends_with("Windows 11.pvmp"));
    assert_eq!(std::fs::read(draft.draft).unwrap(), b"packed");
}

#[test]
fn an_archive_that_is_not_safe_leaves_nothing() {
    let long = "a/".repeat(40);
    let deep = format!("Win.pvm/{long}x");
    let name = format!("Win.pvm/{}", "a".repeat(300));
    for (why, entries, limit) in [
        ("above", vec![("Win.pvm/../../x", &b"x"[..])], 100),
        ("absolute", vec![("/etc/x", b"x")], 100),
        ("backslashes", vec![("Win.pvm\\..\\x", b"x")], 100),
        ("a link", vec![("Win.pvm/a", b"x"), ("@Win.pvm/b", b"/etc")], 100),
        ("a link as a folder", vec![("@Win.pvm/b", b"/tmp"), ("Win.pvm/b/x", b"x")], 100),
        ("twice but for case", vec![("Win.pvm/a", b"x"), ("Win.pvm/A", b"y")], 100),
        ("too much", vec![("Win.pvm/a", &[0; 5000])], 4999),
        ("too much together", vec![("Win.pvm/a", &[0; 50]), ("Win.pvm/b", &[0; 50])], 99),
        ("two bundles", vec![("A.pvm/a", b"x"), ("B.pvm/a", b"x")], 100),
        ("no bundle", vec![("Documents/a", b"x")], 100),
        ("a file that is no packed bundle", vec![("Win.pvm", b"x")], 100),
        ("a file as a folder", vec![("Win.pvm/a", b"x"), ("Win.pvm/a/b", b"x")], 100),
        ("a file as a folder before it", vec![("Win.pvm/a/b", b"x"), ("Win.pvm/A", b"x")], 100),
        ("a name that is too long", vec![(name.as_str(), b"x")], 100),
        ("too deep", vec![(deep.as_str(), b"x")], 100),
        ("nothing", vec![], 100),
    ] {
        let (folder, placed) = unpack(&archive(&entries), limit);
        // Lasting: another try would end likewise.
        assert_eq!(placed.map_err(|error| error.kind()), Err(Refused::Image), "{why}");
        assert_eq!(names(&folder.path().join("home/Parallels")), Vec::<String>::new(), "{why}");
        assert_eq!(names(folder.path()), ["home"], "{why}");
    }
}

/// Each of the same length, in both places where the name stands.
#[test]
fn two_entries_of_one_name_and_another_way_of_packing_are_refused() {
    let mut twice = archive(&[("Win.pvm/a", b"x"), ("Win.pvm/b", b"y")]);
    for at in 0..twice.len() {
        if twice[at..].starts_with(b"Win.pvm/b") {
            twice[at + 8] = b'a';
        }
    }
    let mut packed = archive(&[("Win.pvm/a", b"x")]);
    // bzip2, in the head of the entry and in that of the directory.
    for (head, method) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let at = (0..packed.len()).find(|at| packed[*at..].starts_with(head)).unwrap();
        packed[at + method] = 12;
    }
    for (bytes, why) in [(twice, "there twice"), (packed, "compressed in a way")] {
        let (folder, placed) = unpack(&bytes, 100);
        let error = placed.unwrap_err();
        assert_eq!(error.kind(), Refused::Image);
        assert!(crate::error::Chain(&error).to_string().contains(why), "{error:?}");
        assert_eq!(names(&folder.path().join("home/Parallels")), Vec::<String>::new());
    }
}

#[test]
fn sizes_are_counted_and_not_believed() {
    // The size in the header says 1 byte, in both places where it stands.
    let mut bytes = archive(&[("Win.pvm/a", &[0; 100_000])]);
    let size = 100_000_u32.to_le_bytes();
    let places: Vec<_> = (0..bytes.len() - 4).filter(|at| bytes[*at..at + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    let (folder, placed) = unpack(&bytes, 50_000);
    assert!(placed.is_err());
    assert_eq!(names(&folder.path().join("home/Parallels")), Vec::<String>::new());
}

#[test]
fn the_kind_is_told_by_the_address_and_else_by_the_bytes() {
    for (url, first, kind) in [
        ("https://x.example/a.pvmp", &b"PK\x03\x04"[..], Kind::Pvmp),
        ("https://x.example/A.ZIP?token=1", b"", Kind::Zip),
        ("https://x.example/download?id=7", b"PK\x03\x04", Kind::Zip),
        ("https://x.example/download?id=7", b"abcd", Kind::Pvmp),
    ] {
        assert_eq!(Kind::of(&Url::parse(url).unwrap(), first), kind, "{url}");
    }
}

proptest! {
    #[test]
    fn a_name_is_always_one_harmless_part(name in any::<String>()) {
        let name = file_name(&name);
        prop_assert!(!name.is_empty() && name.len() <= 200);
        prop_assert!(!name.starts_with(['.', '-', ' ']) && !name.contains(['/', ':', '\0', '\n']));
        prop_assert_eq!(Path::new(&name).components().count(), 1);
    }

    #[test]
    fn no_bytes_panic_and_none_leave_the_folder(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        whole in any::<bool>(),
    ) {
        if whole {
            bytes = archive(&[("Win.pvm/a", b"some bytes"), ("Win.pvm/b/c", b"more")]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (folder, _) = unpack(&bytes, 1000);
        prop_assert_eq!(names(folder.path()), ["home"]);
        prop_assert_eq!(names(&folder.path().join("home")), ["Parallels"]);
    }
}
