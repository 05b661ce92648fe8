//! `meridian install-image`: orders a golden image, and waits until it is a virtual machine or has failed.
//!
//! The daemon does the work and goes on with it whether or not anyone waits. On a terminal a bar shows how far it is; it
//! goes to standard error, so that standard output holds the end alone.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::arguments::InstallArguments;
use super::failure::Failure;
use super::images::{bar, progress};
use super::ink::{Line, Style, Tone};
use super::pause::pause;
use super::screen::Screen;
use super::text::printable;
use crate::clock::Clock;
use crate::control::client::{Client, ClientError};
use crate::control::view::{ImagesView, InstallView};
use crate::domain::ids::{ImageId, Uid};
use crate::error::Exit;
use crate::paths::Paths;

/// How often the daemon is asked how far it is.
const PAUSE: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Installed {
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// For whom.
    pub user: Uid,
    /// Of what.
    pub image: ImageId,
    /// How far it is; none where nobody waited for it.
    pub install: Option<InstallView>,
}

impl Installed {
    /// How the command ends.
    #[must_use]
    pub(super) fn exit(&self) -> Exit {
        match &self.install {
            Some(install) if install.stage == "failed" => Exit::Failed,
            _ => Exit::Fine,
        }
    }
}

/// Orders an image, and waits unless it is told not to.
///
/// # Errors
/// When it is not offered, the caller may not, the daemon does not answer, or the time is over.
pub(super) fn request(
    paths: &Paths,
    clock: &dyn Clock,
    arguments: &InstallArguments,
) -> Result<Installed, Failure> {
    let client = Client::of(paths);
    let (user, image, ordered_at) = client.install_image(arguments.image.clone(), arguments.user.clone())?;
    let installed = Installed { ordered_at, user, image, install: None };
    if arguments.no_wait {
        return Ok(installed);
    }
    let shows = !arguments.format.json && std::io::stderr().is_terminal();
    let limit = arguments.timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let mut bar_of = |install: &InstallView| {
        if shows {
            show(install);
        }
    };
    let install = wait(&installed, (clock, limit), || client.images(), (&mut bar_of, || pause(PAUSE)));
    if shows {
        // The bar's line ends.
        let _ = writeln!(std::io::stderr());
    }
    Ok(Installed { install: Some(install?), ..installed })
}

/// Draws the bar over the one before.
fn show(install: &InstallView) {
    let mut text = bar(install);
    if let Some(detail) = install.detail.as_deref().filter(|_| !install.over) {
        text = format!("{text}: {}", printable(detail));
    }
    let text: String = text.chars().take(79).collect();
    // Where nobody looks there is nobody to show it to.
    let _ = write!(std::io::stderr(), "\r{text:<79}");
}

fn wait(
    ordered: &Installed,
    (clock, limit): (&dyn Clock, Option<Duration>),
    mut ask: impl FnMut() -> Result<ImagesView, ClientError>,
    (show, mut pause): (&mut dyn FnMut(&InstallView), impl FnMut()),
) -> Result<InstallView, Failure> {
    let start = clock.now();
    loop {
        match ask() {
            Ok(view) => {
                let is_ours = |install: &&InstallView| {
                    install.uid == ordered.user && install.ordered_at >= ordered.ordered_at
                };
                if let Some(install) = view.installs.iter().find(is_ours) {
                    show(install);
                    if install.over {
                        return Ok(install.clone());
                    }
                }
            }
            // A daemon that is busy may be late once.
            Err(ClientError::TimedOut(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let passed = clock.now().duration_since(start);
        if let Some(limit) = limit
            && (passed.is_negative()
                || passed >= SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX))
        {
            return Err(Failure::InstallPending(limit));
        }
        pause();
    }
}

/// The screen.
#[must_use]
pub(super) fn render(installed: &Installed, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let Some(install) = &installed.install else {
        let line =
            Line::plain("Ordered; see ").then(Tone::Accent, "meridian images").text(" for how far it is");
        screen.hanging(0, &Line::of(Tone::Accent, "→ "), &line);
        return screen.finish();
    };
    let (tone, mark) = if install.stage == "failed" { (Tone::Bad, "✗ ") } else { (Tone::Good, "✓ ") };
    let line = Line::of(Tone::Strong, &install.name)
        .text(" for ")
        .text(&install.user)
        .text(": ")
        .then(tone, progress(install));
    screen.hanging(0, &Line::of(tone, mark), &line);
    if let Some(detail) = &install.detail {
        screen.hanging(2, &Line::new(), &Line::plain(detail));
    }
    screen.finish()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW, screens};
    use super::*;
    use crate::clock::ManualClock;

    fn ordered() -> Installed {
        let install = samples::install(1, "waiting", 0);
        Installed { ordered_at: install.ordered_at, user: install.uid, image: install.image, install: None }
    }

    fn view(stage: &str) -> ImagesView {
        ImagesView { installs: vec![samples::install(1, stage, 9)], ..ImagesView::default() }
    }

    #[test]
    fn it_waits_until_the_installation_is_over() {
        let clock = ManualClock::at(*NOW);
        let old = {
            let mut old = view("installed");
            old.installs[0].ordered_at = Timestamp::UNIX_EPOCH;
            old
        };
        let mut answers =
            vec![Ok(view("installed")), Err(ClientError::TimedOut(PAUSE)), Ok(view("downloading")), Ok(old)];
        let mut shown = Vec::new();
        let mut show = |install: &InstallView| shown.push(install.stage.clone());
        let over = wait(&ordered(), (&clock, None), || answers.pop().unwrap(), (&mut show, || {}));
        assert_eq!(over.unwrap().stage, "installed");
        assert_eq!(shown, ["downloading", "installed"]);
    }

    #[test]
    fn a_limit_ends_the_waiting_and_a_daemon_that_is_gone_too() {
        let clock = ManualClock::at(*NOW);
        let limit = Some(Duration::from_secs(10));
        let pause = || clock.advance(SignedDuration::from_secs(3));
        let ended = wait(&ordered(), (&clock, limit), || Ok(view("downloading")), (&mut |_| {}, pause));
        assert!(matches!(ended, Err(Failure::InstallPending(_))));
        let gone = || Err(ClientError::Closed);
        assert!(matches!(
            wait(&ordered(), (&clock, None), gone, (&mut |_| {}, || {})),
            Err(Failure::Client(ClientError::Closed))
        ));
    }

    #[test]
    fn the_end_is_shown() {
        let with = |stage| Installed { install: Some(samples::install(1, stage, 0)), ..ordered() };
        screens("install_image", |style| render(&with("installed"), style));
        screens("install_image_failed", |style| render(&with("failed"), style));
        screens("install_image_ordered", |style| render(&ordered(), style));
        assert_eq!(
            [ordered().exit(), with("installed").exit(), with("failed").exit()].map(|exit| exit as u8),
            [0, 0, 1]
        );
    }
}
