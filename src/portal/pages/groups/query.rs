//! Which user groups are shown, and in which order: those of primary keys go first in every one. Pure.

use std::cmp::Ordering;

use crate::portal::pages::browse::{Browse, Column, Needle, Params, Word, natural};
use crate::portal::pages::filter::words;
use crate::portal::pages::licensing::fullness;
use crate::portal::pages::query::{Query, one};
use crate::portal::rows::{GroupRow, SeatMode};

words! {
    /// What to sort groups by.
    GroupColumn {
        /// The name.
        Group = "group", "Group",
        /// How much of its seats is taken.
        Seats = "seats", "Seats used",
        /// How its seats are allocated.
        Mode = "mode", "Allocation",
        /// The golden image.
        Image = "image", "Golden image",
        /// The policy.
        Policy = "policy", "Policy",
        /// The groups of the identity provider.
        Mapped = "mapped", "IdP groups",
    }
}

impl Column for GroupColumn {
    const FIRST: Self = Self::Group;

    fn descends(self) -> bool {
        matches!(self, Self::Seats)
    }
}

words! {
    /// What an administrator looks for among groups.
    StandingFilter {
        /// People whom no mapping puts into a group draw from it.
        Unmapped = "unmapped", "Unmapped users",
        /// It has no seat left.
        Full = "full", "No seat left",
        /// It has no policy.
        NoPolicy = "no-policy", "No policy",
        /// It has no golden image.
        NoImage = "no-image", "No golden image",
        /// No group of the identity provider is mapped to it.
        NotMapped = "not-mapped", "No IdP group",
    }
}

impl StandingFilter {
    /// Whether a group stands so.
    pub(super) fn admits(self, row: &GroupRow) -> bool {
        match self {
            Self::Unmapped => row.unmapped.users > 0,
            Self::Full => row.seats.limit.is_some_and(|limit| row.seats.used >= limit),
            Self::NoPolicy => row.policy.is_none(),
            Self::NoImage => row.image.is_none(),
            Self::NotMapped => row.idp_groups.is_empty(),
        }
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<GroupColumn>,
    /// How it stands.
    pub(super) standing: Option<StandingFilter>,
    /// How its seats are allocated.
    pub(super) mode: Option<SeatMode>,
    /// One license, by its id; empty for all.
    pub(super) license: String,
}

impl Query for GroupQuery {
    type Row = GroupRow;
    type By = GroupColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self {
            browse: Browse::read(params),
            standing: StandingFilter::read(params.get("standing")),
            mode: SeatMode::read(params.get("mode")),
            license: params.get("license").to_owned(),
        }
    }

    fn browse(&self) -> &Browse<GroupColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<GroupColumn>) -> Self {
        Self { browse, ..self.clone() }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("standing", self.standing.map(|standing| standing.word().to_owned())),
            ("mode", self.mode.map(|mode| mode.word().to_owned())),
            ("license", one(&self.license)),
        ]
    }

    fn admits(&self, row: &GroupRow, needle: &Needle) -> bool {
        self.standing.is_none_or(|standing| standing.admits(row))
            && self.mode.is_none_or(|mode| mode == row.seats.mode)
            && (self.license.is_empty() || row.license == self.license)
            && found(row, needle)
    }

    fn order(&self, left: &GroupRow, right: &GroupRow) -> Ordering {
        let taken =
            |row: &GroupRow| (row.seats.limit.map(|limit| fullness(row.seats.used, limit)), row.seats.used);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let policy = |row: &GroupRow| row.policy.as_ref().map(|policy| policy.name.clone());
        let by_column = match self.browse.sort {
            GroupColumn::Group => natural(&left.name, &right.name),
            GroupColumn::Seats => taken(left).cmp(&taken(right)),
            GroupColumn::Mode => left.seats.mode.cmp(&right.seats.mode),
            GroupColumn::Image => natural(&text(&left.image), &text(&right.image)),
            GroupColumn::Policy => natural(&text(&policy(left)), &text(&policy(right))),
            GroupColumn::Mapped => natural(&left.idp_groups.join(" "), &right.idp_groups.join(" ")),
        };
        let by_key = right.is_primary().cmp(&left.is_primary());
        by_key.then_with(|| {
            self.browse.order(by_column, || {
                natural(&left.name, &right.name)
                    .then_with(|| (left.id, &left.license).cmp(&(right.id, &right.license)))
            })
        })
    }
}

/// Whether the row holds what is searched for: in its names, its masked key, its mapped groups, its unmapped people.
fn found(row: &GroupRow, needle: &Needle) -> bool {
    let key = row.key.as_ref().map(ToString::to_string);
    let texts = [row.name.as_str(), row.license.as_str(), row.product.title(), row.seats.mode.title()]
        .into_iter()
        .chain(row.is_primary().then_some("Primary key"))
        .chain(key.as_deref())
        .chain(row.image.as_deref())
        .chain(row.policy.as_ref().map(|policy| policy.name.as_str()))
        .chain(row.idp_groups.iter().map(String::as_str))
        .chain(row.unmapped.names.iter().map(String::as_str));
    needle.finds(texts)
}

#[cfg(test)]
mod tests;
