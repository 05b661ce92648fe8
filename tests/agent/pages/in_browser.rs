//! What a person sees and does, in a real browser.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::browser::Browser;
use super::portal::{Portal, device, devices, hostile_names, virtual_machines, vm};

fn portal() -> Portal {
    Portal::start(virtual_machines(), devices(), 0)
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_signing_out_ends_at_the_door() {
    let portal = portal();
    let browser = Browser::start().await;
    let page = &browser.page;
    page.goto(&format!("{}/devices?q=oslo", portal.address)).await.unwrap();
    page.find(Locator::Css("#token")).await.unwrap().send_keys("wrong\n").await.unwrap();
    browser.until("return document.querySelector('.refused') !== null").await;
    let token = format!("{}{}", super::portal::TOKEN, char::from(Key::Enter));
    page.find(Locator::Css("#token")).await.unwrap().send_keys(&token).await.unwrap();
    browser.until("return location.pathname + location.search === '/devices?q=oslo'").await;
    browser.until_rows(&["oslo-mac-03"]).await;
    page.find(Locator::Css(".top form button")).await.unwrap().click().await.unwrap();
    browser.until("return location.pathname === '/sign-in'").await;
    page.goto(&format!("{}/devices", portal.address)).await.unwrap();
    browser.until("return location.pathname === '/sign-in'").await;
}

#[tokio::test]
async fn search_filters_and_sorting_work_in_place() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    let page = &browser.page;
    browser.ask("window.marker = 1").await;
    browser.until_rows(&["kali test", "macOS 26 beta", "Ubuntu 24.04", "Windows 11", "Windows 11 (2)"]).await;

    page.find(Locator::Css("input[type=search]")).await.unwrap().send_keys("windows").await.unwrap();
    browser.until_rows(&["Windows 11", "Windows 11 (2)"]).await;
    browser.until("return location.search === '?q=windows' && document.activeElement.name === 'q'").await;

    page.find(Locator::Css("th.name a")).await.unwrap().click().await.unwrap();
    browser.until_rows(&["Windows 11 (2)", "Windows 11"]).await;
    browser.until("return document.querySelector('th.name').ariaSort === 'descending'").await;

    let state = page.find(Locator::Css("select[name=state]")).await.unwrap();
    state.select_by_value("running").await.unwrap();
    browser.until_rows(&["Windows 11"]).await;
    browser.until("return document.querySelector('.found').textContent === '1 of 5 shown'").await;

    page.find(Locator::Css("a.clear")).await.unwrap().click().await.unwrap();
    browser.until_rows(&["kali test", "macOS 26 beta", "Ubuntu 24.04", "Windows 11", "Windows 11 (2)"]).await;
    browser
        .until("return document.querySelector('[name=q]').value + document.querySelector('[name=state]').value === ''")
        .await;
    page.back().await.unwrap();
    browser.until_rows(&["Windows 11"]).await;
    browser
        .until("return document.querySelector('[name=q]').value === 'windows' && window.marker === 1")
        .await;
}

#[tokio::test]
async fn a_change_shows_without_a_reload_and_disturbs_nothing() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    let page = &browser.page;
    page.find(Locator::Css("tr.row:nth-of-type(5) .toggle")).await.unwrap().click().await.unwrap();
    browser.until("return document.querySelector('tr.details') !== null").await;
    page.find(Locator::Css("input[type=search]")).await.unwrap().send_keys("dows 11").await.unwrap();
    browser.until_rows(&["Windows 11", "Windows 11 (2)"]).await;
    browser
        .ask("window.marker = 1; window.row = document.querySelector('tr.row'); document.querySelector('[name=q]').setSelectionRange(1, 1)")
        .await;

    portal.rows.change(|vms, _| {
        vms[0].state = "suspended".to_owned();
        vms.push(vm(9, "A new windows 11", "running", "win-11"));
    });
    browser.until_rows(&["A new windows 11", "Windows 11", "Windows 11 (2)"]).await;
    let seen = browser
        .ask("const q = document.querySelector('[name=q]'); return [window.marker, window.row.isConnected, window.row.querySelector('.state').textContent, q.value, q.selectionStart, document.activeElement === q, document.querySelectorAll('tr.details').length, document.querySelector('.counts').textContent, [...document.querySelectorAll('tr.changed .toggle')].map(a => a.textContent)]")
        .await;
    let wanted = json!([
        1,
        true,
        "Suspended",
        "dows 11",
        1,
        true,
        1,
        "6 virtual machines2 running2 Macs1 violating policy",
        ["A new windows 11", "Windows 11"]
    ]);
    assert_eq!(seen, wanted);

    portal.rows.change(|vms, _| vms.retain(|row| row.name != "Windows 11"));
    browser.until_rows(&["A new windows 11", "Windows 11 (2)"]).await;
}

#[tokio::test]
async fn the_details_of_a_row_open_by_key_and_tell_the_rest() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    browser.ask("document.querySelector('tr.row .toggle').focus()").await;
    let focused = browser.page.active_element().await.unwrap();
    focused.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
    browser.until("return document.querySelector('tr.details') !== null").await;
    let details = browser.ask("return document.querySelector('tr.details').innerText").await;
    for text in ["vms.corporate_only", "10.211.55.3", "shared", "8 GiB", "Installed, 26.1.1-57288", "UUID"] {
        assert!(details.as_str().unwrap().contains(text), "{text}: {details}");
    }
    let toggle = "document.querySelector('tr.row .toggle')";
    browser
        .until(&format!("return document.activeElement === {toggle} && {toggle}.ariaExpanded === 'true'"))
        .await;
}

#[tokio::test]
async fn a_lost_portal_is_told_and_found_again() {
    let portal = portal();
    let port: u16 = portal.address.rsplit(':').next().unwrap().parse().unwrap();
    let browser = Browser::signed_in(&portal).await;
    drop(portal);
    browser.until("return document.querySelector('#link.lost')?.textContent === 'Reconnecting…'").await;
    let _another = Portal::start(Vec::new(), Vec::new(), port);
    browser.until("return location.pathname === '/sign-in'").await;
}

#[tokio::test]
async fn devices_show_how_they_stand_and_lead_to_their_machines() {
    let portal = portal();
    let browser = Browser::signed_in(&portal).await;
    let page = &browser.page;
    page.find(Locator::LinkText("Devices")).await.unwrap().click().await.unwrap();
    browser
        .until("return document.querySelector('#link.live') && document.title === 'Devices · Meridian'")
        .await;
    let text = browser.ask("return document.querySelector('table').innerText").await;
    for told in [
        "Compliant",
        "2 not compliant",
        "1 drifted",
        "Too old",
        "not installed",
        "Retired",
        "needs-custom-password",
    ] {
        assert!(text.as_str().unwrap().contains(told), "{told}: {text}");
    }
    browser.ask("window.marker = 1").await;
    portal.rows.change(|_, macs| macs.push(device(7, "aachen-mac-07")));
    browser.until("return document.querySelector('tr.row .toggle').textContent === 'aachen-mac-07' && window.marker === 1").await;
    let state = page.find(Locator::Css("select[name=standing]")).await.unwrap();
    state.select_by_value("attention").await.unwrap();
    browser.until_rows(&["munich-mac-02", "oslo-mac-03", "paris-mac-04", "rome-mac-05"]).await;
    page.find(Locator::Css("td.vms a")).await.unwrap().click().await.unwrap();
    browser.until("return location.pathname === '/virtual-machines'").await;
    browser.until_rows(&["kali test", "macOS 26 beta"]).await;
}

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let browser = Browser::signed_in(&portal).await;
    let names = hostile_names();
    portal.rows.change(|vms, macs| {
        for (number, name) in (0..).zip(&names) {
            let mut row = vm(number, name, name, name);
            row.place.mac.clone_from(name);
            row.place.users = vec![name.clone()];
            row.place.group = Some(name.clone());
            vms.push(row);
            let mut mac = device(number, name);
            mac.assigned.group = Some(name.clone());
            macs.push(mac);
        }
    });
    let all = names.len();
    for path in ["/virtual-machines", "/devices"] {
        if path == "/devices" {
            browser.page.goto(&format!("{}{path}", portal.address)).await.unwrap();
        }
        browser.until(&format!("return document.querySelectorAll('tr.row').length === {all}")).await;
        let shown = browser.ask("return document.querySelector('table').innerText").await;
        assert!(shown.as_str().unwrap().contains("<script>window.harmed = 1</script>"), "{path}: {shown}");
        let harm = browser
            .ask("const policy = new ReportingObserver(() => {}, { types: ['csp-violation'], buffered: true }); policy.observe(); return [window.harmed ?? null, document.querySelectorAll('main script, main img, main b').length, document.querySelectorAll('main').length, policy.takeRecords().length]")
            .await;
        assert_eq!(harm, json!([null, 0, 1, 0]), "{path}");
        assert!(browser.page.get_alert_text().await.is_err(), "{path}: a dialog is open");
        let wide = browser.ask("return document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(wide, Value::Bool(false), "{path}: a name widens the page");
    }
}

#[tokio::test]
async fn no_word_of_the_portals_own_is_cut_off() {
    let portal = portal();
    portal.rows.change(|vms, macs| {
        vms.push(vm(6, "Fedora", "suspended", "fedora"));
        macs[0].compliance.counts.unsupported = 3;
    });
    let browser = Browser::signed_in(&portal).await;
    for width in [1280, 1000, 700, 400] {
        browser.page.set_window_size(width, 900).await.unwrap();
        browser.until(&format!("return innerWidth === {width}")).await;
        for path in ["/virtual-machines", "/devices"] {
            browser.page.goto(&format!("{}{path}", portal.address)).await.unwrap();
            browser.until("return document.querySelector('#link.live') !== null").await;
            // Where there is no room for the word the icon stands alone, and the word is for those who listen.
            let cut = browser
                .ask("const word = bdi => bdi.scrollWidth > bdi.clientWidth && getComputedStyle(bdi).clipPath === 'none' && getComputedStyle(bdi).visibility === 'visible'; const cell = td => td.scrollWidth > td.clientWidth; return [...[...document.querySelectorAll('td:not(.problems) > .pill bdi')].filter(word), ...[...document.querySelectorAll('td.parallels')].filter(cell)].map(one => one.textContent)")
                .await;
            assert_eq!(cut, json!([]), "{path} at {width}");
            let tabs = browser
                .ask("return [...document.querySelectorAll('.top nav a')].filter(a => { const at = a.querySelector('span').getBoundingClientRect(); return at.width > 20 && at.height > 8 && at.left >= 0 && at.right <= a.parentElement.getBoundingClientRect().right; }).map(a => a.innerText)")
                .await;
            let all = json!(["Virtual Machines", "Devices", "Golden Images", "Licenses", "User Groups"]);
            assert_eq!(tabs, all, "{path} at {width}: every page can be gone to by its name");
            let wide = browser.ask("return document.documentElement.scrollWidth > innerWidth").await;
            assert_eq!(wide, json!(false), "{path} at {width}: the page is wider than the window");
        }
        let problems = browser
            .ask("return [...document.querySelectorAll('.problems > .pill')].map(pill => { const at = pill.getBoundingClientRect(); return at.width > 8 && at.right <= innerWidth; })")
            .await;
        assert_eq!(problems, json!([true]), "at {width} a problem shows");
    }
}
