//! Licenses on one Mac: what an order to give one back does, what a verification costs, and that no key is ever told.

use jiff::Timestamp;
use meridian::clock::{Clock, SystemClock};
use meridian::license;
use meridian::simulator::DEMO_BUSINESS_KEY;
use serde_json::{Value, json};

use super::support::{Company, TestEnvironment};

mod cost;
mod hammer;
mod orders;
mod secrets;

fn now() -> Timestamp {
    SystemClock.now()
}

/// An organization, the id of its license, and a Mac that has it.
type Stage = (Company, String, TestEnvironment);

/// A Mac with a lease, which activates with a key by itself.
async fn leased() -> Stage {
    let company = Company::new().await;
    let license = company.license("business", "per_device", Some(DEMO_BUSINESS_KEY)).await;
    let mac = company.mac(DEMO_BUSINESS_KEY).await;
    mac.install_key(DEMO_BUSINESS_KEY);
    mac.until_leased(&license, "business").await;
    mac.until("active", |status| status.license.stage == license::Stage::Active).await;
    (company, license, mac)
}

/// Waits until the Mac has come through a deactivation after this time: the portal knows of it, and the license is active
/// again.
async fn until_back((company, license, mac): &Stage, since: Timestamp) {
    mac.until("back", |status| {
        let view = &status.license;
        let told = view.deactivation.as_ref().is_some_and(|it| it.at >= since && it.told_at.is_some());
        told && view.stage == license::Stage::Active
            && view.reactivation.is_none()
            && view.verification.since.is_none()
    })
    .await;
    mac.until_leased(license, "business").await;
    assert_eq!(company.used(license).await, 1, "the seat is taken once");
}
