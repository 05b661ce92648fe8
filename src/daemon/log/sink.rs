//! Where a line of the log goes, once it is known what it says.
//!
//! Until [`Sink::keep`] lines go to standard error, which launchd puts into a file of its own that nobody rotates. From then
//! on they go to the log's files, warnings and errors also to the Mac's own log, and to standard error only where that is a
//! terminal. Nothing here stops the daemon: lines that cannot be written are counted and told once they can be.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::file::LogFile;
use super::fold::{Fold, Line};
use super::system::SystemLog;
use crate::clock::{Clock, SystemClock};
use crate::domain::address::without_queries;
use crate::domain::license::without_keys;
use crate::paths::Paths;

/// The most of a line, in bytes.
const LONGEST: usize = 4096;

/// Where lines go.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    clock: Arc<dyn Clock>,
    fold: Fold,
    kept: Option<Kept>,
    show: Show,
}

/// Shows a line to whoever looks at standard error.
type Show = Box<dyn FnMut(&str) + Send>;

struct Kept {
    file: LogFile,
    system: SystemLog,
    /// Standard error is a terminal.
    is_watched: bool,
    /// Lines that could not be written since the last that was.
    lost: u64,
}

impl Sink {
    /// A sink that writes to standard error.
    pub(super) fn start() -> Self {
        let show = |line: &str| drop(io::stderr().lock().write_all(line.as_bytes()));
        Self::new(Arc::new(SystemClock), Box::new(show))
    }

    fn new(clock: Arc<dyn Clock>, show: Show) -> Self {
        Self(Arc::new(Mutex::new(Inner { clock, fold: Fold::default(), kept: None, show })))
    }

    /// Keeps lines in the log's files from now on.
    pub(super) fn keep(&self, paths: &Paths) {
        let kept = Kept {
            file: LogFile::new(paths.clone()),
            system: SystemLog::of(paths.logger()),
            is_watched: io::stderr().is_terminal(),
            lost: 0,
        };
        self.with(|inner, _| inner.kept = Some(kept));
    }

    /// Writes how often the last line came again, if it is time to or `now` must be.
    pub(super) fn settle(&self, at_once: bool) {
        self.with(|inner, now| {
            let note = if at_once { inner.fold.flush(now) } else { inner.fold.due(now) };
            inner.write(note, now);
        });
    }

    fn take(&self, level: Level, text: &[u8]) {
        let text = harmless(&String::from_utf8_lossy(text));
        self.with(|inner, now| {
            let (note, line) = inner.fold.take(Line { level, text }, now);
            inner.write(note.into_iter().chain(line), now);
        });
    }

    fn with(&self, act: impl FnOnce(&mut Inner, Timestamp)) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.clock.now();
        act(&mut inner, now);
    }
}

impl Inner {
    fn write(&mut self, lines: impl IntoIterator<Item = Line>, now: Timestamp) {
        for Line { level, text } in lines {
            let line = format!("{now:.3} {level:>5} {text}\n");
            let Some(kept) = &mut self.kept else {
                (self.show)(&line);
                continue;
            };
            if level <= Level::WARN {
                kept.system.say(&format!("{level} {text}"), now);
            }
            if kept.is_watched {
                (self.show)(&line);
            }
            if let Err(error) = kept.write(&line, now)
                && kept.lost == 1
            {
                (self.show)(&format!("{now:.3} ERROR cannot write the log, lines are lost: {error}\n"));
            }
        }
    }
}

impl Kept {
    fn write(&mut self, line: &str, now: Timestamp) -> io::Result<()> {
        let written = if self.lost == 0 {
            self.file.append(line)
        } else {
            let lost = format!("{now:.3}  WARN lines that could not be written here: {}\n", self.lost);
            self.file.append(&(lost + line))
        };
        self.lost = if written.is_ok() { 0 } else { self.lost.saturating_add(1) };
        written
    }
}

/// One line that moves no cursor, forges no other line and holds no license key and no query of an address. By their types
/// nothing secret comes here; a key in the words of somebody else's tool might.
fn harmless(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in without_queries(&without_keys(text.trim_end_matches('\n'))).chars() {
        if line.len() > LONGEST {
            line.push('…');
            break;
        }
        let reorders =
            matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || reorders { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Event { sink: self, level: Level::INFO }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        Event { sink: self, level: *metadata.level() }
    }
}

/// Takes one event, which the subscriber writes in one piece.
pub(super) struct Event<'a> {
    sink: &'a Sink,
    level: Level,
}

impl Write for Event<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.sink.take(self.level, text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
