use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ids::{DeviceId, VmId};
use crate::portal::pages::browse::address;
use crate::portal::rows::{Guest, Machine, Origin, Place};

fn row(number: u32, name: &str, state: &str, os: &str) -> VmRow {
    VmRow {
        id: VmId::of(Uuid::from_u128(number.into())),
        device: DeviceId::of(Uuid::from_u128(u128::from(number) % 2)),
        name: name.to_owned(),
        state: state.to_owned(),
        place: Place { mac: format!("mac-{}", number % 2), users: vec!["anna".to_owned()], group: None },
        guest: Guest { os: os.to_owned(), ..Guest::default() },
        machine: Machine::default(),
        origin: Origin::default(),
        violations: Vec::new(),
        last_seen: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(number.into()),
    }
}

fn rows() -> Vec<VmRow> {
    let mut sales = row(1, "vm 10", "running", "win-11");
    sales.place.group = Some("Sales".to_owned());
    sales.origin.corporate = true;
    let mut violating = row(2, "vm 9", "suspended", "ubuntu");
    violating.violations = vec!["vms.corporate_only".to_owned()];
    vec![sales, violating, row(3, "beta", "stopping", "macosx"), row(4, "Alpha", "hibernating", "dos")]
}

fn shown(query: &str) -> Vec<String> {
    let query = VmQuery::read(&Params::parse(query.as_bytes()));
    query.select(rows()).into_iter().map(|row| row.name).collect()
}

#[test]
fn rows_are_sorted_by_the_column_asked_for() {
    for (query, names) in [
        ("", ["Alpha", "beta", "vm 9", "vm 10"]),
        ("dir=desc", ["vm 10", "vm 9", "beta", "Alpha"]),
        ("sort=seen", ["Alpha", "beta", "vm 9", "vm 10"]),
        ("sort=seen&dir=asc", ["vm 10", "vm 9", "beta", "Alpha"]),
        ("sort=state", ["vm 10", "vm 9", "beta", "Alpha"]),
        ("sort=mac", ["Alpha", "vm 9", "beta", "vm 10"]),
        ("sort=origin", ["vm 10", "Alpha", "beta", "vm 9"]),
        ("sort=group&dir=desc", ["vm 10", "Alpha", "beta", "vm 9"]),
        ("sort=nonsense&dir=sideways", ["Alpha", "beta", "vm 9", "vm 10"]),
    ] {
        assert_eq!(shown(query), names, "{query}");
    }
}

#[test]
fn search_and_filters_narrow_together() {
    let cases: [(&str, &[&str]); 13] = [
        ("q=VM", &["vm 9", "vm 10"]),
        ("q=windows+11", &["vm 10"]),
        ("q=mac-1+macos", &["beta"]),
        ("q=corporate_only", &["vm 9"]),
        ("q=00000000-0000-0000-0000-000000000004", &["Alpha"]),
        ("state=suspended", &["vm 9"]),
        ("state=changing", &["beta"]),
        ("state=other&guest=other", &["Alpha"]),
        ("group=none", &["Alpha", "beta", "vm 9"]),
        ("group=in:Sales", &["vm 10"]),
        ("origin=violating", &["vm 9"]),
        ("origin=corporate&state=stopped", &[]),
        ("device=00000000-0000-0000-0000-000000000000&q=vm", &["vm 9"]),
    ];
    for (query, names) in cases {
        assert_eq!(shown(query), names, "{query}");
        assert!(VmQuery::read(&Params::parse(query.as_bytes())).narrows(), "{query}");
    }
}

proptest! {
    #[test]
    fn an_address_that_was_written_reads_back(raw in "(q|sort|dir|page|open|state|guest|group|origin|device)=[a-z0-9:%&=+]{0,40}") {
        let read = |address: &str| {
            let query = address.split_once('?').map_or("", |(_, query)| query);
            VmQuery::read(&Params::parse(query.as_bytes()))
        };
        let query = read(&format!("?{raw}"));
        prop_assert_eq!(read(&address("/x", &query.pairs())), query);
    }
}
