//! Where lines go, and what becomes of those that nobody takes.

use std::sync::mpsc::{Receiver, channel};

use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::clock::ManualClock;

struct Scene {
    root: tempfile::TempDir,
    sink: Sink,
    shown: Receiver<String>,
}

fn scene() -> Scene {
    let (sender, shown) = channel();
    let clock = ManualClock::at("2025-11-24T16:00:00Z".parse().unwrap());
    let show = Box::new(move |line: &str| drop(sender.send(line.to_owned())));
    Scene { root: tempfile::tempdir().unwrap(), sink: Sink::new(Arc::new(clock), show), shown }
}

impl Scene {
    fn paths(&self) -> Paths {
        Paths::under(self.root.path())
    }

    fn shown(&self) -> String {
        self.shown.try_iter().collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.paths().log()).unwrap_or_default()
    }

    /// Says something through a subscriber like the daemon's.
    fn saying(&self, say: impl FnOnce()) {
        let lines = super::super::lines(self.sink.clone());
        with_default(tracing_subscriber::registry().with(lines), say);
    }
}

#[test]
fn nothing_is_written_twice() {
    let scene = scene();
    scene.saying(|| tracing::info!(pid = 7, "early"));
    assert_eq!(scene.shown(), "2025-11-24T16:00:00.000Z  INFO early pid=7\n");
    scene.sink.keep(&scene.paths());
    scene.saying(|| tracing::error!(error = "bad", "late"));
    assert_eq!(scene.log(), "2025-11-24T16:00:00.000Z ERROR late error=\"bad\"\n");
    assert_eq!(scene.shown(), "", "launchd's file gets nothing that the log has");
}

#[test]
fn identical_lines_are_folded() {
    let scene = scene();
    scene.sink.keep(&scene.paths());
    scene.saying(|| {
        for _ in 0..42 {
            tracing::warn!("the same");
        }
        tracing::info!("another");
    });
    let log = scene.log();
    let lines: Vec<&str> = log.lines().map(|line| &line[31..]).collect();
    let folded = "last line repeated 41 times, the last time at 2025-11-24T16:00:00.000Z";
    assert_eq!(lines, ["the same", folded, "another"]);
    scene.saying(|| tracing::info!("another"));
    scene.sink.settle(false);
    assert_eq!(scene.log(), log);
    scene.sink.settle(true);
    assert!(scene.log().contains("last line repeated once"));
}

#[test]
fn what_cannot_be_written_is_told_once_and_counted() {
    let scene = scene();
    std::fs::create_dir_all(scene.paths().log()).unwrap();
    scene.sink.keep(&scene.paths());
    scene.saying(|| (1..=3).for_each(|number| tracing::info!("line {number}")));
    let shown = scene.shown();
    assert_eq!(shown.matches("lines are lost").count(), 1, "{shown}");
    std::fs::remove_dir(scene.paths().log()).unwrap();
    scene.saying(|| tracing::info!("line 4"));
    let stamp = "2025-11-24T16:00:00.000Z";
    let expected = format!("{stamp}  WARN lines that could not be written here: 3\n{stamp}  INFO line 4\n");
    assert_eq!(scene.log(), expected);
    assert_eq!(scene.shown(), "");
}

#[test]
fn a_line_is_one_line_and_holds_no_key() {
    for (text, expected) in [
        ("a\nb\r\x1b[31mc\n", "a\\nb\\r\\u{1b}[31mc"),
        ("\u{202e}gnp", "\\u{202e}gnp"),
        ("key=ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDEF.", "key=ABCDEF-******-******-******-ABCDEF."),
        ("größer, „so“", "größer, „so“"),
        ("", ""),
    ] {
        assert_eq!(harmless(text), expected, "{text:?}");
    }
    let long = harmless(&"ä".repeat(100_000));
    assert!(long.len() < LONGEST + 8 && long.ends_with("ä…"));
}
