//! `mock-portal serve`: a portal for people, until Ctrl-C.
//!
//! In go the verb's arguments; out come the lines that tell where the portal is and what profiles need.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::server::tls::Identity;
use super::server::{Config, Portal, Running, StartError};

/// Why it ends before Ctrl-C.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The portal does not start.
    #[error("cannot start the portal")]
    Start(#[source] StartError),
    /// A file of the certificate cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no runtime, no signal, or nowhere to write to.
    #[error("cannot run")]
    Run(#[source] std::io::Error),
}

/// The verb's arguments.
#[derive(Debug, Clone)]
pub struct Serve {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Origins beside that address.
    pub origins: Vec<String>,
    /// The SQLite file.
    pub database: Option<PathBuf>,
    /// The organization's name.
    pub organization: String,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// Runs a portal until Ctrl-C, giving each line for people to `say`.
///
/// # Errors
/// [`ServeError`].
pub fn run(order: Serve, say: impl FnMut(&str) -> std::io::Result<()>) -> Result<(), ServeError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
    runtime.block_on(serve(order, say))
}

async fn serve(order: Serve, mut say: impl FnMut(&str) -> std::io::Result<()>) -> Result<(), ServeError> {
    let tls = match &order.tls {
        None => None,
        Some((certificates, key)) => Some(Identity { certificates: read(certificates)?, key: read(key)? }),
    };
    let config = Config {
        listen: order.listen,
        origins: order.origins,
        database: order.database,
        organization: order.organization,
        tls,
        ..Config::default()
    };
    let portal = Portal::start(config).await.map_err(ServeError::Start)?;
    for line in lines(&portal).await.map_err(ServeError::Start)? {
        say(&line).map_err(ServeError::Run)?;
    }
    tokio::signal::ctrl_c().await.map_err(ServeError::Run)?;
    portal.shutdown().await;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|source| ServeError::File { path: path.to_owned(), source })
}

async fn lines(portal: &Running) -> Result<[String; 5], StartError> {
    let token = portal.enrollment_token("made at start", None).await?;
    Ok([
        format!("portal            {}", portal.origin()),
        format!("admin token       {}", portal.admin_token()),
        format!("root key          {}", portal.root_key()),
        format!("enrollment token  {token}"),
        "Ctrl-C ends it.".to_owned(),
    ])
}
