//! `meridian license`, and its line in `meridian status`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::auth::Viewer;
use crate::domain::ids::GroupId;
use crate::domain::license::{ActivationKind, LicenseState, MaskedKey};
use crate::license::Stage;
use crate::wire::lease::{LeaseState, Product};

/// The license of Parallels Desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseView {
    /// Where it stands, all things considered.
    pub stage: Stage,
    /// What the Mac itself says of it.
    #[serde(flatten)]
    pub on_mac: OnMacView,
    /// The lease that the portal signed; `None` before the first.
    pub lease: Option<LeaseView>,
    /// How its verification goes.
    pub verification: VerificationView,
    /// The last time that the license was given back.
    pub deactivation: Option<DeactivationView>,
    /// The way to a license after that.
    pub reactivation: Option<ReactivationView>,
    /// What happens next.
    pub next: LicenseNext,
}

/// What the Mac itself says of its license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnMacView {
    /// How it stands by the Mac's own account.
    pub state: LicenseState,
    /// `standard`, `pro`, `business`, `enterprise`, or another word of Parallels.
    pub edition: Option<String>,
    /// How the copy is activated.
    pub activation: Option<ActivationKind>,
    /// The key, masked.
    pub key: Option<MaskedKey>,
    /// The key that a sublicense belongs to, masked.
    pub parent: Option<MaskedKey>,
    /// Whether it is a trial.
    pub trial: Option<bool>,
    /// The user who signed in; root alone sees it.
    pub user: Option<String>,
    /// When the paid period ends.
    pub main_period_ends_at: Option<Timestamp>,
}

/// The lease that the portal signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// Its number.
    pub seq: u64,
    /// How the license stands, by the portal.
    pub state: LeaseState,
    /// What is licensed.
    pub product: Product,
    /// The license, in the portal's words.
    pub license: String,
    /// The seat; root alone sees it, because it may name a user.
    pub seat: Option<String>,
    /// The user group; none for the primary key.
    pub group: Option<GroupId>,
    /// When it is to be verified at the latest.
    pub verify_after: Timestamp,
    /// Until when it may stay unverified.
    pub grace_until: Timestamp,
}

/// How the verification of a lease goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationView {
    /// When the next one begins.
    pub next_at: Option<Timestamp>,
    /// Since when one is under way.
    pub since: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// Why the portal denied the last one.
    pub denied: Option<String>,
}

/// That the license was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeactivationView {
    /// When it was noticed.
    pub at: Timestamp,
    /// The order's id; `None` when it was done by hand.
    pub order: Option<String>,
    /// When the portal knew.
    pub told_at: Option<Timestamp>,
}

/// The way to a license after a deactivation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactivationView {
    /// Since when.
    pub since: Timestamp,
    /// How often the key was tried.
    pub tries: u32,
    /// When it is tried next; `None` without a key.
    pub next_at: Option<Timestamp>,
    /// Why it failed the last time.
    pub trouble: Option<String>,
}

/// What happens next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseNext {
    /// What.
    pub step: NextStep,
    /// When, where that is known.
    pub at: Option<Timestamp>,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// Nothing that is known yet.
    #[default]
    Nothing,
    /// The lease is verified.
    Verify,
    /// The portal is told that the seat is free.
    Release,
    /// The key of the managed preferences is installed.
    Activate,
    /// The user signs in.
    SignIn,
    /// Somebody activates Parallels Desktop.
    Activation,
    /// The portal has to say otherwise.
    Portal,
}

impl LicenseView {
    /// The part that is for this viewer.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        if viewer != Viewer::Admin {
            self.on_mac.user = None;
            self.lease = self.lease.map(|lease| LeaseView { seat: None, ..lease });
        }
        self
    }
}
