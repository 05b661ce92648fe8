//! What a verification costs: two processes by the simulator's journal, one request by the portal's log.

use super::*;
use crate::support::Lines;

#[tokio::test]
async fn a_verification_costs_two_processes_and_one_request() {
    let log = Lines::default();
    let _writing = log.write(tracing::Level::INFO);
    let (company, of, mac) = leased().await;
    mac.sync().await;
    let requests = || log.count("path=\"/v1/checkin\"");
    let (before, verbs, seq) = (requests(), mac.verbs().len(), seq(&mac).await);
    // Parallels' server has moved the copy to another edition, and Parallels Desktop has fetched that by itself.
    mac.edit(|state| {
        let key = state.licensing.keys.get_mut(DEMO_BUSINESS_KEY).unwrap();
        "enterprise".clone_into(&mut key.terms.edition);
        "enterprise".clone_into(&mut state.licensing.installed.as_mut().unwrap().terms.edition);
    });
    mac.until("verified", |status| status.license.lease.as_ref().is_some_and(|lease| lease.seq > seq)).await;
    mac.until("active", |status| status.license.stage == license::Stage::Active).await;
    assert_eq!(
        mac.verbs()[verbs..],
        ["info", "update-license", "info"],
        "what was noticed, and two processes"
    );
    assert_eq!(requests() - before, 1, "one request");
    assert_eq!(company.used(&of).await, 1);
}

#[tokio::test]
async fn a_command_is_answered_once_and_verifies_at_once() {
    let log = Lines::default();
    let _writing = log.write(tracing::Level::INFO);
    let (company, _, mac) = leased().await;
    mac.sync().await;
    let requests = || log.count("path=\"/v1/checkin\"");
    let (before, verbs, seq) = (requests(), mac.verbs().len(), seq(&mac).await);
    let device = mac.status().await.unwrap().portal.device.unwrap();
    let ordered = json!({"kind": "verify_license"});
    company.post(&format!("/devices/{device}/commands"), ordered).await;
    mac.until("verified", |status| status.license.lease.as_ref().is_some_and(|lease| lease.seq > seq)).await;
    assert_eq!(mac.verbs()[verbs..], ["update-license", "info"], "two processes");
    assert_eq!(requests() - before, 2, "one that fetched the command, and one");
}

async fn seq(mac: &TestEnvironment) -> u64 {
    mac.status().await.unwrap().license.lease.unwrap().seq
}
