//! Golden images: what an administrator writes of them, and what devices are assigned.
//!
//! In go names, addresses and digests as an administrator gave them; out come [`Image`]s without a mistake in them, and for
//! each device those that its policy carries and that are aimed at its group, in their order.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use super::device::Device;
use super::edit::{EditError, without};
use super::policy::{Mistake, Policy, text_mistakes};
use super::{Model, RecordName};
use crate::domain::digest::Digest;
use crate::domain::host::Arch;
use crate::domain::ids::{GroupId, ImageId};
use crate::wire::assignment::{GoldenImage, ImageFile, ImageFiles};
use crate::wire::limits::LARGEST_INTEGER;

/// A golden image of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its file for each processor.
    #[serde(default)]
    pub files: BTreeMap<Arch, Source>,
    /// The groups that it is aimed at; none are all that have a policy which carries it.
    #[serde(default)]
    pub groups: Vec<GroupId>,
}

/// The file of a golden image for one processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whether it is offered.
    pub enabled: bool,
    /// Where it is.
    pub url: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its size in bytes when unpacked.
    pub unpacked_size: u64,
}

/// What an administrator writes of a golden image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageDraft {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its file for each processor.
    #[serde(default)]
    pub files: BTreeMap<Arch, Source>,
    /// The groups that it is aimed at.
    #[serde(default)]
    pub groups: Vec<GroupId>,
}

impl ImageDraft {
    /// All that is wrong with it.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = text_mistakes("name", &self.name, true);
        mistakes.extend(text_mistakes("description", &self.description, false));
        for (arch, file) in &self.files {
            let at = |member| format!("/files/{}/{member}", arch.name());
            let names_nobody = |url: &Url| url.username().is_empty() && url.password().is_none();
            let is_web = Url::parse(&file.url).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.host().is_some() && names_nobody(&url)
            });
            if !is_web || file.url.len() > 2_000 {
                let rule = "has to be a web address without a user name, of 2000 bytes at the most";
                mistakes.push(Mistake::at(at("url"), rule));
            }
            for (member, size) in [("size", file.size), ("unpacked_size", file.unpacked_size)] {
                if size == 0 || size > LARGEST_INTEGER {
                    mistakes.push(Mistake::at(at(member), "has to be a number of bytes"));
                }
            }
        }
        mistakes
    }
}

impl Image {
    /// The image as devices see it; none where nothing of it is enabled.
    #[must_use]
    pub fn assigned(&self) -> Option<GoldenImage> {
        let file = |arch| {
            let source = self.files.get(&arch).filter(|source| source.enabled)?;
            Some(ImageFile {
                url: source.url.clone(),
                sha256: source.sha256,
                size: source.size,
                unpacked_size: source.unpacked_size,
            })
        };
        let images = ImageFiles { arm64: file(Arch::Arm64), x86_64: file(Arch::X86) };
        let any = images.arm64.is_some() || images.x86_64.is_some();
        any.then(|| GoldenImage {
            id: self.id,
            name: self.name.clone(),
            description: self.description.clone(),
            images,
        })
    }

    fn is_aimed_at(&self, group: Option<GroupId>) -> bool {
        self.groups.is_empty() || group.is_some_and(|group| self.groups.contains(&group))
    }
}

impl Model {
    /// The golden images of a policy for the members of a group, in their order: one, unless the policy carries several.
    #[must_use]
    pub fn images_of(&self, policy: &Policy, group: Option<GroupId>) -> Vec<GoldenImage> {
        let images = policy.golden_images.iter().filter_map(|id| self.image(*id));
        let aimed = images.filter(|image| image.is_aimed_at(group)).filter_map(Image::assigned);
        aimed.take(if policy.several_images { usize::MAX } else { 1 }).collect()
    }

    /// The golden images that a device is to be assigned.
    #[must_use]
    pub fn images_for(&self, device: &Device) -> Vec<GoldenImage> {
        let group = self.group_of(device).map(|group| group.id);
        self.policy_of(device).map(|policy| self.images_of(policy, group)).unwrap_or_default()
    }

    /// A golden image.
    #[must_use]
    pub fn image(&self, id: ImageId) -> Option<&Image> {
        self.organization.images.iter().find(|image| image.id == id)
    }

    /// Makes a golden image, or writes it anew.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn put_image(&mut self, id: Option<ImageId>, draft: ImageDraft) -> Result<Image, EditError> {
        let mut mistakes = draft.mistakes();
        for (place, group) in draft.groups.iter().enumerate() {
            if !self.groups.contains_key(group) {
                mistakes.push(Mistake::at(format!("/groups/{place}"), "is no group"));
            }
        }
        without(mistakes)?;
        let ImageDraft { name, description, files, groups } = draft;
        let image = Image { id: id.unwrap_or_else(ImageId::random), name, description, files, groups };
        let place = self.organization.images.iter().position(|each| Some(each.id) == id);
        match (id, place.and_then(|place| self.organization.images.get_mut(place))) {
            (Some(_), Some(former)) => *former = image.clone(),
            (Some(_), None) => return Err(EditError::Missing("golden image")),
            (None, _) => self.organization.images.push(image.clone()),
        }
        self.touch(RecordName::Organization);
        self.wake_news(|_| true);
        Ok(image)
    }

    /// Forgets a golden image that no policy carries.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn delete_image(&mut self, id: ImageId) -> Result<(), EditError> {
        if self.policies.values().any(|policy| policy.golden_images.contains(&id)) {
            return Err(EditError::InUse("a policy carries the golden image"));
        }
        let images = &mut self.organization.images;
        let place = images.iter().position(|image| image.id == id);
        images.remove(place.ok_or(EditError::Missing("golden image"))?);
        self.touch(RecordName::Organization);
        Ok(())
    }

    /// What is wrong with the golden images of a policy.
    #[must_use]
    pub fn image_mistakes(&self, images: &[ImageId], several: bool) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, id) in images.iter().enumerate() {
            let at = format!("/golden_images/{place}");
            if self.image(*id).is_none() {
                mistakes.push(Mistake::at(at, "is no golden image"));
            } else if !seen.insert(id) {
                mistakes.push(Mistake::at(at, "stands there twice"));
            }
        }
        if images.len() > 1 && !several {
            mistakes.push(Mistake::at(
                "/golden_images".to_owned(),
                "a policy carries one golden image; set several_images to let it carry more",
            ));
        }
        mistakes
    }
}
