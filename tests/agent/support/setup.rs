//! How the Mac of a test is before its agent starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use meridian::portal::demo::admin::Admin;
use meridian::portal::demo::agent::Agent;
use meridian::portal::demo::layout::{self, Root};
use meridian::portal::server::tls::Identity;
use meridian::portal::server::{Config, Portal, Running};
use meridian::simulator::State;
use plist::Dictionary;
use serde_json::{Value, json};

use super::TestEnvironment;

/// The Mac of a test.
pub(crate) struct Setup {
    state: State,
    policy: Option<Value>,
    profile: Value,
    tls: bool,
    agent: PathBuf,
    portal: Option<(Arc<Running>, Admin)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            state: State::demo(),
            policy: None,
            profile: json!({}),
            tls: false,
            agent: env!("CARGO_BIN_EXE_meridian").into(),
            portal: None,
        }
    }
}

impl Setup {
    pub(crate) fn mac(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The group of the Mac has this policy from the start.
    pub(crate) fn policy(self, settings: Value) -> Self {
        Self { policy: Some(settings), ..self }
    }

    /// Items of the profile that differ; null leaves one out.
    pub(crate) fn profile(self, changes: Value) -> Self {
        Self { profile: changes, ..self }
    }

    /// The portal speaks TLS by a certificate of a private authority, which the profile names.
    pub(crate) fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// The Mac belongs to this portal, which speaks no TLS.
    pub(crate) fn of(self, portal: &Arc<Running>, admin: &Admin) -> Self {
        Self { portal: Some((Arc::clone(portal), admin.clone())), ..self }
    }

    pub(crate) async fn start(self) -> TestEnvironment {
        let mut environment = self.prepare().await;
        environment.start_agent();
        environment
    }

    /// Everything but the agent's process.
    pub(crate) async fn prepare(self) -> TestEnvironment {
        let authority = self.tls.then(authority);
        let (ca, tls) = authority.map_or_else(Default::default, |(ca, identity)| (ca, Some(identity)));
        let root = Root::scratch().unwrap();
        let shared = self.portal.is_some();
        let (portal, admin) = if let Some(known) = self.portal {
            known
        } else {
            let portal = Portal::start(Config { tls, ..Config::default() }).await.unwrap();
            let admin = Admin::new(portal.origin(), portal.admin_token(), ca.as_bytes()).unwrap();
            (Arc::new(portal), admin)
        };
        let name = root.path().file_name().unwrap().to_string_lossy().into_owned();
        let group = admin.create_group(&format!("Test {name}")).await.unwrap();
        // Of several Macs, each is where its license puts it.
        let group_of_token = (!shared).then_some(group.as_str());
        if let Some(settings) = &self.policy {
            let policy = admin.create_policy("Policy", settings).await.unwrap();
            admin.assign(&group, Some(&policy)).await.unwrap();
        }
        layout::lay(&root.paths(), Path::new(env!("CARGO_BIN_EXE_prl-sim")), &self.state).unwrap();
        layout::install_agent_profile(&root.paths(), profile(&portal, group_of_token, &ca).await).unwrap();
        let agent = Agent::new(self.agent, root.paths());
        let environment = TestEnvironment { process: None, agent, portal, admin, group, root };
        environment.change_profile(&self.profile);
        environment
    }
}

async fn profile(portal: &Running, group: Option<&str>, ca: &str) -> Dictionary {
    let token = portal.enrollment_token("test", group.map(|group| group.parse().unwrap())).await.unwrap();
    let mut items = json!({
        "PortalURL": portal.origin(),
        "PortalRootKey": portal.root_key().to_string(),
        "EnrollmentToken": token,
        "LogLevel": "debug",
        "PayloadUUID": "B0A7E2C4-3D5F-4E6A-8B9C-0D1E2F3A4B5C",
    });
    if !ca.is_empty() {
        items["PortalCA"] = ca.into();
    }
    property(&items).unwrap().into_dictionary().unwrap()
}

/// A JSON value as a property list has it; nothing for null.
pub(super) fn property(value: &Value) -> Option<plist::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_i64().unwrap().into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => plist::Value::Array(values.iter().filter_map(property).collect()),
        Value::Object(items) => plist::Value::Dictionary(
            items.iter().filter_map(|(name, value)| Some((name.clone(), property(value)?))).collect(),
        ),
    })
}

/// A private authority, and an identity for loopback that it certifies.
fn authority() -> (String, Identity) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = parameters.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let identity =
        Identity { certificates: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() };
    (ca.pem(), identity)
}
