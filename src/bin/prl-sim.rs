//! The stand-in for Parallels' tools and the system tools: acts by its own file name, and as `prl-sim` controls the state.

use std::process::ExitCode;

fn main() -> ExitCode {
    meridian::simulator::run()
}
