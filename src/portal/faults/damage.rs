//! Answers that are damaged on their way, or come from something that is no portal.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};

use super::Fault;
use crate::domain::ids::RequestId;
use crate::wire::limits::{JSON, REQUEST_ID};

/// In an answer's extensions: the connection is to be closed in its place.
#[derive(Debug, Clone, Copy)]
pub struct Closed;

/// The connection was closed on purpose.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection was cut off as ordered")]
pub struct CutOff;

/// What comes in place of the portal's answer; `None` where the portal answers and [`damaged`] follows.
#[must_use]
pub fn instead(fault: &Fault) -> Option<Response> {
    match fault {
        Fault::Down => {
            let mut answer = Response::new(Body::empty());
            answer.extensions_mut().insert(Closed);
            Some(answer)
        }
        Fault::Bare401 => Some(StatusCode::UNAUTHORIZED.into_response()),
        Fault::Html => Some(
            ([(header::CONTENT_TYPE, "text/html")], "<!doctype html><title>Sign in</title>").into_response(),
        ),
        Fault::Garbage => Some(([(header::CONTENT_TYPE, JSON)], "\u{0}{]\u{fffd}").into_response()),
        Fault::Status { status, retry_after } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = status.into_response();
            if let Some(value) = retry_after.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
                answer.headers_mut().insert(header::RETRY_AFTER, value);
            }
            Some(answer)
        }
        _ => None,
    }
}

/// Waits before the request is looked at, where the fault says so.
pub async fn delay(fault: &Fault) {
    if let Fault::Slow { ms } = fault {
        tokio::time::sleep(Duration::from_millis(*ms)).await;
    }
}

/// The portal's answer after the damage.
pub async fn damaged(fault: &Fault, mut answer: Response) -> Response {
    match fault {
        Fault::WrongRequestId => {
            if let Ok(id) = HeaderValue::from_str(&RequestId::next().to_string()) {
                answer.headers_mut().insert(REQUEST_ID, id);
            }
            answer
        }
        Fault::HalfBody => half(answer).await,
        _ => answer,
    }
}

async fn half(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let cut =
        Cut { left: Some(whole.slice(..whole.len() / 2)), announced: whole.len() as u64, paused: false };
    Response::from_parts(parts, Body::new(cut))
}

/// A body that announces more than it gives.
struct Cut {
    left: Option<Bytes>,
    announced: u64,
    paused: bool,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if let Some(left) = self.left.take() {
            return Poll::Ready(Some(Ok(Frame::data(left))));
        }
        // What was given leaves the server only when there is a pause.
        if !std::mem::replace(&mut self.paused, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(CutOff)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Body as _;

    #[tokio::test(flavor = "current_thread")]
    async fn half_a_body_announces_the_whole() {
        let answer = damaged(&Fault::HalfBody, "0123456789".into_response()).await;
        assert_eq!(answer.body().size_hint().exact(), Some(10));
        assert!(axum::body::to_bytes(answer.into_body(), 100).await.is_err());
    }
}
