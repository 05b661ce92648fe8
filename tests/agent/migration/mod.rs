//! The ways from Business to Enterprise, as the guide describes them: several agents, one portal, every "as a result".
//!
//! Each assertion names the sentence that it is about, in this project's words. Nothing brings a check-in forward where
//! the guide says that something happens at once or by itself; what an administrator changes in the portal arrives with
//! the next check-in, which [`news`] stands for.

use meridian::domain::digest::Digest;
use meridian::simulator::{DEMO_BUSINESS_KEY, DEMO_KEY, DEMO_SUBLICENSE_KEY, DEMO_TRIAL_KEY};
use reqwest::Method;
use serde_json::{Value, json};

use super::images::stage::{offered, until_images};
use super::support::{Company, TestEnvironment};

mod converted;
mod people;
mod permanent;

/// Who decides where a license-bound profile is respected, and where a policy stands above it.
const PROFILE: &str = "license-profile";
const POLICY: &str = "policy";

/// What the demo's Mac asks for before anybody manages it.
const LOCAL: [&str; 2] = ["remove-vm", "clone-vm"];

/// What it asks for under [`policy`].
const CORPORATE: [&str; 3] = ["create-vm", "add-vm", "clone-vm"];

fn policy() -> Value {
    json!({ "vms.corporate_only": true, "updates.check": "never" })
}

/// A license-bound profile, which is deprecated, bound to these keys; its id.
async fn profile(company: &Company, keys: Value) -> String {
    let draft = json!({"name": "Product Updates", "settings": {"updates.check": "weekly"}});
    let id = company.post("/configuration-profiles", draft).await["id"].as_str().unwrap().to_owned();
    company.put(&format!("/configuration-profiles/{id}/keys"), keys).await;
    id
}

/// Waits until this layer decides what both the profile and the policy say something of.
async fn decided_by(mac: &TestEnvironment, layer: &str) {
    let setting = mac.until_explained("updates.check", |setting| {
        setting.winner.as_ref().is_some_and(|winner| json!(winner.layer) == layer)
    });
    let setting = setting.await;
    let deprecated = setting.notes.iter().any(|note| note.contains("deprecated"));
    assert_eq!(deprecated, layer == PROFILE, "each use is noted, and nothing else: {setting:#?}");
}

/// A policy that carries a golden image for Apple silicon, whose file is this; the ids of the image and of the policy.
async fn golden(company: &Company, url: &str, bytes: &[u8]) -> (Value, String) {
    let file = json!({"enabled": true, "url": url, "sha256": Digest::of(bytes), "size": bytes.len(),
                      "unpacked_size": 4 * bytes.len()});
    let image = company.post("/images", json!({"name": "Windows 11", "files": {"arm64": file}})).await;
    let body = json!({"name": "Policy", "settings": policy(), "golden_images": [image["id"]]});
    let made = company.post("/policies", body).await;
    (image["id"].clone(), made["id"].as_str().unwrap().to_owned())
}

/// The golden image is offered to the Mac's user, or none is.
async fn is_offered(mac: &TestEnvironment, whether: bool) {
    let expected: &[&str] = if whether { &["Windows 11"] } else { &[] };
    let what = if whether { "offered" } else { "not offered" };
    until_images(mac, what, |view| offered(view, "ada") == expected).await;
}

/// The next check-in of a Mac: an agent follows one call of its portal a minute, and a test makes more changes than that.
async fn news(mac: &TestEnvironment) {
    mac.sync().await;
}

/// Nobody activated anything anew on this Mac, and its local restrictions are as they were.
fn nobody_noticed(mac: &TestEnvironment, key: &str) {
    assert_eq!((mac.runs("deactivate-license"), mac.runs("install-license")), (0, 0), "nobody reactivates");
    assert_eq!(mac.mac().licensing.installed.unwrap().key, key, "the copy keeps its key");
    assert_eq!(mac.restrictions(), LOCAL, "local restrictions hold until policies are assigned");
}
