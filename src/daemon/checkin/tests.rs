//! The task with paused time, a real store and a portal in-process.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::checkin::rehearsal::{Signer, answer, at as second, body, jkt_of};
use crate::checkin::session::Standing;
use crate::domain::ids::VmId;
use crate::paths::Paths;
use crate::wire::key::Thumbprint;
use crate::wire::{checkin, enrollment, wait};

/// The wall clock of tokio's paused time.
struct Clockwork(tokio::time::Instant);

impl Clock for Clockwork {
    fn now(&self) -> Timestamp {
        second(0).checked_add(self.0.elapsed()).unwrap()
    }

    fn uptime(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

struct Timer(Arc<Clockwork>);

impl Ticks for Timer {
    fn until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let left = at.duration_since(self.0.now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default())
    }
}

/// A portal that signs what it is told to, wakes who waits, and writes down what it was asked.
struct Wired {
    signer: Signer,
    version: watch::Sender<u64>,
    jkt: Mutex<Option<Thumbprint>>,
    asked: Mutex<Vec<HttpRequest>>,
    faults: Mutex<VecDeque<NetFault>>,
}

impl Wired {
    fn paths(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().iter().map(|request| request.path).collect()
    }

    fn last_checkin(&self) -> serde_json::Value {
        let asked = self.asked.lock().unwrap();
        body(asked.iter().rev().find(|request| request.path == checkin::PATH).unwrap())
    }
}

impl Transport for Wired {
    async fn call(&self, _: &Portal, request: HttpRequest) -> Result<HttpAnswer, NetFault> {
        self.asked.lock().unwrap().push(request.clone());
        if request.path == wait::PATH {
            let mut version = self.version.subscribe();
            let news = tokio::time::timeout(Duration::from_secs(300), version.changed()).await;
            return Ok(match news {
                Ok(_) => answer(&request, 200, &json!({"wake": ["assignment"], "spread_s": 0})),
                Err(_) => HttpAnswer { body: Vec::new(), ..answer(&request, 204, &json!(null)) },
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        let version = *self.version.borrow();
        if request.path == enrollment::PATH {
            *self.jkt.lock().unwrap() = Some(jkt_of(&request));
            return Ok(self.signer.serve(&request, version));
        }
        let jkt = self.jkt.lock().unwrap().unwrap();
        let has = body(&request)["have"]["assignment"].as_u64().unwrap();
        let news = (has < version).then(|| self.signer.assignment(version, version, jkt));
        Ok(self.signer.checked_in(&request, &news.map_or(json!({}), |token| json!({"assignment": token}))))
    }
}

struct Stage {
    _root: tempfile::TempDir,
    store: Arc<Store>,
    clock: Arc<Clockwork>,
    portal: Arc<Wired>,
    local: watch::Sender<Arc<Local>>,
    sync: Arc<Notify>,
}

impl Stage {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&Paths::under(root.path())).unwrap());
        let signer = Signer::new();
        let local = watch::Sender::new(Arc::new(signer.local()));
        let portal = Wired {
            signer,
            version: watch::Sender::new(7),
            jkt: Mutex::default(),
            asked: Mutex::default(),
            faults: Mutex::default(),
        };
        Self {
            _root: root,
            store,
            clock: Arc::new(Clockwork(tokio::time::Instant::now())),
            portal: Arc::new(portal),
            local,
            sync: Arc::default(),
        }
    }

    fn open(&self) -> Checkin<Timer, Wired> {
        let ground = Ground {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ticks: Timer(self.clock.clone()),
            transport: self.portal.clone(),
        };
        let (checkin, damages) = Checkin::open(ground).unwrap();
        assert!(damages.is_empty());
        checkin
    }

    fn inputs(&self) -> Inputs {
        Inputs { local: self.local.subscribe(), sync: self.sync.clone() }
    }

    /// Runs the task for so many seconds of paused time.
    async fn run_for(&self, checkin: Checkin<Timer, Wired>, seconds: u64) {
        let _ = tokio::time::timeout(Duration::from_secs(seconds), checkin.run(self.inputs())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_nothing_to_a_wait_that_is_held_open() {
    let stage = Stage::new();
    let checkin = stage.open();
    let (assigned, status) = (checkin.assigned(), checkin.status());
    stage.run_for(checkin, 20).await;
    assert_eq!(stage.portal.paths(), [enrollment::PATH, checkin::PATH, wait::PATH]);
    assert_eq!(assigned.borrow().as_ref().unwrap().version, 7);
    let status = status.borrow().clone();
    assert_eq!((status.standing, status.problems), (Standing::Enrolled, vec![]));
    assert!(status.last_success.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wake_brings_a_new_assignment_within_a_round_trip() {
    let stage = Stage::new();
    let checkin = stage.open();
    let mut assigned = checkin.assigned();
    let publish = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        assigned.mark_unchanged();
        let from = stage.clock.now();
        stage.portal.version.send_replace(8);
        assigned.changed().await.unwrap();
        (stage.clock.now().duration_since(from), assigned.borrow().as_ref().unwrap().version)
    };
    tokio::select! {
        (took, version) = publish => assert!(version == 8 && took.as_millis() <= 60, "{took}"),
        () = stage.run_for(checkin, 200) => panic!("no assignment came"),
    }
    assert_eq!(stage.portal.last_checkin()["reason"], "wake");
}

#[tokio::test(start_paused = true)]
async fn a_second_wake_within_the_minute_waits_for_its_rest_and_says_until_when() {
    let stage = Stage::new();
    let checkin = stage.open();
    let (mut assigned, status) = (checkin.assigned(), checkin.status());
    let publish = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        stage.portal.version.send_replace(8);
        assigned.wait_for(|assigned| assigned.as_ref().is_some_and(|held| held.version == 8)).await.unwrap();
        let first = stage.clock.now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        stage.portal.version.send_replace(9);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let next = status.borrow().next;
        assigned.wait_for(|assigned| assigned.as_ref().is_some_and(|held| held.version == 9)).await.unwrap();
        (first, next, stage.clock.now())
    };
    tokio::select! {
        (first, next, second) = publish => {
            let (at, reason) = next.unwrap();
            assert_eq!(reason, CheckinReason::Wake);
            assert!((59..=60).contains(&at.duration_since(first).as_secs()), "{at} after {first}");
            assert!(second.duration_since(at).as_millis() <= 60, "{second} after {at}");
        }
        () = stage.run_for(checkin, 400) => panic!("no assignment came"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_assigned_is_there_before_the_network_after_a_restart() {
    let stage = Stage::new();
    stage.run_for(stage.open(), 20).await;
    let asked = stage.portal.paths().len();
    let checkin = stage.open();
    assert_eq!(checkin.assigned().borrow().as_ref().unwrap().version, 7);
    assert_eq!(stage.portal.paths().len(), asked);
    stage.run_for(checkin, 20).await;
    assert!(!stage.portal.paths()[asked..].contains(&enrollment::PATH));
    assert_eq!(stage.portal.last_checkin()["have"]["assignment"], 7);
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_is_down_costs_nothing_but_time() {
    let stage = Stage::new();
    stage.run_for(stage.open(), 20).await;
    stage.portal.faults.lock().unwrap().extend([NetFault::Connect, NetFault::Timeout, NetFault::Dns]);
    let checkin = stage.open();
    let (assigned, status) = (checkin.assigned(), checkin.status());
    stage.run_for(checkin, 30).await;
    assert_eq!(assigned.borrow().as_ref().unwrap().version, 7);
    assert_eq!(status.borrow().problems[0].code.code(), "portal-unreachable");
    let checkin = stage.open();
    let status = checkin.status();
    stage.run_for(checkin, 600).await;
    assert_eq!((status.borrow().failures, status.borrow().problems.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_person_synchronizes_at_once_and_a_change_after_its_debounce() {
    let stage = Stage::new();
    let checkin = stage.open();
    let act = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        stage.sync.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(stage.portal.last_checkin()["reason"], "manual");
        tokio::time::sleep(Duration::from_secs(99)).await;
        stage.local.send_modify(|local| {
            let mut changed = (**local).clone();
            changed.vms.as_mut().unwrap().records[0].uuid = VmId::random();
            *local = Arc::new(changed);
        });
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(stage.portal.last_checkin()["reason"], "manual");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stage.portal.last_checkin()["reason"], "vm_change");
    };
    tokio::select! {
        () = act => {}
        () = stage.run_for(checkin, 1_000) => panic!("too late"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_day_is_a_request_each_interval_and_a_poll_each_five_minutes() {
    let stage = Stage::new();
    stage.run_for(stage.open(), 20).await;
    let before = stage.portal.paths().len();
    stage.run_for(stage.open(), 6 * 3_600).await;
    let paths = stage.portal.paths().split_off(before);
    let count = |path| paths.iter().filter(|each| **each == path).count();
    assert!((20..=26).contains(&count(checkin::PATH)), "{}", count(checkin::PATH));
    assert!((70..=73).contains(&count(wait::PATH)), "{}", count(wait::PATH));
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_when_nobody_has_anything_to_say_any_more() {
    let stage = Stage::new();
    let (checkin, inputs) = (stage.open(), stage.inputs());
    drop(stage.local);
    tokio::time::timeout(Duration::from_secs(1), checkin.run(inputs)).await.unwrap();
}
