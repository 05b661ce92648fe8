//! The ways from one license to another.
//!
//! | way | what changes | what a Mac notices |
//! |---|---|---|
//! | convert | Business becomes Enterprise: same license, keys and seats; the active trial is suspended | a lease of the other product with the same times at its next check-in; it stays activated. One on the trial: a suspended lease |
//! | make permanent | the trial becomes Enterprise: same license, keys and seats; its policies are kept and assigned to nobody | the same, and an assignment without a policy: the local restrictions hold until one is assigned |
//! | split | new sublicense keys; the primary key goes on | nothing: it keeps its lease on the primary key until it verifies with another key, and is listed as one that is to activate again |
//!
//! A trial does not become permanent while a Business license has seats per user, in use or not (facts: what happens after a
//! trial ends), nor does such a license come into use beside it afterwards; such an organization converts the Business
//! license.

use serde::Deserialize;

use jiff::Timestamp;

use super::edit::SublicenseDraft;
use super::key::GivenKey;
use super::license::{Activation, License, LicenseState};
use super::{Model, RecordName};
use crate::domain::ids::{DeviceId, LicenseId};
use crate::portal::model::EditError;
use crate::portal::model::policy::Group;
use crate::wire::lease::Product;

/// How a Business license is converted.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// Its seats from then on; none for as many as before.
    #[serde(default)]
    pub seats: Option<u32>,
    /// What takes them; none for what did.
    #[serde(default)]
    pub activation: Option<Activation>,
}

/// How a trial becomes permanent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permanence {
    /// Its seats from then on; none for as many as before.
    #[serde(default)]
    pub seats: Option<u32>,
    /// When it ends; none for never.
    #[serde(default, with = "crate::wire::time::optional")]
    pub ends_at: Option<Timestamp>,
}

/// What a split made.
#[derive(Debug)]
pub struct Split {
    /// The groups, each with its key.
    pub groups: Vec<(Group, GivenKey)>,
    /// The Macs on the primary key, which are to activate with another one.
    pub reactivate: Vec<DeviceId>,
}

impl Model {
    /// Converts a Business license to Enterprise, and suspends the trial. Answers which trials that were.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn convert(
        &mut self,
        id: LicenseId,
        order: Conversion,
    ) -> Result<(License, Vec<LicenseId>), EditError> {
        let mut license = self.license(id)?.clone();
        if license.product != Product::Business || license.state != LicenseState::Active {
            return Err(EditError::Rule("only an active Business license can be converted"));
        }
        self.check_product(Product::Enterprise, Some(id), false)?;
        license.product = Product::Enterprise;
        license.seats = order.seats.unwrap_or(license.seats);
        license.activation = order.activation.unwrap_or(license.activation);
        self.check_takers(&license)?;
        self.check_seats(&self.division(&license))?;
        let trials = self.active_trials();
        self.put_license(license.clone());
        self.suspend(&trials);
        self.wake_license(id);
        Ok((license, trials))
    }

    /// Makes a trial permanent. The policies of its keys are kept and assigned to none of them any more.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn make_permanent(&mut self, id: LicenseId, order: Permanence) -> Result<License, EditError> {
        let mut license = self.license(id)?.clone();
        if license.product != Product::EnterpriseTrial || license.state != LicenseState::Active {
            return Err(EditError::Rule("only an active trial can be made permanent"));
        }
        if self.has_per_user_business() {
            return Err(EditError::Rule(
                "a Business license has seats per user: convert that one, and let the trial be suspended",
            ));
        }
        self.check_product(Product::Enterprise, Some(id), false)?;
        license.product = Product::Enterprise;
        license.seats = order.seats.unwrap_or(license.seats);
        license.ends_at = order.ends_at;
        self.check_seats(&self.division(&license))?;
        let mut kept = license.kept_policies.take().unwrap_or_default();
        kept.extend(license.primary.policy.take());
        let groups: Vec<_> = self.keys_of(id).map(|group| group.id).collect();
        for group in groups {
            let policy = self.groups.get_mut(&group).and_then(|group| group.policy.take());
            kept.extend(policy);
            self.touch(RecordName::Group(group));
        }
        license.kept_policies = Some(kept);
        self.put_license(license.clone());
        self.wake_license(id);
        Ok(license)
    }

    /// Splits a license into sublicense keys, all or none.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn split(&mut self, id: LicenseId, drafts: Vec<SublicenseDraft>) -> Result<Split, EditError> {
        self.license(id)?;
        let mut groups = Vec::new();
        for draft in drafts {
            match self.add_sublicense(id, draft) {
                Ok(made) => groups.push(made),
                Err(error) => {
                    for (group, _) in &groups {
                        self.groups.remove(&group.id);
                    }
                    return Err(error);
                }
            }
        }
        let held = |mac: &DeviceId| self.licensing.lessees.get(mac).is_some_and(|mac| mac.held().is_some());
        let on_primary = self.lessees_of(|pool| pool.license == id && pool.group.is_none());
        let reactivate: Vec<_> = on_primary.into_iter().filter(held).collect();
        for mac in &reactivate {
            self.ask_to_reactivate(*mac);
        }
        Ok(Split { groups, reactivate })
    }

    /// Whether a Business license has seats for people who sign in. One that is suspended or has ended counts, since it may
    /// come into use again.
    #[must_use]
    pub fn has_per_user_business(&self) -> bool {
        let mut licenses = self.licensing.licenses.values();
        licenses.any(|license| license.is_per_user_business() && !license.is_replaced())
    }
}
