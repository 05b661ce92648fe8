//! The SQLite store: what was answered is there after any end.

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

use super::support::{Stage, root, vm};
use meridian::domain::digest::Digest;
use meridian::portal::server::{Config, Portal};
use reqwest::Method;

const ONE: &str = "11111111-1111-4111-8111-111111111111";

#[tokio::test]
async fn all_that_was_answered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let on = |config: &mut Config| config.database = Some(file.clone());
    let stage = Stage::with(on).await;
    let (group, _) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.settle(&stage).await;
    let record = vm(ONE, "Windows");
    let first = root(std::slice::from_ref(&record));
    let inventory = json!({"root": first, "base": Digest::of(b""), "upsert": [record]});
    mac.check_in(&stage, json!({"inventory": inventory})).await;
    stage.assign(&group, None).await;
    stage
        .make("/configuration-profiles", json!({"name": "p", "settings": {"updates.check": "weekly"}}))
        .await;
    let mut before = Vec::new();
    for path in ["/portal", "/configuration-profiles", "/groups", "/policies", "/devices", "/vms", "/tokens"]
    {
        before.push((path, stage.admin(Method::GET, path, Value::Null).await.body));
    }
    let origin = stage.portal.origin().to_owned();
    let listen = stage.portal.address();
    let clock = stage.clock.clone();
    // The portal is dropped in the middle of its work, without a word.
    drop(stage);
    let stage = restarted(|config| {
        on(config);
        config.listen = listen;
        config.clock = std::sync::Arc::new(clock.clone());
    })
    .await;
    assert_eq!(stage.portal.origin(), origin);
    for (path, body) in before {
        assert_eq!(stage.admin(Method::GET, path, Value::Null).await.body, body, "{path}");
    }
    assert_eq!(mac.wait(&stage, 0).await.status, 200, "the wake is made again from what is stored");
    mac.seq -= 1;
    assert_eq!(mac.check_in(&stage, json!({})).await.problem(), (401, "sequence"), "the floor is kept");
    let answer = mac.check_in(&stage, json!({"inventory": {"root": first, "base": first}})).await;
    assert_eq!(answer.body["resend"], Value::Null);
    assert!(mac.adopt(&stage, &answer).unwrap().policy.is_none());
    stage.portal.shutdown().await;
}

/// Starts again as soon as the former portal has let go of its file.
async fn restarted(change: impl Fn(&mut Config)) -> Stage {
    loop {
        let mut config = Config::default();
        change(&mut config);
        if let Ok(portal) = Portal::start(config).await {
            portal.shutdown().await;
            return Stage::with(change).await;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_is_in_the_file_at_the_moment_it_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config| config.database = Some(file.clone())).await;
    let mut mac = stage.enrolled(None).await;
    for (step, name) in ["first", "second", "third"].into_iter().enumerate() {
        stage.make("/groups", json!({"name": name})).await;
        mac.settle(&stage).await;
        // What a portal would find that starts after this one was killed right now.
        let copy = folder.path().join(format!("copy{step}.db"));
        for suffix in ["", "-wal"] {
            let of = |file: &std::path::Path| format!("{}{suffix}", file.display());
            std::fs::copy(of(&file), of(&copy)).unwrap();
        }
        let found = Stage::with(|config| config.database = Some(copy)).await;
        let groups = found.admin(Method::GET, "/groups", Value::Null).await.body;
        assert_eq!(groups["items"].as_array().unwrap().len(), step + 1);
        let devices = "/devices";
        assert_eq!(
            found.admin(Method::GET, devices, Value::Null).await.body,
            stage.admin(Method::GET, devices, Value::Null).await.body
        );
        found.portal.shutdown().await;
    }
    stage.portal.shutdown().await;
}

#[tokio::test]
async fn the_file_with_the_keys_is_its_owners_alone_and_one_portals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config| config.database = Some(file.clone())).await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{entry:?}");
    }
    let second = Portal::start(Config { database: Some(file.clone()), ..Config::default() }).await;
    assert!(second.is_err(), "two portals on one file");
    stage.portal.shutdown().await;
    assert!(Portal::start(Config { database: Some(file), ..Config::default() }).await.is_ok());
}

#[tokio::test]
async fn two_hundred_check_ins_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config| config.database = Some(file.clone())).await;
    let token = stage.token(json!({"reusable": true})).await;
    let mut macs: Vec<_> = (0..200).map(|_| super::support::Mac::new()).collect();
    let mut tasks = Vec::new();
    for mac in &mut macs {
        tasks.push(Box::pin(async {
            assert_eq!(mac.enroll(&stage, &token).await.status, 201);
            mac.settle(&stage).await;
        }));
    }
    all(tasks).await;
    let mut listed = 0;
    let mut after = String::new();
    loop {
        let page = stage.admin(Method::GET, &format!("/devices?limit=64{after}"), Value::Null).await.body;
        for device in page["items"].as_array().unwrap() {
            assert_eq!(device["reported"]["device"]["parallels_version"], "26.1.1");
            listed += 1;
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed, 200);
    stage.portal.shutdown().await;
}

/// Drives all futures on this task at once.
pub(super) async fn all<F: Future<Output = ()> + Unpin>(mut tasks: Vec<F>) {
    std::future::poll_fn(|context| {
        tasks.retain_mut(|task| std::pin::Pin::new(task).poll(context).is_pending());
        if tasks.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
