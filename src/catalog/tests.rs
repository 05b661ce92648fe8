use serde_json::json;

use super::*;

#[test]
fn the_table_holds_together() {
    let mut names = std::collections::BTreeSet::new();
    for key in Key::all() {
        let setting = key.setting();
        assert!(names.insert(setting.name), "{} stands twice", setting.name);
        assert_eq!(Key::named(setting.name), Some(key));
        assert!(!setting.layers.is_empty(), "{} can be set by nobody", setting.name);
        if let Lever::Implies(implied) = setting.lever {
            assert_eq!(
                key.implies().count(),
                implied.len(),
                "{} implies a setting that does not exist",
                setting.name
            );
        }
        assert_eq!(setting.layers.contains(&LayerKind::Local), setting.name.starts_with("restrict."));
    }
    assert_eq!(names.len(), 28);
    assert_eq!(Key::named("vm.unknown"), None);
}

#[test]
fn each_kind_takes_its_own_values_alone() {
    let read = |name: &str, given: serde_json::Value| Key::named(name).unwrap().setting().kind.read(&given);
    assert_eq!(read("restrict.add_vm", json!(true)), Ok(Value::Switch(true)));
    assert_eq!(read("updates.check", json!("weekly")), Ok(Value::text("weekly")));
    assert_eq!(
        read("updates.feed_url", json!("https://up.example/x.xml")),
        Ok(Value::text("https://up.example/x.xml"))
    );
    assert_eq!(read("vm.expiration", json!("2027-02-28")), Ok(Value::text("2027-02-28")));
    assert_eq!(read("vm.expiration", json!(false)), Ok(Value::Switch(false)));
    for (name, given) in [
        ("restrict.add_vm", json!("true")),
        ("restrict.add_vm", json!(1)),
        ("updates.check", json!("Weekly")),
        ("updates.check", json!(2)),
        ("updates.feed_url", json!("file:///etc/passwd")),
        ("updates.feed_url", json!("https://user:secret@up.example/")),
        ("updates.feed_url", json!("up.example")),
        ("vm.expiration", json!("2027-02-30")),
        ("vm.expiration", json!("27-02-01")),
        ("vm.expiration", json!(true)),
        ("vm.network", json!(null)),
    ] {
        assert!(read(name, given.clone()).is_err(), "{name} takes {given}");
    }
}

#[test]
fn a_license_bound_profile_may_set_what_a_profile_may() {
    for setting in Key::all().map(Key::setting) {
        assert_eq!(
            setting.admits(LayerKind::LicenseProfile),
            setting.admits(LayerKind::Profile),
            "{}",
            setting.name
        );
    }
}
