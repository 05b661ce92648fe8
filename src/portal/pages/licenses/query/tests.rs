use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::license::MaskedKey;
use crate::portal::rows::LicenseSeats;

fn row(id: &str, product: Product, standing: LicenseStanding, licensing: Licensing) -> LicenseRow {
    LicenseRow {
        id: id.to_owned(),
        name: format!("{id} of Example"),
        product,
        key: Some(MaskedKey::of(&format!("{id}0000-AAAAAA-BBBBBB-CCCCCC-RN17ZA"))),
        licensing,
        seats: LicenseSeats { limit: 10, devices: 5, users: 0 },
        standing,
        ends: Some(Timestamp::UNIX_EPOCH),
        groups: 0,
        notes: Vec::new(),
    }
}

fn rows() -> Vec<LicenseRow> {
    let mut business = row("B1", Product::Business, LicenseStanding::Replaced, Licensing::PerDevice);
    business.notes = vec![LicenseNote::ReplacedBy("E1".to_owned())];
    let mut other = row("B2", Product::Business, LicenseStanding::Active, Licensing::PerUser);
    other.ends = None;
    other.seats = LicenseSeats { limit: 4, devices: 0, users: 5 };
    let mut enterprise = row("E1", Product::Enterprise, LicenseStanding::Active, Licensing::Mixed);
    enterprise.ends = Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    enterprise.groups = 3;
    enterprise.seats = LicenseSeats { limit: 100, devices: 40, users: 20 };
    let mut trial = row("T1", Product::EnterpriseTrial, LicenseStanding::Suspended, Licensing::PerDevice);
    trial.seats.devices = 0;
    let expired = row("B10", Product::Business, LicenseStanding::Expired, Licensing::PerDevice);
    vec![business, expired, other, trial, enterprise]
}

fn shown(query: &str) -> Vec<String> {
    let query = LicenseQuery::read(&Params::parse(query.as_bytes()));
    query.select(rows()).into_iter().map(|row| row.id).collect()
}

#[test]
fn licenses_in_use_go_first_until_another_order_is_asked_for() {
    for (query, ids) in [
        ("", ["E1", "B2", "T1", "B1", "B10"]),
        ("sort=license", ["E1", "T1", "B1", "B2", "B10"]),
        ("sort=licensing", ["T1", "B1", "B10", "B2", "E1"]),
        ("sort=seats", ["B2", "E1", "B1", "B10", "T1"]),
        ("sort=groups", ["E1", "T1", "B1", "B2", "B10"]),
        ("sort=ends", ["T1", "B1", "B10", "E1", "B2"]),
        ("sort=ends&dir=desc", ["B2", "E1", "T1", "B1", "B10"]),
    ] {
        assert_eq!(shown(query), ids, "{query}");
    }
}

#[test]
fn search_and_filters_narrow_together() {
    let cases: [(&str, &[&str]); 8] = [
        ("edition=business", &["B2", "B1", "B10"]),
        ("edition=business&state=active", &["B2"]),
        ("state=suspended", &["T1"]),
        ("licensing=mixed", &["E1"]),
        ("q=e1", &["E1", "B1"]),
        ("q=b10000-******", &["B1"]),
        ("q=AAAAAA", &[]),
        ("q=enterprise+trial", &["T1"]),
    ];
    for (query, ids) in cases {
        assert_eq!(shown(query), ids, "{query}");
    }
}

#[test]
fn a_look_reads_back_from_its_address() {
    for raw in ["q=a&sort=ends&dir=desc&open=E1&edition=trial&state=expired&licensing=user", ""] {
        let query = LicenseQuery::read(&Params::parse(raw.as_bytes()));
        let address = crate::portal::pages::browse::address("", &query.pairs());
        assert_eq!(LicenseQuery::read(&Params::parse(address.trim_start_matches('?').as_bytes())), query);
        assert_eq!(query.narrows(), !raw.is_empty());
    }
}
