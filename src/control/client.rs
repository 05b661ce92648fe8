//! The command line's end of the local socket: blocking, and never longer than its time limit.
//!
//! In goes a request, out comes the view that answers it or an error that names the next step. All that can take time
//! (connecting to a daemon that is stopped, a long answer in small pieces) happens in a thread that is left behind when
//! the time is over, so that the limit holds for the whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use jiff::Timestamp;

use super::proto::{
    ANSWER_LIMIT, AdminRequest, Answer, LineError, OwnRequest, ReadRequest, Refusal, RefusalCode, Request,
    decode, encode,
};
use super::view::{ExplainView, ImagesView, PlanView, StatusView, VmsView};
use crate::domain::ids::{ImageId, Uid};
use crate::error::Exit;
use crate::paths::{LABEL, Paths};

/// How long a request may take as a whole.
pub const LIMIT: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no socket.
    #[error("the daemon does not run: there is no {}; start it with: sudo launchctl kickstart system/{LABEL}", .0.display())]
    NoSocket(PathBuf),
    /// There is a socket, and nobody listens.
    #[error("the daemon has ended: nobody listens at {}; start it with: sudo launchctl kickstart system/{LABEL}", .0.display())]
    Refused(PathBuf),
    /// The daemon did not answer in time.
    #[error("the daemon did not answer within {} s; see its log", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The connection ended before the answer did.
    #[error("the daemon ended the connection without an answer; try again")]
    Closed,
    /// The answer is not what this release understands.
    #[error("the daemon's answer cannot be read; install agent and command line of the same release")]
    Garbage(#[source] LineError),
    /// The answer is to another request.
    #[error(
        "the daemon answered something else than it was asked; install agent and command line of the same release"
    )]
    OtherAnswer,
    /// The answer is over the limit.
    #[error("the daemon's answer has more than {ANSWER_LIMIT} bytes")]
    TooLarge,
    /// The daemon does this for root alone.
    #[error("only root may do this; use sudo")]
    MustBeRoot,
    /// The daemon refused the request.
    #[error("the daemon refused: {0}")]
    Rejected(Refusal),
    /// The request has no JSON form.
    #[error("cannot encode the request")]
    Encode(#[source] serde_json::Error),
    /// The system refused.
    #[error("cannot talk to the daemon at {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ClientError {
    /// How a command ends that failed for this.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::MustBeRoot => Exit::MustBeRoot,
            Self::Rejected(_) | Self::TooLarge | Self::Encode(_) => Exit::Failed,
            Self::NoSocket(_)
            | Self::Refused(_)
            | Self::TimedOut(_)
            | Self::Closed
            | Self::Garbage(_)
            | Self::OtherAnswer
            | Self::Io { .. } => Exit::Unreachable,
        }
    }
}

/// Asks the daemon, with a connection for each request.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    limit: Duration,
}

impl Client {
    /// A client of the daemon of this layout.
    #[must_use]
    pub fn of(paths: &Paths) -> Self {
        Self { socket: paths.socket(), limit: LIMIT }
    }

    /// The same client with another time limit.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// How the agent is.
    ///
    /// # Errors
    /// When there is no answer or it is a refusal; so for every request.
    pub fn status(&self) -> Result<StatusView, ClientError> {
        match self.ask(Request::Read(ReadRequest::Status))? {
            Answer::Status(view) => Ok(*view),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Which value of each setting holds, or of this one.
    ///
    /// # Errors
    /// [`ClientError::Rejected`] with [`RefusalCode::UnknownSetting`] for a key that is none.
    pub fn explain(&self, key: Option<String>) -> Result<ExplainView, ClientError> {
        match self.ask(Request::Read(ReadRequest::Explain { key }))? {
            Answer::Explain(view) => Ok(view),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// What would be changed now.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn plan(&self) -> Result<PlanView, ClientError> {
        match self.ask(Request::Read(ReadRequest::Plan))? {
            Answer::Plan(view) => Ok(view),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// The virtual machines that the caller may see.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn vms(&self) -> Result<VmsView, ClientError> {
        match self.ask(Request::Read(ReadRequest::Vms))? {
            Answer::Vms(view) => Ok(view),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// The golden images, and what of them the caller may see.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn images(&self) -> Result<ImagesView, ClientError> {
        match self.ask(Request::Read(ReadRequest::Images))? {
            Answer::Images(view) => Ok(view),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Orders a golden image for the caller, or for the user of this short name; for whom and of what, and when.
    ///
    /// # Errors
    /// [`ClientError::Rejected`] where it is not offered, [`ClientError::MustBeRoot`] for another user than the caller.
    pub fn install_image(
        &self,
        image: Option<String>,
        user: Option<String>,
    ) -> Result<(Uid, ImageId, Timestamp), ClientError> {
        match self.ask(Request::Own(OwnRequest::InstallImage { image, user }))? {
            Answer::Ordered { user, image, at, .. } => Ok((user, image, at)),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Makes the agent look at everything now; the time at which it was ordered. What came of it shows in
    /// [`Client::status`] as a check-in that ended later.
    ///
    /// # Errors
    /// [`ClientError::MustBeRoot`] for anyone but root.
    pub fn sync(&self) -> Result<Timestamp, ClientError> {
        match self.ask(Request::Admin(AdminRequest::Sync))? {
            Answer::Accepted { at } => Ok(at),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    /// Makes the agent look at the book of deactivations now; the time at which that was ordered.
    ///
    /// # Errors
    /// [`ClientError::MustBeRoot`] for anyone but root.
    pub fn deactivated(&self) -> Result<Timestamp, ClientError> {
        match self.ask(Request::Admin(AdminRequest::Deactivated))? {
            Answer::Accepted { at } => Ok(at),
            _ => Err(ClientError::OtherAnswer),
        }
    }

    fn ask(&self, request: Request) -> Result<Answer, ClientError> {
        let line = encode(&request).map_err(ClientError::Encode)?;
        let (sender, receiver) = channel();
        let (socket, limit) = (self.socket.clone(), self.limit);
        std::thread::spawn(move || {
            // Nobody receives any more when the time is over.
            let _ = sender.send(exchange(&socket, &line, limit));
        });
        let answer = match receiver.recv_timeout(limit) {
            Ok(answer) => answer?,
            Err(RecvTimeoutError::Timeout) => return Err(ClientError::TimedOut(limit)),
            Err(RecvTimeoutError::Disconnected) => return Err(ClientError::Closed),
        };
        match decode(&answer).map_err(ClientError::Garbage)? {
            Answer::Refused(Refusal { code: RefusalCode::MustBeRoot, .. }) => Err(ClientError::MustBeRoot),
            Answer::Refused(refusal) => Err(ClientError::Rejected(refusal)),
            answer => Ok(answer),
        }
    }
}

/// Sends a line and reads one.
fn exchange(socket: &Path, line: &[u8], limit: Duration) -> Result<Vec<u8>, ClientError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ClientError::NoSocket(socket.to_owned()),
        io::ErrorKind::ConnectionRefused => ClientError::Refused(socket.to_owned()),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut(limit),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ClientError::Closed,
        _ => ClientError::Io { path: socket.to_owned(), source },
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    stream.set_read_timeout(Some(limit)).map_err(failed)?;
    stream.set_write_timeout(Some(limit)).map_err(failed)?;
    // A daemon that has too many connections answers before it reads, and closes: its answer counts.
    let sent = stream.write_all(line);
    let mut answer = Vec::new();
    let mut reader = BufReader::new(stream).take(ANSWER_LIMIT as u64);
    let received = reader.read_until(b'\n', &mut answer);
    if answer.last() == Some(&b'\n') {
        return Ok(answer);
    }
    sent.map_err(failed)?;
    received.map_err(failed)?;
    Err(if answer.len() == ANSWER_LIMIT { ClientError::TooLarge } else { ClientError::Closed })
}

#[cfg(test)]
mod tests;
