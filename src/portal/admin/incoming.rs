//! Bodies, queries and ids of requests, read strictly; what cannot be read is answered with a problem like all else.

use std::str::FromStr;

use axum::extract::{self, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::AdminError;
use crate::portal::device::body;
use crate::portal::model::EditError;
use crate::wire::json;
use crate::wire::limits::{JSON, REQUEST_BODY};
use crate::wire::problem::is_media_type;

/// The body as one value of this type.
pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, AdminError> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|named| is_media_type(named, JSON)) {
        return Err(AdminError::MediaType);
    }
    let body = body::read(request.into_body(), REQUEST_BODY).await.map_err(AdminError::Body)?;
    json::parse_as(&body).map_err(AdminError::Json)
}

/// An id of the path. What is no id names nothing.
pub(super) fn id<T: FromStr>(text: &str, what: &'static str) -> Result<T, AdminError> {
    text.parse().map_err(|_| EditError::Missing(what).into())
}

/// The query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        let read = extract::Query::try_from_uri(&parts.uri);
        read.map(|extract::Query(query)| Self(query)).map_err(AdminError::Queries)
    }
}

/// The variable segment of the path. One that is no text names nothing.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let read = extract::Path::from_request_parts(parts, state).await;
        read.map(|extract::Path(text)| Self(text)).map_err(|_| AdminError::NoRoute)
    }
}
