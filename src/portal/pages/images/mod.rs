//! The page Golden Images: the organization's images, their file for each processor, and where they are assigned.

mod query;
mod view;

use askama::Template;
use jiff::Timestamp;

use super::assets;
use super::browse::Params;
use super::chrome::{Chrome, Tab};
use super::listing::Listing;
use super::parts::Icon;
use super::query::Query as _;
use super::text::Shown;
use crate::portal::rows::{Answer, ImageRow, Rows};
use query::ImageQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/images";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "images.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "images.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct Images;

impl Listing for Images {
    type Row = ImageRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, ImageRow> {
        rows.images()
    }

    fn page(rows: Vec<ImageRow>, params: &Params, now: Timestamp, chrome: Chrome) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::Images), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, ImageQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<ImageRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, ImageQuery::read(params), now, version) }.render()
    }
}
