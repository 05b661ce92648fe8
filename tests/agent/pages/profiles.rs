//! The page of license-bound configuration profiles, and what a Mac's details tell of its updates.

use meridian::domain::ids::ProfileId;
use meridian::portal::rows::{ProfileRow, ProfileSetting};
use meridian::wire::checkin::{HeldUpdate, UpdateReport};
use serde_json::json;
use uuid::Uuid;

use super::browser::Browser;
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

fn updates() -> UpdateReport {
    UpdateReport {
        available: Some("27.0.2-58001".to_owned()),
        allowed: Some("26.3.3-57507".to_owned()),
        held: vec![HeldUpdate { version: "27.0.2-58001".to_owned(), reason: "next-major".to_owned() }],
        kept_major: Some(26),
        feed: Some("https://updates.example.com/<b>".to_owned()),
    }
}

#[tokio::test]
async fn a_macs_details_tell_what_is_available_allowed_and_held_back() {
    let mut macs = devices();
    macs[0].versions.updates = Some(updates());
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

/// Three profiles as administrators have them.
fn usual() -> Vec<ProfileRow> {
    let setting = |key: &str, value: &str, instead: &str| ProfileSetting {
        key: key.to_owned(),
        value: value.to_owned(),
        instead: format!("License-bound profiles are deprecated: {instead}"),
    };
    let (arm64, x86) = (
        "https://images.example.com/windows-11-arm64.pvmp",
        "https://images.example.com/windows-11-x86_64.pvmp",
    );
    let image =
        |key: &str, url: &str| setting(key, url, &format!("the golden image of the policy replaces {key}."));
    let mut updates = profile(1, "Updates from our own server");
    updates.description =
        "What the help desk set up in 2023, for the Macs of Sales and of the branch offices".to_owned();
    updates.settings = vec![
        setting("updates.check", "weekly", "set updates.check in the policy."),
        setting(
            "updates.feed_url",
            "https://updates.example.com/parallels/parallels_updates.xml",
            "set updates.feed_url in the policy.",
        ),
    ];
    updates.keys = vec!["Sales".to_owned(), "Branch offices, primary key".to_owned()];
    let mut images = profile(2, "Windows 11");
    (images.description, images.payloads) =
        (String::new(), vec!["VM for Apple silicon Mac", "VM for Intel Mac", "Product Updates"]);
    images.settings = vec![image("image.arm64", arm64), image("image.x86_64", x86)];
    images.keys = vec!["Business 2024, primary key".to_owned()];
    let mut unbound = profile(3, "Nobody's");
    (unbound.keys, unbound.devices, unbound.settings, unbound.payloads) =
        (Vec::new(), 0, Vec::new(), Vec::new());
    unbound.description = String::new();
    vec![updates, images, unbound]
}

#[tokio::test]
async fn the_page_and_a_macs_updates_have_room_in_every_window() {
    let mut macs = devices();
    macs[0].versions.updates = Some(updates());
    let mac = macs[0].id;
    let portal = Portal::start(Vec::new(), macs, 0);
    let browser = Browser::signed_in(&portal).await;
    let mut all = usual();
    all.extend((4..).zip(hostile_names()).map(|(number, name)| profile(number, &name)));
    let first = all[0].id;
    let last = all[all.len() - 1].id;
    *portal.rows.profiles.lock().unwrap() = all;
    for width in [1280, 700, 400] {
        browser.page.set_window_size(width, 900).await.unwrap();
        let paths = [
            "/configuration-profiles".to_owned(),
            format!("/configuration-profiles?open={first}"),
            format!("/configuration-profiles?open={last}"),
            format!("/devices?open={mac}"),
            "/groups".to_owned(),
        ];
        for path in paths {
            browser.page.goto(&format!("{}{path}", portal.address)).await.unwrap();
            browser.until("return document.querySelector('#link.live') !== null").await;
            let seen = browser
                .ask("return [window.harmed ?? null, document.querySelectorAll('main script, main img, main b').length, document.documentElement.scrollWidth > innerWidth, [...document.querySelectorAll('.top nav a')].filter(a => a.querySelector('.icon').getClientRects().length || a.clientWidth > 30).length]")
                .await;
            assert_eq!(seen, json!([null, 0, false, 5]), "{path} at {width}");
        }
    }
}
