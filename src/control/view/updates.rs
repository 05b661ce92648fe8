//! `meridian updates`, and its line in `meridian status`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::updates::decision::HeldBack;

/// What is decided of updates of Parallels Desktop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatesView {
    /// The installed version, where it is known.
    pub installed: Option<String>,
    /// The major version that is kept, where one is.
    pub kept_major: Option<u64>,
    /// The newest version that the feed offers and that is newer than the installed one, allowed or not.
    pub available: Option<String>,
    /// The newest that is allowed.
    pub allowed: Option<String>,
    /// Those that are held back, the newest first.
    pub held: Vec<HeldView>,
    /// What is installed against a setting, in words.
    pub passed: Vec<PassedView>,
    /// The feed that is read; `None` where no setting asks for one.
    pub feed: Option<FeedView>,
    /// The settings that are about updates and that a layer names.
    pub settings: Vec<UpdateSettingView>,
}

/// An update that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// Its version.
    pub version: String,
    /// Why.
    pub reason: HeldBack,
}

/// A setting that holds a version back which is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedView {
    /// The setting.
    pub key: String,
    /// What is against it, in words.
    pub detail: String,
}

/// The feed that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedView {
    /// Its address, without its query.
    pub address: String,
    /// It is a local update server's.
    pub local: bool,
    /// When it was last read, or found unchanged.
    pub read_at: Option<Timestamp>,
    /// When it is read next.
    pub next_at: Timestamp,
    /// Why it could not be read the last time.
    pub trouble: Option<String>,
    /// How many of its entries do not count.
    pub flaws: u32,
}

/// A setting that is about updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSettingView {
    /// Its key.
    pub key: String,
    /// The value that holds.
    pub value: Value,
    /// True where the users' preferences are set by it; false where it is decided by and reported alone.
    pub enforced: bool,
}
