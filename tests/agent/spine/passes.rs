//! What is seen of a pass while it lasts, and of changes that have no visible effect.

use std::time::Duration;

use meridian::control::view::StatusView;
use meridian::simulator::{Fault, FaultKind, State, Tool};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Setup, TestEnvironment, has_problem};

/// Every setting of a virtual machine takes a third of a second, so that five machines take some.
fn slow_machines() -> State {
    let slow = Fault::of(FaultKind::Slow { ms: 300 }).at("set").on(Tool::Prlctl);
    State::demo().with_fault("slow", slow)
}

#[tokio::test]
async fn a_long_pass_tells_what_is_left_and_does_not_hold_up_drift() {
    let environment =
        Setup::default().mac(slow_machines()).policy(json!({ "restrict.create_vm": true })).start().await;
    environment.until_restricted(&["create-vm"]).await;
    environment.until_enforced().await;

    let settings = json!({ "restrict.create_vm": true, "vm.startup": "background",
        "vm.developer_tools": false, "vm.lock_configuration": true });
    environment.assign(&settings).await;
    let at_work = |status: &StatusView| status.enforcement.tally.pending > 0;
    let status = environment.until("at work", at_work).await;
    assert!(!status.enforcement.settled);
    let plan = environment.cli(["plan", "--json"]).await.json();
    assert!(!plan["actions"].as_array().unwrap().is_empty(), "{plan}");

    let begun = Instant::now();
    environment.edit(|state| state.service.require_password.create_vm = false);
    environment.until_restricted(&["create-vm"]).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(at_work(&environment.status().await.unwrap()), "the machines are not done");
    environment.until("done", |status| status.enforcement.settled).await;
    assert_eq!(environment.status().await.unwrap().enforcement.corrections, 1);
}

#[tokio::test]
async fn what_the_tools_never_show_is_told_when_it_stays_after_the_policy() {
    let environment = TestEnvironment::with_policy(json!({ "vm.isolate": true })).await;
    let is_set = |status: &StatusView| status.enforcement.settled && status.enforcement.tally.unshown == 1;
    let status = environment.until("set", is_set).await;
    assert_eq!(status.enforcement.tally.pending, 0, "it is not waited for");
    environment.unassign().await;
    environment.sync().await;
    let status = environment.until_problem("not-restored").await;
    let machines = environment.mac().vms.len();
    let left = status.health.problems.iter().filter(|problem| problem.code == "not-restored");
    assert_eq!(left.count(), machines, "each machine is named");
    let explain = environment.cli(["explain", "vm.isolate", "--json"]).await.json();
    assert_eq!(explain["settings"][0]["subjects"].as_array().unwrap().len(), machines, "{explain}");

    environment.assign(&json!({ "vm.isolate": false })).await;
    environment.sync().await;
    environment.until("switched off", |status| is_set(status) && status.health.problems.is_empty()).await;
    environment.unassign().await;
    environment.sync().await;
    environment.until("released", |status| status.enforcement.settled && status.sources.len() < 3).await;
    assert!(!has_problem(&environment.status().await.unwrap(), "not-restored"));
    assert!(environment.mac().vms.values().all(|vm| !vm.settings.hidden.isolated));
}

#[tokio::test]
async fn a_change_without_effect_is_a_failure_and_no_drift() {
    let ignore = Fault::of(FaultKind::Ignore).at("set").on(Tool::Prlsrvctl);
    let state = State::demo().with_fault("ignore", ignore);
    let environment = Setup::default().mac(state).policy(json!({ "experience.cep": true })).start().await;
    let status = environment.until_problem("tool-failed").await;
    let problem = status.health.problems.iter().find(|problem| problem.code == "tool-failed").unwrap();
    assert!(problem.detail.contains("nothing changed"), "{problem:?}");
    assert_eq!(status.enforcement.corrections, 0);
}

#[tokio::test]
async fn an_ordered_check_in_tells_what_the_look_finds_that_was_ordered_with_it() {
    let environment = TestEnvironment::start().await;
    environment.until_enrolled().await;
    environment.sync().await;
    environment.edit(|state| state.vms.values_mut().next().unwrap().name = "Renamed".to_owned());
    let synced = environment.cli(["sync"]).await;
    assert_eq!(synced.code, 0, "{synced:?}");
    let told = environment.admin.list("/vms").await.unwrap();
    assert!(told.iter().any(|vm| vm.to_string().contains("Renamed")), "{told:#?}");
}

#[tokio::test]
async fn what_waits_for_a_stopped_service_says_so() {
    let settings = json!({ "restrict.create_vm": true, "vm.network": "host_only" });
    let mut state = State::demo();
    state.service.running = false;
    let environment = Setup::default().mac(state).policy(settings).start().await;
    environment.until_problem("service-stopped").await;
    environment
        .until("assigned", |status| status.assignment.as_ref().is_some_and(|it| it.policy.is_some()))
        .await;
    environment.sync().await;
    let plan = environment.cli(["plan", "--json"]).await.json();
    let why = |key: &str| {
        let withheld = plan["withheld"].as_array().unwrap().iter().find(|each| each["key"] == key);
        withheld.unwrap_or_else(|| panic!("{key}: {plan}"))["reason"].as_str().unwrap().to_owned()
    };
    for key in ["restrict.create_vm", "vm.network"] {
        assert!(why(key).contains("service is not running"), "{key}: {}", why(key));
        let explain = environment.cli(["explain", key]).await;
        assert!(explain.stdout.contains("service is not running"), "{explain:?}");
    }
}
