//! Licenses, and the ways from one to another.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::groups::{self, with_key};
use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::{LicenseId, PolicyId};
use crate::portal::app::{App, Shared};
use crate::portal::model::licenses::key::GivenKey;
use crate::portal::model::licenses::license::{
    Activation, License, LicenseChange, LicenseDraft, LicenseState, NewLicense, known_word,
};
use crate::portal::model::licenses::{Conversion, Permanence, StateOrder, SublicenseDraft};
use crate::portal::model::{EditError, Model};
use crate::wire::json::nullable;
use crate::wire::lease::{Product, WhenUnverified};
use crate::wire::time;

const WHAT: &str = "license";

/// What an administrator writes of a new license.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    name: String,
    product: Product,
    seats: u32,
    #[serde(default)]
    activation: Activation,
    #[serde(default)]
    key: Option<GivenKey>,
    #[serde(default, with = "time::optional")]
    ends_at: Option<Timestamp>,
    #[serde(default)]
    idp_groups: Vec<String>,
    #[serde(default)]
    suspend_trial: bool,
    #[serde(default, deserialize_with = "known_word")]
    when_unverified: WhenUnverified,
}

impl From<Draft> for NewLicense {
    fn from(draft: Draft) -> Self {
        let Draft { name, product, key, suspend_trial, .. } = draft;
        let draft = LicenseDraft {
            name,
            seats: draft.seats,
            activation: draft.activation,
            ends_at: draft.ends_at,
            idp_groups: draft.idp_groups,
            when_unverified: draft.when_unverified,
        };
        Self { draft, product, key, suspend_trial }
    }
}

/// Which policy the primary key is to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    #[serde(deserialize_with = "nullable")]
    policy: Option<PolicyId>,
}

/// The keys that a license is to be split into.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    groups: Vec<SublicenseDraft>,
}

fn shown(model: &Model, license: &License, now: Timestamp) -> Value {
    let (state, by) = match license.state {
        LicenseState::Replaced { by } => ("replaced", Some(by)),
        LicenseState::Suspended => ("suspended", None),
        LicenseState::Active if license.is_expired(now) => ("expired", None),
        LicenseState::Active => ("active", None),
    };
    json!({
        "id": license.id,
        "name": license.name,
        "product": license.product,
        "activation": license.activation,
        "seats": license.seats,
        "used_seats": model.seats_used(license.id),
        "primary_used_seats": model.licensing.ledger().used(license.pool()),
        "key": license.primary.key,
        "policy": license.primary.policy,
        "idp_groups": license.primary.idp_groups,
        "state": state,
        "replaced_by": by,
        "ends_at": license.ends_at.map(time::write),
        "groups": model.keys_of(license.id).map(|group| group.id).collect::<Vec<_>>(),
        "kept_policies": license.kept_policies.iter().flatten().collect::<Vec<_>>(),
        "when_unverified": license.when_unverified,
    })
}

/// Changes a license and shows it.
async fn changed(
    app: &App,
    id: &str,
    change: impl FnOnce(&mut Model, LicenseId) -> Result<License, EditError>,
) -> Result<Json<Value>, AdminError> {
    let (id, now) = (incoming::id(id, WHAT)?, app.now());
    let done = app.store.transact(|model| change(model, id).map(|license| shown(model, &license, now)));
    Ok(Json(done.await??))
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let now = app.now();
    let listed = |model: &mut Model| page.of(&model.licensing.licenses, |license| shown(model, license, now));
    app.store.transact(listed).await?.map(Json)
}

pub(super) async fn create(
    State(app): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let draft: Draft = incoming::read(request).await?;
    let now = app.now();
    let made = app.store.transact(|model| {
        let (license, key) = model.add_license(draft.into())?;
        Ok::<_, EditError>(with_key(shown(model, &license, now), key.as_ref()))
    });
    Ok((StatusCode::CREATED, Json(made.await??)))
}

pub(super) async fn get(State(app): State<Shared>, Segment(id): Segment) -> Result<Json<Value>, AdminError> {
    changed(&app, &id, |model, id| model.license(id).cloned()).await
}

pub(super) async fn write(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let change: LicenseChange = incoming::read(request).await?;
    changed(&app, &id, |model, id| model.write_license(id, change)).await
}

pub(super) async fn delete(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<StatusCode, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| model.delete_license(id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assign(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let Assignment { policy } = incoming::read(request).await?;
    changed(&app, &id, |model, id| model.assign_primary(id, policy)).await
}

pub(super) async fn set_state(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let order: StateOrder = incoming::read(request).await?;
    changed(&app, &id, |model, id| model.set_license_state(id, order)).await
}

pub(super) async fn convert(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let order: Conversion = incoming::read(request).await?;
    let (id, now) = (incoming::id(&id, WHAT)?, app.now());
    let converted = app.store.transact(|model| {
        let (license, suspended) = model.convert(id, order)?;
        Ok::<_, EditError>(json!({"license": shown(model, &license, now), "suspended": suspended}))
    });
    Ok(Json(converted.await??))
}

pub(super) async fn make_permanent(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let order: Permanence = incoming::read(request).await?;
    changed(&app, &id, |model, id| model.make_permanent(id, order)).await
}

pub(super) async fn split(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<(StatusCode, Json<Value>), AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Groups { groups } = incoming::read(request).await?;
    let split = app.store.transact(|model| {
        let split = model.split(id, groups)?;
        let made = split.groups.iter();
        let groups: Vec<_> =
            made.map(|(group, key)| with_key(groups::shown(model, group), Some(key))).collect();
        Ok::<_, EditError>(json!({"groups": groups, "reactivate": split.reactivate}))
    });
    Ok((StatusCode::CREATED, Json(split.await??)))
}
