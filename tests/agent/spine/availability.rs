//! What cannot be asked is told apart, and changes nothing.

use meridian::control::view::{Availability, ParallelsGate};
use meridian::simulator::State;
use serde_json::json;

use super::super::support::{Setup, TestEnvironment, has_problem};
use super::{CORPORATE, LOCAL, corporate, is_change};

#[tokio::test]
async fn a_stopped_service_is_an_everyday_state() {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_enforced().await;
    environment.until("listed", |status| status.vms.total == Some(5)).await;
    let before = environment.calls().len();
    environment.edit(|state| state.service.running = false);
    environment.sync().await;
    let status = environment.until_problem("service-stopped").await;
    assert_eq!(status.vms.total, Some(5), "the last inventory stays");
    assert!(status.vms.per_user.iter().all(|user| user.availability == Availability::ServiceStopped));
    assert!(
        status.enforcement.tally.pending > 0 && status.enforcement.tally.failed == 0,
        "{:?}",
        status.enforcement
    );
    assert!(!status.enforcement.settled, "what cannot be seen is not settled");
    let calls = environment.calls().split_off(before);
    let verbs: Vec<_> = calls.iter().filter_map(|call| call.argv.first()).collect();
    assert!(verbs.iter().all(|verb| *verb == "info"), "nothing is started or changed: {verbs:?}");
    assert_eq!(environment.admin.list("/vms").await.unwrap().len(), 5);

    environment.edit(|state| {
        state.service.running = true;
        state.service.require_password.create_vm = false;
    });
    environment.until_restricted(&CORPORATE).await;
    environment.until("well", |status| !has_problem(status, "service-stopped")).await;
    environment.until("settled", |status| status.enforcement.settled).await;
}

#[tokio::test]
async fn a_user_who_is_not_logged_in_is_told_apart_from_one_without_machines() {
    let mut state = State::demo();
    state.users.get_mut("bob").unwrap().logged_in = false;
    state.vms.retain(|_, vm| vm.owner != "ada");
    let environment = Setup::default().mac(state).start().await;
    environment.until_enrolled().await;
    let status = environment.until("asked of both", |status| status.vms.per_user.len() == 2).await;
    let user = |name: &str| status.vms.per_user.iter().find(|user| user.user == name).unwrap();
    assert_eq!(user("ada").availability, Availability::Listed);
    assert_eq!(user("ada").total, Some(0));
    assert_eq!(user("bob").availability, Availability::NotLoggedIn);
    assert_eq!(user("bob").total, None);
}

/// Presence only: the device is seen, nothing of it is managed.
async fn presence_only(environment: &TestEnvironment, code: &str) {
    environment.until("checked in", |status| status.checkin.last_success.is_some()).await;
    environment.until_problem(code).await;
    let device = environment.device().await;
    assert_eq!(device["managed"], false);
    assert!(environment.admin.list("/vms").await.unwrap().is_empty());
    assert_eq!(environment.restrictions(), LOCAL);
    let changes: Vec<_> = environment.calls().into_iter().filter(is_change).collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[tokio::test]
async fn parallels_desktop_that_is_too_old_is_present_only() {
    let mut state = State::demo();
    state.parallels.version = "20.0.1".to_owned();
    state.parallels.build = "55659".to_owned();
    let environment = Setup::default().mac(state).start().await;
    environment.until_enrolled().await;
    environment.assign(&corporate()).await;
    environment.sync().await;
    presence_only(&environment, "parallels-too-old").await;
    assert!(environment.status().await.unwrap().assignment.unwrap().policy.is_none());
    let status = environment.status().await.unwrap();
    assert_eq!(status.parallels.gate, ParallelsGate::TooOld);
    assert_eq!(status.parallels.version.as_deref(), Some("20.0.1-55659"));
}

#[tokio::test]
async fn parallels_desktop_that_is_not_installed_is_present_only() {
    let environment = Setup::default().policy(corporate()).prepare().await;
    std::fs::remove_dir_all(environment.paths().parallels_app()).unwrap();
    let mut environment = environment;
    environment.start_agent();
    presence_only(&environment, "parallels-missing").await;
    assert_eq!(environment.status().await.unwrap().parallels.gate, ParallelsGate::NotInstalled);
}

#[tokio::test]
async fn a_downgrade_below_the_gate_loosens_nothing() {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_enforced().await;
    let info = environment.paths().parallels_info_plist();
    let mut plist = plist::Value::from_file(&info).unwrap();
    let items = plist.as_dictionary_mut().unwrap();
    items.insert("CFBundleShortVersionString".to_owned(), "20.0.1".into());
    plist.to_file_xml(&info).unwrap();
    environment.sync().await;
    let status = environment.until_problem("parallels-too-old").await;
    assert!(status.assignment.unwrap().policy.is_some());
    assert_eq!(environment.restrictions(), CORPORATE);
}

#[tokio::test]
async fn settings_of_machines_are_set_by_their_owners_and_locked_last() {
    let settings = json!({ "vm.developer_tools": true, "vm.lock_configuration": true });
    let mut state = State::demo();
    state.vms.retain(|_, vm| vm.guest.os == "debian" || vm.guest.os == "ubuntu");
    let environment = Setup::default().mac(state).policy(settings).start().await;
    let done = |state: &State| state.vms.values().all(|vm| vm.settings.developer_tools && vm.settings.locked);
    environment.until_mac("locked with developer tools", done).await;
    let calls = environment.calls();
    for call in calls.iter().filter(|call| call.tool == "prlctl" && is_change(call)) {
        let owner = &environment.mac().vms[call.argv[1].trim_matches(['{', '}'])].owner;
        assert_eq!(call.acting_as.as_ref(), Some(owner), "{call:#?}");
    }
}
