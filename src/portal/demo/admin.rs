//! An administrator of the portal: real requests to its admin API.
//!
//! In go paths below `/admin/v1` and bodies; out come the records as the portal shows them, or what it refused.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// How long a request may take; the long poll for changes is held for 25 s.
const LIMIT: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The HTTP client cannot be made.
    #[error("cannot prepare requests to the portal")]
    Client(#[source] reqwest::Error),
    /// The portal does not answer.
    #[error("{method} {path} got no answer from the portal")]
    Send {
        /// The method.
        method: Method,
        /// The path below `/admin/v1`.
        path: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The portal refused.
    #[error("{method} {path} was answered {status}: {body}")]
    Refused {
        /// The method.
        method: Method,
        /// The path below `/admin/v1`.
        path: String,
        /// The status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// The answer is not JSON.
    #[error("{path} was answered with something that is not JSON")]
    Garbage {
        /// The path below `/admin/v1`.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// An administrator.
#[derive(Debug, Clone)]
pub struct Admin {
    client: Client,
    base: String,
    token: String,
}

impl Admin {
    /// An administrator of the portal at this origin, with the token that it printed. `certificates` are PEM texts of authorities
    /// that its TLS may chain to.
    ///
    /// # Errors
    /// [`AdminError::Client`].
    pub fn new(origin: &str, token: &str, certificates: &[u8]) -> Result<Self, AdminError> {
        // Another choice that was made before stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = reqwest::Certificate::from_pem_bundle(certificates).map_err(AdminError::Client)?;
        let builder = Client::builder().no_proxy().timeout(LIMIT).tls_certs_only(roots);
        let client = builder.build().map_err(AdminError::Client)?;
        Ok(Self { client, base: format!("{origin}/admin/v1"), token: token.to_owned() })
    }

    /// Makes a request; an answer without a body is null.
    ///
    /// # Errors
    /// The portal does not answer, refuses, or answers something else than JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, AdminError> {
        let lost = |source| AdminError::Send { method: method.clone(), path: path.to_owned(), source };
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(lost)?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&bytes).into_owned();
            return Err(AdminError::Refused { method, path: path.to_owned(), status: status.as_u16(), body });
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|source| AdminError::Garbage { path: path.to_owned(), source })
    }

    /// The items of a list of at most 1,000.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, AdminError> {
        let mut answer = self.ask(Method::GET, &format!("{path}?limit=1000"), None).await?;
        Ok(answer.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default())
    }

    /// Makes a policy; its id.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn create_policy(&self, name: &str, settings: &Value) -> Result<String, AdminError> {
        let body = json!({ "name": name, "settings": settings });
        Ok(id_of(&self.ask(Method::POST, "/policies", Some(&body)).await?))
    }

    /// Makes a user group; its id.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn create_group(&self, name: &str) -> Result<String, AdminError> {
        Ok(id_of(&self.ask(Method::POST, "/groups", Some(&json!({ "name": name }))).await?))
    }

    /// Gives a group this policy, or none.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn assign(&self, group: &str, policy: Option<&str>) -> Result<Value, AdminError> {
        let body = json!({ "policy": policy });
        self.ask(Method::PUT, &format!("/groups/{group}/policy"), Some(&body)).await
    }

    /// Moves a device into this group, or out of any.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn move_device(&self, device: &str, group: Option<&str>) -> Result<Value, AdminError> {
        let body = json!({ "group": group });
        self.ask(Method::PUT, &format!("/devices/{device}/group"), Some(&body)).await
    }
}

/// The id of a record.
fn id_of(record: &Value) -> String {
    record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
