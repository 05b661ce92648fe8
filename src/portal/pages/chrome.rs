//! What surrounds every page: its head, the navigation, the assets.

use super::{devices, virtual_machines};

/// A page of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// The monitoring tab.
    VirtualMachines,
    /// The Macs.
    Devices,
}

impl Tab {
    /// All of them in their order.
    pub(super) const ALL: [Self; 2] = [Self::VirtualMachines, Self::Devices];

    /// The page's name.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::VirtualMachines => "Virtual Machines",
            Self::Devices => "Devices",
        }
    }

    /// The page's address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::VirtualMachines => virtual_machines::PATH,
            Self::Devices => devices::PATH,
        }
    }

    /// The page's sign.
    pub(super) const fn icon(self) -> &'static str {
        match self {
            Self::VirtualMachines => "guest",
            Self::Devices => "mac",
        }
    }
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub(super) struct Chrome {
    /// The organization's name.
    pub(super) organization: String,
    /// The page that is shown; none where a person is not signed in.
    pub(super) tab: Option<Tab>,
    /// The change counter that the page's rows stand for.
    pub(super) version: u64,
}
