//! Text from outside on its way to a terminal: made harmless, measured and cut.
//!
//! In goes any text at all, such as the name of a virtual machine; out comes text in which everything that could move
//! the cursor, change colors, reorder the line or hide is written as an escape. [`printable`] is the only door:
//! `ink::Span` goes through it, so nothing reaches a screen without it.

use std::cmp::Ordering;
use std::fmt::Write as _;

pub(super) use crate::domain::character::is_dangerous;

/// The most combining characters that one character may carry; more are written as escapes.
const MOST_COMBINING: usize = 6;

/// Characters that stand on the one before them, in order.
const COMBINING: &[(u32, u32)] = &[
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x064B, 0x065F),
    (0x0E31, 0x0E31),
    (0x0E34, 0x0E3A),
    (0x0E47, 0x0E4E),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200C, 0x200C),
    (0x200D, 0x200D),
    (0x20D0, 0x20FF),
    (0x3099, 0x3099),
    (0x309A, 0x309A),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
];

/// Characters of two cells, in order.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115F),
    (0x231A, 0x231A),
    (0x231B, 0x231B),
    (0x23E9, 0x23F3),
    (0x25FD, 0x25FD),
    (0x25FE, 0x25FE),
    (0x2614, 0x2614),
    (0x2615, 0x2615),
    (0x2648, 0x2653),
    (0x267F, 0x267F),
    (0x2693, 0x2693),
    (0x26A1, 0x26A1),
    (0x26AA, 0x26AA),
    (0x26AB, 0x26AB),
    (0x26BD, 0x26BD),
    (0x26BE, 0x26BE),
    (0x26C4, 0x26CE),
    (0x26D4, 0x26D4),
    (0x26EA, 0x26EA),
    (0x26F2, 0x26FD),
    (0x2705, 0x2705),
    (0x270A, 0x270A),
    (0x270B, 0x270B),
    (0x2728, 0x2728),
    (0x274C, 0x2757),
    (0x2795, 0x2797),
    (0x27B0, 0x27B0),
    (0x27BF, 0x27BF),
    (0x2B1B, 0x2B55),
    (0x2E80, 0xA4CF),
    (0xA960, 0xA97C),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF60),
    (0xFFE0, 0xFFE6),
    (0x16FE0, 0x18CFF),
    (0x1AFF0, 0x1B2FF),
    (0x1F000, 0x1F02F),
    (0x1F0A0, 0x1F0FF),
    (0x1F18E, 0x1FAFF),
    (0x20000, 0x3FFFD),
];

/// The text with what is dangerous to a terminal or invisible written as `\u{…}`, and `\n`, `\r`, `\t` by these names.
/// Text that is harmless stays as it is.
#[must_use]
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut combining = 0;
    for c in text.chars() {
        combining = if char_width(c) == 0 { combining + 1 } else { 0 };
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_dangerous(c) || combining > MOST_COMBINING => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// How many cells of a terminal a text takes, when it is printable.
#[must_use]
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// How many cells of a terminal a character takes: 0, 1 or 2.
///
/// By the ranges of Unicode's East Asian Width and of the combining marks that are common in names. Where terminals disagree
/// (joined emoji, rare scripts) it says more rather than less, so that a line never runs over.
#[must_use]
pub(super) fn char_width(c: char) -> usize {
    let within = |ranges: &[(u32, u32)]| {
        ranges.binary_search_by(|(first, last)| {
            if *last < u32::from(c) {
                Ordering::Less
            } else if *first > u32::from(c) {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        })
    };
    match (within(COMBINING), within(WIDE)) {
        (Ok(_), _) => 0,
        (_, Ok(_)) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, shown) in [
            ("Windows 11", "Windows 11"),
            ("Grüße, 東京 😀 C:\\x", "Grüße, 東京 😀 C:\\x"),
            ("-rf \"$(x)\" <b>", "-rf \"$(x)\" <b>"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}exe.cod", "\\u{202e}exe.cod"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("👨\u{200d}👩", "👨\u{200d}👩"),
        ] {
            assert_eq!(printable(text), shown);
        }
        let heap = format!("a{}", "\u{301}".repeat(4000));
        assert_eq!(printable(&heap).matches('\u{301}').count(), MOST_COMBINING);
    }

    #[test]
    fn cells_are_counted() {
        for (text, cells) in [
            ("", 0),
            ("abc", 3),
            ("é", 1),
            ("e\u{301}", 1),
            ("東京", 4),
            ("😀!", 3),
            ("…→✓✗", 4),
            ("한국", 4),
        ] {
            assert_eq!(width(text), cells, "{text}");
        }
    }

    #[test]
    fn the_ranges_are_in_order() {
        for ranges in [COMBINING, WIDE] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    proptest::proptest! {
           #[test]
    fn no_text_reaches_a_terminal_with_power(text in "\\PC*|(?s).*|[\\x00-\\x1f\\u{80}-\\u{9f}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}a]{0,40}") {
               let shown = printable(&text);
               proptest::prop_assert!(!shown.chars().any(is_dangerous));
               proptest::prop_assert_eq!(printable(&shown), shown);
           }
       }
}
