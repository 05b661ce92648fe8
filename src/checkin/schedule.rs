//! When to talk to the portal: pure arithmetic over wall-clock times.
//!
//! In go the time, what the portal said and random numbers; out come due times. Random numbers are parts of one, drawn
//! by the caller anew each time. Due times are wall-clock times, because a Mac sleeps; each remembers how far away it
//! was when it was set, so that a clock set back neither adds to it nor stalls it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::wire::checkin::{CheckinReason, Next};

/// The first wait of a backoff, in seconds.
const FIRST_S: u32 = 30;
/// The longest wait before jitter, in seconds, for most failures.
pub const CAP_S: u32 = 900;
/// The same where the portal refuses the device itself.
pub const REFUSED_CAP_S: u32 = 3_600;
/// How long a refused enrollment token rests.
pub const TOKEN_REST: SignedDuration = SignedDuration::from_hours(6);
/// How long after a local change a check-in follows, so that one carries many.
pub const DEBOUNCE: SignedDuration = SignedDuration::from_secs(10);
/// The least time between a check-in and one that a local change brings forward.
pub const CHANGE_GAP: SignedDuration = SignedDuration::from_secs(60);
/// The least time between any two check-ins, named exceptions aside.
pub const GAP: SignedDuration = SignedDuration::from_secs(30);
/// After this time all members are sent again.
pub const REPORT_ALL: SignedDuration = SignedDuration::from_hours(24);
/// At most so often volatile figures are sent.
pub const VOLATILE: SignedDuration = SignedDuration::from_hours(1);

const DAY_S: u64 = 86_400;
const LEAST_RETRY_AFTER_S: u64 = 30;
const MOST_RETRY_AFTER_S: u64 = 3_600;

/// A random part, `draw` of one, of a duration.
#[must_use]
pub fn part(whole: SignedDuration, draw: f64) -> SignedDuration {
    let draw = if draw.is_finite() { draw.clamp(0.0, 1.0) } else { 0.0 };
    SignedDuration::try_from_secs_f64(whole.as_secs_f64() * draw).unwrap_or(whole)
}

/// The wait until the next check-in that the portal ordered: `after_s` clamped to 30 s … 24 h, and a random part of its
/// jitter, which is at least a tenth of that and at most a day.
#[must_use]
pub fn ordered(next: &Next, draw: f64) -> SignedDuration {
    let after = next.after_s.clamp(30, DAY_S);
    let jitter = next.jitter_s.clamp(after.div_ceil(10), DAY_S);
    seconds(after) + part(seconds(jitter), draw)
}

/// Reads a `Retry-After`, as seconds or as a date, clamped to 30 s … 1 h. `None` for what is neither.
#[must_use]
pub fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let wanted = if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.starts_with('-') { 0 } else { digits.parse().unwrap_or(u64::MAX) }
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        u64::try_from(date.as_second().saturating_sub(now.as_second())).unwrap_or(0)
    };
    Some(seconds(wanted.clamp(LEAST_RETRY_AFTER_S, MOST_RETRY_AFTER_S)))
}

fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(i64::MAX))
}

/// How often in a row it failed, and the wait that grew from it. Part of a stored document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Failures in a row.
    pub failures: u32,
    /// The last wait before jitter, in seconds; 0 where nothing failed.
    pub delay_s: u32,
}

impl Backoff {
    /// One more failure: `min(30 s · 2^k, cap)`, and never less than before, whatever the caps of earlier failures were.
    #[must_use]
    pub fn failed(self, cap_s: u32) -> Self {
        let delay_s = FIRST_S.saturating_mul(1 << self.failures.min(10)).min(cap_s).max(self.delay_s);
        Self { failures: self.failures.saturating_add(1), delay_s }
    }

    /// The wait: the greater of the backoff and what the portal asked for, and a random part of that again.
    #[must_use]
    pub fn wait(self, asked: Option<SignedDuration>, draw: f64) -> SignedDuration {
        let least = SignedDuration::from_secs(self.delay_s.into()).max(asked.unwrap_or_default());
        least + part(least, draw)
    }
}

/// A time at which something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    at: Timestamp,
    delay: SignedDuration,
}

impl Due {
    /// Due after this delay.
    #[must_use]
    pub fn after(now: Timestamp, delay: SignedDuration) -> Self {
        Self { at: later(now, delay), delay }
    }

    /// When. If the clock was set back so that this is further away than it ever was, it is pulled in, for good.
    #[must_use]
    pub fn at(&mut self, now: Timestamp) -> Timestamp {
        self.at = self.at.min(later(now, self.delay));
        self.at
    }
}

/// `now` and this much, or the end of time.
#[must_use]
pub fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Whether at least `pause` lies between `last` and now. A `last` in the future, from before the clock was set back, is
/// no reason to wait.
#[must_use]
pub fn passed(last: Option<Timestamp>, pause: SignedDuration, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now || later(last, pause) <= now)
}

/// What brings the next request about, and when.
#[derive(Debug, Clone)]
pub struct Timetable {
    due: Due,
    reason: CheckinReason,
    last: Option<Timestamp>,
    changed: Option<(Due, CheckinReason)>,
    called: Option<(Due, CheckinReason)>,
    at_once: Option<CheckinReason>,
}

impl Timetable {
    /// After a start: at once, or where the last run left off in its backoff. `last` is its last attempt.
    #[must_use]
    pub fn starting(now: Timestamp, last: Option<Timestamp>, backoff: Backoff, draw: f64) -> Self {
        let whole = if backoff.failures == 0 { SignedDuration::ZERO } else { backoff.wait(None, draw) };
        let since = last.map_or(whole, |last| now.duration_since(last));
        let left = (whole - since).clamp(SignedDuration::ZERO, whole);
        Self {
            due: Due::after(now, left),
            reason: CheckinReason::Startup,
            // One in the future is from before the clock was set back.
            last: last.filter(|last| *last <= now),
            changed: None,
            called: None,
            at_once: None,
        }
    }

    /// The next one by interval or backoff.
    pub fn set(&mut self, now: Timestamp, delay: SignedDuration, reason: CheckinReason) {
        self.due = Due::after(now, delay);
        self.reason = reason;
    }

    /// What is due waits for so long from now.
    pub fn rest(&mut self, now: Timestamp, length: SignedDuration) {
        if self.due.at(now) < later(now, length) {
            self.due = Due::after(now, length);
        }
    }

    /// Something changed on this Mac. Changes that follow travel with the first.
    pub fn changed(&mut self, now: Timestamp, reason: CheckinReason) {
        self.changed.get_or_insert((Due::after(now, DEBOUNCE), reason));
    }

    /// The portal or a person calls for a check-in; neither keeps the distance to the last one.
    pub fn call(&mut self, now: Timestamp, delay: SignedDuration, reason: CheckinReason) {
        let mut new = Due::after(now, delay);
        let is_first = self.called.as_mut().is_none_or(|(due, _)| new.at(now) < due.at(now));
        if is_first {
            self.called = Some((new, reason));
        }
    }

    /// A retry that the protocol allows once, or a further part: at once.
    pub const fn at_once(&mut self, reason: CheckinReason) {
        self.at_once = Some(reason);
    }

    /// A request leaves; what called for it is answered by it.
    pub const fn sent(&mut self, now: Timestamp) {
        self.last = Some(now);
        self.changed = None;
        self.called = None;
        self.at_once = None;
    }

    /// When the next request is due, and why. While failures go on, local changes wait for the backoff.
    #[must_use]
    pub fn next(&mut self, now: Timestamp, failing: bool) -> (Timestamp, CheckinReason) {
        if let Some(reason) = self.at_once {
            return (now, reason);
        }
        self.last = self.last.filter(|last| *last <= now);
        let not_before = |last: Option<Timestamp>, gap| last.map_or(now, |last| later(last, gap));
        let mut next = (self.due.at(now).max(not_before(self.last, GAP)), self.reason);
        if !failing && let Some((due, reason)) = &mut self.changed {
            let at = due.at(now).max(not_before(self.last, CHANGE_GAP));
            if at < next.0 {
                next = (at, *reason);
            }
        }
        if let Some((due, reason)) = &mut self.called
            && due.at(now) <= next.0
        {
            next = (due.at(now), *reason);
        }
        next
    }
}

#[cfg(test)]
mod tests;
