//! (c) Per user: everybody signs in, and moves with the next verification, or at once on order.
//!
//! That everybody moves by themselves within seven days is shown over simulated time, with the daemon's tasks and the portal's
//! routes as they are: `people_move_by_themselves_within_seven_days_and_notice_nothing` in `src/daemon/tests/weeks.rs`.

use super::*;

/// Names, and the groups that the identity provider tells; Dora's answer has no such claim.
const PEOPLE: [(&str, Option<&[&str]>); 5] = [
    ("ada@example.com", Some(&["G-all"])),
    ("bob@example.com", Some(&["G-all"])),
    ("carl@example.com", Some(&["G-all"])),
    ("dora@example.com", None),
    ("egon@example.com", Some(&["G-other"])),
];

#[tokio::test]
async fn people_move_with_a_verification_or_at_once_by_our_command_and_by_the_raw_one() {
    let company = Company::new().await;
    let business = company.license("business", "per_user", None).await;
    let macs = macs_of_people(&company).await;
    for mac in &macs {
        mac.install_sign_in();
        mac.until_leased(&business, "business").await;
    }
    let profile = profile(&company, json!({"licenses": [business]})).await;
    news(&macs[0]).await;
    decided_by(&macs[0], PROFILE).await;
    let bought = json!({"name": "Enterprise", "product": "enterprise", "activation": "per_user", "seats": 5});
    let enterprise = company.post("/licenses", bought).await["id"].as_str().unwrap().to_owned();
    let group = json!({"name": "Everybody", "license": enterprise, "idp_groups": ["G-all"]});
    let group = company.post("/groups", group).await["id"].clone();
    let keys = json!({"licenses": [business, enterprise], "groups": [group]});
    company.put(&format!("/configuration-profiles/{profile}/keys"), keys).await;
    company.put(&format!("/licenses/{business}/state"), json!({"state": "replaced", "by": enterprise})).await;
    for (mac, (name, _)) in macs.iter().zip(PEOPLE) {
        mac.edit(|state| drop(state.licensing.users.insert(name.to_owned(), DEMO_KEY.to_owned())));
        news(mac).await;
        nobody_noticed(mac, DEMO_BUSINESS_KEY);
    }
    assert_eq!(company.used(&business).await, 5, "nobody is moved in between");

    // Ada's copy verifies, here because the portal orders it (by itself: see above): she notices nothing.
    let ada = macs[0].status().await.unwrap().portal.device.unwrap();
    company.post(&format!("/devices/{ada}/commands"), json!({"kind": "verify_license"})).await;
    news(&macs[0]).await;
    let moved = macs[0].until_leased(&enterprise, "enterprise").await;
    assert_eq!(moved["license"]["group"], group, "her groups lead to the key");
    assert_eq!(macs[0].restrictions(), LOCAL);
    assert_eq!(macs[0].runs("deactivate-license"), 0, "she notices nothing");
    decided_by(&macs[0], PROFILE).await;

    // Bob's by our command, the others' by the guide's: as a result, they reactivate sooner.
    macs[1].deactivate("move").await;
    macs[1].deactivate("move").await;
    assert_eq!(macs[1].runs("deactivate-license"), 1, "a repeated order does nothing");
    for mac in &macs[2..] {
        assert!(mac.raw_deactivation().await);
        mac.until_device("released", |it| it["license"]["state"] == "released").await;
    }
    assert_eq!(company.used(&business).await, 0, "their seats are free");
    for (mac, (name, _)) in macs.iter().zip(PEOPLE).skip(1) {
        mac.until_problem("license-waiting-for-sign-in").await;
        let shown = mac.cli(["license"]).await;
        assert!(shown.stdout.contains("has to open Parallels Desktop and sign in"), "{shown:?}");
        mac.edit(|state| state.sign_in(name).unwrap());
        mac.until_leased(&enterprise, "enterprise").await;
        assert_eq!(mac.restrictions(), LOCAL, "local restrictions hold until policies are assigned");
    }
    assert_eq!((company.used(&business).await, company.used(&enterprise).await), (0, 5));

    unmapped_people_are_flagged(&company, &enterprise, &group).await;
    let (image, policy) = golden(&company, "https://images.example/windows.pvmp", b"image").await;
    company.put(&format!("/licenses/{enterprise}/policy"), json!({"policy": policy})).await;
    for (mac, expected) in [(&macs[3], &CORPORATE[..]), (&macs[2], &LOCAL)] {
        news(mac).await;
        mac.until_restricted(expected).await;
        is_offered(mac, expected == CORPORATE).await;
        decided_by(mac, if expected == CORPORATE { POLICY } else { PROFILE }).await;
    }
    assert_eq!(company.get("/images").await["items"][0]["id"], image, "golden images carry over");
    // A person who leaves frees the seat at once.
    company.put("/users/carl@example.com", json!({"idp_groups": ["G-all"], "active": false})).await;
    assert_eq!(company.used(&enterprise).await, 4);
}

/// A Mac for each, one of them with a Parallels Desktop below 20.1.0.
async fn macs_of_people(company: &Company) -> Vec<TestEnvironment> {
    let mut macs = Vec::new();
    for (place, (name, groups)) in PEOPLE.into_iter().enumerate() {
        company.put(&format!("/users/{name}"), json!({"idp_groups": groups})).await;
        macs.push(match place {
            1 => company.old_mac_of(name, DEMO_BUSINESS_KEY).await,
            _ => company.mac_of(name, DEMO_BUSINESS_KEY).await,
        });
    }
    macs
}

/// Warning: without the claim, or without a mapping, people land on the primary key: its seats, its assignments.
async fn unmapped_people_are_flagged(company: &Company, license: &str, group: &Value) {
    for (name, mapping, leads_to) in [
        ("bob@example.com", "mapped", group),
        ("dora@example.com", "no_claim", &Value::Null),
        ("egon@example.com", "unmapped", &Value::Null),
    ] {
        let shown = company.get(&format!("/users/{name}")).await;
        assert_eq!(shown["mapping"], mapping, "flagged: {name}");
        assert_eq!(shown["key"], json!({"license": license, "group": leads_to}), "{name}");
    }
}
