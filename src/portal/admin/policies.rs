//! Policies.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::GroupId;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::policy::{Policy, PolicyDraft};

const WHAT: &str = "policy";

/// Which groups are to have a policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    groups: Vec<GroupId>,
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.policies, Policy::clone)).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Policy>), AdminError> {
    let draft: PolicyDraft = incoming::read(request).await?;
    let policy = app.store.transact(|model| model.put_policy(None, draft)).await??;
    Ok((StatusCode::CREATED, Json(policy)))
}

pub(super) async fn get(State(app): State<Shared>, Segment(id): Segment) -> Result<Json<Policy>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let policy = app.store.transact(|model| model.policies.get(&id).cloned()).await?;
    Ok(Json(policy.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Policy>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let draft: PolicyDraft = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| model.put_policy(Some(id), draft)).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_policy(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assign(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Groups { groups } = incoming::read(request).await?;
    app.store.transact(|model| model.assign_to(id, &groups)).await??;
    Ok(StatusCode::NO_CONTENT)
}
