//! `meridian images`: what is offered, to whom, why not, and what is being installed.

use jiff::Timestamp;

use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::words::{ago, count, due};
use crate::control::client::Client;
use crate::control::view::{ImageView, ImagesView, InstallView, MachineView};
use crate::paths::Paths;

/// The cells of the bar.
const BAR: usize = 24;

/// Asks the daemon.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn request(paths: &Paths) -> Result<ImagesView, Failure> {
    Ok(Client::of(paths).images()?)
}

/// The screen.
#[must_use]
pub(super) fn render(view: &ImagesView, style: &Style, now: Timestamp) -> String {
    let mut screen = Screen::new(style);
    let assigned = view.images.iter().filter(|image| image.id.is_some()).count();
    let line = match assigned as u64 {
        0 => Line::plain("No golden image is assigned to this Mac"),
        number => Line::of(Tone::Strong, count(number, "golden image", "golden images")),
    };
    let cap = view.bytes_per_s.map(|cap| format!(" · at most {}/s", size(cap))).unwrap_or_default();
    screen.line(&line.then(Tone::Faint, cap));
    for image in &view.images {
        screen.blank();
        offer(&mut screen, image);
    }
    if !view.machines.is_empty() {
        screen.heading("Made from golden images");
        for machine in &view.machines {
            lineage(&mut screen, view, machine, now);
        }
    }
    if !view.installs.is_empty() {
        screen.heading("Installations");
        for install in &view.installs {
            installation(&mut screen, install, now);
        }
    }
    screen.finish()
}

fn offer(screen: &mut Screen<'_>, image: &ImageView) {
    let sizes = image.size.zip(image.unpacked_size);
    let sizes = sizes.map(|(packed, unpacked)| format!("  {}, unpacked {}", size(packed), size(unpacked)));
    screen.line(&Line::of(Tone::Strong, &image.name).then(Tone::Faint, sizes.unwrap_or_default()));
    if !image.description.is_empty() {
        screen.hanging(2, &Line::new(), &Line::plain(&image.description));
    }
    if let Some(why) = &image.why_not {
        screen.hanging(2, &Line::of(Tone::Warning, "! "), &Line::plain(why));
        return;
    }
    for user in &image.users {
        let name = Line::of(Tone::Strong, &user.user);
        let (mark, line) = match &user.why_not {
            None => (Line::of(Tone::Good, "✓ "), name.text(": offered")),
            Some(why) => (Line::of(Tone::Faint, "– "), name.text(": ").text(why)),
        };
        screen.hanging(2, &mark, &line);
    }
}

fn lineage(screen: &mut Screen<'_>, view: &ImagesView, machine: &MachineView, now: Timestamp) {
    let named = view.images.iter().find(|image| image.id == Some(machine.image));
    let image = named.map(|image| image.name.clone()).or_else(|| machine.image_name.clone());
    let image = image.unwrap_or_else(|| machine.image.to_string());
    let name = machine.name.clone().unwrap_or_else(|| machine.vm.to_string());
    let user = machine.user.clone().unwrap_or_else(|| machine.uid.to_string());
    let line = Line::of(Tone::Strong, name).text(" of ").text(user).text(" from ").text(image);
    screen.hanging(
        2,
        &Line::of(Tone::Good, "✓ "),
        &line.then(Tone::Faint, format!(", {}", ago(machine.at, now))),
    );
    screen.hanging(4, &Line::new(), &Line::of(Tone::Faint, machine.sha256.to_string()));
}

fn installation(screen: &mut Screen<'_>, install: &InstallView, now: Timestamp) {
    let (tone, mark) = match install.stage.as_str() {
        "installed" => (Tone::Good, "✓ "),
        "failed" => (Tone::Bad, "✗ "),
        _ => (Tone::Accent, "→ "),
    };
    let line = Line::of(Tone::Strong, &install.name)
        .text(" for ")
        .text(&install.user)
        .text(": ")
        .then(tone, progress(install))
        .then(Tone::Faint, format!(", ordered {}", ago(install.ordered_at, now)));
    screen.hanging(2, &Line::of(tone, mark), &line);
    if let Some(detail) = &install.detail {
        let again =
            install.waits_until.map(|at| format!("; tried again {}", due(at, now))).unwrap_or_default();
        screen.hanging(4, &Line::new(), &Line::plain(detail).text(again));
    } else if let Some(at) = install.waits_until {
        let spread = Line::plain("the portal spreads it over its Macs; it begins ").text(due(at, now));
        screen.hanging(4, &Line::new(), &spread);
    }
}

/// "downloading 33 % of 12 GiB", or the stage alone.
#[must_use]
pub(super) fn progress(install: &InstallView) -> String {
    match install.stage.as_str() {
        "downloading" | "waiting" if install.bytes > 0 => {
            format!("{} {} % of {}", install.stage, install.percent(), size(install.size))
        }
        stage => stage.to_owned(),
    }
}

/// The bar that shows a download while it is waited for, without its line end.
#[must_use]
pub(super) fn bar(install: &InstallView) -> String {
    let full = usize::from(install.percent()) * BAR / 100;
    format!("[{}{}] {}", "#".repeat(full), ".".repeat(BAR - full), progress(install))
}

/// A size in its largest unit, with one digit behind the point where it is not whole.
#[must_use]
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let Some((unit, one)) = UNITS.into_iter().find(|(_, one)| bytes >= *one) else {
        return format!("{bytes} B");
    };
    match (bytes / one, bytes % one / (one / 10)) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenths) => format!("{whole}.{} {unit}", tenths.min(9)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW, screens};
    use super::*;

    #[test]
    fn offers_reasons_and_progress_are_shown() {
        screens("images", |style| render(&samples::images(), style, *NOW));
        screens("images_hostile", |style| render(&samples::hostile_images(), style, *NOW));
        let style = Style { width: 80, color: false };
        assert_eq!(render(&ImagesView::default(), &style, *NOW), "No golden image is assigned to this Mac\n");
    }

    #[test]
    fn a_machine_names_its_image_once_that_is_not_assigned_any_more() {
        let (style, mut view) = (Style { width: 80, color: false }, samples::images());
        view.images.clear();
        for (name, shown) in [(Some("Windows 11 Sales".to_owned()), "Windows 11 Sales"), (None, "00000001")] {
            view.machines[0].image_name = name;
            let screen = render(&view, &style, *NOW);
            assert!(screen.contains("Windows 11 of alice from ") && screen.contains(shown), "{screen}");
        }
    }

    #[test]
    fn the_bar_fills() {
        for (bytes, expected) in [
            (0, "[........................] downloading"),
            (6_442_450_944, "[############............] downloading 50 % of 12 GiB"),
            (12_884_901_888, "[########################] downloading 100 % of 12 GiB"),
        ] {
            assert_eq!(bar(&samples::install(1, "downloading", bytes)), expected);
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1 << 20, "1 MiB"),
            (1_600_000, "1.5 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (12_884_901_888, "12 GiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
