//! Parallels Desktop and its tools: there, of a version that can be managed, the signed originals, and answering.

use super::{Area, Finding};
use crate::domain::version::{POLICY_GATE, ParallelsVersion, VM_SETTINGS_GATE};
use crate::error::Chain;
use crate::hypervisor::inquiry;
use crate::hypervisor::invocation;
use crate::hypervisor::outcome::{Answer, Refusal};
use crate::hypervisor::runner::{RunError, Runner};
use crate::wire::codes::ProblemCode;

/// Asks the version and each tool.
pub(super) async fn check(runner: &Runner) -> Vec<Finding> {
    let mut installed = None;
    let mut findings = vec![match inquiry::parallels_version(runner).await {
        Answer::Known(known) => version(installed.insert(known)),
        Answer::NotInstalled => {
            let code = ProblemCode::ParallelsMissing;
            return vec![Area::Parallels.bad(code.explanation(), code.remedy())];
        }
        other => Area::Parallels
            .bad(format!("its version: {other}"), ProblemCode::ParallelsVersionUnreadable.remedy()),
    }];
    let paths = runner.paths();
    let tool = runner.stdout_of(&invocation::cli_version(paths)).await;
    let other = tool.as_ref().ok().zip(installed).and_then(|(output, installed)| other(output, &installed));
    findings
        .push(other.unwrap_or_else(|| told("prlctl", tool, "is root's, signed by Parallels, and answers")));
    let service = runner.stdout_of(&invocation::server_info(paths)).await;
    findings.push(told("prlsrvctl", service, "is root's, signed by Parallels, and its service answers"));
    findings
}

fn version(version: &ParallelsVersion) -> Finding {
    if !version.reaches(POLICY_GATE) {
        let text = format!("Parallels Desktop {version} is too old: policies need {POLICY_GATE}");
        Area::Parallels.bad(text, ProblemCode::ParallelsTooOld.remedy())
    } else if version.reaches(VM_SETTINGS_GATE) {
        Area::Parallels.good(format!("Parallels Desktop {version}"))
    } else {
        let text =
            format!("Parallels Desktop {version}; the settings of virtual machines need {VM_SETTINGS_GATE}");
        Area::Parallels.good(text)
    }
}

/// A finding where the tool is of another version than the application, as half an update leaves it.
fn other(output: &[u8], installed: &ParallelsVersion) -> Option<Finding> {
    let version: ParallelsVersion = String::from_utf8_lossy(output).parse().ok()?;
    let text = || format!("prlctl is of version {version}, and the application of {installed}");
    (version.numbers() != installed.numbers())
        .then(|| Area::Parallels.bad(text(), "Quit Parallels Desktop; if it stays so, install it again."))
}

fn told(tool: &str, result: Result<Vec<u8>, RunError>, fine: &str) -> Finding {
    let error = match result {
        Ok(_) => return Area::Parallels.good(format!("{tool} {fine}")),
        Err(error) => error,
    };
    let text = format!("{tool}: {}", Chain(&error));
    let code = match error {
        RunError::NotInstalled => ProblemCode::ToolUntrusted,
        RunError::Untrusted { .. } => ProblemCode::ToolUntrusted,
        RunError::TimedOut { .. } | RunError::Paused { .. } => ProblemCode::ToolTimeout,
        // An everyday state.
        RunError::Refused(Refusal::ServiceStopped) => {
            return Area::Parallels.unknown(text).or_try(ProblemCode::ServiceStopped.remedy());
        }
        RunError::TooMuch(_) | RunError::System { .. } | RunError::Refused(_) => ProblemCode::ToolFailed,
    };
    let text = if matches!(error, RunError::NotInstalled) { format!("{tool} is missing") } else { text };
    Area::Parallels.bad(text, code.remedy())
}
