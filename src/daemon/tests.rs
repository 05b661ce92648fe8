//! The observer and the enforcer on one board, with the simulator's answers in the place of processes.

#![expect(clippy::disallowed_methods, reason = "a test takes a folder away as a user would")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::board::{Assigned, Board};
use super::documents::Account;
use super::enforcer::Enforcer;
use super::inputs::Profile;
use super::licensing;
use super::observer::Observer;
use super::tasks::drive;
use super::ticker::Ticker;
use super::watch::Watch;
use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::hypervisor::outcome::{Answer, Output};
use crate::hypervisor::runner::Runner;
use crate::paths::Paths;
use crate::plan::memory::Baseline;
use crate::simulator::{Call, Caller, State, Tool, follow};
use crate::state::Store;
use crate::wire::assignment::Assignment;
use crate::wire::checkin::ComplianceState;

#[path = "tests/licensing.rs"]
mod license;
#[path = "tests/weeks.rs"]
mod weeks;

/// Wall time that goes with the runtime's paused time.
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.0.elapsed()).unwrap();
        Timestamp::from_second(1_764_000_000).unwrap() + passed
    }

    fn uptime(&self) -> SignedDuration {
        SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// What the daemon's tasks stand on.
type Ground = (Arc<Store>, Ticker, Arc<Runner>);

/// A Mac in memory, over a scratch folder for the documents.
struct Mac {
    root: tempfile::TempDir,
    state: Arc<Mutex<State>>,
    calls: Arc<Mutex<Vec<String>>>,
    clock: Arc<PausedClock>,
    board: watch::Sender<Board>,
    orders: Arc<Notify>,
    executor: Mutex<Option<licensing::Executor>>,
    ground: Mutex<Option<Ground>>,
    /// Calls that begin so fail.
    broken: Arc<Mutex<Option<&'static str>>>,
    /// The runner of the daemon that runs.
    tools: Mutex<Option<Arc<Runner>>>,
}

impl Mac {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let system = Paths::under(root.path()).system_version();
        std::fs::create_dir_all(system.parent().unwrap()).unwrap();
        std::fs::create_dir_all(Paths::under(root.path()).parallels_app()).unwrap();
        plist::to_file_xml(system, &plist::Dictionary::from_iter([("ProductVersion", "26.1")])).unwrap();
        let board = Board::at_boot(Profile::default(), Assigned::default());
        Self {
            root,
            state: Arc::new(Mutex::new(State::demo())),
            calls: Arc::default(),
            clock: Arc::new(PausedClock(tokio::time::Instant::now())),
            board: watch::channel(board).0,
            orders: Arc::default(),
            executor: Mutex::default(),
            ground: Mutex::default(),
            broken: Arc::default(),
            tools: Mutex::default(),
        }
    }

    fn runner(&self) -> Runner {
        let (state, calls) = (Arc::clone(&self.state), Arc::clone(&self.calls));
        let broken = Arc::clone(&self.broken);
        Runner::answering(Paths::under(self.root.path()), move |call| {
            let program = call.program.file_name().unwrap().to_string_lossy().into_owned();
            let line = format!("{program} {}", call.argv.join(" "));
            let fails = broken.lock().unwrap().is_some_and(|beginning| line.starts_with(beginning));
            calls.lock().unwrap().push(line);
            if fails {
                return Output::failure(1, "broken");
            }
            let tool = Tool::of_program(&program).unwrap();
            let uid = call.as_user.as_ref().map_or(0, |user| user.uid.0);
            let call = Call { tool, argv: call.argv.clone(), caller: Caller { uid, user: None } };
            let answer = follow(&call, &mut state.lock().unwrap());
            Output { code: Some(answer.code), stdout: answer.stdout, stderr: answer.stderr }
        })
    }

    /// Runs the daemon's tasks until the future ends; documents on disk are all that outlives it.
    async fn run(&self, story: impl Future<Output = ()>) {
        // What was enforced before the first look serves no such wish, and so is not taken for what came of it.
        self.board.send_modify(Board::look_again);
        let paths = Paths::under(self.root.path());
        let store = Arc::new(Store::open(&paths).unwrap());
        let runner = Arc::new(self.runner());
        *self.tools.lock().unwrap() = Some(Arc::clone(&runner));
        let (ticker, ticks) = Ticker::driven(self.clock.clone());
        let (_stop, stopped) = watch::channel(false);
        let watch = Watch::new(paths.parallels_preferences(), Duration::from_millis(100));
        let observer = Observer::new(Arc::clone(&runner), ticker.clone(), watch);
        let baseline = store.load::<Baseline>().unwrap().value().unwrap_or_default();
        let account = store.load::<Account>().unwrap().value().unwrap_or_default();
        let remembered = (baseline, account);
        let ground = licensing::Ground {
            store: Arc::clone(&store),
            runner: Arc::clone(&runner),
            ticker: ticker.clone(),
            orders: Arc::clone(&self.orders),
        };
        let license = store.load::<crate::license::State>().unwrap().value();
        let (licenser, executor) = licensing::Licenser::new(ground, license);
        *self.executor.lock().unwrap() = Some(executor);
        *self.ground.lock().unwrap() = Some((Arc::clone(&store), ticker.clone(), Arc::clone(&runner)));
        let enforcer =
            Enforcer::new(runner, store, ticker.clone(), stopped.clone(), self.board.clone(), remembered);
        tokio::select! {
            () = drive(observer, self.board.clone(), ticker.clone(), stopped.clone()) => {}
            () = drive(licenser, self.board.clone(), ticker.clone(), stopped.clone()) => {}
            () = drive(enforcer, self.board.clone(), ticker, stopped) => {}
            () = story => {}
            () = tick(ticks) => {}
        }
        self.ground.lock().unwrap().take();
    }

    fn tools(&self) -> Arc<Runner> {
        self.tools.lock().unwrap().clone().unwrap()
    }

    fn assign(&self, settings: Option<serde_json::Value>) {
        let policy = settings.map(|settings| {
            json!({"id": uuid::Uuid::nil(), "name": "Sales Macs", "revision": 1, "settings": settings})
        });
        let file = json!({"url": "https://images.example/a.pvmp", "sha256": format!("sha256:{}", "1".repeat(64)),
                          "size": 1, "unpacked_size": 2});
        let image = policy.as_ref().map(|_| {
            json!({"id": uuid::Uuid::nil(), "name": "Windows", "description": "", "images": {"arm64": file}})
        });
        let assignment: Assignment = serde_json::from_value(json!({
            "iss": DeviceId::random(), "aud": DeviceId::of(uuid::Uuid::nil()), "iat": 1_764_000_000,
            "cnf": {"jkt": "UDDReOZl1ipXAfp9wYsm13sDBMK5og--QWdBjzuf6o4"}, "keyset": 1, "version": 1,
            "refresh_by": "2027-01-01T00:00:00Z", "group": null, "policy": policy, "golden_image": image,
            "configuration_profiles": [], "retired": false,
        }))
        .unwrap();
        self.board.send_modify(|board| {
            board.assigned =
                super::board::Part::new(Assigned { assignment: Some(assignment), taken_away: false });
        });
    }

    /// Waits until the board is as described and nothing is left to do.
    async fn until(&self, what: &str, holds: impl Fn(&Board) -> bool) {
        let settled = |board: &Board| {
            let enforcement = &board.enforcement;
            let served = enforcement.served.requests == board.wanted.requests;
            let observed = board.observation.begun && served && enforcement.settled;
            let done = enforcement.plan.actions.is_empty() || enforcement.write_failed.is_some();
            observed && done && holds(board)
        };
        let mut board = self.board.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(600), board.wait_for(settled)).await;
        assert!(waited.is_ok(), "it did not come true that {what}");
    }

    fn restrictions(&self) -> Vec<&'static str> {
        let state = self.state.lock().unwrap();
        let set = state.service.require_password;
        let all = [
            ("create", set.create_vm),
            ("add", set.add_vm),
            ("remove", set.remove_vm),
            ("clone", set.clone_vm),
        ];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }

    fn changes(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.contains(" set ")).cloned().collect()
    }

    /// A user acts in the Security tab, and the observer is told to look.
    fn user(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state.lock().unwrap());
        self.board.send_modify(Board::look_again);
    }
}

async fn tick(ticks: watch::Sender<()>) {
    loop {
        tokio::time::sleep(super::ticker::TICK).await;
        ticks.send_replace(());
    }
}

fn all_compliant(board: &Board) -> bool {
    let states = board.enforcement.standings.iter().map(|standing| standing.state);
    board.enforcement.effective.policy_assigned
        && states.into_iter().all(|state| state == ComplianceState::Compliant)
}

fn without_policy(board: &Board) -> bool {
    !board.enforcement.effective.policy_assigned && board.enforcement.plan.withheld.is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_policy_comes_drifts_and_goes() {
    let mac = Mac::new();
    mac.run(async {
        mac.until("the local restrictions hold", without_policy).await;
        assert_eq!(mac.restrictions(), ["remove", "clone"]);
        let before = mac.calls.lock().unwrap().len();
        mac.assign(Some(json!({"vms.corporate_only": true, "experience.cep": true})));
        mac.until("the policy is enforced", all_compliant).await;
        assert_eq!(mac.restrictions(), ["create", "add", "clone"]);
        let processes = mac.calls.lock().unwrap().len() - before;
        assert!(processes <= mac.changes().len() + 2, "{processes} for {:?}", mac.changes());

        mac.user(|state| state.service.require_password.add_vm = false);
        mac.until("drift is put right", |board| {
            all_compliant(board) && board.enforcement.correction.is_some()
        })
        .await;
        assert_eq!(mac.restrictions(), ["create", "add", "clone"]);

        mac.assign(None);
        mac.until("the local restrictions are back", without_policy).await;
        assert_eq!(mac.restrictions(), ["remove", "clone"]);
        assert!(!mac.state.lock().unwrap().service.cep, "the value from before");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_at_any_change_reaches_the_same_end() {
    for killed_after in 0..4 {
        let mac = Mac::new();
        mac.assign(Some(json!({"vms.corporate_only": true, "vm.developer_tools": false})));
        mac.run(async {
            let mut board = mac.board.subscribe();
            while mac.changes().len() < killed_after {
                tokio::time::timeout(Duration::from_secs(600), board.changed()).await.unwrap().unwrap();
            }
        })
        .await;
        mac.board.send_modify(|board| {
            let assigned = board.assigned.clone();
            *board = Board::at_boot(Profile::default(), Assigned::default());
            board.assigned = assigned;
        });
        mac.run(async {
            mac.until("the policy is enforced", |board| board.enforcement.effective.policy_assigned).await;
            assert_eq!(mac.restrictions(), ["create", "add", "clone"]);
            mac.assign(None);
            mac.until("the local restrictions are back", without_policy).await;
            assert_eq!(mac.restrictions(), ["remove", "clone"]);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_contested_setting_is_put_right_with_growing_waits() {
    let mac = Mac::new();
    mac.assign(Some(json!({"restrict.add_vm": true})));
    mac.run(async {
        mac.until("the policy is enforced", all_compliant).await;
        for _ in 0..3 {
            mac.user(|state| state.service.require_password.add_vm = false);
            mac.until("it is put right", all_compliant).await;
        }
        mac.user(|state| state.service.require_password.add_vm = false);
        mac.until("it waits", |board| {
            board
                .enforcement
                .plan
                .withheld
                .iter()
                .any(|each| matches!(each.reason, crate::plan::Reason::Later { .. }))
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn corrections_are_counted_also_of_what_was_so_before_and_outlive_release_and_restart() {
    let count = |mac: &Mac| mac.board.borrow().enforcement.corrections.count;
    let mac = Mac::new();
    mac.run(async {
        mac.until("the local restrictions hold", without_policy).await;
        assert_eq!(mac.restrictions(), ["remove", "clone"]);
        mac.assign(Some(json!({"restrict.clone_vm": true, "restrict.remove_vm": true})));
        mac.until("the policy is enforced", all_compliant).await;
        assert_eq!(mac.changes(), Vec::<String>::new(), "it was so already");
        mac.user(|state| state.service.require_password.clone_vm = false);
        mac.until("drift is put right", |board| {
            all_compliant(board) && board.enforcement.corrections.count == 1
        })
        .await;
        mac.assign(None);
        mac.until("the policy is gone", without_policy).await;
        assert_eq!(count(&mac), 1, "a release forgets nothing");
    })
    .await;
    mac.board.send_replace(Board::at_boot(Profile::default(), Assigned::default()));
    mac.run(async {
        mac.until("the local restrictions hold", without_policy).await;
        assert_eq!(count(&mac), 1, "nor does a restart");
        assert!(mac.board.borrow().enforcement.corrections.last.is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_while_the_baseline_cannot_be_written() {
    let mac = Mac::new();
    mac.run(async {
        mac.until("the local restrictions hold", without_policy).await;
        let private = Paths::under(mac.root.path()).private();
        std::fs::rename(&private, private.with_extension("away")).unwrap();
        mac.assign(Some(json!({"restrict.add_vm": true})));
        mac.until("it is told", |board| board.enforcement.write_failed.is_some()).await;
        assert_eq!(mac.changes(), Vec::<String>::new());
        std::fs::rename(private.with_extension("away"), private).unwrap();
        mac.until("it is enforced after all", all_compliant).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_service_is_waited_for_and_the_inventory_stays() {
    let mac = Mac::new();
    mac.run(async {
        mac.until("five are listed", |board| board.observation.inventory.vms.len() == 5).await;
        mac.user(|state| state.service.running = false);
        mac.until("it is seen to be stopped", |board| board.observation.service == Answer::ServiceStopped)
            .await;
        mac.assign(Some(json!({"restrict.add_vm": true})));
        mac.until("it is pending", |board| {
            board.enforcement.standings.iter().any(|standing| standing.state == ComplianceState::Pending)
        })
        .await;
        assert_eq!(mac.board.borrow().observation.inventory.vms.len(), 5);
        assert_eq!(mac.changes(), Vec::<String>::new());
        mac.user(|state| state.service.running = true);
        mac.until("it is enforced", all_compliant).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_success_ends_what_was_wrong_with_the_tools() {
    let codes = |board: &Board| -> Vec<_> {
        super::problems::problems(board).iter().map(|problem| problem.code.code()).collect()
    };
    let has = |code: &'static str| move |board: &Board| codes(board).contains(&code);
    let gone = |code: &'static str| move |board: &Board| !codes(board).contains(&code);
    let mac = Mac::new();
    let broken = Arc::clone(&mac.broken);
    mac.run(async {
        mac.until("all is well", |board| board.observation.inventory.vms.len() == 5).await;
        mac.user(|state| state.service.running = false);
        mac.until("the service is stopped", has("service-stopped")).await;
        mac.state.lock().unwrap().service.running = true;
        let began = tokio::time::Instant::now();
        let update = crate::hypervisor::invocation::update_license(mac.tools().paths());
        mac.tools().stdout_of(&update).await.unwrap();
        mac.until("another call tells that it is back", gone("service-stopped")).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

        *broken.lock().unwrap() = Some("prlctl list");
        mac.user(|_| {});
        mac.until("lists cannot be had", has("tool-failed")).await;
        *broken.lock().unwrap() = None;
        let began = tokio::time::Instant::now();
        mac.until("they are had soon", gone("tool-failed")).await;
        assert!(began.elapsed() < Duration::from_secs(130), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_custom_password_is_tried_once_and_again_when_it_is_gone() {
    let mac = Mac::new();
    mac.state.lock().unwrap().service.custom_password = true;
    mac.assign(Some(json!({"restrict.add_vm": true})));
    mac.run(async {
        let failed = |board: &Board| {
            board.enforcement.standings.iter().any(|standing| standing.state == ComplianceState::Failed)
        };
        mac.until("it is refused", failed).await;
        let tried = mac.changes().len();
        for _ in 0..3 {
            mac.user(|_| {});
            mac.until("it stays refused", failed).await;
        }
        assert_eq!(mac.changes().len(), tried);
        // Whatever the waits have grown to, the first look that finds the password gone ends them.
        for _ in 0..3 {
            let began = tokio::time::Instant::now();
            mac.user(|state| state.service.custom_password = false);
            mac.until("it is enforced", all_compliant).await;
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
            mac.user(|state| {
                state.service.custom_password = true;
                state.service.require_password.add_vm = false;
            });
            mac.until("it is refused", failed).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_waits_for_the_version_that_it_needs_and_survives_a_downgrade() {
    let mac = Mac::new();
    let version = |number: &str| {
        let plist = Paths::under(mac.root.path()).parallels_info_plist();
        std::fs::create_dir_all(plist.parent().unwrap()).unwrap();
        let keys = [("CFBundleShortVersionString", number), ("CFBundleVersion", "55659")];
        plist::to_file_xml(plist, &plist::Dictionary::from_iter(keys)).unwrap();
        mac.user(|_| {});
    };
    version("20.0.1");
    mac.assign(Some(json!({"vms.corporate_only": true})));
    mac.run(async {
        mac.until("it waits", without_policy).await;
        assert_eq!(mac.restrictions(), ["remove", "clone"]);
        version("20.1.0");
        mac.until("it is enforced", all_compliant).await;
        version("20.0.1");
        mac.until("it stays enforced", all_compliant).await;
        assert_eq!(mac.restrictions(), ["create", "add", "clone"]);
    })
    .await;
}
