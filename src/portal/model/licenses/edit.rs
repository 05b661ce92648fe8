//! What an administrator changes of licenses and their keys.
//!
//! In go drafts; out come the changed records and, once, the key of a new one, or why nothing was changed. A change
//! that would promise or leave taken more seats than there are is refused whole.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::key::GivenKey;
use super::license::{
    License, LicenseChange, LicenseDraft, LicenseState, NewLicense, PrimaryKey, Sublicense, idp_mistakes,
    key_mistakes,
};
use super::seats::{Division, Pool, Seats};
use super::{Model, RecordName};
use crate::domain::ids::{DeviceId, GroupId, LicenseId, PolicyId};
use crate::portal::model::EditError;
use crate::portal::model::edit::without;
use crate::portal::model::policy::{Group, text_mistakes};
use crate::wire::lease::Product;

/// Why a change of seats is refused.
const TOO_FEW: EditError = EditError::Rule("more seats would be reserved or taken than there are");

/// What a group's key is to be like.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SublicenseDraft {
    /// The name of its group.
    pub name: String,
    /// The key; none for one that is made.
    #[serde(default)]
    pub key: Option<GivenKey>,
    /// Its seats; none for as many as there are.
    #[serde(default)]
    pub seats: Option<Seats>,
    /// The identity provider's groups that are mapped to it.
    #[serde(default)]
    pub idp_groups: Vec<String>,
}

/// What is to become of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StateOrder(pub LicenseState);

impl Model {
    /// A license.
    ///
    /// # Errors
    /// [`EditError::Missing`].
    pub fn license(&self, id: LicenseId) -> Result<&License, EditError> {
        self.licensing.licenses.get(&id).ok_or(EditError::Missing("license"))
    }

    /// Adds a license, and gives its key.
    ///
    /// # Errors
    /// [`EditError`]; a second Enterprise license or trial is one.
    pub fn add_license(&mut self, new: NewLicense) -> Result<(License, Option<GivenKey>), EditError> {
        let NewLicense { draft, product, key, suspend_trial } = new;
        let mut mistakes = draft.mistakes();
        mistakes.extend(key_mistakes(key.as_ref()));
        without(mistakes)?;
        self.check_idp_groups(None, &draft.idp_groups, None)?;
        let trials = self.active_trials();
        self.check_product(product, None, !trials.is_empty() && !suspend_trial)?;
        let key = match key {
            None if !draft.activation.takes_keys() => None,
            given => Some(self.new_key(given)?),
        };
        let license = License {
            id: LicenseId::random(),
            name: draft.name,
            product,
            activation: draft.activation,
            seats: draft.seats,
            primary: PrimaryKey {
                key: key.as_ref().map(GivenKey::masked),
                policy: None,
                idp_groups: draft.idp_groups,
            },
            state: LicenseState::Active,
            ends_at: draft.ends_at,
            kept_policies: None,
            when_unverified: draft.when_unverified,
        };
        self.put_license(license.clone());
        if product == Product::Enterprise {
            self.suspend(&trials);
        }
        Ok((license, key))
    }

    /// Changes a license, but for its product, key, state and policy.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn write_license(&mut self, id: LicenseId, change: LicenseChange) -> Result<License, EditError> {
        let mut license = self.license(id)?.clone();
        let was_per_user = license.is_per_user_business();
        let draft = change.of(&license);
        without(draft.mistakes())?;
        self.check_idp_groups(Some(id), &draft.idp_groups, None)?;
        let LicenseDraft { name, seats, activation, ends_at, idp_groups, when_unverified } = draft;
        (license.name, license.seats, license.activation, license.ends_at) =
            (name, seats, activation, ends_at);
        self.check_takers(&license)?;
        if !was_per_user && !license.is_replaced() {
            self.check_per_user(&license)?;
        }
        license.when_unverified = when_unverified;
        license.primary.idp_groups = idp_groups;
        self.check_seats(&self.division(&license))?;
        self.put_license(license.clone());
        // Where the leases say something else by now.
        self.wake_license(id);
        Ok(license)
    }

    /// Deletes a license that has neither keys nor Macs.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_license(&mut self, id: LicenseId) -> Result<(), EditError> {
        self.license(id)?;
        if self.keys_of(id).next().is_some() {
            return Err(EditError::InUse("the license has sublicense keys"));
        }
        if !self.lessees_of(|pool| pool.license == id).is_empty() {
            return Err(EditError::InUse("Macs have or had seats of the license"));
        }
        let replaced = LicenseState::Replaced { by: id };
        if self.licensing.licenses.values().any(|license| license.state == replaced) {
            return Err(EditError::InUse("the license is in another one's place"));
        }
        self.licensing.licenses.remove(&id);
        self.touch(RecordName::License(id));
        Ok(())
    }

    /// Suspends a license, puts another in its place, or takes it into use again.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn set_license_state(&mut self, id: LicenseId, order: StateOrder) -> Result<License, EditError> {
        let mut license = self.license(id)?.clone();
        match order.0 {
            LicenseState::Active => {
                let trial = license.product == Product::Enterprise && !self.active_trials().is_empty();
                self.check_product(license.product, Some(id), trial)?;
                self.check_per_user(&license)?;
            }
            LicenseState::Suspended => {}
            LicenseState::Replaced { by } => {
                if by == id || self.license(by)?.state != LicenseState::Active {
                    return Err(EditError::Rule("only an active license can be in another one's place"));
                }
            }
        }
        license.state = order.0;
        self.put_license(license.clone());
        self.wake_license(id);
        Ok(license)
    }

    /// Assigns a policy to the primary key, or none.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn assign_primary(&mut self, id: LicenseId, policy: Option<PolicyId>) -> Result<License, EditError> {
        if policy.is_some_and(|policy| !self.policies.contains_key(&policy)) {
            return Err(EditError::Missing("policy"));
        }
        let mut license = self.license(id)?.clone();
        if policy.is_some() && !license.has_policies() {
            return Err(EditError::NO_POLICIES);
        }
        license.primary.policy = policy;
        self.put_license(license.clone());
        self.wake_license(id);
        Ok(license)
    }

    /// Makes a group's sublicense, and gives its key.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn add_sublicense(
        &mut self,
        license: LicenseId,
        draft: SublicenseDraft,
    ) -> Result<(Group, GivenKey), EditError> {
        let id = GroupId::random();
        let sublicense = self.sublicense(id, license, draft.seats, Some(draft.idp_groups))?;
        let mut mistakes = text_mistakes("name", &draft.name, true);
        mistakes.extend(key_mistakes(draft.key.as_ref()));
        without(mistakes)?;
        let key = self.new_key(draft.key)?;
        let masked = Some(key.masked().to_string());
        let group = Group { id, name: draft.name, key: masked, policy: None, sublicense: Some(sublicense) };
        self.put_keyed_group(group.clone());
        Ok((group, key))
    }

    /// Keeps a group whose members were checked.
    pub(in crate::portal::model) fn put_keyed_group(&mut self, group: Group) {
        self.touch(RecordName::Group(group.id));
        self.groups.insert(group.id, group);
    }

    /// The sublicense of a group as it would be with these members, where `None` keeps what it has.
    pub(in crate::portal::model) fn sublicense(
        &self,
        group: GroupId,
        license: LicenseId,
        seats: Option<Seats>,
        idp_groups: Option<Vec<String>>,
    ) -> Result<Sublicense, EditError> {
        let former = self.groups.get(&group).and_then(|group| group.sublicense.as_ref());
        if former.is_some_and(|former| former.license != license) {
            return Err(EditError::Rule("a key stays with its license"));
        }
        let mut division = self.division(self.license(license)?);
        let seats = seats.or(former.map(|former| former.seats)).unwrap_or(Seats::ANY);
        division.keys.insert(group, seats);
        self.check_seats(&division)?;
        let idp_groups =
            idp_groups.or_else(|| former.map(|former| former.idp_groups.clone())).unwrap_or_default();
        without(idp_mistakes(&idp_groups))?;
        self.check_idp_groups(Some(license), &idp_groups, Some(group))?;
        Ok(Sublicense { license, seats, idp_groups })
    }

    /// A key that was given, or a new one, unlike every other in its first and last group.
    ///
    /// # Errors
    /// [`EditError::Rule`].
    pub(in crate::portal::model) fn new_key(&self, given: Option<GivenKey>) -> Result<GivenKey, EditError> {
        let key = match given {
            Some(key) => key,
            None => GivenKey::make().map_err(|_| EditError::Rule("there are no random numbers for a key"))?,
        };
        if self.pool_of_key(&key.masked()).is_some() {
            return Err(EditError::Rule("another key has the same first and last group"));
        }
        Ok(key)
    }

    /// Bars a Mac from having a license, or lets it verify again.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn bar_device(&mut self, id: DeviceId, barred: bool) -> Result<(), EditError> {
        if !self.devices.contains_key(&id) {
            return Err(EditError::Missing("device"));
        }
        self.bar(id, barred);
        self.wake_news(|device| device == id);
        Ok(())
    }

    /// Writes a license.
    pub(super) fn put_license(&mut self, license: License) {
        self.touch(RecordName::License(license.id));
        self.licensing.licenses.insert(license.id, license);
    }

    /// Wakes the Macs of a license for which there is news.
    pub(super) fn wake_license(&mut self, id: LicenseId) {
        let macs: BTreeSet<_> = self.lessees_of(|pool| pool.license == id).into_iter().collect();
        self.wake_news(|device| macs.contains(&device));
    }

    /// Whether the seats are enough.
    pub(super) fn check_seats(&self, division: &Division) -> Result<(), EditError> {
        if division.holds(self.licensing.ledger()) { Ok(()) } else { Err(TOO_FEW) }
    }

    /// Nobody loses a seat because the license no longer takes their kind.
    pub(super) fn check_takers(&self, license: &License) -> Result<(), EditError> {
        let groups = self.keys_of(license.id).map(|group| Some(group.id));
        let pools = groups.chain([None]).map(|group| Pool { license: license.id, group });
        let (mut devices, mut users) = (false, false);
        for taken in pools.map(|pool| self.licensing.ledger.taken(pool)) {
            devices |= taken.devices > 0;
            users |= taken.users > 0;
        }
        match (license.activation.takes_keys() || !devices, license.activation.takes_users() || !users) {
            (false, _) => Err(EditError::Rule(
                "Macs with a key have seats of the license, and are to give them back first",
            )),
            (_, false) => {
                Err(EditError::Rule("people have seats of the license, and are to give them back first"))
            }
            (true, true) => Ok(()),
        }
    }

    /// A Business license with seats per user is not in use beside a trial that was made permanent, from either side
    /// (facts: what happens after a trial ends).
    fn check_per_user(&self, license: &License) -> Result<(), EditError> {
        let is_permanent = |other: &License| {
            other.product == Product::Enterprise && other.kept_policies.is_some() && !other.is_replaced()
        };
        if license.is_per_user_business() && self.licensing.licenses.values().any(is_permanent) {
            return Err(EditError::Rule(
                "a trial was made permanent, and beside it no Business license has seats per user",
            ));
        }
        Ok(())
    }

    /// An organization has one Enterprise license (facts: one per business account), and no trial beside it.
    pub(super) fn check_product(
        &self,
        product: Product,
        except: Option<LicenseId>,
        trial_in_the_way: bool,
    ) -> Result<(), EditError> {
        let others = || self.licensing.licenses.values().filter(|license| Some(license.id) != except);
        let enterprise =
            others().any(|license| license.product == Product::Enterprise && !license.is_replaced());
        match product {
            Product::Business => Ok(()),
            Product::Enterprise | Product::EnterpriseTrial if enterprise => {
                Err(EditError::Rule("the organization has an Enterprise license, and can have but one"))
            }
            Product::Enterprise if trial_in_the_way => {
                Err(EditError::Rule("a trial is active: let it be suspended, or leave the license away"))
            }
            Product::EnterpriseTrial if !self.active_trials().iter().all(|id| Some(*id) == except) => {
                Err(EditError::Rule("the organization has an active trial"))
            }
            Product::Enterprise | Product::EnterpriseTrial => Ok(()),
        }
    }

    /// The trials that are in use.
    pub(super) fn active_trials(&self) -> Vec<LicenseId> {
        let trial = |license: &&License| {
            license.product == Product::EnterpriseTrial && license.state == LicenseState::Active
        };
        self.licensing.licenses.values().filter(trial).map(|license| license.id).collect()
    }

    /// Suspends licenses.
    pub(super) fn suspend(&mut self, ids: &[LicenseId]) {
        for id in ids {
            if let Some(license) = self.licensing.licenses.get_mut(id) {
                license.state = LicenseState::Suspended;
                self.touch(RecordName::License(*id));
                self.wake_license(*id);
            }
        }
    }

    /// A group of the identity provider leads to one key of a license.
    fn check_idp_groups(
        &self,
        license: Option<LicenseId>,
        wanted: &[String],
        of: Option<GroupId>,
    ) -> Result<(), EditError> {
        let Some(license) = license.and_then(|id| self.licensing.licenses.get(&id)) else { return Ok(()) };
        let sublicenses = self.keys_of(license.id).filter(|group| Some(group.id) != of);
        let keys = sublicenses.filter_map(|group| Some(&group.sublicense.as_ref()?.idp_groups));
        let primary = of.is_some().then_some(&license.primary.idp_groups);
        let taken = keys.chain(primary).flatten().any(|group| wanted.contains(group));
        if taken {
            return Err(EditError::Rule("a group of the identity provider is mapped to another key"));
        }
        Ok(())
    }
}
