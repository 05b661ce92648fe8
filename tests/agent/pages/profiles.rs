//! The page of license-bound configuration profiles, and what a Mac's details tell of its updates.

use meridian::domain::ids::ProfileId;
use meridian::portal::rows::{ProfileRow, ProfileSetting};
use meridian::wire::checkin::{HeldUpdate, UpdateReport};
use uuid::Uuid;

use super::http::{get, sign_in};
use super::portal::{Portal, devices, hostile_names};

fn profile(number: u128, name: &str) -> ProfileRow {
    ProfileRow {
        id: ProfileId::of(Uuid::from_u128(number)),
        name: name.to_owned(),
        description: name.to_owned(),
        payloads: vec!["Product Updates"],
        settings: vec![ProfileSetting {
            key: "updates.stay_on_major".to_owned(),
            value: name.to_owned(),
            instead: "License-bound profiles are deprecated: set updates.stay_on_major in the policy."
                .to_owned(),
        }],
        keys: vec![name.to_owned()],
        devices: 3,
    }
}

#[tokio::test]
async fn the_page_says_that_profiles_are_deprecated_and_what_replaces_each_setting() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    assert_eq!(get(&portal.address, "/configuration-profiles", "").await.status, 303);
    let cookie = sign_in(&portal.address).await;
    let empty = get(&portal.address, "/configuration-profiles", &cookie).await;
    assert!(empty.body.contains("No license-bound profiles") && empty.body.contains("deprecated"));

    let names = hostile_names();
    *portal.rows.profiles.lock().unwrap() =
        (1..).zip(&names).map(|(number, name)| profile(number, name)).collect();
    let open = ProfileId::of(Uuid::from_u128(1));
    let page = get(&portal.address, &format!("/configuration-profiles?open={open}"), &cookie).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("set updates.stay_on_major in the policy"), "{}", page.body);
    assert!(!page.body.contains("<script>") && !page.body.contains("<img"), "{}", page.body);
    let groups = get(&portal.address, "/groups", &cookie).await;
    assert!(groups.body.contains("/configuration-profiles"));
}

#[tokio::test]
async fn a_macs_details_tell_what_is_available_allowed_and_held_back() {
    let mut macs = devices();
    macs[0].versions.updates = Some(UpdateReport {
        available: Some("27.0.2-58001".to_owned()),
        allowed: Some("26.3.3-57507".to_owned()),
        held: vec![HeldUpdate { version: "27.0.2-58001".to_owned(), reason: "next-major".to_owned() }],
        kept_major: Some(26),
        feed: Some("https://updates.example.com/<b>".to_owned()),
    });
    let open = macs[0].id;
    let portal = Portal::start(Vec::new(), macs, 0);
    let cookie = sign_in(&portal.address).await;
    let page = get(&portal.address, &format!("/devices?open={open}"), &cookie).await;
    for shown in ["Update allowed", "26.3.3-57507", "27.0.2-58001: next major version", "updates.example.com"]
    {
        assert!(page.body.contains(shown), "{shown}");
    }
    assert!(!page.body.contains("<b>"));
}
