//! The page Devices: the organization's Macs, what they are assigned and how they stand to it.

mod query;
mod updates;
mod view;

use askama::Template;
use jiff::Timestamp;

use super::assets;
use super::browse::{Params, address};
use super::chrome::{Chrome, Tab};
use super::filter::GroupFilter;
use super::listing::Listing;
use super::parts::Icon;
use super::query::Query as _;
use super::text::Shown;
use crate::portal::rows::{Answer, DeviceRow, Rows};
use query::DeviceQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/devices";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "devices.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "devices.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct Devices;

impl Listing for Devices {
    type Row = DeviceRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, DeviceRow> {
        rows.devices()
    }

    fn page(rows: Vec<DeviceRow>, params: &Params, now: Timestamp, chrome: Chrome) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::Devices), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, DeviceQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<DeviceRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, DeviceQuery::read(params), now, version) }.render()
    }
}

/// The address of this page with the Macs of one user group.
pub(super) fn of_group(group: &str) -> String {
    address(PATH, &[("group", GroupFilter::In(group.to_owned()).write())])
}

/// The address of this page with one Mac, and its details open.
pub(super) fn of_device(device: &str) -> String {
    address(PATH, &[("device", device.to_owned()), ("open", device.to_owned())])
}
