//! User groups, those of sublicense keys among them. The whole key is shown when it is made and never again.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::{GroupId, PolicyId};
use crate::portal::app::Shared;
use crate::portal::model::licenses::key::GivenKey;
use crate::portal::model::licenses::seats::Pool;
use crate::portal::model::policy::{Group, GroupDraft};
use crate::portal::model::{EditError, Model};
use crate::wire::json::nullable;

const WHAT: &str = "group";

/// Which policy a group is to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    #[serde(deserialize_with = "nullable")]
    policy: Option<PolicyId>,
}

/// A group, with the key's seats where it has one.
pub(super) fn shown(model: &Model, group: &Group) -> Value {
    let mut shown = json!({"id": group.id, "name": group.name, "key": group.key, "policy": group.policy});
    if let Some(key) = &group.sublicense {
        let pool = Pool { license: key.license, group: Some(group.id) };
        shown["license"] = json!(key.license);
        shown["seats"] = json!(key.seats);
        shown["used_seats"] = model.licensing.ledger().used(pool).into();
        shown["idp_groups"] = json!(key.idp_groups);
    }
    shown
}

/// The same with its whole key, this once.
pub(super) fn with_key(mut shown: Value, key: Option<&GivenKey>) -> Value {
    if let Some(key) = key {
        shown["license_key"] = key.expose().into();
    }
    shown
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.groups, |group| shown(model, group))).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let draft: GroupDraft = incoming::read(request).await?;
    let made = app.store.transact(|model| put(model, None, &draft)).await??;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn get(State(app): State<Shared>, Segment(id): Segment) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let group = app.store.transact(|model| model.groups.get(&id).map(|group| shown(model, group))).await?;
    Ok(Json(group.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let draft: GroupDraft = incoming::read(request).await?;
    Ok(Json(app.store.transact(|model| put(model, Some(id), &draft)).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_group(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assign(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Assignment { policy } = incoming::read(request).await?;
    let assigned = |model: &mut Model| model.assign(id, policy).map(|group| shown(model, &group));
    Ok(Json(app.store.transact(assigned).await??))
}

fn put(model: &mut Model, id: Option<GroupId>, draft: &GroupDraft) -> Result<Value, EditError> {
    let (group, key) = model.put_group(id, draft)?;
    Ok(with_key(shown(model, &group), key.as_ref()))
}
