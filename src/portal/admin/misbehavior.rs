//! Orders to misbehave.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::incoming;
use super::problem::AdminError;
use crate::portal::app::Shared;
use crate::portal::faults::Order;

pub(super) async fn list(State(app): State<Shared>) -> Json<Value> {
    Json(json!({"items": app.faults.list(), "next": null}))
}

pub(super) async fn order(State(app): State<Shared>, request: Request) -> Result<StatusCode, AdminError> {
    let order: Order = incoming::read(request).await?;
    app.faults.order(order);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear(State(app): State<Shared>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}
