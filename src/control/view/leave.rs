//! `meridian leave`: what was put back, and whether the portal knows.

use serde::{Deserialize, Serialize};

use super::WithheldView;

/// What came of taking the agent away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveView {
    /// How many values from before the policy are back; `None` when nobody asked for it.
    pub restored: Option<u64>,
    /// What could not be put back, and why.
    pub left: Vec<WithheldView>,
    /// What the portal knows.
    pub portal: Farewell,
}

/// What the portal knows of the agent's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Farewell {
    /// It was told.
    Told,
    /// It could not be told.
    Untold,
    /// This Mac is not enrolled, or the profile names no portal: there is nobody to tell.
    Nobody,
}
