//! The directory of people.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::portal::app::Shared;
use crate::portal::model::licenses::UserDraft;
use crate::portal::model::licenses::license::User;
use crate::portal::model::{EditError, Model};

const WHAT: &str = "user";

/// A person, the key that serves them now, and the Macs that their seat serves.
fn shown(model: &Model, user: &User, now: Timestamp) -> Value {
    let mapping = model.mapping(user, now);
    json!({
        "id": user.id,
        "name": user.name,
        "idp_groups": user.idp_groups,
        "active": user.active,
        "key": mapping.map(|(pool, _)| json!({"license": pool.license, "group": pool.group})),
        "mapping": mapping.map(|(_, mapping)| mapping),
        "devices": model.macs_of(&user.name),
    })
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let now = app.now();
    let listed = |model: &mut Model| page.of(&model.licensing.users, |user| shown(model, user, now));
    app.store.transact(listed).await?.map(Json)
}

pub(super) async fn get(
    State(app): State<Shared>,
    Segment(name): Segment,
) -> Result<Json<Value>, AdminError> {
    let now = app.now();
    let found = app.store.transact(|model| model.licensing.user(&name).map(|user| shown(model, user, now)));
    Ok(Json(found.await?.ok_or(EditError::Missing(WHAT))?))
}

pub(super) async fn write(
    State(app): State<Shared>,
    Segment(name): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let draft: UserDraft = incoming::read(request).await?;
    let now = app.now();
    let put = |model: &mut Model| model.put_user(&name, draft).map(|user| shown(model, &user, now));
    Ok(Json(app.store.transact(put).await??))
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(name): Segment,
) -> Result<StatusCode, AdminError> {
    app.store.transact(|model| model.delete_user(&name)).await??;
    Ok(StatusCode::NO_CONTENT)
}
