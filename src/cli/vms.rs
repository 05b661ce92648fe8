//! `meridian vms`: the virtual machines that the caller may see.

use jiff::Timestamp;

use super::alike::Shared;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::{Column, Screen, Table};
use super::status::availability;
use super::words::{ago, count, is_blank, short};
use crate::control::client::Client;
use crate::control::view::{Availability, VmView, VmsView};
use crate::domain::ids::Uid;
use crate::domain::vm::VmState;
use crate::paths::Paths;

/// The least width of a screen that shows sizes too: on a narrower one the names would be cut for them.
const ROOMY: usize = 80;

/// Asks the daemon.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn request(paths: &Paths) -> Result<VmsView, Failure> {
    Ok(Client::of(paths).vms()?)
}

/// The screen.
#[must_use]
pub(super) fn render(view: &VmsView, style: &Style, now: Timestamp) -> String {
    let mut screen = Screen::new(style);
    let shared = Shared::among(view.vms.iter().map(|vm| (vm.uuid, vm.name.as_str(), owners(vm))));
    screen.line(&summary(view, now));
    let unlisted = view.users.iter().filter(|user| user.availability != Availability::Listed);
    for user in unlisted {
        let line = Line::of(Tone::Strong, &user.user).text(": ").join(availability(user));
        screen.hanging(0, &Line::of(Tone::Warning, "! "), &line);
    }
    if !view.vms.is_empty() {
        screen.blank();
        screen.table(0, &table(&view.vms, &shared, style.width >= ROOMY));
    }
    let violating: Vec<_> = view.vms.iter().filter(|vm| !vm.violations.is_empty()).collect();
    if !violating.is_empty() {
        screen.heading("Violations");
        for vm in violating {
            let mark = mark(vm, &shared).map(|mark| format!(" ({mark})")).unwrap_or_default();
            let line = name(vm, Tone::Strong).text(format!("{mark}: {}", vm.violations.join(", ")));
            screen.hanging(2, &Line::of(Tone::Bad, "✗ "), &line);
        }
    }
    screen.finish()
}

fn summary(view: &VmsView, now: Timestamp) -> Line {
    let nobody =
        !view.users.is_empty() && view.users.iter().all(|user| user.availability != Availability::Listed);
    let line = match view.vms.len() as u64 {
        0 if nobody || view.as_of.is_none() => Line::of(Tone::Warning, "No virtual machines could be listed"),
        0 => Line::plain("No virtual machines"),
        number => Line::of(Tone::Strong, count(number, "virtual machine", "virtual machines")),
    };
    let corporate = view.vms.iter().filter(|vm| vm.corporate).count();
    let line = if corporate > 0 { line.text(format!(", {corporate} corporate")) } else { line };
    match view.as_of {
        Some(at) => line.then(Tone::Faint, format!(" · listed {}", ago(at, now))),
        None => line,
    }
}

fn owners(vm: &VmView) -> Vec<Uid> {
    vm.owners.iter().map(|owner| owner.uid).collect()
}

/// What tells it from others of its name, if there are any.
fn mark(vm: &VmView, shared: &Shared) -> Option<String> {
    shared.mark(vm.uuid, &vm.name, &owners(vm))
}

fn name(vm: &VmView, tone: Tone) -> Line {
    if is_blank(&vm.name) { Line::of(Tone::Faint, "no name") } else { Line::of(tone, short(&vm.name)) }
}

fn table(vms: &[VmView], shared: &Shared, roomy: bool) -> Table {
    let mut columns = vec![
        Column::giving_way("NAME"),
        Column::firm("STATE"),
        Column::giving_way("GUEST"),
        Column::giving_way("OWNER"),
        Column::firm("CORPORATE"),
    ];
    if roomy {
        columns.extend(["CPU", "MEMORY", "DISK"].map(Column::number));
    }
    let mut table = Table::of(columns);
    for vm in vms {
        let owners: Vec<_> = vm.owners.iter().map(|owner| owner.user.as_str()).collect();
        let corporate = if vm.corporate { Line::of(Tone::Good, "yes") } else { Line::of(Tone::Faint, "no") };
        let number = |value: Option<String>| Line::plain(value.unwrap_or_else(|| "–".to_owned()));
        table.row(vec![
            name(vm, Tone::Plain),
            state(&vm.state),
            Line::plain(&vm.os),
            Line::plain(owners.join(", ")),
            corporate,
            number(vm.cpu.map(|cpu| cpu.to_string())),
            number(vm.memory_mib.map(size)),
            number(vm.disk_mib.map(size)),
        ]);
        if mark(vm, shared).is_some() {
            table.note(Line::plain("  "), Line::of(Tone::Faint, format!("UUID {}", vm.uuid)));
        }
    }
    table
}

fn state(state: &VmState) -> Line {
    let tone = match state {
        VmState::Running => Tone::Good,
        VmState::Invalid => Tone::Bad,
        VmState::Stopped | VmState::Suspended | VmState::Paused => Tone::Faint,
        _ => Tone::Plain,
    };
    // A word of a later version may be any text; the column must not grow with it.
    Line::of(tone, state.name()).cut(12)
}

/// A size in its largest unit, with one digit behind the point where it is not whole.
fn size(mib: u64) -> String {
    match (mib / 1024, mib % 1024 * 10 / 1024) {
        (0, _) => format!("{mib} MiB"),
        (gib, 0) => format!("{gib} GiB"),
        (gib, tenth) => format!("{gib}.{tenth} GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW, screens};
    use super::*;

    #[test]
    fn machines_are_listed_and_who_could_not_be_asked() {
        screens("vms", |style| render(&samples::vms(), style, *NOW));
        screens("vms_hostile", |style| render(&samples::hostile_vms(), style, *NOW));
    }

    #[test]
    fn a_name_that_says_nothing_and_one_that_two_have_are_made_up_for() {
        let mut view = samples::vms();
        view.vms[1].name = view.vms[0].name.clone();
        view.vms[2].name = " ".into();
        screens("vms_named_alike", |style| render(&view, style, *NOW));
    }

    #[test]
    fn no_machines_and_could_not_ask_are_told_apart() {
        let style = Style { width: 80, color: false };
        let listed = VmsView { as_of: Some(*NOW), ..VmsView::default() };
        assert_eq!(render(&listed, &style, *NOW), "No virtual machines · listed just now\n");
        assert_eq!(render(&VmsView::default(), &style, *NOW), "No virtual machines could be listed\n");
    }

    #[test]
    fn sizes_are_short() {
        for (mib, text) in [
            (0, "0 MiB"),
            (512, "512 MiB"),
            (8192, "8 GiB"),
            (1536, "1.5 GiB"),
            (u64::MAX, "18014398509481983.9 GiB"),
        ] {
            assert_eq!(size(mib), text);
        }
    }
}
