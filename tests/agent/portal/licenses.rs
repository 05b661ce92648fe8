//! Licenses, seats, leases and commands: who gets a seat, what becomes of it, and the ways between licenses.

use meridian::domain::digest::Digest;
use meridian::domain::ids::RequestId;
use meridian::portal::server::Config;
use meridian::wire::command::{Command, CommandKind};
use meridian::wire::document::{Addressee, Judgement};
use meridian::wire::keyset::Keyset;
use meridian::wire::lease::{Lease, LeaseState, Product, WhenUnverified};
use meridian::wire::token::Verified;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Mac, Stage, hours};

mod commands;
mod conversions;

const DAY: i64 = 24;

/// Verifies the lease of an answer, and has it from then on.
fn leased(stage: &Stage, mac: &mut Mac, answer: &Answer) -> Option<Verified<Lease>> {
    mac.adopt(stage, answer);
    let token = answer.body["lease"].as_str()?;
    let keyset = Keyset::verify(&stage.portal.root_key(), &mac.keyset).unwrap();
    let addressee = Addressee { device: mac.device, key: mac.key.thumbprint() };
    let judgement = Judgement::Arriving { keyset: &keyset, now: stage.now() };
    let lease = Lease::verify(token, &addressee, judgement).unwrap();
    assert!(lease.seq > mac.have["lease"].as_u64().unwrap(), "only newer leases are sent");
    mac.have["lease"] = lease.seq.into();
    Some(lease)
}

/// A key as the Mac reports it.
fn masked(key: &str) -> String {
    format!("{}-******-******-******-{}", &key[..6], &key[key.len() - 6..])
}

fn by_key(key: &str) -> Value {
    json!({"state": "active", "edition": "business", "activation": "key", "key": masked(key)})
}

fn by_user(user: &str) -> Value {
    json!({"state": "active", "edition": "enterprise", "activation": "sso", "user": user})
}

async fn add(stage: &Stage, path: &str, body: Value) -> (String, String) {
    let answer = stage.admin(Method::POST, path, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let text = |member: &str| answer.body[member].as_str().unwrap_or_default().to_owned();
    (text("id"), text("license_key"))
}

async fn license(stage: &Stage, product: &str, activation: &str, seats: u32) -> (String, String) {
    let body = json!({"name": product, "product": product, "activation": activation, "seats": seats});
    add(stage, "/licenses", body).await
}

async fn get(stage: &Stage, path: &str) -> Value {
    let answer = stage.admin(Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn person(stage: &Stage, name: &str, groups: Value) {
    let path = format!("/users/{name}");
    assert_eq!(stage.admin(Method::PUT, &path, json!({"idp_groups": groups})).await.status, 200);
}

async fn used(stage: &Stage, license: &str) -> u64 {
    get(stage, &format!("/licenses/{license}")).await["used_seats"].as_u64().unwrap()
}

/// A Mac that is activated like this and has its lease.
async fn activated(stage: &Stage, report: Value) -> (Mac, Verified<Lease>) {
    let mut mac = stage.enrolled(None).await;
    mac.settle(stage).await;
    let answer = mac.check_in(stage, json!({"license": report})).await;
    let lease = leased(stage, &mut mac, &answer).unwrap();
    (mac, lease)
}

async fn verify(stage: &Stage, mac: &mut Mac, report: Value) -> Result<Verified<Lease>, String> {
    let answer = mac.check_in(stage, json!({"lease": "verify", "license": report})).await;
    if answer.status == 200 {
        return Ok(leased(stage, mac, &answer).expect("a newer lease"));
    }
    assert_eq!(answer.problem(), (403, "license-denied"));
    Err(answer.body["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn without_a_license_nothing_is_leased_and_verifying_is_denied() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let answer = mac.settle(&stage).await;
    assert_eq!((&answer.body["lease"], &answer.body["resend"]), (&Value::Null, &Value::Null));
    let answer = mac.check_in(&stage, json!({"lease": "release"})).await;
    assert_eq!((answer.status, &answer.body["lease"]), (200, &Value::Null));
    assert_eq!(verify(&stage, &mut mac, json!({"state": "active"})).await.unwrap_err(), "no-license");
}

#[tokio::test]
async fn a_whole_key_is_shown_once_and_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config: &mut Config| config.database = Some(file.clone())).await;
    let canary = "CANARY-AAAAAA-SECRET-BBBBBB-YELLOW";
    let body = json!({"name": "n", "product": "business", "seats": 3, "key": canary});
    let (business, shown) = add(&stage, "/licenses", body.clone()).await;
    assert_eq!(shown, canary);
    let (_, made) =
        add(&stage, "/groups", json!({"name": "g", "license": business, "seats": {"mode": "dynamic"}})).await;
    assert_eq!(made.len(), 34);
    assert_eq!(stage.admin(Method::POST, "/licenses", body).await.problem(), (409, "not-allowed"));
    let bad = json!({"name": "", "product": "business", "seats": 3, "key": "short"});
    let answer = stage.admin(Method::POST, "/licenses", bad).await;
    assert_eq!(answer.problem(), (422, "invalid"));
    // An agent that sends a whole key makes a mistake that nobody is to read.
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    mac.check_in(&stage, json!({"license": {"state": "active", "activation": "key", "key": canary}})).await;
    assert_eq!(get(&stage, &format!("/devices/{}", mac.device)).await["license"]["license"], business);
    for path in ["/licenses", "/groups", "/devices", &format!("/licenses/{business}")] {
        let text = get(&stage, path).await.to_string();
        assert!(!text.contains("SECRET") && !text.contains(&made), "{path}");
    }
    stage.portal.shutdown().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"SECRET"));
        assert!(!bytes.windows(34).any(|window| window == made.as_bytes()));
    }
}

#[tokio::test]
async fn a_lease_is_verified_released_and_taken_up_again() {
    let stage = Stage::new().await;
    let (business, key) = license(&stage, "business", "per_device", 1).await;
    let (mut mac, first) = activated(&stage, by_key(&key)).await;
    assert_eq!((first.state, first.product), (LeaseState::Active, Product::Business));
    assert_eq!(first.seat, format!("device:{}", mac.device));
    assert_eq!(first.verify_after, stage.now() + hours(7 * DAY));
    assert_eq!(first.grace_until, stage.now() + hours(30 * DAY));
    assert_eq!(mac.check_in(&stage, json!({})).await.body["lease"], Value::Null, "it has the newest");
    let again = verify(&stage, &mut mac, by_key(&key)).await.unwrap();
    assert!(again.seq > first.seq, "also within one second");
    stage.clock.advance(hours(7 * DAY));
    let later = verify(&stage, &mut mac, by_key(&key)).await.unwrap();
    assert_eq!(later.verify_after, stage.now() + hours(7 * DAY));
    let mut second = stage.enrolled(None).await;
    second.settle(&stage).await;
    assert_eq!(verify(&stage, &mut second, by_key(&key)).await.unwrap_err(), "no-seats");
    let shown = get(&stage, &format!("/devices/{}", second.device)).await;
    assert_eq!(shown["license"]["denied"]["reason"], "no-seats");
    assert_eq!(shown["reported"]["license"], Value::Null, "nothing of a denied check-in counts");
    let answer = mac.check_in(&stage, json!({"lease": "release"})).await;
    assert_eq!(leased(&stage, &mut mac, &answer).unwrap().state, LeaseState::Released);
    let answer = mac.check_in(&stage, json!({"lease": "release"})).await;
    assert!(leased(&stage, &mut mac, &answer).is_none(), "twice is once");
    assert_eq!(used(&stage, &business).await, 0);
    let answer = mac.check_in(&stage, json!({"license": by_key(&key)})).await;
    assert!(leased(&stage, &mut mac, &answer).is_none(), "only a verification leaves released");
    verify(&stage, &mut second, by_key(&key)).await.unwrap();
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap_err(), "no-seats");
    let answer = second.check_in(&stage, json!({"lease": "release"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap().state, LeaseState::Active);
    mac.have["lease"] = json!(4_000_000_000_u64);
    let answer = mac.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut mac, &answer).is_some(), "above anything issued: a higher one is signed");
}

#[tokio::test]
async fn a_mac_is_denied_for_a_reason() {
    let stage = Stage::new().await;
    let (business, key) = license(&stage, "business", "per_device", 5).await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let foreign = "ABCDEF-AAAAAA-AAAAAA-AAAAAA-ABCDEF";
    person(&stage, "ada@example.com", json!([])).await;
    for (report, reason) in [
        (json!({"state": "none"}), "not-activated"),
        (json!({"state": "unknown"}), "not-activated"),
        (by_key(foreign), "key-unknown"),
        (by_key("nonsense"), "key-unknown"),
        (by_user("eve@example.com"), "user-unknown"),
        (by_user("ada@example.com"), "no-license"),
    ] {
        assert_eq!(verify(&stage, &mut mac, report).await.unwrap_err(), reason);
    }
    let (other, _) = license(&stage, "business", "per_user", 5).await;
    verify(&stage, &mut mac, by_user("Ada@Example.com")).await.unwrap();
    let end = json!({"name": "n", "seats": 5, "ends_at": "2026-01-05T09:00:00Z"});
    assert_eq!(stage.admin(Method::PUT, &format!("/licenses/{business}"), end).await.status, 200);
    verify(&stage, &mut mac, by_key(&key)).await.unwrap();
    stage.clock.advance(hours(1));
    assert_eq!(get(&stage, &format!("/licenses/{business}")).await["state"], "expired");
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap_err(), "license-expired");
    let state = json!({"state": "replaced", "by": other});
    assert_eq!(stage.admin(Method::PUT, &format!("/licenses/{business}/state"), state).await.status, 200);
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap_err(), "license-replaced");
    let answer = mac.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut mac, &answer).is_none(), "what it has it keeps");
}

#[tokio::test]
async fn a_bad_license_member_is_refused_alone() {
    let stage = Stage::new().await;
    let (_, key) = license(&stage, "business", "per_device", 5).await;
    let mut mac = stage.enrolled(None).await;
    let answer = mac.settle(&stage).await;
    assert_eq!(answer.body["resend"], json!(["license"]));
    for bad in [json!(7), json!({"state": 7}), json!({"state": "active", "user": "u".repeat(2_000)})] {
        let answer = mac.check_in(&stage, json!({"license": bad, "lease": "keep"})).await;
        assert_eq!(answer.body["rejected"], json!([{"member": "/license", "reason": "malformed"}]));
    }
    let answer = mac.check_in(&stage, json!({"license": by_key(&key), "lease": "perhaps"})).await;
    assert_eq!(answer.body["rejected"], json!([{"member": "/lease", "reason": "malformed"}]));
    assert!(leased(&stage, &mut mac, &answer).is_some());
}

#[tokio::test]
async fn an_enrollment_token_leads_to_a_key_until_the_mac_reports_one() {
    let stage = Stage::new().await;
    let (enterprise, primary) = license(&stage, "enterprise", "per_device", 2).await;
    let reserved = json!({"mode": "reserved", "limit": 1});
    let (group, _) =
        add(&stage, "/groups", json!({"name": "Sales", "license": enterprise, "seats": reserved})).await;
    let token = stage.token(json!({"group": group, "reusable": true})).await;
    let mut mac = Mac::new();
    let answer = mac.enroll(&stage, &token).await;
    let lease = leased(&stage, &mut mac, &answer).unwrap();
    assert_eq!(lease.group.unwrap().to_string(), group);
    let answer = mac.enroll(&stage, &token).await;
    assert_eq!(answer.status, 201, "the same again");
    let mut second = Mac::new();
    let answer = second.enroll(&stage, &token).await;
    assert_eq!((answer.problem(), &answer.body["reason"]), ((403, "license-denied"), &json!("no-seats")));
    let answer = mac.check_in(&stage, json!({"license": by_key(&primary)})).await;
    assert_eq!(leased(&stage, &mut mac, &answer).unwrap().group, None, "its key is another one");
    let answer = second.enroll(&stage, &token).await;
    assert_eq!(answer.status, 201, "a denied enrollment left no trace, and the seat is free: {answer:?}");
    assert_eq!(used(&stage, &enterprise).await, 2);
}

#[tokio::test]
async fn one_seat_serves_all_macs_of_a_person_until_they_leave() {
    let stage = Stage::new().await;
    let (enterprise, _) = license(&stage, "enterprise", "per_user", 1).await;
    for name in ["ada@example.com", "bob@example.com"] {
        person(&stage, name, Value::Null).await;
    }
    let (mut one, _) = activated(&stage, by_user("ada@example.com")).await;
    let (mut two, lease) = activated(&stage, by_user("ADA@example.com")).await;
    assert_eq!(lease.seat, "user:ada@example.com");
    let mut third = stage.enrolled(None).await;
    assert_eq!(verify(&stage, &mut third, by_user("bob@example.com")).await.unwrap_err(), "no-seats");
    let gone = json!({"active": false});
    assert_eq!(stage.admin(Method::PUT, "/users/ada@example.com", gone).await.status, 200);
    assert_eq!(used(&stage, &enterprise).await, 0);
    assert_eq!(one.wait(&stage, 0).await.body["wake"], json!(["lease"]));
    for mac in [&mut one, &mut two] {
        let answer = mac.check_in(&stage, json!({})).await;
        assert_eq!(leased(&stage, mac, &answer).unwrap().state, LeaseState::Revoked);
    }
    let denied = verify(&stage, &mut one, by_user("ada@example.com")).await.unwrap_err();
    assert_eq!(denied, "user-disabled");
    let restore = format!("/devices/{}/license/restore", one.device);
    assert_eq!(stage.admin(Method::POST, &restore, Value::Null).await.status, 200);
    let answer = one.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut one, &answer).is_none(), "it is the person who is kept from it");
    let back = json!({"active": true});
    assert_eq!(stage.admin(Method::PUT, "/users/ada@example.com", back).await.status, 200);
    assert_eq!(one.wait(&stage, 0).await.body["wake"], json!(["lease"]));
    for mac in [&mut one, &mut two] {
        let answer = mac.check_in(&stage, json!({})).await;
        assert_eq!(
            leased(&stage, mac, &answer).unwrap().state,
            LeaseState::Released,
            "they verify by themselves"
        );
    }
    verify(&stage, &mut third, by_user("bob@example.com")).await.unwrap();
    assert_eq!(verify(&stage, &mut one, by_user("ada@example.com")).await.unwrap_err(), "no-seats");
}

#[tokio::test]
async fn people_are_mapped_by_their_groups_and_flagged_without() {
    let stage = Stage::new().await;
    let (enterprise, _) = license(&stage, "enterprise", "mixed", 10).await;
    let keyed = |name: &str, idp: &str| json!({"name": name, "license": enterprise, "idp_groups": [idp]});
    let (sales, _) = add(&stage, "/groups", keyed("Sales", "G-sales")).await;
    let (dev, _) = add(&stage, "/groups", keyed("Dev", "G-dev")).await;
    let twice = stage.admin(Method::POST, "/groups", keyed("Again", "G-dev")).await;
    assert_eq!(twice.problem(), (409, "not-allowed"));
    let policy = stage.make("/policies", json!({"name": "p"})).await;
    stage.assign(&sales, Some(&policy)).await;
    for (name, groups, key, mapping) in [
        ("a", json!(["G-sales", "Other"]), json!(sales), "mapped"),
        ("b", json!(["Other"]), Value::Null, "unmapped"),
        ("c", Value::Null, Value::Null, "no_claim"),
        ("d", json!(["G-sales", "G-dev"]), json!(dev), "ambiguous"),
    ] {
        person(&stage, name, groups).await;
        let shown = get(&stage, &format!("/users/{name}")).await;
        assert_eq!((&shown["key"]["group"], &shown["mapping"]), (&key, &json!(mapping)), "{name}");
        let (mut mac, lease) = activated(&stage, by_user(name)).await;
        assert_eq!(json!(lease.group), key, "{name}");
        let answer =
            mac.check_in(&stage, json!({"inventory": {"root": Digest::of(b""), "base": null}})).await;
        assert_eq!(answer.status, 200);
        let group = get(&stage, &format!("/devices/{}", mac.device)).await["group"].clone();
        assert_eq!(group, key);
    }
    // The claim comes at last: the copy moves with its next verification, and not before.
    let (mut mac, _) = activated(&stage, by_user("c")).await;
    person(&stage, "c", json!(["G-sales"])).await;
    let answer = mac.check_in(&stage, json!({})).await;
    assert!(leased(&stage, &mut mac, &answer).is_none());
    stage.clock.advance(hours(7 * DAY));
    let answer = mac.check_in(&stage, json!({"lease": "verify"})).await;
    assert_eq!(leased(&stage, &mut mac, &answer).unwrap().group.unwrap().to_string(), sales);
    assert!(mac.adopt(&stage, &answer).unwrap().policy.is_some(), "and its policy with it");
}

#[tokio::test]
async fn reserved_and_dynamic_seats_are_never_more_than_there_are() {
    let stage = Stage::new().await;
    let (enterprise, key) = license(&stage, "enterprise", "per_device", 3).await;
    let group = |seats: Value| json!({"name": "g", "license": enterprise, "seats": seats});
    let (reserved, _) = add(&stage, "/groups", group(json!({"mode": "reserved", "limit": 2}))).await;
    let too_many = group(json!({"mode": "reserved", "limit": 2}));
    assert_eq!(stage.admin(Method::POST, "/groups", too_many.clone()).await.problem(), (409, "not-allowed"));
    activated(&stage, by_key(&key)).await;
    let mut second = stage.enrolled(None).await;
    assert_eq!(verify(&stage, &mut second, by_key(&key)).await.unwrap_err(), "no-seats", "two are set aside");
    let fewer = json!({"name": "n", "seats": 2});
    let path = format!("/licenses/{enterprise}");
    assert_eq!(stage.admin(Method::PUT, &path, fewer).await.problem(), (409, "not-allowed"));
    let narrower = group(json!({"mode": "reserved", "limit": 1}));
    let answer = stage.admin(Method::PUT, &format!("/groups/{reserved}"), narrower).await;
    assert_eq!((answer.status, &answer.body["license_key"]), (200, &Value::Null), "the key stays");
    verify(&stage, &mut second, by_key(&key)).await.unwrap();
    assert_eq!(stage.admin(Method::DELETE, &path, Value::Null).await.problem(), (409, "in-use"));
}

#[tokio::test]
async fn three_hundred_macs_at_once_take_no_more_than_fifty_seats() {
    let stage = Stage::new().await;
    let (enterprise, key) = license(&stage, "enterprise", "per_device", 50).await;
    let token = stage.token(json!({"reusable": true})).await;
    let mut macs: Vec<_> = (0..300).map(|_| Mac::new()).collect();
    let counts = std::cell::RefCell::new((0, 0));
    for wave in 0..3 {
        *counts.borrow_mut() = (0, 0);
        let mut tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        for mac in &mut macs {
            let (stage, token, key, counts) = (&stage, &token, &key, &counts);
            tasks.push(Box::pin(async move {
                if wave == 0 {
                    assert_eq!(mac.enroll(stage, token).await.status, 201);
                }
                match verify(stage, mac, by_key(key)).await {
                    Ok(_) => counts.borrow_mut().0 += 1,
                    Err(reason) => {
                        assert_eq!(reason, "no-seats");
                        counts.borrow_mut().1 += 1;
                    }
                }
                if wave == 1 && mac.seq % 2 == 0 {
                    mac.check_in(stage, json!({"lease": "release"})).await;
                }
            }));
        }
        super::durability::all(tasks).await;
        let (granted, _) = *counts.borrow();
        assert!(granted >= 50, "all seats are given");
        assert!(wave > 0 || granted == 50);
        assert!(used(&stage, &enterprise).await <= 50);
    }
    assert_eq!(used(&stage, &enterprise).await, 50);
}

#[tokio::test]
async fn an_administrator_takes_a_license_away_and_gives_it_back() {
    let stage = Stage::new().await;
    let (business, key) = license(&stage, "business", "per_device", 1).await;
    let (mut mac, _) = activated(&stage, by_key(&key)).await;
    let path = |verb: &str| format!("/devices/{}/license/{verb}", mac.device);
    let (revoke, restore) = (path("revoke"), path("restore"));
    assert_eq!(stage.admin(Method::POST, &revoke, Value::Null).await.status, 200);
    assert_eq!(used(&stage, &business).await, 0);
    let answer = mac.check_in(&stage, json!({})).await;
    assert_eq!(leased(&stage, &mut mac, &answer).unwrap().state, LeaseState::Revoked);
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap_err(), "license-revoked");
    assert_eq!(stage.admin(Method::POST, &restore, Value::Null).await.status, 200);
    let answer = mac.check_in(&stage, json!({})).await;
    let lease = leased(&stage, &mut mac, &answer).unwrap();
    assert_eq!(lease.state, LeaseState::Released, "it is told so, and verifies by itself");
    assert_eq!(verify(&stage, &mut mac, by_key(&key)).await.unwrap().state, LeaseState::Active);
    let retire = format!("/devices/{}/retire", mac.device);
    assert_eq!(stage.admin(Method::POST, &retire, Value::Null).await.status, 200);
    assert_eq!(used(&stage, &business).await, 0, "a retired Mac takes no seat");
}

#[tokio::test]
async fn what_follows_on_a_mac_that_does_not_verify_is_an_administrators_to_say() {
    let stage = Stage::new().await;
    let body =
        |word: &str| json!({"name": "n", "product": "enterprise", "seats": 1, "when_unverified": word});
    let refused = stage.admin(Method::POST, "/licenses", body("lift_all")).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let (license, key) = add(&stage, "/licenses", body("lift_policy")).await;
    let (mut mac, lease) = activated(&stage, by_key(&key)).await;
    assert_eq!(lease.when_unverified, WhenUnverified::LiftPolicy);
    let path = format!("/licenses/{license}");
    assert_eq!(get(&stage, &path).await["when_unverified"], "lift_policy");
    assert_eq!(stage.admin(Method::PUT, &path, json!({"name": "m"})).await.status, 200);
    assert_eq!(get(&stage, &path).await["when_unverified"], "lift_policy", "what is left out stays as it is");
    let report = json!({"when_unverified": "report"});
    assert_eq!(stage.admin(Method::PUT, &path, report).await.status, 200);
    let answer = mac.check_in(&stage, json!({})).await;
    let lease = leased(&stage, &mut mac, &answer).unwrap();
    assert_eq!(lease.when_unverified, WhenUnverified::Report);
}

#[tokio::test]
async fn licenses_seats_and_commands_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.db");
    let stage = Stage::with(|config: &mut Config| config.database = Some(file.clone())).await;
    let (enterprise, key) = license(&stage, "enterprise", "mixed", 2).await;
    person(&stage, "ada", json!(["x"])).await;
    stage.make("/images", json!({"name": "Windows 11"})).await;
    let (mac, _) = activated(&stage, by_key(&key)).await;
    activated(&stage, by_user("ada")).await;
    let commands = format!("/devices/{}/commands", mac.device);
    assert_eq!(stage.admin(Method::POST, &commands, json!({"kind": "verify_license"})).await.status, 201);
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let of = |file: &std::path::Path| format!("{}{suffix}", file.display());
        std::fs::copy(of(&file), of(&copy)).unwrap();
    }
    let clock = stage.clock.clone();
    let found = Stage::with(|config: &mut Config| {
        config.database = Some(copy);
        config.clock = std::sync::Arc::new(clock);
    })
    .await;
    assert_eq!(used(&found, &enterprise).await, 2);
    for path in ["/licenses", "/users", "/images", "/devices", &commands] {
        assert_eq!(get(&found, path).await, get(&stage, path).await, "{path}");
    }
    found.portal.shutdown().await;
    stage.portal.shutdown().await;
}
