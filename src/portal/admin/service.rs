//! The portal itself: what profiles need to know of it, and when something changed.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::incoming::Query;
use super::problem::AdminError;
use crate::portal::app::Shared;

/// For how long a change is waited for.
const PATIENCE: Duration = Duration::from_secs(25);

/// What the caller has seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    after: Option<u64>,
}

pub(super) async fn portal(State(app): State<Shared>) -> Result<Json<Value>, AdminError> {
    let shown = app.store.transact(|model| {
        let organization = &model.organization;
        json!({
            "organization": {"id": organization.id, "name": organization.name},
            "origin": app.origins.main(),
            "root_key": organization.root.public(),
            "keyset_version": organization.keyset_version,
        })
    });
    Ok(Json(shown.await?))
}

pub(super) async fn changes(
    State(app): State<Shared>,
    Query(Seen { after }): Query<Seen>,
) -> Result<Json<Value>, AdminError> {
    let mut revision = app.store.revision();
    // Without a change in time, or at the portal's end, the answer is what is known.
    let _ = tokio::time::timeout(PATIENCE, revision.wait_for(|now| Some(*now) != after)).await;
    let now = *revision.borrow();
    Ok(Json(app.store.transact(|_| json!({"revision": now})).await?))
}
