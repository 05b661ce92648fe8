//! Orders to misbehave.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::incoming::{self, Query};
use super::listing::Page;
use super::problem::AdminError;
use crate::portal::app::Shared;
use crate::portal::faults::Order;

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let orders = (1_usize..).zip(app.faults.list()).collect();
    page.of(&orders, Order::clone).map(Json)
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
