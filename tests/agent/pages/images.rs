//! The page Golden Images, and how far they are on the page Devices.

use meridian::domain::host::Arch;
use meridian::domain::ids::ImageId;
use meridian::portal::rows::{ImageFileRow, ImageRow, InstallRow};
use serde_json::json;
use uuid::Uuid;

use super::browser::Browser;
use super::http::{get, sign_in};
use super::portal::{Portal, devices, hostile_names};

fn image(number: u128, name: &str) -> ImageRow {
    let file = |arch, enabled| ImageFileRow {
        arch,
        enabled,
        url: "https://images.example/windows.pvmp".to_owned(),
        sha256: format!("sha256:{}", "ab".repeat(32)),
        size: 12 << 30,
        unpacked_size: 40 << 30,
    };
    ImageRow {
        id: ImageId::of(Uuid::from_u128(number)),
        name: name.to_owned(),
        description: "For the sales team".to_owned(),
        files: vec![file(Arch::Arm64, true), file(Arch::X86, false)],
        policies: vec!["Sales Macs".to_owned()],
        groups: vec!["Sales".to_owned(), "Support".to_owned()],
        several: false,
    }
}

#[tokio::test]
async fn images_are_listed_with_their_files_and_where_they_are_assigned() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let cookie = sign_in(&portal.address).await;
    let empty = get(&portal.address, "/images", &cookie).await;
    assert!(empty.status == 200 && empty.body.contains("No golden images yet"), "{}", empty.body);
    portal.rows.image(|rows| *rows = vec![image(1, "Windows 11"), image(2, "Ubuntu")]);
    let page = get(&portal.address, &format!("/images?open={}", image(1, "").id), &cookie).await.body;
    for text in [
        "2 golden images",
        "Windows 11",
        "For the sales team",
        "12 GiB",
        "Disabled",
        "Sales Macs",
        "Support",
        "https://images.example/windows.pvmp",
        &"ab".repeat(32),
        "12 GiB, unpacked 40 GiB, enabled",
        "The only one of its policies",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let found = get(&portal.address, "/images?q=ubuntu", &cookie).await.body;
    assert!(found.contains("Ubuntu") && !found.contains("Windows 11"));
    assert_eq!(get(&portal.address, "/images/live?seen=0", &cookie).await.status, 200);
    assert_eq!(get(&portal.address, "/images", "").await.status, 303);
}

#[tokio::test]
async fn on_a_narrow_screen_names_and_sizes_stay_readable() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    portal.rows.image(|rows| *rows = vec![image(1, "Windows 11 for sales"), image(2, "Ubuntu")]);
    let browser = Browser::signed_in(&portal).await;
    for width in [700, 400] {
        browser.page.set_window_size(width, 900).await.unwrap();
        browser.until(&format!("return innerWidth === {width}")).await;
        browser.page.goto(&format!("{}/images", portal.address)).await.unwrap();
        browser.until("return document.querySelector('#link.live') !== null").await;
        let cut = browser
            .ask("return [...document.querySelectorAll('td.file bdi, th.image a')].filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)")
            .await;
        assert_eq!(cut, json!([]), "at {width}");
        let wide = browser.ask("return document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(wide, json!(false), "at {width}: the page is wider than the window");
    }
}

#[tokio::test]
async fn hostile_names_are_shown_and_never_obeyed() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let cookie = sign_in(&portal.address).await;
    portal.rows.image(|rows| {
        *rows = (0..).zip(hostile_names()).map(|(number, name)| image(number, &name)).collect();
    });
    let page = get(&portal.address, "/images", &cookie).await.body;
    for harm in ["<script>window", "<img src=x", "<svg onload", "</main></table>"] {
        assert!(!page.contains(harm), "{harm}");
    }
}

#[tokio::test]
async fn a_mac_shows_how_far_its_images_are() {
    let mut macs = devices();
    let install = |stage: &str, problem: Option<&str>| InstallRow {
        name: "Windows 11".to_owned(),
        user: "ada".to_owned(),
        stage: stage.to_owned(),
        percent: 30,
        problem: problem.map(str::to_owned),
    };
    macs[0].installs = vec![install("downloading", None), install("failed", Some("image-digest-wrong"))];
    let id = macs[0].id;
    let portal = Portal::start(Vec::new(), macs, 0);
    let cookie = sign_in(&portal.address).await;
    let page = get(&portal.address, &format!("/devices?device={id}&open={id}"), &cookie).await.body;
    for text in ["Golden images", "Downloading, 30 %", "failed", "image-digest-wrong", "ada"] {
        assert!(page.contains(text), "{text}");
    }
}
