//! What a setting is set on: the application, a macOS user, or a virtual machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ids::{NotAnId, Uid, VmId};

/// The object of a setting, written `app`, `user:<uid>` or the UUID of a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Parallels Desktop on this Mac.
    App,
    /// A macOS user.
    User(Uid),
    /// A virtual machine.
    Vm(VmId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App => f.write_str("app"),
            Self::User(uid) => write!(f, "user:{uid}"),
            Self::Vm(vm) => vm.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.strip_prefix("user:") {
            _ if text == "app" => Ok(Self::App),
            Some(uid) => uid.parse().map(|uid| Self::User(Uid(uid))).map_err(|_| NotAnId),
            None => text.parse().map(Self::Vm),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
