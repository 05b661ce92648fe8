//! What certificates the portal shows, or whatever stands in its place: to tell who looks into TLS, also where the connection
//! is trusted.
//!
//! The handshake is looked at and then refused, always, so that nothing is sent on a connection that nobody verified.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::{address, builder};

/// The certificates of the handshake with this origin, the portal's own first, as DER. None come where there is no handshake.
pub async fn certificates(origin: &str) -> Vec<Vec<u8>> {
    let Ok(url) = address(origin).map_err(drop) else { return Vec::new() };
    let onlooker = Arc::new(Onlooker::default());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|config| {
            let verifier = Arc::clone(&onlooker) as Arc<dyn ServerCertVerifier>;
            config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        });
    let client = config.ok().and_then(|config| builder(&url).tls_backend_preconfigured(config).build().ok());
    if let Some(client) = client {
        // It fails: that is the onlooker's part.
        let _ = client.head(url).send().await;
    }
    std::mem::take(&mut *onlooker.seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Remembers what it is shown and trusts nothing.
#[derive(Debug, Default)]
struct Onlooker {
    seen: Mutex<Vec<Vec<u8>>>,
}

impl Onlooker {
    fn refuse<T>() -> Result<T, Error> {
        Err(Error::General("only looked at".to_owned()))
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = std::iter::once(own).chain(above).map(|certificate| certificate.to_vec()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Self::refuse()
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::refuse()
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::refuse()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
