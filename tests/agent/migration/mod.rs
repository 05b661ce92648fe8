//! The ways from Business to Enterprise, as the guide describes them: several agents, one portal, every "as a result".
//!
//! Each assertion names the sentence that it is about, in this project's words. Nothing brings a check-in forward where
//! the guide says that something happens at once or by itself; what an administrator changes in the portal arrives with
//! the next check-in, which [`news`] stands for.

use meridian::simulator::{DEMO_BUSINESS_KEY, DEMO_KEY, DEMO_SUBLICENSE_KEY, DEMO_TRIAL_KEY};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Company, TestEnvironment};

mod converted;
mod people;
mod permanent;

/// What the demo's Mac asks for before anybody manages it.
const LOCAL: [&str; 2] = ["remove-vm", "clone-vm"];

/// What it asks for under [`policy`].
const CORPORATE: [&str; 3] = ["create-vm", "add-vm", "clone-vm"];

fn policy() -> Value {
    json!({ "vms.corporate_only": true })
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
