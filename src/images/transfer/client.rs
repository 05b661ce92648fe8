//! The HTTP client for golden images: `http` and `https` alone, few redirects, no step back from TLS.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::{Attempt, Policy};
use url::Url;

use crate::checkin::http::{certificates, choose_cryptography};
use crate::domain::address::is_loopback;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);

/// How long nothing may come before a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// Whether images are fetched from such an address at all.
#[must_use]
pub fn is_fetchable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.host().is_some()
}

/// A client for this address; `ca` are the profile's certificates. It keeps no connection: downloads are far apart.
pub(super) fn client(url: &Url, ca: Option<&[u8]>) -> Result<Client, reqwest::Error> {
    choose_cryptography();
    let mut builder = Client::builder()
        .user_agent(concat!("meridian/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(Policy::custom(
            |attempt| if may_follow(&attempt) { attempt.follow() } else { attempt.stop() },
        ))
        .referer(false)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_max_idle_per_host(0)
        .tls_certs_merge(ca.map_or_else(Vec::new, certificates));
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// A redirect that is not followed leaves its own answer, whose status is no file.
fn may_follow(attempt: &Attempt<'_>) -> bool {
    let from_tls = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    attempt.previous().len() <= REDIRECTS
        && is_fetchable(attempt.url())
        && (!from_tls || attempt.url().scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_fetched_from() {
        for (url, fetchable) in [
            ("https://images.example/a.pvmp", true),
            ("http://10.0.0.1:8080/a.zip", true),
            ("file:///etc/passwd", false),
            ("ftp://images.example/a", false),
            ("data:text/plain,x", false),
        ] {
            assert_eq!(is_fetchable(&Url::parse(url).unwrap()), fetchable, "{url}");
        }
    }
}
