//! A Mac for a test: a scratch root with the simulated tools, a portal in this process, the real agent as its own
//! process. All of it goes when the environment is dropped, whatever became of the test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use meridian::control::client::{Client, ClientError};
use meridian::control::view::{ExplainView, OutcomeView, SettingView, StatusView};
use meridian::paths::Paths;
use meridian::portal::demo::admin::Admin;
use meridian::portal::demo::agent::Agent;
use meridian::portal::demo::guard::Process;
use meridian::portal::demo::layout::{self, Root};
use meridian::portal::server::Running;
use meridian::simulator::{self, CallRecord, State};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

mod company;
pub(crate) mod image_server;
pub(crate) mod launchd;
mod lines;
mod setup;

pub(crate) use company::Company;
pub(crate) use lines::Lines;
pub(crate) use setup::Setup;

/// How long anything is waited for. It is long for slow machines; nothing that works takes so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(20);

/// How a command of the command line ended.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A Mac, its agent and its portal. The fields are dropped in this order: the agent before its root.
pub(crate) struct TestEnvironment {
    pub(crate) process: Option<Process>,
    pub(crate) agent: Agent,
    /// Several Macs may have it in common.
    pub(crate) portal: Arc<Running>,
    pub(crate) admin: Admin,
    /// The group into which the profile's token leads.
    pub(crate) group: String,
    root: Root,
}

impl TestEnvironment {
    /// A Mac as the demo shows it, which enrolls into a group without a policy.
    pub(crate) async fn start() -> Self {
        Setup::default().start().await
    }

    /// A Mac as the demo shows it, whose group has a policy of these settings from the start.
    pub(crate) async fn with_policy(settings: Value) -> Self {
        Setup::default().policy(settings).start().await
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn paths(&self) -> Paths {
        self.root.paths()
    }

    // The agent.

    pub(crate) fn start_agent(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.process = Some(self.agent.start().unwrap());
    }

    /// SIGKILL, as a power cut would do it. A tool that was about to be started holds the agent's lock and its socket until
    /// it runs; launchd starts an agent again later than that.
    pub(crate) async fn kill_agent(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill();
        process.wait().await.unwrap();
        let begun = Instant::now();
        while self.is_held() {
            assert!(begun.elapsed() < DEADLINE, "the agent's lock is held after its end");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn is_held(&self) -> bool {
        let lock = std::fs::File::open(self.paths().private().join("lock"));
        lock.is_ok_and(|lock| lock.try_lock().is_err())
            || std::os::unix::net::UnixStream::connect(self.paths().socket()).is_ok()
    }

    pub(crate) async fn cli<const N: usize>(&self, arguments: [&str; N]) -> Reply {
        let output = self.agent.command(&arguments).kill_on_drop(true).output().await.unwrap();
        Reply {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) async fn status(&self) -> Result<StatusView, ClientError> {
        self.agent.status().await
    }

    pub(crate) async fn explain(&self) -> ExplainView {
        self.agent.explain().await.unwrap()
    }

    /// Waits for a status.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&StatusView) -> bool) -> StatusView {
        let begun = Instant::now();
        loop {
            let status = self.status().await;
            match status {
                Ok(status) if fits(&status) => return status,
                status if begun.elapsed() > DEADLINE => self.give_up(what, &status),
                _ => sleep(GLANCE).await,
            }
        }
    }

    /// Waits until a setting is explained so.
    pub(crate) async fn until_explained(
        &self,
        key: &str,
        fits: impl Fn(&SettingView) -> bool,
    ) -> SettingView {
        let begun = Instant::now();
        loop {
            let explain = self.explain().await;
            let found = explain.settings.into_iter().find(|setting| setting.key == key);
            match found {
                Some(setting) if fits(&setting) => return setting,
                found if begun.elapsed() > DEADLINE => self.give_up(&format!("{key} explained so"), &found),
                _ => sleep(GLANCE).await,
            }
        }
    }

    /// Waits until what holds is on by this layer alone, observed to be so, and nothing is left to do.
    pub(crate) async fn until_settled(&self, layer: &str) -> ExplainView {
        let begun = Instant::now();
        loop {
            let explain = self.explain().await;
            let winners = winners(&explain);
            let plan = self.cli(["plan", "--json"]).await;
            let by_layer = !winners.is_empty() && winners.iter().all(|(_, winner)| winner == layer);
            if by_layer && plan.code == 0 && plan.json()["actions"] == json!([]) {
                return explain;
            }
            if begun.elapsed() > DEADLINE {
                self.give_up(&format!("settled by {layer}"), &(winners, plan));
            }
            sleep(GLANCE).await;
        }
    }

    /// Waits until the simulated Mac is so.
    pub(crate) async fn until_mac(&self, what: &str, fits: impl Fn(&State) -> bool) -> State {
        let begun = Instant::now();
        loop {
            let state = self.mac();
            if fits(&state) {
                return state;
            }
            if begun.elapsed() > DEADLINE {
                self.give_up(what, &state.service);
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until the Mac asks for a password for exactly these actions.
    pub(crate) async fn until_restricted(&self, names: &[&str]) {
        self.until_mac(&format!("restricted to {names:?}"), |state| restrictions(state) == names).await;
    }

    /// Waits until the portal shows it.
    pub(crate) async fn until_portal<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut(&Admin) -> Option<T>,
    ) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(&self.admin).await {
                return seen;
            }
            if begun.elapsed() > DEADLINE {
                self.give_up(what, &self.admin.list("/devices").await);
            }
            sleep(GLANCE).await;
        }
    }

    fn give_up(&self, what: &str, seen: &dyn std::fmt::Debug) -> ! {
        panic!(
            "not {what} within {DEADLINE:?}; seen {seen:#?}\nlog:\n{}",
            self.agent.log_tail(40).join("\n")
        );
    }

    /// Orders a check-in as soon as the agent listens. When that was.
    pub(crate) async fn order_sync(&self) -> Timestamp {
        loop {
            let client = Client::of(&self.paths());
            match tokio::task::spawn_blocking(move || client.sync()).await.unwrap() {
                Ok(ordered) => return ordered,
                Err(ClientError::NoSocket(_) | ClientError::Refused(_)) => sleep(GLANCE).await,
                Err(error) => self.give_up("accepted", &error),
            }
        }
    }

    /// Brings the next check-in forward and waits until it has ended, well or not.
    pub(crate) async fn sync(&self) -> StatusView {
        let ordered = tokio::time::timeout(DEADLINE, self.order_sync()).await.unwrap();
        let ended = |status: &StatusView| status.checkin.last.as_ref().is_some_and(|last| last.at >= ordered);
        self.until("checked in", ended).await
    }

    /// Waits until the agent is enrolled, has checked in and holds what the portal assigns.
    pub(crate) async fn until_enrolled(&self) -> StatusView {
        self.until("enrolled", |status| status.checkin.last_success.is_some() && status.assignment.is_some())
            .await
    }

    /// Waits until a policy is assigned and nothing is left to do.
    pub(crate) async fn until_enforced(&self) -> StatusView {
        self.until("enforced", |status| {
            let assigned = status.assignment.as_ref().is_some_and(|assignment| assignment.policy.is_some());
            assigned && status.checkin.last_success.is_some() && status.enforcement.settled
        })
        .await
    }

    /// Waits until the agent names this problem.
    pub(crate) async fn until_problem(&self, code: &str) -> StatusView {
        self.until(&format!("in trouble with {code}"), |status| has_problem(status, code)).await
    }

    // The Mac.

    pub(crate) fn mac(&self) -> State {
        State::load(self.root()).unwrap()
    }

    /// Changes the Mac as somebody in Parallels' own windows would.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut State)) {
        simulator::edit(self.root(), change).unwrap();
    }

    pub(crate) fn restrictions(&self) -> Vec<&'static str> {
        restrictions(&self.mac())
    }

    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        simulator::calls(self.root()).unwrap()
    }

    /// Installs the agent's profile with these items changed; null takes one away.
    pub(crate) fn change_profile(&self, changes: &Value) {
        let path = self.paths().managed_domain(meridian::paths::LABEL);
        let mut profile = plist::Value::from_file(&path).unwrap().into_dictionary().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match setup::property(value) {
                Some(value) => profile.insert(name.clone(), value),
                None => profile.remove(name),
            };
        }
        layout::install_agent_profile(&self.paths(), profile).unwrap();
    }

    // The portal.

    /// Gives the Mac's group a new policy of these settings.
    pub(crate) async fn assign(&self, settings: &Value) -> String {
        let policy = self.admin.create_policy("Policy", settings).await.unwrap();
        self.admin.assign(&self.group, Some(&policy)).await.unwrap();
        policy
    }

    /// Takes the policy from the Mac's group, and lets the agent hear of it.
    pub(crate) async fn unassign(&self) {
        self.admin.assign(&self.group, None).await.unwrap();
        self.sync().await;
    }

    /// Orders check-ins to go wrong until [`heal`](Self::heal).
    pub(crate) async fn misbehave(&self, endpoint: &str, fault: Value) {
        let order = json!({ "endpoint": endpoint, "fault": fault });
        self.admin.ask(Method::POST, "/faults", Some(&order)).await.unwrap();
    }

    pub(crate) async fn heal(&self) {
        self.admin.ask(Method::DELETE, "/faults", None).await.unwrap();
    }

    /// The device as the portal shows it, once it has checked in.
    pub(crate) async fn device(&self) -> Value {
        self.until_portal("seen by the portal", async |admin| {
            let devices = admin.list("/devices").await.unwrap();
            devices.into_iter().find(|device| device["last_reason"].is_string())
        })
        .await
    }

    /// Waits until the portal shows this Mac, of several, so.
    pub(crate) async fn until_device(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let status = self.until("a device of the portal", |status| status.portal.device.is_some()).await;
        let path = format!("/devices/{}", status.portal.device.unwrap());
        self.until_portal(what, async |admin| {
            let device = admin.ask(Method::GET, &path, None).await.unwrap();
            fits(&device).then_some(device)
        })
        .await
    }
}

pub(crate) fn restrictions(state: &State) -> Vec<&'static str> {
    state.service.require_password.names()
}

pub(crate) fn has_problem(status: &StatusView, code: &str) -> bool {
    status.health.problems.iter().any(|problem| problem.code == code)
}

/// The settings that are on, each with the layer that says so.
pub(crate) fn winners(explain: &ExplainView) -> Vec<(String, String)> {
    let holding = explain.settings.iter().filter(|setting| setting.outcome == OutcomeView::Holds);
    holding
        .filter(|setting| setting.value == Some(Value::Bool(true)))
        .filter_map(|setting| {
            let layer = serde_json::to_value(setting.winner.as_ref()?.layer).unwrap();
            Some((setting.key.clone(), layer.as_str()?.to_owned()))
        })
        .collect()
}

/// The processes among the calls: `sudo` and `launchctl` become the tool that they run.
pub(crate) fn processes(calls: &[CallRecord]) -> usize {
    calls.iter().map(|call| call.pid).collect::<std::collections::BTreeSet<_>>().len()
}
