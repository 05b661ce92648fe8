//! The package and the real agent: installed into a scratch root, run by the small launchd, with a portal and simulated tools.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::support::launchd::Launchd;
use super::super::support::{Setup, TestEnvironment};
use super::files::{below, is_to_rewrite, replace_folder, write};
use super::stand_ins::{Package, StandIns, Until, bare_mac};

const LOCAL: [&str; 2] = ["remove-vm", "clone-vm"];
const CORPORATE: [&str; 3] = ["create-vm", "add-vm", "clone-vm"];

/// Everything that the package, its scripts and the daemon make, and its mode; links have none. `*` is any name.
const MADE: [(&str, char, u32); 35] = [
    ("Library/LaunchDaemons/dev.meridian.agent.plist", '-', 0o644),
    ("Library/Application Support/Meridian", 'd', 0o755),
    ("Library/Application Support/Meridian/status.json", '-', 0o644),
    ("Library/Application Support/Meridian/private", 'd', 0o700),
    ("Library/Application Support/Meridian/private/*", '-', 0o600),
    ("Library/Application Support/Meridian/private/images", 'd', 0o700),
    ("Library/Logs/Meridian", 'd', 0o755),
    // launchd's, which stays empty, and the agent's own; then older ones and the archives of `diagnose`.
    ("Library/Logs/Meridian/daemon.log", '-', 0o600),
    ("Library/Logs/Meridian/meridian.log", '-', 0o600),
    ("Library/Logs/Meridian/*", '-', 0o600),
    ("opt", 'd', 0o755),
    ("opt/meridian", 'd', 0o755),
    ("opt/meridian/bin", 'd', 0o755),
    ("opt/meridian/bin/meridian", '-', 0o755),
    ("opt/meridian/folders", '-', 0o644),
    ("opt/meridian/libexec", 'd', 0o755),
    ("opt/meridian/libexec/*", '-', 0o755),
    ("opt/meridian/share", 'd', 0o755),
    ("opt/meridian/share/LICENSE", '-', 0o644),
    ("opt/meridian/share/completions", 'd', 0o755),
    ("opt/meridian/share/completions/*", '-', 0o644),
    ("opt/meridian/share/man", 'd', 0o755),
    ("opt/meridian/share/man/man1", 'd', 0o755),
    ("opt/meridian/share/man/man1/*", '-', 0o644),
    ("opt/meridian/uninstall", '-', 0o755),
    ("usr/local/bin/meridian", 'l', 0o777),
    ("usr/local/etc", 'd', 0o755),
    ("usr/local/etc/bash_completion.d", 'd', 0o755),
    ("usr/local/etc/bash_completion.d/meridian", 'l', 0o777),
    ("usr/local/share/*", 'd', 0o755),
    ("usr/local/share/*/*", 'd', 0o755),
    ("usr/local/share/man/man1/*", 'l', 0o777),
    ("usr/local/share/*/*/*", 'l', 0o777),
    ("var/run/meridian", 'd', 0o755),
    // Anyone may ask; what they get goes by their user id.
    ("var/run/meridian/agent.sock", 's', 0o666),
];

fn fits(pattern: &str, path: &Path) -> bool {
    let (pattern, path) = (Path::new(pattern), path.to_path_buf());
    pattern.components().count() == path.components().count()
        && pattern
            .components()
            .zip(path.components())
            .all(|(one, other)| one.as_os_str() == "*" || one == other)
}

/// A Mac with the package, a portal that it enrolls at, and a launchd that does what the scripts say.
struct Mac {
    environment: TestEnvironment,
    tools: StandIns,
    launchd: Launchd,
}

impl Mac {
    async fn with(setup: Setup) -> Self {
        let environment = setup.prepare().await;
        // The demo's layout has the agent's log folder already; a Mac has not.
        std::fs::remove_dir(environment.paths().logs()).unwrap();
        bare_mac(environment.root());
        let launchd = Launchd::new(environment.paths(), Duration::from_millis(10));
        Self { environment, tools: StandIns::new(), launchd }
    }

    /// Does something while launchd does what it is told.
    async fn meanwhile<T>(&mut self, work: impl AsyncFnOnce(&TestEnvironment, &StandIns) -> T) -> T {
        let (loaded, running) = (self.tools.state("loaded"), self.tools.state("running"));
        tokio::select! {
            never = self.launchd.obey(&loaded, &running) => never,
            done = work(&self.environment, &self.tools) => done,
        }
    }

    async fn install(&mut self) {
        let install = async |environment: &TestEnvironment, tools: &StandIns| {
            Package::of_this_build().install(tools, environment.root(), Until::TheEnd).await
        };
        let output = self.meanwhile(install).await;
        assert!(output.status.success(), "{output:?}");
    }

    async fn uninstall(&mut self, words: &[&str]) -> Output {
        let uninstall = async |environment: &TestEnvironment, tools: &StandIns| {
            let program = environment.root().join("opt/meridian/uninstall");
            tools.command(environment.root(), &program).args(words).output().await.unwrap()
        };
        self.meanwhile(uninstall).await
    }

    async fn until_enforced(&mut self) {
        self.meanwhile(async |environment, _| drop(environment.until_enforced().await)).await;
    }
}

fn corporate() -> Setup {
    Setup::default().policy(json!({ "vms.corporate_only": true }))
}

/// What may differ afterwards: the simulator's journal, and Parallels' settings, which are looked at by what they mean.
fn is_the_agents_or_the_macs(path: &Path) -> bool {
    !path.starts_with("var/db/prl-sim") && !path.starts_with("Library/Preferences/Parallels")
}

#[tokio::test]
async fn from_the_package_to_the_first_enforced_policy_and_back_to_nothing() {
    let mut mac = Mac::with(corporate()).await;
    let before = below(mac.environment.root());
    // Made once for all tests, and before the clock starts.
    Package::of_this_build();
    let begun = Instant::now();
    mac.install().await;
    mac.until_enforced().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "installed, enrolled and enforced in {took:?}");

    let logs = mac.environment.paths().logs();
    let archive = mac.environment.cli(["diagnose"]).await;
    assert!(Path::new(archive.stdout.lines().last().unwrap()).starts_with(&logs), "{archive:?}");

    let there = below(mac.environment.root());
    let new: Vec<_> = there.iter().filter(|(path, _)| !before.contains_key(*path)).collect();
    let mut used = BTreeSet::new();
    for (path, entry) in new.iter().filter(|(path, _)| is_the_agents_or_the_macs(path)) {
        let row = MADE.iter().position(|(pattern, kind, _)| fits(pattern, path) && *kind == entry.kind);
        let row = row.unwrap_or_else(|| panic!("{} is in no row of the table", path.display()));
        assert_eq!((entry.mode, entry.owner), (MADE[row].2, (0, 0)), "{}", path.display());
        let others_write = entry.mode & 0o022 != 0;
        assert!(!others_write || matches!(entry.kind, 'l' | 's'), "{}", path.display());
        used.insert(row);
    }
    let unused: Vec<_> = (0..MADE.len()).filter(|row| !used.contains(row)).map(|row| MADE[row].0).collect();
    assert!(unused.is_empty(), "nothing of {unused:?}");

    assert_eq!(std::fs::read_to_string(logs.join("daemon.log")).unwrap(), "", "nothing is written twice");

    let output = mac.uninstall(&["--restore", "--purge"]).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the portal knows") && said.contains("back."), "{said}");
    let device = mac.environment.device().await;
    assert_eq!(device["last_reason"], "uninstall");
    assert_eq!(mac.environment.restrictions(), LOCAL);
    let after = below(mac.environment.root());
    let paths =
        |entries: &std::collections::BTreeMap<PathBuf, _>| entries.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&after), paths(&before), "no path more and none less");
    for (path, entry) in before.iter().filter(|(path, _)| is_the_agents_or_the_macs(path)) {
        assert!(after[path] == *entry, "{} changed", path.display());
    }
}

#[tokio::test]
async fn what_cannot_be_put_back_keeps_the_agent_and_a_portal_that_is_away_does_not() {
    let mut mac = Mac::with(corporate()).await;
    mac.install().await;
    mac.until_enforced().await;
    mac.environment.edit(|state| state.service.running = false);
    let output = mac.uninstall(&["--restore"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().last().unwrap().starts_with("meridian: not removed"), "{said}");
    assert!(mac.tools.is_loaded() && mac.environment.paths().executable().is_file());

    mac.environment.edit(|state| state.service.running = true);
    mac.environment.misbehave("checkin", json!({ "kind": "down" })).await;
    let begun = Instant::now();
    let output = mac.uninstall(&[]).await;
    assert!(output.status.success() && begun.elapsed() < Duration::from_secs(15), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("could not be told"), "{said}");
    assert_eq!(mac.environment.restrictions(), CORPORATE, "without --restore what is set stays set");

    // Installed again, it goes on as the same device.
    mac.environment.heal().await;
    let device = mac.environment.device().await["id"].clone();
    mac.install().await;
    mac.meanwhile(async |environment, _| drop(environment.sync().await)).await;
    mac.until_enforced().await;
    assert_eq!(mac.environment.device().await["id"], device);
    assert_eq!(mac.environment.admin.list("/devices").await.unwrap().len(), 1);
}

/// The documents of every release that there was, and of this one.
fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/state")
}

/// With `MERIDIAN_REWRITE=1` it first writes the documents of this version, which are never written again once it is released.
#[tokio::test]
async fn an_upgrade_from_each_release_goes_on_with_its_state() {
    if is_to_rewrite() {
        let mut mac = Mac::with(corporate()).await;
        mac.install().await;
        mac.until_enforced().await;
        std::fs::remove_file(mac.tools.state("loaded")).unwrap();
        let running = mac.tools.state("running");
        mac.meanwhile(async |_, _| {
            while running.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let documents = below(&mac.environment.paths().private());
        let documents =
            documents.into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "json"));
        let documents = documents.map(|(path, entry)| (path, entry.content)).collect();
        replace_folder(&releases().join(env!("CARGO_PKG_VERSION")), &documents);
    }
    let mut count = 0;
    for release in releases().read_dir().unwrap() {
        let release = release.unwrap().path();
        let mut mac = upgrade(&release, |_| {}).await;
        let device = golden_device(&release);
        let check = async |environment: &TestEnvironment, _: &StandIns| {
            let status = environment.until("enforcing", |status| {
                status.enforcement.enforced > 0
                    && status.enforcement.tally.compliant == status.enforcement.enforced
            });
            let status = status.await;
            let context = (release.display(), &status.health.problems, &status.checkin);
            assert_eq!(json!(status.portal.device), device, "{context:?}");
            let codes: Vec<_> = status.health.problems.iter().map(|problem| problem.code.as_str()).collect();
            assert!(
                !codes.iter().any(|code| matches!(*code, "state-corrupt" | "baseline-lost")),
                "{codes:?}"
            );
        };
        mac.meanwhile(check).await;
        assert_eq!(mac.environment.restrictions(), CORPORATE, "{}", release.display());
        // And what that release had recorded is put back.
        let output = mac.uninstall(&["--restore", "--purge"]).await;
        assert!(output.status.success(), "{output:?}");
        assert_eq!(mac.environment.restrictions(), LOCAL, "{}", release.display());
        count += 1;
    }
    assert!(count > 0);
}

#[tokio::test]
async fn a_downgrade_sets_aside_what_it_cannot_read_and_loosens_nothing() {
    let release = releases().join(env!("CARGO_PKG_VERSION"));
    // A later release wrote these with another schema.
    let names = ["account.json", "trust.json"];
    let newer = |private: &Path| {
        for name in names {
            let text = std::fs::read_to_string(private.join(name)).unwrap();
            let Value::Object(mut document) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            document["schema"] = json!(99);
            let text = format!("99\n{}\n{}", document["generation"], document["body"]);
            document["digest"] = json!(meridian::domain::digest::Digest::of(text.as_bytes()));
            write(&private.join(name), serde_json::to_string(&document).unwrap().as_bytes());
        }
    };
    let mut mac = upgrade(&release, newer).await;
    let up = async |environment: &TestEnvironment, _: &StandIns| {
        environment.until_problem("state-corrupt").await;
        environment.until("up", |status| status.parallels.version.is_some()).await;
    };
    mac.meanwhile(up).await;
    assert_eq!(mac.environment.restrictions(), CORPORATE, "nothing is given back");
    let private = mac.environment.paths().private();
    for name in names {
        let kept = [private.join(name), private.join(format!("{name}.schema-99"))];
        let kept = kept.iter().filter_map(|path| std::fs::read_to_string(path).ok());
        assert!(
            kept.into_iter().any(|text| text.contains("\"schema\":99")),
            "{name} is there for the later release"
        );
    }
}

/// A Mac on which a release's policy is in force and its documents lie, with this package installed over it. Its portal is away.
async fn upgrade(release: &Path, change: impl Fn(&Path)) -> Mac {
    let mut mac = Mac::with(corporate()).await;
    mac.environment.misbehave("checkin", json!({ "kind": "down" })).await;
    mac.environment.misbehave("enrollments", json!({ "kind": "down" })).await;
    mac.environment.edit(|state| {
        let asks = &mut state.service.require_password;
        (asks.create_vm, asks.add_vm, asks.remove_vm, asks.clone_vm) = (true, true, false, true);
    });
    let private = mac.environment.paths().private();
    for entry in release.read_dir().unwrap() {
        let entry = entry.unwrap();
        write(&private.join(entry.file_name()), &std::fs::read(entry.path()).unwrap());
    }
    change(&private);
    mac.install().await;
    mac
}

fn golden_device(release: &Path) -> Value {
    let text = std::fs::read_to_string(release.join("identity.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["body"]["current"]["enrolled"]["device"].clone()
}
