//! Who issued a certificate, by its own word: the name in the field `issuer` of X.509 (RFC 5280).
//!
//! Only shown to people, never trusted; whatever is not understood has no name.

/// The common name, and the organization where it says more.
pub(super) fn of(certificate: &[u8]) -> Option<String> {
    let mut rest = certificate;
    let mut certificate = enter(&mut rest, SEQUENCE)?;
    let mut fields = enter(&mut certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        element(&mut fields)?;
    }
    enter(&mut fields, INTEGER)?;
    enter(&mut fields, SEQUENCE)?;
    name(enter(&mut fields, SEQUENCE)?)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const INTEGER: u8 = 0x02;
const BMP_STRING: u8 = 0x1e;
const VERSION: u8 = 0xa0;

/// `2.5.4.3`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `2.5.4.10`.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The most characters of a name that are shown.
const LONGEST: usize = 80;

fn name(mut sets: &[u8]) -> Option<String> {
    let (mut common, mut organization) = (None, None);
    while !sets.is_empty() {
        let mut attributes = enter(&mut sets, SET)?;
        let mut attribute = enter(&mut attributes, SEQUENCE)?;
        match enter(&mut attribute, OID)? {
            COMMON_NAME => common = element(&mut attribute).map(text),
            ORGANIZATION => organization = element(&mut attribute).map(text),
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

/// The content of the next element, which has this tag.
fn enter<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    element(bytes).and_then(|(found, content)| (found == tag).then_some(content))
}

/// The next element: its tag and its content.
fn element<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((tag, content))
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
