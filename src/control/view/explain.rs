//! `meridian explain`: which value of each setting holds, why, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::auth::Viewer;
use super::{LayerView, ProblemView, SubjectView};
use crate::domain::compliance::Compliance;

/// Settings and why they are as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// The settings, by key.
    pub settings: Vec<SettingView>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// Its key in the catalog, such as `restrict.create_vm`.
    pub key: String,
    /// Its title for people.
    pub title: String,
    /// What becomes of it.
    pub outcome: OutcomeView,
    /// The value that holds, if one does.
    pub value: Option<Value>,
    /// Who says so.
    pub winner: Option<WinnerView>,
    /// What does not hold, highest layer first.
    pub overridden: Vec<LoserView>,
    /// What is wrong with what the layers say of it.
    pub problems: Vec<ProblemView>,
    /// What else there is to know, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// How it counts: its weightiest state on any object; `None` for one that nobody manages.
    pub state: Option<Compliance>,
    /// How it is on each object; empty where no object has it.
    pub subjects: Vec<SubjectStateView>,
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeView {
    /// A value holds.
    Holds,
    /// A policy is assigned and does not name it, so the local restriction is taken off.
    Lifted,
    /// No layer names it, so it is never touched.
    Unmanaged,
    /// The only word on it is a bad value, so it stays as it is.
    Undecided,
}

/// Where the value that holds comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WinnerView {
    /// The layer.
    pub layer: LayerView,
    /// The file, the profile or the policy with its revision, in words.
    pub origin: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The setting that implies it, where the layer does not name it itself.
    pub derived_from: Option<String>,
}

/// A value that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoserView {
    /// The layer.
    pub layer: LayerView,
    /// Where from, in words.
    pub origin: String,
    /// The value.
    pub value: Value,
    /// Why it does not hold.
    pub reason: String,
}

/// How a setting is on one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectStateView {
    /// The object.
    pub subject: SubjectView,
    /// The value that the agent last set.
    pub applied: Option<Value>,
    /// The value that was last seen.
    pub observed: Option<Value>,
    /// What follows from it.
    pub compliance: Compliance,
    /// Why, where it is not compliant.
    pub reason: Option<String>,
    /// How often drift was put right.
    pub corrections: u64,
    /// When it last was.
    pub last_correction: Option<Timestamp>,
}

impl ExplainView {
    /// The part that is for this viewer.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        for setting in &mut self.settings {
            setting.problems.retain(|problem| problem.is_seen_by(viewer));
            setting.subjects.retain(|state| state.subject.is_seen_by(viewer));
        }
        self
    }
}
