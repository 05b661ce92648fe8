//! What the command prints and how it ends, and orders against a root without Parallels Desktop.

use super::super::samples::{NOW, screens};
use super::*;
use crate::clock::ManualClock;
use crate::license::deactivation::Effect;

fn done(outcome: Outcome, told: bool) -> Deactivated {
    let failed = outcome == Outcome::Failed;
    Deactivated {
        id: "jamf-2026-11".into(),
        outcome,
        at: (!failed).then_some(*NOW),
        told,
        trouble: failed.then(|| "Parallels' service is stopped and did not start".into()),
        require_ack: false,
    }
}

#[test]
fn the_verdict_is_the_last_line() {
    for (name, view) in [
        ("deactivated", done(Outcome::Deactivated, true)),
        ("deactivated_untold", done(Outcome::Deactivated, false)),
        ("deactivated_nothing", done(Outcome::NothingToDo, true)),
        ("deactivated_again", done(Outcome::AlreadyDone, false)),
        ("deactivated_not", done(Outcome::Failed, false)),
    ] {
        screens(name, |style| render(&view, style));
    }
    let long = Deactivated { trouble: Some("x".repeat(200)), ..done(Outcome::Failed, false) };
    assert!(render(&long, &Style { width: 40, color: true }).len() < 10_000);
}

#[test]
fn each_outcome_has_its_exit_code() {
    for (outcome, told, require_ack, exit) in [
        (Outcome::Deactivated, false, false, 0),
        (Outcome::Deactivated, false, true, 6),
        (Outcome::Deactivated, true, true, 0),
        (Outcome::NothingToDo, false, true, 6),
        (Outcome::AlreadyDone, false, false, 0),
        (Outcome::Failed, false, true, 1),
    ] {
        let view = Deactivated { require_ack, ..done(outcome, told) };
        assert_eq!(view.exit() as u8, exit, "{outcome:?} {told} {require_ack}");
    }
}

fn arguments(id: Option<&str>, require_ack: bool) -> DeactivateArguments {
    let format = super::super::arguments::Format { json: false };
    DeactivateArguments { id: id.map(str::to_owned), require_ack, timeout: 5, format }
}

#[test]
fn without_parallels_there_is_nothing_to_do_and_an_order_is_known_again() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    let clock = ManualClock::at(*NOW);
    let first = request(&paths, &clock, &arguments(Some("a"), false)).unwrap();
    assert_eq!((first.outcome, first.exit()), (Outcome::NothingToDo, Exit::Fine));
    clock.advance(jiff::SignedDuration::from_secs(1));
    let again = request(&paths, &clock, &arguments(Some("a"), false)).unwrap();
    assert_eq!((again.outcome, again.at), (Outcome::AlreadyDone, Some(*NOW)));
    let other = request(&paths, &clock, &arguments(None, true)).unwrap();
    assert_eq!((other.outcome, other.exit()), (Outcome::NothingToDo, Exit::NotTold));
}

#[test]
fn one_who_waited_for_another_has_its_result_and_not_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    let clock = ManualClock::at(*NOW);
    let desk = Apart::<Book>::try_open(&paths).unwrap().unwrap();
    assert!(matches!(request(&paths, &clock, &arguments(None, false)), Err(Failure::OrdersBusy)));
    let mut book = Book::default();
    book.give("other", *NOW);
    book.took_effect(Effect { at: *NOW, deactivated: true });
    desk.save(&book).unwrap();
    drop(desk);
    let done = request(&paths, &clock, &arguments(Some("mine"), false)).unwrap();
    assert_eq!((done.outcome, done.id.as_str()), (Outcome::AlreadyDone, "mine"));
    clock.advance(jiff::SignedDuration::from_hours(1));
    let again = request(&paths, &clock, &arguments(Some("mine"), false)).unwrap();
    assert_eq!(again.outcome, Outcome::AlreadyDone, "also an hour later");
}
