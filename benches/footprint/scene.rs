//! The demo's Mac, with the real agent, a relay that counts, and a portal.
//!
//! In goes the agent's executable; out come the answers to what is measured. Everything lies below a scratch root.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use meridian::control::client::Client;
use meridian::control::view::{HealthState, StatusView};
use meridian::portal::demo::admin::Admin;
use meridian::portal::demo::agent::Agent;
use meridian::portal::demo::guard::Process;
use meridian::portal::demo::layout::{self, Root};
use meridian::portal::server::{Config, Portal, Running};
use meridian::simulator::{self, CallRecord, State};
use plist::{Dictionary, Value};
use serde_json::json;
use tokio::time::sleep;

use crate::Failed;
use crate::process::Proc;
use crate::relay::{Relay, Tally};

/// How long anything that is waited for may take; the longest is a check-in that a local change brings forward.
const LIMIT: Duration = Duration::from_secs(300);

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(2);

/// What takes longer than this is looked at a hundred times more rarely, so that the daemon is left alone.
const SOON: Duration = Duration::from_secs(3);

/// After a check-in, a change is told by another one within this time or not at all: 60 s between two, and a tick.
const FOLLOWING: SignedDuration = SignedDuration::from_secs(125);

/// Everything that takes part, in the order in which it is dropped.
pub(crate) struct Scene {
    daemon: Process,
    agent: Agent,
    admin: Admin,
    portal: Running,
    /// What went over the wire.
    pub(crate) wire: Tally,
    /// From the daemon's start until it was enrolled, saw the Mac as it should be, and waited for the portal.
    pub(crate) started_in: Duration,
    root: Root,
}

impl Scene {
    /// Lays the Mac, starts the portal and the daemon, and waits until the daemon has settled.
    ///
    /// # Errors
    /// Something does not start, or does not settle.
    pub(crate) async fn open(agent: &Path) -> Result<Self, Failed> {
        let root = Root::scratch()?;
        let simulator = PathBuf::from(env!("CARGO_BIN_EXE_prl-sim"));
        layout::lay(&root.paths(), &simulator, &State::demo())?;
        layout::install_parallels_profile(&root.paths())?;
        let relay = Relay::bind().await?;
        let origins = vec![relay.origin().to_owned()];
        let portal = Portal::start(Config { origins, ..Config::default() }).await?;
        layout::install_agent_profile(&root.paths(), profile(&portal).await?)?;
        let own = format!("http://{}", portal.address());
        let admin = Admin::new(&own, portal.admin_token(), &[])?;
        let wire = relay.run(portal.address());
        let agent = Agent::new(agent.to_owned(), root.paths());
        let begun = Instant::now();
        let daemon = agent.start()?;
        let mut scene = Self { daemon, agent, admin, portal, wire, started_in: Duration::ZERO, root };
        scene.until("the daemon settles", |status| settled(status) && status.checkin.wait_open).await?;
        scene.started_in = begun.elapsed();
        Ok(scene)
    }

    /// The daemon's process.
    pub(crate) fn process(&self) -> Proc {
        Proc::of(self.daemon.id())
    }

    /// Ends everything.
    pub(crate) async fn close(self) {
        self.daemon.stop().await;
        self.portal.shutdown().await;
    }

    /// The calls of tools so far.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn calls(&self) -> Result<Vec<CallRecord>, Failed> {
        Ok(simulator::calls(self.root.path())?)
    }

    /// Assigns the demo's policy; how long it took from the portal's assignment to observed enforcement.
    ///
    /// # Errors
    /// The portal refuses, or it is not enforced.
    pub(crate) async fn assign(&self) -> Result<Duration, Failed> {
        let settings = json!({
            "vms.corporate_only": true,
            "restrict.preferences": true,
            "reports.attach_screenshots": false,
            "updates.stay_on_major": false,
        });
        let policy = self.admin.create_policy("Sales Macs", &settings).await?;
        let group = self.admin.create_group("Sales").await?;
        self.admin.assign(&group, Some(&policy)).await?;
        let devices = self.admin.list("/devices").await?;
        let device = devices.iter().find_map(|device| device["id"].as_str()).ok_or("no device")?;
        let begun = Instant::now();
        self.admin.move_device(device, Some(&group)).await?;
        self.until_state("the policy is enforced", |state| {
            let asked = state.service.require_password.names();
            asked == ["create-vm", "add-vm", "clone-vm"]
        })
        .await?;
        let assigned = |status: &StatusView| {
            settled(status)
                && status.assignment.as_ref().is_some_and(|assignment| assignment.policy.is_some())
        };
        self.until("the enforcement is observed", assigned).await?;
        Ok(begun.elapsed())
    }

    /// Switches two restrictions off that the agent had switched on, behind its back and one after the other; the longer
    /// time until one was put right.
    ///
    /// # Errors
    /// One is not put right.
    pub(crate) async fn drift(&self) -> Result<Duration, Failed> {
        type Restriction = fn(&mut State) -> &mut bool;
        let restrictions: [Restriction; 2] = [
            |state| &mut state.service.require_password.create_vm,
            |state| &mut state.service.require_password.add_vm,
        ];
        let mut longest = Duration::ZERO;
        for (done, restriction) in (1..).zip(restrictions) {
            simulator::edit(self.root.path(), |state| *restriction(state) = false)?;
            let begun = Instant::now();
            self.until_state("drift is put right", |state| *restriction(&mut state.clone())).await?;
            longest = longest.max(begun.elapsed());
            let counted = |status: &StatusView| settled(status) && status.enforcement.corrections >= done;
            self.until("drift is counted", counted).await?;
        }
        Ok(longest)
    }

    /// Waits until nothing is under way: the next check-in is further away than `watched`, and the portal can wake the agent.
    ///
    /// # Errors
    /// It does not come to that.
    pub(crate) async fn rest(&self, watched: Duration) -> Result<(), Failed> {
        let idle = |status: &StatusView| {
            let next = status.checkin.next.as_ref();
            let left = next.map(|next| next.at.duration_since(status.written_at).unsigned_abs());
            // What has just changed is told at most a minute after the check-in before it.
            let last = status.checkin.last.as_ref();
            let told = last.is_some_and(|last| status.written_at.duration_since(last.at) > FOLLOWING);
            settled(status) && status.checkin.wait_open && told && left.is_some_and(|left| left > watched)
        };
        loop {
            self.until("the agent rests", idle).await?;
            let before = (self.calls()?.len(), self.wire.checkins().len());
            sleep(Duration::from_secs(3)).await;
            if before == (self.calls()?.len(), self.wire.checkins().len()) {
                return Ok(());
            }
        }
    }

    /// Asks for a check-in and waits until the portal has answered it.
    ///
    /// # Errors
    /// The daemon refuses, or does not check in.
    pub(crate) async fn check_in(&self) -> Result<(), Failed> {
        let before = self.wire.checkins().len();
        let client = Client::of(&self.root.paths());
        tokio::task::spawn_blocking(move || client.sync()).await??;
        let begun = Instant::now();
        while self.wire.checkins().len() == before {
            if begun.elapsed() > LIMIT {
                return Err("a check-in that was asked for did not come".into());
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// The time that one call of a tool takes here, measured without the agent.
    ///
    /// # Errors
    /// The tool cannot be run.
    pub(crate) async fn one_process(&self) -> Result<Duration, Failed> {
        const REPETITIONS: usize = 9;
        let tool = self.root.path().join("Applications/Parallels Desktop.app/Contents/MacOS/prlsrvctl");
        let mut times = Vec::new();
        for _ in 0..REPETITIONS {
            let mut command = Command::new(&tool);
            command.args(["info", "--json"]).stdin(Stdio::null()).stdout(Stdio::null());
            let begun = Instant::now();
            command.status()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times.get(REPETITIONS / 2).copied().unwrap_or_default())
    }

    async fn until(&self, what: &str, so: impl Fn(&StatusView) -> bool) -> Result<(), Failed> {
        let begun = Instant::now();
        loop {
            let status = self.agent.status().await;
            if status.as_ref().is_ok_and(&so) {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                let log = self.agent.log_tail(15).join("\n");
                return Err(format!("waited in vain until {what}; {status:#?}\n{log}").into());
            }
            sleep(if begun.elapsed() < SOON { GLANCE } else { GLANCE * 100 }).await;
        }
    }

    async fn until_state(&self, what: &str, so: impl Fn(&State) -> bool) -> Result<(), Failed> {
        let begun = Instant::now();
        while !so(&State::load(self.root.path())?) {
            if begun.elapsed() > LIMIT {
                return Err(format!("waited in vain until {what}").into());
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }
}

/// Whether the agent has looked, has heard from the portal, and has nothing to put right.
fn settled(status: &StatusView) -> bool {
    status.health.state != HealthState::Starting && status.assignment.is_some() && status.enforcement.settled
}

async fn profile(portal: &Running) -> Result<Dictionary, Failed> {
    let token = portal.enrollment_token("The Mac of the bench", None).await?;
    let items = [
        ("PortalURL", portal.origin().to_owned()),
        ("PortalRootKey", portal.root_key().to_string()),
        ("EnrollmentToken", token),
        ("PayloadUUID", "B0A7E2C4-3D5F-4E6A-8B9C-0D1E2F3A4B5C".to_owned()),
    ];
    Ok(items.map(|(name, value)| (name.to_owned(), Value::String(value))).into_iter().collect())
}
