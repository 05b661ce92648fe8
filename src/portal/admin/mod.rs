//! The admin API, `/admin/v1`: JSON, with the bearer token that is printed at start.
//!
//! In go an administrator's requests; out come records, or problems (RFC 9457). Every route is listed here; nothing
//! else is answered. Members that are not known are refused, so that a misspelled one does not go unnoticed. Lists take
//! `?limit=` (100; more than 1,000 is 1,000, 0 is refused) and `?after=` (the `next` of the former page) and answer `{"items":[…],"next":…}`.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | `GET /portal` | | organization, root key, origin |
//! | `GET /groups`, `POST /groups` | `{name, key?, license?, seats?, idp_groups?}` | groups; 201 the group |
//! | `GET`, `PUT`, `DELETE /groups/{id}` | as above | the group; 204 |
//! | `PUT /groups/{id}/policy` | `{policy: id or null}` | the group |
//! | `GET /policies`, `POST /policies` | `{name, description?, settings?, golden_images?: [id], several_images?, image_delivery?: {bytes_per_s?, spread_s?}}` | policies; 201 the policy |
//! | `GET`, `PUT`, `DELETE /policies/{id}` | as above | the policy, its revision raised; 204 |
//! | `PUT /policies/{id}/groups` | `{groups: [id]}` | 204; exactly these groups have it |
//! | `GET /devices`, `GET /devices/{id}` | | devices with what they report |
//! | `PUT /devices/{id}/group` | `{group: id or null}` | the device |
//! | `POST /devices/{id}/retire` | | the device; cannot be undone |
//! | `POST /devices/{id}/license/revoke`, `…/restore` | | the device; after `restore` its next lease is a released one, and it verifies by itself |
//! | `GET /devices/{id}/commands`, `POST` | `{kind, args?, expires_in_s?}` | commands; 201 the command, 200 the pending one of that kind |
//! | `GET /licenses`, `POST /licenses` | `{name, product, seats, activation?, key?, ends_at?, idp_groups?, when_unverified?, suspend_trial?}` | licenses; 201 the license |
//! | `GET`, `PUT`, `DELETE /licenses/{id}` | `{name?, seats?, activation?, ends_at?, idp_groups?, when_unverified?}` | the license, of which stays what is not named; 204 |
//! | `PUT /licenses/{id}/policy` | `{policy: id or null}` | the license, whose primary key has it |
//! | `PUT /licenses/{id}/state` | `{state: active or suspended}`, `{state: replaced, by: id}` | the license |
//! | `POST /licenses/{id}/convert` | `{seats?, activation?}` | `{license, suspended: [id]}`; Business becomes Enterprise |
//! | `POST /licenses/{id}/make-permanent` | `{seats?, ends_at?}` | the license; a trial becomes Enterprise |
//! | `POST /licenses/{id}/split` | `{groups: [{name, key?, seats?, idp_groups?}]}` | 201 `{groups, reactivate: [device id]}` |
//! | `GET /users` | | the directory, each person with `key` and `mapping` |
//! | `GET`, `PUT`, `DELETE /users/{name}` | `{idp_groups: [name] or null, active?}` | the person; 204 |
//! | `GET /images`, `POST /images`, `PUT /images/{id}`, `DELETE /images/{id}` | `{name, description?, files?: {arm64, x86_64: {enabled, url, sha256, size, unpacked_size}}, groups?}` | golden images; 201 the image; 200; 204 |
//! | `GET /configuration-profiles`, `POST` | `{name, description?, settings?}` | license-bound profiles, deprecated; 201 the profile |
//! | `GET`, `PUT`, `DELETE /configuration-profiles/{id}` | as above | the profile; 204 |
//! | `PUT /configuration-profiles/{id}/keys` | `{groups?: [id], licenses?: [id]}` | the profile; bound to exactly these keys |
//! | `GET /vms` | | virtual machines as reported; `?device=` for one device's |
//! | `GET /tokens`, `POST /tokens` | `{label?, group?, reusable?, expires_at?}` | tokens; 201 with `token`, shown this once |
//! | `DELETE /tokens/{id}` | | 204, the token is revoked |
//! | `GET /faults`, `POST /faults`, `DELETE /faults` | an order: `{endpoint, fault: {kind, …}, times?}` | orders; 204 |
//! | `GET /changes?after=N` | | `{"revision": M}` once M differs from N, or after 25 s |
//!
//! A license's or sublicense's whole key, given or made, is in the answer that makes it, as `license_key`, and nowhere
//! else: the portal keeps its first and last group. `activation` is `per_device` (if nothing is said), `per_user` or
//! `mixed`; `when_unverified` is `report` (if nothing is said), or `lift_policy`, by which a Mac that could not verify until
//! its grace ended has no policy until it does; `seats` of a group `{"mode":"reserved","limit":n}` or `{"mode":"dynamic","limit":n or null}`. What a rule
//! of licensing forbids is answered 409 `not-allowed`, with the rule in `detail`. A `PUT` on a group with a license
//! keeps key, seats and mappings that it does not name.
//!
//! A policy carries one golden image, or with `several_images` more, in their order; those that are aimed at other groups are
//! left out for a Mac. `fetch_image` takes `args: {image?, user?}`.
//!
//! A policy whose settings the catalog does not admit is answered 422, with `errors: [{pointer, detail}]`.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};

use super::app::{App, Shared};

mod commands;
mod devices;
mod groups;
mod images;
mod incoming;
mod licenses;
mod listing;
mod misbehavior;
mod policies;
mod problem;
mod profiles;
mod service;
mod tokens;
mod users;

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
        .route("/devices/{id}/license/revoke", post(devices::revoke_license))
        .route("/devices/{id}/license/restore", post(devices::restore_license))
        .route("/devices/{id}/commands", get(commands::list).post(commands::order))
        .merge(licensing())
        .route("/vms", get(devices::virtual_machines))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/faults", get(misbehavior::list).post(misbehavior::order).delete(misbehavior::clear))
        .fallback(no_route)
        .method_not_allowed_fallback(|| async { AdminError::Method });
    // What is nested begins behind the slash, and is not there at the slash alone.
    let all = Router::new().nest("/admin/v1", routes).route("/admin/v1/", any(no_route));
    all.layer(from_fn_with_state(app.clone(), guard)).with_state(app)
}

async fn no_route() -> AdminError {
    AdminError::NoRoute
}

/// The routes of licenses, people and images.
fn licensing() -> Router<Shared> {
    Router::new()
        .route("/licenses", get(licenses::list).post(licenses::create))
        .route("/licenses/{id}", get(licenses::get).put(licenses::write).delete(licenses::delete))
        .route("/licenses/{id}/policy", put(licenses::assign))
        .route("/licenses/{id}/state", put(licenses::set_state))
        .route("/licenses/{id}/convert", post(licenses::convert))
        .route("/licenses/{id}/make-permanent", post(licenses::make_permanent))
        .route("/licenses/{id}/split", post(licenses::split))
        .route("/configuration-profiles", get(profiles::list).post(profiles::create))
        .route(
            "/configuration-profiles/{id}",
            get(profiles::get).put(profiles::write).delete(profiles::delete),
        )
        .route("/configuration-profiles/{id}/keys", put(profiles::bind))
        .route("/users", get(users::list))
        .route("/users/{name}", get(users::get).put(users::write).delete(users::delete))
        .route("/images", get(images::list).post(images::create))
        .route("/images/{id}", get(images::get).put(images::write).delete(images::delete))
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
