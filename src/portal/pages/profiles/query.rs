//! Which license-bound profiles are shown, and in which order. Pure.

use std::cmp::Ordering;

use crate::portal::pages::browse::{Browse, Column, Needle, Params, natural};
use crate::portal::pages::filter::words;
use crate::portal::pages::query::Query;
use crate::portal::rows::ProfileRow;

words! {
    /// What to sort profiles by.
    ProfileColumn {
        /// The name.
        Profile = "profile", "Profile",
        /// Its payloads.
        Payloads = "payloads", "Payloads",
        /// The keys it is bound to.
        Keys = "keys", "Bound to",
        /// How many Macs have it.
        Macs = "macs", "Macs",
    }
}

impl Column for ProfileColumn {
    const FIRST: Self = Self::Profile;

    fn descends(self) -> bool {
        matches!(self, Self::Macs)
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProfileQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<ProfileColumn>,
}

impl Query for ProfileQuery {
    type Row = ProfileRow;
    type By = ProfileColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self { browse: Browse::read(params) }
    }

    fn browse(&self) -> &Browse<ProfileColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<ProfileColumn>) -> Self {
        Self { browse }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        Vec::new()
    }

    fn admits(&self, row: &ProfileRow, needle: &Needle) -> bool {
        found(row, needle)
    }

    fn order(&self, left: &ProfileRow, right: &ProfileRow) -> Ordering {
        let by_column = match self.browse.sort {
            ProfileColumn::Profile => natural(&left.name, &right.name),
            ProfileColumn::Payloads => left.payloads.cmp(&right.payloads),
            ProfileColumn::Keys => natural(&left.keys.join(" "), &right.keys.join(" ")),
            ProfileColumn::Macs => left.devices.cmp(&right.devices),
        };
        self.browse.order(by_column, || natural(&left.name, &right.name).then_with(|| left.id.cmp(&right.id)))
    }
}

/// Whether the row holds what is searched for: in its texts, its settings, its keys.
fn found(row: &ProfileRow, needle: &Needle) -> bool {
    let settings = row.settings.iter().flat_map(|setting| [setting.key.as_str(), setting.value.as_str()]);
    let texts = [row.name.as_str(), row.description.as_str()]
        .into_iter()
        .chain(row.payloads.iter().copied())
        .chain(row.keys.iter().map(String::as_str))
        .chain(settings);
    needle.finds(texts)
}
