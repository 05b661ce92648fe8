//! The book of orders, and carrying them out against the simulator's answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::clock::ManualClock;
use crate::domain::license::{LONGEST_ORDER_NAME, is_order_name};
use crate::hypervisor::outcome::Output;
use crate::hypervisor::runner::Runner;
use crate::paths::Paths;
use crate::state::Apart;

fn now() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

fn done(at: Timestamp, number: u64) -> Effect {
    Effect { at, deactivated: true, number }
}

#[test]
fn an_order_is_given_once_and_again_only_while_it_has_not_taken_effect() {
    let mut book = Book::default();
    book.give("a", now());
    book.failed("no service", now());
    let later = now() + SignedDuration::from_mins(1);
    book.give("a", later);
    assert_eq!(book.orders().len(), 1);
    assert_eq!((book.orders()[0].ordered_at, book.orders()[0].trouble.as_deref()), (later, None));
    book.give("b", later);
    book.took_effect(later, true);
    assert!(!book.is_open(later) && book.untold().count() == 2);
    book.give("a", later + SignedDuration::from_hours(1));
    assert!(!book.is_open(later), "it is the same order");
    book.told(later, |order| order.id == "a");
    assert_eq!(book.untold().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!((book.effects(), book.last_effective().unwrap().id.as_str()), (1, "b"));
    book.give("c", now());
    book.took_effect(now(), false);
    assert_eq!(book.last_effective().unwrap().id, "c", "the last one, whatever the clock says");
    book.took_effect(now(), false);
    assert_eq!(book.effects(), 2, "nothing was open");
}

#[test]
fn an_old_order_is_left_alone_and_the_book_does_not_grow() {
    let mut book = Book::default();
    book.give("old", now());
    let late = now() + STALE_AFTER;
    assert!(!book.is_open(late));
    book.took_effect(late, true);
    assert_eq!(book.order("old").unwrap().effect, None);
    for number in 0..REMEMBERED + 5 {
        give_and_finish(&mut book, &number.to_string(), late);
    }
    assert_eq!(book.orders().len(), REMEMBERED);
    assert!(book.order("old").is_none() && book.order("204").is_some());
}

fn give_and_finish(book: &mut Book, id: &str, at: Timestamp) {
    book.give(id, at);
    book.took_effect(at, true);
    book.told(at, |_| true);
}

#[test]
fn orders_without_a_name_push_none_out_that_has_one_or_is_not_finished() {
    let mut book = Book::default();
    give_and_finish(&mut book, "named", now());
    book.give_unnamed("untold", now());
    book.took_effect(now(), true);
    for number in 0..REMEMBERED * 2 {
        let id = number.to_string();
        book.give_unnamed(&id, now());
        book.took_effect(now(), true);
        book.told(now(), |order| order.id == id);
    }
    book.give("open", now());
    book.failed("no service", now());
    for number in 0..REMEMBERED * 2 {
        // Each ends while the service is stopped.
        book.give_unnamed(&format!("later-{number}"), now() + STALE_AFTER * 2);
    }
    for id in ["named", "untold"] {
        assert!(book.order(id).is_some(), "{id}");
    }
    let mut named = Book::default();
    for number in 0..REMEMBERED * 2 {
        named.give(&number.to_string(), now());
    }
    assert_eq!(named.orders().len(), REMEMBERED * 2, "what is open is not forgotten");
}

#[test]
fn an_order_of_the_profile_is_given_once_and_not_forgotten_while_it_is_named() {
    let mut book = Book::default();
    assert!(book.give_once("profile", now()));
    book.failed("no service", now());
    let later = now() + SignedDuration::from_hours(1);
    assert!(!book.give_once("profile", later), "it is tried again by itself, and not given anew");
    assert_eq!(book.order("profile").unwrap().ordered_at, now());
    book.took_effect(later, true);
    book.told(later, |_| true);
    for number in 0..REMEMBERED * 3 {
        give_and_finish(&mut book, &number.to_string(), later);
        book.give_once("profile", later);
    }
    assert_eq!(book.order("profile").unwrap().effect, Some(done(later, 1)));
    assert_eq!(book.orders().len(), REMEMBERED);
    assert!(book.give_once("another", later));
    assert!(book.is_open(later));
}

#[test]
fn names_are_printable_and_short() {
    for (name, good) in [
        ("jamf-2026-11", true),
        ("Umstellung Büro", true),
        ("", false),
        (" a", false),
        ("a\nb", false),
        ("\u{202e}11-6202-fmaj", false),
        ("jamf\u{200b}", false),
        ("jamf\u{200d}", false),
        ("jamf\u{2028}", false),
        ("\u{feff}jamf", false),
        (&"x".repeat(LONGEST_ORDER_NAME + 1), false),
    ] {
        assert_eq!(is_order_name(name), good, "{name:?}");
    }
}

/// What the tools answer, by command line; each call takes the next of its answers, the last one stays.
struct Tools {
    root: tempfile::TempDir,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Tools {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), calls: Arc::default() }
    }

    fn paths(&self) -> Paths {
        Paths::under(self.root.path())
    }

    fn runner(&self, answers: &[(&'static str, &[Output])]) -> Runner {
        let mut answers: Vec<_> = answers.iter().map(|(line, answers)| (*line, answers.to_vec())).collect();
        let calls = Arc::clone(&self.calls);
        Runner::answering(self.paths(), move |call| {
            let program = call.program.file_name().unwrap().to_string_lossy().into_owned();
            let line = format!("{program} {}", call.argv.first().map_or("", String::as_str));
            calls.lock().unwrap().push(line.clone());
            let (_, answers) = answers.iter_mut().find(|(known, _)| *known == line).expect(&line);
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        })
    }

    async fn perform(&self, answers: &[(&'static str, &[Output])]) -> (Result<(), Unperformed>, Book) {
        let runner = self.runner(answers);
        let book = Apart::<Book>::try_open(&self.paths()).unwrap().unwrap();
        let mut orders = Book::default();
        orders.give("a", now());
        book.save(&orders).unwrap();
        let deadline = Deadline::after(Duration::from_secs(45));
        let result = perform(&book, &runner, &ManualClock::at(now()), (deadline, WhenStopped::Start)).await;
        (result, book.load().unwrap().value().unwrap())
    }
}

fn active() -> Output {
    Output::success(r#"{"status": "ACTIVE", "activation_type": "LIC_KEY"}"#)
}

fn none() -> Output {
    Output::success("{}")
}

fn stopped() -> Output {
    Output::failure(253, "cannot connect to Parallels Service")
}

fn fine() -> Output {
    Output::success("The license has been successfully deactivated.")
}

const INFO: &str = "prlsrvctl info";
const DEACTIVATE: &str = "prlsrvctl deactivate-license";
const OPEN: &str = "open -g";

#[tokio::test(start_paused = true)]
async fn each_way_an_order_goes() {
    let network = || Output::failure(255, "Failed to deactivate: network");
    type Case<'a> = (&'a str, Vec<(&'static str, Vec<Output>)>, Result<bool, &'a str>);
    let cases: [Case<'_>; 7] = [
        ("a license", vec![(INFO, vec![active()]), (DEACTIVATE, vec![fine()])], Ok(true)),
        ("no license", vec![(INFO, vec![none()])], Ok(false)),
        (
            "an unknown license",
            vec![(INFO, vec![Output::failure(255, "PrlHandle_FromString")]), (DEACTIVATE, vec![fine()])],
            Ok(true),
        ),
        (
            "a service that starts",
            vec![
                (INFO, vec![stopped()]),
                (DEACTIVATE, vec![stopped(), stopped(), fine()]),
                (OPEN, vec![fine()]),
            ],
            Ok(true),
        ),
        (
            "a service that does not",
            vec![(INFO, vec![stopped()]), (DEACTIVATE, vec![stopped()]), (OPEN, vec![network()])],
            Err("Parallels' service is stopped and did not start"),
        ),
        (
            "no network",
            vec![(INFO, vec![active()]), (DEACTIVATE, vec![network()])],
            Err("cannot deactivate the license: Failed to deactivate: network (exit code 255)"),
        ),
        (
            "done by somebody else meanwhile",
            vec![(INFO, vec![active(), none()]), (DEACTIVATE, vec![network()])],
            Ok(true),
        ),
    ];
    for (name, answers, expected) in cases {
        let tools = Tools::new();
        let answers: Vec<_> = answers.iter().map(|(line, answers)| (*line, answers.as_slice())).collect();
        let (result, book) = tools.perform(&answers).await;
        let order = book.order("a").unwrap();
        match expected {
            Ok(deactivated) => {
                result.unwrap();
                assert_eq!(order.effect, Some(Effect { at: now(), deactivated, number: 1 }), "{name}");
            }
            Err(trouble) => {
                result.unwrap_err();
                assert_eq!((order.effect, order.trouble.as_deref()), (None, Some(trouble)), "{name}");
            }
        }
        let calls = tools.calls.lock().unwrap();
        assert!(!calls.iter().any(|call| call.contains("skip")), "{name}");
    }
}
