//! The admin API, `/admin/v1`: JSON, with the bearer token that is printed at start.
//!
//! In go an administrator's requests; out come records, or problems (RFC 9457). Every route is listed here; nothing
//! else is answered. Members that are not known are refused, so that a misspelled one does not go unnoticed. Lists take
//! `?limit=` (100, at most 1,000) and `?after=` (the `next` of the former page) and answer `{"items":[…],"next":…}`.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `GET /portal` | | organization, root key, origin |
//! | `GET /groups`, `POST /groups` | `{name, key?}` | groups; 201 the group |
//! | `GET`, `PUT`, `DELETE /groups/{id}` | `{name, key?}` | the group; 204 |
//! | `PUT /groups/{id}/policy` | `{policy: id or null}` | the group |
//! | `GET /policies`, `POST /policies` | `{name, description?, settings?}` | policies; 201 the policy |
//! | `GET`, `PUT`, `DELETE /policies/{id}` | as above | the policy, its revision raised; 204 |
//! | `PUT /policies/{id}/groups` | `{groups: [id]}` | 204; exactly these groups have it |
//! | `GET /devices`, `GET /devices/{id}` | | devices with what they report |
//! | `PUT /devices/{id}/group` | `{group: id or null}` | the device |
//! | `POST /devices/{id}/retire` | | the device; cannot be undone |
//! | `GET /vms` | | virtual machines as reported; `?device=` for one device's |
//! | `GET /tokens`, `POST /tokens` | `{label?, group?, reusable?, expires_at?}` | tokens; 201 with `token`, shown this once |
//! | `DELETE /tokens/{id}` | | 204, the token is revoked |
//! | `GET /faults`, `POST /faults`, `DELETE /faults` | an order: `{endpoint, fault: {kind, …}, times?}` | orders; 204 |
//! | `GET /changes?after=N` | | `{"revision": M}` once M differs from N, or after 25 s |
//!
//! A policy whose settings the catalog does not admit is answered 422, with `errors: [{pointer, detail}]`.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};

use super::app::{App, Shared};

mod devices;
mod groups;
mod incoming;
mod listing;
mod misbehavior;
mod policies;
mod problem;
mod service;
mod tokens;

use problem::AdminError;
pub(super) use tokens::PREFIX as TOKEN_PREFIX;

/// The routes, below `/admin/v1`.
pub fn router(app: Shared) -> Router {
    let routes = Router::new()
        .route("/portal", get(service::portal))
        .route("/changes", get(service::changes))
        .route("/groups", get(groups::list).post(groups::create))
        .route("/groups/{id}", get(groups::get).put(groups::write).delete(groups::delete))
        .route("/groups/{id}/policy", put(groups::assign))
        .route("/policies", get(policies::list).post(policies::create))
        .route("/policies/{id}", get(policies::get).put(policies::write).delete(policies::delete))
        .route("/policies/{id}/groups", put(policies::assign))
        .route("/devices", get(devices::list))
        .route("/devices/{id}", get(devices::get))
        .route("/devices/{id}/group", put(devices::assign))
        .route("/devices/{id}/retire", post(devices::retire))
        .route("/vms", get(devices::virtual_machines))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/faults", get(misbehavior::list).post(misbehavior::order).delete(misbehavior::clear))
        .fallback(|| async { AdminError::NoRoute })
        .method_not_allowed_fallback(|| async { AdminError::Method })
        .layer(from_fn_with_state(app.clone(), guard));
    Router::new().nest("/admin/v1", routes).with_state(app)
}

/// Nothing is looked at before the token is; nothing is kept by a cache.
async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut answer = if !app.origins.admit(request.headers()) {
        AdminError::OtherSite.into_response()
    } else if is_administrator(&app, &request) {
        next.run(request).await
    } else {
        AdminError::NoToken.into_response()
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Whether the request carries the administrator's token.
fn is_administrator(app: &App, request: &Request) -> bool {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.split_once(' '));
    token.is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("Bearer") && app.is_admin_token(token))
}
