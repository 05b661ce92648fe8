use uuid::Uuid;

use super::*;
use crate::domain::ids::GroupId;
use crate::domain::license::MaskedKey;
use crate::portal::rows::{GroupSeats, PolicyRow, Unmapped};
use crate::wire::lease::Product;

fn row(number: u128, name: &str, used: u32, limit: Option<u32>) -> GroupRow {
    GroupRow {
        id: (number > 0).then(|| GroupId::of(Uuid::from_u128(number))),
        license: "E1".to_owned(),
        product: Product::Enterprise,
        name: name.to_owned(),
        key: Some(MaskedKey::of("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA")),
        seats: GroupSeats { mode: SeatMode::Dynamic, limit, used },
        image: None,
        policy: Some(PolicyRow { name: format!("{name} Macs"), revision: 1 }),
        idp_groups: vec![format!("idp-{name}")],
        unmapped: Unmapped::default(),
    }
}

fn rows() -> Vec<GroupRow> {
    let mut sales = row(1, "Sales 10", 9, Some(10));
    sales.seats.mode = SeatMode::Reserved;
    sales.image = Some("Windows 11 for Sales".to_owned());
    let mut engineering = row(2, "Engineering", 30, None);
    engineering.policy = None;
    let mut full = row(3, "Sales 9", 5, Some(5));
    full.idp_groups.clear();
    let mut primary = row(0, "Zero", 2, Some(100));
    primary.unmapped = Unmapped { users: 2, without_claim: 1, names: vec!["erika@example.com".to_owned()] };
    let mut business = row(0, "Other", 1, Some(20));
    business.license = "B1".to_owned();
    business.product = Product::Business;
    vec![sales, engineering, full, primary, business]
}

fn shown(query: &str) -> Vec<String> {
    let query = GroupQuery::read(&Params::parse(query.as_bytes()));
    query.select(rows()).into_iter().map(|row| row.name).collect()
}

#[test]
fn primary_keys_go_first_in_every_order() {
    for (query, names) in [
        ("", ["Other", "Zero", "Engineering", "Sales 9", "Sales 10"]),
        ("dir=desc", ["Zero", "Other", "Sales 10", "Sales 9", "Engineering"]),
        ("sort=seats", ["Other", "Zero", "Sales 9", "Sales 10", "Engineering"]),
        ("sort=mode", ["Other", "Zero", "Sales 10", "Engineering", "Sales 9"]),
        ("sort=image&dir=desc", ["Other", "Zero", "Sales 10", "Engineering", "Sales 9"]),
        ("sort=policy", ["Other", "Zero", "Engineering", "Sales 9", "Sales 10"]),
        ("sort=mapped", ["Other", "Zero", "Sales 9", "Engineering", "Sales 10"]),
    ] {
        assert_eq!(shown(query), names, "{query}");
    }
}

#[test]
fn search_and_filters_narrow_together() {
    let cases: [(&str, &[&str]); 12] = [
        ("standing=unmapped", &["Zero"]),
        ("standing=full", &["Sales 9"]),
        ("standing=no-policy", &["Engineering"]),
        ("standing=no-image&mode=reserved", &[]),
        ("standing=not-mapped", &["Sales 9"]),
        ("mode=reserved", &["Sales 10"]),
        ("license=B1", &["Other"]),
        ("license=nowhere", &[]),
        ("q=windows", &["Sales 10"]),
        ("q=primary", &["Other", "Zero"]),
        ("q=erika", &["Zero"]),
        ("q=idp-sales+6J9A5T", &["Sales 10"]),
    ];
    for (query, names) in cases {
        assert_eq!(shown(query), names, "{query}");
    }
}

#[test]
fn a_look_reads_back_from_its_address() {
    for raw in ["q=a&sort=seats&dir=asc&open=primary&standing=full&mode=dynamic&license=E%261", ""] {
        let query = GroupQuery::read(&Params::parse(raw.as_bytes()));
        let address = crate::portal::pages::browse::address("", &query.pairs());
        assert_eq!(GroupQuery::read(&Params::parse(address.trim_start_matches('?').as_bytes())), query);
        assert_eq!(query.narrows(), !raw.is_empty());
    }
}
