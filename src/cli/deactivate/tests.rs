//! What the command prints and how it ends, and orders against a root without Parallels Desktop.

use super::super::samples::{NOW, screens};
use super::*;
use crate::clock::ManualClock;

fn done(outcome: Outcome, told: bool) -> Deactivated {
    let failed = outcome == Outcome::Failed;
    Deactivated {
        id: "jamf-2026-11".into(),
        outcome,
        at: (!failed).then_some(*NOW),
        told,
        enrolled: true,
        daemon: Daemon::Runs,
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
    for (name, view) in [
        ("deactivated_silent", Deactivated { daemon: Daemon::Silent, ..done(Outcome::Deactivated, false) }),
        ("deactivated_stopped", Deactivated { daemon: Daemon::Stopped, ..done(Outcome::Deactivated, false) }),
        ("deactivated_not_stopped", Deactivated { daemon: Daemon::Stopped, ..done(Outcome::Failed, false) }),
        ("deactivated_nobody", Deactivated::needless("jamf-2026-11".into(), false)),
        ("deactivated_lost", Deactivated { outcome: Outcome::RecordLost, ..done(Outcome::Failed, true) }),
    ] {
        screens(name, |style| render(&view, style));
        let screen = render(&view, &Style { width: 120, color: false });
        assert!(screen.lines().last().unwrap().starts_with(['✓', '✗']), "{screen}");
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
        (Outcome::RecordLost, true, true, 1),
    ] {
        let view = Deactivated { require_ack, ..done(outcome, told) };
        assert_eq!(view.exit() as u8, exit, "{outcome:?} {told} {require_ack}");
    }
    let nobody = Deactivated { enrolled: false, require_ack: true, ..done(Outcome::Deactivated, false) };
    assert_eq!(nobody.exit(), Exit::Fine, "there is no portal that could know");
}

fn arguments(id: Option<&str>, require_ack: bool) -> DeactivateArguments {
    let format = super::super::arguments::Format { json: false };
    DeactivateArguments { id: id.map(str::to_owned), require_ack, timeout: 5, format }
}

/// A folder in which the agent was before, without a license of Parallels Desktop.
fn layout() -> (tempfile::TempDir, Paths) {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    std::fs::create_dir_all(paths.support()).unwrap();
    (root, paths)
}

fn book(paths: &Paths) -> Book {
    let desk = Apart::<Book>::try_open(paths).unwrap().unwrap();
    desk.load().unwrap().value().unwrap_or_default()
}

#[test]
fn where_nothing_ever_was_nothing_is_left_behind() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(root.path());
    let done = request(&paths, &ManualClock::at(*NOW), &arguments(Some("a"), true)).unwrap();
    assert_eq!((done.outcome, done.exit(), done.enrolled), (Outcome::NothingToDo, Exit::Fine, false));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn without_parallels_there_is_nothing_to_do_and_an_order_is_known_again() {
    let (_root, paths) = layout();
    let clock = ManualClock::at(*NOW);
    let first = request(&paths, &clock, &arguments(Some("a"), false)).unwrap();
    assert_eq!((first.outcome, first.exit()), (Outcome::NothingToDo, Exit::Fine));
    assert_eq!(first.daemon, Daemon::Stopped);
    clock.advance(jiff::SignedDuration::from_secs(1));
    let again = request(&paths, &clock, &arguments(Some("a"), false)).unwrap();
    assert_eq!((again.outcome, again.at), (Outcome::AlreadyDone, Some(*NOW)));
    let begun = tokio::time::Instant::now();
    let other = request(&paths, &clock, &arguments(None, true)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "it waits for no daemon that does not run");
    assert_eq!((other.outcome, other.exit()), (Outcome::NothingToDo, Exit::NotTold));
}

#[test]
fn an_order_is_new_whatever_the_clock_was_when_others_were_given() {
    let (_root, paths) = layout();
    let clock = ManualClock::at(*NOW + jiff::SignedDuration::from_hours(24));
    request(&paths, &clock, &arguments(Some("future"), false)).unwrap();
    clock.advance(-jiff::SignedDuration::from_hours(24));
    let done = request(&paths, &clock, &arguments(Some("brandnew"), false)).unwrap();
    assert_eq!((done.outcome, done.at), (Outcome::NothingToDo, Some(*NOW)), "it was carried out");
    assert_eq!(book(&paths).effects(), 2);
}

/// Runs an order while somebody else has the book, who writes this into it meanwhile.
fn beside(
    paths: &Paths,
    clock: &ManualClock,
    meanwhile: impl FnOnce(&mut Book),
) -> Result<Deactivated, Failure> {
    let desk = Apart::<Book>::try_open(paths).unwrap().unwrap();
    let runner = Runner::real(paths.clone());
    let deadline = Deadline::after(Duration::from_secs(5));
    let mine = arguments(Some("mine"), false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (done, ()) = runtime.block_on(async {
        tokio::join!(order(&runner, clock, &mine, deadline), async {
            // By now it waits for the lock.
            let mut book = desk.load().unwrap().value().unwrap_or_default();
            meanwhile(&mut book);
            desk.save(&book).unwrap();
            drop(desk);
        })
    });
    done
}

#[test]
fn one_who_waited_for_another_has_its_result_and_not_for_ever() {
    let (_root, paths) = layout();
    let clock = ManualClock::at(*NOW);
    let desk = Apart::<Book>::try_open(&paths).unwrap().unwrap();
    assert!(matches!(request(&paths, &clock, &arguments(None, false)), Err(Failure::OrdersBusy)));
    drop(desk);
    let done = beside(&paths, &clock, |book| {
        book.give("other", *NOW);
        book.took_effect(*NOW, true);
    });
    let done = done.unwrap();
    assert_eq!((done.outcome, done.id.as_str()), (Outcome::AlreadyDone, "mine"));
    clock.advance(jiff::SignedDuration::from_hours(1));
    let again = request(&paths, &clock, &arguments(Some("mine"), false)).unwrap();
    assert_eq!(again.outcome, Outcome::AlreadyDone, "also an hour later");
}

#[test]
fn one_who_waited_for_another_that_failed_is_carried_out() {
    let (_root, paths) = layout();
    let clock = ManualClock::at(*NOW);
    request(&paths, &clock, &arguments(Some("before"), false)).unwrap();
    let done = beside(&paths, &clock, |book| {
        book.give("other", *NOW);
        book.failed("no service", *NOW);
    });
    assert_eq!(done.unwrap().outcome, Outcome::NothingToDo);
    assert!(book(&paths).orders().iter().all(|order| order.effect.is_some()), "and the other one with it");
}

#[expect(clippy::disallowed_methods, reason = "damage, and not a document")]
fn scribble(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn where_the_record_is_lost_no_order_is_carried_out_twice() {
    let (_root, paths) = layout();
    let clock = ManualClock::at(*NOW);
    let run = |id: Option<&str>| request(&paths, &clock, &arguments(id, false)).unwrap();
    run(Some("a"));
    run(Some("b"));
    for name in ["deactivation.json", "deactivation.json.previous"] {
        scribble(&paths.private().join(name), "{");
    }
    let unnamed = run(None);
    assert_eq!(unnamed.outcome, Outcome::NothingToDo, "nobody gave it before");
    assert!(unnamed.trouble.unwrap().starts_with("state-corrupt: "));
    let lost = run(Some("a"));
    assert_eq!((lost.outcome, lost.exit()), (Outcome::RecordLost, Exit::Failed));
    assert!(lost.trouble.unwrap().starts_with("state-corrupt: "));
    assert_eq!(run(Some("a")).outcome, Outcome::AlreadyDone);
    assert_eq!(run(Some("c")).outcome, Outcome::NothingToDo, "another name is another order");
}
