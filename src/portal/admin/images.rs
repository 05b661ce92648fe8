//! Golden images.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::incoming;
use super::problem::AdminError;
use crate::domain::ids::ImageId;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::image::{Image, ImageDraft};

const WHAT: &str = "golden image";

pub(super) async fn list(State(app): State<Shared>) -> Result<Json<Value>, AdminError> {
    let images = app.store.transact(|model| model.organization.images.clone()).await?;
    Ok(Json(json!({"items": images, "next": null})))
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Image>), AdminError> {
    let draft: ImageDraft = incoming::read(request).await?;
    let image = app.store.transact(|model| model.put_image(None, draft)).await??;
    Ok((StatusCode::CREATED, Json(image)))
}

pub(super) async fn get(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Image>, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    let image = app.store.transact(|model| model.image(id).cloned()).await?;
    Ok(Json(image.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Image>, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    let draft: ImageDraft = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| model.put_image(Some(id), draft)).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_image(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
