//! The portal as a server: in-process for tests, in its own process for people.
//!
//! In goes a [`Config`]; out comes a [`Running`] portal on the runtime it was started on, be it of one thread. What is
//! not device API, admin API or a page is answered 404.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::app::App;
use super::faults::Faults;
use super::model::admission::{Token, random_secret};
use super::model::licenses::Terms;
use super::pages::{self, PageAccess};
use super::store::{Store, StoreError, WriterTask};
use super::{admin, device};
use crate::clock::{Clock, SystemClock};
use crate::domain::digest::Digest;
use crate::domain::ids::GroupId;
use crate::wire::checkin::Next;
use crate::wire::key::{KeyError, PublicKey};

mod connections;
pub mod origins;
pub mod tls;

use origins::Origins;
use tls::{Identity, TlsError};

/// What the administrator's token begins with.
const ADMIN_PREFIX: &str = "mer-admin-";

/// Why the portal does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot serve TLS")]
    Tls(#[source] TlsError),
    /// The database cannot be used.
    #[error("cannot open the store")]
    Store(#[source] StoreError),
    /// There are no random numbers.
    #[error("cannot make a token")]
    Random(#[source] KeyError),
}

/// How a portal is to run.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Origins by which devices and browsers reach it, beside the address it listens on; the first is its main one.
    pub origins: Vec<String>,
    /// The SQLite file; none keeps everything in memory.
    pub database: Option<PathBuf>,
    /// The organization's name, at the first start.
    pub organization: String,
    /// Certificate and key; none serves plain HTTP.
    pub tls: Option<Identity>,
    /// The portal's time.
    pub clock: Arc<dyn Clock>,
    /// When devices are to check in again.
    pub next: Next,
    /// How long leases last.
    pub terms: Terms,
}

impl Default for Config {
    /// A portal in memory on a free loopback port, without TLS, by the system's clock, for check-ins each 15 minutes.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            origins: Vec::new(),
            database: None,
            organization: "Meridian".to_owned(),
            tls: None,
            clock: Arc::new(SystemClock),
            next: Next { after_s: 900, jitter_s: 180, wait: true },
            terms: Terms::default(),
        }
    }
}

/// The portal.
#[derive(Debug, Clone, Copy)]
pub struct Portal;

/// A portal that runs until it is shut down or dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    origin: String,
    admin_token: String,
    store: Store,
    writer: WriterTask,
    listening: JoinSet<()>,
}

impl Portal {
    /// Starts a portal on the current runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let acceptor = config.tls.as_ref().map(Identity::acceptor).transpose().map_err(StartError::Tls)?;
        let (store, writer) = match &config.database {
            None => Store::in_memory(&config.organization, Arc::clone(&config.clock)),
            Some(path) => Store::open(path, &config.organization, Arc::clone(&config.clock)).await,
        }
        .map_err(StartError::Store)?;
        store.stir(|model| model.licensing.terms = config.terms);
        let not_listening = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(not_listening)?;
        let address = listener.local_addr().map_err(not_listening)?;
        let admin_token = random_secret(ADMIN_PREFIX).map_err(StartError::Random)?;
        let origins = Origins::of(&config.origins, address, acceptor.is_some());
        let origin = origins.main().to_owned();
        let app = Arc::new(App {
            store: store.clone(),
            clock: config.clock,
            origins,
            next: config.next,
            faults: Faults::default(),
            admin: Digest::of(admin_token.as_bytes()),
        });
        let routes = routes(&app, app.origins.main().starts_with("https:"));
        let mut listening = JoinSet::new();
        listening.spawn(connections::serve(listener, acceptor, routes));
        Ok(Running { address, origin, admin_token, store, writer, listening })
    }
}

fn routes(app: &Arc<App>, secure: bool) -> Router {
    let judge = Arc::clone(app);
    let access = PageAccess {
        organization: app.store.peek(|model| model.organization.name.clone()),
        accepts: Box::new(move |token| judge.is_admin_token(token)),
        clock: Arc::clone(&app.clock),
        secure,
    };
    let pages = pages::router(Arc::new(app.store.clone()), access);
    Router::new()
        .merge(device::router(Arc::clone(app)))
        .merge(admin::router(Arc::clone(app)))
        .merge(pages.layer(from_fn_with_state(Arc::clone(app), own_site)))
        .fallback(|| async { StatusCode::NOT_FOUND })
}

/// Shows pages under the portal's own names only.
async fn own_site(State(app): State<Arc<App>>, request: Request, next: middleware::Next) -> Response {
    if app.origins.admit(request.headers()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its main origin, for profiles.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The bearer token of its admin API, new at each start.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The organization's root key, for profiles.
    #[must_use]
    pub fn root_key(&self) -> PublicKey {
        self.store.peek(|model| model.organization.root.public())
    }

    /// Makes a reusable enrollment token, into a group if given.
    ///
    /// # Errors
    /// [`StartError::Random`] and [`StartError::Store`].
    pub async fn enrollment_token(&self, label: &str, group: Option<GroupId>) -> Result<String, StartError> {
        let text = random_secret(admin::TOKEN_PREFIX).map_err(StartError::Random)?;
        let token = Token {
            id: Digest::of(text.as_bytes()),
            label: label.to_owned(),
            group,
            reusable: true,
            expires_at: None,
            uses: 0,
            revoked: false,
        };
        // A group that does not exist is the store's matter, and there is no other error.
        let added = self.store.transact(|model| model.add_token(token)).await.map_err(StartError::Store)?;
        added.map_err(|_| StartError::Store(StoreError::NotWritten))?;
        Ok(text)
    }

    /// Stops listening, ends all connections, and waits until all is written.
    pub async fn shutdown(mut self) {
        self.listening.shutdown().await;
        self.writer.finish(&self.store).await;
    }
}
