//! Golden images.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::ImageId;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::image::{Image, ImageDraft};

const WHAT: &str = "golden image";

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let listed = app.store.transact(|model| {
        let images = model.organization.images.iter().map(|image| (image.id, image)).collect();
        page.of(&images, |image| Image::clone(image))
    });
    listed.await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Image>), AdminError> {
    let draft: ImageDraft = incoming::read(request).await?;
    let image = app.store.transact(|model| model.put_image(None, draft)).await??;
    Ok((StatusCode::CREATED, Json(image)))
}

pub(super) async fn get(State(app): State<Shared>, Segment(id): Segment) -> Result<Json<Image>, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    let image = app.store.transact(|model| model.image(id).cloned()).await?;
    Ok(Json(image.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Image>, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    let draft: ImageDraft = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| model.put_image(Some(id), draft)).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_image(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
