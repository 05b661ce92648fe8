//! Commands to a device.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::DeviceId;
use crate::portal::app::Shared;
use crate::portal::model::EditError;
use crate::portal::model::command::{OrderError, Ordered, USUAL};
use crate::wire::command::CommandKind;
use crate::wire::time;

const WHAT: &str = "device";

/// What an administrator orders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    kind: CommandKind,
    #[serde(default)]
    args: Map<String, Value>,
    #[serde(default)]
    expires_in_s: Option<i64>,
}

impl From<OrderError> for AdminError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Edit(error) => Self::Edit(error),
            OrderError::Sign(error) => Self::Sign(error),
        }
    }
}

fn shown(command: &Ordered, now: Timestamp) -> Value {
    let state = match &command.ack {
        Some(ack) => json!(ack.state),
        None if command.is_open(now) => json!("open"),
        None => json!("expired"),
    };
    json!({
        "id": command.id,
        "seq": command.seq,
        "kind": command.kind,
        "args": command.args,
        "ordered_at": time::write(command.at),
        "expires_at": time::write(command.expires_at),
        "state": state,
        "ack": command.ack,
    })
}

pub(super) async fn list(
    State(app): State<Shared>,
    Segment(id): Segment,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let id: DeviceId = incoming::id(&id, WHAT)?;
    let now = app.now();
    let listed = app.store.transact(|model| {
        let device = model.devices.get(&id).ok_or(EditError::Missing(WHAT))?;
        let commands = device.commands.iter().map(|command| (command.seq, command)).collect();
        page.of(&commands, |command| shown(command, now))
    });
    listed.await?.map(Json)
}

pub(super) async fn order(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Draft { kind, args, expires_in_s } = incoming::read(request).await?;
    let expires_in = expires_in_s.map_or(USUAL, SignedDuration::from_secs);
    let now = app.now();
    let (command, new) = app.store.transact(|model| model.order(id, (kind, args), expires_in, now)).await??;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(&command, now))))
}
