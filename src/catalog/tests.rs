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
        ("updates.feed_url", json!(7)),
        ("vm.expiration", json!("2027-02-30")),
        ("vm.expiration", json!("27-02-01")),
        ("vm.expiration", json!(true)),
        ("vm.network", json!(null)),
    ] {
        assert!(read(name, given.clone()).is_err(), "{name} takes {given}");
    }
}

/// Each pattern in a manifest or a schema lets an editor refuse what the agent would; what it cannot know, the agent does.
#[test]
#[expect(clippy::disallowed_methods, reason = "somebody else's regular expressions read the pattern")]
fn addresses_are_of_the_web_and_whole() {
    let kind = Key::named("updates.feed_url").unwrap().setting().kind;
    let meets_pattern = |text: &str| {
        let mut grep = std::process::Command::new("grep");
        grep.args(["-Pzq", ADDRESS_PATTERN]).stdin(std::process::Stdio::piped());
        let mut grep = grep.spawn().unwrap();
        std::io::Write::write_all(&mut grep.stdin.take().unwrap(), text.as_bytes()).unwrap();
        grep.wait().unwrap().success()
    };
    for good in [
        "https://up.example/x.xml",
        "http://10.0.0.5:8080",
        "HTTP://[fe80::1]/a@b?c=d&e=/",
        "https://bücher.example?q",
        "https://h/%20",
    ] {
        assert_eq!(kind.read(&json!(good)), Ok(Value::text(good)));
        assert!(meets_pattern(good), "{good}");
    }
    for bad in [
        "",
        "http://",
        "http:///x",
        "https:/x",
        "https://?x",
        "http://x/a b",
        "http://x/a\tb",
        "http://x\\@y/",
        "https://u:p@h/",
        "https://@h/",
        "https://h/#frag",
        "ftp://h/",
        " https://h/",
    ] {
        assert_eq!(kind.read(&json!(bad)), Err(BadValue::Url), "{bad:?}");
        assert!(!meets_pattern(bad), "{bad:?}");
    }
    for only_the_agent_knows in ["http://x/\0", "http://x/\u{202e}", "https://h:99999/", "https://[h/"] {
        assert_eq!(kind.read(&json!(only_the_agent_knows)), Err(BadValue::Url), "{only_the_agent_knows:?}");
    }
    assert!(BadValue::Url.to_string().contains("http or https"));
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
