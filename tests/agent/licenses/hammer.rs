//! `deactivate-license` at random moments: whatever was up, down, slow or killed, both sides agree in the end, and nothing
//! has happened twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;

/// How many Macs are ordered about at the same time, each with a portal of its own, whose weather is its own, too.
const MACS: u32 = 4;

/// A row of draws that is the same each time (xorshift).
struct Draws(u32);

impl Draws {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % bound
    }

    async fn pause(&mut self, ms: u32) {
        sleep(Duration::from_millis(self.below(ms).into())).await;
    }
}

/// How often Parallels' tool did this and said that it had.
fn done(mac: &TestEnvironment, verb: &str) -> usize {
    let calls = mac.calls();
    calls.iter().filter(|call| call.code == 0 && call.argv.first().is_some_and(|word| word == verb)).count()
}

/// Lets the portal be up, down or slow.
async fn weather(mac: &TestEnvironment, draws: &mut Draws) {
    let fault = match draws.below(3) {
        0 => json!({"kind": "down"}),
        1 => json!({"kind": "slow", "ms": draws.below(300)}),
        _ => return,
    };
    mac.misbehave("checkin", fault).await;
}

/// An order while the daemon is up, down or killed, and while the command itself may be killed, as MDM kills what takes too
/// long. Meanwhile the weather becomes fine.
async fn order(mac: &mut TestEnvironment, id: &str, draws: &mut Draws) {
    let (daemon, is_killed) = (draws.below(4), draws.below(6) == 0);
    if daemon == 0 {
        mac.kill_agent().await;
    }
    let mut command = mac.agent.command(&["deactivate-license", "--id", id, "--timeout", "20"]);
    let mut command = command.kill_on_drop(true).stdout(std::process::Stdio::null()).spawn().unwrap();
    draws.pause(120).await;
    if is_killed {
        command.start_kill().unwrap();
    }
    if daemon == 1 {
        draws.pause(60).await;
        mac.kill_agent().await;
    }
    draws.pause(60).await;
    mac.heal().await;
    if daemon < 2 {
        // Before the command ends, or after it.
        draws.pause(60).await;
        mac.start_agent();
    }
    // The time until an agent tries again that missed the portal.
    mac.sync().await;
    let ended = command.wait().await.unwrap();
    assert!(is_killed || ended.success(), "{id}: {ended}");
}

async fn round(stage: &mut Stage, number: u32, draws: &mut Draws) {
    let (since, mac) = (now(), &mut stage.2);
    let counts = |mac: &TestEnvironment| (done(mac, "deactivate-license"), done(mac, "install-license"));
    let (deactivated, installed) = counts(mac);
    weather(mac, draws).await;
    let id = format!("round-{number}");
    order(mac, &id, draws).await;
    // MDM gives an order again of which it does not know what became.
    let again = mac.cli(["deactivate-license", "--id", &id, "--timeout", "20", "--json"]).await;
    assert_eq!(again.code, 0, "{id}: {again:?}");
    until_back(stage, since).await;
    let (_, license, mac) = &*stage;
    let told = mac.cli(["deactivate-license", "--id", &id, "--require-ack", "--json"]).await;
    assert_eq!((told.code, &told.json()["told"]), (0, &json!(true)), "{id}: the journal is done: {told:?}");
    assert_eq!(counts(mac), (deactivated + 1, installed + 1), "{id}: once each\n{:#?}", mac.verbs());
    assert_eq!(mac.mac().licensing.installed.unwrap().key, DEMO_BUSINESS_KEY);
    let device = mac.until_leased(license, "business").await;
    let seq = mac.status().await.unwrap().license.lease.unwrap().seq;
    assert_eq!(device["license"]["seq"], json!(seq), "{id}: the same lease on both sides");
}

async fn hammer(rounds: u32) {
    let begun = Instant::now();
    let macs = (0..MACS).map(|mac| async move {
        let mut stage = leased().await;
        let mut draws = Draws(0x2026_1124 + mac);
        for number in 0..rounds / MACS {
            round(&mut stage, number, &mut draws).await;
        }
    });
    let tasks = tokio::task::LocalSet::new();
    let all: Vec<_> = macs.map(|mac| tasks.spawn_local(mac)).collect();
    tasks.await;
    for mac in all {
        mac.await.unwrap();
    }
    eprintln!("{rounds} orders in {:.1} s", begun.elapsed().as_secs_f64());
}

#[tokio::test]
async fn a_hundred_orders_at_random_moments_end_in_one_state_on_both_sides() {
    hammer(100).await;
}

#[tokio::test]
#[ignore = "the same for longer: cargo test --test agent a_thousand -- --ignored"]
async fn a_thousand_orders_at_random_moments_end_in_one_state_on_both_sides() {
    hammer(1_000).await;
}
