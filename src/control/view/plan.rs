//! `meridian plan`: what the agent would change now, and what it leaves and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::auth::Viewer;
use super::SubjectView;

/// A plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The changes, in the order in which they would be made.
    pub actions: Vec<ActionView>,
    /// What is not changed now.
    pub withheld: Vec<WithheldView>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionView {
    /// The object.
    pub subject: SubjectView,
    /// The setting.
    pub key: String,
    /// What was observed.
    pub from: Option<Value>,
    /// What it becomes.
    pub to: Option<Value>,
    /// Why.
    pub why: String,
    /// The processes that would run, each as its argument vector.
    pub commands: Vec<Vec<String>>,
}

/// A setting that is not changed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldView {
    /// The object.
    pub subject: SubjectView,
    /// The setting.
    pub key: String,
    /// Why not.
    pub reason: String,
    /// When it is tried again, where it is held back until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PlanView {
    /// The part that is for this viewer.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        self.actions.retain(|action| action.subject.is_seen_by(viewer));
        self.withheld.retain(|withheld| withheld.subject.is_seen_by(viewer));
        self
    }
}
