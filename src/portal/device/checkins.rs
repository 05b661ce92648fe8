//! `POST /v1/checkin`.

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};

use super::answer::Denial;
use super::authentication::Asked;
use super::report;
use crate::domain::ids::RequestId;
use crate::portal::app::{App, Shared};
use crate::portal::faults::Fault;
use crate::portal::faults::forge::forge;
use crate::portal::model::{Arrival, CheckinError};
use crate::wire::checkin::CheckinAnswer;
use crate::wire::problem::Refusal;

/// Answers a check-in.
pub(super) async fn check_in(
    State(app): State<Shared>,
    Extension(id): Extension<RequestId>,
    fault: Option<Extension<Fault>>,
    request: Request,
) -> Response {
    let fault = fault.map(|Extension(fault)| fault);
    match answer(&app, request, fault.as_ref()).await {
        Ok(answer) => Json(answer).into_response(),
        Err(denial) => denial.answer(id),
    }
}

async fn answer(app: &App, request: Request, fault: Option<&Fault>) -> Result<CheckinAnswer, Denial> {
    let asked = Asked::read(request).await?;
    let now = app.now();
    let (device, proof) = asked.by_device(app, now)?;
    let seq = proof.seq.ok_or(Refusal::SignatureInvalid)?;
    let report = report::read(asked.body());
    let arrival = Arrival { now, next: app.next };
    app.store
        .transact(|model| {
            let key = model.devices.get(&device).ok_or(Refusal::DeviceUnknown)?.key.thumbprint();
            model.raise_floor(key, seq, now)?;
            let report = report.ok_or(Refusal::Malformed)?;
            let mut answer = model.check_in(device, report, arrival).map_err(|error| match error {
                CheckinError::Refused(refusal) => Denial::Refused(refusal),
                CheckinError::Sign(error) => Denial::Sign(error),
            })?;
            if let Some(fault) = fault.filter(|fault| fault.is_forgery()) {
                forge(model, device, fault, now).map_err(Denial::Sign)?.into_checkin(&mut answer);
            }
            Ok(answer)
        })
        .await?
}
