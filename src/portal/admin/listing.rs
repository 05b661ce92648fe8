//! Lists, page by page.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::AdminError;

/// How many items a page has if nothing else is asked for.
const USUAL: usize = 100;

/// How many it has at most.
const MOST: usize = 1_000;

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<NonZeroUsize>,
    after: Option<String>,
    /// Of virtual machines: only this device's.
    pub(super) device: Option<String>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.map_or(USUAL, |limit| limit.get().min(MOST))
    }

    /// Where the former page ended.
    pub(super) fn after<K: FromStr>(&self) -> Result<Option<K>, AdminError> {
        self.after.as_deref().map(|text| text.parse().map_err(|_| AdminError::Query("after"))).transpose()
    }

    /// This page of a table.
    pub(super) fn of<K, V, R>(
        &self,
        table: &BTreeMap<K, V>,
        show: impl Fn(&V) -> R,
    ) -> Result<Value, AdminError>
    where
        K: Ord + FromStr + Display + Copy,
        R: Serialize,
    {
        let start = self.after::<K>()?.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = table.range((start, Bound::Unbounded)).map(|(key, value)| (*key, show(value)));
        Ok(self.cut(rows))
    }

    /// This page of rows that begin after the former one.
    pub(super) fn cut<K: Display, R: Serialize>(&self, mut rows: impl Iterator<Item = (K, R)>) -> Value {
        let page: Vec<_> = rows.by_ref().take(self.limit()).collect();
        let last = page.last().map(|(key, _)| key.to_string());
        let next = rows.next().and(last);
        let items: Vec<_> = page.into_iter().map(|(_, row)| row).collect();
        json!({"items": items, "next": next})
    }
}
