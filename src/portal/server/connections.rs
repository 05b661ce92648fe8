//! Connections: how many, how long, how much of a header.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::portal::faults::damage::{Closed, CutOff};

/// How many connections there may be; further ones wait in the system's queue.
const MOST: usize = 4_096;

/// For how long a TLS handshake, or the head of a request, may take.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_SIZE: usize = 16 << 10;

/// How many headers it may have.
const HEADERS: usize = 64;

/// Pauses when the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves connections until it is aborted, and they with it.
pub(super) async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, routes: Router) {
    let permits = Arc::new(Semaphore::new(MOST));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, acceptor.clone(), routes.clone(), permit));
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    routes: Router,
    permit: OwnedSemaphorePermit,
) {
    let ended = match acceptor {
        None => requests(stream, routes).await,
        Some(acceptor) => match tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, routes).await,
            Ok(Err(error)) => Err(error.into()),
            Err(late) => Err(io::Error::from(late).into()),
        },
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
    drop(permit);
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    routes: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request: Request<Incoming>| {
        let answer = routes.call(request);
        async move {
            let answer = answer.await.map_err(|never| match never {})?;
            if answer.extensions().get::<Closed>().is_some() { Err(CutOff) } else { Ok(answer) }
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}
