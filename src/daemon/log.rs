//! The log: lines on standard error, which launchd puts into a file; how much is said follows the profile.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

/// What is said until a profile directs otherwise.
const DEFAULT: Level = Level::INFO;

/// How much is said.
#[derive(Clone)]
pub struct Verbosity(reload::Handle<LevelFilter, Registry>);

impl Verbosity {
    /// Starts the log of this process; one that is there already stays.
    #[must_use]
    pub fn start() -> Self {
        let (filter, handle) = reload::Layer::new(LevelFilter::from_level(DEFAULT));
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
        // Another log is there in tests alone, and then it is the one to keep.
        let _: Result<(), _> = tracing_subscriber::registry().with(filter).with(lines).try_init();
        Self(handle)
    }

    /// Says this much from now on; `None` for what is said without a profile.
    pub fn set(&self, level: Option<Level>) {
        let filter = LevelFilter::from_level(level.unwrap_or(DEFAULT));
        // The log is gone only with the process.
        let _: Result<(), _> = self.0.modify(|present| *present = filter);
    }
}
