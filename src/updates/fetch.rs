//! Asks an update server for its feed: one conditional request, and nothing of a broken answer is used.
//!
//! In go an address and the validators of the last answer; out comes [`News`]. No redirect is followed, so that an address is what
//! the administrator wrote. The body is read in pieces up to the limit of a feed, and is a feed as a whole or nothing.

use std::time::Duration;

use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::book::{News, Validators};
use super::{feed, xml};
use crate::domain::address::is_loopback;
use crate::error::Chain;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a request may take in all.
const TOTAL: Duration = Duration::from_secs(30);

/// The longest validator that is kept, in bytes.
const LONGEST_VALIDATOR: usize = 512;

/// Why a feed could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be asked.
    #[error("the address of the feed is none that can be asked")]
    Address,
    /// No answer came, or not all of it.
    #[error("the update server could not be asked")]
    Network(#[source] reqwest::Error),
    /// The server sends elsewhere.
    #[error("the update server sends on to {0}, which is not followed; name that address")]
    Redirect(String),
    /// Another status than 200 or 304.
    #[error("the update server answered with status {0}")]
    Status(u16),
    /// Over the limit.
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    /// No feed.
    #[error("the answer is no feed")]
    Feed(#[source] feed::FeedError),
}

/// Asks for the feed at this address.
pub async fn fetch(address: &str, validators: &Validators) -> News {
    match try_fetch(address, validators).await {
        Ok(news) => news,
        Err(error) => News::Failed(Chain(&error).to_string()),
    }
}

async fn try_fetch(address: &str, validators: &Validators) -> Result<News, FetchError> {
    let url = Url::parse(address).map_err(|_| FetchError::Address)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Address);
    }
    let client = client(&url).map_err(FetchError::Network)?;
    let conditions = conditions(validators);
    let conditional = !conditions.is_empty();
    let response = client
        .get(url)
        .timeout(TOTAL)
        .headers(conditions)
        .send()
        .await
        .map_err(|error| FetchError::Network(error.without_url()))?;
    match response.status() {
        StatusCode::NOT_MODIFIED if conditional => Ok(News::Unchanged),
        StatusCode::OK => {
            let validators = Validators {
                etag: text(response.headers(), &ETAG),
                last_modified: text(response.headers(), &LAST_MODIFIED),
            };
            let feed = feed::read(&whole(response).await?).map_err(FetchError::Feed)?;
            let flaws = u32::try_from(feed.flaws.len()).unwrap_or(u32::MAX);
            Ok(News::Read { offers: feed.offers, flaws, validators })
        }
        status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
            let place = text(response.headers(), &LOCATION);
            Err(FetchError::Redirect(place.unwrap_or_else(|| "another address".to_owned())))
        }
        status => Err(FetchError::Status(status.as_u16())),
    }
}

/// A client for one request: it is made once a day, and keeps nothing in between.
fn client(url: &Url) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("meridian/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // The trust store stays unread: it takes time and memory that plain HTTP does not need.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

fn conditions(validators: &Validators) -> HeaderMap {
    let pairs = [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)];
    let headers = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value.as_deref()?).ok()?)));
    headers.collect()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    (text.len() <= LONGEST_VALIDATOR).then(|| text.to_owned())
}

/// Reads the body in pieces, so that one that is too large is noticed while it comes, and one that ends early is an error.
async fn whole(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(piece) =
        response.chunk().await.map_err(|error| FetchError::Network(error.without_url()))?
    {
        if body.len() + piece.len() > xml::LARGEST {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
