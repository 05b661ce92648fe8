//! The small parts of a page: icons, pills, times and amounts.

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
