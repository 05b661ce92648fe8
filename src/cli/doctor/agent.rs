//! The agent itself: its socket, and what the daemon says.

use super::super::status::{about, grouped};
use super::{Area, Finding};
use crate::control::client::Client;
use crate::control::view::{HealthState, ProblemView, StatusView};
use crate::error::Chain;
use crate::paths::{LABEL, Paths};

/// Codes of what the other checks look at for themselves.
const LOOKED_AT: [&str; 8] = [
    "profile-missing",
    "profile-unreadable",
    "profile-key-unknown",
    "profile-key-invalid",
    "no-root-key",
    "parallels-missing",
    "parallels-too-old",
    "service-stopped",
];

/// Asks the daemon.
pub(super) fn check(paths: &Paths) -> Vec<Finding> {
    match Client::of(paths).status() {
        Ok(status) => daemon(&status),
        Err(error) => {
            let text = Chain(&error).to_string();
            // The message ends with the next step.
            let (what, step) = text.split_once("; ").unwrap_or((&text, "see the daemon's log"));
            vec![Area::Agent.bad(what, step)]
        }
    }
}

fn daemon(status: &StatusView) -> Vec<Finding> {
    let (daemon, own) = (status.agent.version.as_str(), env!("CARGO_PKG_VERSION"));
    let mut findings = vec![if daemon == own {
        Area::Agent.good(format!("the daemon answers (version {daemon}, pid {})", status.agent.pid))
    } else {
        let text = format!("the daemon runs version {daemon}, and this is {own}");
        Area::Agent.bad(text, format!("Restart the daemon: sudo launchctl kickstart -k system/{LABEL}"))
    }];
    let problems = &status.health.problems;
    let groups = grouped(problems);
    findings.extend(groups.iter().filter_map(|group| told(group)));
    if status.health.state == HealthState::Degraded && problems.is_empty() {
        let text = "the daemon is degraded by what only root may see";
        findings.push(Area::Agent.unknown(text).or_try("Ask as root: sudo meridian doctor"));
    }
    findings
}

/// Whether another check says it already: by its code, or because it is about a setting of the profile, which such a problem
/// names.
fn is_looked_at(problem: &ProblemView) -> bool {
    let of_profile =
        problem.code.starts_with("setting-") && problem.detail.contains(&format!("{LABEL}.plist"));
    of_profile || LOOKED_AT.contains(&problem.code.as_str())
}

fn told(group: &[&ProblemView]) -> Option<Finding> {
    let problem = group.first().filter(|problem| !is_looked_at(problem))?;
    let about = about(group).map(|about| format!(" ({about})"));
    let text = format!("{}{}: {}", problem.code, about.unwrap_or_default(), problem.detail);
    let step = if problem.remedy.is_empty() { "Nothing to do: it passes." } else { &problem.remedy };
    Some(Area::Agent.bad(text, step))
}
