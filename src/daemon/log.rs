//! The log: how much is said follows the profile, and where it goes is `sink`'s.
//!
//! The profile directs what the agent itself says. Of the crates below it only warnings pass: what HTTP and TLS say at
//! their lower levels is about them, and may hold what no log should. Secrets are kept out by their types: `Debug` and
//! `Display` mask them.

mod file;
mod fold;
mod sink;
mod system;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

use self::sink::Sink;
use crate::paths::Paths;

/// What is said until a profile directs otherwise.
const DEFAULT: Level = Level::INFO;

/// How much is said, and where.
#[derive(Clone)]
pub struct Verbosity {
    filter: reload::Handle<Targets, Registry>,
    sink: Sink,
}

impl Verbosity {
    /// Starts the log of this process, on standard error; one that is there already stays.
    #[must_use]
    pub fn start() -> Self {
        let (filter, handle) = reload::Layer::new(filter(DEFAULT));
        let sink = Sink::start();
        // Another log is there in tests alone, and then it is the one to keep.
        let _: Result<(), _> =
            tracing_subscriber::registry().with(filter).with(lines(sink.clone())).try_init();
        Self { filter: handle, sink }
    }

    /// Keeps what is said in the files of this layout from now on. Whoever calls it is the only daemon.
    pub fn keep(&self, paths: &Paths) {
        self.sink.keep(paths);
    }

    /// Says this much from now on; `None` for what is said without a profile.
    pub fn set(&self, level: Option<Level>) {
        let filter = filter(level.unwrap_or(DEFAULT));
        // The log is gone only with the process.
        let _: Result<(), _> = self.filter.modify(|present| *present = filter);
    }

    /// Writes what was held back of lines that repeat, once it is time to. It is called when the process is awake anyway.
    pub fn settle(&self) {
        self.sink.settle(false);
    }

    /// Writes what was held back, because the process ends.
    pub fn end(&self) {
        self.sink.settle(true);
    }
}

/// Each event as one line without time and level, which the sink adds.
fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(sink: Sink) -> impl Layer<S> {
    fmt::layer().with_writer(sink).with_ansi(false).with_target(false).with_level(false).without_time()
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
