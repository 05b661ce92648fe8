//! Golden images, by name.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::incoming;
use super::problem::AdminError;
use crate::domain::ids::ImageId;
use crate::portal::app::Shared;
use crate::portal::model::organization::Image;

const WHAT: &str = "golden image";

/// What an administrator writes of a golden image.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    name: String,
    #[serde(default)]
    description: String,
}

pub(super) async fn list(State(app): State<Shared>) -> Result<Json<Value>, AdminError> {
    let images = app.store.transact(|model| model.organization.images.clone()).await?;
    Ok(Json(json!({"items": images, "next": null})))
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Image>), AdminError> {
    let Draft { name, description } = incoming::read(request).await?;
    let image = app.store.transact(|model| model.add_image(name, description)).await??;
    Ok((StatusCode::CREATED, Json(image)))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_image(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
