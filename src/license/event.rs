//! What the machine of the license is told, and what it wants done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::domain::license::LicenseFacts;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The daemon started: what was under way is begun again.
    Started,
    /// Time passed.
    Tick,
    /// The Mac said how its license stands.
    Observed(LicenseFacts),
    /// The managed preferences said how the copy is activated.
    Told(Means),
    /// A signed lease, and a part of one drawn for it.
    Leased(Held, f64),
    /// The portal denied a verification, at this time and for this reason.
    Denied(Timestamp, String),
    /// Somebody wants it verified now.
    Ordered,
    /// The processes of [`Effect::Check`] have ended, and their findings were observed.
    Checked,
    /// The license was given back by an order of this id, begun at this time.
    Deactivated(String, Timestamp),
    /// [`Effect::Activate`] was refused, for this reason.
    ActivationFailed(String),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Let Parallels Desktop ask its own server, and look at the license.
    Check,
    /// Install the key of the managed preferences.
    Activate,
}

/// How a copy is activated, by the managed preferences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// With the key in them.
    Key,
    /// By the user's sign-in.
    SignIn,
    /// They say nothing.
    #[default]
    Unsaid,
}
