//! Every managed setting has a state, the states are counted once, and settled means that nothing is left to wait for.

use serde_json::json;

use super::super::board::{Assigned, Part};
use super::super::enforcement::Enforcement;
use super::super::inputs::Profile;
use super::super::observer::Observation;
use super::*;
use crate::catalog::Value;
use crate::domain::ids::{PolicyId, Uid};
use crate::enforce::compliance::Standing;
use crate::hypervisor::server_info::ServerInfo;
use crate::plan::{Plan, Withheld};
use crate::resolve::resolve;
use crate::sources::layer::{Layer, Origin};
use crate::wire::checkin::ComplianceState;

fn key(name: &str) -> Key {
    Key::named(name).unwrap()
}

/// What the service shows where removing asks for a password.
fn shown() -> Observation {
    let info = ServerInfo {
        require_password: Some(["remove-vm".to_owned()].into()),
        preferences_locked: Some(false),
        ..ServerInfo::default()
    };
    Observation {
        service: Answer::Known(info),
        listed: Answer::Known(()),
        begun: true,
        ..Observation::none()
    }
}

/// A board whose local layer says this of removing, and whose policy says that.
fn board(removing: bool, policy: Option<serde_json::Value>) -> Board {
    let named = |value: &serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let read = |kind, origin, value: serde_json::Value| {
        let items = named(&value);
        Layer::read(kind, origin, items.iter().map(|(name, value)| (name.as_str(), value)))
    };
    let local = json!({"restrict.remove_vm": removing});
    let mut layers = vec![read(LayerKind::Local, Origin::SecurityTab, local)];
    layers.extend(policy.map(|settings| {
        let (id, name) = (PolicyId::of(uuid::Uuid::nil()), "Sales Macs".to_owned());
        let origin = Origin::Policy { id, name, revision: 1 };
        read(LayerKind::Policy, origin, settings)
    }));
    let mut board = Board::at_boot(Profile::default(), Assigned::default());
    board.observation = Part::new(shown());
    let made_from = Some(orders(&board));
    let effective = resolve(&layers);
    board.enforcement =
        Part::new(Enforcement { effective, settled: true, made_from, ..Enforcement::default() });
    board
}

fn with(mut board: Board, change: impl FnOnce(&mut Enforcement)) -> Board {
    let mut enforcement = (*board.enforcement).clone();
    change(&mut enforcement);
    board.enforcement = Part::new(enforcement);
    board
}

fn stands(board: Board, name: &str, state: ComplianceState, reason: Option<ComplianceReason>) -> Board {
    let (subject, key) = (Subject::App, key(name));
    with(board, |enforcement| {
        enforcement.standings.push(Standing { subject, key, state, reason, observed: None });
    })
}

fn held_back(board: Board, reason: Reason) -> Board {
    let withheld = Withheld { subject: Subject::App, key: key("experience.cep"), to: None, reason };
    with(board, |enforcement| enforcement.plan = Plan { withheld: vec![withheld], ..Plan::default() })
}

#[test]
fn a_local_restriction_that_nobody_overrides_has_a_state() {
    let state = |board: &Board| of(board, key("restrict.remove_vm")).remove(0);
    let holds = board(true, None);
    assert_eq!(
        (state(&holds).compliance, state(&holds).observed),
        (Compliance::Local, Some(Value::Switch(true)))
    );
    assert_eq!(tally(&holds), Tally { local: 1, ..Tally::default() });
    assert!(is_settled(&holds));

    let being_put_back = board(false, None);
    assert_eq!(state(&being_put_back).compliance, Compliance::Pending);
    assert!(!is_settled(&being_put_back));

    let mut unseen = board(true, None);
    unseen.observation = Part::new(Observation { service: Answer::ServiceStopped, ..shown() });
    assert_eq!(state(&unseen).reason, Some(ComplianceReason::ServiceStopped));
    assert!(!is_settled(&unseen));

    assert!(of(&holds, key("experience.cep")).is_empty(), "nobody names it");
}

#[test]
fn what_nothing_enforces_and_what_no_object_has_is_counted_apart() {
    let board =
        board(true, Some(json!({"vm.isolate": true, "updates.stay_on_major": true, "experience.cep": true})));
    let board =
        stands(board, "updates.stay_on_major", ComplianceState::Unsupported, Some(ComplianceReason::NoLever));
    let board = stands(board, "experience.cep", ComplianceState::Compliant, None);
    let board = stands(board, "restrict.remove_vm", ComplianceState::Compliant, None);
    let tally = tally(&board);
    assert_eq!(tally, Tally { compliant: 2, heeded: 1, idle: 1, ..Tally::default() });
    assert_eq!(of(&board, key("vm.isolate"))[0].subject, None);
    assert!(is_settled(&board));
    let mut unlisted = board;
    unlisted.observation = Part::new(Observation { listed: Answer::ServiceStopped, ..shown() });
    assert_eq!(of(&unlisted, key("vm.isolate"))[0].compliance, Compliance::Pending);
    assert!(!is_settled(&unlisted));
}

/// The same where a user who is not logged in has one of the settings.
fn away(board: Board) -> Board {
    let (subject, key) = (Subject::User(Uid(502)), key("updates.check"));
    with(board, |enforcement| {
        let (state, reason) = (ComplianceState::Pending, Some(ComplianceReason::UserNotLoggedIn));
        enforcement.standings.push(Standing { subject, key, state, reason, observed: None });
        let to = Some(Value::text("never"));
        enforcement.plan.withheld.push(Withheld { subject, key, to, reason: Reason::NotObserved });
    })
}

#[test]
fn it_is_settled_when_nothing_is_left_to_wait_for() {
    let settled = board(true, None);
    let mut begins = settled.clone();
    begins.observation = Part::new(Observation { begun: false, ..shown() });
    let mut assigned = settled.clone();
    assigned.assigned = Part::new(Assigned::default());
    let later = Reason::Later { until: jiff::Timestamp::UNIX_EPOCH };
    let pending = |reason| stands(settled.clone(), "vm.isolate", ComplianceState::Pending, Some(reason));
    for (what, board, is) in [
        ("all is seen", settled.clone(), true),
        ("nothing was looked at", begins, false),
        ("another assignment has come", assigned, false),
        ("a change was not looked at", with(settled.clone(), |each| each.settled = false), false),
        ("it is tried again later", held_back(settled.clone(), later), false),
        ("a password is asked for", held_back(settled.clone(), Reason::NeedsCustomPassword), false),
        ("it is heeded", held_back(settled.clone(), Reason::NoLever), true),
        ("nothing shows it", pending(ComplianceReason::NotShown), true),
        ("it was not seen", pending(ComplianceReason::NotObserved), false),
        ("a user is away", away(settled.clone()), true),
    ] {
        assert_eq!(is_settled(&board), is, "{what}");
    }
}
