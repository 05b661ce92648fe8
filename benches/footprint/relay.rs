//! A relay between the agent and the portal that counts bytes by request.
//!
//! In go connections of the agent; out come, for each request, the bytes of it and of its answer as they were on the
//! wire, request line and headers included. Neither side sends a request before the last answer is over.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The bytes from the agent.
    pub(crate) up: usize,
    /// The bytes from the portal, so far.
    pub(crate) down: usize,
    checkin: bool,
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Vec<Exchange>>>);

impl Tally {
    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The check-ins whose answers have come, in their order.
    #[must_use]
    pub(crate) fn checkins(&self) -> Vec<Exchange> {
        let answered = |exchange: &&Exchange| exchange.checkin && exchange.down > 0;
        self.exchanges().iter().filter(answered).copied().collect()
    }
}

/// The place where the agent believes the portal to be.
pub(crate) struct Relay {
    listener: TcpListener,
    origin: String,
}

impl Relay {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, origin })
    }

    /// The origin for the agent's profile.
    #[must_use]
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Passes everything on to the portal, until the runtime ends.
    #[must_use]
    pub(crate) fn run(self, portal: SocketAddr) -> Tally {
        let tally = Tally::default();
        let counted = tally.clone();
        tokio::spawn(async move {
            while let Ok((agent, _)) = self.listener.accept().await {
                tokio::spawn(connection(agent, portal, counted.clone()));
            }
        });
        tally
    }
}

async fn connection(agent: TcpStream, portal: SocketAddr, tally: Tally) {
    let Ok(portal) = TcpStream::connect(portal).await else { return };
    // As little delay as without a relay.
    let _ = (agent.set_nodelay(true), portal.set_nodelay(true));
    let (from_agent, to_agent) = agent.into_split();
    let (from_portal, to_portal) = portal.into_split();
    let current = Arc::new(Mutex::new(None));
    let (up, down) = ((tally.clone(), Arc::clone(&current)), (tally, current));
    // A side that ends its half ends the other's, so both end by themselves.
    let _ = tokio::join!(
        pump(from_agent, to_portal, |piece| count_up(&up.0, &up.1, piece)),
        pump(from_portal, to_agent, |piece| count_down(&down.0, &down.1, piece)),
    );
}

/// The index of the connection's exchange among all.
type Current = Mutex<Option<usize>>;

fn count_up(tally: &Tally, current: &Current, piece: &[u8]) {
    let mut exchanges = tally.exchanges();
    let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
    if [b"GET ".as_slice(), b"POST "].iter().any(|method| piece.starts_with(method)) {
        *current = Some(exchanges.len());
        exchanges.push(Exchange { up: 0, down: 0, checkin: piece.starts_with(b"POST /v1/checkin ") });
    }
    if let Some(exchange) = current.and_then(|index| exchanges.get_mut(index)) {
        exchange.up += piece.len();
    }
}

fn count_down(tally: &Tally, current: &Current, piece: &[u8]) {
    let mut exchanges = tally.exchanges();
    let current = *current.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(exchange) = current.and_then(|index| exchanges.get_mut(index)) {
        exchange.down += piece.len();
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: impl Fn(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        let piece = buffer.get(..length).unwrap_or_default();
        if piece.is_empty() {
            return to.shutdown().await;
        }
        count(piece);
        to.write_all(piece).await?;
    }
}
