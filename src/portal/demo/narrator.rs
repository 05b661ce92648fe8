//! How the story looks: numbered steps, each with what was observed below it.
//!
//! In go facts; out come lines of a terminal's width, in color on terminals alone. Text from devices passes through
//! [`Line`], which makes it harmless. A reader that has gone away is a failure: a story is told to somebody.

use std::io::{self, Write as _};
use std::time::Duration;

use crate::cli::ink::{Line, Style, Tone};
use crate::cli::screen::{Screen, Table};

/// How far what belongs to a step stands from the left.
const INDENT: usize = 4;

/// The column of labels below a step, which holds the names of most settings.
const LABELS: usize = 22;

/// The column of labels at the end, as wide as that of the status screen.
const LAST_LABELS: usize = 14;

/// Tells the story on standard output.
#[derive(Debug)]
pub struct Narrator {
    style: Style,
    step: u32,
}

impl Narrator {
    /// A narrator of this style.
    #[must_use]
    pub const fn new(style: Style) -> Self {
        Self { style, step: 0 }
    }

    /// What the story is about.
    ///
    /// # Errors
    /// What standard output says; so for every method.
    pub fn title(&self, title: &str, below: &str) -> io::Result<()> {
        self.draw(|screen| {
            screen.blank();
            screen.line(&Line::of(Tone::Strong, title));
            screen.line(&Line::of(Tone::Faint, below));
        })
    }

    /// A step that came true, after this time.
    pub fn step(&mut self, what: &str, took: Duration) -> io::Result<()> {
        self.step += 1;
        let mark = Line::of(Tone::Faint, format!("{:>2} ", self.step)).then(Tone::Good, "✓ ");
        let line = Line::of(Tone::Strong, what).then(Tone::Faint, format!("  {}", spoken(took)));
        self.draw(|screen| {
            screen.blank();
            screen.hanging(0, &mark, &line);
        })
    }

    /// A step that did not come true.
    pub fn failure(&mut self, what: &str, why: &str, log: &[String]) -> io::Result<()> {
        self.step += 1;
        let mark = Line::of(Tone::Faint, format!("{:>2} ", self.step)).then(Tone::Bad, "✗ ");
        self.draw(|screen| {
            screen.blank();
            screen.hanging(0, &mark, &Line::of(Tone::Strong, what));
            screen.hanging(INDENT, &Line::new(), &Line::of(Tone::Bad, why));
            if !log.is_empty() {
                screen.hanging(
                    INDENT,
                    &Line::new(),
                    &Line::of(Tone::Faint, "The last lines of the agent's log:"),
                );
            }
            for line in log {
                screen.hanging(INDENT, &Line::of(Tone::Faint, "│ "), &Line::plain(line));
            }
        })
    }

    /// A fact below a step.
    pub fn fact(&self, label: &str, fact: &str) -> io::Result<()> {
        self.draw(|screen| {
            let mark = Line::of(Tone::Faint, format!("{label:<LABELS$}"));
            screen.hanging(INDENT + 1, &mark, &Line::plain(fact));
        })
    }

    /// A table below a step.
    pub fn table(&self, table: &Table) -> io::Result<()> {
        self.draw(|screen| {
            screen.blank();
            screen.table(INDENT + 1, table);
        })
    }

    /// An empty line, before something else writes.
    pub fn pause(&self) -> io::Result<()> {
        self.draw(|screen| screen.blank())
    }

    /// How to go on, at the end of the story.
    pub fn end(&self, facts: &[(&str, &str)], closing: &str) -> io::Result<()> {
        self.draw(|screen| {
            screen.blank();
            for (label, fact) in facts {
                screen.labelled(LAST_LABELS, label, &Line::of(Tone::Accent, fact));
            }
            screen.blank();
            screen.line(&Line::of(Tone::Faint, closing));
        })
    }

    fn draw(&self, draw: impl FnOnce(&mut Screen<'_>)) -> io::Result<()> {
        let mut screen = Screen::new(&self.style);
        draw(&mut screen);
        let mut to = io::stdout().lock();
        to.write_all(screen.finish().as_bytes())?;
        to.flush()
    }
}

/// A duration as a person says it.
#[must_use]
pub fn spoken(took: Duration) -> String {
    match took.as_millis() {
        0..1000 => format!("{} ms", took.as_millis()),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken() {
        for (ms, text) in [(0, "0 ms"), (87, "87 ms"), (999, "999 ms"), (1000, "1.0 s"), (12_345, "12.3 s")] {
            assert_eq!(spoken(Duration::from_millis(ms)), text);
        }
    }
}
