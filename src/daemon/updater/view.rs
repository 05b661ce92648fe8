//! What is decided of updates, as the local socket and the check-in show it. Pure.

use crate::catalog::{Key, Lever};
use crate::control::view::{FeedView, HeldView, PassedView, UpdateSettingView, UpdatesView};
use crate::daemon::board::Board;
use crate::daemon::views::json;
use crate::domain::address::without_queries;
use crate::hypervisor::outcome::Answer;
use crate::resolve::Outcome;
use crate::updates::book::Watch;
use crate::wire::checkin::{HeldUpdate, UpdateReport};

/// The group of settings that are about updates.
const PREFIX: &str = "updates.";

/// `meridian updates`; nothing where no layer names a setting that is about them.
#[must_use]
pub fn view(board: &Board) -> Option<UpdatesView> {
    let settings: Vec<UpdateSettingView> =
        board.enforcement.effective.settings.iter().filter_map(setting).collect();
    if settings.is_empty() {
        return None;
    }
    let (book, decision) = (&board.updates.book, &board.updates.decision);
    let installed = match &board.observation.parallels {
        Answer::Known(version) | Answer::TooOld(version) => Some(version.to_string()),
        _ => None,
    };
    let demand = board.updates.demand.as_ref();
    let local = demand.is_some_and(|demand| demand.feed_url.is_some());
    Some(UpdatesView {
        installed,
        kept_major: book.kept.map(|kept| kept.major),
        available: decision.available.as_ref().map(ToString::to_string),
        allowed: decision.allowed.as_ref().map(ToString::to_string),
        held: decision
            .held
            .iter()
            .map(|held| HeldView { version: held.offer.to_string(), reason: held.why })
            .collect(),
        passed: passed(board),
        feed: book.reading.as_ref().map(|reading| FeedView {
            address: without_queries(&reading.address),
            local,
            read_at: reading.read_at,
            next_at: reading.next_at,
            trouble: reading.trouble.clone(),
            flaws: reading.flaws,
        }),
        settings,
    })
}

fn setting((key, resolved): (&Key, &crate::resolve::Resolved)) -> Option<UpdateSettingView> {
    let Outcome::Holds(winner) = &resolved.outcome else { return None };
    key.name().starts_with(PREFIX).then(|| UpdateSettingView {
        key: key.name().to_owned(),
        value: json(&winner.value),
        enforced: matches!(key.setting().lever, Lever::UserDefault(_)),
    })
}

fn passed(board: &Board) -> Vec<PassedView> {
    let watched = board.updates.watched.iter();
    watched
        .filter_map(|(key, watch)| match watch {
            Watch::Passed(detail) => Some(PassedView { key: (*key).to_owned(), detail: detail.clone() }),
            Watch::Kept | Watch::Unknown => None,
        })
        .collect()
}

/// What `meridian explain` adds to a setting that is about updates.
#[must_use]
pub fn notes(board: &Board, key: Key) -> Vec<String> {
    if !key.name().starts_with(PREFIX) {
        return Vec::new();
    }
    let Some(view) = view(board) else { return Vec::new() };
    let mut notes = Vec::new();
    if !matches!(key.setting().lever, Lever::UserDefault(_)) {
        notes.push("No lever for this is known in Parallels Desktop: it is decided and reported.".to_owned());
    }
    if let Some(major) = view.kept_major.filter(|_| key.name() == crate::updates::book::STAY_ON_MAJOR) {
        notes.push(format!("Major version {major} is kept."));
    }
    notes.extend(view.available.map(|version| format!("Version {version} is available.")));
    notes.extend(view.allowed.map(|version| format!("Version {version} is allowed.")));
    notes.extend(
        view.held
            .iter()
            .map(|held| format!("Version {} is held back: {}.", held.version, held.reason.words())),
    );
    notes.extend(
        view.passed
            .into_iter()
            .filter(|passed| passed.key == key.name())
            .map(|passed| format!("Passed: {}.", passed.detail)),
    );
    notes
}

/// What the check-in tells; nothing where no layer names a setting that is about updates.
#[must_use]
pub fn report(board: &Board) -> Option<UpdateReport> {
    let view = view(board)?;
    let held = view
        .held
        .into_iter()
        .map(|held| HeldUpdate { version: held.version, reason: held.reason.code().to_owned() });
    Some(UpdateReport {
        available: view.available,
        allowed: view.allowed,
        held: held.collect(),
        kept_major: view.kept_major,
        feed: view.feed.map(|feed| feed.address),
    })
}
