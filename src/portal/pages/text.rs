//! Text from devices, made fit to be seen.
//!
//! In goes any text at all; out comes text on one line, without invisible characters and no longer than a cell takes.
//! Nothing is lost in silence: what is not shown as it is has a sign in its place. That no text is taken for markup is
//! the templates' work, which escape every value; a `<bdi>` around it keeps right-to-left letters from reordering what
//! stands beside it.

use askama::Template;
use askama::filters::HtmlSafe;

/// How many characters of a text are shown in a cell.
const CELL: usize = 64;

/// How many characters of a text are shown at all, where a person points at it or opens the details.
const FULL: usize = 4096;

/// Texts longer than this tell the whole of them to a person who points at them, since a narrow cell cuts them.
const SHORT: usize = 20;

/// A text of a device as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"{% if text.is_empty() %}<span class="none">{{ placeholder }}</span>{% else if let Some(title) = title %}<bdi title="{{ title }}">{{ text }}</bdi>{% else %}<bdi>{{ text }}</bdi>{% endif %}"#
)]
pub(super) struct Shown {
    text: String,
    title: Option<String>,
    placeholder: &'static str,
}

impl HtmlSafe for Shown {}

impl Shown {
    /// The text for a cell, with a placeholder for one that has nothing to see.
    pub(super) fn cell(raw: &str, placeholder: &'static str) -> Self {
        let text = cut(raw, CELL);
        let title = (text.chars().count() > SHORT).then(|| cut(raw, FULL));
        Self { text, title, placeholder }
    }

    /// The text for the details, where there is room.
    pub(super) fn whole(raw: &str, placeholder: &'static str) -> Self {
        Self { text: cut(raw, FULL), title: None, placeholder }
    }

    /// A text of ours for a device's word, which is told to a person who points at it.
    pub(super) fn named(ours: impl Into<String>, raw: &str) -> Self {
        Self { text: ours.into(), title: Some(cut(raw, FULL)), placeholder: "" }
    }

    /// A text of ours.
    pub(super) fn ours(text: impl Into<String>) -> Self {
        Self { text: text.into(), title: None, placeholder: "" }
    }

    /// The text alone, for a place that takes no markup; it still has to be escaped.
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The visible form of a text, at most `limit` characters of it, an ellipsis in the place of more.
pub(super) fn cut(raw: &str, limit: usize) -> String {
    let raw = raw.trim();
    if !raw.chars().any(|c| !c.is_whitespace() && !joins(c)) {
        return String::new();
    }
    let mut shown: String = raw.chars().take(limit).map(visible).collect();
    if raw.chars().nth(limit).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The character, or the sign that stands for one that cannot be seen or that moves others.
fn visible(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('�'),
        '\x7f' => '␡',
        '\u{80}'..='\u{9f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => '�',
        '\u{2028}' | '\u{2029}' => '␤',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '⇄',
        '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' => '·',
        c => c,
    }
}

/// Whether the character is of those that emoji and some scripts need inside a word, and is nothing by itself.
fn joins(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'
            ..='\u{200d}'
                | '\u{2060}'
                | '\u{feff}'
                | '\u{fe0e}'
                | '\u{fe0f}'
                | '\u{3164}'
                | '\u{115f}'
                | '\u{1160}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_has_a_sign() {
        for (raw, shown) in [
            ("Windows 11", "Windows 11"),
            ("  padded\n", "padded"),
            ("two\nlines\tand\0nul", "two␊lines␉and␀nul"),
            ("\u{202e}gpj.exe", "⇄gpj.exe"),
            ("a\u{200b}b\u{feff}c", "a·b·c"),
            ("a\u{85}b\u{2028}c\x7f", "a�b␤c␡"),
            ("👩‍💻 dev", "👩‍💻 dev"),
            ("مرحبا", "مرحبا"),
            ("$(x) `id` -rf", "$(x) `id` -rf"),
            ("", ""),
            (" \u{200b}\u{3164}\n", ""),
        ] {
            assert_eq!(cut(raw, 64), shown, "{raw:?}");
        }
    }

    #[test]
    fn a_long_text_ends_with_an_ellipsis_and_is_told_in_full() {
        let raw = "x".repeat(4096);
        let shown = Shown::cell(&raw, "");
        assert_eq!(shown.text(), format!("{}…", "x".repeat(63)));
        assert_eq!(shown.title, Some(raw));
    }

    #[test]
    fn markup_is_escaped_in_text_and_title() {
        let html = Shown::cell(r#"<img src=x onerror=alert(1)> " ' & more than short"#, "").to_string();
        assert!(!html.contains("<img") && !html.contains("\" '"), "{html}");
        assert_eq!(Shown::cell("", "no name").to_string(), r#"<span class="none">no name</span>"#);
    }

    proptest! {
        #[test]
        fn any_text_is_one_line_of_the_length_asked_for(raw in any::<String>(), limit in 1_usize..80) {
            let shown = cut(&raw, limit);
            prop_assert!(shown.chars().count() <= limit);
            prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    }
}
