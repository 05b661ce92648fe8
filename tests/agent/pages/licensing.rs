//! Licenses and user groups as a test's portal has them, and the pages that show them.

use fantoccini::Locator;
use jiff::SignedDuration;
use meridian::domain::ids::GroupId;
use meridian::domain::license::MaskedKey;
use meridian::portal::rows::{
    GroupRow, GroupSeats, LicenseNote, LicenseRow, LicenseSeats, LicenseStanding, Licensing, PolicyRow,
    SeatMode, Unmapped,
};
use meridian::wire::lease::Product;
use serde_json::{Value, json};
use uuid::Uuid;

use super::browser::Browser;
use super::http::{get, sign_in};
use super::portal::{Portal, devices, hostile_names, now, virtual_machines};

/// A license of this product that stands so.
fn license(id: &str, product: Product, standing: LicenseStanding, days: i64) -> LicenseRow {
    LicenseRow {
        id: id.to_owned(),
        name: format!("{id} of Example"),
        product,
        key: Some(MaskedKey::of(&format!("{:0<6}-SECRET-SECRET-SECRET-RN17ZA", id.replace('-', "")))),
        licensing: Licensing::PerDevice,
        seats: LicenseSeats { limit: 50, devices: 12, users: 0 },
        standing,
        ends: Some(now() + SignedDuration::from_hours(24 * days)),
        groups: 0,
        notes: Vec::new(),
    }
}

/// A license in every state.
fn licenses() -> Vec<LicenseRow> {
    let mut enterprise = license("ENT-1", Product::Enterprise, LicenseStanding::Active, 400);
    enterprise.licensing = Licensing::Mixed;
    enterprise.seats = LicenseSeats { limit: 100, devices: 61, users: 34 };
    enterprise.groups = 3;
    enterprise.notes = vec![LicenseNote::Replaces("BUS-1".to_owned())];
    let mut trial = license("TRI-1", Product::EnterpriseTrial, LicenseStanding::Suspended, 12);
    trial.seats = LicenseSeats { limit: 30, devices: 0, users: 0 };
    trial.notes = vec![LicenseNote::PerUserBusiness, LicenseNote::PoliciesUnassigned(2)];
    let mut replaced = license("BUS-1", Product::Business, LicenseStanding::Replaced, 60);
    replaced.notes = vec![LicenseNote::ReplacedBy("ENT-1".to_owned())];
    let mut per_user = license("BUS-2", Product::Business, LicenseStanding::Active, 9);
    per_user.licensing = Licensing::PerUser;
    per_user.key = None;
    per_user.seats = LicenseSeats { limit: 20, devices: 0, users: 21 };
    let expired = license("BUS-3", Product::Business, LicenseStanding::Expired, -30);
    vec![replaced, expired, trial, per_user, enterprise]
}

/// A group with a sublicense key.
fn group(number: u128, name: &str) -> GroupRow {
    GroupRow {
        id: Some(GroupId::of(Uuid::from_u128(number))),
        license: "ENT-1".to_owned(),
        product: Product::Enterprise,
        name: name.to_owned(),
        key: Some(MaskedKey::of(&format!("6J9A5{number}-SECRET-SECRET-SECRET-RN17ZA"))),
        seats: GroupSeats { mode: SeatMode::Reserved, limit: Some(40), used: 22 },
        image: Some("Windows 11 24H2".to_owned()),
        policy: Some(PolicyRow { name: format!("{name} Macs"), revision: 3 }),
        idp_groups: vec![format!("parallels-{}", name.to_lowercase())],
        unmapped: Unmapped::default(),
    }
}

/// The primary key's group and three more.
fn groups() -> Vec<GroupRow> {
    let mut primary = group(9, "Primary key of Enterprise");
    primary.id = None;
    primary.seats = GroupSeats { mode: SeatMode::Dynamic, limit: None, used: 14 };
    primary.policy = None;
    primary.idp_groups.clear();
    primary.unmapped = Unmapped {
        users: 4,
        without_claim: 3,
        names: vec!["erika@example.com".to_owned(), "frank@example.com".to_owned()],
    };
    let mut contractors = group(3, "Contractors");
    contractors.seats = GroupSeats { mode: SeatMode::Dynamic, limit: Some(10), used: 10 };
    contractors.image = None;
    let mut engineering = group(2, "Engineering");
    engineering.idp_groups =
        vec!["parallels-engineering".to_owned(), "4f9e2d31-77aa-4c52-9b0e-1f2a3b4c5d6e".to_owned()];
    vec![group(1, "Sales"), engineering, contractors, primary]
}

fn portal() -> Portal {
    let portal = Portal::start(virtual_machines(), devices(), 0);
    portal.rows.license(|all, keys| (*all, *keys) = (licenses(), groups()));
    portal
}

/// Licenses and groups whose every text is hostile.
fn hostile() -> (Vec<LicenseRow>, Vec<GroupRow>) {
    let rows = (1..).zip(hostile_names()).map(|(number, name)| {
        let mut license = license("BUS-1", Product::Business, LicenseStanding::Active, 90);
        license.id = format!("{number} {name}");
        license.name.clone_from(&name);
        license.key = Some(MaskedKey::of(&name));
        license.notes = vec![LicenseNote::ReplacedBy(name.clone()), LicenseNote::Replaces(name.clone())];
        let mut group = group(number, &name);
        group.license.clone_from(&name);
        group.key = Some(MaskedKey::of(&name));
        group.image = Some(name.clone());
        group.idp_groups = vec![name.clone(), name.clone()];
        if number == 1 {
            group.id = None;
        }
        group.unmapped = Unmapped { users: 3, without_claim: 1, names: vec![name] };
        (license, group)
    });
    rows.unzip()
}

#[tokio::test]
async fn licenses_and_groups_are_for_those_who_signed_in() {
    let portal = portal();
    for (path, status, location) in [
        ("/licenses?q=a", 303, "/sign-in?next=%2Flicenses%3Fq%3Da"),
        ("/groups", 303, "/sign-in?next=%2Fgroups"),
        ("/licenses/live", 401, ""),
        ("/groups/live?seen=1", 401, ""),
    ] {
        let answer = get(&portal.address, path, "").await;
        assert_eq!((answer.status, answer.header("location")), (status, location), "{path}");
        assert!(!answer.body.contains("Sales"), "{path}");
    }
}

#[tokio::test]
async fn an_address_says_how_licenses_and_groups_are_looked_at() {
    let portal = portal();
    let cookie = sign_in(&portal.address).await;
    for (path, first, shown) in [
        ("/licenses", "ENT-1 of Example", "5 licenses"),
        ("/licenses", "ENT-1 of Example", "116 of 120 seats taken"),
        ("/licenses", "ENT-1 of Example", "Enterprise Edition ·"),
        ("/licenses?sort=seats", "BUS-2 of Example", "21 of 20"),
        ("/licenses?state=expired", "BUS-3 of Example", "1 of 5 shown"),
        ("/licenses?edition=trial", "TRI-1 of Example", ">Trial<"),
        ("/licenses?licensing=user", "BUS-2 of Example", "no key, sign-in only"),
        ("/licenses?q=bus-3+of", "BUS-3 of Example", "1 of 5 shown"),
        ("/licenses?edition=business&sort=license", "BUS-1 of Example", "3 of 5 shown"),
        ("/licenses?q=nothing+like+it", "", "Nothing matches"),
        ("/groups", "Primary key of Enterprise", "4 unmapped"),
        ("/groups?dir=desc", "Primary key of Enterprise", "14, no limit"),
        ("/groups?standing=full", "Contractors", "10 of 10"),
        ("/groups?mode=reserved&sort=mapped&dir=desc", "Sales", "2 of 4 shown"),
        ("/groups?license=ENT-1", "Primary key of Enterprise", "Only the keys of"),
        ("/groups?license=gone&sort=x&dir=y&page=-1", "", "a license that is not here"),
    ] {
        let html = get(&portal.address, path, &cookie).await.body;
        let row = html.split("class=\"toggle\"").nth(1).unwrap_or_default();
        let name = row.split("</bdi>").next().and_then(|text| text.rsplit('>').next()).unwrap_or_default();
        assert_eq!(name, first, "{path}");
        assert!(html.contains(shown), "{path}: {shown}");
        assert!(!html.contains("SECRET") && !html.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn empty_tables_of_licensing_say_what_to_do_next() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let cookie = sign_in(&portal.address).await;
    for (path, next) in [("/licenses", "admin API"), ("/groups", "href=\"/licenses\"")] {
        let html = get(&portal.address, path, &cookie).await.body;
        assert!(html.contains("yet</h2>") && html.contains(next), "{path}");
    }
}

#[tokio::test]
async fn an_opened_license_tells_what_is_to_know() {
    let portal = portal();
    let cookie = sign_in(&portal.address).await;
    for (open, told) in [
        (
            "TRI-1",
            "cannot be made permanent, since the organization has a Business license with seats per user",
        ),
        ("TRI-1", "2 policies of this trial are kept, but assigned to no group"),
        ("BUS-1", "It was converted and is replaced by <a href=\"/licenses?open=ENT-1\">"),
        ("ENT-1", "Each Mac that is activated with a key, and each person who signs in"),
    ] {
        let html = get(&portal.address, &format!("/licenses?open={open}"), &cookie).await.body;
        assert!(html.contains(told), "{open}: {told}");
    }
    portal.rows.license(|all, _| all[2].notes = vec![LicenseNote::MayBecomePermanent]);
    let html = get(&portal.address, "/licenses?open=TRI-1", &cookie).await.body;
    assert!(html.contains("This trial may be made permanent. Its golden images carry over"));
}

#[tokio::test]
async fn unmapped_users_are_flagged_with_the_warning_about_claims() {
    let portal = portal();
    let cookie = sign_in(&portal.address).await;
    let html = get(&portal.address, "/groups", &cookie).await.body;
    assert!(html.contains("4 users are in no mapped group"), "{html}");
    assert!(html.contains("href=\"/groups?standing=unmapped&#38;open=primary.ENT-1\""), "{html}");
    let html = get(&portal.address, "/groups?open=primary.ENT-1", &cookie).await.body;
    for told in [
        "For 3 of them the identity provider sent no group at all: its group claims are missing.",
        "erika@example.com",
        "and 2 more",
        "Entra ID sends only the groups",
    ] {
        assert!(html.contains(told), "{told}");
    }
    portal.rows.license(|_, keys| keys.retain(|row| !row.is_primary()));
    let html = get(&portal.address, "/groups", &cookie).await.body;
    assert!(!html.contains("in no mapped group"), "nobody is unmapped");
}

#[tokio::test]
async fn hostile_texts_of_licenses_and_groups_are_escaped() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let cookie = sign_in(&portal.address).await;
    let plain = get(&portal.address, "/licenses?q=no-such-thing", &cookie).await.body;
    let (licenses, groups) = hostile();
    let first = url::form_urlencoded::byte_serialize(licenses[0].id.as_bytes()).collect::<String>();
    let owner = url::form_urlencoded::byte_serialize(groups[0].license.as_bytes()).collect::<String>();
    portal.rows.license(|all, keys| (*all, *keys) = (licenses, groups));
    for path in [
        "/licenses".to_owned(),
        "/groups".to_owned(),
        format!("/licenses?open={first}"),
        format!("/groups?license={owner}&open=primary.{owner}"),
        "/groups?q=%22%3E%3Cscript%3E&license=%3Cimg%3E&open=%27".to_owned(),
    ] {
        let html = get(&portal.address, &path, &cookie).await.body;
        for tag in ["<script", "<img", "</main>", "<b>", "<svg onload", "href=\"javascript:"] {
            assert_eq!(html.matches(tag).count(), plain.matches(tag).count(), "{path}: {tag}");
        }
    }
}

#[tokio::test]
async fn licenses_change_in_place_and_lead_to_their_groups() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    let page = &browser.page;
    page.find(Locator::LinkText("Licenses")).await.unwrap().click().await.unwrap();
    browser
        .until("return document.querySelector('#link.live') && document.title === 'Licenses · Meridian'")
        .await;
    let standings =
        "return [...document.querySelectorAll('td.standing')].map(cell => cell.textContent).join()";
    let seen = browser.ask(standings).await;
    assert_eq!(seen, json!("Active,Active,Suspended,Replaced,Expired"));
    browser.ask("window.marker = 1").await;
    let taken = "[...document.querySelectorAll('td.seats')].map(cell => cell.textContent)[0]";
    let bar = "document.querySelector('td.seats rect').getBoundingClientRect().width / document.querySelector('td.seats .bar').getBoundingClientRect().width";
    browser.until(&format!("return {taken} === '95 of 100' && Math.abs({bar} - .95) < .02")).await;
    portal.rows.license(|all, _| all[4].seats.users = 9);
    browser.until(&format!("return {taken} === '70 of 100' && Math.abs({bar} - .7) < .02")).await;
    browser
        .until("return window.marker === 1 && document.querySelector('time.date').textContent.length === 10")
        .await;
    page.find(Locator::Css("td.groups a")).await.unwrap().click().await.unwrap();
    browser.until("return location.pathname + location.search === '/groups?license=ENT-1'").await;
    browser.until_rows(&["Primary key of Enterprise", "Contractors", "Engineering", "Sales"]).await;
}

#[tokio::test]
async fn groups_are_searched_sorted_and_opened_in_place() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    let page = &browser.page;
    page.find(Locator::LinkText("User Groups")).await.unwrap().click().await.unwrap();
    browser.until_rows(&["Primary key of Enterprise", "Contractors", "Engineering", "Sales"]).await;
    browser.ask("window.marker = 1").await;
    page.find(Locator::Css("th.group a")).await.unwrap().click().await.unwrap();
    browser.until_rows(&["Primary key of Enterprise", "Sales", "Engineering", "Contractors"]).await;
    page.find(Locator::Css(".only.warned a")).await.unwrap().click().await.unwrap();
    browser.until_rows(&["Primary key of Enterprise"]).await;
    browser
        .until("return document.querySelector('tr.details .notes').innerText.includes('claims are missing')")
        .await;
    portal.rows.license(|_, keys| keys.retain(|row| !row.is_primary()));
    browser.until("return document.querySelector('.empty') && !document.querySelector('.only.warned')").await;
    page.find(Locator::Css("a.clear")).await.unwrap().click().await.unwrap();
    page.find(Locator::Css("input[type=search]")).await.unwrap().send_keys("4f9e2d31").await.unwrap();
    browser.until_rows(&["Engineering"]).await;
    browser.until("return window.marker === 1").await;
    page.find(Locator::Css("tr.row .toggle")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::Css(".ways a:last-child")).await.unwrap().click().await.unwrap();
    browser.until("return location.pathname + location.search === '/devices?group=in%3AEngineering'").await;
}

#[tokio::test]
async fn what_tells_licenses_and_keys_apart_is_not_cut_off() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    for width in [1280, 1000, 400] {
        browser.page.set_window_size(width, 900).await.unwrap();
        browser.until(&format!("return innerWidth === {width}")).await;
        for (path, rows) in [("/licenses", 5), ("/groups", 4)] {
            browser.page.goto(&format!("{}{path}", portal.address)).await.unwrap();
            browser.until(&format!("return document.querySelectorAll('tr.row').length === {rows}")).await;
            let cut = browser
                .ask("return [...document.querySelectorAll('.under bdi, .under .none, .toggle bdi')].filter(one => one.getBoundingClientRect().right > one.closest('th').getBoundingClientRect().right || one.scrollWidth > one.clientWidth && getComputedStyle(one).display !== 'inline').map(one => one.textContent)")
                .await;
            assert_eq!(cut, json!([]), "{path} at {width}");
        }
    }
}

#[tokio::test]
async fn hostile_texts_of_licenses_and_groups_do_nothing() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let browser = Browser::signed_in(&portal).await;
    let (licenses, groups) = hostile();
    let all = groups.len();
    portal.rows.license(|rows, keys| (*rows, *keys) = (licenses, groups));
    for path in ["/licenses", "/groups"] {
        browser.page.goto(&format!("{}{path}", portal.address)).await.unwrap();
        browser.until(&format!("return document.querySelectorAll('tr.row').length === {all}")).await;
        for row in [1, all] {
            browser.ask(&format!("document.querySelectorAll('tr.row .toggle')[{row} - 1].click()")).await;
            browser
                .until(&format!(
                    "return document.querySelectorAll('tr.row')[{row} - 1].matches('.open:has(+ .details)')"
                ))
                .await;
            let harm = browser
                .ask("return [window.harmed ?? null, document.querySelectorAll('main script, main img, main b').length, document.querySelectorAll('main').length, document.documentElement.scrollWidth > innerWidth]")
                .await;
            assert_eq!(harm, json!([null, 0, 1, false]), "{path} {row}");
        }
        assert!(browser.page.get_alert_text().await.is_err(), "{path}: a dialog is open");
    }
    let shown = browser.ask("return document.querySelector('table').innerText").await;
    assert!(matches!(&shown, Value::String(text) if text.contains("<script>window.harmed = 1</script>")));
}
