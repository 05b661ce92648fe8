//! `POST /v1/enrollments`.

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answer::Denial;
use super::authentication::Asked;
use crate::domain::ids::{DeviceId, EnrollmentId, RequestId};
use crate::portal::app::App;
use crate::portal::app::Shared;
use crate::portal::faults::Fault;
use crate::portal::faults::forge::forge;
use crate::portal::model::{EnrollError, Model};
use crate::wire::enrollment::{EnrollmentAnswer, EnrollmentRequest};
use crate::wire::json;
use crate::wire::key::PublicKey;
use crate::wire::problem::Refusal;

/// The longest text that an enrollment may hold, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// What is needed to verify the proof.
#[derive(Deserialize)]
struct Applicant {
    enrollment_id: EnrollmentId,
    public_key: PublicKey,
}

/// Answers an enrollment.
pub(super) async fn enroll(
    State(app): State<Shared>,
    Extension(id): Extension<RequestId>,
    fault: Option<Extension<Fault>>,
    request: Request,
) -> Response {
    let fault = fault.map(|Extension(fault)| fault);
    match answer(&app, request, fault.as_ref()).await {
        Ok(answer) => (StatusCode::CREATED, Json(answer)).into_response(),
        Err(denial) => denial.answer(id),
    }
}

async fn answer(app: &App, request: Request, fault: Option<&Fault>) -> Result<EnrollmentAnswer, Denial> {
    let asked = Asked::read(request).await?;
    let now = app.now();
    let presented = asked.presented()?;
    let applicant: Applicant = json::parse_as(asked.body()).map_err(|_| Refusal::Malformed)?;
    if presented.issuer() != applicant.enrollment_id.uuid() {
        return Err(Refusal::SignatureInvalid.into());
    }
    let proof = asked.verify(app, presented, &applicant.public_key, now)?;
    let seq = proof.seq.ok_or(Refusal::SignatureInvalid)?;
    let request = read(asked.body());
    app.store
        .transact(|model| {
            let Some(request) = request else {
                model.raise_floor(applicant.public_key.thumbprint(), seq, now)?;
                return Err(Refusal::Malformed.into());
            };
            let device = model.enroll(&request, seq, now).map_err(|error| match error {
                EnrollError::Refused(refusal) => Denial::Refused(refusal),
                EnrollError::Later { retry_after_s } => Denial::Later { retry_after_s },
            })?;
            documents(app, model, device, fault)
        })
        .await?
}

fn documents(
    app: &App,
    model: &mut Model,
    device: DeviceId,
    fault: Option<&Fault>,
) -> Result<EnrollmentAnswer, Denial> {
    let now = app.now();
    let issued = model.assignment(device, 0, now).map_err(Denial::Sign)?;
    let lease = model.lease(device, 0, now).map_err(Denial::Sign)?;
    let mut answer = EnrollmentAnswer {
        device_id: device,
        keyset: model.organization.keyset.clone(),
        assignment: issued.token,
        lease: lease.map(|lease| lease.token),
        next: app.next,
        server_time: now,
    };
    if let Some(fault) = fault.filter(|fault| fault.is_forgery()) {
        forge(model, device, fault, now).map_err(Denial::Sign)?.into_enrollment(&mut answer);
    }
    Ok(answer)
}

/// The request, if every member is as it has to be.
fn read(body: &[u8]) -> Option<EnrollmentRequest> {
    let request: EnrollmentRequest = json::parse_as(body).ok()?;
    let hardware = &request.hardware;
    let texts = [
        request.token.expose(),
        &hardware.serial,
        &hardware.platform_uuid,
        &hardware.model,
        &request.hostname,
        &request.os_version,
        &request.agent_version,
    ];
    let short = texts.iter().all(|text| text.len() <= LONGEST_TEXT);
    short.then_some(request)
}
