//! Golden images as the pages show them.

use crate::domain::host::Arch;
use crate::domain::ids::ImageId;

/// A golden image of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRow {
    /// Its id in the portal.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its files.
    pub files: Vec<ImageFileRow>,
    /// The names of the policies that carry it.
    pub policies: Vec<String>,
    /// The names of the groups whose Macs are offered it.
    pub groups: Vec<String>,
    /// Some policy carries it among several.
    pub several: bool,
}

/// The file of a golden image for one processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFileRow {
    /// The processor.
    pub arch: Arch,
    /// Whether it is offered.
    pub enabled: bool,
    /// Where it is.
    pub url: String,
    /// Its digest.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its size in bytes when unpacked.
    pub unpacked_size: u64,
}

/// A golden image that is being installed on a Mac, or was lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallRow {
    /// Its name.
    pub name: String,
    /// The macOS user whom it is for.
    pub user: String,
    /// How far it is.
    pub stage: String,
    /// How much of it was fetched.
    pub percent: u8,
    /// The code of what it waits for, or why it failed.
    pub problem: Option<String>,
}
