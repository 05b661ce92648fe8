//! The page User Groups: the keys of the licenses, what is assigned to each and who may take its seats.

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
use crate::portal::rows::{Answer, GroupRow, Rows};
use query::GroupQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/groups";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "groups.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "groups.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct Groups;

impl Listing for Groups {
    type Row = GroupRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, GroupRow> {
        rows.groups()
    }

    fn page(rows: Vec<GroupRow>, params: &Params, now: Timestamp, chrome: Chrome) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::Groups), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, GroupQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<GroupRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, GroupQuery::read(params), now, version) }.render()
    }
}

/// The address of this page for one license.
pub(super) fn of_license(license: &str) -> String {
    address(PATH, &[("license", license.to_owned())])
}
