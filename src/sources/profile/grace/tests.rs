use super::*;
use crate::sources::profile::{FileBytes, Item};

fn minute(minutes: i64) -> Timestamp {
    "2026-11-24T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn file(portal: &str) -> Reading<Document> {
    let xml = format!("<plist><dict><key>PortalURL</key><string>https://{portal}</string></dict></plist>");
    bytes(xml.as_bytes())
}

fn bytes(bytes: &[u8]) -> Reading<Document> {
    Reading::Read(Document { file: "agent.plist".to_owned(), bytes: FileBytes(bytes.to_vec()) })
}

/// A daemon that is restarted before every step.
#[derive(Default)]
struct Daemon(Option<String>);

impl Daemon {
    fn step(&mut self, at: i64, reading: Reading<Document>) -> Grace {
        let last = self.0.take().map(|json| serde_json::from_str(&json).unwrap());
        let grace = Grace::step(last, reading, minute(at));
        self.0 = grace.remembered.as_ref().map(|remembered| serde_json::to_string(remembered).unwrap());
        grace
    }

    fn portal(&mut self, at: i64, reading: Reading<Document>) -> Option<String> {
        self.step(at, reading).preferences?.portal_url.value().map(ToString::to_string)
    }
}

fn one() -> Option<String> {
    Some("https://one.example".to_owned())
}

#[test]
fn gone_for_nine_minutes_is_not_gone() {
    let mut daemon = Daemon::default();
    assert_eq!(daemon.portal(0, file("one.example")), one());
    assert_eq!(daemon.portal(1, Reading::Absent), one());
    let gone = daemon.step(10, Reading::Absent);
    assert_eq!(
        gone.trouble,
        Some(Trouble::Vanished { vanished_at: minute(1), lapses_in: SignedDuration::from_mins(1) })
    );
    let back = daemon.step(11, file("one.example"));
    assert_eq!(back.trouble, None);
    assert_eq!(back.preferences.unwrap().settings.since, Some(minute(0)), "it is the same content");
    assert_eq!(daemon.portal(12, Reading::Absent), one(), "and its grace is whole again");
    assert_eq!(daemon.portal(21, Reading::Absent), one());
}

#[test]
fn gone_for_eleven_minutes_lapses_once_and_leaves_nothing() {
    let mut daemon = Daemon::default();
    daemon.step(0, file("one.example"));
    daemon.step(1, Reading::Absent);
    let lapsed = daemon.step(12, Reading::Absent);
    assert_eq!(lapsed, Grace::NOTHING);
    assert_eq!(daemon.step(13, Reading::Absent), Grace::NOTHING);
    assert_eq!(daemon.step(14, bytes(b"half")).preferences, None, "nor does a corrupt file bring it back");
}

#[test]
fn the_grace_ends_at_ten_minutes() {
    for (at, holds) in [(10, true), (11, false)] {
        let mut daemon = Daemon::default();
        daemon.step(0, file("one.example"));
        daemon.step(1, Reading::Absent);
        assert_eq!(daemon.portal(at, Reading::Absent).is_some(), holds, "{at}");
    }
}

#[test]
fn a_clock_set_back_gains_nothing_and_one_that_ran_ahead_holds_nothing_up() {
    let mut daemon = Daemon::default();
    daemon.step(0, file("one.example"));
    daemon.step(1, Reading::Absent);
    assert_eq!(daemon.portal(7, Reading::Absent), one());
    assert_eq!(daemon.portal(-500_000, Reading::Absent), one(), "six minutes are counted and stay so");
    assert_eq!(daemon.portal(-499_997, Reading::Absent), one());
    assert_eq!(daemon.portal(-499_996, Reading::Absent), None);

    let mut daemon = Daemon::default();
    daemon.step(9_000_000, file("one.example"));
    daemon.step(1, Reading::Absent);
    assert_eq!(daemon.portal(11, Reading::Absent), None, "what was read in the wrong year lapses in time");
}

#[test]
fn a_corrupt_file_keeps_the_last_good_one() {
    let half = || bytes(b"<plist><dict><key>PortalURL</key><str");
    let mut daemon = Daemon::default();
    let first = daemon.step(0, half());
    assert!(matches!(first.trouble, Some(Trouble::Unreadable(Unreadable::Malformed(_)))));
    assert_eq!(first.preferences, None);

    daemon.step(1, file("one.example"));
    for at in [2, 3, 600] {
        let kept = daemon.step(at, half());
        assert!(matches!(kept.trouble, Some(Trouble::Kept(Unreadable::Malformed(_)))));
        assert_eq!(kept.preferences.unwrap().settings.since, Some(minute(1)));
    }
    let kept = daemon.step(601, Reading::Unreadable(Unreadable::TooLarge));
    assert_eq!(kept.trouble, Some(Trouble::Kept(Unreadable::TooLarge)));
    assert_eq!(daemon.portal(602, Reading::Absent), one(), "its grace begins when the file goes");
    assert_eq!(daemon.portal(611, Reading::Absent), one());
    assert_eq!(daemon.portal(612, Reading::Absent), None);
}

#[test]
fn a_key_that_is_gone_from_a_file_that_is_there_lapses_at_once() {
    let mut daemon = Daemon::default();
    daemon.step(0, file("one.example"));
    let empty = daemon.step(1, bytes(b"<plist><dict></dict></plist>")).preferences.unwrap();
    assert_eq!(empty.portal_url, Item::Unset);
    assert_eq!(empty.settings.since, Some(minute(1)), "other content, another date");
    assert_eq!(daemon.portal(2, Reading::Absent), None, "what is kept is the file without it");
    assert!(daemon.step(3, Reading::Absent).preferences.is_some());
}

#[test]
fn nothing_is_to_be_written_while_nothing_changes() {
    let first = Grace::step(None, file("one.example"), minute(0));
    let second = Grace::step(first.remembered.clone(), file("one.example"), minute(5));
    assert_eq!(first, second);
}

#[test]
fn what_is_remembered_is_not_displayed() {
    let xml = b"<plist><dict><key>EnrollmentToken</key><string>hush-hush</string></dict></plist>";
    let grace = Grace::step(None, bytes(xml), minute(0));
    assert!(!format!("{grace:?}").contains("hush-hush"));
    assert!(!format!("{grace:?}").contains(&format!("{:?}", xml.as_slice())));
    let json = serde_json::to_string(&grace.remembered).unwrap();
    assert_eq!(serde_json::from_str::<Option<Remembered>>(&json).unwrap(), grace.remembered);
}
