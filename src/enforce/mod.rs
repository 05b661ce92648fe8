//! A plan becomes outcomes: applied through the runner, remembered, and reported.
//!
//! In go a [`crate::plan::Plan`] and what the agent remembers; out come the outcome of each change, the memory to keep, and the
//! compliance that was seen. Recording the baseline comes before the first change; applying never stops early because
//! one change failed.

pub mod apply;
pub mod bookkeeping;
pub mod compliance;
pub mod violations;
