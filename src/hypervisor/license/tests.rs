//! The shapes in which a license is shown, and that none is ever made up or given away.

use proptest::prelude::*;

use super::*;
use crate::domain::license::LicenseFacts;

const JSON: &str = r#"{"status": "ACTIVE", "serial": "6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "expiration": "2027-01-20 00:00:00",
    "main_period_ends_at": "2026-12-20 23:59:59", "grace_period_ends_at": "2027-01-20 00:00:00", "cpu_total": 32, "max_memory": 131072,
    "edition": "Enterprise", "is_trial": "no", "is_volume": "yes", "deferred_activation": "disabled",
    "uuid": "c4f2e4f0-0000-4000-8000-000000000001", "activation_type": "LIC_KEY"}"#;

const TEXT: &str = "Searching for installed licenses...\n\tstatus=\"ACTIVE\"\n\tserial=\"6J9A5T-******-******-******-RN17ZA\"\n\
    \texpiration=\"2027-01-20 00:00:00\"\n\tmain_period_ends_at=\"2026-12-20 23:59:59\"\n\
    \tgrace_period_ends_at=\"2027-01-20 00:00:00\"\n\tcpu_total=32\n\tmax_memory=131072\n\tedition=\"enterprise\"\n\
    \tis_trial=\"no\"\n\tactivation_type=\"LIC_KEY\"\n";

fn file(license: &str) -> Vec<u8> {
    serde_json::json!({"license": license, "publicCerts": [], "signature": "x"}).to_string().into_bytes()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn json_and_text_say_the_same() {
    let facts = parse_info(JSON.as_bytes()).unwrap();
    assert_eq!(
        facts,
        LicenseFacts {
            state: LicenseState::Active,
            edition: Some("enterprise".to_owned()),
            activation: Some(ActivationKind::Key),
            key: Some(MaskedKey::of("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA")),
            parent: None,
            sublicense: None,
            trial: Some(false),
            user: None,
            main_period_ends_at: at("2026-12-20T23:59:59Z"),
            grace_period_ends_at: at("2027-01-20T00:00:00Z"),
        }
    );
    assert_eq!(parse_info(TEXT.as_bytes()).unwrap(), facts);
    let noisy = format!("This feature is not available in this edition.\n{JSON}\n");
    assert_eq!(parse_info(noisy.as_bytes()).unwrap(), facts);
}

#[test]
fn none_unknown_and_unreadable_are_three_answers() {
    for bytes in ["{}", " {} \n", "Searching for installed licenses...\nNo licenses installed.\n"] {
        let facts = parse_info(bytes.as_bytes()).unwrap();
        assert_eq!(
            (facts.state, facts.activation),
            (LicenseState::None, Some(ActivationKind::None)),
            "{bytes}"
        );
    }
    // An empty object inside of what cannot be read says nothing, and least of all that there is no license.
    for bytes in [
        r#"{"status": "ACTIVE", "cep_option": {}, "user": tru}"#,
        r#"{"status": "ACTIVE", "cep_option": {}, "#,
        "{}{}",
        "{} {\"status\": \"ACTIVE\"}",
    ] {
        let read = parse_info(bytes.as_bytes());
        assert!(read.is_err() || read.unwrap().state != LicenseState::None, "{bytes}");
    }
    assert_eq!(parse_info(b"A line of noise.\n{ }\n").unwrap().state, LicenseState::None);
    let backslash = r#"{"status": "ACTIVE", "user": "DOMAIN\qed", "cep_option": {}}"#;
    assert_eq!(parse_info(backslash.as_bytes()).unwrap().state, LicenseState::Active);
    let bad = "PrlHandle_FromString: Invalid argument. An invalid argument was passed.\n";
    assert_eq!(parse_info(bad.as_bytes()).unwrap(), LicenseFacts::default());
    assert_eq!(parse_info(br#"{"status": "PONDERING"}"#).unwrap().state, LicenseState::Unknown);
    for bytes in
        ["", " ", "[]", "null", "7", "<html>", "{\"error\": \"x\"}", "Searching for installed licenses...\n"]
    {
        assert!(parse_info(bytes.as_bytes()).is_err(), "{bytes}");
    }
}

#[test]
fn words_of_the_tool_and_what_they_mean() {
    for (word, state) in [
        ("ACTIVE", LicenseState::Active),
        ("valid", LicenseState::Active),
        ("GRACED", LicenseState::Graced),
        ("EXPIRED", LicenseState::Expired),
        ("SUSPENDED", LicenseState::Suspended),
        ("INVALID", LicenseState::Invalid),
        ("not valid", LicenseState::Invalid),
    ] {
        assert_eq!(parse_info(format!("status=\"{word}\"").as_bytes()).unwrap().state, state, "{word}");
    }
    for (word, activation) in [
        ("LIC_KEY", Some(ActivationKind::Key)),
        ("SSO", Some(ActivationKind::Sso)),
        ("", Some(ActivationKind::None)),
        ("PIGEON", None),
    ] {
        let json =
            serde_json::json!({"status": "ACTIVE", "activation_type": word, "user": "anna@example.com"});
        let facts = parse_info(json.to_string().as_bytes()).unwrap();
        assert_eq!(
            (facts.activation, facts.user.as_deref()),
            (activation, Some("anna@example.com")),
            "{word}"
        );
    }
    assert_eq!(parse_info(b"{\"status\": \"ACTIVE\"}").unwrap().activation, None, "not shown is not none");
}

#[test]
fn times_come_in_three_forms() {
    for (text, expected) in [
        ("2026-12-20 23:59:59", at("2026-12-20T23:59:59Z")),
        ("2026-12-20", at("2026-12-20T00:00:00Z")),
        ("2026-12-20T23:59:59+02:00", at("2026-12-20T21:59:59Z")),
        ("2026-13-20", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(time(text), expected, "{text}");
    }
}

#[test]
fn the_file_tells_the_group_and_the_suspended_trial() {
    let inner = r#"{"name": "PD", "lic_key": "6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "is_sublicense": true, "is_trial": 0,
        "parent_key": "PARENT-AAAAAA-BBBBBB-CCCCCC-000001", "is_suspended": false, "main_period_ends_at": "2026-12-20 23:59:59",
        "hosts": [{"name": "mac", "hw_id": "x"}]}"#;
    let extra = parse_licenses_json(&file(inner)).unwrap();
    assert_eq!(extra.parent.as_ref().unwrap().to_string(), "PARENT-******-******-******-000001");
    let facts = with(parse_info(JSON.as_bytes()).unwrap(), Some(extra.clone()));
    assert_eq!((facts.sublicense, facts.parent), (Some(true), extra.parent.clone()));
    assert_eq!((facts.state, facts.trial), (LicenseState::Active, Some(false)));

    let suspended = Extra { suspended: Some(true), ..extra };
    let merged = |json: &str| with(parse_info(json.as_bytes()).unwrap(), Some(suspended.clone()));
    assert_eq!(merged(JSON).state, LicenseState::Suspended);
    assert_eq!(merged(&JSON.replace("ACTIVE", "EXPIRED")).state, LicenseState::Expired);
    assert_eq!(
        merged(&JSON.replace("6J9A5T", "OTHERS")).state,
        LicenseState::Active,
        "the file is of another key"
    );
    assert_eq!(merged("{}"), parse_info(b"{}").unwrap(), "a file that outlived its license");
    assert_eq!(with(LicenseFacts::default(), Some(suspended)), LicenseFacts::default());
}

#[test]
fn a_file_of_another_form_adds_nothing() {
    for bytes in
        [&b""[..], b"[]", b"{}", b"{\"license\": 7}", b"{\"license\": \"[]\"}", b"<?xml version=\"1.0\"?>"]
    {
        assert_eq!(parse_licenses_json(bytes), None, "{}", String::from_utf8_lossy(bytes));
    }
    let as_object = br#"{"license": {"is_sublicense": "yes"}}"#;
    assert_eq!(parse_licenses_json(as_object).unwrap().sublicense, Some(true));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_key_comes_through(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..JSON.len(), text in ".*") {
        let _ = parse_info(&bytes);
        let _ = parse_licenses_json(&bytes);
        let _ = parse_licenses_json(&file(&text));
        let _ = time(&text);
        for shown in [parse_info(&[&JSON.as_bytes()[..cut], &bytes].concat()), parse_info(&[TEXT.as_bytes(), &bytes].concat())] {
            let shown = format!("{shown:?}");
            prop_assert!(!shown.contains("AAAAAA"));
        }
    }
}
