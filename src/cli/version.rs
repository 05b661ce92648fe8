//! `meridian version`.

use serde::Serialize;

use crate::wire::limits::API_VERSION;

/// What this executable is.
#[derive(Debug, Serialize)]
pub(super) struct VersionView {
    /// Its version.
    pub version: &'static str,
    /// The version of the protocol that it speaks with the portal.
    pub protocol: u32,
}

/// Asks nobody.
#[must_use]
pub(super) const fn request() -> VersionView {
    VersionView { version: env!("CARGO_PKG_VERSION"), protocol: API_VERSION }
}

/// The screen.
#[must_use]
pub(super) fn render(view: &VersionView) -> String {
    format!("meridian {}\n", view.version)
}
