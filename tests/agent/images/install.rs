//! From the portal's policy to a virtual machine in a user's list.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use meridian::domain::digest::Digest;
use meridian::simulator::{self, Fault, FaultKind, Tool, Vm};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use zip::write::SimpleFileOptions;

use super::super::support::image_server::Fate;
use super::stage::{CORPORATE, SIZE, Stage, make, offered, until_images};

fn corporate() -> Value {
    json!({ "vms.corporate_only": true })
}

#[tokio::test]
async fn a_user_gets_the_image_and_the_restriction_is_back() {
    let stage = Stage::new(corporate()).await;
    let offered = stage.images().await;
    assert_eq!(offered["images"][0]["name"], "Windows 11");
    let users = &offered["images"][0]["users"];
    assert_eq!((&users[0]["user"], &users[0]["offered"]), (&json!("ada"), &json!(true)), "{offered:#}");

    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.json()["install"]["stage"], "installed");
    let home = format!("{}/Windows 11.pvm/", stage.folder("ada").display());
    assert_eq!(stage.new_vms("ada"), [("Windows 11".to_owned(), home)]);
    assert_eq!(stage.environment.restrictions(), CORPORATE);
    assert_eq!(stage.files("ada"), ["Windows 11.pvmp"]);
    let bundle = stage.folder("ada").join("Windows 11.pvmp");
    assert_eq!(std::fs::read(&bundle).unwrap(), simulator::image(SIZE));
    if rustix::process::geteuid().is_root() {
        assert_eq!(bundle.metadata().unwrap().uid(), 501, "root wrote nothing below a home folder");
        assert_eq!(stage.folder("ada").metadata().unwrap().uid(), 501);
    }
    let downloads = stage.environment.paths().images();
    assert_eq!(downloads.metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(downloads.read_dir().unwrap().count(), 0, "what nobody needs any more is gone");
    it_is_corporate_everywhere(&stage).await;
    assert_eq!(stage.server.asked().len(), 1);
}

async fn it_is_corporate_everywhere(stage: &Stage) {
    let environment = &stage.environment;
    let status = environment.until("listed as corporate", |status| status.vms.corporate == Some(1)).await;
    assert_eq!(status.enforcement.tally.violated, 0);
    assert_eq!(status.enforcement.corrections, 0, "lifting it was no drift");
    environment.order_sync().await;
    let record = environment
        .until_portal("told of it", async |admin| {
            let vms = admin.list("/vms").await.unwrap();
            vms.into_iter().map(|vm| vm["record"].clone()).find(|record| record["corporate"] == true)
        })
        .await;
    assert_eq!((&record["image"], &record["violations"]), (&json!(stage.image), &json!([])));
    let shown = stage.images().await;
    let lineage = &shown["machines"][0];
    assert_eq!((&lineage["vm"], &lineage["image"]), (&record["uuid"], &record["image"]));
    assert_eq!(lineage["sha256"], json!(Digest::of(&simulator::image(SIZE))));
    assert_eq!(shown["images"][0]["users"][0]["why_not"], "the user has a virtual machine of this image");
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 1, "{reply:?}");
    environment
        .until_portal("told that it is installed", async |admin| {
            let devices = admin.list("/devices").await.unwrap();
            let images = devices[0]["reported"]["images"].as_array()?.clone();
            images.into_iter().find(|image| image["user"] == "ada" && image["stage"] == "installed")
        })
        .await;
}

#[tokio::test]
async fn the_portal_orders_it_for_everyone() {
    let stage = Stage::new(json!({ "vms.one_per_user": true })).await;
    let environment = &stage.environment;
    let device = environment.device().await;
    let path = format!("/devices/{}/commands", device["id"].as_str().unwrap());
    environment.admin.ask(Method::POST, &path, Some(&json!({"kind": "fetch_image"}))).await.unwrap();
    environment.order_sync().await;
    for user in ["ada", "bob"] {
        stage.until_stage(user, "installed").await;
        assert_eq!(stage.new_vms(user).len(), 1);
    }
    assert_eq!(stage.server.asked().len(), 1, "one download serves both");
    environment.order_sync().await;
    environment.until("two corporate", |status| status.vms.corporate == Some(2)).await;
    let detail = environment
        .until_portal("told what became of it", async |admin| {
            let commands = admin.list(&path).await.unwrap();
            commands.into_iter().find(|command| command["state"] == "succeeded")
        })
        .await;
    assert_eq!(detail["ack"]["detail"], "ordered for ada, bob");
    let reply = stage.install("ada").await;
    assert!(reply.stderr.contains("one corporate virtual machine a user"), "{reply:?}");
    let args = json!({"kind": "fetch_image", "args": {"user": "ada"}});
    environment.admin.ask(Method::POST, &path, Some(&args)).await.unwrap();
    environment.sync().await;
    environment.order_sync().await;
    environment
        .until_portal("told that it is not offered", async |admin| {
            let commands = admin.list(&path).await.unwrap();
            commands.into_iter().find(|command| command["state"] == "failed")
        })
        .await;
}

#[tokio::test]
async fn a_machine_that_appears_while_it_is_lifted_is_a_violation() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    environment.edit(|state| {
        let slow = Fault::of(FaultKind::Slow { ms: 1500 }).on(Tool::Prlctl).at("register");
        state.faults.insert("slow".to_owned(), slow);
    });
    let reply = environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    environment.until_mac("lifted", |state| !state.service.require_password.add_vm).await;
    environment.edit(|state| {
        let foreign = Vm { owner: "bob".to_owned(), name: "Foreign".to_owned(), ..Vm::default() };
        state.vms.insert("11111111-1111-4111-8111-111111111111".to_owned(), foreign);
    });
    stage.until_stage("ada", "installed").await;
    assert_eq!(environment.restrictions(), CORPORATE);
    let vms = loop {
        let vms = environment.cli(["vms", "--json"]).await.json();
        let foreign = vms["vms"].as_array().unwrap().iter().find(|vm| vm["name"] == "Foreign").cloned();
        if foreign.is_some_and(|vm| {
            vm["violations"] == json!(["vms.corporate_only", "restrict.add_vm"])
                || vm["violations"] == json!(["restrict.add_vm", "vms.corporate_only"])
        }) {
            break vms;
        }
        sleep(Duration::from_millis(50)).await;
    };
    let ours = vms["vms"].as_array().unwrap().iter().find(|vm| vm["name"] == "Windows 11").unwrap();
    assert_eq!((&ours["corporate"], &ours["violations"]), (&json!(true), &json!([])));
    environment.until_problem("violation").await;
}

#[tokio::test]
async fn a_wrong_digest_never_reaches_the_user() {
    let stage = Stage::with(corporate(), "Windows.pvmp", simulator::image(SIZE), |file| {
        file["sha256"] = format!("sha256:{}", "0".repeat(64)).into();
    })
    .await;
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert_eq!(reply.json()["install"]["problem"], "image-digest-wrong");
    assert_eq!(stage.server.asked().len(), 1, "what came as a whole is no other one the next time");
    assert_eq!(stage.files("ada"), Vec::<String>::new());
    assert_eq!(stage.environment.paths().images().read_dir().unwrap().count(), 0);
    stage.environment.until_problem("image-digest-wrong").await;
    assert!(stage.environment.calls().iter().all(|call| !call.argv.contains(&"register".to_owned())));
}

#[tokio::test]
async fn a_network_that_breaks_is_waited_for() {
    let stage = Stage::new(corporate()).await;
    stage.server.fate([Fate::CutAfter(1000), Fate::Status(503), Fate::CutAfter(100_000)]);
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(stage.server.sent(), SIZE, "nothing came twice");
}

#[tokio::test]
async fn heavy_work_waits_for_mains_and_a_full_wake() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    for (charge, awake) in [(Some(39), true), (Some(80), false)] {
        environment.edit(|state| {
            let power = &mut state.host.power;
            (power.mains, power.charge, power.awake) = (false, charge, awake);
        });
        environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
        environment.until_problem("image-not-fit").await;
    }
    assert_eq!(stage.server.asked(), []);
    environment.edit(|state| {
        state.host.power.awake = true;
        let slow = Fault::of(FaultKind::Slow { ms: 800 }).on(Tool::Prlctl).at("register");
        state.faults.insert("slow".to_owned(), slow);
    });
    environment.until_mac("lifted", |state| !state.service.require_password.add_vm).await;
    environment.edit(|state| state.host.power.charge = Some(10));
    let waiting = stage.until_stage("ada", "unpacking").await;
    environment.until_problem("image-not-fit").await;
    assert!(!environment.calls().iter().any(|call| call.argv.contains(&"unpack".to_owned())), "{waiting:#}");
    environment.edit(|state| state.host.power.mains = true);
    stage.until_stage("ada", "installed").await;
}

/// Images in the portal's order wait for this Mac's place in the spread; a user's own order waits for nobody.
#[tokio::test]
async fn a_group_is_spread_a_user_is_not_and_the_cap_holds() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    let delivery = json!({"bytes_per_s": 100_000, "spread_s": 604_800});
    let body = json!({"name": "Corporate", "settings": corporate(), "golden_images": [stage.image],
                      "image_delivery": delivery});
    let path = format!("/policies/{}", stage.policy);
    environment.admin.ask(Method::PUT, &path, Some(&body)).await.unwrap();
    environment.sync().await;
    until_images(environment, "capped", |view| view["bytes_per_s"] == 100_000).await;
    let device = environment.device().await;
    let path = format!("/devices/{}/commands", device["id"].as_str().unwrap());
    environment.admin.ask(Method::POST, &path, Some(&json!({"kind": "fetch_image"}))).await.unwrap();
    environment.order_sync().await;
    for user in ["ada", "bob"] {
        let waiting = stage.until_stage(user, "waiting").await;
        assert!(waiting["waits_until"].is_string(), "{waiting:#}");
    }
    assert_eq!(stage.server.asked(), []);
    let begun = Instant::now();
    let reply = stage.install("ada").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    stage.until_stage("bob", "waiting").await;
}

#[tokio::test]
async fn an_image_that_a_profile_names_is_shown_and_not_offered() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    let address = |name: &str| format!("{}/{name}", stage.server.origin);
    let settings = json!({"image.arm64": address("a.pvmp"), "image.x86_64": address("i.pvmp")});
    environment.change_profile(&json!({ "Settings": settings }));
    let view = until_images(environment, "shown", |view| view["images"].as_array().unwrap().len() == 3).await;
    assert_eq!(offered(&view, "ada"), ["Windows 11"]);
    for (place, name, file, why) in [
        (1, "image.arm64", "a.pvmp", "names no digest"),
        (2, "image.x86_64", "i.pvmp", "no image for this Mac's processor"),
    ] {
        let image = &view["images"][place];
        assert_eq!((&image["name"], &image["description"]), (&json!(name), &json!(address(file))));
        assert!(image["why_not"].as_str().unwrap().contains(why), "{image:#}");
    }
    let screen = environment.cli(["images"]).await;
    assert!(
        screen.stdout.contains("1 golden image") && screen.stdout.contains("names no digest"),
        "{screen:?}"
    );
    let reply = environment.cli(["install-image", "image.arm64", "--user", "ada"]).await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert_eq!(stage.server.asked(), []);
}

#[tokio::test]
async fn an_archive_is_unpacked_as_the_user() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("Win.pvm/config.pvs", "<x/>"), ("Win.pvm/harddisk.hdd/0", "disk")] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, bytes.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let stage = Stage::with(corporate(), "download?format=zip", bytes, |_| {}).await;
    let reply = stage.install("bob").await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(stage.files("bob"), ["Windows 11.pvm"]);
    let disk = stage.folder("bob").join("Windows 11.pvm/harddisk.hdd/0");
    assert_eq!(std::fs::read(disk).unwrap(), b"disk");
    assert!(!stage.environment.calls().iter().any(|call| call.argv.contains(&"unpack".to_owned())));
    assert_eq!(stage.new_vms("bob").len(), 1);
}

#[tokio::test]
async fn an_archive_that_is_not_safe_ends_it() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("Win.pvm/../../../evil", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let stage = Stage::with(corporate(), "x.zip", bytes, |_| {}).await;
    let reply = stage.install("bob").await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert_eq!(reply.json()["install"]["problem"], "image-install-failed");
    assert_eq!(stage.files("bob"), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_by_privacy_control_is_named_and_a_space_that_is_missing_too() {
    let stage = Stage::new(corporate()).await;
    stage.environment.edit(|state| {
        let kind = FaultKind::Fail {
            code: 255,
            stderr: "Failed to register the VM: Operation not permitted".into(),
            applied: false,
        };
        state.faults.insert("tcc".to_owned(), Fault::of(kind).on(Tool::Prlctl).at("register"));
    });
    stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    stage.environment.until_problem("image-privacy-refused").await;
    assert_eq!(stage.environment.restrictions(), CORPORATE, "lifted for the try alone");
    stage.environment.edit(|state| state.faults.clear());
    stage.until_stage("ada", "installed").await;

    let vast = Stage::with(corporate(), "a.pvmp", simulator::image(SIZE), |file| {
        file["unpacked_size"] = (1_u64 << 52).into();
    })
    .await;
    vast.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    vast.environment.until_problem("image-no-space").await;
    assert_eq!(vast.server.asked(), [], "space is looked at before anything is fetched");
}

#[tokio::test]
async fn several_images_in_order_are_aimed_at_groups_and_another_processor_is_not_offered() {
    let stage = Stage::new(corporate()).await;
    let environment = &stage.environment;
    let file = |name: &str| {
        json!({"enabled": true, "url": format!("{}/{name}", stage.server.origin), "sha256": format!("sha256:{}", "1".repeat(64)),
               "size": 5, "unpacked_size": 6})
    };
    let other = environment.admin.create_group("Other").await.unwrap();
    let intel =
        make(environment, "/images", &json!({"name": "Intel", "files": {"x86_64": file("i.pvmp")}})).await;
    let aimed = json!({"name": "Others'", "files": {"arm64": file("o.pvmp")}, "groups": [other]});
    let aimed = make(environment, "/images", &aimed).await;
    let second =
        make(environment, "/images", &json!({"name": "Second", "files": {"arm64": file("s.pvmp")}})).await;
    let mut body = json!({"name": "Corporate", "settings": corporate(), "golden_images": [intel, aimed, stage.image, second]});
    let path = format!("/policies/{}", stage.policy);
    let refused = environment.admin.ask(Method::PUT, &path, Some(&body)).await.unwrap_err();
    assert!(refused.to_string().contains("several_images"), "{refused}");
    body["several_images"] = true.into();
    environment.admin.ask(Method::PUT, &path, Some(&body)).await.unwrap();
    environment.sync().await;
    let view = stage.images().await;
    let shown: Vec<_> = view["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["name"].as_str().unwrap(), image["users"][0]["offered"].as_bool().unwrap()))
        .collect();
    assert_eq!(shown, [("Intel", false), ("Windows 11", true), ("Second", true)]);
    assert_eq!(view["images"][0]["why_not"], "there is no image for this Mac's processor");
    let reply = stage.install("ada").await;
    assert_eq!(reply.json()["install"]["name"], "Windows 11", "the first that is offered");
}

#[tokio::test]
async fn an_image_that_is_not_assigned_any_more_is_not_installed() {
    let stage = Stage::new(corporate()).await;
    stage.server.fate([Fate::Status(503), Fate::Status(503), Fate::Status(503), Fate::Status(503)]);
    stage.environment.cli(["install-image", "--user", "ada", "--no-wait"]).await;
    stage.environment.until_problem("image-unavailable").await;
    stage.environment.admin.assign(&stage.environment.group, None).await.unwrap();
    stage.environment.sync().await;
    let install = stage.until_stage("ada", "failed").await;
    assert_eq!(install["detail"], "the image is not assigned any more");
}
