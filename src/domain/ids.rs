//! Ids, one type a kind, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

macro_rules! uuid_id {
    ($(#[doc = $doc:literal] $name:ident),+ $(,)?) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id of this UUID.
            #[must_use]
            pub const fn of(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the id.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            /// Lower case, without braces.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Takes either case, with or without braces, as Parallels' tools write it.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text.trim()).map(Self).map_err(|_| NotAnId)
            }
        }
    )+};
}

uuid_id! {
    /// A virtual machine, as `prlctl list` names it.
    VmId,
    /// A Mac, as the portal knows it.
    DeviceId,
    /// One attempt to enroll.
    EnrollmentId,
    /// The organization, `iss` of all that its portal signs.
    OrganizationId,
    /// A user group of the portal.
    GroupId,
    /// A policy of the portal.
    PolicyId,
    /// A license-bound configuration profile of the portal.
    ProfileId,
    /// A person in the directory of the portal.
    UserId,
    /// A license of the organization, as the portal knows it.
    LicenseId,
    /// A golden image of the portal.
    ImageId,
    /// A command of the portal.
    CommandId,
    /// One request; version 7 when the agent makes it.
    RequestId,
}

impl RequestId {
    /// A new id for a request at this time.
    #[must_use]
    pub fn next() -> Self {
        Self(Uuid::now_v7())
    }
}

/// A user id of the Mac.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub u32);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
