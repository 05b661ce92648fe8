//! Command lines about golden images, and what the tools say of them. Pure.

use std::time::Duration;

use super::invocation::{Invocation, LIMIT};
use super::outcome::Refusal;
use super::runner::RunError;
use super::users::LocalUser;
use crate::domain::ids::VmId;
use crate::paths::Paths;

/// How fast an image is unpacked at the least, in bytes a second; slower counts as hanging.
const SLOWEST: u64 = 4 << 20;

/// `prlctl register PATH` as the user (facts: OpenVZ's fork and Parallels' own plugins).
#[must_use]
pub fn register(paths: &Paths, bundle: &str, user: &LocalUser) -> Invocation {
    Invocation::change(paths.prlctl(), &["register", bundle]).for_user(user)
}

/// `prlctl unpack UUID` as the user (facts: prl-devops-service). It is not among the changes that wait for each other: it takes
/// minutes, changes no setting, and nothing may keep the restrictions from being kept meanwhile.
#[must_use]
pub fn unpack(paths: &Paths, vm: VmId, unpacked_size: u64, user: &LocalUser) -> Invocation {
    let limit = LIMIT + Duration::from_secs(300 + unpacked_size / SLOWEST);
    Invocation { limit, ..Invocation::read(paths.prlctl(), &["unpack", &vm.to_string()]).for_user(user) }
}

/// `prlsrvctl set --require-pwd add-vm:on|off`: adding an existing virtual machine asks for a password, or not.
#[must_use]
pub fn require_add_vm(paths: &Paths, on: bool) -> Invocation {
    let value = if on { "add-vm:on" } else { "add-vm:off" };
    Invocation::change(paths.prlsrvctl(), &["set", "--require-pwd", value])
}

/// `pmset -g batt`.
#[must_use]
pub fn battery(paths: &Paths) -> Invocation {
    Invocation::read(paths.pmset(), &["-g", "batt"])
}

/// `pmset -g systemstate`.
#[must_use]
pub fn system_state(paths: &Paths) -> Invocation {
    Invocation::read(paths.pmset(), &["-g", "systemstate"])
}

/// Inferred: the words in which Parallels' tools pass on that the privacy control of macOS refused them a folder.
#[must_use]
pub fn is_privacy_refusal(error: &RunError) -> bool {
    const WORDS: [&str; 2] = ["operation not permitted", "full disk access"];
    match error {
        RunError::Refused(Refusal::Other { message, .. }) => {
            let message = message.to_ascii_lowercase();
            WORDS.iter().any(|words| message.contains(words))
        }
        _ => false,
    }
}
