//! The device API, `/v1`: the portal's side of the protocol.
//!
//! In go devices' requests; out come answers and problems, each with the request's id. The rules stand in the model
//! and in [`wire`](crate::wire); here are the steps between bytes and the two.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use super::app::Shared;
use super::faults::{Endpoint, damage};
use crate::domain::ids::RequestId;
use crate::wire::limits::REQUEST_ID;
use crate::wire::{checkin, enrollment, portal, wait};

mod answer;
mod authentication;
pub mod body;
mod checkins;
mod enrollments;
mod report;
mod waits;

/// The routes.
pub fn router(app: Shared) -> Router {
    Router::new()
        .route(portal::PATH, get(answer::portal))
        .route(enrollment::PATH, post(enrollments::enroll))
        .route(checkin::PATH, post(checkins::check_in))
        .route(wait::PATH, get(waits::wait))
        .route("/v1/", any(answer::no_route))
        .route("/v1/{*other}", any(answer::no_route))
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn_with_state(app.clone(), accompany))
        .with_state(app)
}

/// Gives the request its id, lets what is ordered go wrong, and writes the log.
async fn accompany(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(id);
    let fault = Endpoint::at(&path).and_then(|endpoint| app.faults.next(endpoint));
    let Some(fault) = fault else {
        return finish(id, &path, next.run(request).await);
    };
    damage::delay(&fault).await;
    if let Some(answer) = damage::instead(&fault) {
        return answer;
    }
    request.extensions_mut().insert(fault.clone());
    damage::damaged(&fault, finish(id, &path, next.run(request).await)).await
}

fn finish(id: RequestId, path: &str, mut answer: Response) -> Response {
    tracing::info!(request_id = %id, path, status = answer.status().as_u16(), "answered");
    match HeaderValue::from_str(&id.to_string()) {
        Ok(id) => {
            answer.headers_mut().insert(REQUEST_ID, id);
            answer
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The id that the request carries, or another one where that is no UUID of version 7 in its one form.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> RequestId {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| text.parse().ok().filter(|id: &RequestId| id.to_string() == text))
        .filter(|id| id.uuid().get_version_num() == 7)
        .unwrap_or_else(RequestId::next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_request_id_is_replaced_and_never_echoed() {
        let given = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, text.parse().unwrap());
            request_id(&headers).to_string()
        };
        let valid = RequestId::next().to_string();
        assert_eq!(given(&valid), valid);
        let four = RequestId::random().to_string();
        for text in ["", "x", &valid.to_uppercase(), &format!("{{{valid}}}"), &four, &format!("{valid} ")] {
            assert_ne!(given(text).as_str(), text);
        }
    }
}
