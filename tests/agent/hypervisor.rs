//! The agent's command lines and parsers against the simulated tools, which were written without knowing them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use meridian::catalog::{Key, Kind, Lever, Scope, Sensor, Value};
use meridian::domain::version::{POLICY_GATE, ParallelsVersion};
use meridian::hypervisor::invocation::{self, Target};
use meridian::hypervisor::outcome::{Answer, Output, Refusal};
use meridian::hypervisor::runner::{RunError, Runner};
use meridian::hypervisor::{inquiry, observation};
use meridian::inventory::{Collector, Snapshot};
use meridian::paths::Paths;
use meridian::simulator::{self, Call, State, Tool};

/// A runner that the simulator answers in-process, and the simulator's state.
fn simulated(state: State) -> (Runner, Arc<Mutex<State>>) {
    let shared = Arc::new(Mutex::new(state));
    let state = Arc::clone(&shared);
    let paths = Paths::under("/scratch");
    let runner = Runner::answering(paths.clone(), move |call| {
        let (program, argv) = call.command_line(&paths, &call.program);
        let tool = Tool::of_program(program.to_str().unwrap()).unwrap();
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let answer = simulator::follow(&Call::new(tool, &argv, 0), &mut state.lock().unwrap());
        Output { code: Some(answer.code), stdout: answer.stdout, stderr: answer.stderr }
    });
    (runner, shared)
}

async fn snapshot(runner: &Runner) -> Snapshot {
    match Collector::default().collect(runner).await {
        Answer::Known(snapshot) => snapshot,
        other => panic!("{other}"),
    }
}

fn values(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Choice(choices) => choices.iter().map(|choice| Value::text(choice.value)).collect(),
        Kind::Expiry => vec![Value::text("2027-02-28"), Value::Switch(false)],
        _ => vec![Value::Switch(true), Value::Switch(false)],
    }
}

#[tokio::test]
async fn whatever_a_lever_sets_its_sensor_sees() {
    let (runner, _) = simulated(State::demo());
    for key in Key::all().map(Key::setting).filter(|key| key.scope != Scope::User) {
        if matches!(key.lever, Lever::Heeded | Lever::Decided | Lever::Implies(_)) {
            continue;
        }
        for value in values(key.kind) {
            let before = snapshot(&runner).await;
            let vm = before.vms.values().next().unwrap();
            let target = match key.scope {
                Scope::VirtualMachine => Target::Vm(vm, before.way_to(vm).unwrap()),
                _ => Target::Service,
            };
            let calls = invocation::set(runner.paths(), key.lever, &value, target);
            assert!(!calls.is_empty(), "{} {value}", key.name);
            for call in calls {
                runner.stdout_of(&call).await.unwrap_or_else(|error| panic!("{} {value}: {error}", key.name));
            }
            let seen = match key.scope {
                Scope::VirtualMachine => observation::of_vm(key.sensor, &snapshot(&runner).await.vms[&vm.id]),
                _ => {
                    observation::of_service(key.sensor, &inquiry::server_info(&runner).await.known().unwrap())
                }
            };
            let expected = if key.sensor == Sensor::Unseen { None } else { Some(value) };
            assert_eq!(seen, expected, "{}", key.name);
        }
    }
}

#[tokio::test]
async fn a_custom_password_is_told_apart_and_so_is_a_stopped_service() {
    let (runner, state) = simulated(State::demo());
    let key = Key::named("restrict.create_vm").unwrap().setting();
    let call = invocation::set(runner.paths(), key.lever, &Value::Switch(true), Target::Service).remove(0);
    state.lock().unwrap().service.custom_password = true;
    let refused = runner.stdout_of(&call).await;
    assert!(matches!(refused, Err(RunError::Refused(Refusal::NeedsCustomPassword))), "{refused:?}");
    state.lock().unwrap().service.running = false;
    assert_eq!(inquiry::server_info(&runner).await, Answer::ServiceStopped);
    assert_eq!(Collector::default().collect(&runner).await, Answer::ServiceStopped);
}

#[tokio::test]
async fn a_user_who_is_not_logged_in_is_no_user_without_machines() {
    let (runner, state) = simulated(State::demo());
    state.lock().unwrap().users.get_mut("bob").unwrap().logged_in = false;
    let snapshot = snapshot(&runner).await;
    let answers: Vec<_> =
        snapshot.listings.iter().map(|listing| (listing.user.name.as_str(), &listing.answer)).collect();
    assert!(
        matches!(answers.as_slice(), [("ada", Answer::Known(_)), ("bob", Answer::NotLoggedIn)]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_thousand_machines_are_all_read() {
    let (runner, _) = simulated(State::with_vms(1000));
    let snapshot = snapshot(&runner).await;
    assert_eq!((snapshot.vms.len(), snapshot.bad.len()), (1000, 0));
}

#[tokio::test]
async fn real_processes_below_a_root_are_asked_the_same_way() {
    let root = tempfile::tempdir().unwrap();
    simulator::install(root.path(), Path::new(env!("CARGO_BIN_EXE_prl-sim")), &State::demo()).unwrap();
    let runner = Runner::real(Paths::under(root.path()));
    let version = inquiry::parallels_version(&runner).await.reaching(POLICY_GATE);
    assert_eq!(version, Answer::Known(ParallelsVersion::new(26, 1, 1).with_build(57_288)));
    let host = inquiry::host(&runner).await.unwrap();
    assert_eq!(host.os_version, "26.1");
    let snapshot = snapshot(&runner).await;
    assert!(snapshot.is_complete(), "{:?}", snapshot.listings);
    assert_eq!(snapshot.vms.len(), State::demo().vms.len());
    let (in_process, _) = simulated(State::demo());
    assert_eq!(inquiry::server_info(&runner).await, inquiry::server_info(&in_process).await);
}
