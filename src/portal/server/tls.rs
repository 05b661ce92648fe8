//! The portal's certificate.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are not PEM.
    #[error("cannot read the certificate")]
    Certificate(#[source] pem::Error),
    /// The key is not PEM.
    #[error("cannot read the certificate's key")]
    Key(#[source] pem::Error),
    /// The two do not fit together.
    #[error("cannot use the certificate with its key")]
    Pair(#[source] rustls::Error),
}

/// A certificate chain and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificates, the portal's first.
    pub certificates: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl Identity {
    /// Serves connections with this identity.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(TlsError::Key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(TlsError::Pair)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
