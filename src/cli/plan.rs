//! `meridian plan`: what the agent would change now, with the commands it would run, and what it leaves and why.

use jiff::Timestamp;

use super::alike::{Shared, alike, kind, subjects};
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::words::{count, due, maybe};
use crate::control::client::Client;
use crate::control::view::{ActionView, PlanView, SubjectView, WithheldView};
use crate::domain::subject::Subject;
use crate::paths::Paths;

/// Asks the daemon for the plan, and for which names do not tell a virtual machine from another.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn request(paths: &Paths) -> Result<(PlanView, Shared), Failure> {
    let client = Client::of(paths);
    let view = client.plan()?;
    // Without the list those of the plan itself are told apart.
    let shared = match client.vms() {
        Ok(listed) => Shared::among(listed.vms.iter().map(|vm| {
            let owners = vm.owners.iter().map(|owner| owner.uid).collect();
            (vm.uuid, vm.name.as_str(), owners)
        })),
        Err(_) => Shared::among(subjects_of(&view).filter_map(|view| match view.subject {
            Subject::Vm(id) => Some((id, view.name.as_deref()?, view.owners.clone())),
            Subject::App | Subject::User(_) => None,
        })),
    };
    Ok((view, shared))
}

fn subjects_of(view: &PlanView) -> impl Iterator<Item = &SubjectView> {
    let actions = view.actions.iter().map(|action| &action.subject);
    actions.chain(view.withheld.iter().map(|withheld| &withheld.subject))
}

/// The screen.
#[must_use]
pub(super) fn render(view: &PlanView, shared: &Shared, style: &Style, now: Timestamp) -> String {
    let mut screen = Screen::new(style);
    screen.line(&headline(view, now));
    for (index, action) in view.actions.iter().enumerate() {
        screen.blank();
        change(&mut screen, index + 1, action, shared);
    }
    if !view.withheld.is_empty() {
        screen.heading("Held back");
        // Those that wait are told together, and when the first of them is over.
        let groups = alike(&view.withheld, |withheld| {
            let reason = withheld.until.is_none().then_some(withheld.reason.as_str());
            (withheld.key.as_str(), kind(&withheld.subject), reason)
        });
        for group in groups {
            held_back(&mut screen, &group, shared, now);
        }
    }
    screen.finish()
}

/// How many changes would be made, how many wait for another try, and how many are held back for other reasons.
fn headline(view: &PlanView, now: Timestamp) -> Line {
    let (actions, withheld) = (view.actions.len() as u64, view.withheld.len() as u64);
    let tries: Vec<_> = view.withheld.iter().filter_map(|withheld| withheld.until).collect();
    let line = match (actions, withheld) {
        (0, 0) => return Line::of(Tone::Good, "Nothing is to be changed").text("."),
        (0, _) => Line::of(Tone::Warning, "Nothing can be changed now"),
        _ => Line::of(Tone::Strong, count(actions, "change", "changes"))
            .text(" would be made now, in this order"),
    };
    let mut rest = Vec::new();
    if let Some(first) = tries.iter().min() {
        let number = tries.len() as u64;
        let wait = if number == 1 { "waits for another try," } else { "wait for another try, the first" };
        rest.push(format!("{} {wait} {}", count(number, "change", "changes"), due(*first, now)));
    }
    match withheld - tries.len() as u64 {
        0 => {}
        1 if rest.is_empty() => rest.push("one is held back".to_owned()),
        number if rest.is_empty() => rest.push(format!("{number} are held back")),
        number => rest.push(count(number, "more is held back", "more are held back")),
    }
    line.text(rest.iter().map(|part| format!("; {part}")).collect::<String>()).text(".")
}

/// A setting that is held back for the same reason on these objects.
fn held_back(screen: &mut Screen<'_>, group: &[&WithheldView], shared: &Shared, now: Timestamp) {
    let Some(first) = group.first() else { return };
    let about: Vec<_> = group.iter().map(|withheld| &withheld.subject).collect();
    let reason = match group.iter().filter_map(|withheld| withheld.until).min() {
        Some(until) => format!("it is tried again {}", due(until, now)),
        None => first.reason.clone(),
    };
    let line = Line::of(Tone::Strong, &first.key)
        .then(Tone::Faint, " on ")
        .text(subjects(&about, |view| shared.subject(view)))
        .text(format!(": {reason}"));
    screen.hanging(2, &Line::of(Tone::Warning, "! "), &line);
}

fn change(screen: &mut Screen<'_>, number: usize, action: &ActionView, shared: &Shared) {
    let line = Line::of(Tone::Strong, &action.key)
        .then(Tone::Faint, " on ")
        .text(shared.subject(&action.subject))
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
    use super::super::samples::{self, NOW, screens};
    use super::*;

    fn drawn(view: &PlanView, style: &Style) -> String {
        render(view, &Shared::default(), style, *NOW)
    }

    #[test]
    fn the_plan_shows_what_would_be_done_and_why() {
        screens("plan", |style| drawn(&samples::plan(), style));
        screens("plan_hostile", |style| drawn(&samples::hostile_plan(), style));
        screens("plan_failing", |style| drawn(&samples::failing_plan(), style));
    }

    #[test]
    fn what_is_true_is_said_first() {
        let style = Style { width: 200, color: false };
        let first = |view: &PlanView| drawn(view, &style).lines().next().unwrap_or_default().to_owned();
        let mut view = PlanView::default();
        assert_eq!(drawn(&view, &style), "Nothing is to be changed.\n");
        view.withheld = samples::plan().withheld;
        assert_eq!(first(&view), "Nothing can be changed now; one is held back.");
        view.withheld = samples::failing_plan().withheld;
        assert_eq!(
            first(&view),
            "Nothing can be changed now; 17 changes wait for another try, the first in 30 s; 1 more is held back."
        );
        view.withheld.truncate(1);
        assert_eq!(first(&view), "Nothing can be changed now; 1 change waits for another try, in 46 s.");
        view.actions = samples::plan().actions;
        assert_eq!(
            first(&view),
            "2 changes would be made now, in this order; 1 change waits for another try, in 46 s."
        );
    }

    #[test]
    fn virtual_machines_of_one_name_are_told_apart() {
        let mut view = samples::failing_plan();
        view.withheld.truncate(2);
        view.withheld[0].key = "vm.network".into();
        let shared = Shared::among(subjects_of(&view).filter_map(|view| match view.subject {
            Subject::Vm(id) => Some((id, "Dev", view.owners.clone())),
            _ => None,
        }));
        view.withheld.iter_mut().for_each(|withheld| withheld.subject.name = Some("Dev".into()));
        let text = render(&view, &shared, &Style { width: 80, color: false }, *NOW);
        for told in ["vm.network on “Dev” (00000010):", "vm.isolate on “Dev” (00000011):"] {
            assert!(text.contains(told), "{text}");
        }
    }

    #[test]
    fn commands_read_as_a_shell_would_take_them() {
        let argv = ["prlctl", "set", "{0}", "it's", "", "$(x)"].map(str::to_owned);
        assert_eq!(command_line(&argv), r"prlctl set {0} 'it'\''s' '' '$(x)'");
    }
}
