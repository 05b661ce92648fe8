//! Enrollment tokens. The text of one is shown when it is made and never again.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::digest::Digest;
use crate::domain::ids::GroupId;
use crate::portal::app::Shared;
use crate::portal::model::admission::{Token, random_secret};
use crate::wire::time;

/// What every enrollment token begins with, so that one that leaked is recognized.
pub(in crate::portal) const PREFIX: &str = "mer-enroll-";

/// What an administrator writes of a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    #[serde(default)]
    label: String,
    #[serde(default)]
    group: Option<GroupId>,
    #[serde(default)]
    reusable: bool,
    #[serde(default, deserialize_with = "optional_time")]
    expires_at: Option<Timestamp>,
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| time::read(&text)).transpose().map_err(de::Error::custom)
}

fn shown(token: &Token) -> Value {
    json!({
        "id": token.id,
        "label": token.label,
        "group": token.group,
        "reusable": token.reusable,
        "expires_at": token.expires_at.map(time::write),
        "uses": token.uses,
        "revoked": token.revoked,
    })
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.admissions.tokens, shown)).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let Draft { label, group, reusable, expires_at } = incoming::read(request).await?;
    let text = random_secret(PREFIX).map_err(AdminError::Random)?;
    let id = Digest::of(text.as_bytes());
    let token = Token { id, label, group, reusable, expires_at, uses: 0, revoked: false };
    let mut answer = shown(&token);
    answer["token"] = text.into();
    app.store.transact(|model| model.add_token(token)).await??;
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn revoke(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, "enrollment token")?;
    app.store.transact(|model| model.revoke_token(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}
