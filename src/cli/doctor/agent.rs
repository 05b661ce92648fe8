//! The agent itself: its folders, its socket, and what the daemon says.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Area, Finding};
use crate::control::client::Client;
use crate::control::view::{HealthState, ProblemView, StatusView};
use crate::error::Chain;
use crate::paths::{LABEL, Paths};
use crate::platform::folder::{PRIVATE, PUBLIC};

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

/// Looks at the folders and asks the daemon.
pub(super) fn check(paths: &Paths) -> Vec<Finding> {
    let folders = [(paths.support(), PUBLIC), (paths.private(), PRIVATE), (paths.socket_folder(), PUBLIC)];
    let mut findings: Vec<_> = folders.iter().filter_map(|(path, mode)| folder(paths, path, *mode)).collect();
    match Client::of(paths).status() {
        Ok(status) => findings.extend(daemon(&status)),
        Err(error) => {
            let text = Chain(&error).to_string();
            // The message ends with the next step.
            let (what, step) = text.split_once("; ").unwrap_or((&text, "see the daemon's log"));
            findings.push(Area::Agent.bad(what, step));
        }
    }
    findings
}

/// A finding where a folder is not as the agent makes it.
fn folder(paths: &Paths, path: &Path, mode: u32) -> Option<Finding> {
    let shown = path.display();
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("there is no {shown}; the daemon makes it when it first starts");
            return Some(Area::Agent.unknown(text));
        }
        Err(error) => return Some(Area::Agent.unknown(format!("{shown} cannot be looked at: {error}"))),
    };
    let remedy = "Restart the daemon, which puts it right; find out who changed it.";
    if !found.is_dir() {
        Some(Area::Agent.bad(format!("{shown} is not a folder"), "Move it away and restart the daemon."))
    } else if found.mode() & 0o7777 != mode {
        let text = format!("{shown} has mode {:03o} instead of {mode:03o}", found.mode() & 0o7777);
        Some(Area::Agent.bad(text, remedy))
    } else if paths.is_system() && found.uid() != 0 {
        let text = format!("{shown} belongs to user {} and not to root", found.uid());
        Some(Area::Agent.bad(text, "Find out who made it, then move it away and restart the daemon."))
    } else {
        None
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
    findings.extend(problems.iter().filter(|problem| !is_looked_at(problem)).map(told));
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

fn told(problem: &ProblemView) -> Finding {
    let about = problem.subject.as_ref().map(|view| format!(" ({})", super::super::words::subject(view)));
    let text = format!("{}{}: {}", problem.code, about.unwrap_or_default(), problem.detail);
    let step = if problem.remedy.is_empty() { "Nothing to do: it passes." } else { &problem.remedy };
    Area::Agent.bad(text, step)
}
