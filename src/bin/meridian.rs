//! The agent and its command line.

use std::process::ExitCode;

use meridian::error::{Chain, Exit};
use meridian::paths::Paths;

fn main() -> ExitCode {
    meridian::platform::restrict_umask();
    meridian::cli::run(daemon).into()
}

fn daemon(paths: Paths) -> Exit {
    match meridian::daemon::run(&paths) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "the daemon did not start");
            Exit::Failed
        }
    }
}
