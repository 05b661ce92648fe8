//! License keys as administrators give them and as the portal makes them: secrets that it does not keep.
//!
//! In goes a text or chance; out comes the key, once, and what is kept of it: the masked form, whose first and last
//! group tell one key from another (facts: `get-license.xml` of Parallels' scripts).

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;

use crate::domain::license::MaskedKey;
use crate::wire::key::KeyError;

/// How many groups a key has, and how many characters a group.
const SHAPE: usize = 5 * 6;

/// What a made key consists of.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The largest multiple of the alphabet's size that a byte holds: above it chance would prefer some characters.
const FAIR: u8 = 252;

/// A whole license key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct GivenKey(String);

impl fmt::Debug for GivenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenKey(…)")
    }
}

impl GivenKey {
    /// The key with this text, valid or not.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn make() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let mut characters = Vec::with_capacity(SHAPE);
        while characters.len() < SHAPE {
            let mut bytes = [0; SHAPE];
            random.fill(&mut bytes).map_err(|_| KeyError::Random)?;
            let fair = bytes.into_iter().filter(|byte| *byte < FAIR);
            let drawn = fair.filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
            characters.extend(drawn.map(|byte| char::from(*byte)));
        }
        characters.truncate(SHAPE);
        let groups: Vec<String> = characters.chunks(6).map(|group| group.iter().collect()).collect();
        Ok(Self(groups.join("-")))
    }

    /// Whether it has the form of Parallels' keys: five groups of six letters and digits (facts: the manifest of
    /// Parallels' managed preferences).
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let groups: Vec<_> = self.0.split('-').collect();
        let plain = |group: &&str| group.len() == 6 && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
        groups.len() == 5 && groups.iter().all(plain)
    }

    /// The text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be kept and shown.
    #[must_use]
    pub fn masked(&self) -> MaskedKey {
        MaskedKey::of(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_has_the_form_and_no_two_are_alike() {
        let (one, other) = (GivenKey::make().unwrap(), GivenKey::make().unwrap());
        assert!(one.is_valid() && other.is_valid());
        assert_ne!(one.masked(), other.masked());
        assert_eq!(format!("{one:?}"), "GivenKey(…)");
    }

    #[test]
    fn only_five_groups_of_six_are_a_key() {
        for (text, valid) in [
            ("6J9A5T-AAAAAA-bbbbbb-CCCCCC-RN17ZA", true),
            ("6J9A5T-******-******-******-RN17ZA", false),
            ("6J9A5T-AAAAAA-BBBBBB-CCCCCC", false),
            ("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17Z", false),
            ("", false),
        ] {
            assert_eq!(GivenKey::new(text.to_owned()).is_valid(), valid, "{text}");
        }
    }
}
