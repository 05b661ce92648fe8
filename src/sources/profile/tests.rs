use std::collections::BTreeSet;

use plist::Uid;
use proptest::prelude::*;

use super::*;
use crate::catalog::{Key, Value as SettingValue};

const FILE: &str = "/Library/Managed Preferences/dev.meridian.agent.plist";

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/profiles/", $name))
    };
}

fn parse(bytes: &[u8]) -> Preferences {
    Preferences::parse(FILE, bytes).unwrap()
}

fn binary(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    bytes
}

fn xml(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_xml(&mut bytes).unwrap();
    bytes
}

/// Preferences of one item.
fn only(name: &str, value: impl Into<Value>) -> Preferences {
    let mut dictionary = Dictionary::new();
    dictionary.insert(name.to_owned(), value.into());
    parse(&binary(&Value::Dictionary(dictionary)))
}

#[test]
fn both_payload_shapes_and_both_forms_read_the_same() {
    let custom = "487816AF-A20F-5978-8441-DAB503D7337A";
    let mcx = "7EB42A41-4130-5008-83E8-6DDAFFA3163A";
    for (bytes, uuid) in [
        (&golden!("custom-domain.xml.plist")[..], custom),
        (&golden!("custom-domain.binary.plist")[..], custom),
        (&golden!("mcx.xml.plist")[..], mcx),
        (&golden!("mcx.binary.plist")[..], mcx),
    ] {
        let preferences = parse(bytes);
        assert_eq!(preferences.portal_url.value().unwrap().to_string(), "https://portal.example.com");
        assert_eq!(preferences.enrollment_token.value().unwrap().reveal(), "REDACTED");
        assert_eq!(preferences.check_in_interval, Item::Set(Duration::from_secs(900)));
        assert_eq!(preferences.log_level, Item::Set(tracing::Level::INFO));
        assert_eq!(preferences.portal_root_key, Item::Unset);
        assert_eq!(preferences.portal_ca, Item::Unset);
        let origin = Origin::Profile { file: FILE.to_owned(), payload: Some(uuid.to_owned()), manual: false };
        assert_eq!(preferences.settings, Layer::new(LayerKind::Profile, origin));
        assert_eq!(preferences.problems(), BTreeMap::from([("OrganizationID".to_owned(), Fault::Unknown)]));
    }
}

#[test]
fn settings_become_a_layer_and_a_hand_installed_profile_says_so() {
    for bytes in [&golden!("full.xml.plist")[..], &golden!("full.binary.plist")[..]] {
        let preferences = parse(bytes);
        assert_eq!(preferences.portal_url.value().unwrap().to_string(), "http://127.0.0.1:8080");
        let key: Vec<u8> = (0..32).collect();
        assert_eq!(preferences.portal_root_key.value().unwrap().as_slice(), key);
        assert!(preferences.portal_ca.value().unwrap().starts_with(b"-----BEGIN CERTIFICATE-----\nMIIB"));
        assert_eq!(preferences.problems(), BTreeMap::new(), "no Payload key is a stranger");

        let layer = &preferences.settings;
        assert!(matches!(&layer.origin, Origin::Profile { manual: true, .. }));
        let item = |name| layer.items[&Key::named(name).unwrap()].clone();
        assert_eq!(item("updates.stay_on_major"), Ok(SettingValue::Switch(true)));
        assert_eq!(item("updates.check"), Ok(SettingValue::text("weekly")));
        assert_eq!(item("image.arm64"), Ok(SettingValue::text("https://images.example.com/arm64.pvmp")));
        assert_eq!(
            item("updates.auto_download"),
            Err(Fault::BadValue { expected: "expected true or false".to_owned() }),
        );
        assert_eq!(
            item("updates.feed_url"),
            Err(Fault::BadValue { expected: "expected an address as a string".to_owned() }),
            "a date is no address",
        );
        let fault = item("restrict.add_vm").unwrap_err().to_string();
        assert_eq!(fault, "may not be set here, only by a local restriction or a policy");
        assert_eq!(layer.items.len(), 6);
        assert_eq!(layer.strangers, BTreeMap::from([("vm.color".to_owned(), Fault::Unknown)]));
    }
}

#[test]
fn the_portal_is_an_origin() {
    for (text, origin) in [
        ("https://portal.example.com", "https://portal.example.com"),
        ("https://portal.example.com/", "https://portal.example.com"),
        ("HTTPS://Portal.Example.com:443", "https://portal.example.com"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ] {
        assert_eq!(PortalOrigin::parse(text).unwrap().to_string(), origin, "{text}");
    }
    for text in [
        "",
        "portal.example.com",
        "https:portal.example.com",
        "https:/portal.example.com",
        "https:///portal.example.com",
        "https:\\\\portal.example.com",
        "https://",
        "https://portal.example.com/v1",
        "https://portal.example.com//",
        "https://portal.example.com?",
        "https://portal.example.com/#x",
        "https://user@portal.example.com",
        "https://user:secret@portal.example.com",
        "https://@portal.example.com",
        " https://portal.example.com",
        "https://portal.exa\tmple.com",
        "http://portal.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
    ] {
        assert_eq!(PortalOrigin::parse(text), None, "{text}");
    }
}

#[test]
fn each_item_takes_its_own_values_alone() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let pem = "-----BEGIN CERTIFICATE-----\n";
    let date = || Value::Date(std::time::SystemTime::UNIX_EPOCH.into());
    let good: [(&str, Value); 9] = [
        ("PortalRootKey", key.into()),
        ("PortalCA", pem.into()),
        ("PortalCA", Value::Data(pem.into())),
        ("PortalCA", Value::Data(vec![0x30, 0x82])),
        ("CheckInIntervalSeconds", 30.into()),
        ("CheckInIntervalSeconds", 86_400.into()),
        ("LogLevel", "trace".into()),
        ("EnrollmentToken", "x".into()),
        ("Settings", Dictionary::new().into()),
    ];
    for (name, value) in good {
        assert_eq!(only(name, value.clone()).problems(), BTreeMap::new(), "{name} {value:?}");
    }
    let bad: [(&str, Value); 28] = [
        ("PortalURL", true.into()),
        ("PortalURL", date()),
        ("PortalURL", Value::Data(b"https://portal.example.com".to_vec())),
        ("EnrollmentToken", "".into()),
        ("EnrollmentToken", "two words".into()),
        ("EnrollmentToken", "line\n".into()),
        ("EnrollmentToken", "x".repeat(1025).into()),
        ("EnrollmentToken", 7.into()),
        ("PortalRootKey", key[1..].into()),
        ("PortalRootKey", format!("{key}=").into()),
        ("PortalRootKey", key.replace("Hh8", "Hh9").into()),
        ("PortalRootKey", format!("{key}AA").into()),
        ("PortalRootKey", "+".repeat(43).into()),
        // A point of small order, and what is no point at all.
        ("PortalRootKey", "A".repeat(43).into()),
        ("PortalRootKey", format!("Ag{}", "A".repeat(41)).into()),
        ("PortalRootKey", Value::Data(vec![0; 32])),
        ("PortalCA", "certificate".into()),
        ("PortalCA", Value::Data(Vec::new())),
        ("CheckInIntervalSeconds", 29.into()),
        ("CheckInIntervalSeconds", 86_401.into()),
        ("CheckInIntervalSeconds", (-900).into()),
        ("CheckInIntervalSeconds", 900.0.into()),
        ("CheckInIntervalSeconds", "900".into()),
        ("CheckInIntervalSeconds", Value::Uid(Uid::new(900))),
        ("LogLevel", "INFO".into()),
        ("LogLevel", 3.into()),
        ("Settings", Value::Array(Vec::new())),
        ("Settings", "updates.check".into()),
    ];
    for (name, value) in bad {
        let problems = only(name, value.clone()).problems();
        let names: Vec<_> = problems.keys().map(String::as_str).collect();
        assert_eq!(names, [name], "{value:?}");
        assert!(problems[name].to_string().starts_with("expected "), "{}", problems[name]);
    }
}

#[test]
fn a_bad_item_harms_itself_alone() {
    let mut dictionary = Value::from_reader(std::io::Cursor::new(golden!("full.binary.plist")))
        .unwrap()
        .into_dictionary()
        .unwrap();
    let whole = parse(golden!("full.binary.plist"));
    dictionary.insert("PortalURL".to_owned(), Value::Array(Vec::new()));
    dictionary.insert("Unheard".to_owned(), Value::Boolean(true));
    let harmed = parse(&binary(&dictionary.into()));
    let names: BTreeSet<_> = harmed.problems().into_keys().collect();
    assert_eq!(names, BTreeSet::from(["PortalURL".to_owned(), "Unheard".to_owned()]));
    let mended = Preferences {
        portal_url: whole.portal_url.clone(),
        strangers: whole.strangers.clone(),
        ..harmed.clone()
    };
    assert_eq!(mended, whole);
}

#[test]
fn no_secret_is_displayed() {
    let preferences = parse(golden!("full.binary.plist"));
    let token = preferences.enrollment_token.value().unwrap();
    assert_eq!(token.reveal(), "mde1_Zm9vYmFy");
    for shown in [format!("{preferences:?}"), format!("{token:?}"), token.to_string()] {
        assert!(!shown.contains("Zm9vYmFy"), "{shown}");
    }
    let wrong = only("EnrollmentToken", "my secret with spaces");
    assert!(!format!("{wrong:?} {:?}", wrong.problems()).contains("my secret"));
}

#[test]
fn unknown_names_are_told_up_to_a_number() {
    let many = || (0..9_000).map(|number| (format!("Unkloud{number}"), Value::from(1)));
    let mut file = Dictionary::from_iter(many());
    file.insert("Settings".to_owned(), Value::Dictionary(Dictionary::from_iter(many())));
    let preferences = parse(&binary(&Value::Dictionary(file)));
    assert_eq!(
        (preferences.strangers.len(), preferences.settings.strangers.len()),
        (MOST_STRANGERS, MOST_STRANGERS)
    );
}

#[test]
fn endless_names_are_cut() {
    let name = "é".repeat(5000);
    let problems = only(&name, 1).problems();
    assert_eq!(problems.keys().next().unwrap().chars().count(), 101);
}

#[test]
fn parallels_profile_is_read_and_its_key_masked() {
    let activation = Activation::parse("p.plist", golden!("parallels.binary.plist")).unwrap();
    assert_eq!(activation.experience, Item::Set(Experience::LicenseKey));
    assert_eq!(
        activation.license_key.value().unwrap().masked().to_string(),
        "6J9A5T-******-******-******-RN17ZA"
    );
    assert!(activation.has_license_key());
    assert!(!format!("{activation:?}").contains("BBBBBB"));

    let read = |pairs: &[(&str, &str)]| {
        let dictionary: Dictionary = pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
        Activation::parse("p.plist", &xml(&dictionary.into())).unwrap()
    };
    let sso = read(&[("ActivationExperience", "SSO"), ("SsoEmailDialogLabelText", "Email:")]);
    assert_eq!((sso.experience.value(), sso.has_license_key()), (Some(&Experience::Sso), false));
    let bad = read(&[("ActivationExperience", "sso"), ("LicenseKey", "6J9A5T-AAAAAA-BBBBBB-CCCCCC")]);
    assert!(bad.experience.fault().is_some() && bad.license_key.fault().is_some());
    assert!(!format!("{bad:?}").contains("AAAAAA"), "a mistyped key is a secret too");
}

/// `depth` arrays, each the only member of the one around it.
fn nested_xml(depth: usize) -> Vec<u8> {
    let (open, close) = ("<array>".repeat(depth), "</array>".repeat(depth));
    format!("<plist><dict><key>x</key>{open}{close}</dict></plist>").into_bytes()
}

/// A binary property list whose objects each are an array of these references, `width` bytes a reference.
fn binary_of(objects: &[Vec<u32>]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for refs in objects {
        offsets.push(u32::try_from(bytes.len()).unwrap());
        bytes.extend([0xaf, 0x12]);
        bytes.extend(u32::try_from(refs.len()).unwrap().to_be_bytes());
        refs.iter().for_each(|to| bytes.extend(to.to_be_bytes()));
    }
    let table = bytes.len() as u64;
    offsets.iter().for_each(|offset| bytes.extend(offset.to_be_bytes()));
    bytes.extend([0, 0, 0, 0, 0, 0, 4, 4]);
    for number in [objects.len() as u64, 0, table] {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

fn refused(bytes: &[u8]) -> String {
    Preferences::parse(FILE, bytes).unwrap_err().to_string()
}

#[test]
fn nesting_and_unfolding_are_bounded() {
    assert!(Preferences::parse(FILE, &nested_xml(15)).is_ok());
    assert!(refused(&nested_xml(16)).contains("nested too deeply"));
    assert!(refused(&nested_xml(100_000)).contains("nested too deeply"));

    let chain: Vec<Vec<u32>> = (1..=100_000).map(|next| vec![next]).chain([vec![]]).collect();
    assert!(refused(&binary_of(&chain)).contains("nested too deeply"));

    let doubling: Vec<Vec<u32>> = (1..=14).map(|next| vec![next; 1000]).chain([vec![]]).collect();
    assert!(refused(&binary_of(&doubling)).contains("unfolds beyond measure"));

    assert!(refused(&binary_of(&[vec![1; 50_000], vec![]])).contains("too many members"));
    assert!(refused(&binary_of(&[vec![0]])).contains("not a property list"), "an object within itself");
    assert_eq!(refused(&binary_of(&[vec![]])), "not a dictionary");
}

#[test]
fn huge_sizes_allocate_nothing() {
    // An array, a dictionary, a string, data and a UTF-16 string that each claim 2^63 - 1 members.
    for kind in [0xaf, 0xdf, 0x5f, 0x4f, 0x6f_u8] {
        let mut bytes = b"bplist00".to_vec();
        bytes.extend([kind, 0x13]);
        bytes.extend(i64::MAX.to_be_bytes());
        bytes.push(8);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [1, 0, 18_u64] {
            bytes.extend(number.to_be_bytes());
        }
        assert!(refused(&bytes).starts_with("not a property list"), "{kind:x}");
    }
}

#[test]
fn what_is_no_property_list_is_refused_whole() {
    let whole = golden!("full.xml.plist");
    let mut half = whole.to_vec();
    half.truncate(whole.len() / 2);
    for bytes in [
        &b""[..],
        b"   ",
        b"bplist00",
        b"{ PortalURL = \"https://portal.example.com\"; }",
        b"word",
        b"<",
        b"<plist></plist>",
        b"<plist><string>text</string></plist>",
        b"<plist><dict><key>a</key></dict></plist>",
        b"<plist><dict/><dict/></plist>",
        &half,
        &golden!("full.binary.plist")[..200],
    ] {
        assert!(Preferences::parse(FILE, bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
    }
    let mut marked = b"\xEF\xBB\xBF".to_vec();
    marked.extend(whole);
    assert_eq!(parse(&marked), parse(whole), "a byte order mark does no harm");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(|n| Value::Integer(n.into())),
        any::<u64>().prop_map(|n| Value::Integer(n.into())),
        any::<f64>().prop_map(Value::Real),
        any::<u32>().prop_map(|n| Value::Uid(Uid::new(n.into()))),
        "[ -~]{0,20}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Data),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((any_name(), inner), 0..4)
                .prop_map(|pairs| Value::Dictionary(pairs.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names: Vec<_> = Key::all()
        .map(Key::name)
        .chain(["PortalURL", "EnrollmentToken", "PortalRootKey", "PortalCA", "CheckInIntervalSeconds"])
        .chain(["LogLevel", "Settings", "PayloadUUID", "_manualProfile"])
        .collect();
    prop_oneof![proptest::sample::select(names).prop_map(str::to_owned), "[a-zA-Z.]{0,12}"]
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), form in 0..3) {
        let start = [&b""[..], b"bplist00", b"<plist><dict>"][usize::try_from(form).unwrap()];
        let bytes = [start, bytes.as_slice()].concat();
        let _ = Preferences::parse(FILE, &bytes);
        let _ = Activation::parse(FILE, &bytes);
    }

    #[test]
    fn damaged_property_lists_never_panic(
        in_xml in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let whole = if in_xml { &golden!("full.xml.plist")[..] } else { &golden!("full.binary.plist")[..] };
        let mut bytes = whole.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(at) = cut {
            bytes.truncate(at.index(bytes.len()));
        }
        let _ = Preferences::parse(FILE, &bytes);
    }

    #[test]
    fn any_dictionary_reads_and_both_forms_say_the_same(
        pairs in proptest::collection::vec((any_name(), any_value()), 0..12),
    ) {
        let value = Value::Dictionary(pairs.into_iter().collect());
        let preferences = parse(&binary(&value));
        let mut text = Vec::new();
        if value.to_writer_xml(&mut text).is_ok() && Value::from_reader_xml(text.as_slice()).is_ok() {
            prop_assert_eq!(preferences, parse(&text));
        }
    }
}
