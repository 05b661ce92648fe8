//! What is remembered over the life of a setting.

use super::*;

fn version(text: &str) -> ParallelsVersion {
    text.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + seconds).unwrap()
}

fn offer(text: &str) -> Offer {
    Offer {
        version: version(text),
        numbering: super::super::feed::Numbering::Release,
        enabled: true,
        file: "https://up.example/pd.dmg".to_owned(),
        line: 1,
    }
}

fn staying(says: Says) -> Demand {
    Demand {
        stay_on_major: Some(says),
        every: Some(DAY),
        assigned: true,
        parallels_too: true,
        ..Demand::default()
    }
}

fn local_server() -> Demand {
    let feed_url = Some(("https://up.example/feed.xml".to_owned(), Says::Assignment));
    Demand { feed_url, every: Some(DAY), assigned: true, parallels_too: true, ..Demand::default() }
}

fn reads(offers: &[&str]) -> News {
    News::Read {
        offers: offers.iter().map(|text| offer(text)).collect(),
        flaws: 0,
        validators: Validators::default(),
    }
}

const STAY: &str = STAY_ON_MAJOR;

#[test]
fn the_major_version_of_when_the_setting_came_is_kept_until_it_goes() {
    let mut book = Book::default();
    let nothing = Demand { assigned: true, ..Demand::default() };
    for (demand, installed, kept, watch) in [
        (staying(Says::Assignment), None, None, Some(Watch::Unknown)),
        (staying(Says::Assignment), Some("20.2.0"), Some(20), Some(Watch::Kept)),
        (staying(Says::Assignment), Some("20.4.1"), Some(20), Some(Watch::Kept)),
        // Removed, and installed anew in a higher one.
        (staying(Says::Assignment), None, Some(20), Some(Watch::Unknown)),
        (
            staying(Says::Assignment),
            Some("26.1.1"),
            Some(20),
            Some(Watch::Passed("version 26.1.1 is installed, and major version 20 is to be kept".to_owned())),
        ),
        // A lost assignment is no statement; one without the setting is.
        (Demand { assigned: false, ..Demand::default() }, Some("26.1.1"), Some(20), None),
        (nothing.clone(), Some("26.1.1"), None, None),
        (staying(Says::Assignment), Some("26.1.1"), Some(26), Some(Watch::Kept)),
        // A profile's word goes with the profile.
        (
            staying(Says::Profile),
            Some("27.0.2"),
            Some(26),
            Some(Watch::Passed("version 27.0.2 is installed, and major version 26 is to be kept".to_owned())),
        ),
        (Demand::default(), Some("27.0.2"), None, None),
    ] {
        let installed = installed.map(version);
        book.keep(&demand, installed.as_ref(), at(0));
        assert_eq!(book.kept.map(|kept| kept.major), kept, "{demand:?} {installed:?}");
        assert_eq!(book.watched(&demand, installed.as_ref()).get(STAY), watch.as_ref(), "{installed:?}");
    }
}

#[test]
fn what_a_local_server_does_not_offer_is_passed_unless_it_was_there_or_was_offered() {
    let mut book = Book::default();
    let demand = local_server();
    let mut stands = |installed: &str, offers: Option<&[&str]>| {
        let installed = version(installed);
        book.keep(&demand, Some(&installed), at(0));
        if let Some(offers) = offers {
            book.note(&demand, reads(offers), at(0), 0.0);
            book.keep(&demand, Some(&installed), at(0));
        }
        match &book.watched(&demand, Some(&installed))[FEED_URL] {
            Watch::Kept => "kept",
            Watch::Unknown => "unknown",
            Watch::Passed(_) => "passed",
        }
    };
    // It was there before the setting came, newer than all that the server offers.
    assert_eq!(stands("26.3.3-57507", Some(&["26.2.0-57400"])), "kept");
    // It was updated from elsewhere.
    assert_eq!(stands("26.4.1-57516", None), "passed");
    // The server offers it after all, and takes it back later.
    assert_eq!(stands("26.4.1-57516", Some(&["26.4.1-57516"])), "kept");
    assert_eq!(stands("26.4.1-57516", Some(&["26.2.0-57400"])), "kept");
    assert_eq!(stands("27.0.2-58001", None), "passed");
    // What is offered and held back allows nothing below it either.
    let demand = Demand { stay_on_major: Some(Says::Assignment), ..local_server() };
    let mut book = Book::default();
    book.keep(&demand, Some(&version("26.3.3-57507")), at(0));
    book.note(&demand, reads(&["26.3.3-57507", "27.0.2-58001"]), at(0), 0.0);
    let watched = book.watched(&demand, Some(&version("26.9.0-57900")));
    assert!(matches!(watched[FEED_URL], Watch::Passed(_)), "{watched:?}");
}

#[test]
fn the_settings_decide_how_often_a_feed_is_read_and_whether_at_all() {
    use crate::resolve::resolve;
    use crate::sources::layer::{Layer, Origin};
    for (settings, days) in [
        (serde_json::json!({}), None),
        (serde_json::json!({"restrict.add_vm": true}), None),
        (serde_json::json!({"updates.stay_on_major": false, "updates.auto_download": false}), None),
        (serde_json::json!({"updates.stay_on_major": true}), Some(1)),
        (serde_json::json!({"updates.feed_url": "https://up.example/"}), Some(1)),
        (serde_json::json!({"updates.auto_download": true}), Some(1)),
        (serde_json::json!({"updates.check": "daily"}), Some(1)),
        (serde_json::json!({"updates.check": "weekly", "updates.stay_on_major": true}), Some(7)),
        (serde_json::json!({"updates.check": "monthly"}), Some(30)),
        (serde_json::json!({"updates.check": "never", "updates.feed_url": "https://up.example/"}), None),
    ] {
        let named = settings.as_object().unwrap();
        let named = named.iter().map(|(name, value)| (name.as_str(), value));
        let origin = Origin::LicenseProfile { name: String::new() };
        let demand = Demand::of(&resolve(&[Layer::read(LayerKind::Policy, origin, named)]));
        let demand = Demand { parallels_too: true, ..demand };
        assert_eq!(demand.every.map(|every| every.as_hours() / 24), days, "{settings}");
        assert_eq!(demand.address(Some(&version("26.1.1"))).is_some(), days.is_some(), "{settings}");
    }
}

#[test]
fn a_feed_is_one_of_the_installed_major_version() {
    let demand = staying(Says::Assignment);
    let of = |text| demand.address(Some(&version(text))).unwrap();
    assert_eq!(of("20.2.0"), "https://update.parallels.com/desktop/v20/parallels/parallels_updates.xml");
    assert_eq!(of("26.3.3"), "https://update.parallels.com/desktop/v26/parallels/parallels_updates.xml");
    assert_eq!(demand.address(None), None);
    let below_a_folder = Demand { parallels_too: false, ..demand };
    assert_eq!(below_a_folder.address(Some(&version("26.3.3"))), None);
    assert_eq!(local_server().address(None).unwrap(), "https://up.example/feed.xml");
}

#[test]
fn a_feed_is_due_at_once_then_by_its_rhythm_and_after_failures_ever_later() {
    let demand = staying(Says::Assignment);
    let installed = version("26.1.1-57288");
    let mut book = Book::default();
    book.keep(&demand, Some(&installed), at(0));
    let wait = |book: &Book, now| book.reading.as_ref().unwrap().next_at.duration_since(at(now)).as_secs();
    assert!(book.due(&demand, at(0)).is_some());
    let mut waits = Vec::new();
    for _ in 0..8 {
        book.note(&demand, News::Failed("down".to_owned()), at(0), 0.0);
        waits.push(wait(&book, 0) / 60);
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_440, 1_440]);
    book.note(&demand, reads(&["26.3.3-57507"]), at(0), 0.5);
    assert_eq!(wait(&book, 0), 86_400 + 4_320, "a tenth of the rhythm at most, by chance");
    assert!(book.due(&demand, at(86_000)).is_none());
    assert!(book.due(&demand, at(90_700)).is_some());
    book.note(&demand, News::Unchanged, at(90_720), 0.0);
    let reading = book.reading.as_ref().unwrap();
    assert_eq!((reading.offers.len(), reading.read_at, &reading.trouble), (1, Some(at(90_720)), &None));
    // The clock was set back by a year.
    assert!(book.due(&demand, at(-31_000_000)).is_some());
}

#[test]
fn another_address_is_read_at_once_and_forgets_what_the_first_offered() {
    let demand = staying(Says::Assignment);
    let mut book = Book::default();
    book.keep(&demand, Some(&version("20.2.0")), at(0));
    book.note(&demand, reads(&["20.4.1"]), at(0), 0.0);
    book.keep(&demand, None, at(5));
    assert_eq!(book.reading.as_ref().unwrap().offers.len(), 1, "that it cannot be read now changes nothing");
    book.keep(&demand, Some(&version("26.1.1")), at(9));
    let reading = book.reading.as_ref().unwrap();
    assert_eq!((reading.offers.len(), reading.next_at, reading.read_at), (0, at(9), None));
    book.keep(&Demand::default(), Some(&version("26.1.1")), at(9));
    assert_eq!(book.reading, None);
}
