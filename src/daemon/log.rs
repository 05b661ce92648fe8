//! The log: lines on standard error, which launchd puts into a file; how much is said follows the profile.
//!
//! The profile directs what the agent itself says. Of the crates below it only warnings pass: what HTTP and TLS say at
//! their lower levels is about them, and may hold what no log should.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

/// What is said until a profile directs otherwise.
const DEFAULT: Level = Level::INFO;

/// How much is said.
#[derive(Clone)]
pub struct Verbosity(reload::Handle<Targets, Registry>);

impl Verbosity {
    /// Starts the log of this process; one that is there already stays.
    #[must_use]
    pub fn start() -> Self {
        let (filter, handle) = reload::Layer::new(filter(DEFAULT));
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
        // Another log is there in tests alone, and then it is the one to keep.
        let _: Result<(), _> = tracing_subscriber::registry().with(filter).with(lines).try_init();
        Self(handle)
    }

    /// Says this much from now on; `None` for what is said without a profile.
    pub fn set(&self, level: Option<Level>) {
        let filter = filter(level.unwrap_or(DEFAULT));
        // The log is gone only with the process.
        let _: Result<(), _> = self.0.modify(|present| *present = filter);
    }
}

/// What passes: of the agent itself this much, of everybody else no more than warnings.
fn filter(level: Level) -> Targets {
    let own = env!("CARGO_CRATE_NAME");
    Targets::new()
        .with_target(own, LevelFilter::from_level(level))
        .with_default(LevelFilter::from_level(level).min(LevelFilter::WARN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_directs_what_the_agent_says_and_of_others_warnings_pass() {
        for (level, own, others) in [
            (Level::ERROR, Level::ERROR, Level::ERROR),
            (Level::INFO, Level::INFO, Level::WARN),
            (Level::TRACE, Level::TRACE, Level::WARN),
        ] {
            let filter = filter(level);
            for (target, most) in [
                ("meridian", own),
                (module_path!(), own),
                ("hyper_util::client::legacy::pool", others),
                ("rustls", others),
            ] {
                for said in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                    assert_eq!(filter.would_enable(target, &said), said <= most, "{level} {target} {said}");
                }
            }
        }
    }

    #[test]
    fn what_the_log_says_of_outcomes_are_words() {
        use crate::plan::memory::Went;
        use crate::wire::command::CommandKind;
        use crate::wire::lease::LeaseState;
        let said = [
            Went::NeedsCustomPassword.to_string(),
            CommandKind::VerifyLicense.to_string(),
            CommandKind::Unknown.to_string(),
            LeaseState::Active.to_string(),
        ];
        assert_eq!(said, ["needs a custom password", "verify_license", "unknown", "active"]);
    }
}
