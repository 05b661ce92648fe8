//! Damage and crashes, one by one: every byte, every length, every step.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use proptest::prelude::*;
use serde_json::json;

use super::super::atomic::{Step, Unhindered};
use super::*;

/// Schema 1 had one name, schema 2 a list of names, schema 3 counts them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Names {
    names: Vec<String>,
    count: usize,
}

impl Kept for Names {
    const NAME: &'static str = "names.json";
    const SCHEMA: u32 = 3;
    const MIGRATIONS: &'static [Migration] = &[
        |body| Ok(json!({ "names": [body["name"].as_str().ok_or("name is missing")?] })),
        |mut body| {
            body["count"] = json!(body["names"].as_array().ok_or("names is missing")?.len());
            Ok(body)
        },
    ];
}

fn names(names: &[&str]) -> Names {
    Names { names: names.iter().map(|name| (*name).to_owned()).collect(), count: names.len() }
}

/// A folder with two generations: `old` is the previous, `new` the current.
struct Kit {
    folder: tempfile::TempDir,
}

impl Kit {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with_two_generations() -> Self {
        let kit = Self::empty();
        kit.save(&names(&["old"]));
        kit.save(&names(&["new"]));
        kit
    }

    fn save(&self, value: &Names) {
        save(self.folder.path(), value, &Unhindered).unwrap();
    }

    fn load(&self) -> Loaded<Names> {
        load(self.folder.path(), &mut |_| {}).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(Names::NAME)
    }

    fn put(&self, bytes: &[u8]) {
        fs::File::create(self.path()).unwrap().write_all(bytes).unwrap();
    }

    fn put_sealed(&self, schema: u32, body: &str) {
        let body: &RawValue = serde_json::from_str(body).unwrap();
        self.put(&serde_json::to_vec(&Envelope::seal(schema, 7, body)).unwrap());
    }

    fn generation(&self) -> u64 {
        Envelope::open(&fs::read(self.path()).unwrap()).unwrap().generation
    }

    fn names_in_folder(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .folder
            .path()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Loads what must be the previous generation, with the damaged one kept under its bytes.
    fn assert_falls_back(&self, damaged: &[u8]) {
        self.put(damaged);
        match self.load() {
            Loaded::Previous(value, damage) => {
                assert_eq!(value, names(&["old"]));
                assert_eq!(fs::read(damage.aside.unwrap()).unwrap(), damaged);
            }
            other => panic!("{other:?} from {}", String::from_utf8_lossy(damaged)),
        }
    }
}

#[test]
fn a_file_that_others_could_read_is_used_closed_and_told() {
    for mode in [0o644, 0o660, 0o4601, 0o600] {
        let kit = Kit::with_two_generations();
        let path = kit.folder.path().join(Names::NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let mut told = Vec::new();
        let loaded = load::<Names>(kit.folder.path(), &mut |exposed| told.push(exposed.to_string())).unwrap();
        assert!(matches!(loaded, Loaded::Current(value) if value == names(&["new"])), "{mode:o}");
        let expected =
            format!("names.json could be read or changed by others (mode {mode:04o}); its mode is put right");
        assert_eq!(told, if mode == 0o600 { vec![] } else { vec![expected] });
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    }
}

#[test]
fn a_file_of_another_user_is_refused_and_moved_aside() {
    let kit = Kit::with_two_generations();
    let path = kit.folder.path().join(Names::NAME);
    if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
        return; // Only root can give a file away.
    }
    match kit.load() {
        Loaded::Previous(value, damage) => {
            assert_eq!(value, names(&["old"]));
            assert!(matches!(damage.flaw, Flaw::Foreign(Uid(12345))), "{damage:?}");
            assert!(damage.aside.is_some_and(|aside| aside.exists()) && !path.exists());
        }
        other => panic!("{other:?}"),
    }
    std::os::unix::fs::chown(previous_name(&path), Some(12345), None).unwrap();
    assert!(matches!(kit.load(), Loaded::Lost(Damage { flaw: Flaw::Foreign(_), .. })));
}

#[test]
fn two_generations_are_kept() {
    let kit = Kit::empty();
    assert!(matches!(kit.load(), Loaded::Absent));
    for (generation, name) in (1..).zip(["a", "b", "c"]) {
        kit.save(&names(&[name]));
        assert!(matches!(kit.load(), Loaded::Current(value) if value == names(&[name])));
        assert_eq!(kit.generation(), generation);
    }
    assert_eq!(kit.names_in_folder(), ["names.json", "names.json.previous"]);
    fs::remove_file(kit.path()).unwrap();
    let loaded = kit.load();
    assert!(matches!(loaded.damage().unwrap().flaw, Flaw::Missing));
    assert_eq!(loaded.value(), Some(names(&["b"])));
}

#[test]
fn no_changed_byte_passes_for_a_value() {
    let kit = Kit::with_two_generations();
    let whole = fs::read(kit.path()).unwrap();
    for at in 0..whole.len() {
        for mask in [0x01, 0x20, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= mask;
            kit.assert_falls_back(&damaged);
        }
    }
}

#[test]
fn no_shortened_file_passes_for_a_value() {
    let kit = Kit::with_two_generations();
    let whole = fs::read(kit.path()).unwrap();
    for length in 0..whole.len() {
        kit.assert_falls_back(&whole[..length]);
    }
    let kept = kit.names_in_folder();
    assert_eq!(kept.iter().filter(|name| name.contains("corrupt-")).count(), QUARANTINED, "{kept:?}");
    assert!(kept.contains(&format!("names.json.corrupt-{}", whole.len())), "the newest is kept: {kept:?}");
}

#[test]
fn damage_to_both_generations_is_a_loss_and_said_so() {
    let kit = Kit::with_two_generations();
    fs::remove_file(previous_name(&kit.path())).unwrap();
    fs::create_dir(previous_name(&kit.path())).unwrap();
    kit.put(b"{}");
    let loaded = kit.load();
    assert!(matches!(&loaded, Loaded::Lost(Damage { flaw: Flaw::Envelope(_), .. })), "{loaded:?}");
    assert_eq!(kit.names_in_folder(), ["names.json.corrupt-1", "names.json.corrupt-2"]);
    kit.save(&names(&["again"]));
    assert_eq!(kit.load().value(), Some(names(&["again"])));
}

#[test]
fn saving_over_damage_keeps_the_good_generation_and_goes_on_counting() {
    let kit = Kit::with_two_generations();
    kit.put(b"damaged");
    kit.save(&names(&["newest"]));
    assert_eq!(kit.generation(), 2, "the one after the previous");
    assert_eq!(kit.names_in_folder(), ["names.json", "names.json.corrupt-1", "names.json.previous"]);
    kit.put(b"damaged again");
    assert_eq!(kit.load().value(), Some(names(&["old"])));
}

#[test]
fn earlier_schemas_migrate() {
    let kit = Kit::empty();
    for (schema, body) in
        [(1, r#"{"name":"a"}"#), (2, r#"{"names":["a"]}"#), (3, r#"{"names":["a"],"count":1}"#)]
    {
        kit.put_sealed(schema, body);
        assert!(matches!(kit.load(), Loaded::Current(value) if value == names(&["a"])), "schema {schema}");
    }
    for (schema, body) in [(0, "{}"), (1, "{}"), (2, "[1]"), (3, "{}"), (3, "null")] {
        kit.put_sealed(schema, body);
        let loaded = kit.load();
        let expected = matches!(
            &loaded,
            Loaded::Lost(Damage { flaw: Flaw::Migration(_) | Flaw::Body(_), aside: Some(_), .. })
        );
        assert!(expected, "{loaded:?} from schema {schema} with {body}");
    }
}

#[test]
fn a_downgrade_and_the_way_back_lose_nothing() {
    let kit = Kit::with_two_generations();
    kit.put_sealed(4, r#"{"from":"the future"}"#);
    let newer = fs::read(kit.path()).unwrap();
    let loaded = kit.load();
    assert!(
        matches!(&loaded, Loaded::Previous(_, Damage { flaw: Flaw::Newer(4), aside: None, .. })),
        "{loaded:?}"
    );
    assert_eq!(fs::read(kit.path()).unwrap(), newer, "loading leaves it in place");
    kit.save(&names(&["downgraded"]));
    assert_eq!(kit.generation(), 8);
    assert_eq!(fs::read(second_name(&kit.path(), "schema-4")).unwrap(), newer, "saving sets it aside");
}

#[test]
fn a_link_in_the_place_of_a_document_is_not_followed() {
    let kit = Kit::with_two_generations();
    let target = kit.folder.path().join("target");
    atomic::rename(&kit.path(), &target).unwrap();
    std::os::unix::fs::symlink(&target, kit.path()).unwrap();
    assert!(matches!(kit.load(), Loaded::Previous(_, Damage { flaw: Flaw::NotAFile, .. })));
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let kit = Kit::with_two_generations();
    let huge = names(&["x".repeat(LIMIT).as_str()]);
    let error = save(kit.folder.path(), &huge, &Unhindered).unwrap_err();
    assert!(matches!(error, StateError::TooLarge { name: "names.json", .. }));
    assert_eq!(kit.load().value(), Some(names(&["new"])));
    kit.put(&vec![b' '; LIMIT + 1]);
    assert!(matches!(kit.load(), Loaded::Previous(_, Damage { flaw: Flaw::TooLarge, .. })));
}

/// Fails at the given step; when `dead`, at all that follow, too, as a process does that was killed there.
struct Fault {
    at: usize,
    dead: bool,
    made: Cell<usize>,
}

impl Steps for Fault {
    fn before(&self, step: Step) -> io::Result<()> {
        let made = self.made.replace(self.made.get() + 1);
        let fails = made == self.at || (self.dead && made > self.at);
        if fails { Err(io::Error::new(io::ErrorKind::StorageFull, format!("at {step:?}"))) } else { Ok(()) }
    }
}

/// Create, write, mode, sync, link, keep, rename, sync folder.
const STEPS: usize = 8;

#[test]
fn a_fault_at_any_step_leaves_one_document_or_the_other() {
    for dead in [false, true] {
        for at in 0..STEPS {
            let kit = Kit::with_two_generations();
            let fault = Fault { at, dead, made: Cell::new(0) };
            let error = save(kit.folder.path(), &names(&["newest"]), &fault).unwrap_err();
            assert!(error.is_disk_full());
            let expected = if at == STEPS - 1 { names(&["newest"]) } else { names(&["new"]) };
            let loaded = kit.load();
            assert!(matches!(&loaded, Loaded::Current(value) if *value == expected), "{loaded:?} at {at}");
            if !dead {
                assert_eq!(kit.names_in_folder().iter().filter(|name| *name == ".names.json.new").count(), 0);
            }
            kit.save(&names(&["retried"]));
            assert!(matches!(kit.load(), Loaded::Current(value) if value == names(&["retried"])));
            assert_eq!(kit.names_in_folder(), ["names.json", "names.json.previous"], "at {at}, dead: {dead}");
        }
    }
    let through = Fault { at: STEPS, dead: true, made: Cell::new(0) };
    save(Kit::with_two_generations().folder.path(), &names(&[]), &through).unwrap();
    assert_eq!(through.made.get(), STEPS, "the test stops at every step there is");
}

#[test]
fn a_fault_while_damage_is_repaired_loses_nothing_either() {
    for at in 0..STEPS - 2 {
        let kit = Kit::with_two_generations();
        kit.put(b"damaged");
        let fault = Fault { at, dead: true, made: Cell::new(0) };
        assert!(save(kit.folder.path(), &names(&["newest"]), &fault).is_err());
        let value = kit.load().value().unwrap();
        assert!(value == names(&["old"]) || value == names(&["newest"]), "{value:?} at {at}");
    }
}

#[test]
fn a_torn_temporary_file_is_never_read() {
    let kit = Kit::with_two_generations();
    fs::copy(kit.path(), kit.folder.path().join(".names.json.new")).unwrap();
    kit.put(b"");
    fs::File::create(kit.folder.path().join(".names.json.previous.new")).unwrap();
    assert_eq!(kit.load().value(), Some(names(&["old"])));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_value(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let kit = Kit::empty();
        kit.put(&bytes);
        prop_assert!(matches!(kit.load(), Loaded::Lost(_)));
        kit.put(&bytes);
        kit.save(&names(&["saved"]));
        prop_assert_eq!(kit.load().value(), Some(names(&["saved"])));
    }

    #[test]
    fn every_value_comes_back(texts in prop::collection::vec(any::<String>(), 0..4)) {
        let kit = Kit::empty();
        let value = Names { count: texts.len(), names: texts };
        kit.save(&value);
        prop_assert_eq!(kit.load().value(), Some(value));
    }
}
