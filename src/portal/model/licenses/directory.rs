//! The directory: people, and the groups that their identity provider names.
//!
//! In go people as a provisioning service would write them; out come the key that each is mapped to, and who is mapped
//! to none. Such a person draws from the primary key, and is shown: Entra ID names only the groups that its claim is
//! told to name, and without them people land on the wrong key (facts: the guide's warning on dividing users).

use serde::{Deserialize, Serialize};

use super::license::{License, User, idp_mistakes};
use super::seats::{Pool, Seat};
use super::{Model, RecordName};
use crate::domain::ids::{DeviceId, UserId};
use crate::portal::model::EditError;
use crate::portal::model::edit::without;
use crate::portal::model::policy::text_mistakes;
use jiff::Timestamp;

/// A name as it is looked for.
pub(super) fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What is written of a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDraft {
    /// The groups that the identity provider names; null where its answer has no such claim.
    #[serde(default)]
    pub idp_groups: Option<Vec<String>>,
    /// Whether the person may sign in.
    #[serde(default = "yes")]
    pub active: bool,
}

const fn yes() -> bool {
    true
}

/// How a person comes to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// By one of their groups.
    Mapped,
    /// By none: they draw from the primary key.
    Unmapped,
    /// By none, and the identity provider named no group at all: its claim is missing.
    NoClaim,
    /// Groups of theirs are mapped to several keys; the first by name counts.
    Ambiguous,
}

impl Model {
    /// Writes a person. One that may not sign in any more loses the seat at once, on every Mac; one that may again has it back
    /// as soon as their Macs have verified.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn put_user(&mut self, name: &str, draft: UserDraft) -> Result<User, EditError> {
        let name = normal(name);
        let mut mistakes = text_mistakes("name", &name, true);
        mistakes.extend(idp_mistakes(draft.idp_groups.as_deref().unwrap_or_default()));
        without(mistakes)?;
        let id = self.licensing.user(&name).map_or_else(UserId::random, |user| user.id);
        let user = User { id, name, idp_groups: draft.idp_groups, active: draft.active };
        self.licensing.restore_user(user.clone());
        self.touch(RecordName::User(id));
        if user.active {
            self.welcome(&user.name);
        } else {
            self.dismiss(&user.name);
        }
        Ok(user)
    }

    /// Forgets a person, whose seat is free at once.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_user(&mut self, name: &str) -> Result<(), EditError> {
        let user = self.licensing.user(name).cloned().ok_or(EditError::Missing("user"))?;
        self.licensing.users.remove(&user.id);
        self.licensing.names.remove(&user.name);
        self.touch(RecordName::User(user.id));
        self.dismiss(&user.name);
        Ok(())
    }

    fn dismiss(&mut self, name: &str) {
        let macs = self.macs_of(name);
        for mac in &macs {
            self.revoke_license(*mac);
        }
        self.wake_news(|device| macs.contains(&device));
    }

    fn welcome(&mut self, name: &str) {
        let lessees = self.licensing.lessees.values();
        let placed = lessees.filter_map(|lessee| Some((lessee.device, lessee.place.as_ref()?)));
        let theirs = |seat: &Seat| matches!(seat, Seat::User(user) if user == name);
        let macs: Vec<_> =
            placed.filter(|(_, place)| theirs(&place.seat)).map(|(device, _)| device).collect();
        for mac in &macs {
            self.reinstate(*mac);
        }
        self.wake_news(|device| macs.contains(&device));
    }

    /// The Macs that a person's seat serves.
    #[must_use]
    pub fn macs_of(&self, name: &str) -> Vec<DeviceId> {
        let held = self.licensing.lessees.values().filter_map(|lessee| Some((lessee.device, lessee.held()?)));
        let theirs = |seat: &Seat| matches!(seat, Seat::User(user) if user == name);
        held.filter(|(_, place)| theirs(&place.seat)).map(|(device, _)| device).collect()
    }

    /// Which key serves a person now, and how they come to it; none where no license takes users.
    #[must_use]
    pub fn mapping(&self, user: &User, now: Timestamp) -> Option<(Pool, Mapping)> {
        let pool = self.pool_of_user(user, now)?;
        let license = self.licensing.licenses.get(&pool.license)?;
        Some((pool, self.mapping_within(license, user)))
    }

    /// How a person comes to a key of this license.
    #[must_use]
    pub fn mapping_within(&self, license: &License, user: &User) -> Mapping {
        let Some(claims) = &user.idp_groups else { return Mapping::NoClaim };
        let serves = |mapped: &[String]| mapped.iter().any(|group| claims.contains(group));
        let keys = self.keys_of(license.id).filter_map(|group| group.sublicense.as_ref());
        let count = keys.filter(|key| serves(&key.idp_groups)).count()
            + usize::from(serves(&license.primary.idp_groups));
        match count {
            0 if claims.is_empty() => Mapping::NoClaim,
            0 => Mapping::Unmapped,
            1 => Mapping::Mapped,
            _ => Mapping::Ambiguous,
        }
    }
}
