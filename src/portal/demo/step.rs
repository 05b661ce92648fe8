//! A step of the story: it has a time limit, and fails by its name.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::narrator::spoken;
use crate::error::Chain;

/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(8);

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(10);

/// Why the story is not told to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A step did not come true.
    #[error("{step}: {why}")]
    Step {
        /// What should have come true.
        step: &'static str,
        /// What was seen instead.
        why: String,
    },
    /// Nobody can read it.
    #[error("cannot write to the screen")]
    Screen(#[from] std::io::Error),
}

/// A step that is under way.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) begun: Instant,
}

impl Step {
    pub(super) fn begin(name: &'static str) -> Self {
        Self { name, begun: Instant::now() }
    }

    pub(super) fn fails(&self, why: impl Into<String>) -> Failure {
        Failure::Step { step: self.name, why: why.into() }
    }

    pub(super) fn failed(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        self.fails(Chain(error).to_string())
    }

    /// Waits until a glance shows it, and gives what it shows; a glance that does not says what it sees.
    pub(super) async fn until<T>(
        &self,
        mut glance: impl AsyncFnMut() -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let left = LIMIT.saturating_sub(self.begun.elapsed()).max(GLANCE);
            match timeout(left, glance()).await.unwrap_or_else(|_| Err("nothing answers".to_owned())) {
                Ok(seen) => return Ok(seen),
                Err(why) if self.begun.elapsed() >= LIMIT => {
                    let limit = spoken(LIMIT);
                    return Err(self.fails(format!("did not come true within {limit}; {why}")));
                }
                Err(_) => sleep(GLANCE).await,
            }
        }
    }
}
