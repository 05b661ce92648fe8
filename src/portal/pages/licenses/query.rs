//! Which licenses are shown, and in which order. Pure.

use std::cmp::Ordering;

use crate::portal::pages::browse::{Browse, Column, Needle, Params, Word, natural};
use crate::portal::pages::filter::words;
use crate::portal::pages::licensing::fullness;
use crate::portal::pages::query::Query;
use crate::portal::rows::{LicenseNote, LicenseRow, LicenseStanding, Licensing};
use crate::wire::lease::Product;

words! {
    /// What to sort licenses by.
    LicenseColumn {
        /// The product and its edition, then the name.
        License = "license", "License",
        /// How it stands: those in use first.
        Standing = "standing", "State",
        /// What takes its seats.
        Licensing = "licensing", "Licensing",
        /// How much of it is taken.
        Seats = "seats", "Seats used",
        /// Into how many groups it is divided.
        Groups = "groups", "Groups",
        /// When it ends.
        Ends = "ends", "Ends",
    }
}

impl Column for LicenseColumn {
    const FIRST: Self = Self::Standing;

    fn descends(self) -> bool {
        matches!(self, Self::Seats | Self::Groups)
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LicenseQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<LicenseColumn>,
    /// The edition.
    pub(super) product: Option<Product>,
    /// How it stands.
    pub(super) standing: Option<LicenseStanding>,
    /// What takes its seats.
    pub(super) licensing: Option<Licensing>,
}

impl Query for LicenseQuery {
    type Row = LicenseRow;
    type By = LicenseColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self {
            browse: Browse::read(params),
            product: Product::read(params.get("edition")),
            standing: LicenseStanding::read(params.get("state")),
            licensing: Licensing::read(params.get("licensing")),
        }
    }

    fn browse(&self) -> &Browse<LicenseColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<LicenseColumn>) -> Self {
        Self { browse, ..self.clone() }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("edition", self.product.map(|product| product.word().to_owned())),
            ("state", self.standing.map(|standing| standing.word().to_owned())),
            ("licensing", self.licensing.map(|licensing| licensing.word().to_owned())),
        ]
    }

    fn admits(&self, row: &LicenseRow, needle: &Needle) -> bool {
        self.product.is_none_or(|product| product == row.product)
            && self.standing.is_none_or(|standing| standing == row.standing)
            && self.licensing.is_none_or(|licensing| licensing == row.licensing)
            && found(row, needle)
    }

    fn order(&self, left: &LicenseRow, right: &LicenseRow) -> Ordering {
        let product = |row: &LicenseRow| Product::ALL.iter().position(|product| *product == row.product);
        let taken = |row: &LicenseRow| (fullness(row.seats.used(), row.seats.limit), row.seats.used());
        let by_column = match self.browse.sort {
            LicenseColumn::License => {
                product(left).cmp(&product(right)).then_with(|| natural(&left.name, &right.name))
            }
            LicenseColumn::Standing => left.standing.cmp(&right.standing),
            LicenseColumn::Licensing => left.licensing.cmp(&right.licensing),
            LicenseColumn::Seats => taken(left).cmp(&taken(right)),
            LicenseColumn::Groups => left.groups.cmp(&right.groups),
            // What has no end ends last.
            LicenseColumn::Ends => (left.ends.is_none(), left.ends).cmp(&(right.ends.is_none(), right.ends)),
        };
        self.browse.order(by_column, || {
            (product(left).cmp(&product(right)))
                .then_with(|| natural(&left.name, &right.name))
                .then_with(|| natural(&left.id, &right.id))
        })
    }
}

/// Whether the row holds what is searched for: in its name, its words, its masked key, its id and those in its notes.
fn found(row: &LicenseRow, needle: &Needle) -> bool {
    let key = row.key.as_ref().map(ToString::to_string);
    let others = row.notes.iter().filter_map(|note| match note {
        LicenseNote::ReplacedBy(id) | LicenseNote::Replaces(id) => Some(id.as_str()),
        LicenseNote::MayBecomePermanent
        | LicenseNote::PerUserBusiness
        | LicenseNote::PoliciesUnassigned(_) => None,
    });
    let texts = [row.product.title(), row.standing.title(), row.licensing.title(), row.id.as_str()]
        .into_iter()
        .chain([row.name.as_str()])
        .chain(key.as_deref())
        .chain(others);
    needle.finds(texts)
}

#[cfg(test)]
mod tests;
