//! User groups.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::incoming;
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::PolicyId;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::policy::{Group, GroupDraft};
use crate::wire::json::nullable;

const WHAT: &str = "group";

/// Which policy a group is to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    #[serde(deserialize_with = "nullable")]
    policy: Option<PolicyId>,
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.groups, Group::clone)).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Group>), AdminError> {
    let draft: GroupDraft = incoming::read(request).await?;
    let group = app.store.transact(|model| model.put_group(None, &draft)).await??;
    Ok((StatusCode::CREATED, Json(group)))
}

pub(super) async fn get(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Group>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let group = app.store.transact(|model| model.groups.get(&id).cloned()).await?;
    Ok(Json(group.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Group>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let draft: GroupDraft = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| model.put_group(Some(id), &draft)).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_group(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assign(
    State(app): State<Shared>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Group>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Assignment { policy } = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| model.assign(id, policy)).await??))
}
