//! A web server for one image that behaves as badly as it is told to: it cuts, slows, changes and lies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is answered as it should be.
    Whole,
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// It is answered with this status.
    Status(u16),
    /// Ranges are not known.
    NoRanges,
    /// `If-Range` is not heeded.
    HeedsNoIfRange,
    /// The part begins a byte later than it was asked for.
    Shifted,
    /// The body is so much longer than its file.
    Longer(usize),
    /// The body says that it is compressed.
    Encoded,
    /// One byte of the body is another one.
    Flipped,
    /// A web page comes in its place, without a length.
    Page,
    /// There is no length, and the connection ends after so many bytes.
    Unmeasured(usize),
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The first byte of its range.
    pub(crate) from: Option<usize>,
    /// Its `If-Range`.
    pub(crate) if_range: Option<String>,
}

#[derive(Default)]
struct State {
    bytes: Arc<Vec<u8>>,
    etag: Option<String>,
    fates: VecDeque<Fate>,
    asked: Vec<Asked>,
    sent: usize,
    pause: Option<(usize, Duration)>,
    /// No byte from this one on is sent.
    hold: watch::Sender<usize>,
}

/// The server; it ends when this is dropped.
pub(crate) struct ImageServer {
    state: Arc<Mutex<State>>,
    pub(crate) origin: String,
    task: JoinHandle<()>,
}

impl Drop for ImageServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ImageServer {
    /// A server of these bytes, on loopback.
    pub(crate) async fn start(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            bytes: Arc::new(bytes),
            etag: Some("\"1\"".to_owned()),
            hold: watch::Sender::new(usize::MAX),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        #[expect(clippy::disallowed_methods, reason = "a server beside the test, ended with it")]
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    // A client that goes away is what half of the tests are about.
                    let _ = serve(stream, &state).await;
                });
            }
        });
        Self { state, origin, task }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the next requests meet these fates, one each; those after them are answered as they should be.
    pub(crate) fn fate(&self, fates: impl IntoIterator<Item = Fate>) {
        self.state().fates.extend(fates);
    }

    /// Puts another file in the place of this one.
    pub(crate) fn swap(&self, bytes: Vec<u8>, etag: Option<&str>) {
        let mut state = self.state();
        (state.bytes, state.etag) = (Arc::new(bytes), etag.map(str::to_owned));
    }

    /// Rests after each so many bytes.
    pub(crate) fn slow(&self, bytes: usize, pause: Duration) {
        self.state().pause = Some((bytes, pause));
    }

    /// Sends no byte of the file from this one on, until it is told another one.
    pub(crate) fn hold_at(&self, byte: usize) {
        self.state().hold.send_replace(byte);
    }

    /// Goes as fast as it can again.
    pub(crate) fn hurry(&self) {
        self.state().pause = None;
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many bytes of bodies were handed to connections so far.
    pub(crate) fn sent(&self) -> usize {
        self.state().sent
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let from = header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse::<usize>().ok());
    let if_range = header("if-range");
    let (fate, bytes, etag) = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked { from, if_range: if_range.clone() });
        (state.fates.pop_front().unwrap_or(Fate::Whole), Arc::clone(&state.bytes), state.etag.clone())
    };
    let same = fate == Fate::HeedsNoIfRange || if_range.is_none() || if_range == etag;
    let from = from.filter(|_| same && fate != Fate::NoRanges);
    let (head, body) = answer(fate, &bytes, from, etag.as_deref());
    stream.write_all(head.as_bytes()).await?;
    let end = match fate {
        Fate::CutAfter(count) | Fate::Unmeasured(count) => count.min(body.len()),
        _ => body.len(),
    };
    let hold = state.lock().unwrap().hold.subscribe();
    send(&mut stream, (&body[..end], from.unwrap_or(0)), (state, hold)).await?;
    stream.shutdown().await
}

/// The head and the body of an answer.
fn answer(fate: Fate, bytes: &[u8], from: Option<usize>, etag: Option<&str>) -> (String, Vec<u8>) {
    if fate == Fate::Page {
        let page = "<html><body>Sign in</body></html>";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n";
        return (format!("{head}{page}"), Vec::new());
    }
    if let Fate::Status(status) = fate {
        return (
            format!("HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Vec::new(),
        );
    }
    let etag = etag.map(|etag| format!("ETag: {etag}\r\n")).unwrap_or_default();
    let begin = from.unwrap_or(0);
    if begin > 0 && begin >= bytes.len() {
        let head =
            format!("HTTP/1.1 416 No\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n", bytes.len());
        return (head, Vec::new());
    }
    let begin = if fate == Fate::Shifted { begin + 1 } else { begin };
    let mut body = bytes[begin..].to_vec();
    match fate {
        Fate::Flipped => *body.last_mut().unwrap() ^= 1,
        Fate::Longer(more) => body.extend(std::iter::repeat_n(7, more)),
        _ => {}
    }
    let encoding = if fate == Fate::Encoded { "Content-Encoding: gzip\r\n" } else { "" };
    let length = match fate {
        Fate::Unmeasured(_) | Fate::Longer(_) => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let status = match from {
        Some(_) => format!("206 Part\r\nContent-Range: bytes {begin}-{}/{}", bytes.len() - 1, bytes.len()),
        None => "200 OK".to_owned(),
    };
    (format!("HTTP/1.1 {status}\r\n{etag}{encoding}{length}Connection: close\r\n\r\n"), body)
}

async fn send(
    stream: &mut TcpStream,
    (body, begin): (&[u8], usize),
    (state, mut hold): (&Mutex<State>, watch::Receiver<usize>),
) -> std::io::Result<()> {
    let (mut rest, mut at) = (body, begin);
    while !rest.is_empty() {
        let free = *hold.wait_for(|hold| *hold > at).await.map_err(std::io::Error::other)? - at;
        let pause = state.lock().unwrap().pause;
        let count = pause.map_or(64 << 10, |(bytes, _)| bytes).min(rest.len()).min(free);
        stream.write_all(&rest[..count]).await?;
        (rest, at) = (&rest[count..], at + count);
        state.lock().unwrap().sent += count;
        if let Some((_, pause)) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}
