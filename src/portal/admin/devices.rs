//! Devices and their virtual machines.

use axum::Json;
use axum::extract::{Request, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::incoming::{self, Query, Segment};
use super::listing::Page;
use super::problem::AdminError;
use crate::domain::ids::{DeviceId, GroupId, VmId};
use crate::portal::app::{App, Shared};
use crate::portal::model::device::{Device, Gate};
use crate::portal::model::inventory::Vm;
use crate::portal::model::licenses::license::Lessee;
use crate::portal::model::{EditError, Model};
use crate::wire::json::nullable;
use crate::wire::time;

const WHAT: &str = "device";

/// Into which group a device is to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    #[serde(deserialize_with = "nullable")]
    group: Option<GroupId>,
}

fn shown(model: &Model, device: &Device) -> Value {
    let presence = model.presence(device);
    let issued = device.issued.as_ref();
    let history: Vec<_> = device
        .history
        .iter()
        .map(|enrolled| {
            json!({
                "enrollment_id": enrolled.id,
                "at": time::write(enrolled.at),
                "reason": enrolled.reason,
                "previous_device_id": enrolled.previous,
            })
        })
        .collect();
    let claims = device.claims();
    json!({
        "id": device.id,
        "key": device.key,
        "group": model.group_of(device).map(|group| group.id),
        "license": model.licensing.lessees.get(&device.id).map(|lessee| leased(model, lessee)),
        "retired": device.retired,
        "forked_at": device.forked_at.map(time::write),
        "claims": claims,
        "enrollments": history,
        "reported": device.reported,
        "managed": device.gate() == Gate::Open,
        "assignment_version": issued.map(|issued| issued.version),
        "assignment_current": !model.has_news(device),
        "inventory_root": device.root,
        "last_seen": presence.map(|presence| time::write(presence.seen)),
        "last_reason": presence.and_then(|presence| presence.reason),
    })
}

/// A device's license, its lease and why it was last denied one.
fn leased(model: &Model, lessee: &Lessee) -> Value {
    let (place, content) = (lessee.place.as_ref(), model.lease_content(lessee));
    json!({
        "license": place.map(|place| place.pool.license),
        "group": place.and_then(|place| place.pool.group),
        "by": place.map(|place| place.by),
        "seat": place.map(|place| place.seat.to_string()),
        "hold": lessee.hold,
        "product": content.as_ref().map(|content| content.product),
        "state": content.as_ref().map(|content| content.state),
        "verified_at": lessee.verified.map(time::write),
        "verify_after": content.as_ref().map(|content| time::write(content.verify_after)),
        "grace_until": content.as_ref().map(|content| time::write(content.grace_until)),
        "seq": lessee.lease.as_ref().map(|lease| lease.seq),
        "current": !model.has_lease_news(lessee.device),
        "denied": lessee.denied.map(|denied| json!({"reason": denied.reason, "at": time::write(denied.at)})),
        "barred": lessee.barred,
        "reactivate": lessee.reactivate,
    })
}

fn one(model: &Model, id: DeviceId) -> Result<Json<Value>, AdminError> {
    let device = model.devices.get(&id).ok_or(EditError::Missing(WHAT))?;
    Ok(Json(shown(model, device)))
}

pub(super) async fn list(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    app.store.transact(|model| page.of(&model.devices, |device| shown(model, device))).await?.map(Json)
}

pub(super) async fn get(State(app): State<Shared>, Segment(id): Segment) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store.transact(|model| one(model, id)).await?
}

pub(super) async fn assign(
    State(app): State<Shared>,
    Segment(id): Segment,
    request: Request,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    let Membership { group } = incoming::read(request).await?;
    app.store
        .transact(|model| {
            model.move_device(id, group)?;
            one(model, id)
        })
        .await?
}

pub(super) async fn retire(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(&id, WHAT)?;
    app.store
        .transact(|model| {
            model.retire(id)?;
            one(model, id)
        })
        .await?
}

pub(super) async fn revoke_license(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<Json<Value>, AdminError> {
    bar(&app, &id, true).await
}

pub(super) async fn restore_license(
    State(app): State<Shared>,
    Segment(id): Segment,
) -> Result<Json<Value>, AdminError> {
    bar(&app, &id, false).await
}

async fn bar(app: &App, id: &str, barred: bool) -> Result<Json<Value>, AdminError> {
    let id = incoming::id(id, WHAT)?;
    app.store
        .transact(|model| {
            model.bar_device(id, barred)?;
            one(model, id)
        })
        .await?
}

pub(super) async fn virtual_machines(
    State(app): State<Shared>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, AdminError> {
    let device: Option<DeviceId> =
        page.device.as_deref().map(str::parse).transpose().map_err(|_| AdminError::Query("device"))?;
    let after = page.after::<Place>()?;
    let listed = app.store.transact(|model| {
        let rows = model
            .inventories
            .all()
            .filter(|(owner, ..)| device.is_none_or(|device| device == *owner))
            .map(|(owner, id, vm)| (Place(owner, id), vm))
            .filter(|(place, _)| after.is_none_or(|after| *place > after))
            .map(|(place, vm)| (place, shown_vm(place, vm)));
        page.cut(rows)
    });
    Ok(Json(listed.await?))
}

fn shown_vm(place: Place, vm: &Vm) -> Value {
    json!({
        "device": place.0,
        "uuid": place.1,
        "digest": vm.digest,
        "record": vm.record,
        "volatile": vm.volatile,
    })
}

/// A virtual machine's place in the list: its device and itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(DeviceId, VmId);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl std::str::FromStr for Place {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<Self, AdminError> {
        let parts =
            text.split_once('.').and_then(|(device, vm)| Some(Self(device.parse().ok()?, vm.parse().ok()?)));
        parts.ok_or(AdminError::Query("after"))
    }
}
