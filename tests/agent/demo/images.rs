//! A golden image in the demo: installed below its root, and nowhere else.

use std::path::Path;

use meridian::domain::digest::Digest;
use meridian::portal::demo::admin::Admin;
use meridian::simulator;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

use super::super::support::image_server::ImageServer;
use super::ends::{Demo, TOLD};

const SIZE: usize = 100_000;

#[expect(clippy::disallowed_methods, reason = "the test is about real processes")]
async fn meridian(root: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
    command.arg("--root").arg(root).args(arguments).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn it_is_installed_below_the_root() {
    let mut demo = Demo::start(&[]).await;
    let word = |line: String, beginning: &str| {
        let word = line.split_whitespace().find(|word| word.starts_with(beginning)).unwrap();
        word.trim_end_matches(['.', ',', ';', '/']).to_owned()
    };
    let origin = word(demo.until("http://127.0.0.1:").await, "http://");
    let token = word(demo.until("mer-admin-").await, "mer-admin-");
    let admin = Admin::new(&origin, &token, &[]).unwrap();
    demo.until(TOLD).await;

    let bytes = simulator::image(SIZE);
    let server = ImageServer::start(bytes.clone()).await;
    let file = json!({"enabled": true, "size": SIZE, "unpacked_size": SIZE, "sha256": Digest::of(&bytes),
                      "url": format!("{}/windows.pvmp", server.origin)});
    let body = json!({"name": "Windows 11", "files": {"arm64": file}});
    let image = admin.ask(Method::POST, "/images", Some(&body)).await.unwrap();
    let body =
        json!({"name": "Images", "settings": {"vms.corporate_only": true}, "golden_images": [image["id"]]});
    let policy = admin.ask(Method::POST, "/policies", Some(&body)).await.unwrap();
    let groups = admin.list("/groups").await.unwrap();
    let devices = admin.list("/devices").await.unwrap();
    let group = groups.iter().find(|group| group["id"] == devices[0]["group"]).unwrap_or(&groups[0]);
    admin.assign(group["id"].as_str().unwrap(), policy["id"].as_str()).await.unwrap();
    meridian(&demo.root, &["sync"]).await;
    meridian(&demo.root, &["install-image", "--user", "ada", "--timeout", "30"]).await;
    let bundle = demo.root.join("Users/ada/Parallels/Windows 11.pvmp");
    assert_eq!(std::fs::read(bundle).unwrap(), bytes);
    let vms = meridian(&demo.root, &["vms", "--json"]).await;
    assert!(vms.contains("\"Windows 11\""), "{vms}");
}
