//! Configuration profiles, as MDM installs them.
//!
//! In goes a [`Draft`]; out comes a `.mobileconfig` as XML, unsigned, since MDM services sign what they deliver. The identifiers and
//! UUIDs depend on the draft's identifier and organization alone, because macOS updates a payload in place only if it finds its
//! `PayloadIdentifier` and `PayloadUUID` again; so the same draft gives the same bytes.

use plist::{Dictionary, Value};
use ring::digest::{SHA256, digest};
use uuid::Builder;

use super::PayloadError;
use crate::paths::{LABEL, PARALLELS_MANAGED_DOMAIN};

/// The type of a profile as a whole.
pub(super) const CONFIGURATION: &str = "Configuration";
/// The payload that carries preferences of any domain.
pub(super) const MANAGED_CLIENT: &str = "com.apple.ManagedClient.preferences";
/// The payload that approves background items.
const SERVICE_MANAGEMENT: &str = "com.apple.servicemanagement";
/// The payload of privacy preferences.
const PRIVACY: &str = "com.apple.TCC.configuration-profile-policy";
/// Where the agent's executable is on a Mac; privacy preferences go by it.
const EXECUTABLE: &str = "/opt/meridian/bin/meridian";

/// How the preferences are packed; macOS lays the same file down for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A payload whose type is the domain, with the keys in it.
    CustomDomain,
    /// A payload of `com.apple.ManagedClient.preferences`, with the domain in it.
    ManagedClient,
}

/// The team by whose certificate the installed package is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team(pub(super) String);

impl Team {
    /// Reads a team identifier.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.len() == 10 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PayloadError::Team)
        }
    }
}

/// Whether the agent may read below the folders that macOS protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing is said.
    Unsaid,
    /// It may.
    FullAccess,
}

/// What a profile is to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The profile's identifier; those of its payloads begin with it.
    pub identifier: String,
    /// Who gives it out.
    pub organization: Option<String>,
    /// How preferences are packed.
    pub shape: Shape,
    /// Keys of the agent's domain.
    pub agent: Dictionary,
    /// Keys of Parallels' domain.
    pub parallels: Dictionary,
    /// Approves the agent's launchd job, signed by this team, or by anyone.
    pub background: Option<Option<Team>>,
    /// What is said of protected folders, for a program signed by this team.
    pub disk: (Disk, Option<Team>),
}

impl Draft {
    /// A profile that says nothing.
    #[must_use]
    pub fn new(identifier: &str) -> Self {
        Self {
            identifier: identifier.to_owned(),
            organization: None,
            shape: Shape::CustomDomain,
            agent: Dictionary::new(),
            parallels: Dictionary::new(),
            background: None,
            disk: (Disk::Unsaid, None),
        }
    }

    /// The profile, as XML.
    ///
    /// # Errors
    /// Full disk access without a team, or a value that has no form in XML.
    pub fn xml(&self) -> Result<Vec<u8>, PayloadError> {
        let mut bytes = Vec::new();
        Value::Dictionary(self.profile()?).to_writer_xml(&mut bytes)?;
        bytes.push(b'\n');
        // The writer lets every character through; XML 1.0 (2.2) does not.
        let is_none =
            |c: char| matches!(c, '\0'..' ' | '\u{fffe}' | '\u{ffff}') && !matches!(c, '\t' | '\n' | '\r');
        if String::from_utf8_lossy(&bytes).contains(is_none) {
            return Err(PayloadError::NoXml);
        }
        Ok(bytes)
    }

    fn profile(&self) -> Result<Dictionary, PayloadError> {
        let mut payloads = Vec::new();
        payloads.extend(self.preferences("settings", "Meridian", LABEL, &self.agent));
        let parallels = &self.parallels;
        payloads.extend(self.preferences(
            "activation",
            "Parallels Desktop activation",
            PARALLELS_MANAGED_DOMAIN,
            parallels,
        ));
        payloads.extend(self.background.as_ref().map(|team| self.background_items(team.as_ref())));
        if let (Disk::FullAccess, team) = &self.disk {
            payloads.push(self.full_disk_access(team.as_ref().ok_or(PayloadError::Team)?));
        }
        let mut profile = Dictionary::new();
        let payloads = payloads.into_iter().map(Value::Dictionary).collect();
        profile.insert("PayloadContent".to_owned(), Value::Array(payloads));
        put(
            &mut profile,
            "PayloadDescription",
            "Settings of Meridian, the endpoint agent for Parallels Desktop",
        );
        self.label(&mut profile, None, "Meridian", CONFIGURATION);
        put(&mut profile, "PayloadScope", "System");
        Ok(profile)
    }

    /// A payload of preferences, if there are any.
    fn preferences(&self, name: &str, title: &str, domain: &str, keys: &Dictionary) -> Option<Dictionary> {
        if keys.is_empty() {
            return None;
        }
        let mut payload = Dictionary::new();
        let kind = match self.shape {
            Shape::CustomDomain => {
                payload.clone_from(keys);
                domain
            }
            Shape::ManagedClient => {
                let settings = nested("mcx_preference_settings", Value::Dictionary(keys.clone()));
                let forced = nested("Forced", Value::Array(vec![settings]));
                payload.insert("PayloadContent".to_owned(), nested(domain, forced));
                MANAGED_CLIENT
            }
        };
        self.label(&mut payload, Some(name), title, kind);
        Some(payload)
    }

    /// The user cannot switch the agent's job off in Login Items.
    fn background_items(&self, team: Option<&Team>) -> Dictionary {
        let mut rule = Dictionary::new();
        put(&mut rule, "Comment", "Meridian's launchd job");
        put(&mut rule, "RuleType", "Label");
        put(&mut rule, "RuleValue", LABEL);
        if let Some(Team(team)) = team {
            put(&mut rule, "TeamIdentifier", team);
        }
        let mut payload = Dictionary::new();
        payload.insert("Rules".to_owned(), Value::Array(vec![rule.into()]));
        self.label(&mut payload, Some("background-items"), "Meridian background item", SERVICE_MANAGEMENT);
        payload
    }

    /// A program outside of a bundle is known by its path and by who signed it.
    fn full_disk_access(&self, Team(team): &Team) -> Dictionary {
        let mut identity = Dictionary::new();
        identity.insert("Allowed".to_owned(), Value::Boolean(true));
        let signed = format!("anchor apple generic and certificate leaf[subject.OU] = \"{team}\"");
        put(&mut identity, "CodeRequirement", &signed);
        put(&mut identity, "Comment", "Meridian reads the bundles of virtual machines");
        put(&mut identity, "Identifier", EXECUTABLE);
        put(&mut identity, "IdentifierType", "path");
        identity.insert("StaticCode".to_owned(), Value::Boolean(false));
        let services = nested("SystemPolicyAllFiles", Value::Array(vec![identity.into()]));
        let mut payload = Dictionary::new();
        payload.insert("Services".to_owned(), services);
        self.label(&mut payload, Some("full-disk-access"), "Meridian full disk access", PRIVACY);
        payload
    }

    /// Adds what every profile and payload must say of itself.
    fn label(&self, to: &mut Dictionary, name: Option<&str>, title: &str, kind: &str) {
        let identifier =
            name.map_or_else(|| self.identifier.clone(), |name| format!("{}.{name}", self.identifier));
        let organization = self.organization.as_deref().unwrap_or_default();
        put(to, "PayloadDisplayName", title);
        put(to, "PayloadIdentifier", &identifier);
        if !organization.is_empty() {
            put(to, "PayloadOrganization", organization);
        }
        put(to, "PayloadType", kind);
        put(to, "PayloadUUID", &uuid(&identifier, organization));
        to.insert("PayloadVersion".to_owned(), 1.into());
    }
}

fn put(to: &mut Dictionary, key: &str, text: &str) {
    to.insert(key.to_owned(), text.into());
}

fn nested(key: &str, value: Value) -> Value {
    let mut dictionary = Dictionary::new();
    dictionary.insert(key.to_owned(), value);
    Value::Dictionary(dictionary)
}

/// A UUID by name (RFC 9562, version 8 over SHA-256).
fn uuid(identifier: &str, organization: &str) -> String {
    let named = format!("meridian profile\0{identifier}\0{organization}");
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, named.as_bytes()).as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid().to_string().to_uppercase()
}
