//! The page Configuration Profiles: the license-bound ones, which are deprecated, with what replaces each of their settings.
//!
//! It is reached from User Groups, whose keys they are bound to, and has no place of its own in the navigation.

mod query;
mod view;

use askama::Template;
use jiff::Timestamp;

use super::assets;
use super::browse::Params;
use super::chrome::{Chrome, Tab};
use super::listing::Listing;
use super::parts::Icon;
use super::query::Query;
use super::text::Shown;
use crate::portal::rows::{Answer, ProfileRow, Rows};
use query::ProfileQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/configuration-profiles";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "profiles.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "profiles.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct Profiles;

impl Listing for Profiles {
    type Row = ProfileRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, ProfileRow> {
        rows.profiles()
    }

    fn page(
        rows: Vec<ProfileRow>,
        params: &Params,
        now: Timestamp,
        chrome: Chrome,
    ) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::Groups), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, ProfileQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<ProfileRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, ProfileQuery::read(params), now, version) }.render()
    }
}
