//! Reading a request's body: its size is noticed while it is read, and it has to come in time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Body as _;

/// For how long a body may take.
const TIME: Duration = Duration::from_secs(30);

/// How much of a body that is too large is still read, so that its sender hears the answer instead of a broken pipe.
const PATIENCE: usize = 16 << 20;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is over the limit.
    #[error("the body is too large")]
    TooLarge,
    /// It ended early or took too long.
    #[error("the body did not come whole and in time")]
    Broken,
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read(body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    tokio::time::timeout(TIME, read_all(body, limit)).await.unwrap_or(Err(BodyError::Broken))
}

async fn read_all(mut body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut size: usize = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        size = size.saturating_add(data.len());
        if size <= limit {
            bytes.extend_from_slice(data);
        } else if size > PATIENCE {
            break;
        }
    }
    if size > limit { Err(BodyError::TooLarge) } else { Ok(bytes) }
}
