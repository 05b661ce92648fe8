//! Managed preferences: what the profiles of MDM say to the agent, and what Parallels' own profile says of activation.
//!
//! In go the bytes of `dev.meridian.agent.plist`, XML or binary; out come [`Preferences`], in which each item is unset, bad or
//! set, so that one bad value harms itself only. [`read_managed`] alone opens files, [`Grace`] decides what holds while a
//! profile is away, and everything else is pure. A custom-domain payload and an MCX payload leave the same flat dictionary on disk.
//! What may change is the list of items; that unknown names are reported and not obeyed may not.

use std::collections::BTreeMap;
use std::time::Duration;

use plist::{Dictionary, Value};

use super::layer::{Fault, Layer, MOST_STRANGERS, Origin, shown};
use crate::catalog::LayerKind;
use crate::domain::keyed::Keyed as _;
use crate::property_list::{self, Malformed};

mod activation;
mod grace;
mod item;
mod keys;
mod read;

pub use activation::{ACTIVATION_KEYS, Activation, Experience};
pub use grace::{GRACE, Grace, Remembered, Trouble};
pub use item::{EnrollmentToken, Item, PortalOrigin};
pub use keys::{KEYS, KeyForm, ProfileKey, profile_table};
pub(crate) use read::LARGEST;
pub use read::{Document, FileBytes, Managed, Reading, UserFile, depends_on, read_managed};

/// Why a whole file does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A link, a folder, a device.
    #[error("not a regular file")]
    NotAFile,
    /// Larger than managed preferences ever are.
    #[error("larger than 1 MiB")]
    TooLarge,
    /// The system refused it.
    #[error("the system says: {0}")]
    System(String),
    /// No property list, half of one, or one that is nested or repeated beyond measure.
    #[error("not a property list: {0}")]
    Malformed(String),
    /// A property list of something else.
    #[error("not a dictionary")]
    NotADictionary,
}

impl From<Malformed> for Unreadable {
    fn from(Malformed(why): Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// What is no dictionary is no profile.
///
/// # Errors
/// [`Unreadable::NotADictionary`].
pub(crate) fn dictionary(value: Value) -> Result<Dictionary, Unreadable> {
    value.into_dictionary().ok_or(Unreadable::NotADictionary)
}

/// What a profile says to the agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// The portal.
    pub portal_url: Item<PortalOrigin>,
    /// What proves to the portal that this Mac may enroll.
    pub enrollment_token: Item<EnrollmentToken>,
    /// The public half of the organization's root key: Ed25519, 32 bytes.
    pub portal_root_key: Item<[u8; 32]>,
    /// Certificates that the portal's TLS may chain to, besides the system's: PEM text or DER.
    pub portal_ca: Item<Vec<u8>>,
    /// How often to check in until the portal directs otherwise.
    pub check_in_interval: Item<Duration>,
    /// How much the agent logs.
    pub log_level: Item<tracing::Level>,
    /// The name of an order to give the license back.
    pub deactivation_order: Item<String>,
    /// The layer of the `Settings` dictionary; its origin names the file and the payload.
    pub settings: Layer,
    /// Names that the agent does not know, and `Settings` when it is no dictionary.
    pub strangers: BTreeMap<String, Fault>,
}

impl Preferences {
    /// Reads the bytes of the file at `file`.
    ///
    /// # Errors
    /// The whole file is no dictionary of a property list; a bad item is no error but a problem of that item.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut dictionary = dictionary(property_list::value(bytes)?)?;
        let origin = strip_origin(&mut dictionary, file);
        let mut strangers = BTreeMap::new();
        let settings = match item::take(&mut dictionary, "Settings", item::settings) {
            Item::Set(named) => {
                let named = named.iter().map(|(name, value)| (name.as_str(), value));
                Layer::read(LayerKind::Profile, origin, named)
            }
            Item::Bad(fault) => {
                strangers.insert("Settings".to_owned(), fault);
                Layer::new(LayerKind::Profile, origin)
            }
            Item::Unset => Layer::new(LayerKind::Profile, origin),
        };
        let preferences = Self {
            portal_url: item::take(&mut dictionary, "PortalURL", item::portal_origin),
            enrollment_token: item::take(&mut dictionary, "EnrollmentToken", item::enrollment_token),
            portal_root_key: item::take(&mut dictionary, "PortalRootKey", item::root_key),
            portal_ca: item::take(&mut dictionary, "PortalCA", item::certificates),
            check_in_interval: item::take(&mut dictionary, "CheckInIntervalSeconds", item::interval),
            log_level: item::take(&mut dictionary, "LogLevel", item::log_level),
            deactivation_order: item::take(&mut dictionary, "DeactivationOrder", item::deactivation_order),
            settings,
            strangers,
        };
        Ok(preferences.with_strangers(&dictionary))
    }

    fn with_strangers(mut self, left: &Dictionary) -> Self {
        self.strangers.extend(left.keys().take(MOST_STRANGERS).map(|name| (shown(name), Fault::Unknown)));
        self
    }

    /// What is wrong with the agent's own items, by name; the problems of `Settings` are the layer's.
    #[must_use]
    pub fn problems(&self) -> BTreeMap<String, Fault> {
        let own = [
            ("PortalURL", self.portal_url.fault()),
            ("EnrollmentToken", self.enrollment_token.fault()),
            ("PortalRootKey", self.portal_root_key.fault()),
            ("PortalCA", self.portal_ca.fault()),
            ("CheckInIntervalSeconds", self.check_in_interval.fault()),
            ("LogLevel", self.log_level.fault()),
            ("DeactivationOrder", self.deactivation_order.fault()),
        ];
        let own = own.into_iter().filter_map(|(name, fault)| Some((name.to_owned(), fault?.clone())));
        own.chain(self.strangers.clone()).keyed()
    }
}

/// Takes out what macOS adds: `Payload*` of the payload that set the domain, `_manualProfile` where it was installed by hand.
fn strip_origin(dictionary: &mut Dictionary, file: &str) -> Origin {
    let payload = dictionary
        .get("PayloadUUID")
        .and_then(Value::as_string)
        .filter(|text| uuid::Uuid::try_parse(text).is_ok())
        .map(str::to_owned);
    let manual =
        dictionary.get("_manualProfile").is_some_and(|value| !matches!(value, Value::Boolean(false)));
    dictionary.retain(|name, _| !name.starts_with("Payload") && name != "_manualProfile");
    Origin::Profile { file: file.to_owned(), payload, manual }
}

#[cfg(test)]
mod tests;
