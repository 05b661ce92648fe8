//! What the admin API refuses, as problems.

use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::Chain;
use crate::portal::device::body::BodyError;
use crate::portal::model::{EditError, SignError};
use crate::portal::store::StoreError;
use crate::wire::json::JsonError;
use crate::wire::key::KeyError;
use crate::wire::limits::REQUEST_BODY;
use crate::wire::problem::MEDIA_TYPE;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    /// The request comes from another site's page.
    #[error("the request was made under a name that is not this portal's")]
    OtherSite,
    /// The token is missing or wrong.
    #[error("the administrator's token is missing or wrong")]
    NoToken,
    /// Nothing is there.
    #[error("no such resource")]
    NoRoute,
    /// Something is there, but not for this method.
    #[error("the resource does not take this method")]
    Method,
    /// The body is not said to be JSON.
    #[error("the body has to be application/json")]
    MediaType,
    /// The body cannot be read.
    #[error("cannot read the body")]
    Body(#[source] BodyError),
    /// The body is no JSON or not of the expected shape.
    #[error("the body is not as expected")]
    Json(#[source] JsonError),
    /// The query is not of the expected shape.
    #[error("the query is not as expected")]
    Queries(#[source] QueryRejection),
    /// A member of the query cannot be read.
    #[error("cannot read {0} of the query")]
    Query(&'static str),
    /// The change cannot be made.
    #[error("the change cannot be made")]
    Edit(#[source] EditError),
    /// There are no random numbers.
    #[error("cannot make a token")]
    Random(#[source] KeyError),
    /// A document could not be signed.
    #[error("cannot make the document")]
    Sign(#[source] SignError),
    /// The store failed.
    #[error("the change could not be stored")]
    Store(#[source] StoreError),
}

impl From<EditError> for AdminError {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl AdminError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::NoRoute | Self::Edit(EditError::Missing(_)) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Broken) | Self::Json(_) | Self::Queries(_) | Self::Query(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Edit(EditError::InUse(_) | EditError::Rule(_)) => StatusCode::CONFLICT,
            Self::Edit(EditError::Mistakes(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Random(_) | Self::Sign(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Edit(EditError::Mistakes(_)) => "urn:meridian:problem:invalid",
            Self::Edit(EditError::InUse(_)) => "urn:meridian:problem:in-use",
            Self::Edit(EditError::Rule(_)) => "urn:meridian:problem:not-allowed",
            Self::Json(_) | Self::Queries(_) | Self::Query(_) => "urn:meridian:problem:malformed",
            Self::Body(BodyError::TooLarge) => "urn:meridian:problem:too-large",
            _ => "about:blank",
        }
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut body = json!({
            "type": self.kind(),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
        });
        if status.is_server_error() {
            // What is wrong with the portal itself is for its log.
            tracing::error!("{}", Chain(&self));
        } else {
            body["detail"] = Chain(&self).to_string().into();
        }
        match &self {
            Self::Edit(EditError::Mistakes(mistakes)) => body["errors"] = json!(mistakes),
            Self::Body(BodyError::TooLarge) => body["limit"] = REQUEST_BODY.into(),
            _ => {}
        }
        let mut answer = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response();
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}
