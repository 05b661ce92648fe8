//! The small parts of a page: icons, pills, bars, times and amounts.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::assets;
use super::text::Shown;

/// A sign from the sprite. It repeats what the text beside it says, so it is hidden from screen readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r##"<svg class="icon" aria-hidden="true"><use href="{{ assets::icons().path }}#{{ self.0 }}"></use></svg>"##
)]
pub(super) struct Icon(pub(super) &'static str);

impl HtmlSafe for Icon {}

/// What a pill's color says; its sign and text say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be, or on.
    Good,
    /// On its way.
    Busy,
    /// At rest.
    Idle,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
}

impl Tone {
    /// The class of the style sheet.
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A state with a sign and a text.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<span class="pill {{ tone.class() }}">{{ icon }}{{ text }}</span>"#)]
pub(super) struct Pill {
    tone: Tone,
    icon: Icon,
    text: Shown,
}

impl HtmlSafe for Pill {}

impl Pill {
    /// A pill with this sign and text.
    pub(super) const fn new(tone: Tone, icon: &'static str, text: Shown) -> Self {
        Self { tone, icon: Icon(icon), text }
    }
}

/// How much of a limit is taken, as a bar and in words.
///
/// The bar is an SVG, whose width is an attribute: the pages' content security policy forbids styles in markup.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<span class="gauge {{ tone.class() }}">{% if let Some(percent) = percent %}<svg class="bar" aria-hidden="true"><rect width="{{ percent }}%" height="100%"></rect></svg>{% endif %}<span>{{ text }}</span></span>"#
)]
pub(super) struct Gauge {
    tone: Tone,
    percent: Option<u64>,
    text: String,
}

impl HtmlSafe for Gauge {}

impl Gauge {
    /// A bar that is full where `taken` reaches `limit`; some of it shows as soon as anything is taken.
    pub(super) fn new(tone: Tone, taken: u64, limit: u64, text: String) -> Self {
        let percent = taken.saturating_mul(100).checked_div(limit).unwrap_or(100).min(100);
        let percent = if taken == 0 { 0 } else { percent.max(1) };
        Self { tone, percent: Some(percent), text }
    }

    /// The same of something out of use, whose seats are no matter any more.
    pub(super) fn at_rest(self) -> Self {
        Self { tone: Tone::Idle, ..self }
    }

    /// The words alone, where there is no limit.
    pub(super) fn open(text: String) -> Self {
        Self { tone: Tone::Busy, percent: None, text }
    }
}

/// A day on which something ends, and how long it is until then where that is soon.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<time class="date{% if near %} near{% endif %}" datetime="{{ at }}" title="{{ title }}">{{ day }}</time>{% if let Some(left) = left %} <span class="left">{{ left }}</span>{% endif %}"#
)]
pub(super) struct Until {
    at: String,
    title: String,
    day: String,
    left: Option<String>,
    near: bool,
}

impl HtmlSafe for Until {}

impl Until {
    /// What ends then; how long it is until then is told where it still `counts`.
    pub(super) fn of(then: Timestamp, now: Timestamp, counts: bool) -> Self {
        let seconds = then.as_second().saturating_sub(now.as_second());
        Self {
            at: then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            title: then.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            day: then.strftime("%Y-%m-%d").to_string(),
            left: left(seconds).filter(|_| counts),
            near: counts && seconds < 31 * 86_400,
        }
    }
}

/// "in 12 days"; none where that is long.
fn left(seconds: i64) -> Option<String> {
    match seconds {
        ..=0 => Some("past".to_owned()),
        1..=86_399 => Some("in less than a day".to_owned()),
        86_400..=172_799 => Some("in 1 day".to_owned()),
        172_800..=7_775_999 => Some(format!("in {} days", seconds / 86_400)),
        _ => None,
    }
}

/// A time as a person reads it; the script keeps it up to date.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<time datetime="{{ at }}" title="{{ title }}">{{ ago }}</time>"#)]
pub(super) struct Ago {
    at: String,
    title: String,
    ago: String,
}

impl HtmlSafe for Ago {}

impl Ago {
    /// How long before `now` this was.
    pub(super) fn of(then: Timestamp, now: Timestamp) -> Self {
        Self {
            at: then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            title: then.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ago: ago(then, now),
        }
    }
}

/// "2 min ago"; `pages.js` has the same rule.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match seconds {
        ..=9 => "just now".to_owned(),
        10..=59 => format!("{seconds} s ago"),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        86_400..=172_799 => "1 day ago".to_owned(),
        172_800..=2_591_999 => format!("{} days ago", seconds / 86_400),
        _ => then.strftime("%Y-%m-%d").to_string(),
    }
}

/// "3 h 20 min" for a time that something has lasted.
pub(super) fn lasting(seconds: u64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// "8 GiB" for an amount in MiB; one digit after the point where it says something.
pub(super) fn size(mib: u64) -> String {
    let (whole, tenths) = (mib / 1024, mib % 1024 * 10 / 1024);
    match (whole, tenths) {
        (0, _) => format!("{mib} MiB"),
        (_, 0) | (100.., _) => format!("{whole} GiB"),
        _ => format!("{whole}.{tenths} GiB"),
    }
}

/// "1 virtual machine", "2 virtual machines".
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for (seconds, text) in [
            (-30, "just now"),
            (9, "just now"),
            (10, "10 s ago"),
            (125, "2 min ago"),
            (7200, "2 h ago"),
            (90_000, "1 day ago"),
            (172_800, "2 days ago"),
            (31 * 86_400, "2026-10-24"),
        ] {
            assert_eq!(ago(now - SignedDuration::from_secs(seconds), now), text, "{seconds}");
        }
        assert_eq!(ago(Timestamp::MIN, Timestamp::MAX), "-9999-01-02");
    }

    #[test]
    fn an_end_tells_how_long_it_is_until_then() {
        for (seconds, text) in [
            (-5, Some("past")),
            (0, Some("past")),
            (1, Some("in less than a day")),
            (86_400, Some("in 1 day")),
            (12 * 86_400, Some("in 12 days")),
            (90 * 86_400, None),
        ] {
            assert_eq!(left(seconds).as_deref(), text, "{seconds}");
        }
        let (now, then) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(48));
        assert!(Until::of(then, now, true).near && Until::of(then, now, false).left.is_none());
        assert!(Until::of(Timestamp::MIN, Timestamp::MAX, true).near);
    }

    #[test]
    fn a_bar_shows_whether_anything_is_taken_and_never_leaves_its_frame() {
        for (taken, limit, percent) in
            [(0, 10, 0), (1, 1000, 1), (5, 10, 50), (20, 10, 100), (0, 0, 0), (1, 0, 100), (u64::MAX, 1, 100)]
        {
            assert_eq!(Gauge::new(Tone::Busy, taken, limit, String::new()).percent, Some(percent));
        }
    }

    #[test]
    fn amounts_read_as_people_say_them() {
        for (mib, text) in
            [(0, "0 MiB"), (512, "512 MiB"), (8192, "8 GiB"), (6656, "6.5 GiB"), (262_000, "255 GiB")]
        {
            assert_eq!(size(mib), text);
        }
        for (seconds, text) in [(5, "5 s"), (61, "1 min"), (12_000, "3 h 20 min"), (180_000, "2 d 2 h")] {
            assert_eq!(lasting(seconds), text);
        }
        assert_eq!((count(1, "Mac", "Macs"), count(0, "Mac", "Macs")), ("1 Mac".into(), "0 Macs".into()));
    }
}
