//! Bodies and ids of requests, read strictly.

use std::str::FromStr;

use axum::extract::Request;
use axum::http::header;
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
