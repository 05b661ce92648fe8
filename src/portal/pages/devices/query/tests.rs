use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::domain::host::Arch;
use crate::domain::ids::DeviceId;
use crate::portal::rows::{Assigned, Compliance, Hardware, PolicyRow, ProblemRow, Versions};

fn row(number: u32, hostname: &str, parallels: &str, counts: Tally) -> DeviceRow {
    DeviceRow {
        id: DeviceId::of(Uuid::from_u128(number.into())),
        hostname: hostname.to_owned(),
        hardware: Hardware { model: "Mac15,3".to_owned(), serial: format!("C{number}"), arch: Arch::Arm64 },
        versions: Versions {
            os: "26.1".to_owned(),
            agent: "0.1.0".to_owned(),
            parallels: Some(parallels.to_owned()).filter(|version| !version.is_empty()),
            too_old: false,
            updates: None,
        },
        assigned: Assigned::default(),
        compliance: Compliance { counts, noncompliant: Vec::new() },
        installs: Vec::new(),
        problems: Vec::new(),
        vms: number,
        last_seen: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(number.into()),
        retired: false,
    }
}

fn counts(compliant: u32, pending: u32, failed: u32) -> Tally {
    Tally { compliant, pending, failed, ..Tally::default() }
}

fn rows() -> Vec<DeviceRow> {
    let mut good = row(1, "mac-10", "26.1.1", counts(5, 0, 0));
    good.assigned.group = Some("Sales".to_owned());
    good.assigned.policy = Some(PolicyRow { name: "Strict".to_owned(), revision: 7 });
    let mut failing = row(2, "mac-9", "20.1.0", counts(4, 0, 1));
    failing.problems =
        vec![ProblemRow { code: "vm-locked".to_owned(), since: Timestamp::UNIX_EPOCH, detail: None }];
    let mut old = row(3, "Old", "9.0.0", counts(0, 0, 0));
    old.versions.too_old = true;
    let mut retired = row(4, "retired", "", counts(1, 0, 1));
    retired.retired = true;
    vec![good, failing, old, retired, row(5, "busy", "26.2.0", counts(1, 2, 0))]
}

fn shown(query: &str) -> Vec<String> {
    let query = DeviceQuery::read(&Params::parse(query.as_bytes()));
    query.select(rows()).into_iter().map(|row| row.hostname).collect()
}

#[test]
fn rows_are_sorted_by_the_column_asked_for() {
    for (query, names) in [
        ("", ["busy", "mac-9", "mac-10", "Old", "retired"]),
        ("sort=parallels", ["retired", "Old", "mac-9", "mac-10", "busy"]),
        ("sort=compliance", ["mac-9", "retired", "busy", "mac-10", "Old"]),
        ("sort=problems", ["mac-9", "busy", "mac-10", "Old", "retired"]),
        ("sort=vms&dir=asc", ["mac-10", "mac-9", "Old", "retired", "busy"]),
        ("sort=policy&dir=desc", ["mac-10", "busy", "mac-9", "Old", "retired"]),
    ] {
        assert_eq!(shown(query), names, "{query}");
    }
}

#[test]
fn search_and_filters_narrow_together() {
    let cases: [(&str, &[&str]); 10] = [
        ("standing=attention", &["mac-9", "Old"]),
        ("standing=compliant", &["mac-10"]),
        ("standing=pending", &["busy"]),
        ("standing=gated", &["Old"]),
        ("standing=retired", &["retired"]),
        ("q=vm-locked", &["mac-9"]),
        ("q=strict+sales", &["mac-10"]),
        ("group=none&q=mac-", &["mac-9"]),
        ("group=in:Sales&standing=pending", &[]),
        ("device=00000000-0000-0000-0000-000000000005", &["busy"]),
    ];
    for (query, names) in cases {
        assert_eq!(shown(query), names, "{query}");
    }
}

#[test]
fn a_mac_stands_as_the_worst_of_its_settings() {
    let none = Tally::default();
    for (counts, grade) in [
        (none, Grade::Nothing),
        (Tally { compliant: 9, ..none }, Grade::Compliant),
        (Tally { compliant: 9, unsupported: 1, ..none }, Grade::Partly),
        (Tally { pending: 1, unsupported: 1, ..none }, Grade::Pending),
        (Tally { pending: 1, drifted: 1, ..none }, Grade::Drifted),
        (Tally { drifted: 1, violated: 1, ..none }, Grade::Failed),
        (Tally { compliant: 9, failed: 1, ..none }, Grade::Failed),
    ] {
        assert_eq!(Grade::of(&counts), grade, "{counts:?}");
    }
}

#[test]
fn what_is_only_heeded_complies_with_nothing() {
    let none = Tally::default();
    for (counts, compliant) in [
        (Tally { heeded: 1, ..none }, false),
        (Tally { unsupported: 2, ..none }, false),
        (Tally { compliant: 1, heeded: 1, ..none }, true),
        (Tally { compliant: 1, unsupported: 2, ..none }, true),
        (Tally { compliant: 1, pending: 2, ..none }, false),
        (none, false),
    ] {
        assert_eq!(
            StandingFilter::Compliant.admits(&row(1, "mac", "26.1.1", counts)),
            compliant,
            "{counts:?}"
        );
    }
}
