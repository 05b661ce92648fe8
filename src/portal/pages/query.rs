//! What the address of a page says of its table, and the way from all rows to those that are shown: the same for every
//! table. Pure.

use std::cmp::Ordering;

use super::browse::{Browse, Column, Needle, Params, address};

/// What the address of a page says.
pub(super) trait Query: Clone {
    /// What a row stands for.
    type Row;

    /// What to sort by.
    type By: Column;

    /// The page's address without parameters.
    const PATH: &'static str;

    /// Reads an address.
    fn read(params: &Params) -> Self;

    /// Search, sorting, page and the opened row.
    fn browse(&self) -> &Browse<Self::By>;

    /// The same with another search, sorting, page or opened row.
    fn browsing(&self, browse: Browse<Self::By>) -> Self;

    /// The filters with what they are set to, as an address has it.
    fn filters(&self) -> Vec<(&'static str, Option<String>)>;

    /// Whether the filters and the search let a row pass.
    fn admits(&self, row: &Self::Row, needle: &Needle) -> bool;

    /// The order of two rows.
    fn order(&self, left: &Self::Row, right: &Self::Row) -> Ordering;

    /// Writes an address of the same look at the table.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        self.browse().write(&mut pairs);
        pairs.extend(self.filters().into_iter().filter_map(|(key, value)| Some((key, value?))));
        pairs
    }

    /// The address of the page, looked at so.
    fn at(&self, browse: Browse<Self::By>) -> String {
        address(Self::PATH, &self.browsing(browse).pairs())
    }

    /// Whether anything narrows the table.
    fn narrows(&self) -> bool {
        !self.browse().search.trim().is_empty() || self.filters().iter().any(|(_, value)| value.is_some())
    }

    /// The rows to show, in order.
    fn select(&self, rows: Vec<Self::Row>) -> Vec<Self::Row> {
        let needle = Needle::new(&self.browse().search);
        let mut rows: Vec<Self::Row> = rows.into_iter().filter(|row| self.admits(row, &needle)).collect();
        rows.sort_by(|left, right| self.order(left, right));
        rows
    }
}

/// A filter by id, as an address has it: empty is not set.
pub(super) fn one(id: &str) -> Option<String> {
    Some(id.to_owned()).filter(|id| !id.is_empty())
}
