//! `meridian images`: what is offered, to whom, why not, and what is being installed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::auth::Viewer;
use crate::domain::digest::Digest;
use crate::domain::ids::{ImageId, Uid, VmId};

/// The golden images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesView {
    /// Those that are assigned, in their order.
    pub images: Vec<ImageView>,
    /// The cap on bandwidth, in bytes a second.
    pub bytes_per_s: Option<u64>,
    /// What is being installed, or ended lately.
    pub installs: Vec<InstallView>,
    /// The virtual machines that were made from golden images.
    #[serde(default)]
    pub machines: Vec<MachineView>,
}

/// Where a corporate virtual machine comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineView {
    /// The virtual machine.
    pub vm: VmId,
    /// Its name, once it was listed: any text at all.
    pub name: Option<String>,
    /// For whom it was installed.
    pub uid: Uid,
    /// Their short name, while they are known.
    #[serde(default)]
    pub user: Option<String>,
    /// The image.
    pub image: ImageId,
    /// What the image was called then: any text at all.
    #[serde(default)]
    pub image_name: Option<String>,
    /// The digest of the image's file.
    pub sha256: Digest,
    /// Since when it is there.
    pub at: Timestamp,
}

/// A golden image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// Its id; none where a profile names its address alone.
    pub id: Option<ImageId>,
    /// Its name: any text at all.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its size in bytes, where there is a file for this Mac.
    pub size: Option<u64>,
    /// Its size in bytes when unpacked.
    pub unpacked_size: Option<u64>,
    /// Why it is of no use on this Mac, whoever asks.
    pub why_not: Option<String>,
    /// To whom it is offered.
    pub users: Vec<ImageUserView>,
}

/// The answer to one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUserView {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub user: String,
    /// It is offered.
    pub offered: bool,
    /// Why it is not.
    pub why_not: Option<String>,
}

/// An installation for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallView {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub user: String,
    /// The image.
    pub image: ImageId,
    /// Its name: any text at all.
    pub name: String,
    /// `waiting`, `downloading`, `copying`, `registering`, `unpacking`, `installed` or `failed`.
    pub stage: String,
    /// Nothing is left to do.
    pub over: bool,
    /// How many bytes of it are here.
    pub bytes: u64,
    /// How many there are.
    pub size: u64,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When it is tried again, or begins where the portal spread it.
    pub waits_until: Option<Timestamp>,
    /// The code of what it waits for, or of why it failed.
    pub problem: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// The virtual machine, once there is one.
    pub vm: Option<VmId>,
}

impl ImagesView {
    /// The part that is for this viewer.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        for image in &mut self.images {
            image.users.retain(|user| viewer.sees_any([user.uid].into_iter()));
        }
        self.installs.retain(|install| viewer.sees_any([install.uid].into_iter()));
        self.machines.retain(|machine| viewer.sees_any([machine.uid].into_iter()));
        self
    }
}

impl InstallView {
    /// How much of it is here, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let percent = u128::from(self.bytes) * 100 / u128::from(self.size.max(1));
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}
