//! The screen of updates, reviewed.

use jiff::SignedDuration;
use serde_json::json;

use super::super::samples::{HOSTILE, NOW};
use super::super::status::Source;
use super::*;
use crate::control::view::{HeldView, PassedView, UpdateSettingView};
use crate::updates::decision::HeldBack;

fn held_back() -> UpdatesView {
    UpdatesView {
        installed: Some("26.1.1-57288".into()),
        kept_major: Some(26),
        available: Some("27.0.2-58001".into()),
        allowed: Some("26.3.3-57507".into()),
        held: vec![
            HeldView { version: "27.0.2-58001".into(), reason: HeldBack::NextMajor },
            HeldView { version: "26.4.0-57600".into(), reason: HeldBack::SwitchedOff },
        ],
        passed: vec![],
        feed: Some(FeedView {
            address: "https://updates.example.com/parallels_updates.xml".into(),
            local: true,
            read_at: Some(*NOW - SignedDuration::from_hours(3)),
            next_at: *NOW + SignedDuration::from_hours(22),
            trouble: Some("the update server answered with status 503".into()),
            flaws: 2,
        }),
        settings: vec![
            UpdateSettingView { key: "updates.stay_on_major".into(), value: json!(true), enforced: false },
            UpdateSettingView { key: "updates.check".into(), value: json!("weekly"), enforced: true },
        ],
    }
}

fn passed() -> UpdatesView {
    UpdatesView {
        installed: Some("27.0.2-58001".into()),
        available: None,
        allowed: None,
        held: vec![],
        passed: vec![PassedView {
            key: "updates.stay_on_major".into(),
            detail: "version 27.0.2-58001 is installed, and major version 26 is to be kept".into(),
        }],
        feed: None,
        ..held_back()
    }
}

fn screen(view: Option<&UpdatesView>, source: Source) -> String {
    let unreachable = (source == Source::File).then_some("the daemon does not run");
    let shown = Shown { source, unreachable, written_at: *NOW - SignedDuration::from_mins(7), updates: view };
    render(&shown, &Style { color: false, width: 100 }, *NOW)
}

#[test]
fn the_screen_is_reviewed() {
    let all = [
        screen(Some(&held_back()), Source::Daemon),
        screen(Some(&passed()), Source::File),
        screen(Some(&UpdatesView::default()), Source::Daemon),
        screen(None, Source::Daemon),
    ];
    insta::assert_snapshot!("updates", all.join("\n----\n"));
}

#[test]
fn a_hostile_server_reaches_no_terminal() {
    let mut view = held_back();
    if let Some(feed) = &mut view.feed {
        feed.address = HOSTILE.into();
        feed.trouble = Some(HOSTILE.into());
    }
    assert!(!screen(Some(&view), Source::Daemon).contains('\u{1b}'));
}
