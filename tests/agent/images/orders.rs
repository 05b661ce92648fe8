//! What becomes of an order between the moment it is taken and the moment its file is here.

use meridian::domain::digest::Digest;
use meridian::simulator::{self, Fault, FaultKind, Tool};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::TestEnvironment;
use super::stage::{SIZE, Stage, make, until_images};

fn corporate() -> Value {
    json!({ "vms.corporate_only": true })
}

/// A Mac on which ada's download is held where a third of it is here.
async fn held() -> Stage {
    let stage = Stage::new(corporate()).await;
    stage.server.hold_at(SIZE / 3);
    let reply = stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    until_bytes(&stage, SIZE / 3).await;
    stage
}

/// Waits until so many bytes of ada's image are shown, of a download.
async fn until_bytes(stage: &Stage, bytes: usize) {
    let what = format!("{bytes} bytes are shown");
    until_images(&stage.environment, &what, |view| {
        let install = &view["installs"][0];
        (&install["user"], &install["stage"]) == (&json!("ada"), &json!("downloading"))
            && install["bytes"] == bytes
    })
    .await;
}

#[tokio::test]
async fn a_download_shows_how_far_it_is_on_the_mac_and_in_the_portal() {
    let stage = held().await;
    let in_portal = async |percent: u64| {
        let shown = |device: &Value| {
            let image = &device["reported"]["images"][0];
            image["stage"] == "downloading" && image["percent"] == percent
        };
        stage.environment.sync().await;
        let device = stage.environment.until_device(&format!("at {percent} %"), shown).await;
        device["reported"]["images"][0]["user"].clone()
    };
    assert_eq!(in_portal(30).await, "ada");
    stage.server.hold_at(SIZE * 2 / 3);
    until_bytes(&stage, SIZE * 2 / 3).await;
    let status = stage.until_stage("ada", "downloading").await;
    assert_eq!(status["bytes"], SIZE * 2 / 3);
    in_portal(60).await;
    stage.server.hold_at(usize::MAX);
    stage.until_stage("ada", "installed").await;
}

#[tokio::test]
async fn a_second_order_is_refused_while_one_is_under_way() {
    let stage = held().await;
    let reply = stage.environment.cli(["install-image", "--user", "ada", "--timeout", "30"]).await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(reply.stderr.contains("an image is being installed for this user"), "{reply:?}");
    let reply = stage.environment.cli(["install-image", "--user", "bob", "--no-wait"]).await;
    assert_eq!(reply.code, 0, "another user's waits: {reply:?}");
    stage.until_stage("bob", "waiting").await;
    stage.server.hold_at(usize::MAX);
    for user in ["ada", "bob"] {
        stage.until_stage(user, "installed").await;
    }
    assert_eq!(stage.server.asked().len(), 1);
}

/// The server holds the download for as long as the test runs: nobody waits for its end.
#[tokio::test]
async fn an_image_that_is_withdrawn_during_its_download_is_not_installed() {
    let stage = held().await;
    stage.environment.admin.assign(&stage.environment.group, None).await.unwrap();
    stage.environment.sync().await;
    let install = stage.until_stage("ada", "failed").await;
    assert_eq!(install["detail"], "the image is not assigned any more");
    assert_eq!(stage.files("ada"), Vec::<String>::new());
    until_vault_is_empty(&stage.environment).await;
}

#[tokio::test]
async fn a_file_that_is_assigned_anew_and_a_new_cap_end_the_download_of_before() {
    let stage = held().await;
    let environment = &stage.environment;
    let body = json!({"name": "Corporate", "settings": corporate(), "golden_images": [stage.image],
                      "image_delivery": {"bytes_per_s": 900_000}});
    environment.admin.ask(Method::PUT, &format!("/policies/{}", stage.policy), Some(&body)).await.unwrap();
    environment.sync().await;
    until_asked(&stage, 2).await;
    assert_eq!(stage.server.asked()[1].from, Some(SIZE / 3), "what is here is not fetched again");

    let bytes = simulator::image(SIZE / 2);
    let file = json!({"enabled": true, "size": bytes.len(), "unpacked_size": SIZE, "sha256": Digest::of(&bytes),
                      "url": format!("{}/second.pvmp", stage.server.origin)});
    let body = json!({"name": "Windows 11", "files": {"arm64": file}});
    environment.admin.ask(Method::PUT, &format!("/images/{}", stage.image), Some(&body)).await.unwrap();
    stage.server.swap(bytes.clone(), Some("\"2\""));
    environment.sync().await;
    until_asked(&stage, 3).await;
    stage.server.hold_at(usize::MAX);
    stage.until_stage("ada", "installed").await;
    assert_eq!(std::fs::read(stage.folder("ada").join("Windows 11.pvmp")).unwrap(), bytes);
}

async fn until_asked(stage: &Stage, times: usize) {
    let what = format!("the server was asked {times} times");
    until_images(&stage.environment, &what, |_| stage.server.asked().len() >= times).await;
}

async fn until_vault_is_empty(environment: &TestEnvironment) {
    let folder = environment.paths().images();
    let is_empty = || folder.read_dir().unwrap().count() == 0;
    until_images(environment, "what nobody needs any more is gone", |_| is_empty()).await;
}

#[tokio::test]
async fn an_order_that_was_acknowledged_outlives_a_crash() {
    let mut stage = Stage::new(corporate()).await;
    stage.environment.edit(|state| {
        let slow = Fault::of(FaultKind::Slow { ms: 60_000 }).on(Tool::Prlctl).at("unpack");
        state.faults.insert("slow".to_owned(), slow);
    });
    stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    stage.until_stage("ada", "unpacking").await;
    let device = stage.environment.device().await;
    let path = format!("/devices/{}/commands", device["id"].as_str().unwrap());
    let body = json!({"kind": "fetch_image", "args": {"user": "bob"}});
    stage.environment.admin.ask(Method::POST, &path, Some(&body)).await.unwrap();
    stage.environment.order_sync().await;
    stage
        .environment
        .until_portal("told that it is ordered", async |admin| {
            let commands = admin.list(&path).await.unwrap();
            commands.into_iter().find(|command| command["ack"]["detail"] == "ordered for bob")
        })
        .await;
    stage.environment.kill_agent().await;
    stage.environment.edit(|state| state.faults.clear());
    stage.environment.start_agent();
    for user in ["ada", "bob"] {
        stage.until_stage(user, "installed").await;
    }
}

#[tokio::test]
async fn after_a_restart_what_is_here_already_is_shown() {
    let mut stage = held().await;
    stage.environment.misbehave("checkin", json!({"kind": "down"})).await;
    stage.environment.kill_agent().await;
    // It waits for mains, and so asks for nothing.
    stage.environment.edit(|state| {
        let power = &mut state.host.power;
        (power.mains, power.charge) = (false, Some(10));
    });
    stage.environment.start_agent();
    stage.environment.until_problem("image-not-fit").await;
    until_bytes(&stage, SIZE / 3).await;
}

#[tokio::test]
async fn what_failed_leaves_no_file() {
    let bytes = b"PK\x03\x04 is how an archive begins, and this is none".to_vec();
    let stage = Stage::with(corporate(), "broken.zip", bytes, |_| {}).await;
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert_eq!(stage.server.asked().len(), 1, "it was here");
    until_vault_is_empty(&stage.environment).await;
}

#[tokio::test]
async fn a_user_who_got_a_machine_meanwhile_gets_no_second_one() {
    let stage = Stage::new(json!({ "vms.one_per_user": true })).await;
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    let environment = &stage.environment;
    let bytes = simulator::image(SIZE / 2);
    let file = json!({"enabled": true, "size": bytes.len(), "unpacked_size": SIZE, "sha256": Digest::of(&bytes),
                      "url": format!("{}/second.pvmp", stage.server.origin)});
    stage.server.swap(bytes, Some("\"2\""));
    let second = make(environment, "/images", &json!({"name": "Second", "files": {"arm64": file}})).await;
    let policy = |one: bool| {
        json!({"name": "Corporate", "settings": {"vms.one_per_user": one}, "golden_images": [stage.image, second],
               "several_images": true})
    };
    let path = format!("/policies/{}", stage.policy);
    environment.admin.ask(Method::PUT, &path, Some(&policy(false))).await.unwrap();
    environment.sync().await;
    until_images(environment, "offered", |view| view["images"][1]["users"][0]["offered"] == true).await;
    stage.server.hold_at(SIZE / 3);
    environment.cli(["install-image", "Second", "--user", "ada", "--no-wait"]).await;
    until_bytes(&stage, SIZE / 3).await;
    environment.admin.ask(Method::PUT, &path, Some(&policy(true))).await.unwrap();
    environment.sync().await;
    let install = stage.until_stage("ada", "failed").await;
    assert_eq!(install["detail"], "the policy allows one corporate virtual machine a user");
    assert_eq!(stage.new_vms("ada").len(), 1);
}
