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
    /// What is said to it would cross the network in clear.
    #[error(
        "{0} is reached from other machines, and without TLS the administrator's token crosses the network in clear; add \
         --tls-cert and --tls-key, or --plain-http if only a proxy that speaks TLS reaches it"
    )]
    Clear(SocketAddr),
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
    /// Without a certificate, listen beyond loopback all the same.
    pub plain_http: bool,
}

impl Serve {
    /// Whether other machines reach it without TLS.
    const fn is_clear(&self) -> bool {
        self.tls.is_none() && !self.listen.ip().is_loopback()
    }
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
    if order.is_clear() && !order.plain_http {
        return Err(ServeError::Clear(order.listen));
    }
    let notes = notes(&order);
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
    let lines = lines(&portal).await.map_err(ServeError::Start)?;
    for line in lines.iter().map(String::as_str).chain(notes).chain(["Ctrl-C ends it."]) {
        say(line).map_err(ServeError::Run)?;
    }
    tokio::signal::ctrl_c().await.map_err(ServeError::Run)?;
    portal.shutdown().await;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|source| ServeError::File { path: path.to_owned(), source })
}

/// What has to be known of where it listens.
fn notes(order: &Serve) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if order.is_clear() {
        notes.push(
            "WARNING: plain HTTP: the tokens cross the network in clear, and agents on other Macs refuse it.",
        );
    }
    if !order.listen.ip().is_loopback() && order.origins.is_empty() {
        notes.push("Other Macs need its name in their profile; start it with --origin https://NAME:PORT.");
    }
    notes
}

async fn lines(portal: &Running) -> Result<[String; 4], StartError> {
    let token = portal.enrollment_token("made at start", None).await?;
    Ok([
        format!("portal            {}", portal.origin()),
        format!("admin token       {}", portal.admin_token()),
        format!("root key          {}", portal.root_key()),
        format!("enrollment token  {token}"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(listen: &str, origins: &[&str], plain_http: bool) -> Serve {
        Serve {
            listen: listen.parse().unwrap(),
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            database: None,
            organization: "Example".to_owned(),
            tls: None,
            plain_http,
        }
    }

    /// Starts one and ends it with the first line that it says.
    fn first_line(order: Serve) -> Result<String, ServeError> {
        let mut first = String::new();
        let gone = |line: &str| {
            first = line.to_owned();
            Err(std::io::ErrorKind::BrokenPipe.into())
        };
        match run(order, gone) {
            Err(ServeError::Run(_)) => Ok(first),
            other => Err(other.unwrap_err()),
        }
    }

    #[test]
    fn nothing_is_served_in_clear_to_other_machines_unasked() {
        for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = first_line(order(listen, &[], false)).unwrap_err();
            assert!(matches!(refused, ServeError::Clear(_)), "{refused}");
            assert!(refused.to_string().contains("--plain-http"), "{refused}");
        }
        let line = first_line(order("0.0.0.0:0", &[], true)).unwrap();
        assert!(line.starts_with("portal            http://127.0.0.1:"), "{line}");
        assert!(first_line(order("127.0.0.1:0", &[], false)).is_ok());
    }

    #[test]
    fn what_has_to_be_known_is_said() {
        let number = |listen, origins: &[&str]| notes(&order(listen, origins, true)).len();
        assert_eq!(number("127.0.0.1:1", &[]), 0);
        assert_eq!(number("0.0.0.0:1", &[]), 2);
        assert_eq!(number("0.0.0.0:1", &["https://portal.example"]), 1);
    }
}
