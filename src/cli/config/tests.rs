use super::super::samples::{HOSTILE, screens};
use super::*;

fn finding(place: &str, key: &str, judgment: Judgment, family: Family, detail: Option<&str>) -> Finding {
    let detail = detail.map(str::to_owned);
    Finding { place: place.into(), key: key.into(), judgment, family, detail }
}

fn judged(findings: Vec<Finding>, is_signed: bool) -> Judged {
    Judged::of(Path::new("meridian.mobileconfig"), Examination { is_profile: true, is_signed, findings })
}

#[test]
fn each_key_has_a_row_and_the_verdict_is_last() {
    let good = |key| finding("payload 1", key, Judgment::Valid, Family::Agent, None);
    let fine = judged(vec![good("PortalURL"), good("PortalRootKey"), good("EnrollmentToken")], false);
    assert_eq!(fine.exit(), Exit::Fine);
    screens("validate_fine", |style| render(&fine, style));
    let wrong = judged(
        vec![
            good("PortalURL"),
            finding("payload 1", "PortalRootKye", Judgment::Unknown, Family::Agent, None),
            finding(
                "payload 1",
                "LogLevel",
                Judgment::Mistyped,
                Family::Agent,
                Some("expected one of error, warn, info, debug, trace"),
            ),
            finding("payload 1", "updates.chekc", Judgment::Unknown, Family::Setting, None),
            finding("payload 1", "", Judgment::Unknown, Family::Setting, None),
            finding("payload 2", HOSTILE, Judgment::Unknown, Family::Parallels, None),
            finding(
                "the profile",
                "PayloadUUID",
                Judgment::Missing,
                Family::Profile,
                Some("macOS takes no profile without it"),
            ),
        ],
        true,
    );
    assert_eq!(wrong.exit(), Exit::Failed);
    let nearest: Vec<_> = wrong.keys.iter().map(|key| key.nearest).collect();
    assert_eq!(nearest, [None, Some("PortalRootKey"), None, Some("updates.check"), None, None, None]);
    screens("validate_wrong", |style| render(&wrong, style));
}

#[test]
fn what_cannot_be_judged_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = |file: &Path| {
        let failure = request(file).unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
        failure.complaint()
    };
    assert!(complaint(&folder.path().join("none")).contains("No such file"));
    assert!(complaint(folder.path()).contains("cannot read"));
    let big = std::fs::File::create(folder.path().join("big")).unwrap();
    big.set_len(LARGEST + 1).unwrap();
    assert!(complaint(&folder.path().join("big")).contains("larger than 4 MiB"));
    assert!(complaint(Path::new("/dev/null")).contains("not a regular file"));
    let empty = folder.path().join("empty");
    std::fs::File::create(&empty).unwrap();
    assert!(complaint(&empty).contains("no profile and no property list"));
}
