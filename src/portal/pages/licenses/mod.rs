//! The page Licenses: what the organization bought or tries, how much of it is taken, and how it stands.

mod query;
mod view;

use askama::Template;
use jiff::Timestamp;

use super::assets;
use super::browse::{Params, address};
use super::chrome::{Chrome, Tab};
use super::listing::Listing;
use super::parts::Icon;
use super::query::Query as _;
use super::text::Shown;
use crate::portal::rows::{Answer, LicenseRow, Rows};
use query::LicenseQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/licenses";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "licenses.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "licenses.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct Licenses;

impl Listing for Licenses {
    type Row = LicenseRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, LicenseRow> {
        rows.licenses()
    }

    fn page(
        rows: Vec<LicenseRow>,
        params: &Params,
        now: Timestamp,
        chrome: Chrome,
    ) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::Licenses), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, LicenseQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<LicenseRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, LicenseQuery::read(params), now, version) }.render()
    }
}

/// The address of this page with a license opened.
pub(super) fn of_license(license: &str) -> String {
    address(PATH, &[("open", license.to_owned())])
}
