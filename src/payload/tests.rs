//! What is made is what the agent takes, and what is called valid is what the daemon takes.

use std::collections::BTreeSet;

use plist::Dictionary;
use proptest::prelude::*;

use super::*;
use crate::catalog::Value as SettingValue;
use crate::sources::profile::{KEYS, KeyForm, Preferences};

const FILE: &str = "/Library/Managed Preferences/dev.meridian.agent.plist";

fn binary(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    bytes
}

fn xml(value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    value.to_writer_xml(&mut bytes).ok()?;
    Value::from_reader_xml(bytes.as_slice()).ok()?;
    Some(bytes)
}

/// What the daemon takes from managed preferences, by its own fields.
fn taken(bytes: &[u8]) -> BTreeSet<String> {
    let Ok(preferences) = Preferences::parse(FILE, bytes) else { return BTreeSet::new() };
    let Preferences {
        portal_url,
        enrollment_token,
        portal_root_key,
        portal_ca,
        check_in_interval,
        log_level,
        deactivation_order,
        settings,
        ..
    } = preferences;
    let own = [
        ("PortalURL", portal_url.value().is_some()),
        ("EnrollmentToken", enrollment_token.value().is_some()),
        ("PortalRootKey", portal_root_key.value().is_some()),
        ("PortalCA", portal_ca.value().is_some()),
        ("CheckInIntervalSeconds", check_in_interval.value().is_some()),
        ("LogLevel", log_level.value().is_some()),
        ("DeactivationOrder", deactivation_order.value().is_some()),
    ];
    let own = own.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned());
    let settings = settings.items.into_iter().filter(|(_, item)| item.is_ok());
    own.chain(settings.map(|(key, _)| key.name().to_owned())).collect()
}

/// What the validator calls valid in a file; the dictionary of settings is no value by itself.
fn valid(bytes: &[u8]) -> BTreeSet<String> {
    let findings = examine(bytes).unwrap().findings.into_iter();
    let valid = findings.filter(|finding| finding.judgment == Judgment::Valid && finding.key != "Settings");
    valid.map(|finding| finding.key).collect()
}

fn one(key: &str, value: Value) -> Value {
    Value::Dictionary(Dictionary::from_iter([(key.to_owned(), value)]))
}

/// A profile of either shape with these keys in it.
fn profile(shape: Shape, keys: &Dictionary) -> Vec<u8> {
    Draft { shape, agent: keys.clone(), ..Draft::new("com.example.meridian") }.xml().unwrap()
}

fn findings(bytes: &[u8]) -> Vec<(String, String, Judgment)> {
    let findings = examine(bytes).unwrap().findings.into_iter();
    findings.map(|finding| (finding.place, finding.key, finding.judgment)).collect()
}

/// The judgment of each key, in one place.
fn judgments(bytes: &[u8]) -> Vec<(String, Judgment)> {
    findings(bytes).into_iter().map(|(_, key, judgment)| (key, judgment)).collect()
}

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/golden/profiles/", $name)).as_slice()
    };
}

#[test]
fn every_kind_of_file_is_taken_and_says_the_same() {
    let expected = ["CheckInIntervalSeconds", "EnrollmentToken", "LogLevel", "PortalURL"];
    for (bytes, is_profile, is_signed) in [
        (golden!("custom-domain.xml.plist"), false, false),
        (golden!("custom-domain.binary.plist"), false, false),
        (golden!("custom-domain.mobileconfig"), true, false),
        (golden!("managed-client.mobileconfig"), true, false),
        (golden!("signed.der.mobileconfig"), true, true),
        (golden!("signed.streamed.mobileconfig"), true, true),
    ] {
        let examination = examine(bytes).unwrap();
        assert_eq!((examination.is_profile, examination.is_signed), (is_profile, is_signed));
        assert!(valid(bytes).iter().map(String::as_str).eq(expected), "{examination:?}");
        assert!(!examination.is_valid(), "OrganizationID is unknown");
    }
    assert!(matches!(
        examine(golden!("encrypted.mobileconfig")),
        Err(PayloadError::Sealed(cms::Sealed::Encrypted))
    ));
    let hidden = one("EncryptedPayloadContent", Value::Data(vec![1]));
    assert!(matches!(examine(&binary(&hidden)), Err(PayloadError::Encrypted)));
    for bytes in [&b""[..], b"word", b"{ a = b; }", b"<plist><string/></plist>"] {
        assert!(matches!(examine(bytes), Err(PayloadError::Unreadable(_))));
    }
}

#[test]
fn what_does_not_count_is_told_apart() {
    let text = r#"<plist version="1.0"><dict>
        <key>PortalURL</key><string>portal.example.com</string>
        <key>PortalUrl</key><string>https://portal.example.com</string>
        <key>updates.check</key><string>weekly</string>
        <key>LicenseKey</key><string>x</string>
        <key>Settings</key><dict>
            <key>LogLevel</key><string>info</string>
            <key>restrict.add_vm</key><true/>
            <key>updates.chekc</key><string>weekly</string>
            <key>updates.auto_download</key><string>true</string>
            <key>updates.stay_on_major</key><true/>
        </dict></dict></plist>"#;
    let expected = [
        ("Settings", Judgment::Valid),
        ("LicenseKey", Judgment::Misplaced),
        ("PortalURL", Judgment::Mistyped),
        ("PortalUrl", Judgment::Unknown),
        ("updates.check", Judgment::Misplaced),
        ("restrict.add_vm", Judgment::Misplaced),
        ("updates.stay_on_major", Judgment::Valid),
        ("updates.auto_download", Judgment::Mistyped),
        ("LogLevel", Judgment::Misplaced),
        ("updates.chekc", Judgment::Unknown),
    ];
    assert_eq!(judgments(text.as_bytes()), expected.map(|(key, judgment)| (key.to_owned(), judgment)));
    let detail = |key: &str| {
        let findings = examine(text.as_bytes()).unwrap().findings;
        findings.into_iter().find(|finding| finding.key == key).unwrap().detail.unwrap_or_default()
    };
    assert!(
        detail("restrict.add_vm").contains("local restriction or policy"),
        "{}",
        detail("restrict.add_vm")
    );
    assert!(detail("updates.check").contains("Settings") && detail("LogLevel").contains("beside"));
    assert!(detail("LicenseKey").contains("com.parallels.desktop.managedprefs"));
}

/// The profile of the golden file, changed.
fn changed(change: impl FnOnce(&mut Dictionary)) -> Vec<u8> {
    let file = Value::from_reader_xml(golden!("custom-domain.mobileconfig")).unwrap();
    let mut profile = file.into_dictionary().unwrap();
    change(&mut profile);
    binary(&Value::Dictionary(profile))
}

fn payload(profile: &mut Dictionary) -> &mut Dictionary {
    let payloads = profile.get_mut("PayloadContent").unwrap().as_array_mut().unwrap();
    payloads[0].as_dictionary_mut().unwrap()
}

#[test]
fn a_profile_is_judged_as_macos_and_the_agent_take_it() {
    let wrong = |change: fn(&mut Dictionary), expected: &[(&str, &str, Judgment)]| {
        let bytes = changed(|profile| {
            payload(profile).remove("OrganizationID");
            change(profile);
        });
        let found: Vec<_> =
            findings(&bytes).into_iter().filter(|(.., judgment)| *judgment != Judgment::Valid).collect();
        let found: Vec<_> =
            found.iter().map(|(place, key, judgment)| (place.as_str(), key.as_str(), *judgment)).collect();
        assert_eq!(found, expected);
    };
    use Judgment::{Misplaced, Missing, Mistyped, Unknown};
    wrong(|_| {}, &[]);
    wrong(|profile| drop(profile.remove("PayloadUUID")), &[("the profile", "PayloadUUID", Missing)]);
    wrong(
        |profile| drop(payload(profile).remove("PayloadVersion")),
        &[("payload 1", "PayloadVersion", Missing)],
    );
    wrong(
        |profile| drop(payload(profile).insert("PayloadUUID".into(), "1".into())),
        &[("payload 1", "PayloadUUID", Mistyped)],
    );
    wrong(
        |profile| drop(profile.insert("PortalURL".into(), "https://portal.example.com".into())),
        &[("the profile", "PortalURL", Misplaced)],
    );
    wrong(
        |profile| drop(payload(profile).insert("PayloadType".into(), "dev.meridian.agnet".into())),
        &[("the profile", "dev.meridian.agent", Missing), ("payload 1", "dev.meridian.agnet", Unknown)],
    );
    wrong(
        |profile| drop(profile.insert("PayloadContent".into(), "".into())),
        &[("the profile", "PayloadContent", Mistyped), ("the profile", "dev.meridian.agent", Missing)],
    );
    let for_users = changed(|profile| drop(profile.insert("PayloadScope".into(), "User".into())));
    assert!(valid(&for_users).is_empty());
    let twice = changed(|profile| {
        let again = Value::Dictionary(payload(profile).clone());
        profile.get_mut("PayloadContent").unwrap().as_array_mut().unwrap().push(again);
    });
    assert_eq!(valid(&twice).len(), 4);
    assert_eq!(judgments(&twice).iter().filter(|(_, judgment)| *judgment == Misplaced).count(), 4);
}

#[test]
fn only_forced_values_are_managed() {
    let text = String::from_utf8(golden!("managed-client.mobileconfig").to_vec()).unwrap();
    let once = text.replace("<key>Forced</key>", "<key>Set-Once</key>");
    assert_eq!(valid(text.as_bytes()).len(), 4);
    assert!(valid(once.as_bytes()).is_empty());
    assert!(judgments(once.as_bytes()).iter().all(|(_, judgment)| *judgment == Judgment::Misplaced));
    let without = text.replace("mcx_preference_settings", "mcx_settings");
    assert!(judgments(without.as_bytes()).contains(&("Forced".to_owned(), Judgment::Mistyped)));
}

/// So many arrays, each the only member of the one around it.
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn size_and_depth_are_bounded_as_the_daemon_bounds_them() {
    let keys = |value: Value| {
        Dictionary::from_iter([
            ("PortalURL".to_owned(), "https://portal.example.com".into()),
            ("x".to_owned(), value),
        ])
    };
    for depth in [13, 14, 15] {
        let flat = keys(nested(depth));
        let taken = taken(&binary(&Value::Dictionary(flat.clone())));
        assert_eq!(taken.is_empty(), depth > 14);
        assert_eq!(valid(&profile(Shape::CustomDomain, &flat)), taken, "{depth}");
        assert_eq!(valid(&profile(Shape::ManagedClient, &flat)), taken, "{depth}");
    }
    let deep = profile(Shape::ManagedClient, &keys(nested(1000)));
    assert!(matches!(examine(&deep), Err(PayloadError::Unreadable(_))));
    let large = profile(Shape::CustomDomain, &keys(Value::Data(vec![0; 1 << 20])));
    assert_eq!(judgments(&large), [("dev.meridian.agent".to_owned(), Judgment::Mistyped)]);
}

#[test]
fn parallels_domain_is_judged_too() {
    let mut draft = Draft::new("com.example");
    for (key, value) in [
        ("ActivationExperience", "License Key"),
        ("LicenseKey", "short"),
        ("SsoEmailDialogLabelText", "Email"),
        ("PortalURL", "x"),
        ("Other", "x"),
    ] {
        draft.parallels.insert(key.to_owned(), value.into());
    }
    let expected = [
        ("ActivationExperience", Judgment::Valid),
        ("LicenseKey", Judgment::Mistyped),
        ("SsoEmailDialogLabelText", Judgment::Valid),
        ("PortalURL", Judgment::Misplaced),
        ("Other", Judgment::Unknown),
    ];
    assert_eq!(judgments(&draft.xml().unwrap()), expected.map(|(key, judgment)| (key.to_owned(), judgment)));
}

#[test]
fn the_same_draft_gives_the_same_profile_and_its_ids_outlive_its_values() {
    let draft = |identifier: &str, organization: &str, url: &str| {
        let agent = Dictionary::from_iter([("PortalURL".to_owned(), Value::from(url))]);
        let organization = Some(organization.to_owned());
        let draft = Draft { agent, organization, background: Some(None), ..Draft::new(identifier) };
        draft.xml().unwrap()
    };
    let uuids = |bytes: &[u8]| -> Vec<String> {
        let profile = Value::from_reader_xml(bytes).unwrap().into_dictionary().unwrap();
        let uuid = |of: &Dictionary| of["PayloadUUID"].as_string().unwrap().to_owned();
        let payloads = profile["PayloadContent"].as_array().unwrap().iter();
        payloads.map(|payload| uuid(payload.as_dictionary().unwrap())).chain([uuid(&profile)]).collect()
    };
    let first = draft("com.example", "Example", "https://a.example");
    assert_eq!(first, draft("com.example", "Example", "https://a.example"));
    assert_eq!(uuids(&first), uuids(&draft("com.example", "Example", "https://b.example")));
    let others = [
        draft("com.example.b", "Example", "https://a.example"),
        draft("com.example", "B", "https://a.example"),
    ];
    let all: BTreeSet<_> = others.iter().chain([&first]).flat_map(|bytes| uuids(bytes)).collect();
    assert_eq!(all.len(), 9);
    assert!(all.iter().all(|uuid| uuid::Uuid::try_parse(uuid).is_ok() && !uuid.contains(char::is_lowercase)));
}

#[test]
fn settings_are_read_from_words() {
    let given = |name, text| setting(name, text).map(|(key, value)| (key.name(), value));
    assert_eq!(
        given("updates.stay_on_major", "true").unwrap(),
        ("updates.stay_on_major", Value::Boolean(true))
    );
    assert_eq!(given("updates.check", "weekly").unwrap(), ("updates.check", "weekly".into()));
    assert!(matches!(given("updates.chekc", "weekly"), Err(PayloadError::UnknownSetting(_))));
    assert!(matches!(given("restrict.add_vm", "true"), Err(PayloadError::NotForProfiles(..))));
    for (name, text) in [("updates.check", "Weekly"), ("updates.auto_download", "yes"), ("image.arm64", "x")]
    {
        assert!(matches!(given(name, text), Err(PayloadError::BadSetting(..))), "{name}");
    }
    for (team, good) in
        [("ABCDE12345", true), ("abcde12345", false), ("ABCDE1234", false), ("ABCDE12345\"", false)]
    {
        assert_eq!(Team::parse(team).is_ok(), good, "{team}");
    }
}

#[test]
fn full_disk_access_is_for_a_named_team_alone() {
    let disk = (Disk::FullAccess, None);
    assert!(matches!(Draft { disk, ..Draft::new("com.example") }.xml(), Err(PayloadError::Team)));
}

#[test]
fn the_list_of_keys_is_what_the_agent_reads() {
    for key in KEYS {
        let example: Value = match key.form {
            KeyForm::Text { example, .. } => example.into(),
            KeyForm::Certificates => "-----BEGIN CERTIFICATE-----".into(),
            KeyForm::Seconds { least, .. } => least.into(),
            KeyForm::Choice(choices) => choices[0].into(),
            KeyForm::Settings => one("updates.check", "weekly".into()),
        };
        let examination = examine(&binary(&one(key.name, example))).unwrap();
        assert!(examination.is_valid() && examination.sets(key.name), "{examination:?}");
        let findings = examine(&binary(&one(key.name, Value::Array(Vec::new())))).unwrap().findings;
        assert_eq!(findings[0].judgment, Judgment::Mistyped, "{}", key.name);
    }
    if let KeyForm::Seconds { least, most } =
        KEYS.iter().find(|key| key.name == "CheckInIntervalSeconds").unwrap().form
    {
        for (seconds, good) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            assert_eq!(
                examine(&binary(&one("CheckInIntervalSeconds", seconds.into()))).unwrap().is_valid(),
                good
            );
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let good: Vec<Value> =
        ["https://portal.example.com", "info", "weekly", "2027-01-01", "-----BEGIN CERTIFICATE-----"]
            .map(Value::from)
            .into_iter()
            .chain([
                true.into(),
                false.into(),
                900.into(),
                "SET-THE-PUBLIC-ROOT-KEY-OF-YOUR-PORTAL-HERE".into(),
            ])
            .collect();
    let leaf = prop_oneof![
        4 => proptest::sample::select(good),
        1 => any::<i64>().prop_map(|n| Value::Integer(n.into())),
        1 => any::<f64>().prop_map(Value::Real),
        1 => "[ -~]{0,20}".prop_map(Value::String),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Data),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((any_name(), inner), 0..6)
                .prop_map(|pairs| Value::Dictionary(pairs.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let settings = settings().map(Key::name).chain(["restrict.add_vm", "vm.expiration"]);
    let names: Vec<_> = KEYS.iter().map(|key| key.name).chain(settings).collect();
    prop_oneof![5 => proptest::sample::select(names).prop_map(str::to_owned), 1 => "[a-zA-Z.]{0,12}"]
}

fn any_settings() -> impl Strategy<Value = Value> {
    proptest::collection::vec((any_name(), any_value()), 0..6)
        .prop_map(|pairs| Value::Dictionary(pairs.into_iter().collect()))
}

proptest! {
    #[test]
    fn what_is_called_valid_the_daemon_takes_and_the_other_way_round(
        pairs in proptest::collection::vec((any_name(), any_value()), 0..10),
        settings in proptest::option::of(any_settings()),
    ) {
        let mut keys: Dictionary = pairs.into_iter().collect();
        if let Some(settings) = settings {
            keys.insert("Settings".to_owned(), settings);
        }
        let flat = Value::Dictionary(keys.clone());
        let taken = taken(&binary(&flat));
        prop_assert_eq!(&valid(&binary(&flat)), &taken);
        if let Some(xml) = xml(&flat) {
            prop_assert_eq!(&valid(&xml), &taken);
            if !keys.is_empty() {
                for shape in [Shape::CustomDomain, Shape::ManagedClient] {
                    prop_assert_eq!(&valid(&profile(shape, &keys)), &taken);
                }
            }
        }
    }

    #[test]
    fn no_bytes_panic(
        which in 0_usize..6,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = [
            golden!("custom-domain.mobileconfig"),
            golden!("managed-client.mobileconfig"),
            golden!("signed.der.mobileconfig"),
            golden!("signed.streamed.mobileconfig"),
            golden!("full.binary.plist"),
            golden!("encrypted.mobileconfig"),
        ][which].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(at) = cut {
            bytes.truncate(at.index(bytes.len()));
        }
        let _ = examine(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), form in 0_usize..4) {
        let start = [&b""[..], b"bplist00", b"<plist><dict>", b"0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"][form];
        let _ = examine(&[start, bytes.as_slice()].concat());
    }

    #[test]
    fn a_setting_from_words_is_one_that_the_reader_takes(at in any::<proptest::sample::Index>(), text in "[a-z0-9:/.-]{0,20}|true|false|weekly|https://x") {
        let all: Vec<_> = settings().collect();
        if let Ok((key, value)) = setting(all[at.index(all.len())].name(), &text) {
            let keys = one("Settings", one(key.name(), value.clone()));
            let preferences = Preferences::parse(FILE, &binary(&keys)).unwrap();
            let expected = value.as_boolean().map_or_else(|| SettingValue::text(&text), SettingValue::Switch);
            prop_assert_eq!(&preferences.settings.items[&key], &Ok(expected));
        }
    }
}

#[test]
fn no_profile_is_made_that_is_no_xml() {
    for (text, is_good) in [("a\tb\u{fffd}", true), ("a\u{1}b", false), ("\u{ffff}", false), ("\0", false)] {
        let agent = Dictionary::from_iter([("DeactivationOrder".to_owned(), Value::from(text))]);
        let made = Draft { agent, ..Draft::new("com.example.meridian") }.xml();
        assert_eq!(made.is_ok(), is_good, "{text:?}");
    }
}

/// A signature around these bytes, by an implementation that is not ours, as this form.
#[expect(clippy::disallowed_methods, reason = "somebody else's signatures are to be told apart")]
fn signed(bytes: &[u8], form: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    crate::state::atomic::write(folder.path().join("in").as_path(), bytes, 0o600).unwrap();
    let run = |words: &[&str]| {
        let output = std::process::Command::new("openssl").args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let (key, certificate, given, out) = (path("key"), path("certificate"), path("in"), path("out"));
    run(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    run(&[
        "cms",
        "-sign",
        "-binary",
        "-nodetach",
        "-signer",
        &certificate,
        "-inkey",
        &key,
        "-in",
        &given,
        "-outform",
        form,
        "-out",
        &out,
    ]);
    std::fs::read(out).unwrap()
}

#[test]
fn what_is_signed_as_text_or_twice_is_called_so() {
    let profile =
        profile(Shape::CustomDomain, &Dictionary::from_iter([("LogLevel".to_owned(), Value::from("info"))]));
    let once = signed(&profile, "DER");
    assert!(examine(&once).unwrap().is_signed);
    for (bytes, why) in
        [(signed(&profile, "PEM"), cms::Sealed::Armored), (signed(&once, "DER"), cms::Sealed::Twice)]
    {
        let error = examine(&bytes).unwrap_err();
        assert!(matches!(&error, PayloadError::Sealed(sealed) if *sealed == why), "{error}");
    }
}

#[test]
fn a_profile_without_payloads_is_not_good() {
    let bytes = binary(&one("PayloadType", "Configuration".into()));
    let found = findings(&bytes);
    let has = |key: &str, judgment| found.iter().any(|(_, name, told)| name == key && *told == judgment);
    assert!(
        has("PayloadContent", Judgment::Missing) && has("dev.meridian.agent", Judgment::Missing),
        "{found:?}"
    );
    assert!(examine(&bytes).unwrap().is_profile && !examine(&bytes).unwrap().is_valid());
}

/// A payload of another vendor is their affair; one that was probably meant to be the agent's is not.
#[test]
fn a_misspelled_domain_beside_a_right_one_is_told_in_its_place() {
    let keys = Dictionary::from_iter([("LogLevel".to_owned(), Value::from("info"))]);
    for shape in [Shape::CustomDomain, Shape::ManagedClient] {
        let bytes = profile(shape, &keys);
        let mut file = Value::from_reader_xml(bytes.as_slice()).unwrap().into_dictionary().unwrap();
        let first = file["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap().clone();
        let renamed = |name: &str| {
            let mut text = Vec::new();
            Value::Dictionary(first.clone()).to_writer_xml(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap().replace("dev.meridian.agent", name);
            Value::from_reader_xml(text.as_bytes()).unwrap()
        };
        let mut last = first.clone();
        last.remove("PayloadVersion");
        let payloads = [last.into(), renamed("dev.meridian.agnet"), renamed("org.example.tool")];
        file.insert("PayloadContent".to_owned(), Value::Array(payloads.to_vec()));
        let found = findings(&binary(&Value::Dictionary(file)));
        let told: Vec<_> =
            found.iter().map(|(place, key, judgment)| (place.as_str(), key.as_str(), *judgment)).collect();
        let expected = [
            ("payload 1", "PayloadVersion", Judgment::Missing),
            ("payload 1", "LogLevel", Judgment::Valid),
            ("payload 2", "dev.meridian.agnet", Judgment::Unknown),
        ];
        assert_eq!(told, expected, "{shape:?}");
    }
}
