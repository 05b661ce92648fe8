//! The documents of the enforcer, as the store keeps them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Value;
use crate::domain::ids::{DeviceId, PolicyId, VmId};
use crate::plan::memory::{Attempt, Baseline, PerSetting};
use crate::state::document::Kept;

impl Kept for Baseline {
    const NAME: &'static str = "baseline.json";
}

/// Since when a revision of a policy holds here; a new signature over the same one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySince {
    /// The policy.
    pub id: PolicyId,
    /// Its revision.
    pub revision: u64,
    /// Since when.
    pub at: Timestamp,
}

/// Drift that was put right, under whatever was assigned since the agent came to this Mac.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// How often.
    pub count: u64,
    /// When last.
    pub last: Option<Timestamp>,
}

/// How the agent's own changes went: worth keeping, and no harm when lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The last change of each setting.
    pub attempts: PerSetting<Attempt>,
    /// The values that were seen to be as they should; one that differs later has drifted.
    #[serde(default)]
    pub held: PerSetting<Value>,
    /// Drift that was put right; a release does not forget it.
    #[serde(default)]
    pub corrections: Corrections,
    /// The virtual machines that were there when `vms.corporate_only` came; `None` while it does not hold.
    pub tolerated: Option<BTreeSet<VmId>>,
    /// Since when the present policy holds.
    pub policy: Option<PolicySince>,
    /// The device whose policy was enforced last; the word of another does not give it back.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// True once an assignment was enforced: from then on a missing baseline is a lost one.
    pub enforced: bool,
}

impl Kept for Account {
    const NAME: &'static str = "account.json";
}
