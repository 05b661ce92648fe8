//! (b) The trial is made permanent; who is on Business stays there until moved, each by `deactivate-license`.
//!
//! The guide also says that nobody has to be moved by hand. That and its steps exclude each other; this follows the steps.

use meridian::simulator;

use super::super::support::image_server::ImageServer;
use super::*;

/// The user of this Mac installs the golden image.
async fn installs(mac: &TestEnvironment) {
    mac.order_sync().await;
    is_offered(mac, true).await;
    let reply = mac.cli(["install-image", "--user", "ada", "--timeout", "30"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    still_has_it(mac).await;
}

/// One machine is corporate, and violates nothing.
async fn still_has_it(mac: &TestEnvironment) {
    mac.order_sync().await;
    let status = mac.until("one corporate", |status| status.vms.corporate == Some(1)).await;
    assert_eq!(status.enforcement.tally.violated, 0);
}

#[tokio::test]
async fn a_trial_made_permanent_keeps_its_policies_unassigned_and_business_users_stay() {
    let company = Company::new().await;
    let trial = company.license("enterprise_trial", "per_device", Some(DEMO_TRIAL_KEY)).await;
    let business = company.license("business", "mixed", Some(DEMO_BUSINESS_KEY)).await;
    let file = simulator::image(20_000);
    let server = ImageServer::start(file.clone()).await;
    let (image, policy) = golden(&company, &format!("{}/windows.pvmp", server.origin), &file).await;
    company.put(&format!("/licenses/{trial}/policy"), json!({"policy": policy})).await;
    let sales = json!({"name": "Sales", "license": trial, "key": DEMO_SUBLICENSE_KEY});
    let sales = company.post("/groups", sales).await["id"].as_str().unwrap().to_owned();
    company.put(&format!("/groups/{sales}/policy"), json!({"policy": policy})).await;
    profile(&company, json!({"licenses": [trial], "groups": [sales]})).await;
    let testers = [company.mac(DEMO_TRIAL_KEY).await, company.mac(DEMO_SUBLICENSE_KEY).await];
    let workers = [company.mac(DEMO_BUSINESS_KEY).await, company.old_mac(DEMO_BUSINESS_KEY).await];
    for mac in &testers {
        mac.until_leased(&trial, "enterprise_trial").await;
        mac.until_restricted(&CORPORATE).await;
        decided_by(mac, POLICY).await;
    }
    for mac in &workers {
        mac.until_leased(&business, "business").await;
    }
    installs(&testers[0]).await;

    let path = format!("/licenses/{trial}/make-permanent");
    people_bar_it(&company, &business, &path).await;
    company.put(&format!("/licenses/{business}"), json!({"activation": "per_device"})).await;
    // Warning: beside an active trial no Enterprise license is added; suspend the trial, or abort.
    let beside = json!({"name": "Bought", "product": "enterprise", "seats": 5});
    assert!(company.refused(Method::POST, "/licenses", beside).await.contains("not-allowed"));
    let made = company.post(&path, json!({})).await;
    assert_eq!(made["kept_policies"], json!([policy]), "as a result, the policies are saved");
    assert_eq!(made["policy"], Value::Null, "and assigned to no key: the primary one");
    let kept = company.get(&format!("/groups/{sales}")).await;
    assert_eq!(kept["policy"], Value::Null, "nor a secondary one");
    assert_eq!(company.get(&format!("/policies/{policy}")).await["name"], "Policy");
    assert_eq!(company.get("/images").await["items"][0]["id"], image, "golden images carry over");
    for mac in &testers {
        mac.until_leased(&trial, "enterprise").await;
        mac.until_restricted(&LOCAL).await;
        decided_by(mac, PROFILE).await;
        assert_eq!(
            (mac.runs("deactivate-license"), mac.runs("install-license")),
            (0, 0),
            "nobody reactivates"
        );
        is_offered(mac, false).await;
    }
    still_has_it(&testers[0]).await;

    for (number, mac) in workers.iter().enumerate() {
        news(mac).await;
        mac.until_leased(&business, "business").await;
        nobody_noticed(mac, DEMO_BUSINESS_KEY);
        assert_eq!(company.used(&business).await, 2 - number as u64, "Business users stay until moved");
        mac.install_key(DEMO_TRIAL_KEY);
        mac.deactivate(&format!("move-{number}")).await;
        mac.until_leased(&trial, "enterprise").await;
        assert_eq!(mac.restrictions(), LOCAL, "the local restrictions go on");
    }
    assert_eq!((company.used(&business).await, company.used(&trial).await), (0, 4));

    assigned_again(&company, (&trial, &sales, &policy), (&testers, &workers)).await;
    assert_eq!(server.asked().len(), 1, "the image was fetched once");
}

/// Warning: with Business seats that people sign in to, a trial cannot be made permanent, whatever state they are in.
async fn people_bar_it(company: &Company, business: &str, path: &str) {
    assert!(company.refused(Method::POST, path, json!({})).await.contains("not-allowed"));
    for out_of_use in [json!({"state": "suspended"}), json!({"state": "active"})] {
        company.put(&format!("/licenses/{business}/state"), out_of_use).await;
        assert!(company.refused(Method::POST, path, json!({})).await.contains("not-allowed"));
    }
}

/// As a result, the administrator has to assign the policies again; they were kept whole.
async fn assigned_again(
    company: &Company,
    (trial, sales, policy): (&str, &str, &str),
    (testers, workers): (&[TestEnvironment; 2], &[TestEnvironment; 2]),
) {
    company.put(&format!("/licenses/{trial}/policy"), json!({"policy": policy})).await;
    company.put(&format!("/groups/{sales}/policy"), json!({"policy": policy})).await;
    for mac in testers.iter().chain([&workers[0]]) {
        news(mac).await;
        mac.until_restricted(&CORPORATE).await;
        decided_by(mac, POLICY).await;
    }
    // The golden image is offered under the new license, but to whom has it already; that machine is corporate as before.
    is_offered(&testers[1], true).await;
    is_offered(&workers[0], true).await;
    is_offered(&testers[0], false).await;
    still_has_it(&testers[0]).await;
    news(&workers[1]).await;
    assert_eq!(workers[1].restrictions(), LOCAL, "below 20.1.0 nothing is assigned");
}
