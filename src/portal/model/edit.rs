//! What an administrator changes, and whom it wakes.
//!
//! In go drafts and ids; out come the changed records, or why nothing was changed. Every device whose assignment
//! becomes another one is woken.

use std::collections::BTreeSet;

use super::admission::Token;
use super::device::Device;
use super::licenses::key::GivenKey;
use super::licenses::license::key_mistakes;
use super::policy::{Group, GroupDraft, Mistake, Policy, PolicyDraft};
use super::{Model, RecordName};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, GroupId, PolicyId};
use crate::wire::wait::Wake;

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No record of this kind has this id.
    #[error("no such {0}")]
    Missing(&'static str),
    /// The record is in use.
    #[error("{0}")]
    InUse(&'static str),
    /// A rule of licensing forbids it.
    #[error("{0}")]
    Rule(&'static str),
    /// What was written has mistakes.
    #[error("some members are not valid")]
    Mistakes(Vec<Mistake>),
}

impl EditError {
    /// Why a Business license's group has no policy (facts: policies belong to Enterprise's sublicense keys).
    pub const NO_POLICIES: Self = Self::Rule("a Business license carries no policies: convert it first");
}

/// Nothing where there are no mistakes.
pub(super) fn without(mistakes: Vec<Mistake>) -> Result<(), EditError> {
    if mistakes.is_empty() { Ok(()) } else { Err(EditError::Mistakes(mistakes)) }
}

impl Model {
    /// Makes a policy, or writes it anew.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn put_policy(&mut self, id: Option<PolicyId>, draft: PolicyDraft) -> Result<Policy, EditError> {
        let mut mistakes = draft.mistakes();
        mistakes.extend(self.image_mistakes(&draft.golden_images, draft.several_images));
        without(mistakes)?;
        let revision = match id {
            None => 1,
            Some(id) => {
                self.policies.get(&id).ok_or(EditError::Missing("policy"))?.revision.saturating_add(1)
            }
        };
        let id = id.unwrap_or_else(PolicyId::random);
        let PolicyDraft { name, description, settings, golden_images, several_images, image_delivery } =
            draft;
        let policy = Policy {
            id,
            name,
            description,
            revision,
            settings,
            golden_images,
            several_images,
            image_delivery,
        };
        self.policies.insert(id, policy.clone());
        self.touch(RecordName::Policy(id));
        self.wake_policy(id);
        Ok(policy)
    }

    /// Deletes a policy that no group has.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_policy(&mut self, id: PolicyId) -> Result<(), EditError> {
        if self.groups.values().any(|group| group.policy == Some(id)) {
            return Err(EditError::InUse("the policy is assigned to a group"));
        }
        if self.licensing.licenses.values().any(|license| license.primary.policy == Some(id)) {
            return Err(EditError::InUse("the policy is assigned to a primary key"));
        }
        self.policies.remove(&id).ok_or(EditError::Missing("policy"))?;
        self.touch(RecordName::Policy(id));
        Ok(())
    }

    /// Makes a group, or writes it anew, and gives its key where that is a new one.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn put_group(
        &mut self,
        id: Option<GroupId>,
        draft: &GroupDraft,
    ) -> Result<(Group, Option<GivenKey>), EditError> {
        without(draft.mistakes())?;
        let former = match id {
            None => None,
            Some(id) => Some(self.groups.get(&id).ok_or(EditError::Missing("group"))?.clone()),
        };
        let id = id.unwrap_or_else(GroupId::random);
        let kept = former.as_ref().and_then(|former| former.sublicense.as_ref()).map(|key| key.license);
        let (policy, old_key) = former.map_or((None, None), |former| (former.policy, former.key));
        let mut group =
            Group { id, name: draft.name.clone(), key: draft.masked_key(), policy, sublicense: None };
        let mut shown = None;
        if let Some(license) = draft.license.or(kept) {
            let (seats, idp_groups) = (draft.seats, draft.idp_groups.clone());
            group.sublicense = Some(self.sublicense(id, license, seats, idp_groups)?);
            without(key_mistakes(draft.key.as_ref()))?;
            if policy.is_some() && self.is_business(&group) {
                return Err(EditError::NO_POLICIES);
            }
            let masked = draft.key.as_ref().map(|key| key.masked().to_string());
            group.key = if kept.is_some() && (masked.is_none() || masked == old_key) {
                old_key
            } else {
                let key = self.new_key(draft.key.clone())?;
                let masked = key.masked().to_string();
                shown = Some(key);
                Some(masked)
            };
        } else if draft.seats.is_some() || draft.idp_groups.is_some() {
            return Err(EditError::Rule("a group without a license has neither seats nor mappings"));
        }
        self.put_keyed_group(group.clone());
        self.wake_groups(|group| group.id == id);
        Ok((group, shown))
    }

    /// Deletes a group that has neither devices nor tokens.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_group(&mut self, id: GroupId) -> Result<(), EditError> {
        if self.devices.values().any(|device| device.group == Some(id)) {
            return Err(EditError::InUse("the group has devices"));
        }
        if self.admissions.tokens.values().any(|token| token.group == Some(id) && !token.revoked) {
            return Err(EditError::InUse("an enrollment token leads into the group"));
        }
        if self.is_key_in_use(id) {
            return Err(EditError::InUse("Macs have or had seats of the group's key"));
        }
        self.groups.remove(&id).ok_or(EditError::Missing("group"))?;
        self.touch(RecordName::Group(id));
        Ok(())
    }

    /// Assigns a policy to a group in place of the one it has, or none.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn assign(&mut self, group: GroupId, policy: Option<PolicyId>) -> Result<Group, EditError> {
        if policy.is_some_and(|policy| !self.policies.contains_key(&policy)) {
            return Err(EditError::Missing("policy"));
        }
        let former = self.groups.get(&group).ok_or(EditError::Missing("group"))?;
        if policy.is_some() && self.is_business(former) {
            return Err(EditError::NO_POLICIES);
        }
        let changed = self.groups.get_mut(&group).ok_or(EditError::Missing("group"))?;
        changed.policy = policy;
        let changed = changed.clone();
        self.touch(RecordName::Group(group));
        self.wake_groups(|each| each.id == group);
        Ok(changed)
    }

    /// Assigns a policy to exactly these groups; every other group that had it has none.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn assign_to(&mut self, policy: PolicyId, groups: &[GroupId]) -> Result<(), EditError> {
        if !self.policies.contains_key(&policy) {
            return Err(EditError::Missing("policy"));
        }
        if groups.iter().any(|group| !self.groups.contains_key(group)) {
            return Err(EditError::Missing("group"));
        }
        if groups.iter().filter_map(|id| self.groups.get(id)).any(|group| self.is_business(group)) {
            return Err(EditError::NO_POLICIES);
        }
        let mut changed = Vec::new();
        for group in self.groups.values_mut() {
            let wanted = groups.contains(&group.id);
            if wanted != (group.policy == Some(policy)) {
                group.policy = wanted.then_some(policy);
                changed.push(group.id);
            }
        }
        for group in &changed {
            self.touch(RecordName::Group(*group));
        }
        self.wake_groups(|group| changed.contains(&group.id));
        Ok(())
    }

    /// Moves a device to a group, or out of any.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn move_device(&mut self, id: DeviceId, group: Option<GroupId>) -> Result<(), EditError> {
        if group.is_some_and(|group| !self.groups.contains_key(&group)) {
            return Err(EditError::Missing("group"));
        }
        self.devices.get_mut(&id).ok_or(EditError::Missing("device"))?.group = group;
        self.touch(RecordName::Device(id));
        self.wake_news(|device| device == id);
        Ok(())
    }

    /// Ends a device's identity. It cannot be undone.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn retire(&mut self, id: DeviceId) -> Result<(), EditError> {
        self.devices.get_mut(&id).ok_or(EditError::Missing("device"))?.retired = true;
        self.touch(RecordName::Device(id));
        self.revoke_license(id);
        self.wake_news(|device| device == id);
        Ok(())
    }

    /// Keeps a new enrollment token.
    ///
    /// # Errors
    /// [`EditError::Missing`] where it leads into no group.
    pub fn add_token(&mut self, token: Token) -> Result<(), EditError> {
        if token.group.is_some_and(|group| !self.groups.contains_key(&group)) {
            return Err(EditError::Missing("group"));
        }
        self.touch(RecordName::Token(token.id));
        self.admissions.tokens.insert(token.id, token);
        Ok(())
    }

    /// Revokes an enrollment token.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn revoke_token(&mut self, id: Digest) -> Result<(), EditError> {
        self.admissions.tokens.get_mut(&id).ok_or(EditError::Missing("enrollment token"))?.revoked = true;
        self.touch(RecordName::Token(id));
        Ok(())
    }

    /// Wakes the devices of these groups for which there is news.
    fn wake_groups(&mut self, concerned: impl Fn(&Group) -> bool) {
        let in_group = |device: &&Device| self.group_of(device).is_some_and(&concerned);
        let devices: BTreeSet<_> = self.devices.values().filter(in_group).map(|device| device.id).collect();
        self.wake_news(|device| devices.contains(&device));
    }

    /// Wakes the devices that have this policy.
    fn wake_policy(&mut self, id: PolicyId) {
        let has = |device: &&Device| self.policy_of(device).is_some_and(|policy| policy.id == id);
        let devices: BTreeSet<_> = self.devices.values().filter(has).map(|device| device.id).collect();
        self.wake_news(|device| devices.contains(&device));
    }

    /// Wakes those of these devices for which there is news.
    pub fn wake_news(&mut self, concerned: impl Fn(DeviceId) -> bool) {
        let devices = || self.devices.values().filter(|device| concerned(device.id));
        let assignment: Vec<_> =
            devices().filter(|device| self.has_news(device)).map(|device| device.id).collect();
        let lease: Vec<_> = devices()
            .filter(|device| !device.retired && self.has_lease_news(device.id))
            .map(|device| device.id)
            .collect();
        self.wakes.wake(&assignment, Wake::Assignment);
        self.wakes.wake(&lease, Wake::Lease);
    }
}
