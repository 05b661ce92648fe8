//! Which virtual machines are shown, and in which order. Pure.

use std::cmp::Ordering;

use crate::domain::vm::{GuestKind, VmState};
use crate::portal::pages::browse::{Browse, Column, Needle, Params, Word, natural};
use crate::portal::pages::filter::{GroupFilter, words};
use crate::portal::pages::query::{Query, one};
use crate::portal::rows::VmRow;

words! {
    /// What to sort virtual machines by.
    VmColumn {
        /// The name.
        Name = "name", "Virtual machine",
        /// The guest system.
        Guest = "guest", "Guest OS",
        /// The state.
        State = "state", "State",
        /// The Mac's host name.
        Mac = "mac", "Mac",
        /// The macOS user.
        User = "user", "User",
        /// The user group.
        Group = "group", "Group",
        /// Corporate or not.
        Origin = "origin", "Origin",
        /// When the Mac last checked in.
        Seen = "seen", "Last seen",
    }
}

impl Column for VmColumn {
    const FIRST: Self = Self::Name;

    fn descends(self) -> bool {
        self == Self::Seen
    }
}

words! {
    /// The states, as far as a filter tells them apart.
    StateFilter {
        /// On.
        Running = "running", "Running",
        /// Suspended or paused.
        Suspended = "suspended", "Suspended or paused",
        /// Off.
        Stopped = "stopped", "Stopped",
        /// On its way to another state.
        Changing = "changing", "Changing",
        /// Broken, or in a state that the portal does not know.
        Other = "other", "Invalid or unknown",
    }
}

impl StateFilter {
    /// The kind of a state.
    pub(super) fn of(state: &VmState) -> Self {
        match state {
            VmState::Running => Self::Running,
            VmState::Suspended | VmState::Paused => Self::Suspended,
            VmState::Stopped | VmState::Mounted => Self::Stopped,
            VmState::Invalid | VmState::Unknown(_) => Self::Other,
            _ => Self::Changing,
        }
    }
}

words! {
    /// The families of guests.
    GuestFilter {
        /// Any Windows.
        Windows = "windows", "Windows",
        /// Any macOS.
        Macos = "macos", "macOS",
        /// Any Linux.
        Linux = "linux", "Linux",
        /// Anything else.
        Other = "other", "Other",
    }
}

impl GuestFilter {
    /// The family of a guest.
    pub(super) fn of(os: &str) -> Self {
        match GuestKind::of(os) {
            GuestKind::Windows => Self::Windows,
            GuestKind::Macos => Self::Macos,
            GuestKind::Linux => Self::Linux,
            GuestKind::Other => Self::Other,
        }
    }
}

words! {
    /// Where a virtual machine comes from.
    OriginFilter {
        /// From the organization's golden image.
        Corporate = "corporate", "Corporate",
        /// From anywhere else.
        Personal = "personal", "Personal",
        /// Whatever violates the policy.
        Violating = "violating", "Violating policy",
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VmQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<VmColumn>,
    /// The state.
    pub(super) state: Option<StateFilter>,
    /// The family of the guest.
    pub(super) guest: Option<GuestFilter>,
    /// The user group.
    pub(super) group: Option<GroupFilter>,
    /// Corporate or not.
    pub(super) origin: Option<OriginFilter>,
    /// One Mac, by its id in the portal; empty for all.
    pub(super) device: String,
}

impl Query for VmQuery {
    type Row = VmRow;
    type By = VmColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self {
            browse: Browse::read(params),
            state: StateFilter::read(params.get("state")),
            guest: GuestFilter::read(params.get("guest")),
            group: GroupFilter::read(params.get("group")),
            origin: OriginFilter::read(params.get("origin")),
            device: params.get("device").to_owned(),
        }
    }

    fn browse(&self) -> &Browse<VmColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<VmColumn>) -> Self {
        Self { browse, ..self.clone() }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("state", self.state.map(|state| state.word().to_owned())),
            ("guest", self.guest.map(|guest| guest.word().to_owned())),
            ("group", self.group.as_ref().map(GroupFilter::write)),
            ("origin", self.origin.map(|origin| origin.word().to_owned())),
            ("device", one(&self.device)),
        ]
    }

    fn admits(&self, row: &VmRow, needle: &Needle) -> bool {
        self.state.is_none_or(|state| StateFilter::of(&VmState::from(row.state.as_str())) == state)
            && self.guest.is_none_or(|guest| GuestFilter::of(&row.guest.os) == guest)
            && self.group.as_ref().is_none_or(|group| group.admits(row.place.group.as_deref()))
            && self.origin.is_none_or(|origin| match origin {
                OriginFilter::Corporate => row.origin.corporate,
                OriginFilter::Personal => !row.origin.corporate,
                OriginFilter::Violating => !row.violations.is_empty(),
            })
            && (self.device.is_empty() || row.device.to_string() == self.device)
            && found(row, needle)
    }

    fn order(&self, left: &VmRow, right: &VmRow) -> Ordering {
        let state = |row: &VmRow| StateFilter::of(&VmState::from(row.state.as_str()));
        let rank = |row: &VmRow| StateFilter::ALL.iter().position(|kind| *kind == state(row));
        let by_column = match self.browse.sort {
            VmColumn::Name => natural(&left.name, &right.name),
            VmColumn::Guest => natural(&left.guest.os, &right.guest.os),
            VmColumn::State => rank(left).cmp(&rank(right)).then_with(|| left.state.cmp(&right.state)),
            VmColumn::Mac => natural(&left.place.mac, &right.place.mac),
            VmColumn::User => natural(&left.place.users.join(" "), &right.place.users.join(" ")),
            VmColumn::Group => natural(
                left.place.group.as_deref().unwrap_or_default(),
                right.place.group.as_deref().unwrap_or_default(),
            ),
            VmColumn::Origin => right.origin.corporate.cmp(&left.origin.corporate),
            VmColumn::Seen => left.last_seen.cmp(&right.last_seen),
        };
        self.browse.order(by_column, || {
            natural(&left.name, &right.name)
                .then_with(|| (left.id, left.device).cmp(&(right.id, right.device)))
        })
    }
}

/// Whether the row holds what is searched for: in its texts, its addresses, its id.
fn found(row: &VmRow, needle: &Needle) -> bool {
    let id = row.id.to_string();
    let texts = [row.name.as_str(), &row.state, &row.guest.os, &row.place.mac, &id]
        .into_iter()
        .chain([super::guest_name(&row.guest.os), super::state_name(&VmState::from(row.state.as_str()))])
        .chain(row.place.group.as_deref())
        .chain(row.origin.image.as_deref())
        .chain(row.place.users.iter().map(String::as_str))
        .chain(row.guest.addresses.iter().map(String::as_str))
        .chain(row.guest.networks.iter().map(|network| network.mac.as_str()))
        .chain(row.violations.iter().map(String::as_str));
    needle.finds(texts)
}

#[cfg(test)]
mod tests;
