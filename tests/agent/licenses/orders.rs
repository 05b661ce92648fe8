//! `meridian deactivate-license`: with the daemon running, dead or hung; twice; without the service; without the portal.

use std::time::Duration;

use meridian::simulator::{Fault, FaultKind, Start};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::*;
use crate::support::Reply;

const ORDER: [&str; 3] = ["deactivate-license", "--id", "order"];

fn signal(mac: &TestEnvironment, signal: Signal) {
    let daemon = mac.process.as_ref().unwrap().id();
    kill_process(Pid::from_raw(daemon).unwrap(), signal).unwrap();
}

fn verdict(reply: &Reply) -> &str {
    assert!(reply.stdout.len() < 10_000 && reply.stderr.len() < 10_000, "{reply:?}");
    reply.stdout.trim_end().lines().last().unwrap_or_default()
}

fn is_without_license(mac: &TestEnvironment) -> bool {
    mac.mac().licensing.installed.is_none()
}

#[tokio::test]
async fn with_the_daemon_running_the_portal_knows_before_it_ends_and_the_mac_is_back_at_once() {
    let stage = leased().await;
    let (_, _, mac) = &stage;
    let since = now();
    let reply = mac.cli(ORDER).await;
    assert_eq!((reply.code, verdict(&reply)), (0, "✓ The license is given back; the portal knows."));
    until_back(&stage, since).await;
    assert_eq!(
        mac.verbs().iter().filter(|verb| *verb != "info").collect::<Vec<_>>(),
        ["deactivate-license", "install-license", "update-license"],
        "given back, activated by the key, verified at once"
    );
    let shown = mac.cli(["license", "--json"]).await.json();
    assert_eq!(shown["license"]["deactivation"]["order"], "order");
    // The same order again does nothing, also with the words of a program.
    let again = mac.cli(["deactivate-license", "--id", "order", "--json", "--require-ack"]).await;
    assert_eq!((again.code, &again.json()["outcome"]), (0, &json!("already-done")));
    assert_eq!((mac.runs("deactivate-license"), mac.runs("install-license")), (1, 1));
    // Another one is another one.
    let since = now();
    let other = mac.cli(["deactivate-license", "--id", "other", "--json"]).await;
    assert_eq!((other.code, &other.json()["outcome"]), (0, &json!("deactivated")));
    until_back(&stage, since).await;
}

#[tokio::test]
async fn with_the_daemon_dead_or_hung_the_effect_is_here_and_the_portal_hears_of_it_later() {
    for hung in [false, true] {
        let (mut stage, since) = (leased().await, now());
        let mac = &mut stage.2;
        if hung {
            signal(mac, Signal::STOP)
        } else {
            mac.kill_agent().await
        }
        let begun = Instant::now();
        let reply = mac.cli(["deactivate-license", "--id", "order", "--require-ack", "--timeout", "5"]).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "it ends in time: {:?}", begun.elapsed());
        let words = match hung {
            true => "✓ The license is given back; the portal is told once the daemon answers again.",
            false => "✓ The license is given back; the portal is told once the daemon runs;",
        };
        assert!(reply.code == 6 && reply.stdout.contains(words), "the portal does not know yet: {reply:?}");
        assert!(
            hung || begun.elapsed() < Duration::from_secs(4),
            "nobody is waited for: {:?}",
            begun.elapsed()
        );
        let again = mac.cli(ORDER).await;
        assert_eq!(again.code, 0, "done here, which is enough where nobody requires more: {again:?}");
        assert!(is_without_license(mac));
        assert_eq!(stage.0.used(&stage.1).await, 1, "the portal does not know");
        if hung {
            signal(mac, Signal::CONT)
        } else {
            mac.start_agent()
        }
        until_back(&stage, since).await;
        let mac = &stage.2;
        let told = mac.deactivate("order").await.json();
        assert_eq!((&told["outcome"], &told["told"]), (&json!("already-done"), &json!(true)));
        assert_eq!((mac.runs("deactivate-license"), mac.runs("install-license")), (1, 1), "hung: {hung}");
    }
}

#[tokio::test]
async fn twice_at_once_is_once() {
    let stage = leased().await;
    let (_, _, mac) = &stage;
    let since = now();
    mac.edit(|state| {
        let slow = Fault::of(FaultKind::Slow { ms: 300 }).at("deactivate-license");
        state.faults.insert("slow".to_owned(), slow);
    });
    let (first, second) = tokio::join!(mac.cli(ORDER), mac.cli(ORDER));
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    until_back(&stage, since).await;
    assert_eq!((mac.runs("deactivate-license"), mac.runs("install-license")), (1, 1), "one order");
    let since = now();
    let (first, second) = tokio::join!(
        mac.cli(["deactivate-license", "--id", "a"]),
        mac.cli(["deactivate-license", "--id", "b"])
    );
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    until_back(&stage, since).await;
    let deactivations = mac.runs("deactivate-license");
    assert!((2..=3).contains(&deactivations), "two that meet are served by one: {deactivations}");
}

#[tokio::test]
async fn a_stopped_service_is_started_and_one_that_does_not_start_is_waited_for() {
    let stage = leased().await;
    let (_, _, mac) = &stage;
    let since = now();
    mac.edit(|state| state.service.running = false);
    let reply = mac.cli(ORDER).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    until_back(&stage, since).await;
    assert!(mac.mac().service.running);

    let since = now();
    mac.edit(|state| (state.service.running, state.service.start) = (false, Start::Fails));
    let reply = mac.cli(["deactivate-license", "--id", "later", "--timeout", "12", "--json"]).await;
    assert_eq!((reply.code, &reply.json()["outcome"]), (1, &json!("failed")), "{reply:?}");
    assert!(reply.json()["trouble"].as_str().unwrap().contains("did not start"), "{reply:?}");
    mac.until_problem("license-deactivation-pending").await;
    assert!(!is_without_license(mac), "nothing is done that is not done");
    let runs = mac.runs("install-license");
    mac.edit(|state| (state.service.running, state.service.start) = (true, Start::Works));
    mac.sync().await;
    mac.until_mac("given back and activated again", |_| mac.runs("install-license") > runs).await;
    until_back(&stage, since).await;
    assert_eq!(mac.deactivate("later").await.json()["outcome"], "already-done");
}

#[tokio::test]
async fn without_the_portal_it_ends_in_time_and_says_so() {
    let stage = leased().await;
    let (company, license, mac) = &stage;
    let since = now();
    mac.misbehave("checkin", json!({"kind": "down"})).await;
    let begun = Instant::now();
    let reply = mac.cli(["deactivate-license", "--id", "order", "--require-ack", "--timeout", "5"]).await;
    assert!(reply.code == 6 && begun.elapsed() < Duration::from_secs(8), "{reply:?} {:?}", begun.elapsed());
    assert_eq!(company.used(license).await, 1);
    mac.heal().await;
    mac.sync().await;
    until_back(&stage, since).await;
    assert_eq!(mac.runs("deactivate-license"), 1);
}

#[tokio::test]
async fn a_tool_that_hangs_does_not_hold_it_and_one_that_did_its_work_is_believed() {
    let stage = leased().await;
    let (_, _, mac) = &stage;
    for (name, applied, code) in [("hangs", false, 1), ("hangs-after", true, 0)] {
        let since = now();
        mac.edit(|state| {
            let kind = FaultKind::Hang { ignore_sigterm: true, applied };
            state.faults.insert("hang".to_owned(), Fault::of(kind).at("deactivate-license").times(1));
        });
        let begun = Instant::now();
        let reply = mac.cli(["deactivate-license", "--id", name, "--timeout", "6"]).await;
        assert!(begun.elapsed() < Duration::from_secs(9), "{name}: {:?}", begun.elapsed());
        assert_eq!(reply.code, code, "{name}: {reply:?}");
        if code == 1 {
            assert!(verdict(&reply).contains("is not carried out yet; it is written down"), "{reply:?}");
        }
        until_back(&stage, since).await;
    }
}

#[tokio::test]
async fn the_raw_command_has_the_same_consequences() {
    let stage = leased().await;
    let (_, _, mac) = &stage;
    let since = now();
    assert!(mac.raw_deactivation().await);
    until_back(&stage, since).await;
    let shown = mac.cli(["license", "--json"]).await.json();
    assert_eq!(shown["license"]["deactivation"]["order"], Value::Null, "by hand");
    assert_eq!((mac.runs("deactivate-license"), mac.runs("install-license")), (1, 1));
}

#[tokio::test]
async fn wrong_command_lines_and_a_mac_without_a_license_have_their_codes() {
    let stage = leased().await;
    let (company, license, mac) = &stage;
    for wrong in [["--id", ""], ["--timeout", "4"], ["--timeout", "301"], ["--id", "a\nb"]] {
        let reply = mac.cli(["deactivate-license", wrong[0], wrong[1]]).await;
        assert_eq!(reply.code, 2, "{reply:?}");
    }
    mac.install_sign_in();
    mac.deactivate("first").await;
    mac.until_device("released", |it| it["license"]["state"] == "released").await;
    let reply = mac.cli(["deactivate-license", "--id", "second", "--require-ack", "--json"]).await;
    assert_eq!((reply.code, &reply.json()["outcome"]), (0, &json!("nothing-to-do")), "{reply:?}");
    assert_eq!((mac.runs("deactivate-license"), company.used(license).await), (1, 0));
}
