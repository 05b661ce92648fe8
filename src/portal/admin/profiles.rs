//! License-bound configuration profiles: deprecated; every answer says so, and what replaces each setting.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::incoming;
use super::listing::Page;
use super::problem::AdminError;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::profiles::{ConfigurationProfile, Keys, ProfileDraft, WHAT};

fn shown(profile: &ConfigurationProfile) -> Value {
    let replaced: Map<String, Value> =
        profile.replacements().map(|(name, instead)| (name.to_owned(), instead.into())).collect();
    json!({
        "id": profile.id,
        "name": profile.name,
        "description": profile.description,
        "settings": profile.settings,
        "payloads": profile.payloads(),
        "keys": profile.keys,
        "deprecated": true,
        "replaced_by": replaced,
    })
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.profiles, shown)).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let draft: ProfileDraft = incoming::read(request).await?;
    let profile = app.store.transact(|model| model.put_profile(None, draft)).await??;
    Ok((StatusCode::CREATED, Json(shown(&profile))))
}

pub(super) async fn get(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let profile = app.store.transact(|model| model.profiles.get(&id).map(shown)).await?;
    Ok(Json(profile.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let draft: ProfileDraft = incoming::read(request).await?;
    Ok(Json(shown(&app.store.transact(|model| model.put_profile(Some(id), draft)).await??)))
}

pub(super) async fn bind(
    State(app): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let keys: Keys = incoming::read(request).await?;
    Ok(Json(shown(&app.store.transact(|model| model.bind_profile(id, keys)).await??)))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_profile(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
