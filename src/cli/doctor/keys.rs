//! The keys that the profile brings: the root key and the CA.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Area, Finding};
use crate::sources::profile::{Item, Preferences};
use crate::wire::codes::ProblemCode;
use crate::wire::key::PublicKey;

/// Looks at the keys. A key of the wrong form is a finding about the profile already.
pub(super) fn check(preferences: &Preferences) -> Vec<Finding> {
    let root = match &preferences.portal_root_key {
        Item::Unset => {
            let text = ProblemCode::NoRootKey.explanation();
            Some(Area::Keys.bad(text, ProblemCode::NoRootKey.remedy()))
        }
        Item::Bad(_) => None,
        Item::Set(bytes) => Some(match PublicKey::new(*bytes) {
            Ok(key) => Area::Keys.good(format!("PortalRootKey has the thumbprint {}", key.thumbprint())),
            Err(error) => {
                Area::Keys.bad(format!("PortalRootKey is {error}"), ProblemCode::NoRootKey.remedy())
            }
        }),
    };
    let ca = preferences.portal_ca.value().map(|ca| certificates(ca));
    root.into_iter().chain(ca).collect()
}

/// The root key, where it is one.
pub(super) fn root_key(preferences: &Preferences) -> Option<PublicKey> {
    preferences.portal_root_key.value().and_then(|bytes| PublicKey::new(*bytes).ok())
}

fn certificates(ca: &[u8]) -> Finding {
    const REMEDY: &str = "Put the CA's certificate into PortalCA, as PEM text or as DER data.";
    let certificates: Result<Vec<_>, _> = match ca.first() {
        Some(0x30) => Ok(vec![CertificateDer::from(ca)]),
        _ => CertificateDer::pem_slice_iter(ca).collect(),
    };
    let Ok(certificates) = certificates else {
        return Area::Keys.bad("PortalCA is damaged PEM text", REMEDY);
    };
    let number = certificates.len();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(certificates);
    if usable == number && number > 0 {
        Area::Keys
            .good(format!("PortalCA holds {}", super::count(number as u64, "certificate", "certificates")))
    } else {
        Area::Keys.bad(format!("PortalCA: {usable} of {number} certificates can be used"), REMEDY)
    }
}
