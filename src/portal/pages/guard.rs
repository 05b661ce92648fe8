//! What every answer and every request has to satisfy: a strict content security policy, and posts from this origin
//! alone.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::Portal;
use super::browse::address;

/// No script, style or frame but this origin's own files; nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says; `same-origin` and not `no-referrer`, under which browsers send `Origin: null` with a form.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Adds what every answer says; one that does not say how it may be kept is not kept.
pub(super) async fn harden(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.extend(HEADERS);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// Refuses a post from another origin, or from one that does not say.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !is_same_origin(request.headers()) {
        return (StatusCode::FORBIDDEN, "This form was not sent from the portal's own page.\n")
            .into_response();
    }
    next.run(request).await
}

/// Whether `Origin` names the host that the request was sent to. The scheme is not compared: a proxy may end TLS.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let authority = |text: &str| text.parse::<Authority>().ok();
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let origin = text(header::ORIGIN)
        .and_then(|origin| origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")));
    match (origin.and_then(authority), text(header::HOST).and_then(authority)) {
        (Some(origin), Some(host)) => origin == host,
        _ => false,
    }
}

/// Sends who is not signed in to the sign-in page; a script gets 401.
pub(super) async fn signed_in(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    if portal.sessions.admits(request.headers(), portal.now()) {
        return next.run(request).await;
    }
    if request.uri().path().ends_with("/live") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let wanted = request.uri().path_and_query().map_or("", |uri| uri.as_str());
    let pairs = match super::sign_in::page_of(wanted) {
        Some(page) => vec![("next", page.to_owned())],
        None => Vec::new(),
    };
    Redirect::to(&address(super::sign_in::PATH, &pairs)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_port_is_the_same_origin() {
        for (origin, host, same) in [
            (Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"), true),
            (Some("https://portal.example"), Some("portal.example"), true),
            (Some("http://127.0.0.1:8081"), Some("127.0.0.1:8080"), false),
            (Some("https://evil.example"), Some("portal.example"), false),
            (Some("https://portal.example.evil.example"), Some("portal.example"), false),
            (Some("null"), Some("portal.example"), false),
            (Some("file://portal.example"), Some("portal.example"), false),
            (None, Some("portal.example"), false),
            (Some("http://portal.example"), None, false),
            (Some("http://"), Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(host) = host {
                headers.insert(header::HOST, host.parse().unwrap());
            }
            assert_eq!(is_same_origin(&headers), same, "{origin:?} {host:?}");
        }
    }
}
