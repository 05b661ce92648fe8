use proptest::prelude::*;

use super::*;
use crate::checkin::rehearsal::at;

fn s(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn the_backoff_doubles_to_its_cap() {
    let mut backoff = Backoff::default();
    for wanted in [30, 60, 120, 240, 480, 900, 900, 900] {
        backoff = backoff.failed(CAP_S);
        assert_eq!(backoff.wait(None, 0.0), s(wanted));
        assert_eq!(backoff.wait(None, 1.0), s(2 * wanted), "the jitter comes after the cap");
    }
    assert_eq!((0..10).fold(backoff, |backoff, _| backoff.failed(REFUSED_CAP_S)).delay_s, 3_600);
}

#[test]
fn hostile_values_of_retry_after() {
    for (text, wanted) in [
        ("0", Some(30)),
        ("-5", Some(30)),
        ("29", Some(30)),
        ("31", Some(31)),
        (" 120 ", Some(120)),
        ("3600", Some(3_600)),
        ("3601", Some(3_600)),
        ("1000000000000", Some(3_600)),
        ("999999999999999999999999999999", Some(3_600)),
        ("Mon, 24 Nov 2025 15:00:00 GMT", Some(30)),
        ("Mon, 24 Nov 2025 16:02:00 GMT", Some(120)),
        ("Fri, 24 Nov 2034 16:00:00 GMT", Some(3_600)),
        ("1e12", None),
        ("", None),
        ("-", None),
        ("soon", None),
        ("1.5", None),
        ("٣٠", None),
    ] {
        assert_eq!(retry_after(text, at(0)), wanted.map(s), "{text}");
    }
}

#[test]
fn later_is_the_greater_of_backoff_and_retry_after_with_jitter_of_the_same() {
    let backoff = Backoff::default().failed(CAP_S).failed(CAP_S);
    assert_eq!(backoff.wait(Some(s(45)), 0.5), s(90));
    assert_eq!(backoff.wait(Some(s(600)), 0.5), s(900));
}

#[test]
fn what_the_portal_orders_is_clamped_and_jitters_by_a_tenth_at_least() {
    for (after_s, jitter_s, least, most) in [
        (900, 180, 900, 1_080),
        (900, 0, 900, 990),
        (0, 0, 30, 33),
        (29, 1, 30, 33),
        (u64::MAX, 0, 86_400, 95_040),
        (60, u64::MAX, 60, 86_460),
    ] {
        let next = Next { after_s, jitter_s, wait: false };
        assert_eq!((ordered(&next, 0.0), ordered(&next, 1.0)), (s(least), s(most)), "{next:?}");
    }
}

fn timetable() -> Timetable {
    let mut timetable = Timetable::starting(at(0), None, Backoff::default(), 0.0);
    timetable.sent(at(0));
    timetable.set(at(0), s(900), CheckinReason::Interval);
    timetable
}

#[test]
fn a_start_is_at_once_or_where_the_backoff_left_off() {
    let failing = Backoff { failures: 3, delay_s: 120 };
    for (last, backoff, wanted) in [
        (None, Backoff::default(), 0),
        (Some(at(-5)), Backoff::default(), 25),
        (Some(at(-3_600)), Backoff::default(), 0),
        (Some(at(-20)), failing, 160),
        (Some(at(-3_600)), failing, 0),
        (Some(at(3_600)), failing, 180),
    ] {
        let next = Timetable::starting(at(0), last, backoff, 0.5).next(at(0), backoff.failures > 0);
        assert_eq!(next, (at(wanted), CheckinReason::Startup), "{last:?}");
    }
}

#[test]
fn local_changes_gather_for_ten_seconds_and_keep_a_minute() {
    let mut timetable = timetable();
    timetable.changed(at(5), CheckinReason::VmChange);
    assert_eq!(timetable.next(at(5), false), (at(60), CheckinReason::VmChange), "a minute between two");
    timetable.sent(at(60));
    timetable.set(at(60), s(900), CheckinReason::Interval);
    timetable.changed(at(300), CheckinReason::VmChange);
    timetable.changed(at(309), CheckinReason::ProfileChange);
    assert_eq!(timetable.next(at(309), false), (at(310), CheckinReason::VmChange), "one carries both");
    assert_eq!(timetable.next(at(309), true), (at(960), CheckinReason::Interval), "failures go before");
}

#[test]
fn thirty_seconds_lie_between_any_two_but_the_named_exceptions() {
    let mut timetable = timetable();
    timetable.set(at(1), s(0), CheckinReason::Interval);
    assert_eq!(timetable.next(at(1), false).0, at(30));
    timetable.call(at(2), s(3), CheckinReason::Wake);
    assert_eq!(timetable.next(at(2), false), (at(5), CheckinReason::Wake));
    timetable.call(at(2), s(0), CheckinReason::Manual);
    assert_eq!(timetable.next(at(2), true), (at(2), CheckinReason::Manual));
    timetable.at_once(CheckinReason::Startup);
    assert_eq!(timetable.next(at(2), false), (at(2), CheckinReason::Startup));
}

#[test]
fn a_clock_set_back_adds_nothing_and_stalls_nothing() {
    let mut timetable = timetable();
    timetable.changed(at(600), CheckinReason::VmChange);
    let back = at(-86_400);
    assert_eq!(timetable.next(back, false).0, at(-86_390), "the change's ten seconds at most");
    assert_eq!(timetable.next(back, true).0, at(-85_500), "the interval at most");
    assert_eq!(timetable.next(at(-85_500), true).0, at(-85_500), "and then it is due");
}

proptest! {
    #[test]
    fn the_interval_never_shrinks_while_failures_go_on(caps in prop::collection::vec(prop_oneof![Just(CAP_S), Just(REFUSED_CAP_S)], 1..40)) {
        let mut backoff = Backoff::default();
        for cap in caps {
            let next = backoff.failed(cap);
            prop_assert!(next.delay_s >= backoff.delay_s && next.delay_s >= 30);
            prop_assert!(next.wait(None, 0.3) >= backoff.wait(None, 0.3));
            backoff = next;
        }
    }

    #[test]
    fn no_retry_after_panics_and_all_are_within_bounds(text in ".{0,40}", second in -62_000_000_000_i64..253_000_000_000) {
        let now = Timestamp::from_second(second).unwrap();
        if let Some(wait) = retry_after(&text, now) {
            prop_assert!(wait >= s(30) && wait <= s(3_600));
        }
    }

    #[test]
    fn whatever_the_clock_does_something_is_due_in_bounded_time(moves in prop::collection::vec(-100_000_i64..100_000, 1..20)) {
        let mut timetable = timetable();
        let mut now = at(0);
        for by in moves {
            now = later(now, s(by));
            let (due, _) = timetable.next(now, false);
            prop_assert!(due <= later(now, s(900)));
        }
    }

    #[test]
    fn a_part_is_within_the_whole(draw in any::<f64>(), whole in 0_i64..1_000_000) {
        let part = part(s(whole), draw);
        prop_assert!(part >= s(0) && part <= s(whole));
    }
}
