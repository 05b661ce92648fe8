//! What all tables have: the frame around the rows, and the handlers that serve the page and keep it live.
//!
//! A page is served whole; an open one then asks for its `live` part with the same address and the change counter that
//! it shows, and is answered as soon as the counter differs. So the script knows nothing of filters and sorting.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use super::browse::{Browse, Column, Pages, Params, paged};
use super::chrome::Chrome;
use super::filter::Select;
use super::query::Query;
use super::text::Shown;
use super::{Portal, broken};
use crate::portal::rows::{Answer, Rows};

/// How long a live request is held open. Proxies end requests that stay silent for a minute.
const HOLD: Duration = Duration::from_secs(25);

/// A page with a table.
pub(super) trait Listing: Send + 'static {
    /// What a row stands for.
    type Row: Send;

    /// The page's address.
    const PATH: &'static str;

    /// Reads the rows.
    fn rows(rows: &dyn Rows) -> Answer<'_, Self::Row>;

    /// The whole page.
    fn page(rows: Vec<Self::Row>, params: &Params, now: Timestamp, chrome: Chrome) -> askama::Result<String>;

    /// The part of the page that changes with the rows.
    fn live(rows: Vec<Self::Row>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String>;
}

/// What every table has around its rows.
pub(super) struct Frame {
    /// The page's address without parameters.
    pub(super) path: &'static str,
    /// How much there is of what.
    pub(super) counts: Vec<String>,
    /// How many rows there are before anything narrows them.
    pub(super) total: usize,
    /// Whether search or filters narrow the table.
    pub(super) narrowed: bool,
    /// What is searched for.
    pub(super) search: String,
    /// Parameters that the form keeps without showing them.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// The filters.
    pub(super) selects: Vec<Select>,
    /// Where in the rows the page stands.
    pub(super) pager: Pager,
    /// The portal's time in Unix seconds.
    pub(super) now: i64,
    /// The change counter that the rows stand for.
    pub(super) version: u64,
}

/// What a page says above its table, made of all rows.
pub(super) struct Above {
    /// How much there is of what.
    pub(super) counts: Vec<String>,
    /// The filters.
    pub(super) selects: Vec<Select>,
}

impl Frame {
    /// The frame, the heads of the columns, and of all rows those that this page shows, at the portal's time and change
    /// counter.
    pub(super) fn around<Q: Query>(
        rows: Vec<Q::Row>,
        query: &Q,
        above: Above,
        (now, version): (Timestamp, u64),
    ) -> (Self, Vec<Heading>, Vec<Q::Row>) {
        let (total, browse) = (rows.len(), query.browse());
        let (rows, pages) = paged(query.select(rows), browse.page);
        let Above { counts, selects } = above;
        // The form says the search and the filters itself, and leads to the first page.
        let is_shown = |key| ["q", "page"].contains(&key) || selects.iter().any(|select| select.name == key);
        let frame = Self {
            path: Q::PATH,
            counts,
            total,
            narrowed: query.narrows(),
            search: browse.search.clone(),
            hidden: query.pairs().into_iter().filter(|(key, _)| !is_shown(*key)).collect(),
            pager: Pager::new(pages, |page| query.at(Browse { page, ..browse.clone() })),
            now: now.as_second(),
            version,
            selects,
        };
        (frame, Heading::all(browse, |browse| query.at(browse)), rows)
    }
}

/// The head of a column.
pub(super) struct Heading {
    /// The column's word, which is the class of its cells too.
    pub(super) word: &'static str,
    /// The column's title.
    pub(super) title: &'static str,
    /// The address of the table sorted by it.
    pub(super) address: String,
    /// The value of `aria-sort`.
    pub(super) sorted: &'static str,
}

impl Heading {
    /// The heads of all columns of a table that is looked at so, by the address of another look.
    pub(super) fn all<C: Column>(browse: &Browse<C>, address: impl Fn(Browse<C>) -> String) -> Vec<Self> {
        C::ALL
            .iter()
            .map(|column| Self {
                word: column.word(),
                title: column.title(),
                address: address(browse.sorted_by(*column)),
                sorted: browse.aria_sort(*column),
            })
            .collect()
    }
}

/// The way to the other pages of a table.
pub(super) struct Pager {
    /// Where this one stands.
    pub(super) pages: Pages,
    /// The address of the one before.
    pub(super) previous: Option<String>,
    /// The address of the one after.
    pub(super) next: Option<String>,
}

impl Pager {
    /// The ways from this page, by the address of a page.
    pub(super) fn new(pages: Pages, address: impl Fn(usize) -> String) -> Self {
        let previous = pages.page.checked_sub(1).map(&address);
        let next = (pages.page < pages.last).then(|| address(pages.page.saturating_add(1)));
        Self { pages, previous, next }
    }

    /// Whether there are other pages.
    pub(super) const fn has_others(&self) -> bool {
        self.pages.last > 0
    }
}

/// A fact in the details of a row.
pub(super) struct Field {
    /// What it is.
    pub(super) label: &'static str,
    /// Its values.
    pub(super) values: Vec<Shown>,
    /// Whether it takes the room of two.
    pub(super) wide: bool,
}

impl Field {
    /// A value in our words.
    pub(super) fn ours(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, values: vec![Shown::ours(text)], wide: false }
    }

    /// Values in a device's words, with a placeholder for none.
    pub(super) fn device(
        label: &'static str,
        texts: impl IntoIterator<Item = String>,
        placeholder: &'static str,
    ) -> Self {
        let mut values: Vec<Shown> =
            texts.into_iter().take(64).map(|text| Shown::whole(&text, placeholder)).collect();
        if values.is_empty() {
            values.push(Shown::whole("", placeholder));
        }
        Self { label, values, wide: false }
    }

    /// The same with the room of two.
    pub(super) fn wide(self) -> Self {
        Self { wide: true, ..self }
    }
}

/// Serves the whole page.
pub(super) async fn page<L: Listing>(State(portal): State<Portal>, RawQuery(raw): RawQuery) -> Response {
    let params = Params::parse(raw.unwrap_or_default().as_bytes());
    // The counter first: a change between the two reads makes the page ask again, and none is missed.
    let version = portal.version();
    let rows = match L::rows(&*portal.rows).await {
        Ok(rows) => rows,
        Err(error) => return broken(&error),
    };
    let chrome = Chrome { organization: portal.access.organization.clone(), tab: None, version };
    answer(L::page(rows, &params, portal.now(), chrome))
}

/// Serves the live part of the page once it differs from what the asking page shows, or 204 after a while.
pub(super) async fn live<L: Listing>(State(portal): State<Portal>, RawQuery(raw): RawQuery) -> Response {
    let params = Params::parse(raw.unwrap_or_default().as_bytes());
    let version = match params.number("seen") {
        Some(seen) => match wait_past(&portal, seen).await {
            Some(version) => version,
            None => return StatusCode::NO_CONTENT.into_response(),
        },
        None => portal.version(),
    };
    match L::rows(&*portal.rows).await {
        Ok(rows) => answer(L::live(rows, &params, portal.now(), version)),
        Err(error) => broken(&error),
    }
}

/// Waits until the change counter differs; none when it does not for as long as a request is held.
async fn wait_past(portal: &Portal, seen: u64) -> Option<u64> {
    let mut changes = portal.rows.changes();
    match tokio::time::timeout(HOLD, changes.wait_for(|version| *version != seen)).await {
        Ok(Ok(version)) => Some(*version),
        // The sender is gone: the portal ends, and the connection with it.
        Ok(Err(_)) | Err(_) => None,
    }
}

fn answer(rendered: askama::Result<String>) -> Response {
    match rendered {
        Ok(html) => ([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => broken(&error),
    }
}
