//! Where the portal is reached: what proofs are made for, and which `Host` and `Origin` a browser may name.
//!
//! A page that a browser loaded from elsewhere can be made to point to this address (DNS rebinding), but its requests
//! then carry another name.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};

/// The portal's origins, its main one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Those of a listener, after the ones that are configured. Nobody can call an address that stands for all of them.
    #[must_use]
    pub fn of(configured: &[String], address: SocketAddr, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let mut origins = configured.to_vec();
        if !address.ip().is_unspecified() {
            origins.push(format!("{scheme}://{address}"));
        }
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            let port = address.port();
            origins
                .extend(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{scheme}://{host}:{port}")));
        }
        Self(origins)
    }

    /// The main one.
    #[must_use]
    pub fn main(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The origin that a proof names, if it is this portal's; else the main one, for which the proof is not made.
    #[must_use]
    pub fn named<'a>(&'a self, aud: &str) -> &'a str {
        self.0.iter().find(|origin| *origin == aud).map_or_else(|| self.main(), String::as_str)
    }

    /// Whether a request was made under one of the portal's own names, and not by another site's page.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = text(header::HOST).unwrap_or_default();
        let named = self.0.iter().any(|origin| origin.split_once("://").is_some_and(|(_, own)| own == host));
        named && text(header::ORIGIN).is_none_or(|origin| self.0.iter().any(|own| own == origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_one_can_be_called() {
        for (address, tls, main) in [
            ("0.0.0.0:8599", false, "http://127.0.0.1:8599"),
            ("[::]:8599", true, "https://127.0.0.1:8599"),
            ("192.0.2.7:8599", true, "https://192.0.2.7:8599"),
            ("[::1]:8599", false, "http://[::1]:8599"),
        ] {
            assert_eq!(Origins::of(&[], address.parse().unwrap(), tls).main(), main);
        }
    }

    #[test]
    fn only_the_portals_own_names_are_admitted() {
        let origins =
            Origins::of(&["https://portal.example".to_owned()], "127.0.0.1:8080".parse().unwrap(), false);
        assert_eq!(origins.main(), "https://portal.example");
        assert_eq!(origins.named("http://localhost:8080"), "http://localhost:8080");
        assert_eq!(origins.named("http://evil.example"), "https://portal.example");
        for (host, origin, admitted) in [
            ("127.0.0.1:8080", None, true),
            ("localhost:8080", Some("http://localhost:8080"), true),
            ("portal.example", Some("https://portal.example"), true),
            ("evil.example:8080", None, false),
            ("localhost", None, false),
            ("", None, false),
            ("localhost:8080", Some("http://evil.example"), false),
            ("localhost:8080", Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin.map(|origin: &str| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            assert_eq!(origins.admit(&headers), admitted, "{host} {origin:?}");
        }
    }
}
