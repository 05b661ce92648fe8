//! What the Mac itself says: whether MDM manages it, which proxies the network has, and whether the agent's job may run.
//!
//! The tools are asked for a few seconds each; one that is missing, hangs or says something else makes its link unknown.

use super::{Area, Finding};
use crate::error::Chain;
use crate::hypervisor::invocation::{self, Invocation};
use crate::hypervisor::management::{self, BackgroundItem};
use crate::hypervisor::runner::{RunError, Runner};
use crate::paths::LABEL;
use crate::platform::effective_uid;

/// Asks each of them. `by_hand`: the profile was installed by hand and not by MDM.
pub(super) async fn check(runner: &Runner, by_hand: bool) -> Vec<Finding> {
    let paths = runner.paths();
    let (mdm, proxy) = (invocation::mdm_enrollment(paths), invocation::proxies(paths));
    let mut findings = vec![
        asked(Area::Mdm, runner, &mdm, |output| enrollment(output, by_hand)).await,
        asked(Area::Proxy, runner, &proxy, proxies).await,
    ];
    findings.extend(job(runner).await);
    findings
}

/// What is found in the output of a tool.
async fn asked(
    area: Area,
    runner: &Runner,
    call: &Invocation,
    understand: impl FnOnce(&[u8]) -> Finding,
) -> Finding {
    match runner.stdout_of(call).await {
        Ok(output) => understand(&output),
        Err(error) => area.unknown(format!("could not be asked: {}", Chain(&error))),
    }
}

fn enrollment(output: &[u8], by_hand: bool) -> Finding {
    let Some(found) = management::enrollment(output) else {
        return Area::Mdm.unknown("`profiles` does not say whether this Mac is enrolled");
    };
    let server = found.server.map(|server| format!(" at {server}")).unwrap_or_default();
    match (found.enrolled, found.approved) {
        (true, true) => Area::Mdm.good(format!("this Mac is enrolled{server}")),
        (true, false) => Area::Mdm.bad(
            format!(
                "this Mac is enrolled{server}, and nobody approved it; background items cannot be managed"
            ),
            "Approve the profile in System Settings > General > Device Management.",
        ),
        (false, _) if by_hand => {
            Area::Mdm.unknown("this Mac is not enrolled; the profile was installed by hand")
        }
        (false, _) => {
            Area::Mdm.bad("this Mac is not enrolled", "Enroll it in MDM, which brings the profile.")
        }
    }
}

fn proxies(output: &[u8]) -> Finding {
    let found = management::proxies(output);
    match (found.https, found.scripted) {
        (Some(proxy), _) => Area::Proxy.good(format!("HTTPS goes through {proxy}")),
        (None, true) => Area::Proxy
            .unknown("a script chooses the proxy, and the agent goes without one")
            .or_try("If the portal cannot be reached so, set a proxy for HTTPS by name."),
        (None, false) => Area::Proxy.good("none is set"),
    }
}

/// Whether launchd has the job, and the user lets it run.
async fn job(runner: &Runner) -> Vec<Finding> {
    let paths = runner.paths();
    let printed = runner.stdout_of(&invocation::job(paths)).await;
    let mut findings = vec![match printed {
        Ok(_) => Area::Launchd.good(format!("it has the job {LABEL}")),
        Err(RunError::Refused(_)) => Area::Launchd
            .bad(format!("it does not have the job {LABEL}"), "sudo /opt/meridian/libexec/job start"),
        Err(error) => Area::Launchd.unknown(format!("could not be asked: {}", Chain(&error))),
    }];
    if let Ok(output) = runner.stdout_of(&invocation::disabled_jobs(paths)).await
        && management::is_disabled(&output, LABEL)
    {
        let text = format!("the job {LABEL} is disabled and will not start again");
        findings.push(Area::Launchd.bad(text, format!("sudo launchctl enable system/{LABEL}")));
    }
    findings.push(if effective_uid().0 == 0 {
        asked(Area::Launchd, runner, &invocation::background_items(paths), background_item).await
    } else {
        Area::Launchd
            .unknown("whether the background item is allowed only root can see")
            .or_try("Ask as root: sudo meridian doctor")
    });
    findings
}

fn background_item(output: &[u8]) -> Finding {
    match management::background_item(output, LABEL) {
        Some(BackgroundItem::Allowed) => Area::Launchd.good("the background item is allowed"),
        Some(BackgroundItem::Disallowed) => Area::Launchd.bad(
            "the background item was switched off",
            "Switch Meridian on in System Settings > General > Login Items, or install background-items.mobileconfig by MDM.",
        ),
        None => Area::Launchd.unknown("`sfltool` names no background item of the agent"),
    }
}
