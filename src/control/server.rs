//! The daemon's end of the local socket.
//!
//! In go lines of anyone on the Mac; out come answers that the [`Answerer`] gives from what it has at hand, so that the
//! socket answers whatever the rest of the daemon waits for. Every connection has a time limit, and there may be so many of
//! them, and so many of one user. With nobody connected the server sleeps in `accept` and costs nothing.

mod connections;

use std::convert::Infallible;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

pub use self::connections::CONNECTIONS;
use self::connections::{Connections, Idle};
use super::auth::{Admitted, Viewer, admit};
use super::proto::{
    ANSWER_LIMIT, AdminRequest, Answer, LineError, OwnRequest, REQUEST_LIMIT, ReadRequest, Refusal,
    RefusalCode, decode, encode,
};
use crate::domain::ids::Uid;
use crate::paths::Paths;
use crate::platform::{effective_uid, folder};

/// The most bytes of a socket's path on macOS, its final zero included (facts: `sun_path` in `sys/un.h`).
const PATH_LIMIT: usize = 104;

/// How long a connection may take as a whole.
const CONNECTION_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait before accepting again after the system refused, for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the daemon answers, at once, from what it has at hand.
pub trait Answerer: Send + Sync + 'static {
    /// Answers a question for this viewer. The server leaves out what is not theirs; an answerer need not.
    fn read(&self, request: ReadRequest, viewer: Viewer) -> Answer;
    /// Takes an order of this viewer for one user, and answers that it waits, or why it is not taken.
    fn own(&self, request: OwnRequest, viewer: Viewer) -> Answer;
    /// Takes an order, and answers that it is accepted.
    fn admin(&self, request: AdminRequest) -> Answer;
}

/// Why the socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The path does not fit into a socket's address.
    #[error("the socket's path {} has {length} bytes, at most {} fit; use a shorter root", path.display(), PATH_LIMIT - 1)]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// The name is taken by something that is no socket.
    #[error("{} is not a socket; move it away", .0.display())]
    NotASocket(PathBuf),
    /// Somebody answers there.
    #[error("another process listens at {}; stop it first", .0.display())]
    InUse(PathBuf),
    /// The socket's folder cannot be used.
    #[error("the socket's folder is not usable")]
    Folder(#[from] folder::FolderError),
    /// The system refused.
    #[error("cannot open the socket {}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The open socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    scratch_owner: Option<Uid>,
    limit: Duration,
}

impl Server {
    /// Opens the socket for everyone, in place of one that a daemon left behind. Call it inside the runtime and with the
    /// store open, whose lock makes this daemon the only one.
    ///
    /// # Errors
    /// When the path is too long, its name is taken by another kind of file or a living process, or the system refuses.
    pub fn bind(paths: &Paths) -> Result<Self, ServerError> {
        let path = paths.socket();
        let length = path.as_os_str().len();
        if length >= PATH_LIMIT {
            return Err(ServerError::PathTooLong { path, length });
        }
        folder::ensure(&paths.socket_folder(), folder::PUBLIC)?;
        remove_stale(&path)?;
        let io = |source| ServerError::Io { path: path.clone(), source };
        let listener = UnixListener::bind(&path).map_err(io)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).map_err(io)?;
        let scratch_owner = (!paths.is_system()).then(effective_uid);
        Ok(Self { listener, path, scratch_owner, limit: CONNECTION_LIMIT })
    }

    /// Answers until it is dropped; so are then the connections.
    pub async fn serve(&self, answerer: Arc<dyn Answerer>) -> Infallible {
        let mut connections = Connections::default();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.take(stream, &answerer, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = connections.ended() => {}
            }
        }
    }

    fn take(&self, stream: UnixStream, answerer: &Arc<dyn Answerer>, connections: &mut Connections) {
        let Ok(peer) = stream.peer_cred() else { return };
        let viewer = Viewer::of(Uid(peer.uid()), self.scratch_owner);
        if !connections.make_room_for(viewer) {
            let busy = Refusal::new(RefusalCode::Busy, "too many ask at the same time; try again");
            // The line is far smaller than a socket's buffer. A peer that does not get it sees the connection end.
            let _ = stream.try_write(&line_of(Answer::Refused(busy)));
            return;
        }
        let (limit, answerer) = (self.limit, Arc::clone(answerer));
        connections.take(viewer, |idle| async move {
            // What a peer does that is slow, or gone, is no concern of the daemon's.
            let _ = tokio::time::timeout(limit, converse(stream, (viewer, idle), answerer.as_ref())).await;
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it stays, it is stale and the next daemon removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes a socket at which nobody answers, and nothing else.
fn remove_stale(path: &Path) -> Result<(), ServerError> {
    let io = |source| ServerError::Io { path: path.to_owned(), source };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
        Ok(found) if !found.file_type().is_socket() => Err(ServerError::NotASocket(path.to_owned())),
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            Err(ServerError::InUse(path.to_owned()))
        }
        Ok(_) => std::fs::remove_file(path).map_err(io),
    }
}

/// Answers line by line until the peer ends, or says what cannot be told apart into lines.
async fn converse(
    mut stream: UnixStream,
    (viewer, idle): (Viewer, Idle),
    answerer: &dyn Answerer,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        idle.set(true);
        let incoming = next_line(&mut reader).await?;
        idle.set(false);
        let (answer, goes_on) = match incoming {
            Incoming::End => return Ok(()),
            Incoming::Line(line) => (answer(&line, viewer, answerer), true),
            Incoming::TooLong => {
                let message = format!("a request has at most {REQUEST_LIMIT} bytes");
                (Answer::Refused(Refusal::new(RefusalCode::TooLarge, message)), false)
            }
        };
        writer.write_all(&line_of(answer)).await?;
        if !goes_on {
            return Ok(());
        }
    }
}

enum Incoming {
    /// A line, or what came before the end.
    Line(Vec<u8>),
    /// More than a request may have, and no newline in it.
    TooLong,
    /// Nothing more.
    End,
}

async fn next_line(reader: &mut (impl AsyncBufReadExt + AsyncRead + Unpin)) -> io::Result<Incoming> {
    let mut line = Vec::new();
    reader.take(REQUEST_LIMIT as u64).read_until(b'\n', &mut line).await?;
    Ok(match line.last() {
        None => Incoming::End,
        Some(last) if *last != b'\n' && line.len() == REQUEST_LIMIT => Incoming::TooLong,
        Some(_) => Incoming::Line(line),
    })
}

/// From a line to the answer that this viewer gets: pure but for the answerer.
fn answer(line: &[u8], viewer: Viewer, answerer: &dyn Answerer) -> Answer {
    let admitted = decode(line).map_err(refusal).and_then(|request| admit(request, viewer));
    tracing::trace!(?viewer, ?admitted, "asked at the socket");
    match admitted {
        Ok(Admitted::Read(request, viewer)) => answerer.read(request, viewer).seen_by(viewer),
        Ok(Admitted::Own(request, viewer)) => answerer.own(request, viewer),
        Ok(Admitted::Admin(request)) => answerer.admin(request),
        Err(refusal) => Answer::Refused(refusal),
    }
}

fn refusal(error: LineError) -> Refusal {
    let code = match &error {
        LineError::Malformed(_) => RefusalCode::Malformed,
        LineError::Schema(_) => RefusalCode::UnsupportedSchema,
    };
    Refusal::new(code, crate::error::Chain(&error).to_string())
}

/// The line of an answer, or of the refusal that takes its place when it is too large. Empty, which ends the
/// conversation, if not even that has a JSON form.
fn line_of(answer: Answer) -> Vec<u8> {
    let line = encode(&answer).unwrap_or_default();
    if (1..=ANSWER_LIMIT).contains(&line.len()) {
        return line;
    }
    let message = format!("the answer has {} bytes, at most {ANSWER_LIMIT} are sent", line.len());
    encode(&Answer::Refused(Refusal::new(RefusalCode::TooLarge, message))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
