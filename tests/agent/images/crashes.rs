//! Killed with SIGKILL after any call of a tool, the next start ends with the image installed once and the restriction on.

use std::time::Duration;

use meridian::simulator::{Fault, FaultKind, Tool};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::support::{DEADLINE, has_problem};
use super::stage::{CORPORATE, Stage};

/// Orders the image, and kills the agent once so many calls of tools were made. False when all was done before that.
async fn killed_after(stage: &mut Stage, calls: usize) -> bool {
    let before = stage.environment.calls().len();
    let reply = stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    let begun = Instant::now();
    let came = loop {
        if stage.environment.calls().len() - before >= calls {
            break true;
        }
        if begun.elapsed() > Duration::from_secs(3) {
            break false;
        }
        assert!(begun.elapsed() < DEADLINE);
        sleep(Duration::from_micros(200)).await;
    };
    stage.environment.kill_agent().await;
    came
}

/// Takes the machine away again, as its user may.
async fn clean(stage: &Stage) {
    stage.environment.edit(|state| state.vms.retain(|_, vm| vm.name != "Windows 11"));
    std::fs::remove_dir_all(stage.folder("ada")).unwrap();
    stage.environment.order_sync().await;
    stage.environment.until("forgotten", |status| status.vms.corporate == Some(0)).await;
}

#[tokio::test]
async fn killed_at_any_step_it_is_installed_once_and_the_restriction_is_back() {
    let mut stage = Stage::new(json!({ "vms.corporate_only": true })).await;
    let mut came = 0;
    for calls in 1..=36 {
        came += usize::from(killed_after(&mut stage, calls).await);
        stage.environment.start_agent();
        stage.until_stage("ada", "installed").await;
        stage.environment.until_restricted(&CORPORATE).await;
        assert_eq!(stage.new_vms("ada").len(), 1, "after {calls} calls");
        let status = stage.environment.until("corporate", |status| status.vms.corporate == Some(1)).await;
        assert_eq!(status.enforcement.tally.violated, 0, "after {calls} calls");
        clean(&stage).await;
    }
    assert!(came >= 25, "only {came} moments came; the sweep misses what it is about");
}

/// Orders the image, and waits until the restriction is lifted.
async fn until_lifted(stage: &Stage) {
    stage.environment.edit(|state| {
        let slow = Fault::of(FaultKind::Slow { ms: 800 }).at("register");
        state.faults.insert("slow".to_owned(), slow);
    });
    stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    stage.environment.until_mac("lifted", |state| !state.service.require_password.add_vm).await;
}

/// The agent is killed then.
async fn killed_while_lifted(stage: &mut Stage) {
    until_lifted(stage).await;
    stage.environment.kill_agent().await;
    assert!(!stage.environment.restrictions().contains(&"add-vm"));
}

/// The next start may be long after.
#[tokio::test]
async fn asked_to_end_while_it_is_lifted_it_puts_it_back_first() {
    let mut stage = Stage::new(json!({ "vms.corporate_only": true })).await;
    until_lifted(&stage).await;
    let mut process = stage.environment.process.take().unwrap();
    let begun = Instant::now();
    process.terminate();
    assert!(process.wait().await.unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(stage.environment.restrictions(), CORPORATE);
    stage.environment.start_agent();
    stage.until_stage("ada", "installed").await;
    assert_eq!(stage.new_vms("ada").len(), 1);
}

/// No later start puts it back where the agent is taken away.
#[tokio::test]
async fn an_agent_that_is_removed_after_a_crash_leaves_no_restriction_lifted() {
    let mut stage = Stage::new(json!({ "vms.corporate_only": true })).await;
    killed_while_lifted(&mut stage).await;
    let reply = stage.environment.cli(["leave", "--json"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(stage.environment.restrictions(), CORPORATE);
}

/// Without a policy the restriction is the user's own: nobody else would put it back.
#[tokio::test]
async fn killed_while_a_local_restriction_is_lifted_it_is_put_back() {
    let mut stage = Stage::new(json!({ "vms.one_per_user": true, "restrict.add_vm": true })).await;
    killed_while_lifted(&mut stage).await;
    stage.environment.misbehave("checkin", json!({"kind": "down"})).await;
    stage.environment.start_agent();
    stage.environment.until_mac("back", |state| state.service.require_password.add_vm).await;
    stage.until_stage("ada", "installed").await;
}

/// What stood before the policy is to hold then, and nobody would take the restriction away again.
#[tokio::test]
async fn a_restriction_that_could_not_be_put_back_is_not_after_its_policy_is_gone() {
    let stage = Stage::new(json!({ "vms.corporate_only": true })).await;
    until_lifted(&stage).await;
    let environment = &stage.environment;
    environment.edit(|state| {
        let kind = FaultKind::Fail { code: 1, stderr: "broken".into(), applied: false };
        state.faults.insert("stuck".to_owned(), Fault::of(kind).on(Tool::Prlsrvctl).at("set"));
    });
    environment.until_problem("restriction-not-restored").await;
    environment.edit(|state| state.faults.clear());
    environment.admin.assign(&environment.group, None).await.unwrap();
    environment.sync().await;
    environment
        .until("left to those who know what stood before", |status| {
            !has_problem(status, "restriction-not-restored")
        })
        .await;
    environment.until_restricted(&["remove-vm", "clone-vm"]).await;
    stage.until_stage("ada", "installed").await;
    environment.sync().await;
    assert_eq!(environment.restrictions(), ["remove-vm", "clone-vm"]);
}
