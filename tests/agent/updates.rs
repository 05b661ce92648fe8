//! Update control end to end: a local update server's feed, the users' own preferences, and a version that is held back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meridian::control::view::{StatusView, UpdatesView};
use meridian::simulator::{InfoPlist, State};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Setup, TestEnvironment, has_problem};

const FEED: &str = include_str!("../golden/updates/local.xml");
const DOMAIN: &str = "com.parallels.Parallels Desktop";
const CHECK: &str = "Application preferences.Check for updates";
const DOWNLOAD: &str = "Application preferences.Download updates automatically";

/// A local update server that counts its answers.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<(u32, u32)>>);

impl Server {
    /// Starts it; gives its address and itself.
    async fn start() -> (String, Self) {
        let server = Self::default();
        let app = Router::new().fallback(answer).with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/parallels_updates.xml", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "the test's own server")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        (address, server)
    }

    /// How often the feed was sent, and how often it was found unchanged.
    fn counts(&self) -> (u32, u32) {
        *self.0.lock().unwrap()
    }
}

async fn answer(Shared(server): Shared<Server>, headers: HeaderMap) -> Response {
    let mut counts = server.0.lock().unwrap();
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == "\"1\"") {
        counts.1 += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    counts.0 += 1;
    ([(header::ETAG, "\"1\"")], FEED).into_response()
}

fn updates(status: &StatusView) -> Option<&UpdatesView> {
    status.parallels.updates.as_ref()
}

fn install(environment: &TestEnvironment, version: &str, build: &str) {
    environment.edit(|state| {
        state.parallels.version = version.to_owned();
        state.parallels.build = build.to_owned();
    });
}

async fn until_decided(environment: &TestEnvironment) -> StatusView {
    environment.until("decided", |status| updates(status).is_some_and(|view| view.allowed.is_some())).await
}

#[tokio::test]
async fn what_a_local_server_offers_is_decided_told_and_once_passed_a_violation() {
    let (feed, server) = Server::start().await;
    let mut environment = TestEnvironment::with_policy(json!({
        "updates.stay_on_major": true, "updates.feed_url": feed,
    }))
    .await;
    let status = until_decided(&environment).await;
    let view = updates(&status).unwrap();
    assert_eq!(view.allowed.as_deref(), Some("26.3.3-57507"));
    assert_eq!((view.available.as_deref(), view.kept_major), (Some("27.0.2-58001"), Some(26)));
    assert_eq!(server.counts(), (1, 0));

    let screen = environment.cli(["updates"]).await.stdout;
    assert!(screen.starts_with("26.3.3-57507 is allowed; 27.0.2-58001 is held back"), "{screen}");
    let status = environment.cli(["status"]).await.stdout;
    assert!(status.contains("26.3.3-57507 is allowed; 27.0.2-58001 is held back"), "{status}");
    let explain = environment.cli(["explain", "updates.stay_on_major"]).await.stdout;
    for told in
        ["Version 26.3.3-57507 is allowed.", "Version 27.0.2-58001 is held back", "Major version 26 is kept."]
    {
        assert!(explain.contains(told), "{told}: {explain}");
    }
    environment.sync().await;
    let shown = environment
        .until_portal("told of updates", async |admin| {
            let devices = admin.list("/devices").await.unwrap();
            let shown = devices.first()?["reported"]["device"]["updates"].clone();
            (shown["allowed"] == "26.3.3-57507").then_some(shown)
        })
        .await;
    assert_eq!(shown["held"], json!([{"version": "27.0.2-58001", "reason": "next-major"}]));

    // After a restart the feed is not due, and nothing is asked for.
    environment.kill_agent().await;
    environment.start_agent();
    until_decided(&environment).await;
    assert_eq!(server.counts(), (1, 0));

    // The next major version is installed all the same, and one that the local server does not offer.
    install(&environment, "27.1.0", "58100");
    environment.sync().await;
    let status = environment.until_problem("version-passed").await;
    let passed: Vec<_> = updates(&status).unwrap().passed.iter().map(|passed| passed.key.as_str()).collect();
    assert_eq!(passed, ["updates.feed_url", "updates.stay_on_major"]);
    assert_eq!(updates(&status).unwrap().kept_major, Some(26), "what is kept does not follow");
    environment.sync().await;
    environment
        .until_portal("told of the violation", async |admin| {
            let devices = admin.list("/devices").await.unwrap();
            let compliance = devices.first()?["reported"]["compliance"].as_array()?.clone();
            let violated = json!({
                "subject": "app", "setting": "updates.stay_on_major", "state": "violated", "reason": "version-passed",
            });
            compliance.contains(&violated).then_some(())
        })
        .await;
    install(&environment, "26.3.3", "57507");
    environment.sync().await;
    environment.until("right again", |status| !has_problem(status, "version-passed")).await;

    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/updates/faults.xml");
    let checked = environment.cli(["updates", "check-feed", file]).await;
    assert!(checked.stdout.contains("faults.xml:27: <FilePath> names version 27"), "{checked:?}");
    assert_eq!(checked.code, 1);
}

#[tokio::test]
async fn each_users_own_preferences_are_set_as_that_user_and_given_back() {
    let mut state = State::demo();
    let ada = state.users.get_mut("ada").unwrap().defaults.entry(DOMAIN.to_owned()).or_default();
    ada.insert(CHECK.to_owned(), json!(1));
    let bob = state.users.get_mut("bob").unwrap().defaults.entry(DOMAIN.to_owned()).or_default();
    bob.insert(CHECK.to_owned(), json!(0));
    let environment = Setup::default().mac(state).start().await;
    environment.until_enrolled().await;
    assert!(environment.calls().iter().all(|call| call.tool != "defaults"), "no setting is about them");

    environment.assign(&json!({"updates.check": "never", "updates.auto_download": false})).await;
    let shown = |name: &str, key: &str, state: &meridian::simulator::State| {
        state.users[name].defaults.get(DOMAIN).and_then(|keys| keys.get(key)).cloned()
    };
    environment
        .until_mac("set for both", |state| {
            ["ada", "bob"].iter().all(|name| {
                shown(name, CHECK, state) == Some(json!(0))
                    && shown(name, DOWNLOAD, state) == Some(json!(false))
            })
        })
        .await;
    environment.until_enforced().await;
    let writes = || {
        let calls = environment.calls().into_iter();
        let writes = calls.filter(|call| call.tool == "defaults" && call.argv[0] == "write");
        let writes: Vec<_> =
            writes.map(|call| (call.acting_as.unwrap_or_default(), call.argv[2].clone())).collect();
        writes
    };
    let write = |user: &str, name: &str| (user.to_owned(), name.to_owned());
    let needed = BTreeSet::from([write("ada", CHECK), write("ada", DOWNLOAD), write("bob", DOWNLOAD)]);
    assert_eq!(BTreeSet::from_iter(writes()), needed, "as each user, and only what differs");
    environment.sync().await;
    assert_eq!(writes().len(), needed.len(), "each once");
    let ours = |state: &mut State| {
        drop(
            state
                .users
                .get_mut("ada")
                .unwrap()
                .defaults
                .get_mut(DOMAIN)
                .unwrap()
                .insert(CHECK.to_owned(), json!(2)),
        )
    };
    environment.edit(ours);
    environment.sync().await;
    environment.until_mac("put right", |state| shown("ada", CHECK, state) == Some(json!(0))).await;
    let status = environment.status().await.unwrap();
    assert_eq!(updates(&status).unwrap().feed, None, "never means that the agent does not look either");

    environment.unassign().await;
    environment
        .until_mac("given back", |state| {
            shown("ada", CHECK, state) == Some(json!(1))
                && shown("bob", CHECK, state) == Some(json!(0))
                && ["ada", "bob"].iter().all(|name| shown(name, DOWNLOAD, state).is_none())
        })
        .await;
}

#[tokio::test]
async fn a_user_who_is_away_follows_when_they_log_in_and_the_uninstaller_gives_back_too() {
    let mut state = State::demo();
    state.users.get_mut("bob").unwrap().logged_in = false;
    let mut environment = Setup::default().mac(state).policy(json!({"updates.check": "never"})).start().await;
    let check = |name: &str, state: &State| {
        state.users[name].defaults.get(DOMAIN).and_then(|keys| keys.get(CHECK)).cloned()
    };
    environment.until_mac("set for ada", |state| check("ada", state) == Some(json!(0))).await;
    environment.until("settled", |status| status.enforcement.settled).await;
    let explain = environment.cli(["explain", "updates.check"]).await.stdout;
    assert!(explain.contains("not logged in"), "{explain}");
    assert_eq!(check("bob", &environment.mac()), None);
    environment.edit(|state| state.users.get_mut("bob").unwrap().logged_in = true);
    environment.sync().await;
    environment.until_mac("set for bob", |state| check("bob", state) == Some(json!(0))).await;
    environment.until("settled again", |status| status.enforcement.settled).await;

    environment.kill_agent().await;
    let left = environment.cli(["leave", "--restore"]).await;
    assert_eq!(left.code, 0, "{left:?}");
    let state = environment.mac();
    assert_eq!((check("ada", &state), check("bob", &state)), (None, None), "{left:?}");
}

#[tokio::test]
async fn every_form_of_the_version_file_is_read_also_after_an_upgrade() {
    let environment = TestEnvironment::start().await;
    environment.until_enrolled().await;
    for (version, build, form, shown) in [
        ("20.1.0", "55732", InfoPlist::Xml, "20.1.0-55732"),
        ("20.2.0", "55872", InfoPlist::Binary, "20.2.0-55872"),
        ("26.3.3", "57507", InfoPlist::WithoutBuild, "26.3.3"),
        ("26.4.1", "57516", InfoPlist::Cut, "26.4.1-57516"),
        ("27.0.2", "58001", InfoPlist::Xml, "27.0.2-58001"),
    ] {
        environment.edit(|state| state.parallels.info_plist = form);
        install(&environment, version, build);
        environment.order_sync().await;
        environment.until(shown, |status| status.parallels.version.as_deref() == Some(shown)).await;
    }
}

/// Makes a license-bound profile and binds it to the Mac's group.
async fn bind(environment: &TestEnvironment, settings: Value) -> String {
    let draft = json!({"name": "Product Updates", "settings": settings});
    let made = environment.admin.ask(Method::POST, "/configuration-profiles", Some(&draft)).await.unwrap();
    assert_eq!(
        (made["deprecated"].clone(), made["payloads"].clone()),
        (json!(true), json!(["Product Updates"]))
    );
    let id = made["id"].as_str().unwrap().to_owned();
    let keys = json!({"groups": [environment.group]});
    let path = format!("/configuration-profiles/{id}/keys");
    environment.admin.ask(Method::PUT, &path, Some(&keys)).await.unwrap();
    id
}

#[tokio::test]
async fn a_license_bound_profile_is_respected_below_mdm_and_policy_with_a_notice() {
    let (feed, _server) = Server::start().await;
    let environment = TestEnvironment::start().await;
    environment.until_enrolled().await;
    let settings =
        json!({"updates.check": "weekly", "updates.auto_download": true, "updates.feed_url": feed});
    let id = bind(&environment, settings).await;
    let decided = async |layer: &str| {
        environment
            .until_explained("updates.check", |setting| {
                let winner =
                    setting.winner.as_ref().map(|winner| serde_json::to_value(winner.layer).unwrap());
                winner == Some(json!(layer))
            })
            .await
    };
    let setting = decided("license-profile").await;
    assert_eq!(setting.notes[0], "License-bound profiles are deprecated: set updates.check in the policy.");
    let status =
        environment.until("noted", |status| status.sources.iter().any(|source| source.note.is_some())).await;
    let note = status.sources.iter().find_map(|source| source.note.clone()).unwrap();
    let key = |name| format!("updates.{name} in the policy");
    let keys = [key("auto_download"), key("check"), key("feed_url")].join(", ");
    assert_eq!(note, format!("deprecated: use {keys}"));
    let screen = environment.cli(["status"]).await.stdout;
    assert!(screen.contains("deprecated: use"), "{screen}");
    environment
        .until_mac("set for ada", |state| {
            let keys = state.users["ada"].defaults.get(DOMAIN);
            keys.is_some_and(|keys| keys.get(CHECK) == Some(&json!(2)))
        })
        .await;

    environment.change_profile(&json!({"Settings": {"updates.check": "monthly"}}));
    decided("profile").await;
    environment.assign(&json!({"updates.check": "never"})).await;
    environment.sync().await;
    let setting = decided("policy").await;
    assert_eq!(setting.overridden.len(), 2, "{setting:#?}");
    assert!(setting.notes.iter().all(|note| !note.contains("deprecated")), "it decides no more");

    environment.unassign().await;
    environment.change_profile(&json!({"Settings": null}));
    environment.admin.ask(Method::DELETE, &format!("/configuration-profiles/{id}"), None).await.unwrap();
    environment.sync().await;
    environment
        .until_mac("given back", |state| {
            state
                .users
                .values()
                .all(|user| user.defaults.get(DOMAIN).is_none_or(|keys| !keys.contains_key(CHECK)))
        })
        .await;
}
