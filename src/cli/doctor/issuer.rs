//! Who issued a certificate, by its own word: the name in the field `issuer` of X.509 (RFC 5280).
//!
//! Only shown to people, never trusted; whatever is not understood has no name.

use crate::payload::der::{INTEGER, OID, SEQUENCE, SET, Walk};

/// The common name, and the organization where it says more.
pub(super) fn of(certificate: &[u8]) -> Option<String> {
    let certificate = Walk(certificate).whole(SEQUENCE)?;
    let mut fields = Walk(Walk(certificate).whole(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.element()?;
    }
    fields.whole(INTEGER)?;
    fields.whole(SEQUENCE)?;
    name(Walk(fields.whole(SEQUENCE)?))
}

const BMP_STRING: u8 = 0x1e;
const VERSION: u8 = 0xa0;

/// `2.5.4.3`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `2.5.4.10`.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The most characters of a name that are shown.
const LONGEST: usize = 80;

fn name(mut sets: Walk<'_>) -> Option<String> {
    let (mut common, mut organization) = (None, None);
    while !sets.0.is_empty() {
        let attributes = sets.whole(SET)?;
        let mut attribute = Walk(Walk(attributes).whole(SEQUENCE)?);
        match attribute.whole(OID)? {
            COMMON_NAME => common = attribute.element().map(text),
            ORGANIZATION => organization = attribute.element().map(text),
            _ => {}
        }
    }
    match (common, organization) {
        (Some(common), Some(organization)) if common != organization => {
            Some(format!("{common} ({organization})"))
        }
        (common, organization) => common.or(organization),
    }
}

fn text((tag, bytes): (u8, &[u8])) -> String {
    let text = if tag == BMP_STRING {
        let units: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn issued_by(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, name) in names {
            authority.distinguished_name.push(kind.clone(), *name);
        }
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let leaf = CertificateParams::new(["portal.example.com".to_owned()]).unwrap();
        leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn the_issuer_is_named_by_what_it_says_of_itself() {
        for (names, shown) in [
            (
                &[(DnType::CommonName, "R11"), (DnType::OrganizationName, "Let's Encrypt")][..],
                Some("R11 (Let's Encrypt)"),
            ),
            (&[(DnType::CommonName, "Prüf-CA")], Some("Prüf-CA")),
            (&[(DnType::OrganizationName, "Example Ltd")], Some("Example Ltd")),
            (&[(DnType::CountryName, "DE")], None),
        ] {
            assert_eq!(of(&issued_by(names)).as_deref(), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes: Vec<u8>, at: proptest::sample::Index, byte: u8) {
            of(&bytes);
            let mut damaged = issued_by(&[(DnType::CommonName, "A")]);
            let at = at.index(damaged.len());
            damaged[at] = byte;
            of(&damaged);
            of(&damaged[..at]);
        }
    }
}
