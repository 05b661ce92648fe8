//! What goes wrong while a machine is added, and what others do meanwhile.

use std::os::unix::fs::chown;

use meridian::simulator::{Fault, FaultKind, State, Tool, User, Vm};
use serde_json::{Value, json};

use super::super::support::has_problem;
use super::super::support::image_server::Fate;
use super::stage::{CORPORATE, SIZE, Stage, offered, until_images};

const OLD: &str = "11111111-1111-4111-8111-111111111111";

fn corporate() -> Value {
    json!({ "vms.corporate_only": true })
}

fn add(state: &mut State, owner: &str, name: &str) {
    let vm = Vm { owner: owner.to_owned(), name: name.to_owned(), ..Vm::default() };
    state.vms.insert(OLD.to_owned(), vm);
}

fn failing(verb: &str) -> Fault {
    Fault::of(FaultKind::Fail { code: 1, stderr: "broken".into(), applied: false }).at(verb)
}

/// Orders the image for Ada, and waits until the restriction is lifted, which it is for a while.
async fn until_lifted(stage: &Stage, faults: impl IntoIterator<Item = Fault>) {
    stage.environment.edit(|state| {
        let slow = Fault::of(FaultKind::Slow { ms: 800 }).on(Tool::Prlctl).at("register").times(1);
        let faults = [slow].into_iter().chain(faults).enumerate();
        state.faults.extend(faults.map(|(number, fault)| (number.to_string(), fault)));
    });
    let reply = stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    stage.environment.until_mac("lifted", |state| !state.service.require_password.add_vm).await;
}

/// What the first try lifted is no reason for the second to switch it on.
#[tokio::test]
async fn a_restriction_that_is_off_when_it_is_tried_again_stays_off() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    until_lifted(&stage, [failing("register").on(Tool::Prlctl).times(1)]).await;
    environment.edit(|state| {
        state.faults.insert("stuck".to_owned(), failing("set").on(Tool::Prlsrvctl));
    });
    environment.until_problem("restriction-not-restored").await;
    environment.edit(|state| state.faults.clear());
    environment.admin.assign(&environment.group, None).await.unwrap();
    environment.sync().await;
    environment.until("left", |status| !has_problem(status, "restriction-not-restored")).await;
    environment.until_restricted(&["remove-vm", "clone-vm"]).await;
    stage.until_stage("ada", "installed").await;
    environment.sync().await;
    assert_eq!(environment.restrictions(), ["remove-vm", "clone-vm"]);
}

#[tokio::test]
async fn a_user_who_came_after_the_first_installation_gets_an_image_too() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    assert_eq!(stage.install("ada").await.code, 0);
    let home = environment.root().join("Users/carol");
    std::fs::create_dir_all(&home).unwrap();
    let uid =
        if chown(&home, Some(503), Some(20)).is_ok() { 503 } else { environment.mac().users["ada"].uid + 2 };
    environment.edit(|state| {
        let home = state.users["ada"].home.replace("ada", "carol");
        let carol = User { uid, home, ..User::default() };
        state.users.insert("carol".to_owned(), carol);
    });
    environment.sync().await;
    until_images(environment, "it is offered to Carol", |view| !offered(view, "carol").is_empty()).await;
    let reply = stage.install("carol").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    environment.until("corporate", |status| status.vms.corporate == Some(2)).await;
}

/// A list that could not be read says nothing about what was added.
#[tokio::test]
async fn a_machine_is_found_again_after_a_list_that_failed() {
    let stage = Stage::new(corporate()).await;
    until_lifted(&stage, []).await;
    stage.environment.edit(|state| {
        state.faults.insert("list".to_owned(), failing("list").on(Tool::Prlctl).times(1));
    });
    stage.until_stage("ada", "installed").await;
    assert_eq!(stage.new_vms("ada").len(), 1);
    stage.environment.until("corporate", |status| status.vms.corporate == Some(1)).await;
    let registered =
        |call: &meridian::simulator::CallRecord| call.argv.first().is_some_and(|verb| verb == "register");
    assert_eq!(stage.environment.calls().iter().filter(|call| registered(call)).count(), 1);
}

/// Who logs in meanwhile brings machines that nobody could see before.
#[tokio::test]
async fn what_a_user_has_who_could_not_be_asked_before_was_not_added() {
    let stage = Stage::new(json!({ "restrict.add_vm": true })).await;
    let environment = &stage.environment;
    environment.edit(|state| {
        add(state, "bob", "Old");
        state.users.get_mut("bob").unwrap().logged_in = false;
    });
    until_lifted(&stage, []).await;
    environment.edit(|state| state.users.get_mut("bob").unwrap().logged_in = true);
    stage.until_stage("ada", "installed").await;
    environment.sync().await;
    let status = environment
        .until("Bob is asked", |status| {
            status
                .vms
                .per_user
                .iter()
                .any(|user| user.user == "bob" && user.total.is_some_and(|total| total > 0))
        })
        .await;
    assert_eq!(status.enforcement.tally.violated, 0);
    let vms = environment.cli(["vms", "--json"]).await.json();
    assert!(vms["vms"].as_array().unwrap().iter().all(|vm| vm["violations"] == json!([])), "{vms:#}");
}

#[tokio::test]
async fn a_machine_that_somebody_adds_meanwhile_violates_the_restriction_alone() {
    let stage = Stage::new(json!({ "restrict.add_vm": true })).await;
    let environment = &stage.environment;
    until_lifted(&stage, []).await;
    environment.edit(|state| add(state, "bob", "Foreign"));
    stage.until_stage("ada", "installed").await;
    let status = environment.until_problem("violation").await;
    assert_eq!(status.enforcement.tally.violated, 1);
    environment.sync().await;
    let violated = |item: &&Value| item["setting"] == "restrict.add_vm" && item["state"] == "violated";
    environment
        .until_portal("the violation", async |admin| {
            let device = admin.list("/devices").await.unwrap().into_iter().next()?;
            device["reported"]["compliance"].as_array()?.iter().find(violated).cloned()
        })
        .await;
}

/// A network that wants its user to sign in says so in the place of the image.
#[tokio::test]
async fn a_web_page_in_the_place_of_the_image_costs_nothing() {
    let stage = Stage::new(corporate()).await;
    stage.server.fate([Fate::CutAfter(100_000), Fate::Page]);
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(stage.server.sent(), SIZE, "nothing came twice");
    assert_eq!(stage.environment.restrictions(), CORPORATE);
}

/// The try is known as far as it can be; what comes after it had nobody to ask.
#[tokio::test]
async fn what_is_added_while_its_user_is_away_is_no_violation() {
    let stage = Stage::new(json!({ "restrict.add_vm": true })).await;
    let environment = &stage.environment;
    until_lifted(&stage, []).await;
    environment.edit(|state| state.users.get_mut("ada").unwrap().logged_in = false);
    environment.until_restricted(&["add-vm"]).await;
    assert_eq!(stage.install("bob").await.code, 0);
    environment.edit(|state| {
        add(state, "bob", "Created");
        state.users.get_mut("ada").unwrap().logged_in = true;
    });
    environment.sync().await;
    stage.until_stage("ada", "installed").await;
    let status = environment.until("both", |status| status.vms.corporate == Some(2)).await;
    assert_eq!(status.enforcement.tally.violated, 0);
    let vms = environment.cli(["vms", "--json"]).await.json();
    assert!(vms["vms"].as_array().unwrap().iter().all(|vm| vm["violations"] == json!([])), "{vms:#}");
}

/// A bundle that went to the Trash leaves its entry in the list, by a name that is free on the disk.
#[tokio::test]
async fn an_entry_without_a_bundle_is_not_taken_for_the_image() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    let home = stage.folder("ada").join("Windows 11.pvm").display().to_string();
    environment.edit(|state| {
        let gone = Vm { owner: "ada".to_owned(), name: "Gone".to_owned(), home, ..Vm::default() };
        state.vms.insert(OLD.to_owned(), gone);
    });
    environment.sync().await;
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_ne!(reply.json()["install"]["vm"], OLD);
}

/// Going away is no way around it.
#[tokio::test]
async fn who_adds_a_machine_meanwhile_and_logs_out_is_found_on_return() {
    let stage = Stage::new(json!({ "restrict.add_vm": true })).await;
    let environment = &stage.environment;
    until_lifted(&stage, []).await;
    environment.edit(|state| {
        add(state, "ada", "Foreign");
        state.users.get_mut("ada").unwrap().logged_in = false;
    });
    environment.until_restricted(&["add-vm"]).await;
    environment.edit(|state| state.users.get_mut("ada").unwrap().logged_in = true);
    environment.sync().await;
    stage.until_stage("ada", "installed").await;
    let status = environment.until_problem("violation").await;
    assert_eq!(status.enforcement.tally.violated, 1);
}
