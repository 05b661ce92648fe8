//! `meridian doctor`: looks at each link of the chain from MDM to Parallels Desktop, and tells which of them is broken.
//!
//! It works with the daemon up or down and for any user; what only root can see is said to be unknown. A finding is a
//! line and, where something is wrong, one remedy. The checks look for themselves, and the daemon is asked last. Whatever
//! hangs, it ends within [`LIMIT`] and some seconds.

mod agent;
mod files;
mod issuer;
mod keys;
mod mac;
mod parallels;
mod portal;
mod profile;

use std::time::Duration;

use serde::Serialize;

use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use super::words::count;
use crate::checkin::local::Portal;
use crate::clock::Clock;
use crate::error::{Chain, Exit};
use crate::hypervisor::runner::Runner;
use crate::paths::Paths;
use crate::sources::layer::Origin;
use crate::sources::profile::Preferences;

/// How long the portal has to answer.
const PORTAL_PATIENCE: Duration = Duration::from_secs(10);

/// How long the portal, the Mac's tools and Parallels' tools have in all; they are asked at the same time.
const LIMIT: Duration = Duration::from_secs(30);

/// The cells of the column that names what a finding is about.
const AREAS: usize = 11;

/// What was looked at, in the order in which one link hangs on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Area {
    /// The Mac's enrollment in MDM.
    Mdm,
    /// The managed preferences.
    Profile,
    /// The root key, the CA, the keyset.
    Keys,
    /// The proxies on the way.
    Proxy,
    /// The way to the portal and its answer.
    Portal,
    /// The trusted connection.
    Tls,
    /// This Mac's clock against the portal's.
    Clock,
    /// Parallels Desktop and its tools.
    Parallels,
    /// Owners and modes of the agent's files.
    Files,
    /// Room for what the agent has to remember.
    Disk,
    /// The agent's job, and whether it may run.
    Launchd,
    /// The daemon and what it says.
    Agent,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// Could not be looked at, or is nobody's fault.
    Unknown,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// About what.
    pub area: Area,
    /// Good or bad.
    pub verdict: Verdict,
    /// In a sentence.
    pub text: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// Everything that was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct DoctorView {
    /// How many findings are bad.
    pub trouble: usize,
    /// The findings, in the order in which one depends on the other.
    pub findings: Vec<Finding>,
}

impl Area {
    const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Mdm => "MDM",
            Self::Keys => "keys",
            Self::Portal => "portal",
            Self::Tls => "TLS",
            Self::Proxy => "proxy",
            Self::Clock => "clock",
            Self::Parallels => "Parallels",
            Self::Disk => "disk",
            Self::Files => "files",
            Self::Launchd => "launchd",
            Self::Agent => "agent",
        }
    }

    fn good(self, text: impl Into<String>) -> Finding {
        Finding { area: self, verdict: Verdict::Good, text: text.into(), remedy: None }
    }

    fn bad(self, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { area: self, verdict: Verdict::Bad, text: text.into(), remedy: Some(remedy.into()) }
    }

    fn unknown(self, text: impl Into<String>) -> Finding {
        Finding { area: self, verdict: Verdict::Unknown, text: text.into(), remedy: None }
    }
}

impl Finding {
    fn or_try(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl DoctorView {
    fn of(findings: Vec<Finding>) -> Self {
        let trouble = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
        Self { trouble, findings }
    }

    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        if self.trouble > 0 { Exit::Failed } else { Exit::Fine }
    }
}

/// Looks at everything.
#[must_use]
pub(super) fn request(paths: &Paths, clock: &dyn Clock) -> DoctorView {
    let (mut findings, preferences) = profile::check(paths);
    findings.extend(preferences.as_ref().map(keys::check).unwrap_or_default());
    let runner = Runner::real(paths.clone());
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ask = ask_around(preferences.as_ref(), &runner, clock, LIMIT);
            findings.extend(runtime.block_on(ask));
            // A name lookup may still be under way in a thread of its own.
            runtime.shutdown_background();
        }
        Err(error) => {
            let text = format!("portal and tools could not be asked: {}", Chain(&error));
            findings.push(Area::Portal.unknown(text));
        }
    }
    findings.extend(files::check(paths));
    findings.extend(agent::check(paths));
    findings.sort_by_key(|finding| finding.area);
    DoctorView::of(findings)
}

/// Asks the Mac, the portal and Parallels' tools at the same time, each for as long as `limit`.
async fn ask_around(
    preferences: Option<&Preferences>,
    runner: &Runner,
    clock: &dyn Clock,
    limit: Duration,
) -> Vec<Finding> {
    let by_hand = preferences
        .is_some_and(|found| matches!(found.settings.origin, Origin::Profile { manual: true, .. }));
    let portal = preferences.map(where_it_is);
    let parts = tokio::join!(
        within(limit, Area::Mdm, mac::check(runner, by_hand)),
        within(limit, Area::Portal, portal::check(portal, clock, PORTAL_PATIENCE)),
        within(limit, Area::Parallels, parallels::check(runner)),
    );
    [parts.0, parts.1, parts.2].concat()
}

async fn within(limit: Duration, area: Area, check: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let late = || vec![area.unknown(format!("not settled within {} s; ask again", limit.as_secs()))];
    tokio::time::timeout(limit, check).await.unwrap_or_else(|_| late())
}

/// What the profile says of the portal, as the check-in takes it.
fn where_it_is(preferences: &Preferences) -> Portal {
    Portal {
        origin: preferences.portal_url.value().map(ToString::to_string),
        root_key: keys::root_key(preferences),
        ca: preferences.portal_ca.value().cloned(),
        ..Portal::default()
    }
}

/// The screen.
#[must_use]
pub(super) fn render(view: &DoctorView, style: &Style) -> String {
    let mut screen = Screen::new(style);
    screen.line(&summary(view));
    screen.blank();
    for finding in &view.findings {
        let (tone, mark) = match finding.verdict {
            Verdict::Good => (Tone::Good, "[+] "),
            Verdict::Bad => (Tone::Bad, "[-] "),
            Verdict::Unknown => (Tone::Warning, "[?] "),
        };
        let area = Line::of(tone, mark).then(Tone::Faint, format!("{:<AREAS$}", finding.area.name()));
        screen.hanging(0, &area, &Line::plain(&finding.text));
        if let Some(remedy) = &finding.remedy {
            screen.hanging(4 + AREAS, &Line::of(Tone::Accent, "→ "), &Line::plain(remedy));
        }
    }
    screen.finish()
}

fn summary(view: &DoctorView) -> Line {
    let unknown = view.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown).count() as u64;
    let line = match view.trouble as u64 {
        0 => Line::of(Tone::Good, "No problem found"),
        trouble => Line::of(Tone::Bad, format!("{} found", count(trouble, "problem", "problems"))),
    };
    let checks = count(view.findings.len() as u64, "check", "checks");
    match unknown {
        0 => line.text(format!(" in {checks}.")),
        unknown => line.text(format!(" in {checks}; {unknown} could not be settled.")),
    }
}

#[cfg(test)]
mod tests;
