//! HTTP to the portal: sizes, times and TLS are enforced here, and every failure gets its name.
//!
//! In goes a request of the session; out comes the whole answer or a [`NetFault`]. HTTP/1.1 over rustls with ring. What
//! the Mac's trust store trusts is trusted, and the profile's CA. No redirect is followed and no cookie kept. Plain
//! `http` goes to loopback addresses only, and never through a proxy.

pub mod look;

use std::error::Error;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Method, Response};
use rustls::CertificateError;
use url::Url;

use super::answer::{HttpAnswer, NetFault, TlsFault};
use super::local::Portal;
use super::session::HttpRequest;
use crate::domain::address::is_loopback;
use crate::wire::limits::{ANSWER_BODY, JSON, REQUEST_ID, WAIT_TIMEOUT_S};
use crate::wire::wait;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request may take in all.
const TOTAL: Duration = Duration::from_secs(30);
/// The same for the long poll: as long as the portal may hold it, and time for the answer.
const TOTAL_WAIT: Duration = Duration::from_secs(WAIT_TIMEOUT_S + 30);
/// An idle connection is dropped after this. Network equipment forgets it before long, and a shorter time would wake
/// the process for nothing.
const IDLE: Duration = Duration::from_secs(600);

/// The one door to the network. It keeps the connection to the portal that was asked last.
#[derive(Debug, Default)]
pub struct Http(Mutex<Option<Prepared>>);

#[derive(Debug)]
struct Prepared {
    origin: String,
    ca: Option<Vec<u8>>,
    client: Client,
}

impl Http {
    /// Sends a request and reads the whole answer. Dropping the future ends the request.
    ///
    /// # Errors
    /// [`NetFault`], by what failed.
    pub async fn call(&self, portal: &Portal, request: HttpRequest) -> Result<HttpAnswer, NetFault> {
        let mut url = address(&request.origin)?;
        url.set_path(request.path);
        url.set_query(request.query.as_deref());
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| NetFault::Address)?;
        let limit = if request.path == wait::PATH { TOTAL_WAIT } else { TOTAL };
        let mut builder = self
            .client(&request.origin, portal.ca.as_ref())?
            .request(method, url)
            .timeout(limit)
            .header(REQUEST_ID, request.request_id.to_string());
        if !request.authorization.is_empty() {
            builder = builder.header(AUTHORIZATION, request.authorization);
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, JSON).body(body);
        }
        whole(builder.send().await.map_err(|error| fault(&error))?).await
    }

    fn client(&self, origin: &str, ca: Option<&Vec<u8>>) -> Result<Client, NetFault> {
        let mut prepared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |prepared: &&Prepared| prepared.origin == origin && prepared.ca.as_ref() == ca;
        if let Some(prepared) = prepared.as_ref().filter(fits) {
            return Ok(prepared.client.clone());
        }
        let client = client(origin, ca)?;
        *prepared = Some(Prepared { origin: origin.to_owned(), ca: ca.cloned(), client: client.clone() });
        Ok(client)
    }
}

/// Chooses ring for all TLS of this process. Another choice that was made before stands.
pub fn choose_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client(origin: &str, ca: Option<&Vec<u8>>) -> Result<Client, NetFault> {
    let url = address(origin)?;
    let builder = builder(&url);
    let builder = if url.scheme() == "http" {
        // The trust store stays unread: it takes time and memory that plain HTTP does not need.
        builder.tls_certs_only([])
    } else {
        builder.tls_certs_merge(ca.map_or_else(Vec::new, |ca| certificates(ca)))
    };
    builder.build().map_err(|_| NetFault::Tls(TlsFault::Handshake))
}

/// How the portal is spoken to, save whom to trust.
fn builder(url: &Url) -> ClientBuilder {
    choose_cryptography();
    let builder = Client::builder()
        .user_agent(concat!("meridian/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1)
        .tcp_keepalive(None);
    if is_loopback(url) { builder.no_proxy() } else { builder }
}

/// The certificates of PEM text or DER. What is neither is left out: the profile's problems name it.
pub(crate) fn certificates(bytes: &[u8]) -> Vec<Certificate> {
    if bytes.starts_with(b"\x30") {
        Certificate::from_der(bytes).into_iter().collect()
    } else {
        Certificate::from_pem_bundle(bytes).unwrap_or_default()
    }
}

/// The address of an origin that may be asked.
fn address(origin: &str) -> Result<Url, NetFault> {
    let url = Url::parse(origin).map_err(|_| NetFault::Address)?;
    let fits = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if fits && url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err(NetFault::Address)
    }
}

/// Reads the body in pieces, so that one that is too large is noticed while it comes.
async fn whole(mut response: Response) -> Result<HttpAnswer, NetFault> {
    let text = |headers: &HeaderMap, name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let headers = response.headers();
    let mut answer = HttpAnswer {
        status: response.status().as_u16(),
        content_type: text(headers, CONTENT_TYPE.as_str()),
        request_id: text(headers, REQUEST_ID),
        retry_after: text(headers, RETRY_AFTER.as_str()),
        date: text(headers, DATE.as_str()).and_then(|date| Some(rfc2822::parse(&date).ok()?.timestamp())),
        body: Vec::new(),
    };
    while let Some(piece) = response.chunk().await.map_err(|error| fault(&error))? {
        if answer.body.len() + piece.len() > ANSWER_BODY {
            return Err(NetFault::TooLarge);
        }
        answer.body.extend_from_slice(&piece);
    }
    Ok(answer)
}

/// The name of a failure.
fn fault(error: &reqwest::Error) -> NetFault {
    if let Some(tls) = tls_fault(error) {
        NetFault::Tls(tls)
    } else if error.is_dns() {
        NetFault::Dns
    } else if error.is_timeout() {
        NetFault::Timeout
    } else if error.is_connect() {
        NetFault::Connect
    } else {
        NetFault::Truncated
    }
}

/// Looks for what rustls said below a failure. An `io::Error` holds what it wraps, which may be another one, but does not
/// name it as its source.
fn tls_fault(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(match found {
            rustls::Error::InvalidCertificate(error) => certificate_fault(error),
            _ => TlsFault::Handshake,
        });
    }
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => tls_fault(wrapped),
        None => tls_fault(error.source()?),
    }
}

/// On a Mac the system's own verifier speaks, and rustls has a variant of its own for what it says most often.
const fn certificate_fault(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::Name,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFault::Expired,
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        _ => TlsFault::Chain,
    }
}

#[cfg(test)]
mod tests;
