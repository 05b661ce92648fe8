//! `meridian plan`: what the agent would change now, with the commands it would run, and what it leaves and why.

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::words::{count, maybe, subject};
use crate::control::client::Client;
use crate::control::view::{ActionView, PlanView};
use crate::paths::Paths;

/// Asks the daemon.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn request(paths: &Paths) -> Result<PlanView, Failure> {
    Ok(Client::of(paths).plan()?)
}

/// The screen.
#[must_use]
pub(super) fn render(view: &PlanView, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let (actions, withheld) = (view.actions.len() as u64, view.withheld.len() as u64);
    let line = match actions {
        0 => Line::of(Tone::Good, "Nothing is to be changed"),
        _ => Line::of(Tone::Strong, count(actions, "change", "changes"))
            .text(" would be made now, in this order"),
    };
    let held = (withheld > 0).then(|| format!("; {} held back", count(withheld, "one is", "are")));
    let held = held.map(|text| text.replace("1 one is", "one is"));
    screen.line(&line.text(held.unwrap_or_default()).text("."));
    for (index, action) in view.actions.iter().enumerate() {
        screen.blank();
        change(&mut screen, index + 1, action);
    }
    if !view.withheld.is_empty() {
        screen.heading("Held back");
        for withheld in &view.withheld {
            let line = Line::of(Tone::Strong, &withheld.key)
                .then(Tone::Faint, " on ")
                .text(subject(&withheld.subject))
                .text(format!(": {}", withheld.reason));
            screen.hanging(2, &Line::of(Tone::Warning, "! "), &line);
        }
    }
    screen.finish()
}

fn change(screen: &mut Screen<'_>, number: usize, action: &ActionView) {
    let line = Line::of(Tone::Strong, &action.key)
        .then(Tone::Faint, " on ")
        .text(subject(&action.subject))
        .then(Tone::Faint, ": ")
        .text(maybe(action.from.as_ref()))
        .then(Tone::Faint, " → ")
        .then(Tone::Strong, maybe(action.to.as_ref()));
    screen.hanging(0, &Line::of(Tone::Faint, format!("{number:>2}  ")), &line);
    screen.hanging(4, &Line::of(Tone::Faint, "why  "), &Line::plain(&action.why));
    for command in &action.commands {
        screen.hanging(4, &Line::of(Tone::Faint, "run  "), &Line::of(Tone::Accent, command_line(command)));
    }
}

/// An argument vector as one would type it into a shell.
fn command_line(argv: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+{}#".contains(c);
    let quoted = argv.iter().map(|argument| match argument {
        argument if !argument.is_empty() && argument.chars().all(is_plain) => argument.clone(),
        argument => format!("'{}'", argument.replace('\'', r"'\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, screens};
    use super::*;

    #[test]
    fn the_plan_shows_what_would_be_done_and_why() {
        screens("plan", |style| render(&samples::plan(), style));
        screens("plan_hostile", |style| render(&samples::hostile_plan(), style));
    }

    #[test]
    fn nothing_to_do_is_said_first() {
        let style = Style { width: 80, color: false };
        assert_eq!(render(&PlanView::default(), &style), "Nothing is to be changed.\n");
    }

    #[test]
    fn commands_read_as_a_shell_would_take_them() {
        let argv = ["prlctl", "set", "{0}", "it's", "", "$(x)"].map(str::to_owned);
        assert_eq!(command_line(&argv), r"prlctl set {0} 'it'\''s' '' '$(x)'");
    }
}
