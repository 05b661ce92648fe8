use std::os::unix::fs::PermissionsExt;

use clap::Parser;

use super::super::arguments::{Arguments, Verb};
use super::super::samples::screens;
use super::*;
use crate::error::Exit;
use crate::sources::profile::{Activation, Preferences};

const KEY: &str = "SET-THE-PUBLIC-ROOT-KEY-OF-YOUR-PORTAL-HERE";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        File::create(self.path(name)).unwrap().write_all(bytes).unwrap();
        format!("@{}", self.path(name).display())
    }

    fn make(&self, more: &[&str]) -> Result<Made, Failure> {
        let output = self.path("m.mobileconfig").display().to_string();
        let begin = [
            "meridian",
            "profile",
            "make",
            "--output",
            &output,
            "--portal-url",
            "https://portal.example.com",
        ];
        let arguments =
            Arguments::try_parse_from(begin.iter().chain(&["--root-key", KEY]).chain(more)).unwrap();
        match &arguments.verb {
            Verb::Profile(ProfileVerb::Make(arguments)) => request(arguments),
            verb => panic!("{verb:?}"),
        }
    }

    /// The payloads of what was made.
    fn payloads(&self) -> Vec<Dictionary> {
        let profile = Value::from_file(self.path("m.mobileconfig")).unwrap().into_dictionary().unwrap();
        let payloads = profile["PayloadContent"].as_array().unwrap().iter();
        payloads.map(|payload| payload.as_dictionary().unwrap().clone()).collect()
    }
}

#[test]
fn everything_that_can_be_said_is_what_the_agent_reads() {
    let desk = Desk::new();
    let token = desk.put("token", b"mde1_secret\n");
    let license = desk.put("license", b"6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA\n");
    desk.put("ca.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n");
    let ca = desk.path("ca.pem").display().to_string();
    let made = desk
        .make(&[
            "--enrollment-token",
            &token,
            "--ca",
            &ca,
            "--check-in-interval",
            "600",
            "--log-level",
            "debug",
            "--set",
            "updates.stay_on_major=true",
            "--set",
            "updates.check=weekly",
            "--license-key",
            &license,
            "--deactivation-order",
            "move-1",
            "--background-item",
            "--full-disk-access",
            "--team",
            "ABCDE12345",
            "--identifier",
            "com.example.meridian",
            "--organization",
            "Example Ltd",
        ])
        .unwrap();
    assert_eq!(made.allows, ["the background item", "full disk access"]);
    assert!(made.holds_secret && made.identifier == "com.example.meridian");
    let mode = desk.path("m.mobileconfig").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let payloads = desk.payloads();
    let types: Vec<_> = payloads.iter().map(|payload| payload["PayloadType"].as_string().unwrap()).collect();
    let expected = [
        "dev.meridian.agent",
        "com.parallels.desktop.managedprefs",
        "com.apple.servicemanagement",
        "com.apple.TCC.configuration-profile-policy",
    ];
    assert_eq!(types, expected);
    let bytes = |payload: &Dictionary| {
        let mut bytes = Vec::new();
        Value::Dictionary(payload.clone()).to_writer_binary(&mut bytes).unwrap();
        bytes
    };
    let preferences = Preferences::parse("m", &bytes(&payloads[0])).unwrap();
    assert!(preferences.problems().is_empty());
    assert_eq!(preferences.enrollment_token.value().unwrap().reveal(), "mde1_secret");
    assert_eq!(preferences.deactivation_order.value().unwrap(), "move-1");
    assert_eq!(preferences.settings.items.values().filter(|item| item.is_ok()).count(), 2);
    assert!(preferences.portal_ca.value().is_some() && preferences.portal_root_key.value().is_some());
    assert!(Activation::parse("m", &bytes(&payloads[1])).unwrap().key_to_install().is_some());
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let desk = Desk::new();
    desk.make(&[]).unwrap();
    let first = std::fs::read(desk.path("m.mobileconfig")).unwrap();
    let refused = desk.make(&["--log-level", "debug"]).unwrap_err();
    assert!(refused.complaint().contains("add --force") && refused.exit() == Exit::Failed, "{refused:?}");
    assert_eq!(std::fs::read(desk.path("m.mobileconfig")).unwrap(), first);
    desk.make(&["--log-level", "debug", "--force"]).unwrap();
    assert_ne!(std::fs::read(desk.path("m.mobileconfig")).unwrap(), first);
    desk.make(&["--force"]).unwrap();
    assert_eq!(std::fs::read(desk.path("m.mobileconfig")).unwrap(), first, "a rerun makes the same profile");
    let mode = desk.path("m.mobileconfig").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_no_regular_file_is_never_replaced() {
    let desk = Desk::new();
    let output = desk.path("m.mobileconfig");
    let target = desk.path("target");
    let folder = || std::fs::create_dir(&output).unwrap();
    let link = || std::os::unix::fs::symlink(&target, &output).unwrap();
    let socket = || drop(std::os::unix::net::UnixListener::bind(&output).unwrap());
    for plant in [&folder as &dyn Fn(), &link, &socket] {
        plant();
        let found = || output.symlink_metadata().unwrap().file_type();
        let before = found();
        for flags in [&["--force"][..], &[]] {
            let complaint = desk.make(flags).unwrap_err().complaint();
            assert!(
                complaint.contains("not a regular file") && !complaint.contains("--force"),
                "{complaint}"
            );
            assert!(found() == before && !target.exists());
        }
        std::fs::remove_file(&output).or_else(|_| std::fs::remove_dir(&output)).unwrap();
    }
}

#[test]
fn no_profile_is_made_that_the_agent_would_not_take() {
    let desk = Desk::new();
    for (flags, word) in [
        (&["--enrollment-token", "two words"][..], "EnrollmentToken"),
        (&["--log-level", "INFO"], "LogLevel"),
        (&["--check-in-interval", "5"], "CheckInIntervalSeconds"),
        (&["--ca", "/dev/null"], "PortalCA"),
        (&["--license-key", "short"], "LicenseKey"),
        (&["--deactivation-order", " x"], "DeactivationOrder"),
        (&["--set", "restrict.add_vm=true"], "local restriction, policy"),
        (&["--set", "updates.check"], "KEY=VALUE"),
        (
            &["--set", "updates.chekc=weekly"],
            "there is no setting “updates.chekc”; did you mean “updates.check”?",
        ),
        (&["--set", "something.else=1"], "no setting"),
        (&["--set", "updates.check=weekly", "--set", "updates.check=daily"], "“updates.check” twice"),
        (&["--set", "updates.feed_url=http://h/a b"], "http or https address"),
        (&["--background-item", "--team", "me"], "team identifier"),
    ] {
        let failure = desk.make(flags).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage, "{failure:?}");
        assert!(failure.complaint().contains(word), "{failure:?}");
        assert!(!desk.path("m.mobileconfig").exists());
    }
    let failure = desk.make(&["--enrollment-token", "@/nowhere/token"]).unwrap_err();
    assert_eq!(failure.exit(), Exit::Failed);
    assert!(
        !desk.make(&["--enrollment-token", "very secret"]).unwrap_err().complaint().contains("very secret")
    );
}

#[test]
fn the_screen_names_the_keys_and_warns_of_secrets() {
    let keys = ["PortalURL", "PortalRootKey", "EnrollmentToken"].map(str::to_owned).to_vec();
    let made = Made {
        file: "meridian.mobileconfig".into(),
        identifier: "com.example.meridian".into(),
        keys,
        allows: vec!["the background item", "full disk access"],
        holds_secret: true,
    };
    screens("made", |style| render(&made, style));
}

#[test]
fn flags_that_make_no_profile_are_usage_errors() {
    let long = "x".repeat(201);
    let parses = |flags: &[&str]| {
        let begin =
            ["meridian", "profile", "make", "--output", "m", "--portal-url", "https://p", "--root-key", KEY];
        Arguments::try_parse_from(begin.iter().chain(flags)).map(drop).map_err(|error| error.to_string())
    };
    for good in [
        &["--identifier", "com.example-1.my_profile"][..],
        &["--organization", "Bücher & Söhne"],
        &["--team", "ABCDE12345", "--background-item"],
    ] {
        parses(good).unwrap();
    }
    for (bad, why) in [
        (&["--identifier", "."][..], "underscores"),
        (&["--identifier", "..."], "underscores"),
        (&["--identifier", "com..example"], "underscores"),
        (&["--identifier", "com.-"], "underscores"),
        (&["--identifier", &long], "underscores"),
        (&["--organization", "A\u{1}B"], "printable"),
        (&["--organization", " A"], "printable"),
        (&["--organization", ""], "value"),
        (&["--organization", &long], "printable"),
        (&["--team", "ABCDE12345"], "--background-item"),
        (&["--full-disk-access"], "--team"),
    ] {
        let said = parses(bad).unwrap_err();
        assert!(said.contains(why), "{bad:?}: {said}");
    }
}
