//! Signing in with the portal's admin token, and signing out.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::browse::Params;
use super::chrome::{Chrome, Tab};
use super::parts::Icon;
use super::text::Shown;
use super::{Portal, assets, broken, session};

/// The address of the sign-in page.
pub(super) const PATH: &str = "/sign-in";

/// The sign-in page.
#[derive(Template)]
#[template(config = "src/portal/pages/askama.toml", path = "sign_in.html")]
struct Page {
    chrome: Chrome,
    next: String,
    refused: bool,
}

impl Page {
    fn answer(portal: &Portal, next: &str, refused: bool) -> Response {
        let chrome = Chrome { organization: portal.access.organization.clone(), tab: None, version: 0 };
        let next = page_of(next).unwrap_or_default().to_owned();
        let status = if refused { StatusCode::FORBIDDEN } else { StatusCode::OK };
        match (Self { chrome, next, refused }).render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => broken(&error),
        }
    }
}

/// Shows the sign-in page, or goes on where a person is signed in already.
pub(super) async fn form(
    State(portal): State<Portal>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Response {
    let params = Params::parse(raw.unwrap_or_default().as_bytes());
    let next = params.get("next");
    if portal.sessions.admits(&headers, portal.now()) {
        return onward(next).into_response();
    }
    Page::answer(&portal, next, false)
}

/// Checks the token, opens a session and goes on to the page that was asked for.
pub(super) async fn enter(State(portal): State<Portal>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Params::parse(&body);
    let next = form.get("next");
    if !(portal.access.accepts)(form.get("token").trim()) {
        return Page::answer(&portal, next, true);
    }
    portal.sessions.close(&headers);
    match portal.sessions.open(portal.now()) {
        Ok(id) => {
            ([(header::SET_COOKIE, session::cookie(&id, portal.access.secure))], onward(next)).into_response()
        }
        Err(error) => broken(&error),
    }
}

/// Ends the session.
pub(super) async fn leave(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    portal.sessions.close(&headers);
    ([(header::SET_COOKIE, session::no_cookie(portal.access.secure))], Redirect::to(PATH)).into_response()
}

fn onward(next: &str) -> Redirect {
    Redirect::to(page_of(next).unwrap_or(Tab::VirtualMachines.path()))
}

/// The address where it is one of a page of ours, so that nobody is sent elsewhere after signing in.
pub(super) fn page_of(address: &str) -> Option<&str> {
    let path = address.split('?').next()?;
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && Tab::ALL.iter().any(|tab| tab.path() == path)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (address, ours) in [
            ("/devices", true),
            ("/virtual-machines?q=a+b", true),
            ("", false),
            ("/", false),
            ("//evil.example/devices", false),
            ("https://evil.example", false),
            ("/devices\\@evil.example", false),
            ("/devices?\r\nSet-Cookie: x", false),
            ("/devices/../x", false),
        ] {
            assert_eq!(page_of(address).is_some(), ours, "{address}");
        }
    }
}
