//! License-bound configuration profiles: deprecated, and still delivered to the Macs of the keys they are bound to.
//!
//! In go drafts and keys as an administrator gives them; out come [`ConfigurationProfile`]s whose every item the catalog admits in a
//! profile, and what of them a Mac is assigned. A Mac gets those of its own key: that of its user group, or the primary key of its
//! license. Business licenses have them, too: they are how such licenses are managed, and they go on after a conversion.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::device::Device;
use super::edit::without;
use super::policy::{Mistake, settings_mistakes, text_mistakes};
use super::{EditError, Model, RecordName};
use crate::catalog::{Key, LayerKind};
use crate::domain::ids::{GroupId, LicenseId, ProfileId};
use crate::wire::assignment;

/// What records of this kind are called.
pub const WHAT: &str = "configuration profile";

/// A license-bound configuration profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationProfile {
    /// The profile.
    pub id: ProfileId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Values by settings key.
    pub settings: Map<String, Value>,
    /// The keys it is bound to.
    pub keys: Keys,
}

/// Keys of licenses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Those of user groups.
    #[serde(default)]
    pub groups: BTreeSet<GroupId>,
    /// The primary keys of licenses.
    #[serde(default)]
    pub licenses: BTreeSet<LicenseId>,
}

/// What an administrator writes of a profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileDraft {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Values by settings key.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl ProfileDraft {
    /// All that is wrong with it.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = text_mistakes("name", &self.name, true);
        mistakes.extend(text_mistakes("description", &self.description, false));
        mistakes.extend(settings_mistakes(&self.settings, LayerKind::LicenseProfile));
        mistakes
    }
}

impl ConfigurationProfile {
    /// The profile as devices see it.
    #[must_use]
    pub fn assigned(&self) -> assignment::ConfigurationProfile {
        assignment::ConfigurationProfile { name: self.name.clone(), settings: self.settings.clone() }
    }

    /// Parallels' names of the payloads that it has (facts: administrator's guide of the Business Edition).
    #[must_use]
    pub fn payloads(&self) -> Vec<&'static str> {
        let all = [
            ("VM for Apple silicon Mac", "image.arm64"),
            ("VM for Intel Mac", "image.x86_64"),
            ("Product Updates", "updates."),
        ];
        let has = |prefix: &str| self.settings.keys().any(|name| name.starts_with(prefix));
        all.into_iter().filter(|(_, prefix)| has(prefix)).map(|(payload, _)| payload).collect()
    }

    /// What replaces each of its settings.
    pub fn replacements(&self) -> impl Iterator<Item = (&str, String)> {
        let replaced = self.settings.keys().filter_map(|name| Some((name.as_str(), Key::named(name)?)));
        replaced.map(|(name, key)| (name, crate::sources::assignment::deprecation(key)))
    }
}

impl Model {
    /// Makes a profile that is bound to no key, or writes one anew.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn put_profile(
        &mut self,
        id: Option<ProfileId>,
        draft: ProfileDraft,
    ) -> Result<ConfigurationProfile, EditError> {
        without(draft.mistakes())?;
        let keys = match id {
            None => Keys::default(),
            Some(id) => self.profiles.get(&id).ok_or(EditError::Missing(WHAT))?.keys.clone(),
        };
        let id = id.unwrap_or_else(ProfileId::random);
        let ProfileDraft { name, description, settings } = draft;
        let profile = ConfigurationProfile { id, name, description, settings, keys };
        self.keep_profile(profile.clone());
        Ok(profile)
    }

    /// Binds a profile to exactly these keys.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn bind_profile(&mut self, id: ProfileId, keys: Keys) -> Result<ConfigurationProfile, EditError> {
        if !keys.groups.iter().all(|group| self.groups.contains_key(group)) {
            return Err(EditError::Missing("group"));
        }
        if !keys.licenses.iter().all(|license| self.licensing.licenses.contains_key(license)) {
            return Err(EditError::Missing("license"));
        }
        let profile = self.profiles.get(&id).ok_or(EditError::Missing(WHAT))?;
        let profile = ConfigurationProfile { keys, ..profile.clone() };
        self.keep_profile(profile.clone());
        Ok(profile)
    }

    /// Forgets a profile.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_profile(&mut self, id: ProfileId) -> Result<(), EditError> {
        self.profiles.remove(&id).ok_or(EditError::Missing(WHAT))?;
        self.touch(RecordName::Profile(id));
        self.wake_news(|_| true);
        Ok(())
    }

    fn keep_profile(&mut self, profile: ConfigurationProfile) {
        self.touch(RecordName::Profile(profile.id));
        self.profiles.insert(profile.id, profile);
        self.wake_news(|_| true);
    }

    /// The profiles of a Mac's key.
    pub fn profiles_of(&self, device: &Device) -> impl Iterator<Item = &ConfigurationProfile> {
        let group = self.group_of(device).map(|group| group.id);
        let license = self.pool_of(device.id).filter(|pool| pool.group.is_none()).map(|pool| pool.license);
        self.profiles.values().filter(move |profile| {
            group.is_some_and(|group| profile.keys.groups.contains(&group))
                || license.is_some_and(|license| profile.keys.licenses.contains(&license))
        })
    }
}
