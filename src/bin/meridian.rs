//! The agent and its command line.

use std::process::ExitCode;

use meridian::cli::Shell;

fn main() -> ExitCode {
    meridian::platform::restrict_umask();
    meridian::cli::run(&Shell {
        daemon: |paths| Ok(meridian::daemon::run(paths)?),
        leave: |paths, restore, limit| Ok(meridian::daemon::leave(paths, restore, limit)?),
    })
    .into()
}
