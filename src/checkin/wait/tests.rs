use uuid::Uuid;

use super::*;
use crate::checkin::rehearsal::at;

fn id() -> RequestId {
    RequestId::of(Uuid::from_u128(5))
}

fn answer(status: u16, body: &str) -> Result<HttpAnswer, NetFault> {
    Ok(HttpAnswer {
        status,
        content_type: Some("application/json".to_owned()),
        request_id: Some(id().to_string()),
        retry_after: None,
        date: None,
        body: body.as_bytes().to_vec(),
    })
}

fn wake(spread_s: u64) -> Result<HttpAnswer, NetFault> {
    answer(200, &format!(r#"{{"wake":["assignment","a later word"],"spread_s":{spread_s}}}"#))
}

/// A channel whose poll was opened at 0.
fn open() -> Wait {
    let mut wait = Wait::default();
    assert!(!wait.checked_in(true));
    assert_eq!(wait.poll(at(0)), Channel::Open);
    wait
}

fn secs(delay: Option<SignedDuration>) -> Option<i64> {
    delay.map(|delay| delay.as_secs())
}

#[test]
fn it_opens_only_when_a_successful_check_in_wants_it() {
    let mut wait = Wait::default();
    assert_eq!(wait.poll(at(0)), Channel::Nothing);
    assert!(!wait.checked_in(false));
    assert_eq!(wait.poll(at(0)), Channel::Nothing);
    assert!(!wait.checked_in(true));
    assert_eq!(wait.poll(at(0)), Channel::Open);
    assert_eq!(wait.poll(at(0)), Channel::Nothing, "one at a time");
    assert!(wait.checked_in(false), "it is dropped when it is not wanted any more");
}

#[test]
fn without_news_it_opens_again_but_not_without_pause() {
    let mut wait = open();
    assert_eq!(wait.ended(at(300), answer(204, ""), id(), 0.5), None);
    assert_eq!(wait.poll(at(300)), Channel::Open);
    assert_eq!(wait.ended(at(301), answer(204, ""), id(), 0.5), None);
    assert_eq!(wait.poll(at(301)), Channel::Until(at(310)));
    assert_eq!(wait.poll(at(310)), Channel::Open);
}

#[test]
fn a_wake_is_followed_after_its_spread_and_the_next_poll_comes_after_the_check_in() {
    let mut wait = open();
    assert_eq!(secs(wait.ended(at(20), wake(0), id(), 0.5)), Some(0));
    assert_eq!(wait.poll(at(20)), Channel::Nothing);
    assert!(!wait.checked_in(true));
    assert_eq!(wait.poll(at(21)), Channel::Open);
    assert_eq!(secs(wait.ended(at(100), wake(40), id(), 0.5)), Some(20));
    assert!(!wait.checked_in(true));
    assert_eq!(wait.poll(at(125)), Channel::Open);
    assert_eq!(
        secs(wait.ended(at(130), wake(0), id(), 0.5)),
        Some(50),
        "one a minute, from when it was followed"
    );
    assert!(!wait.checked_in(true));
    assert_eq!(wait.poll(at(200)), Channel::Open);
    assert_eq!(secs(wait.ended(at(300), wake(u64::MAX), id(), 1.0)), Some(3_600));
}

#[test]
fn three_failures_close_it_until_time_and_a_check_in_allow_it() {
    for failure in [
        Err(NetFault::Timeout),
        Err(NetFault::Connect),
        answer(401, ""),
        answer(200, "<html>"),
        answer(200, "[]"),
        answer(204, "x"),
        answer(503, ""),
    ] {
        let mut wait = open();
        for (now, reopens) in [(10, 40), (50, 80)] {
            assert_eq!(wait.ended(at(now), failure.clone(), id(), 0.5), None);
            assert_eq!(wait.poll(at(now)), Channel::Until(at(reopens)));
            assert_eq!(wait.poll(at(reopens)), Channel::Open);
        }
        assert_eq!(wait.ended(at(90), failure.clone(), id(), 0.5), None);
        let reopens = 90 + 45 * 60;
        assert_eq!(wait.poll(at(reopens + 1)), Channel::Nothing, "time alone does not open it");
        assert!(!wait.checked_in(true));
        assert_eq!(wait.poll(at(91)), Channel::Until(at(reopens)), "a check-in alone does not open it");
        assert_eq!(wait.poll(at(reopens)), Channel::Open);
    }
}

#[test]
fn a_clock_set_back_does_not_keep_it_shut() {
    let mut wait = open();
    assert_eq!(wait.ended(at(10), Err(NetFault::Timeout), id(), 1.0), None);
    assert_eq!(wait.poll(at(-86_400)), Channel::Until(at(-86_340)));
    assert_eq!(wait.poll(at(-86_340)), Channel::Open);
}
