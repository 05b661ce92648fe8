//! What a Mac is: the claims that travel with an enrollment and a check-in.

use serde::{Deserialize, Serialize};

/// The processor of a Mac, as the portal's images name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// Apple silicon.
    Arm64,
    /// Intel.
    #[serde(rename = "x86_64")]
    X86,
}

impl Arch {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// The hardware that an agent claims to run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// `IOPlatformSerialNumber`.
    pub serial: String,
    /// `IOPlatformUUID`; it changes with the logic board.
    pub platform_uuid: String,
    /// The model identifier, such as `Mac15,3`.
    pub model: String,
    /// The processor.
    pub arch: Arch,
}

/// What the agent knows of its Mac.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The hardware.
    pub hardware: Hardware,
    /// The host name, `sysctl -n kern.hostname`.
    pub hostname: String,
    /// `ProductVersion` of `SystemVersion.plist`.
    pub os_version: String,
}
