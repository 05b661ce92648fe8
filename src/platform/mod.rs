//! What the agent asks of the operating system beyond the standard library: its user id, its umask, and folders of a
//! given mode. There is no unsafe code: `rustix` wraps the calls. Nothing here may grow a decision of the domain.

pub mod folder;

use rustix::fs::Mode;

use crate::domain::ids::Uid;

/// Makes every file that this process creates its owner's alone. Called by the first line of `main`; what others may
/// read is opened up by an explicit mode.
pub fn restrict_umask() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// The user that this process acts as.
#[must_use]
pub fn effective_uid() -> Uid {
    Uid(rustix::process::geteuid().as_raw())
}
