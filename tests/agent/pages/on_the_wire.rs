//! What the pages answer: who is let in, what every answer says, what is escaped, what is waited for.

use super::http::{get, send, sign_in};
use super::portal::{Portal, TOKEN, devices, hostile_names, virtual_machines, vm};

fn portal() -> Portal {
    Portal::start(virtual_machines(), devices(), 0)
}

#[tokio::test]
async fn nobody_sees_a_row_without_signing_in() {
    let portal = portal();
    for (path, status, location) in [
        ("/", 303, "/sign-in"),
        ("/virtual-machines", 303, "/sign-in?next=%2Fvirtual-machines"),
        ("/devices?q=a", 303, "/sign-in?next=%2Fdevices%3Fq%3Da"),
        ("/virtual-machines/live", 401, ""),
        ("/devices/live?seen=1", 401, ""),
    ] {
        for cookie in
            ["", "meridian_session=", "meridian_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            let answer = get(&portal.address, path, cookie).await;
            assert_eq!((answer.status, answer.header("location")), (status, location), "{path}");
            assert!(!answer.body.contains("Windows"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_token_opens_a_session_that_signing_out_ends() {
    let portal = portal();
    let at = portal.address.as_str();
    let wrong = send(at, "POST", "/sign-in", &[("Origin", at)], "token=wrong").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, ""));
    assert!(wrong.body.contains("role=\"alert\""));

    let body = format!("token={TOKEN}&next=%2Fdevices%3Fq%3Db");
    let right = send(at, "POST", "/sign-in", &[("Origin", at)], &body).await;
    assert_eq!((right.status, right.header("location")), (303, "/devices?q=b"));
    let cookie = right.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(get(at, "/devices", cookie).await.status, 200);
    assert_eq!(get(at, "/sign-in", cookie).await.header("location"), "/virtual-machines");

    let out = send(at, "POST", "/sign-out", &[("Origin", at), ("Cookie", cookie)], "").await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(get(at, "/devices", cookie).await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_origin_is_refused() {
    let portal = portal();
    let at = portal.address.as_str();
    let cookie = sign_in(at).await;
    let body = format!("token={TOKEN}");
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", ""] {
        for path in ["/sign-in", "/sign-out"] {
            let answer = send(at, "POST", path, &[("Origin", origin), ("Cookie", &cookie)], &body).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{path} {origin}");
        }
    }
    assert_eq!(send(at, "POST", "/sign-in", &[], &body).await.status, 403, "no origin");
    assert_eq!(get(at, "/devices", &cookie).await.status, 200, "still signed in");
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let portal = portal();
    let at = portal.address.as_str();
    let answer = send(at, "POST", "/sign-in", &[("Origin", at)], &"a".repeat(9000)).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn every_answer_is_hardened_and_no_page_is_kept() {
    let portal = portal();
    let at = portal.address.as_str();
    let cookie = sign_in(at).await;
    for path in ["/", "/sign-in", "/virtual-machines", "/devices", "/devices/live", "/assets/none.js"] {
        for cookie in ["", &cookie] {
            let answer = get(at, path, cookie).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
            assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            for inline in ["<script>", "<style", " style=", "onclick", "javascript:"] {
                assert!(!answer.body.contains(inline), "{path}: {inline}");
            }
        }
    }
}

#[tokio::test]
async fn an_asset_is_named_by_its_digest_and_kept() {
    let portal = portal();
    let page = get(&portal.address, "/sign-in", "").await;
    let mut seen = 0;
    for asset in page.body.split('"').filter(|text| text.starts_with("/assets/") && !text.contains('#')) {
        let answer = get(&portal.address, asset, "").await;
        assert_eq!(answer.status, 200, "{asset}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        seen += 1;
    }
    assert_eq!(seen, 3, "the style sheet, the script, the sprite");
}

#[tokio::test]
async fn names_are_escaped_wherever_they_stand() {
    let unseen = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    portal.rows.change(|vms, macs| {
        for (number, name) in (0..).zip(hostile_names()) {
            let mut row = vm(number, &name, &name, &name);
            row.place.mac.clone_from(&name);
            row.place.users = vec![name.clone()];
            row.place.group = (!name.contains(unseen)).then(|| name.clone());
            row.violations = vec![name.clone()];
            vms.push(row);
            let mut mac = super::portal::device(number, &name);
            mac.hardware.serial.clone_from(&name);
            mac.assigned.policy.as_mut().unwrap().name.clone_from(&name);
            macs.push(mac);
        }
    });
    let cookie = sign_in(&portal.address).await;
    let plain = get(&portal.address, "/virtual-machines?q=no-such-thing", &cookie).await.body;
    let tags = |html: &str, tag: &str| html.matches(tag).count();
    for path in
        ["/virtual-machines", "/devices", "/virtual-machines?q=%22%3E%3Cscript%3E&device=%3Cimg%3E&open=%27"]
    {
        let html = get(&portal.address, path, &cookie).await.body;
        for tag in ["<script", "<img", "</main>", "<b>", "<svg onload"] {
            assert_eq!(tags(&html, tag), tags(&plain, tag), "{path}: {tag}");
        }
        assert!(!html.replace('\n', "").contains(unseen), "{path}");
    }
}

#[tokio::test]
async fn search_filters_and_sorting_work_without_a_script() {
    let portal = portal();
    let cookie = sign_in(&portal.address).await;
    for (path, first, shown) in [
        ("/virtual-machines", "kali test", "5 virtual machines"),
        ("/virtual-machines?sort=name&dir=desc", "Windows 11 (2)", "5 virtual machines"),
        ("/virtual-machines?q=windows+berlin", "Windows 11", "2 of 5 shown"),
        ("/virtual-machines?state=stopped", "macOS 26 beta", "1 of 5 shown"),
        ("/virtual-machines?group=none&origin=personal", "kali test", "1 of 5 shown"),
        ("/virtual-machines?q=nothing+like+it", "", "Nothing matches"),
        ("/devices?standing=gated", "paris-mac-04", "2 of 6 shown"),
        ("/devices?sort=compliance", "munich-mac-02", "6 Macs"),
        ("/devices?standing=nonsense&sort=&dir=up&page=-1", "berlin-mac-01", "6 Macs"),
    ] {
        let html = get(&portal.address, path, &cookie).await.body;
        let row = html.split("class=\"toggle\"").nth(1).unwrap_or_default();
        let name = row.split("<bdi>").nth(1).and_then(|text| text.split("</bdi>").next()).unwrap_or_default();
        assert_eq!(name, first, "{path}");
        assert!(html.contains(shown), "{path}");
    }
}

#[tokio::test]
async fn an_empty_table_says_what_to_do_next() {
    let portal = Portal::start(Vec::new(), Vec::new(), 0);
    let cookie = sign_in(&portal.address).await;
    for (path, next) in [("/virtual-machines", "href=\"/devices\""), ("/devices", "enrollment token")] {
        let html = get(&portal.address, path, &cookie).await.body;
        assert!(html.contains("yet</h2>") && html.contains(next), "{path}");
    }
}

#[tokio::test]
async fn a_live_request_is_answered_when_something_changes() {
    let portal = portal();
    let at = portal.address.as_str();
    let cookie = sign_in(at).await;
    let behind = get(at, "/virtual-machines/live?seen=0", &cookie).await;
    assert!(behind.body.contains("data-version=\"1\"") && !behind.body.contains("<html"), "{behind:?}");

    let waiting = get(at, "/virtual-machines/live?seen=1&q=new", &cookie);
    let change = async {
        tokio::task::yield_now().await;
        portal.rows.change(|vms, _| vms.push(vm(9, "brand new", "starting", "win-11")));
    };
    let (answer, ()) = tokio::join!(waiting, change);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("brand new") && answer.body.contains("data-version=\"2\""), "{answer:?}");
}
