//! The files below `packaging/profiles` are made from the catalog and the list of the profile's keys, and are of the forms that
//! their readers expect. `MERIDIAN_REWRITE=1 cargo test made` writes them anew.

use std::path::{Path, PathBuf};

use meridian::payload::{examine, generated};
use plist::{Dictionary, Value};
use serde_json::Value as Json;

mod property_list;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/profiles")
}

/// The bytes of a file that is made.
fn file(name: &str) -> Vec<u8> {
    generated().unwrap().into_iter().find(|(path, _)| *path == name).unwrap().1
}

#[test]
#[expect(clippy::disallowed_methods, reason = "files of the repository are written on demand alone")]
fn the_files_are_as_they_are_made() {
    let mut wrong = Vec::new();
    for (name, bytes) in generated().unwrap() {
        let path = folder().join(name);
        if std::env::var("MERIDIAN_REWRITE").is_ok() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        } else if std::fs::read(&path).ok() != Some(bytes) {
            wrong.push(name);
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:?} are not as they are made; MERIDIAN_REWRITE=1 cargo test made writes them"
    );
}

#[test]
fn nothing_else_lies_beside_them() {
    let made: Vec<_> = generated().unwrap().into_iter().map(|(name, _)| folder().join(name)).collect();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(made.contains(&path) || path.ends_with("README.md"), "{path:?} is made by nobody");
            }
        }
    }
}

#[test]
fn property_lists_follow_apples_document_type() {
    for (name, bytes) in generated().unwrap() {
        if !name.ends_with(".json") {
            property_list::check(&String::from_utf8(bytes).unwrap())
                .unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the command is run as a person runs it")]
fn a_profile_is_made_in_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    for force in [None, Some("--force")] {
        let mut make = std::process::Command::new(env!("CARGO_BIN_EXE_meridian"));
        make.args(["profile", "make", "--output", "ok.mobileconfig", "--portal-url", "https://p.example"]);
        make.args(["--root-key", "SET-THE-PUBLIC-ROOT-KEY-OF-YOUR-PORTAL-HERE"]).args(force);
        let output = make.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert!(folder.path().join("ok.mobileconfig").is_file());
}

#[test]
fn every_key_of_the_examples_counts() {
    for name in ["examples/custom-domain.mobileconfig", "examples/managed-client.mobileconfig"] {
        let examination = examine(&file(name)).unwrap();
        assert!(examination.is_valid(), "{examination:?}");
        assert!(examination.sets("PortalURL") && examination.sets("PortalRootKey"));
    }
}

fn example(name: &str) -> (Dictionary, Dictionary) {
    let profile = Value::from_reader_xml(file(name).as_slice()).unwrap().into_dictionary().unwrap();
    let payload = profile["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap().clone();
    (profile, payload)
}

#[test]
fn background_items_and_privacy_name_the_agents_own_job_and_program() {
    let (profile, payload) = example("examples/background-items.mobileconfig");
    assert_eq!(profile["PayloadScope"].as_string(), Some("System"));
    assert_eq!(payload["PayloadType"].as_string(), Some("com.apple.servicemanagement"));
    let rule = payload["Rules"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(
        (rule["RuleType"].as_string(), rule["RuleValue"].as_string()),
        (Some("Label"), Some(meridian::paths::LABEL))
    );

    let (_, payload) = example("examples/full-disk-access.mobileconfig");
    assert_eq!(payload["PayloadType"].as_string(), Some("com.apple.TCC.configuration-profile-policy"));
    let services = payload["Services"].as_dictionary().unwrap();
    let identity = services["SystemPolicyAllFiles"].as_array().unwrap()[0].as_dictionary().unwrap();
    let executable = meridian::paths::Paths::under("/").executable().display().to_string();
    assert_eq!(identity["Identifier"].as_string(), Some(executable.as_str()));
    assert_eq!(identity["IdentifierType"].as_string(), Some("path"));
    assert!(identity["CodeRequirement"].as_string().unwrap().contains("ABCDE12345"));
}

/// The keys of the manifest format (wiki of ProfileManifests, "Manifest Format") that are used here, and their types.
const MANIFEST_KEYS: [(&str, &str); 22] = [
    ("pfm_default", "any"),
    ("pfm_description", "string"),
    ("pfm_domain", "string"),
    ("pfm_format", "string"),
    ("pfm_format_version", "integer"),
    ("pfm_interaction", "string"),
    ("pfm_last_modified", "date"),
    ("pfm_name", "string"),
    ("pfm_platforms", "array"),
    ("pfm_range_list", "array"),
    ("pfm_range_list_titles", "array"),
    ("pfm_range_max", "integer"),
    ("pfm_range_min", "integer"),
    ("pfm_require", "string"),
    ("pfm_sensitive", "boolean"),
    ("pfm_subkeys", "array"),
    ("pfm_targets", "array"),
    ("pfm_title", "string"),
    ("pfm_type", "string"),
    ("pfm_unique", "boolean"),
    ("pfm_value_placeholder", "string"),
    ("pfm_value_unit", "string"),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Integer(_) => "integer",
        Value::Boolean(_) => "boolean",
        Value::Date(_) => "date",
        Value::Array(_) => "array",
        Value::Dictionary(_) => "dictionary",
        _ => "other",
    }
}

#[test]
fn the_manifest_is_of_its_format() {
    let manifest = Value::from_reader_xml(file("manifest/dev.meridian.agent.plist").as_slice()).unwrap();
    let manifest = manifest.into_dictionary().unwrap();
    let mut open = vec![(&manifest, true)];
    let mut names = Vec::new();
    while let Some((dictionary, is_root)) = open.pop() {
        for (key, value) in dictionary {
            let known =
                MANIFEST_KEYS.iter().find(|(known, _)| known == key || *known == "pfm_version" && is_root);
            let known = known.map(|(_, kind)| *kind).or((key == "pfm_version").then_some("integer"));
            let known = known.unwrap_or_else(|| panic!("{key} is no key of the format"));
            assert!(known == "any" || known == kind(value), "{key} is of type {}", kind(value));
        }
        assert!(dictionary.keys().is_sorted());
        if !is_root {
            let text = |key: &str| dictionary[key].as_string().unwrap();
            names.push(text("pfm_name").to_owned());
            assert!(["string", "integer", "boolean", "dictionary"].contains(&text("pfm_type")));
            if let Some(default) = dictionary.get("pfm_default") {
                assert_eq!(kind(default), text("pfm_type"));
            }
        }
        let subkeys = dictionary.get("pfm_subkeys").and_then(Value::as_array).into_iter().flatten();
        open.extend(subkeys.map(|subkey| (subkey.as_dictionary().unwrap(), false)));
    }
    for required in ["pfm_domain", "pfm_description", "pfm_title", "pfm_format_version", "pfm_last_modified"]
    {
        assert!(manifest.contains_key(required), "{required}");
    }
    for name in ["PayloadUUID", "PortalURL", "DeactivationOrder", "updates.check"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    let defaults: Vec<_> = manifest["pfm_subkeys"].as_array().unwrap().iter().skip(7).collect();
    assert!(
        defaults.iter().all(|key| !key.as_dictionary().unwrap().contains_key("pfm_default")),
        "unset keys stay unset"
    );
}

/// Keywords of JSON Schema draft 4 that are used, and those that Jamf adds for its form.
const SCHEMA_KEYS: [&str; 12] = [
    "title",
    "description",
    "type",
    "properties",
    "anyOf",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "options",
    "property_order",
    "format",
];

#[test]
fn the_schema_is_of_its_format_and_leaves_unset_keys_unset() {
    let schema: Json = serde_json::from_slice(&file("jamf/dev.meridian.agent.json")).unwrap();
    assert!(schema["title"].as_str().unwrap().contains(meridian::paths::LABEL));
    assert_eq!(schema["options"]["remove_empty_properties"], true);
    let mut open = vec![&schema];
    let mut count = 0;
    while let Some(object) = open.pop() {
        for key in object.as_object().unwrap().keys() {
            assert!(SCHEMA_KEYS.contains(&key.as_str()), "{key}");
        }
        for (name, property) in object["properties"].as_object().into_iter().flatten() {
            count += 1;
            let choices = property["anyOf"].as_array().unwrap_or_else(|| panic!("{name} is always written"));
            assert_eq!((choices.len(), &choices[0]["type"]), (2, &Json::from("null")), "{name}");
            assert!(property.get("default").is_none() && choices[1].get("default").is_none());
            let kinds = ["string", "boolean", "integer", "object"];
            assert!(kinds.contains(&choices[1]["type"].as_str().unwrap()), "{name}");
            open.push(&choices[1]);
        }
    }
    assert_eq!(count, meridian::sources::profile::KEYS.len() + meridian::payload::settings().count());
}
