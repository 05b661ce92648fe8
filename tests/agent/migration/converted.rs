//! (a) The per-device Business license is converted to Enterprise; the trial that was there is suspended.

use super::*;

#[tokio::test]
async fn a_converted_license_reactivates_nobody_until_it_is_split() {
    let company = Company::new().await;
    let business = company.license("business", "per_device", Some(DEMO_BUSINESS_KEY)).await;
    let trial = company.license("enterprise_trial", "per_device", Some(DEMO_TRIAL_KEY)).await;
    let (image, policy) = golden(&company, "https://images.example/windows.pvmp", b"image").await;
    profile(&company, json!({"licenses": [business]})).await;
    company.put(&format!("/licenses/{trial}/policy"), json!({"policy": policy})).await;
    let workers = [company.mac(DEMO_BUSINESS_KEY).await, company.mac(DEMO_BUSINESS_KEY).await];
    let old = company.old_mac(DEMO_BUSINESS_KEY).await;
    let tester = company.mac(DEMO_TRIAL_KEY).await;
    for mac in workers.iter().chain([&old]) {
        mac.until_leased(&business, "business").await;
    }
    news(&workers[0]).await;
    decided_by(&workers[0], PROFILE).await;
    tester.until_leased(&trial, "enterprise_trial").await;
    tester.until_restricted(&CORPORATE).await;
    is_offered(&tester, true).await;
    // Warning: a Business license carries no policies at all.
    let path = format!("/licenses/{business}/policy");
    let refused = company.refused(Method::PUT, &path, json!({"policy": policy})).await;
    assert!(refused.contains("not-allowed"), "{refused}");

    let converted = company.post(&format!("/licenses/{business}/convert"), json!({})).await;
    assert_eq!(converted["suspended"], json!([trial]), "as a result, the trial is suspended");
    for mac in &workers {
        // Each is called, and has its lease by itself.
        mac.until_leased(&business, "enterprise").await;
        nobody_noticed(mac, DEMO_BUSINESS_KEY);
        news(mac).await;
        // Configuration profiles are respected before and after.
        decided_by(mac, PROFILE).await;
    }
    // Below 20.1.0 the portal's calls are not waited for any less: the license is the same license.
    old.until_leased(&business, "enterprise").await;
    nobody_noticed(&old, DEMO_BUSINESS_KEY);
    assert_eq!(company.used(&business).await, 3, "as a result, every Mac has the seat that it had");
    tester.until_problem("license-suspended").await;
    assert_eq!(tester.restrictions(), CORPORATE, "nothing loosens because a trial is suspended");
    is_offered(&tester, true).await;
    assert_eq!(company.get("/images").await["items"][0]["id"], image, "golden images carry over");
    // Warning: there is one Enterprise license an organization.
    let second = json!({"name": "Another", "product": "enterprise", "seats": 1});
    assert!(company.refused(Method::POST, "/licenses", second).await.contains("not-allowed"));
    let again = company.refused(Method::POST, &format!("/licenses/{business}/convert"), json!({})).await;
    assert!(again.contains("not-allowed"), "it is converted once: {again}");

    // Parallels' own server tells the copies of their new edition when it pleases: that calls for a verification.
    let worker = &workers[0];
    let before = worker.status().await.unwrap().license.lease.unwrap().seq;
    worker.edit(|state| {
        let key = state.licensing.keys.get_mut(DEMO_BUSINESS_KEY).unwrap();
        "enterprise".clone_into(&mut key.terms.edition);
        "enterprise".clone_into(&mut state.licensing.installed.as_mut().unwrap().terms.edition);
    });
    worker.until("verified", |status| status.license.lease.as_ref().unwrap().seq > before).await;
    nobody_noticed(worker, DEMO_BUSINESS_KEY);

    assigned(&company, (&business, &policy), &workers, &old).await;
    split(&company, &business, workers).await;
}

/// Only now the administrator assigns a policy: the local restrictions give way.
async fn assigned(
    company: &Company,
    (license, policy): (&str, &str),
    workers: &[TestEnvironment],
    old: &TestEnvironment,
) {
    company.put(&format!("/licenses/{license}/policy"), json!({"policy": policy})).await;
    for mac in workers {
        news(mac).await;
        mac.until_restricted(&CORPORATE).await;
        is_offered(mac, true).await;
        decided_by(mac, POLICY).await;
    }
    // Warning: below 20.1.0 there are no policies and there is no monitoring, until Parallels Desktop is updated.
    news(old).await;
    assert_eq!(old.restrictions(), LOCAL);
    is_offered(old, false).await;
    let shown = old.until_device("present", |device| device["managed"] == false).await;
    assert_eq!(shown["inventory_root"], Value::Null, "no virtual machines in the monitoring tab");
}

/// The one exception: who is to be in a group of its own takes that group's key, and activates anew for it.
async fn split(company: &Company, license: &str, workers: [TestEnvironment; 2]) {
    let groups = json!({"groups": [{"name": "Sales", "key": DEMO_SUBLICENSE_KEY}]});
    let split = company.post(&format!("/licenses/{license}/split"), groups).await;
    assert_eq!(split["reactivate"].as_array().unwrap().len(), 3, "whoever may move is asked to reactivate");
    let [moves, stays] = workers;
    let group = &split["groups"][0]["id"];
    moves.install_key(DEMO_SUBLICENSE_KEY);
    moves.deactivate("split").await;
    let moved = moves.until_device("in the group", |it| it["license"]["group"] == *group).await;
    assert_eq!(
        (&moved["license"]["license"], &moved["license"]["reactivate"]),
        (&json!(license), &json!(false))
    );
    assert_eq!((moves.runs("deactivate-license"), moves.runs("install-license")), (1, 1), "once each");
    let stays = stays.until_leased(license, "enterprise").await;
    assert_eq!((&stays["license"]["group"], &stays["license"]["reactivate"]), (&Value::Null, &json!(true)));
    assert_eq!(company.used(license).await, 3, "each Mac has one seat");
    let groups = company.get("/groups").await;
    let sales = groups["items"].as_array().unwrap().iter().find(|it| it["id"] == *group).unwrap();
    assert_eq!((&sales["name"], &sales["used_seats"]), (&json!("Sales"), &json!(1)));
    moves.until_restricted(&LOCAL).await;
}
