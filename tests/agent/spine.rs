//! The main job, end to end: a policy travels from the portal to Parallels Desktop, and its virtual machines travel back.
//! Real processes, a real socket, a real portal.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meridian::simulator::{CallRecord, Fault, FaultKind, State};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{Setup, TestEnvironment, processes, restrictions, winners};

mod availability;
mod crashes;
mod faults;
mod forgeries;
mod names;
mod passes;
mod users;

/// What the demo's Mac asks for before anybody manages it.
const LOCAL: [&str; 2] = ["remove-vm", "clone-vm"];

/// What it asks for under [`corporate`].
const CORPORATE: [&str; 3] = ["create-vm", "add-vm", "clone-vm"];

/// A policy that overrides the demo's local restrictions: one is lifted, two come, one stays.
fn corporate() -> Value {
    json!({ "vms.corporate_only": true })
}

fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "compared with the times in the journal of real processes")]
    let now = SystemTime::now();
    u64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn local_restrictions_hold_until_a_policy_silences_them_and_again_after_it() {
    let environment = TestEnvironment::start().await;
    let portal = environment.until_enrolled().await.portal;
    assert!(portal.organization.is_some() && portal.device.is_some(), "{portal:?}");
    assert!(portal.enrolled_at.is_some_and(|at| now_ms().abs_diff(at.as_millisecond() as u64) < 60_000));
    let explain = environment.explain().await;
    let local = [("restrict.remove_vm", "local"), ("restrict.clone_vm", "local")];
    assert_eq!(winners(&explain), local.map(|(key, layer)| (key.to_owned(), layer.to_owned())));
    assert_eq!(environment.restrictions(), LOCAL);

    environment.assign(&corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    let explain = environment.until_settled("policy").await;
    let removing = explain.settings.iter().find(|setting| setting.key == "restrict.remove_vm").unwrap();
    assert_eq!(serde_json::to_value(removing.outcome).unwrap(), "lifted");
    assert_eq!(removing.overridden.len(), 1, "the local value is shown, never dropped");

    environment.unassign().await;
    environment.until_restricted(&LOCAL).await;
    environment.until_settled("local").await;
}

#[tokio::test]
async fn a_script_that_waits_until_it_is_settled_finds_the_policy_enforced() {
    let environment = TestEnvironment::start().await;
    environment.until("settled", |status| status.enforcement.settled).await;
    for (settings, end) in [(Some(corporate()), &CORPORATE[..]), (None, &LOCAL)] {
        match settings {
            Some(settings) => drop(environment.assign(&settings).await),
            None => environment.unassign().await,
        }
        environment.sync().await;
        let status = environment.until("settled", |status| status.enforcement.settled).await;
        assert_eq!(environment.restrictions(), end);
        assert!(status.enforcement.settled_since.is_some());
        let explain = environment.explain().await;
        assert_eq!(explain.settings.len(), status.enforcement.managed as usize, "one count");
        assert!(explain.settings.iter().all(|setting| setting.state.is_some()), "{explain:#?}");
    }
}

#[tokio::test]
async fn an_assignment_is_enforced_at_once_in_no_more_processes_than_needed() {
    let mut state = State::demo();
    state.service.cep = true;
    let environment = Setup::default().mac(state).start().await;
    environment.until("waiting for the portal", |status| status.checkin.wait_open).await;
    let before = environment.calls().len();
    let settings =
        json!({ "vms.corporate_only": true, "restrict.preferences": true, "experience.cep": false });
    let policy = environment.admin.create_policy("Policy", &settings).await.unwrap();

    let begun = now_ms();
    environment.admin.assign(&environment.group, Some(&policy)).await.unwrap();
    environment.until_restricted(&CORPORATE).await;
    environment.until_settled("policy").await;

    let calls = environment.calls().split_off(before);
    let changes = calls.iter().filter(|call| is_change(call)).count();
    assert_eq!(changes, 5, "on: create, add, preferences; off: remove, CEP; clone is on already: {calls:#?}");
    assert!(
        processes(&calls) <= changes + 2,
        "{} processes for {changes} changes: {calls:#?}",
        processes(&calls)
    );
    let took = calls.last().unwrap().time_ms - begun;
    let limit = 300 + time_of_processes(&environment, processes(&calls)).await;
    assert!(took <= limit, "{took} ms, more than 300 ms and the time of the processes, {limit} ms");
}

#[tokio::test]
async fn slow_tools_are_not_asked_in_the_middle_of_a_change() {
    let slow = Fault::of(FaultKind::Slow { ms: 150 }).at("set");
    let state = State::demo().with_fault("slow", slow);
    let environment = Setup::default().mac(state).start().await;
    environment.until("waiting for the portal", |status| status.checkin.wait_open).await;
    let before = environment.calls().len();
    environment.assign(&json!({ "vms.corporate_only": true, "restrict.preferences": true })).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_settled("policy").await;
    let calls = environment.calls().split_off(before);
    let changes = calls.iter().filter(|call| is_change(call)).count();
    assert!(
        processes(&calls) <= changes + 2,
        "{} processes for {changes} changes: {calls:#?}",
        processes(&calls)
    );
}

fn is_change(call: &CallRecord) -> bool {
    call.argv.first().is_some_and(|verb| verb == "set")
}

/// What so many processes take on this machine just now, in ms.
async fn time_of_processes(environment: &TestEnvironment, count: usize) -> u64 {
    let begun = Instant::now();
    for _ in 0..count {
        #[expect(clippy::disallowed_methods, reason = "the test is about real processes")]
        let mut command = tokio::process::Command::new(environment.paths().prlsrvctl());
        assert!(command.args(["info", "--json"]).output().await.unwrap().status.success());
    }
    u64::try_from(begun.elapsed().as_millis()).unwrap()
}

#[tokio::test]
async fn drift_is_put_right_within_a_second() {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_enforced().await;
    let begun = Instant::now();
    environment.edit(|state| state.service.require_password.create_vm = false);
    environment.until_restricted(&CORPORATE).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let status = environment.until("counted", |status| status.enforcement.corrections == 1).await;
    assert!(status.enforcement.last_correction.is_some());
}

#[tokio::test]
async fn its_own_looking_makes_no_further_look_necessary() {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_settled("policy").await;
    // Each call rewrites the service's file. A busy machine may tell of the last one late, which costs one look; who looks
    // because of their own look never comes to rest. Statuses in between give the agent time to run astray.
    let mut more = Vec::new();
    for _ in 0..3 {
        let before = environment.calls().len();
        for _ in 0..20 {
            assert_eq!(environment.cli(["status", "--field", "health"]).await.code, 0);
        }
        more = environment.calls().split_off(before);
        if more.is_empty() {
            return;
        }
    }
    panic!("it does not come to rest: {more:#?}");
}

#[tokio::test]
async fn a_setting_that_nobody_names_is_never_touched() {
    let environment = TestEnvironment::with_policy(json!({ "updates.stay_on_major": true })).await;
    environment.until_enrolled().await;
    environment.until_restricted(&[]).await;
    let changed: Vec<_> = environment.calls().into_iter().filter(is_change).map(|call| call.argv).collect();
    assert!(changed.iter().all(|argv| argv.iter().any(|word| word == "--require-pwd")), "{changed:?}");
}

#[tokio::test]
async fn the_portal_shows_the_virtual_machines() {
    let environment = TestEnvironment::start().await;
    environment.until_enrolled().await;
    let vms = environment
        .until_portal("told of five virtual machines", async |admin| {
            let vms = admin.list("/vms").await.unwrap();
            (vms.len() == 5).then_some(vms)
        })
        .await;
    let mut seen: Vec<_> = vms
        .iter()
        .map(|vm| {
            (vm["record"]["name"].as_str().unwrap(), vm["record"]["owners"][0]["user"].as_str().unwrap())
        })
        .collect();
    seen.sort_unstable();
    let state = State::demo();
    let mut there: Vec<_> = state.vms.values().map(|vm| (vm.name.as_str(), vm.owner.as_str())).collect();
    there.sort_unstable();
    assert_eq!(seen, there);
}

#[tokio::test]
async fn all_of_it_works_over_tls_by_the_profiles_authority() {
    let environment = Setup::default().tls().policy(corporate()).start().await;
    environment.until_restricted(&CORPORATE).await;
    let status = environment.until_enforced().await;
    assert!(status.portal.url.is_some_and(|url| url.starts_with("https://")));
}

#[tokio::test]
async fn an_authority_that_nobody_named_is_not_trusted() {
    let environment =
        Setup::default().tls().policy(corporate()).profile(json!({ "PortalCA": null })).start().await;
    environment.until_problem("tls-failed").await;
    assert_eq!(environment.restrictions(), LOCAL);
}

#[tokio::test]
async fn without_a_root_key_nothing_is_enrolled() {
    let environment =
        Setup::default().policy(corporate()).profile(json!({ "PortalRootKey": null })).start().await;
    let status = environment.until_problem("no-root-key").await;
    assert_eq!(status.portal.device, None);
    assert!(environment.admin.list("/devices").await.unwrap().is_empty());
    assert_eq!(environment.restrictions(), LOCAL);
}

#[tokio::test]
async fn it_enforces_from_disk_before_it_touches_the_network() {
    let mut environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_enforced().await;
    environment.kill_agent().await;
    environment.edit(|state| state.service.require_password = <_>::default());
    for endpoint in ["portal", "enrollments", "checkin", "wait"] {
        environment.misbehave(endpoint, json!({ "kind": "down" })).await;
    }
    environment.start_agent();
    environment.until_restricted(&CORPORATE).await;
    environment.sync().await;
    environment.until_problem("portal-unreachable").await;
}

#[tokio::test]
async fn a_second_daemon_is_refused() {
    let environment = TestEnvironment::start().await;
    environment.until_enrolled().await;
    let second = environment.cli(["daemon"]).await;
    assert_eq!(second.code, 1, "{second:?}");
    assert!(!second.stderr.is_empty(), "it says why");
    assert!(environment.status().await.is_ok(), "the first one goes on");
}

#[tokio::test]
async fn it_ends_within_two_seconds_also_while_a_tool_hangs() {
    let hang = FaultKind::Hang { ignore_sigterm: true, applied: false };
    let state = State::demo().with_fault("hang", Fault::of(hang));
    let mut environment = Setup::default().mac(state).start().await;
    environment.until_mac("asked", |_| !environment.calls().is_empty()).await;
    let mut process = environment.process.take().unwrap();
    let begun = Instant::now();
    process.terminate();
    let status = tokio::time::timeout(Duration::from_secs(10), process.wait()).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_retired_mac_gets_its_local_restrictions_back() {
    let environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    let device = environment.device().await;
    let path = format!("/devices/{}/retire", device["id"].as_str().unwrap());
    environment.admin.ask(reqwest::Method::POST, &path, None).await.unwrap();
    environment.sync().await;
    environment.until_restricted(&LOCAL).await;
    environment.until("without an identity", |status| status.portal.device.is_none()).await;
}

#[tokio::test]
async fn a_profile_that_comes_later_is_noticed() {
    let environment =
        Setup::default().policy(corporate()).profile(json!({ "EnrollmentToken": null })).start().await;
    environment.until_problem("no-token").await;
    let token =
        environment.portal.enrollment_token("later", Some(environment.group.parse().unwrap())).await.unwrap();
    environment.change_profile(&json!({ "EnrollmentToken": token }));
    environment.until_restricted(&CORPORATE).await;
    assert_eq!(restrictions(&environment.mac()), CORPORATE);
}
