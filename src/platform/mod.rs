//! What the agent asks of the operating system beyond the standard library: its user id, its umask, and folders of a
//! given mode. There is no unsafe code: `rustix` wraps the calls. Nothing here may grow a decision of the domain.

pub mod folder;

use rustix::fs::Mode;

use crate::domain::ids::Uid;

/// The umask of the daemon and the command line: nothing for group and others.
pub const UMASK: u64 = 0o077;

const DENIED: Mode = Mode::RWXG.union(Mode::RWXO);

/// Makes every file that this process creates its owner's alone. Called by the first line of `main`; what others may
/// read is opened up by an explicit mode.
pub fn restrict_umask() {
    rustix::process::umask(DENIED);
}

/// The user that this process acts as.
#[must_use]
pub fn effective_uid() -> Uid {
    Uid(rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_umask_is_the_number_that_launchd_is_told() {
        assert_eq!(u64::from(super::DENIED.bits()), super::UMASK);
    }
}
