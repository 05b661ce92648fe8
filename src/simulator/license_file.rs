//! `/Library/Preferences/Parallels/licenses.json`. In: the state; out: the file's text, or that there is no file.
//!
//! Its fields are known from parallels-vscode-extension's `ParallelsJsonLicense.ts`, which reads it as an ordinary user.
//! The inner document is a string of JSON. It holds the whole key here, which is the worst that a reader must be safe
//! with; that the file goes away with the license, and the number of the Enterprise edition, are inventions.

use serde_json::{Value, json};

use super::licensing::{Installed, Standing};
use super::prlctl::uuid_of;
use super::state::State;

/// When the license began and this Mac was activated; the stand-in has no clock.
const STARTED: &str = "2026-09-01 00:00:00";

/// The file's text; without a license there is no file.
pub(super) fn render(state: &State) -> Option<String> {
    let license = inner(state.licensing.installed.as_ref()?, state);
    let outer = json!({
        "license": license.to_string(),
        "publicCerts": ["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"],
        "signature": "c2ltdWxhdGVkIHNpZ25hdHVyZQ==",
    });
    Some(format!("{outer}\n"))
}

fn inner(license: &Installed, state: &State) -> Value {
    let terms = &license.terms;
    let parent = terms.sublicense_of.as_deref();
    let major = state.parallels.version.split('.').next().unwrap_or_default();
    json!({
        "name": "Parallels Desktop for Mac",
        "uuid": uuid_of(license.key.as_bytes()),
        "lic_key": license.key,
        "product_version": format!("{major}.*"),
        "is_upgrade": false,
        "is_sublicense": parent.is_some(),
        "parent_key": parent,
        "parent_uuid": parent.map(|key| uuid_of(key.as_bytes())),
        "main_period_ends_at": terms.main_period_ends_at,
        "grace_period_ends_at": terms.grace_period_ends_at,
        "is_auto_renewable": !terms.trial,
        "is_nfr": false,
        "is_beta": false,
        "is_china": false,
        "is_suspended": terms.suspended,
        "is_expired": terms.standing == Standing::Expired,
        "is_grace_period": terms.standing == Standing::Graced,
        "is_purchased_online": false,
        "limit": 1,
        "usage": 1,
        "edition": edition(&terms.edition),
        "platform": 3,
        "product": 7,
        "offline": false,
        "is_bytebot": false,
        "cpu_limit": terms.cpu_total,
        "ram_limit": terms.max_memory_mb,
        "is_trial": terms.trial,
        "hosts": [{
            "name": state.host.hostname,
            "hw_id": state.parallels.hardware_id,
            "product_version": state.parallels.version,
            "activated_at": STARTED,
        }],
        "started_at": STARTED,
        "cep_option": false,
    })
}

/// The number of an edition; that of Enterprise is not known, so 4 is an invention.
fn edition(name: &str) -> u8 {
    match name {
        "standard" => 1,
        "business" => 2,
        "pro" => 3,
        "enterprise" => 4,
        _ => 0,
    }
}
