//! The agent and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    meridian::platform::restrict_umask();
    meridian::cli::run(|paths| meridian::daemon::run(&paths)).into()
}
