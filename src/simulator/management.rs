//! What the tools of macOS tell of its management: `profiles`, `scutil`, `sfltool` and `launchctl print`. In: arguments; out:
//! the form of `profiles` as Fleet reads it; the forms of the others are inferred.

use serde::{Deserialize, Serialize};

use super::Answer;
use super::state::State;

/// The label of the agent's job.
const LABEL: &str = "dev.meridian.agent";

/// How the Mac is managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Management {
    /// MDM manages it.
    pub enrolled: bool,
    /// Its user approved that.
    pub approved: bool,
    /// The proxy for HTTPS, host and port.
    pub proxy: Option<(String, u16)>,
    /// A script chooses the proxy.
    pub proxy_script: bool,
    /// launchd has the agent's job.
    pub job_loaded: bool,
    /// The job is not to start again.
    pub job_disabled: bool,
    /// The background item may run.
    pub item_allowed: bool,
}

impl Default for Management {
    fn default() -> Self {
        Self {
            enrolled: true,
            approved: true,
            proxy: None,
            proxy_script: false,
            job_loaded: true,
            job_disabled: false,
            item_allowed: true,
        }
    }
}

/// `profiles status -type enrollment`.
pub(super) fn profiles(argv: &[String], state: &State) -> Answer {
    if argv != ["status", "-type", "enrollment"] {
        return Answer::fail(1, "usage: profiles status -type enrollment");
    }
    let Management { enrolled, approved, .. } = state.management;
    let enrollment = match (enrolled, approved) {
        (true, true) => "Yes (User Approved)\nMDM server: https://mdm.example.com/checkin",
        (true, false) => "Yes\nMDM server: https://mdm.example.com/checkin",
        (false, _) => "No",
    };
    Answer::ok(format!("Enrolled via DEP: No\nMDM enrollment: {enrollment}\n"))
}

/// `scutil --proxy`.
pub(super) fn scutil(argv: &[String], state: &State) -> Answer {
    if argv != ["--proxy"] {
        return Answer::fail(64, "usage: scutil --proxy");
    }
    let mut entries = String::new();
    if let Some((host, port)) = &state.management.proxy {
        entries += &format!("  HTTPSEnable : 1\n  HTTPSPort : {port}\n  HTTPSProxy : {host}\n");
    }
    if state.management.proxy_script {
        entries += "  ProxyAutoConfigEnable : 1\n  ProxyAutoConfigURLString : http://wpad/wpad.dat\n";
    }
    Answer::ok(format!("<dictionary> {{\n{entries}}}\n"))
}

/// `sfltool dumpbtm`.
pub(super) fn sfltool(argv: &[String], state: &State) -> Answer {
    if argv != ["dumpbtm"] {
        return Answer::fail(64, "usage: sfltool dumpbtm");
    }
    let word = if state.management.item_allowed { "allowed" } else { "disallowed" };
    Answer::ok(format!(
        " Records for UID -2 :\n\n Items:\n\n #1:\n                 Name: meridian\n                 Type: legacy daemon (0x10010)\n          \
         Disposition: [enabled, {word}, notified] (0xb)\n           Identifier: 16.{LABEL}\n                  \
         URL: file:///Library/LaunchDaemons/{LABEL}.plist\n"
    ))
}

/// `launchctl print system/LABEL`: 113 where there is no such job, as `launchctl error 113` explains it.
pub(super) fn print(service: &str, state: &State) -> Answer {
    match service.strip_prefix("system/") {
        Some(LABEL) if state.management.job_loaded => {
            Answer::ok(format!("system/{LABEL} = {{\n\tactive count = 1\n\tstate = running\n}}\n"))
        }
        Some(label) => Answer::fail(113, format!("Could not find service \"{label}\" in domain for system")),
        None => Answer::fail(64, "Usage: launchctl print system/<label>"),
    }
}

/// `launchctl print-disabled system`.
pub(super) fn print_disabled(state: &State) -> Answer {
    let word = if state.management.job_disabled { "disabled" } else { "enabled" };
    Answer::ok(format!("\n\tdisabled services = {{\n\t\t\"{LABEL}\" => {word}\n\t}}\n"))
}
