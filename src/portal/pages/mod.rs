//! The portal's pages for people: Virtual Machines, the monitoring tab, Devices, Golden Images, Licenses and User
//! Groups.
//!
//! In goes a [`Rows`], which the store implements, and [`PageAccess`], which says who may look; out comes a router with
//! all paths from the root: `/`, `/sign-in`, `/sign-out`, `/virtual-machines`, `/devices`, `/images`, `/licenses`, `/groups`,
//! `/configuration-profiles`, `/assets/…`. The pages only read. They work without a script; with it they change in place as the rows change. To add a column is to touch
//! `query.rs`, `view.rs` and the template of its page.

mod assets;
mod browse;
mod chrome;
mod devices;
mod filter;
mod groups;
mod guard;
mod images;
mod licenses;
mod licensing;
mod listing;
mod parts;
mod profiles;
mod query;
mod session;
mod sign_in;
mod text;
mod virtual_machines;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use jiff::Timestamp;

use super::rows::Rows;
use crate::clock::Clock;
use devices::Devices;
use groups::Groups;
use images::Images;
use licenses::Licenses;
use listing::Listing;
use profiles::Profiles;
use session::Sessions;
use virtual_machines::VirtualMachines;

/// Who may look at the pages, and what they have to know of their portal.
pub struct PageAccess {
    /// The organization's name, shown in the head.
    pub organization: String,
    /// Whether this is the admin token; it has to take the same time for every wrong one.
    pub accepts: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Tells the time of sessions and of "2 min ago".
    pub clock: Arc<dyn Clock>,
    /// Whether browsers reach the portal over HTTPS, so that the cookie is sent over nothing else.
    pub secure: bool,
}

impl fmt::Debug for PageAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, secure, .. } = self;
        f.debug_struct("PageAccess")
            .field("organization", organization)
            .field("secure", secure)
            .finish_non_exhaustive()
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Portal {
    rows: Arc<dyn Rows>,
    access: Arc<PageAccess>,
    sessions: Arc<Sessions>,
}

impl Portal {
    fn now(&self) -> Timestamp {
        self.access.clock.now()
    }

    /// The change counter now.
    fn version(&self) -> u64 {
        *self.rows.changes().borrow()
    }
}

/// The pages, for merging into the portal's router.
///
/// It has no fallback: what it does not know is the portal's to answer. An open page holds one request for up to 25 s,
/// so a portal that ends in good order has to drop its connections.
pub fn router(rows: Arc<dyn Rows>, access: PageAccess) -> Router {
    let portal = Portal { rows, access: Arc::new(access), sessions: Arc::default() };
    let inside = Router::new()
        .route("/", get(|| async { Redirect::to(VirtualMachines::PATH) }))
        .merge(table::<VirtualMachines>())
        .merge(table::<Devices>())
        .merge(table::<Images>())
        .merge(table::<Licenses>())
        .merge(table::<Groups>())
        .merge(table::<Profiles>())
        .route_layer(middleware::from_fn_with_state(portal.clone(), guard::signed_in));
    Router::new()
        .merge(inside)
        .route(sign_in::PATH, get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/assets/{name}", get(assets::serve))
        .route_layer(DefaultBodyLimit::max(8 * 1024))
        .route_layer(middleware::from_fn(guard::same_origin))
        .route_layer(middleware::map_response(guard::harden))
        .with_state(portal)
}

/// A page with a table and its live part.
fn table<L: Listing>() -> Router<Portal> {
    Router::new()
        .route(L::PATH, get(listing::page::<L>))
        .route(&format!("{}/live", L::PATH), get(listing::live::<L>))
}

/// An answer for what is the portal's own fault; the log has the chain.
fn broken(error: &(dyn Error + 'static)) -> Response {
    tracing::error!(error, "a page could not be made");
    let text = "The portal could not make this page. Its log says why; reload to try again.\n";
    (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
}
