//! Answers: success as JSON, refusals as problems, and `GET /v1/portal`, which has nothing but an answer.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::body::BodyError;
use crate::domain::ids::RequestId;
use crate::error::Chain;
use crate::portal::app::Shared;
use crate::portal::model::SignError;
use crate::portal::store::StoreError;
use crate::wire::limits::{API_VERSION, REQUEST_BODY};
use crate::wire::portal::PortalAnswer;
use crate::wire::problem::{MEDIA_TYPE, Problem, Refusal};

/// Why a request is not answered with success.
#[derive(Debug)]
pub(super) enum Denial {
    /// As the protocol's table has it.
    Refused(Refusal),
    /// Too many requests.
    Later {
        /// For how many seconds to wait.
        retry_after_s: u64,
    },
    /// The portal is at fault.
    Store(StoreError),
    /// The portal is at fault.
    Sign(SignError),
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Denial {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<BodyError> for Denial {
    fn from(error: BodyError) -> Self {
        Self::Refused(match error {
            BodyError::TooLarge => Refusal::TooLarge { limit: REQUEST_BODY as u64 },
            BodyError::Broken => Refusal::Malformed,
        })
    }
}

impl Denial {
    /// The answer to the request with this id.
    pub(super) fn answer(self, id: RequestId) -> Response {
        match self {
            Self::Refused(refusal) => problem(refusal, id),
            Self::Later { retry_after_s } => {
                let wait = [(header::RETRY_AFTER, retry_after_s.to_string())];
                (wait, untold(StatusCode::TOO_MANY_REQUESTS, id)).into_response()
            }
            Self::Store(error) => {
                tracing::error!(request_id = %id, "{}", Chain(&error));
                untold(StatusCode::SERVICE_UNAVAILABLE, id)
            }
            Self::Sign(error) => {
                tracing::error!(request_id = %id, "{}", Chain(&error));
                untold(StatusCode::INTERNAL_SERVER_ERROR, id)
            }
        }
    }
}

fn problem(refusal: Refusal, id: RequestId) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Problem { refusal, request_id: Some(id), detail: None }.body().to_string();
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
}

/// A problem of which the protocol's table knows nothing: to a device it is the network, to a person it says what it is.
fn untold(status: StatusCode, id: RequestId) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "request_id": id,
    });
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
}

/// No such path.
pub(super) async fn no_route(Extension(id): Extension<RequestId>) -> Response {
    untold(StatusCode::NOT_FOUND, id)
}

/// A path that does not take this method.
pub(super) async fn no_method(Extension(id): Extension<RequestId>) -> Response {
    untold(StatusCode::METHOD_NOT_ALLOWED, id)
}

/// `GET /v1/portal`.
pub(super) async fn portal(State(app): State<Shared>, Extension(id): Extension<RequestId>) -> Response {
    let server_time = app.now();
    let answer = app.store.transact(|model| PortalAnswer {
        api: vec![API_VERSION],
        organization: model.organization.name.clone(),
        keyset: model.organization.keyset.clone(),
        server_time,
    });
    match answer.await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Denial::from(error).answer(id),
    }
}
