//! Killed with SIGKILL at any moment of enrollment or of applying an assignment, the next start reaches the same end.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::support::{DEADLINE, Setup, TestEnvironment};
use super::{CORPORATE, LOCAL, corporate};

/// A moment at which the agent is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After so many calls of tools.
    Calls(usize),
    /// After so many changes of its own files.
    Files(usize),
}

/// The files of the agent and when each was last replaced, which tells a change whatever its content is.
type Files = BTreeMap<PathBuf, (u64, u64)>;

fn files(environment: &TestEnvironment) -> Files {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(environment.paths().private()).into_iter().flatten().flatten();
    let mark = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        let written = metadata.mtime_nsec().unsigned_abs() + metadata.mtime().unsigned_abs() * 1_000_000_000;
        Some((entry.path(), (metadata.ino(), written)))
    };
    entries.filter_map(mark).collect()
}

/// Kills the agent at the moment, or once all is done before that. True when the moment came.
async fn kill_at(environment: &mut TestEnvironment, moment: Moment, end: &[&str]) -> bool {
    let before = (environment.calls().len(), files(environment));
    environment.start_agent();
    let came = {
        // It checks in within 30 s of the last time only when it is asked to.
        let asked = async {
            environment.order_sync().await;
            std::future::pending::<bool>().await
        };
        tokio::select! {
            came = comes(environment, moment, before, end) => came,
            never = asked => never,
        }
    };
    environment.kill_agent().await;
    came
}

/// Waits for the moment. False when all is done before that.
async fn comes(
    environment: &TestEnvironment,
    moment: Moment,
    (calls_before, mut seen): (usize, Files),
    end: &[&str],
) -> bool {
    let begun = Instant::now();
    let mut changes = 0;
    loop {
        let now = files(environment);
        if now != seen {
            changes += 1;
            seen = now;
        }
        let came = match moment {
            Moment::Calls(count) => environment.calls().len() - calls_before >= count,
            Moment::Files(count) => changes >= count,
        };
        let over = environment.restrictions() == end && begun.elapsed() > Duration::from_millis(500);
        if came || over {
            return came;
        }
        assert!(begun.elapsed() < DEADLINE, "neither {moment:?} nor the end came");
        sleep(Duration::from_micros(200)).await;
    }
}

/// What has to be so in the end, whatever happened.
async fn reaches(environment: &TestEnvironment, end: &[&str], moment: Moment) {
    let synced = environment.sync().await;
    assert!(synced.checkin.last.unwrap().succeeded, "{moment:?}");
    environment.until_restricted(end).await;
    environment.until_settled(if end == LOCAL { "local" } else { "policy" }).await;
    let devices = environment.admin.list("/devices").await.unwrap();
    assert_eq!(devices.len(), 1, "{moment:?}: enrolled once");
    let status = environment.status().await.unwrap();
    assert_eq!(status.enforcement.tally.failed, 0, "{moment:?}");
    let codes: Vec<_> = status.health.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert!(
        !codes.iter().any(|code| matches!(*code, "state-corrupt" | "baseline-lost")),
        "{moment:?}: {codes:?}"
    );
}

/// The moments of a sweep: densely at first, where most is written.
fn moments() -> Vec<Moment> {
    let calls = [1, 4, 7, 9, 10, 11, 12, 13, 14].map(Moment::Calls);
    let files = [1, 2, 3, 4, 5, 6, 7, 8, 10].map(Moment::Files);
    calls.into_iter().chain(files).collect()
}

#[tokio::test]
async fn killed_while_it_enrolls_and_applies() {
    let mut came = 0;
    for moment in moments() {
        let mut environment = Setup::default().policy(corporate()).prepare().await;
        came += usize::from(kill_at(&mut environment, moment, &CORPORATE).await);
        environment.start_agent();
        reaches(&environment, &CORPORATE, moment).await;
        // The record from before the first change must have survived, too.
        environment.unassign().await;
        environment.until_restricted(&LOCAL).await;
    }
    assert!(came >= 12, "only {came} moments came; the sweep misses what it is about");
}

#[tokio::test]
async fn killed_while_it_gives_control_back() {
    let mut environment = TestEnvironment::with_policy(corporate()).await;
    for moment in [1, 2, 3].map(Moment::Files).into_iter().chain([1, 2, 3, 4].map(Moment::Calls)) {
        environment.until_restricted(&CORPORATE).await;
        environment.until_settled("policy").await;
        environment.kill_agent().await;
        environment.admin.assign(&environment.group, None).await.unwrap();
        kill_at(&mut environment, moment, &LOCAL).await;
        environment.start_agent();
        reaches(&environment, &LOCAL, moment).await;
        environment.assign(&corporate()).await;
        environment.sync().await;
    }
}

/// Damages or removes documents of a stopped agent while its portal is out of reach; then both come back.
async fn nothing_loosens_without(damage: impl Fn(&std::path::Path)) {
    let mut environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_settled("policy").await;
    // The generation before the last is the assignment without a policy.
    environment.unassign().await;
    environment.until_restricted(&LOCAL).await;
    environment.until_settled("local").await;
    environment.assign(&corporate()).await;
    environment.sync().await;
    environment.until_restricted(&CORPORATE).await;
    environment.until_settled("policy").await;
    environment.kill_agent().await;
    damage(&environment.paths().private());
    environment.misbehave("checkin", serde_json::json!({"kind": "down"})).await;
    environment.start_agent();
    environment.until("up again", |status| status.parallels.version.is_some()).await;
    environment.until_problem("state-corrupt").await;
    environment.until("looked", |status| status.parallels.version.is_some()).await;
    assert_eq!(environment.restrictions(), CORPORATE);
    environment.heal().await;
    environment.sync().await;
    assert_eq!(environment.restrictions(), CORPORATE);
}

#[tokio::test]
async fn a_damaged_assignment_gives_nothing_back() {
    nothing_loosens_without(|private| {
        let file = std::fs::OpenOptions::new().write(true).open(private.join("trust.json")).unwrap();
        file.set_len(100).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_lost_assignment_gives_nothing_back() {
    nothing_loosens_without(|private| {
        for name in ["trust.json", "trust.json.previous"] {
            std::fs::remove_file(private.join(name)).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_identity_gives_nothing_back() {
    nothing_loosens_without(|private| {
        for name in ["identity.json", "identity.json.previous"] {
            std::fs::OpenOptions::new().write(true).open(private.join(name)).unwrap().set_len(0).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_identity_that_lay_open_is_closed_and_told_and_goes_on() {
    let mut environment = TestEnvironment::with_policy(corporate()).await;
    let before = environment.until_enforced().await;
    environment.kill_agent().await;
    let identity = environment.paths().private().join("identity.json");
    std::fs::set_permissions(&identity, std::fs::Permissions::from_mode(0o644)).unwrap();
    environment.start_agent();
    let status = environment.until_problem("state-exposed").await;
    let told = status.health.problems.iter().find(|problem| problem.code == "state-exposed").unwrap();
    assert!(told.detail.contains("identity.json could be read or changed by others (mode 0644)"), "{told:?}");
    assert_eq!(std::fs::metadata(&identity).unwrap().permissions().mode() & 0o777, 0o600);
    let status = environment.until("up again", |status| status.enforcement.tally.compliant > 0).await;
    assert_eq!(status.portal.device, before.portal.device);
    let ages = [status, before].map(|status| status.checkin.last_success);
    assert!(ages[0].is_some(), "the last success is known from disk: {ages:?}");
    assert_eq!(environment.restrictions(), CORPORATE);
}

#[tokio::test]
async fn an_identity_of_another_user_is_refused_and_gives_nothing_back() {
    let mut environment = TestEnvironment::with_policy(corporate()).await;
    environment.until_enforced().await;
    environment.kill_agent().await;
    let private = environment.paths().private();
    for name in ["identity.json", "identity.json.previous"] {
        if std::os::unix::fs::chown(private.join(name), Some(12345), None).is_err() {
            return; // Only root can give a file away.
        }
    }
    environment.misbehave("checkin", serde_json::json!({"kind": "down"})).await;
    environment.start_agent();
    let status = environment.until_problem("state-exposed").await;
    let told = status.health.problems.iter().find(|problem| problem.code == "state-exposed").unwrap();
    assert!(told.detail.contains("it belongs to uid 12345"), "{told:?}");
    environment.until("looked", |status| status.parallels.version.is_some()).await;
    assert_eq!(environment.restrictions(), CORPORATE);
}
