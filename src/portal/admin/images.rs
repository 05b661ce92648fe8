//! Golden images, by name.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::incoming::{self, Query, Segment};
use super::listing::Page;
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
    let Draft { name, description } = incoming::read(request).await?;
    let image = app.store.transact(|model| model.add_image(name, description)).await??;
    Ok((StatusCode::CREATED, Json(image)))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id: ImageId = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_image(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
