//! What the enforcer tells of its passes: what holds, how it stands, and what is left to do. Data alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::board::{Assigned, Board, Part};
use super::documents::Corrections;
use super::inputs::Profile;
use super::observer::Wanted;
use crate::catalog::{Key, Value};
use crate::domain::ids::VmId;
use crate::domain::subject::Subject;
use crate::enforce::compliance::Standing;
use crate::plan::Plan;
use crate::plan::memory::{Attempt, PerSetting};
use crate::resolve::Effective;

/// What holds, and how it stands.
#[derive(Debug, Clone, Default)]
pub struct Enforcement {
    /// What holds and why.
    pub effective: Effective,
    /// The local restrictions as the user set them.
    pub local: BTreeMap<Key, Value>,
    /// How each setting stands.
    pub standings: Vec<Standing>,
    /// What is left to do, and what is withheld.
    pub plan: Plan,
    /// What exists against the policy.
    pub violations: BTreeMap<VmId, BTreeSet<Key>>,
    /// How the last changes went.
    pub attempts: PerSetting<Attempt>,
    /// What the tools said to changes that did not work.
    pub complaints: PerSetting<String>,
    /// The last drift that was put right since the daemon started.
    pub correction: Option<Correction>,
    /// All drift that was put right.
    pub corrections: Corrections,
    /// Since when the present policy holds.
    pub policy_since: Option<Timestamp>,
    /// The baseline was lost.
    pub baseline_lost: bool,
    /// Why a document could not be written.
    pub write_failed: Option<String>,
    /// False while changes are made, and until they were observed.
    pub settled: bool,
    /// The wishes that the observation had served which this is made from.
    pub served: Wanted,
    /// The orders that this is made from.
    pub made_from: Option<Orders>,
}

/// What is ordered from above: the profile, the assignment, and whether its policy is lifted.
pub type Orders = (Part<Profile>, Part<Assigned>, bool);

/// The orders of the moment.
#[must_use]
pub fn orders(board: &Board) -> Orders {
    (board.profile.clone(), board.assigned.clone(), board.lifts_policy())
}

/// A drift that was put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// When it was put right.
    pub at: Timestamp,
}
