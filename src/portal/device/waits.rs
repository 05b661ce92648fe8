//! `GET /v1/wait`: a long poll that ends when the device is to check in.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::Denial;
use super::authentication::Asked;
use crate::domain::ids::{DeviceId, RequestId};
use crate::portal::app::{App, Shared};
use crate::wire::limits::WAIT_TIMEOUT_S;
use crate::wire::problem::Refusal;
use crate::wire::wait::WaitAnswer;

/// Answers a long poll.
pub(super) async fn wait(
    State(app): State<Shared>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    match answer(&app, request).await {
        Ok(Some(answer)) => Json(answer).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(denial) => denial.answer(id),
    }
}

async fn answer(app: &App, request: Request) -> Result<Option<WaitAnswer>, Denial> {
    let asked = Asked::read(request).await?;
    let (device, _) = asked.by_device(app, app.now())?;
    let limit = timeout(asked.query()).ok_or(Refusal::Malformed)?;
    let told = tokio::time::timeout(limit, woken(app, device)).await.ok();
    app.store.stir(|model| model.wakes.unsubscribe(device));
    // A wake may be told only once what it is about is on disk.
    Ok(app.store.transact(|_| told).await?)
}

/// Ends when there is something to tell.
async fn woken(app: &App, device: DeviceId) -> WaitAnswer {
    let mut changes = app.store.stir(|model| model.wakes.subscribe(device));
    loop {
        if let Some(answer) = app.store.stir(|model| model.wakes.take(device)) {
            return answer;
        }
        if changes.changed().await.is_err() {
            // The channel was closed with the portal.
            std::future::pending::<()>().await;
        }
    }
}

/// For how long to hold the poll; `None` where the query says so in no number.
fn timeout(query: &str) -> Option<Duration> {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("timeout="));
    let seconds = given.map_or(Some(WAIT_TIMEOUT_S), |text| text.parse().ok())?;
    Some(Duration::from_secs(seconds.min(WAIT_TIMEOUT_S)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_held_for_300_seconds_at_most() {
        for (query, seconds) in [
            ("", Some(300)),
            ("timeout=5", Some(5)),
            ("x=1&timeout=0", Some(0)),
            ("timeout=100000", Some(300)),
            ("timeout=", None),
            ("timeout=-1", None),
            ("timeout=1.5", None),
        ] {
            assert_eq!(timeout(query), seconds.map(Duration::from_secs), "{query}");
        }
    }
}
