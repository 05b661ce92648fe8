//! Ink: text with a tone, which becomes a color on a terminal and nothing elsewhere.
//!
//! A span is made harmless when it is made (by `text::printable`); a [`Line`] is spans in a row. What may change is
//! which color a tone is; that every span is printable may not.

use super::text::{char_width, printable, width};

/// How to draw: how wide, and whether in color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Cells in a line.
    pub width: usize,
    /// Escape sequences for colors are understood and wanted.
    pub color: bool,
}

/// What a piece of text means to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    Plain,
    /// What counts most.
    Strong,
    /// What may be skipped.
    Faint,
    /// All is well.
    Good,
    /// Look at it.
    Warning,
    /// It is wrong.
    Bad,
    /// Something to type or to look up.
    Accent,
}

impl Tone {
    /// The parameters of the escape sequence; the terminal's own palette, so that light and dark backgrounds both work.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("1;31"),
            Self::Accent => Some("36"),
        }
    }
}

/// A piece of text in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    text: String,
    tone: Tone,
}

/// Text in tones, without a line break.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<Span>,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self { spans: Vec::new() }
    }

    /// A line of one tone.
    #[must_use]
    pub fn of(tone: Tone, text: impl AsRef<str>) -> Self {
        Self::new().then(tone, text)
    }

    /// A line of plain text.
    #[must_use]
    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::of(Tone::Plain, text)
    }

    /// The line with more text.
    #[must_use]
    pub fn then(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.spans.push(Span { text: printable(text.as_ref()), tone });
        self
    }

    /// The line with more plain text.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.then(Tone::Plain, text)
    }

    /// The line with another one behind it.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Cells.
    #[must_use]
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| width(&span.text)).sum()
    }

    /// The line in at most `limit` cells; what was cut ends in `…`.
    #[must_use]
    pub fn cut(&self, limit: usize) -> Self {
        if self.width() <= limit {
            return self.clone();
        }
        let mut cut = Glyphs::default();
        let mut cells = 0;
        for (c, tone) in self.glyphs() {
            cells += char_width(c);
            if cells >= limit {
                if limit > 0 {
                    cut.push('…', tone);
                }
                break;
            }
            cut.push(c, tone);
        }
        cut.0
    }

    /// The line in rows of at most `limit` cells, broken at spaces where there are some.
    #[must_use]
    pub fn wrap(&self, limit: usize) -> Vec<Self> {
        let limit = limit.max(2);
        let glyphs: Vec<_> = self.glyphs().collect();
        let (mut rows, mut row, mut cells) = (Vec::new(), Glyphs::default(), 0);
        for (index, word) in glyphs.split(|(c, _)| *c == ' ').enumerate() {
            let length: usize = word.iter().map(|(c, _)| char_width(*c)).sum();
            if index > 0 && cells + 1 + length <= limit {
                row.push(' ', Tone::Plain);
                cells += 1;
            } else if index > 0 {
                rows.push(std::mem::take(&mut row).0);
                cells = 0;
            }
            for (c, tone) in word {
                if cells + char_width(*c) > limit {
                    rows.push(std::mem::take(&mut row).0);
                    cells = 0;
                }
                row.push(*c, *tone);
                cells += char_width(*c);
            }
        }
        rows.push(row.0);
        rows
    }

    /// The line as it is written.
    #[must_use]
    pub fn paint(&self, style: &Style) -> String {
        let mut painted = String::new();
        for span in &self.spans {
            match span.tone.code().filter(|_| style.color && !span.text.is_empty()) {
                Some(code) => {
                    painted.push_str("\u{1b}[");
                    painted.push_str(code);
                    painted.push('m');
                    painted.push_str(&span.text);
                    painted.push_str("\u{1b}[0m");
                }
                None => painted.push_str(&span.text),
            }
        }
        painted
    }

    fn glyphs(&self) -> impl Iterator<Item = (char, Tone)> {
        self.spans.iter().flat_map(|span| span.text.chars().map(|c| (c, span.tone)))
    }
}

/// A line put together from characters that are printable already.
#[derive(Default)]
struct Glyphs(Line);

impl Glyphs {
    fn push(&mut self, c: char, tone: Tone) {
        match self.0.spans.last_mut() {
            Some(span) if span.tone == tone => span.text.push(c),
            _ => self.0.spans.push(Span { text: c.to_string(), tone }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Style = Style { width: 80, color: false };

    fn rows(text: &str, limit: usize) -> Vec<String> {
        Line::plain(text).wrap(limit).iter().map(|row| row.paint(&BARE)).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_cut_ends_show() {
        assert_eq!(rows("one two three", 7), ["one two", "three"]);
        assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(rows("東京 東京", 5), ["東京", "東京"]);
        assert_eq!(rows("", 5), [""]);
        for (text, limit, cut) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 4, "abc…"),
            ("東京東京", 4, "東…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(Line::plain(text).cut(limit).paint(&BARE), cut);
        }
    }

    #[test]
    fn color_is_only_where_it_is_wanted() {
        let line = Line::of(Tone::Good, "fine").text(", really");
        assert_eq!(line.paint(&BARE), "fine, really");
        assert_eq!(line.paint(&Style { color: true, ..BARE }), "\u{1b}[32mfine\u{1b}[0m, really");
    }

    proptest::proptest! {
           #[test]
    fn no_row_is_too_wide_and_nothing_but_spaces_is_lost(text in "(?s).{0,60}", limit in 2_usize..40) {
               let rows = Line::plain(&text).wrap(limit);
               proptest::prop_assert!(rows.iter().all(|row| row.width() <= limit));
               let kept: String = rows.iter().map(|row| row.paint(&BARE)).collect();
               proptest::prop_assert_eq!(kept.replace(' ', ""), printable(&text).replace(' ', ""));
               proptest::prop_assert!(Line::plain(&text).cut(limit).width() <= limit);
           }
       }
}
