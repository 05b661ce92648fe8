//! What surrounds every page: its head, the navigation, the assets.

use super::{devices, groups, images, licenses, virtual_machines};

/// A page of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// The monitoring tab.
    VirtualMachines,
    /// The Macs.
    Devices,
    /// The golden images.
    Images,
    /// The licenses.
    Licenses,
    /// The keys of licenses, and what is assigned to each.
    Groups,
}

impl Tab {
    /// All of them in their order.
    pub(super) const ALL: [Self; 5] =
        [Self::VirtualMachines, Self::Devices, Self::Images, Self::Licenses, Self::Groups];

    /// The page's name.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::VirtualMachines => "Virtual Machines",
            Self::Devices => "Devices",
            Self::Images => "Golden Images",
            Self::Licenses => "Licenses",
            Self::Groups => "User Groups",
        }
    }

    /// The page's address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::VirtualMachines => virtual_machines::PATH,
            Self::Devices => devices::PATH,
            Self::Images => images::PATH,
            Self::Licenses => licenses::PATH,
            Self::Groups => groups::PATH,
        }
    }

    /// The page's sign.
    pub(super) const fn icon(self) -> &'static str {
        match self {
            Self::VirtualMachines => "guest",
            Self::Devices => "mac",
            Self::Images => "corporate",
            Self::Licenses => "key",
            Self::Groups => "people",
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
