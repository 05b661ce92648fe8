//! `meridian leave`: takes the agent away from this Mac, for the uninstaller to run.
//!
//! It needs no terminal and asks nothing. The work is the daemon's code, which is handed in; here it is ordered and shown. The
//! last line is the verdict.

use std::time::Duration;

use super::arguments::LeaveArguments;
use super::deactivate::may;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::words::{count, subject};
use super::{Done, Leave};
use crate::control::view::{Farewell, LeaveView};
use crate::error::Exit;
use crate::paths::Paths;

/// Takes the agent away.
///
/// # Errors
/// When the caller may not, or the daemon still runs.
pub(super) fn request(paths: &Paths, order: &LeaveArguments, leave: Leave) -> Result<Done, Failure> {
    if !may(paths) {
        return Err(Failure::MustBeRoot("leave"));
    }
    let limit = Duration::from_secs(order.timeout.into());
    let view = leave(paths, order.restore, limit).map_err(Failure::NotLeft)?;
    Done::of(order.format, exit(&view), &view, |style| render(&view, style))
}

/// How the command ends. A portal that cannot be reached keeps nobody from leaving.
const fn exit(view: &LeaveView) -> Exit {
    if view.left.is_empty() { Exit::Fine } else { Exit::Failed }
}

/// The screen: the verdict comes last.
#[must_use]
pub(super) fn render(view: &LeaveView, style: &Style) -> String {
    let mut screen = Screen::new(style);
    for left in &view.left {
        let line = Line::of(Tone::Strong, &left.key)
            .then(Tone::Faint, " on ")
            .text(subject(&left.subject))
            .text(format!(": {}", left.reason));
        screen.hanging(0, &Line::of(Tone::Bad, "! "), &line);
    }
    let back = view.restored.filter(|restored| *restored > 0);
    if let Some(restored) = back {
        let back = count(restored, "value from before is back", "values from before are back");
        screen.hanging(0, &Line::of(Tone::Good, "✓ "), &Line::plain(format!("{back}.")));
    }
    let (tone, mark, words) = match (view.left.is_empty(), view.portal) {
        (false, _) => (Tone::Bad, "✗ ", "Not everything could be put back; put it right, then run it again."),
        (true, Farewell::Told) => (Tone::Good, "✓ ", "Ready to be removed; the portal knows."),
        (true, Farewell::Untold) => {
            (Tone::Warning, "✓ ", "Ready to be removed; the portal could not be told: retire this Mac there.")
        }
        (true, Farewell::Nobody) => (Tone::Good, "✓ ", "Ready to be removed; there is no portal to tell."),
    };
    screen.hanging(0, &Line::of(tone, mark), &Line::of(tone, words));
    screen.finish()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{HOSTILE, screens};
    use super::*;
    use crate::control::view::{SubjectView, WithheldView};
    use crate::domain::subject::Subject;

    fn view(restored: Option<u64>, portal: Farewell) -> LeaveView {
        LeaveView { restored, left: Vec::new(), portal }
    }

    #[test]
    fn the_screens_are_reviewed() {
        let left = |reason: &str| WithheldView {
            subject: SubjectView { subject: Subject::App, name: None, owners: Vec::new() },
            key: "restrict.create_vm".to_owned(),
            reason: reason.to_owned(),
            until: None,
        };
        let stuck = LeaveView {
            restored: Some(1),
            left: vec![left("it cannot be observed now"), left(HOSTILE)],
            portal: Farewell::Untold,
        };
        assert_eq!(exit(&stuck), Exit::Failed);
        screens("leave_stuck", |style| render(&stuck, style));
        for (name, view) in [
            ("leave", view(Some(2), Farewell::Told)),
            ("leave_untold", view(None, Farewell::Untold)),
            ("leave_nobody", view(Some(0), Farewell::Nobody)),
        ] {
            assert_eq!(exit(&view), Exit::Fine);
            screens(name, |style| render(&view, style));
        }
    }
}
