//! The license of Parallels Desktop as the Mac itself knows it.
//!
//! Keys are secrets: only [`MaskedKey`] is ever kept, shown or sent; a [`SecretKey`] goes to Parallels' tool alone.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::character::is_dangerous;

/// The longest name of an order to give a license back, in characters.
pub const LONGEST_ORDER_NAME: usize = 128;

/// Whether a text may name an order to give a license back: printable, without characters that nobody sees, such as joiners
/// and marks of direction, without spaces at its ends, and not endless. Two names that look alike are to be one.
#[must_use]
pub fn is_order_name(text: &str) -> bool {
    let length = text.chars().count();
    let is_unseen = |c: char| is_dangerous(c) || matches!(c, '\u{200c}' | '\u{200d}');
    (1..=LONGEST_ORDER_NAME).contains(&length) && !text.chars().any(is_unseen) && text.trim() == text
}

/// A license key with all but its first and last group masked, as Parallels shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskedKey(String);

impl MaskedKey {
    /// Masks a key, or takes one that is masked; a text of another shape is masked whole.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let groups: Vec<&str> = key.trim().split('-').collect();
        let plain = |group: &str| {
            group.len() == 6 && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'*')
        };
        if groups.len() != 5 || !groups.iter().all(|group| plain(group)) {
            return Self("******".to_owned());
        }
        let shown = |at: usize| if at == 0 || at == groups.len() - 1 { groups[at] } else { "******" };
        Self((0..groups.len()).map(shown).collect::<Vec<_>>().join("-"))
    }
}

impl fmt::Display for MaskedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How many characters a group of a key has, and how many groups a key.
const SHAPE: (usize, usize) = (6, 5);

/// How long a key is, its hyphens counted.
const LENGTH: usize = SHAPE.0 * SHAPE.1 + SHAPE.1 - 1;

/// The text with every license key in it masked: for words of a tool that may repeat the key that it was given. What stands
/// right before or after a key, letters and further groups included, hides none.
#[must_use]
pub fn without_keys(text: &str) -> String {
    let mut masked = text.as_bytes().to_vec();
    for (start, window) in text.as_bytes().windows(LENGTH).enumerate().filter(|(_, window)| is_key(window)) {
        let is_shown = |at: usize| at < SHAPE.0 || at >= LENGTH - SHAPE.0 || window[at] == b'-';
        for at in (0..LENGTH).filter(|at| !is_shown(*at)) {
            masked[start + at] = b'*';
        }
    }
    // Single bytes of ASCII took the place of others, so that it is text as before.
    String::from_utf8_lossy(&masked).into_owned()
}

/// Whether these are the groups of a key, masked ones included.
fn is_key(window: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| match at % (SHAPE.0 + 1) == SHAPE.0 {
        true => *byte == b'-',
        false => byte.is_ascii_alphanumeric() || *byte == b'*',
    };
    window.len() == LENGTH && window.iter().enumerate().all(fits)
}

/// A whole license key, on its way to the one tool that takes it. `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// The key, if the text has the form of one: five groups of six letters and digits (facts: the public manifest of
    /// Parallels' profile).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.trim().split('-').collect();
        let is_group =
            |group: &&str| group.len() == 6 && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (groups.len() == 5 && groups.iter().all(is_group)).then(|| Self(text.trim().to_owned()))
    }

    /// The key itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be shown of it.
    #[must_use]
    pub fn masked(&self) -> MaskedKey {
        MaskedKey::of(&self.0)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.masked())
    }
}

/// How the license stands, by the Mac's own account. That it is not known never means that there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseState {
    /// Good.
    Active,
    /// Past its paid period, and still good for a while.
    Graced,
    /// Over.
    Expired,
    /// Suspended, as a trial is once a license was bought.
    Suspended,
    /// Parallels says that it is not valid.
    Invalid,
    /// There is none.
    None,
    /// It could not be found out.
    #[default]
    Unknown,
}

impl LicenseState {
    /// The word in reports and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Graced => "graced",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Invalid => "invalid",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// True when Parallels Desktop works with it.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Active | Self::Graced)
    }
}

/// How a copy is activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationKind {
    /// With a license key.
    Key,
    /// By the user's sign-in.
    Sso,
    /// Not activated.
    None,
}

impl ActivationKind {
    /// The word in reports and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Sso => "sso",
            Self::None => "none",
        }
    }
}

/// What the Mac knows of its license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseFacts {
    /// How it stands.
    pub state: LicenseState,
    /// `standard`, `pro`, `business`, `enterprise`, or another word of Parallels.
    pub edition: Option<String>,
    /// How it is activated.
    pub activation: Option<ActivationKind>,
    /// The key, masked.
    pub key: Option<MaskedKey>,
    /// The key that a sublicense belongs to, masked.
    pub parent: Option<MaskedKey>,
    /// Whether it is a sublicense.
    pub sublicense: Option<bool>,
    /// Whether it is a trial.
    pub trial: Option<bool>,
    /// The user who signed in.
    pub user: Option<String>,
    /// When the paid period ends.
    pub main_period_ends_at: Option<Timestamp>,
    /// When the grace after it ends.
    pub grace_period_ends_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_kept_whole() {
        for (key, masked) in [
            ("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "6J9A5T-******-******-******-RN17ZA"),
            ("6J9A5T-******-******-******-RN17ZA", "6J9A5T-******-******-******-RN17ZA"),
            ("6J9A5T-AAAAAA", "******"),
            ("secret", "******"),
            ("", "******"),
        ] {
            assert_eq!(MaskedKey::of(key).to_string(), masked);
        }
    }

    #[test]
    fn only_a_text_of_the_right_form_is_a_key_and_none_is_shown() {
        let key = SecretKey::new(" 6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA\n").unwrap();
        assert_eq!(key.reveal(), "6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA");
        assert_eq!(format!("{key:?}"), "SecretKey(6J9A5T-******-******-******-RN17ZA)");
        for text in ["", "--help", "6J9A5T-******-******-******-RN17ZA", "6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17Z"]
        {
            assert_eq!(SecretKey::new(text), None, "{text}");
        }
    }

    #[test]
    fn keys_inside_of_a_text_are_masked_and_the_rest_stays() {
        let uuid = "caf\u{e9} de22df32-80e2-4e92-ba4b-efb3a66cf092 -";
        for (text, expected) in [
            (
                "Failed to install '6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA'.",
                "Failed to install '6J9A5T-******-******-******-RN17ZA'.",
            ),
            ("--6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "--6J9A5T-******-******-******-RN17ZA"),
            ("key-6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "key-6J9A5T-******-******-******-RN17ZA"),
            ("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA-key", "6J9A5T-******-******-******-RN17ZA-key"),
            ("ID6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZAis", "ID6J9A5T-******-******-******-RN17ZAis"),
            ("ZZZZZZ-6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA", "ZZZZZZ-******-******-******-******-RN17ZA"),
            ("6J9A5T-******-BBBBBB-******-RN17ZA", "6J9A5T-******-******-******-RN17ZA"),
            (
                "\u{e9}6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA\u{e9}",
                "\u{e9}6J9A5T-******-******-******-RN17ZA\u{e9}",
            ),
            (uuid, uuid),
            ("", ""),
        ] {
            assert_eq!(without_keys(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_beside_a_key_hides_it(
            before in "[A-Za-z0-9*-]{0,16}|(?s).{0,8}",
            groups in "[A-Z0-9]{6}(-[A-Z0-9]{6}){4}",
            after in "[A-Za-z0-9*-]{0,16}|(?s).{0,8}",
        ) {
            let text = format!("{before}{groups}{after}");
            let masked = without_keys(&text);
            proptest::prop_assert_eq!(masked.chars().count(), text.chars().count());
            proptest::prop_assert_eq!(without_keys(&masked), masked.clone());
            for (start, window) in masked.as_bytes().windows(LENGTH).enumerate().filter(|(_, it)| is_key(it)) {
                proptest::prop_assert_eq!(&window[6..28], b"-******-******-******-", "at {}: {}", start, masked);
            }
            let middle = &masked.as_bytes()[before.len()..];
            proptest::prop_assert_eq!(&middle[6..28], b"-******-******-******-", "{}", masked);
        }
    }
}
