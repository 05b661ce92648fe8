//! Policies and user groups: what an administrator writes.
//!
//! In go names and values as an administrator gave them; out come a [`Policy`] whose every item the catalog admits, or
//! all that is wrong with it, by JSON pointer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::licenses::key::GivenKey;
use super::licenses::license::Sublicense;
use super::licenses::seats::Seats;
use crate::catalog::{Key, LayerKind};
use crate::domain::ids::{GroupId, ImageId, LicenseId, PolicyId};
use crate::sources::layer::Fault;
use crate::wire::assignment::{self, ImageDelivery};

/// The longest name, description or masked key, in bytes.
const LONGEST_TEXT: usize = 1_000;

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The policy.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How often it was changed, beginning with 1.
    pub revision: u64,
    /// Values by settings key.
    pub settings: Map<String, Value>,
    /// The golden images that it carries, in their order.
    #[serde(default)]
    pub golden_images: Vec<ImageId>,
    /// Whether a Mac is offered more than the first of them that is aimed at its group.
    #[serde(default)]
    pub several_images: bool,
    /// How they are fetched.
    #[serde(default)]
    pub image_delivery: Option<ImageDelivery>,
}

impl Policy {
    /// The policy as devices see it.
    #[must_use]
    pub fn assigned(&self) -> assignment::Policy {
        assignment::Policy {
            id: self.id,
            name: self.name.clone(),
            revision: self.revision,
            settings: self.settings.clone(),
        }
    }
}

/// A user group. It has one policy at a time, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Its license key, masked.
    pub key: Option<String>,
    /// Its policy.
    pub policy: Option<PolicyId>,
    /// The sublicense whose key it is; none for a group that is only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sublicense: Option<Sublicense>,
}

impl Group {
    /// The group as devices see it.
    #[must_use]
    pub fn assigned(&self) -> assignment::Group {
        assignment::Group { id: self.id, name: self.name.clone(), key: self.key.clone() }
    }
}

/// What an administrator writes of a policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDraft {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Values by settings key.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The golden images that it carries, in their order; one, unless several are allowed.
    #[serde(default)]
    pub golden_images: Vec<ImageId>,
    /// Whether it may carry several golden images.
    #[serde(default)]
    pub several_images: bool,
    /// How they are fetched: a cap on bandwidth and the time over which a group's Macs spread.
    #[serde(default)]
    pub image_delivery: Option<ImageDelivery>,
}

/// What an administrator writes of a group.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDraft {
    /// Its name.
    pub name: String,
    /// Its license key; masked before it is kept. A sublicense keeps the one it has where none is given.
    #[serde(default)]
    pub key: Option<GivenKey>,
    /// The license whose sublicense it is; a group that has one keeps it.
    #[serde(default)]
    pub license: Option<LicenseId>,
    /// The sublicense's seats; those it has where none are given.
    #[serde(default)]
    pub seats: Option<Seats>,
    /// The identity provider's groups that are mapped to the sublicense; those it has where none are given.
    #[serde(default)]
    pub idp_groups: Option<Vec<String>>,
}

/// One thing that is wrong with what an administrator wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What, for a person.
    pub detail: String,
}

impl Mistake {
    pub(super) fn at(pointer: String, detail: impl ToString) -> Self {
        Self { pointer, detail: detail.to_string() }
    }
}

impl PolicyDraft {
    /// All that is wrong with it.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = text_mistakes("name", &self.name, true);
        mistakes.extend(text_mistakes("description", &self.description, false));
        mistakes.extend(settings_mistakes(&self.settings, LayerKind::Policy));
        mistakes
    }
}

impl GroupDraft {
    /// All that is wrong with it.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = text_mistakes("name", &self.name, true);
        mistakes.extend(self.key.iter().flat_map(|key| text_mistakes("key", key.expose(), true)));
        mistakes
    }

    /// The key with its middle parts hidden, as Parallels shows keys: `6J9A5T-******-…-RN17ZA`.
    #[must_use]
    pub fn masked_key(&self) -> Option<String> {
        let key = self.key.as_ref()?.expose();
        let parts: Vec<_> = key.split('-').collect();
        let hidden = |(index, part): (usize, &&str)| {
            let shown = parts.len() > 1 && (index == 0 || index + 1 == parts.len());
            if shown { (*part).to_owned() } else { "*".repeat(part.chars().count()) }
        };
        Some(parts.iter().enumerate().map(hidden).collect::<Vec<_>>().join("-"))
    }
}

/// What is wrong with the `settings` of a layer of this kind.
pub(super) fn settings_mistakes(settings: &Map<String, Value>, layer: LayerKind) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (name, given) in settings {
        let at = || format!("/settings/{}", pointer_word(name));
        match Key::named(name).map(Key::setting) {
            None => mistakes.push(Mistake::at(at(), Fault::Unknown)),
            Some(setting) if !setting.admits(layer) => {
                mistakes.push(Mistake::at(at(), Fault::misplaced(setting)));
            }
            Some(setting) => {
                mistakes.extend(setting.kind.read(given).err().map(|bad| Mistake::at(at(), bad)));
            }
        }
    }
    mistakes
}

/// What is wrong with a text at this member.
pub(super) fn text_mistakes(member: &str, text: &str, needed: bool) -> Vec<Mistake> {
    let pointer = format!("/{member}");
    if needed && text.trim().is_empty() {
        vec![Mistake::at(pointer, "may not be empty")]
    } else if text.len() > LONGEST_TEXT {
        vec![Mistake::at(pointer, format!("may not be longer than {LONGEST_TEXT} bytes"))]
    } else {
        Vec::new()
    }
}

/// A name as a reference token of a JSON pointer (RFC 6901).
#[must_use]
pub fn pointer_word(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(settings: Value) -> PolicyDraft {
        serde_json::from_value(json!({"name": "Sales", "settings": settings})).unwrap()
    }

    #[test]
    fn every_item_that_the_catalog_does_not_admit_is_named() {
        let pointers = |settings| {
            draft(settings).mistakes().into_iter().map(|mistake| mistake.pointer).collect::<Vec<_>>()
        };
        assert!(pointers(json!({})).is_empty());
        assert!(
            pointers(json!({"vms.corporate_only": true, "updates.feed_url": "https://example.com/x"}))
                .is_empty()
        );
        assert_eq!(
            pointers(json!({
                "vms.corporate_only": "yes",
                "image.arm64": "https://example.com/image",
                "no/such~key": 1,
                "vm.network": "shared"
            })),
            ["/settings/image.arm64", "/settings/no~1such~0key", "/settings/vms.corporate_only"]
        );
    }

    #[test]
    fn a_license_key_is_masked_before_it_is_kept() {
        for (key, masked) in [
            ("6J9A5T-AAAAAA-BBBBBB-RN17ZA", "6J9A5T-******-******-RN17ZA"),
            ("secret", "******"),
            ("a-b", "a-b"),
        ] {
            let draft = GroupDraft {
                name: "g".to_owned(),
                key: Some(GivenKey::new(key.to_owned())),
                ..GroupDraft::default()
            };
            assert_eq!(draft.masked_key().as_deref(), Some(masked));
        }
    }
}
