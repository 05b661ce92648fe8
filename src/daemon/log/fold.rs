//! Lines that repeat the one before are counted instead of written.
//!
//! In goes each line with its time; out comes what to write of it. Nothing waits here: that a count is due is found by the
//! next line, or by whoever asks with [`Fold::due`]. One line is kept, whatever comes.

use jiff::{SignedDuration, Timestamp};
use tracing::Level;

/// A count that grows is written this often.
const HOLD: SignedDuration = SignedDuration::from_mins(10);

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// How bad it is.
    pub(super) level: Level,
    /// What it says.
    pub(super) text: String,
}

/// The line that was written last, and how often it came again.
#[derive(Debug, Default)]
pub(super) struct Fold(Option<Last>);

#[derive(Debug)]
struct Last {
    line: Line,
    /// Since when the count runs.
    since: Timestamp,
    repeated: u64,
    at: Timestamp,
}

impl Fold {
    /// What to write before this line, and the line itself unless it is one more of the same.
    pub(super) fn take(&mut self, line: Line, now: Timestamp) -> (Option<Line>, Option<Line>) {
        if let Some(last) = self.0.as_mut().filter(|last| last.line == line) {
            last.repeated += 1;
            last.at = now;
            return (self.due(now), None);
        }
        let note = self.flush(now);
        self.0 = Some(Last { line: line.clone(), since: now, repeated: 0, at: now });
        (note, Some(line))
    }

    /// The count, if it is time to write it. A clock that was set makes it so, too.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Line> {
        let since = self.0.as_ref()?.since;
        if now.duration_since(since).abs() < HOLD { None } else { self.flush(now) }
    }

    /// The count, if there is one. It starts anew.
    pub(super) fn flush(&mut self, now: Timestamp) -> Option<Line> {
        let last = self.0.as_mut().filter(|last| last.repeated > 0)?;
        let times = if last.repeated == 1 { "once" } else { &format!("{} times", last.repeated) };
        let text = format!("last line repeated {times}, the last time at {:.3}", last.at);
        (last.since, last.repeated) = (now, 0);
        Some(Line { level: last.line.level, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    fn line(level: Level, text: &str) -> Line {
        Line { level, text: text.to_owned() }
    }

    /// What is written of `A`, `B` and so on, each at its second; `.` asks whether a count is due.
    fn written(came: &[(&str, i64)]) -> Vec<String> {
        let mut fold = Fold::default();
        let mut written = Vec::new();
        for (text, second) in came {
            let lines = match *text {
                "." => (fold.due(at(*second)), None),
                "end" => (fold.flush(at(*second)), None),
                text => fold.take(line(Level::WARN, text), at(*second)),
            };
            written.extend([lines.0, lines.1].into_iter().flatten().map(|line| line.text));
        }
        written
    }

    #[test]
    fn repetitions_are_counted_until_another_line_or_the_end_or_ten_minutes() {
        let twice = "last line repeated 2 times, the last time at 2025-11-24T16:00:02.000Z";
        let once = "last line repeated once, the last time at 2025-11-24T16:00:01.000Z";
        for (came, expected) in [
            (&[("A", 0), ("B", 1), ("A", 2)][..], &["A", "B", "A"][..]),
            (&[("A", 0), ("A", 1), ("A", 2), ("B", 3)], &["A", twice, "B"]),
            (&[("A", 0), ("A", 1), ("end", 2), ("end", 3), ("A", 4)], &["A", once]),
            (&[("A", 0), ("A", 1), (".", 599), (".", 600), (".", 9_999)], &["A", once]),
            (&[("A", 0), (".", 9_999)], &["A"]),
            // A clock that was set back.
            (&[("A", 0), ("A", 1), (".", -9_999)], &["A", once]),
        ] {
            assert_eq!(written(came), expected, "{came:?}");
        }
    }

    #[test]
    fn what_repeats_for_a_day_is_told_every_ten_minutes() {
        let came: Vec<_> = (0..86_400).map(|second| ("A", second)).collect();
        let written = written(&came);
        assert_eq!(written.len(), 1 + 143);
        assert!(written[1].starts_with("last line repeated 600 times"), "{}", written[1]);
    }

    #[test]
    fn the_same_words_at_another_level_are_another_line() {
        let mut fold = Fold::default();
        fold.take(line(Level::WARN, "A"), at(0));
        assert_eq!(fold.take(line(Level::ERROR, "A"), at(1)), (None, Some(line(Level::ERROR, "A"))));
    }
}
