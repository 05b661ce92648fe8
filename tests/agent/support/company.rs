//! An organization with licenses: one portal, an administrator, and Macs that belong to it.

use std::sync::Arc;

use meridian::paths::PARALLELS_MANAGED_DOMAIN;
use meridian::portal::demo::admin::Admin;
use meridian::portal::demo::layout;
use meridian::portal::server::{Config, Portal, Running};
use meridian::simulator::{Activation, Installed, State};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Reply, Setup, TestEnvironment};

/// The last release that reports its presence and its license, and nothing else.
const OLD: &str = "20.0.1";

/// An organization.
pub(crate) struct Company {
    pub(crate) portal: Arc<Running>,
    pub(crate) admin: Admin,
}

impl Company {
    pub(crate) async fn new() -> Self {
        let portal = Portal::start(Config::default()).await.unwrap();
        let admin = Admin::new(portal.origin(), portal.admin_token(), &[]).unwrap();
        Self { portal: Arc::new(portal), admin }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.admin.ask(Method::POST, path, Some(&body)).await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        self.admin.ask(Method::PUT, path, Some(&body)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.admin.ask(Method::GET, path, None).await.unwrap()
    }

    /// What the portal says to what it refuses.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Value) -> String {
        self.admin.ask(method, path, Some(&body)).await.unwrap_err().to_string()
    }

    /// A new license of five seats; its id.
    pub(crate) async fn license(&self, product: &str, activation: &str, key: Option<&str>) -> String {
        let mut body = json!({"name": product, "product": product, "activation": activation, "seats": 5});
        if let Some(key) = key {
            body["key"] = key.into();
        }
        self.post("/licenses", body).await["id"].as_str().unwrap().to_owned()
    }

    /// How many seats of a license are taken.
    pub(crate) async fn used(&self, license: &str) -> u64 {
        self.get(&format!("/licenses/{license}")).await["used_seats"].as_u64().unwrap()
    }

    /// A Mac that is activated with this key.
    pub(crate) async fn mac(&self, key: &str) -> TestEnvironment {
        self.enroll(by_key(key), None).await
    }

    /// The same with a Parallels Desktop that knows no policies.
    pub(crate) async fn old_mac(&self, key: &str) -> TestEnvironment {
        self.enroll(by_key(key), Some(OLD)).await
    }

    /// A Mac to which this person has signed in, who draws on this key.
    pub(crate) async fn mac_of(&self, user: &str, key: &str) -> TestEnvironment {
        self.enroll(signed_in(user, key), None).await
    }

    /// The same with a Parallels Desktop that knows no policies.
    pub(crate) async fn old_mac_of(&self, user: &str, key: &str) -> TestEnvironment {
        self.enroll(signed_in(user, key), Some(OLD)).await
    }

    async fn enroll(&self, mut installed: Installed, version: Option<&str>) -> TestEnvironment {
        let mut state = State::demo();
        installed.terms = state.licensing.keys[&installed.key].terms.clone();
        if installed.activation == Activation::Sso {
            state.licensing.users.insert(installed.user.clone(), installed.key.clone());
        }
        state.licensing.installed = Some(installed);
        if let Some(version) = version {
            version.clone_into(&mut state.parallels.version);
        }
        Setup::default().mac(state).of(&self.portal, &self.admin).start().await
    }
}

fn by_key(key: &str) -> Installed {
    Installed { key: key.to_owned(), ..Installed::default() }
}

fn signed_in(user: &str, key: &str) -> Installed {
    let (key, user, activation) = (key.to_owned(), user.to_owned(), Activation::Sso);
    Installed { key, user, activation, ..Installed::default() }
}

impl TestEnvironment {
    /// Waits until the portal has this Mac on a license, as this product, and the Mac has the lease.
    pub(crate) async fn until_leased(&self, license: &str, product: &str) -> Value {
        self.until_device(&format!("leased as {product}"), |device| {
            let lease = &device["license"];
            let leased = lease["license"] == license && lease["product"] == product;
            leased && lease["state"] == "active" && lease["current"] == true
        })
        .await
    }

    /// Parallels' own profile: the Mac activates with this key.
    pub(crate) fn install_key(&self, key: &str) {
        self.parallels_profile(&[("ActivationExperience", "License Key"), ("LicenseKey", key)]);
    }

    /// Parallels' own profile: its user signs in.
    pub(crate) fn install_sign_in(&self) {
        self.parallels_profile(&[("ActivationExperience", "SSO")]);
    }

    fn parallels_profile(&self, items: &[(&str, &str)]) {
        let items = items.iter().map(|(name, value)| ((*name).to_owned(), plist::Value::from(*value)));
        layout::install_profile(&self.paths(), PARALLELS_MANAGED_DOMAIN, items.collect()).unwrap();
    }

    /// How often a verb of Parallels' tools was run.
    pub(crate) fn runs(&self, verb: &str) -> usize {
        self.verbs().iter().filter(|run| *run == verb).count()
    }

    /// The verbs of `prlsrvctl` about the license, in their order; `info` is the one about it alone.
    pub(crate) fn verbs(&self) -> Vec<String> {
        let calls = self.calls().into_iter().filter(|call| call.tool == "prlsrvctl");
        let about = calls.filter(|call| call.argv.iter().any(|word| word.contains("license")));
        about.map(|call| call.argv[0].clone()).collect()
    }

    /// The order that an administrator's MDM gives, which the portal is to know before it ends.
    pub(crate) async fn deactivate(&self, id: &str) -> Reply {
        let reply = self.cli(["deactivate-license", "--id", id, "--require-ack", "--json"]).await;
        assert_eq!(reply.code, 0, "{reply:?}\n{}", self.agent.log_tail(40).join("\n"));
        reply
    }

    /// The guide's own command, as MDM runs it. Whether it succeeded.
    pub(crate) async fn raw_deactivation(&self) -> bool {
        #[expect(clippy::disallowed_methods, reason = "MDM runs Parallels' own tool, without the agent")]
        let mut raw = tokio::process::Command::new(self.paths().prlsrvctl());
        raw.arg("deactivate-license").output().await.unwrap().status.success()
    }
}
