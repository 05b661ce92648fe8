//! The page Virtual Machines: what runs on the organization's Macs.

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
use crate::domain::vm::VmState;
use crate::portal::rows::{Answer, Rows, VmRow};
use query::VmQuery;
use view::View;

/// The page's address.
pub(super) const PATH: &str = "/virtual-machines";

/// The whole page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "virtual_machines.html")]
struct Page {
    chrome: Chrome,
    view: View,
}

/// What of the page changes with the rows.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "virtual_machines.html", block = "main")]
struct Live {
    view: View,
}

/// The page, for the handlers that all tables share.
pub(super) struct VirtualMachines;

impl Listing for VirtualMachines {
    type Row = VmRow;
    const PATH: &'static str = PATH;

    fn rows(rows: &dyn Rows) -> Answer<'_, VmRow> {
        rows.virtual_machines()
    }

    fn page(rows: Vec<VmRow>, params: &Params, now: Timestamp, chrome: Chrome) -> askama::Result<String> {
        let chrome = Chrome { tab: Some(Tab::VirtualMachines), ..chrome };
        let version = chrome.version;
        Page { chrome, view: View::new(rows, VmQuery::read(params), now, version) }.render()
    }

    fn live(rows: Vec<VmRow>, params: &Params, now: Timestamp, version: u64) -> askama::Result<String> {
        Live { view: View::new(rows, VmQuery::read(params), now, version) }.render()
    }
}

/// The address of this page for one Mac.
pub(super) fn of_device(device: &str) -> String {
    super::browse::address(PATH, &[("device", device.to_owned())])
}

/// The guest system as people call it; empty where Parallels' name has no better one.
fn guest_name(os: &str) -> &'static str {
    match os.trim() {
        "win-11" => "Windows 11",
        "win-10" => "Windows 10",
        "win-8.1" => "Windows 8.1",
        "win-2025" => "Windows Server 2025",
        "win-2022" => "Windows Server 2022",
        "win-2019" => "Windows Server 2019",
        "macosx" | "macos" => "macOS",
        "ubuntu" => "Ubuntu",
        "debian" => "Debian",
        "fedora" | "fedora-core" => "Fedora",
        "centos" => "CentOS",
        "rhel" | "redhat" => "Red Hat",
        "kali" => "Kali",
        "linux" => "Linux",
        _ => "",
    }
}

/// The state as people call it; empty for one that is not known.
fn state_name(state: &VmState) -> &'static str {
    match state {
        VmState::Stopped => "Stopped",
        VmState::Starting => "Starting",
        VmState::Restoring => "Restoring",
        VmState::Running => "Running",
        VmState::Paused => "Paused",
        VmState::Resetting => "Resetting",
        VmState::Pausing => "Pausing",
        VmState::Suspending => "Suspending",
        VmState::Stopping => "Stopping",
        VmState::Compacting => "Compacting",
        VmState::Suspended => "Suspended",
        VmState::Snapshotting => "Snapshotting",
        VmState::Continuing => "Continuing",
        VmState::Migrating => "Migrating",
        VmState::DeletingSnapshot => "Deleting snapshot",
        VmState::Resuming => "Resuming",
        VmState::Syncing => "Syncing",
        VmState::Invalid => "Invalid",
        VmState::Reconnecting => "Reconnecting",
        VmState::Mounted => "Disk mounted",
        VmState::Unknown(_) => "",
    }
}
