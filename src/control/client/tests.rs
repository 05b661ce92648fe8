//! The client against daemons of every kind: none, a dead one, a hanging one, a lying one.

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A client and the listener of a daemon that a test plays.
fn played(limit: Duration) -> (tempfile::TempDir, Client, UnixListener) {
    let root = tempfile::Builder::new().prefix("m").tempdir_in("/tmp").unwrap();
    let socket = root.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    (root, Client { socket, limit }, listener)
}

type Expected = fn(&ClientError) -> bool;

/// What the client makes of a daemon that reads a line, sends these bytes and closes.
fn answered(bytes: Vec<u8>) -> ClientError {
    let (_root, client, listener) = played(Duration::from_secs(60));
    let daemon = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        let _ = stream.write_all(&bytes);
    });
    let error = client.status().unwrap_err();
    daemon.join().unwrap();
    error
}

#[test]
fn a_daemon_that_is_not_there() {
    let root = tempfile::Builder::new().prefix("m").tempdir_in("/tmp").unwrap();
    let client = Client::of(&Paths::under(root.path()));
    let error = client.status().unwrap_err();
    assert!(matches!(error, ClientError::NoSocket(_)));
    assert_eq!(error.exit(), Exit::Unreachable);
    let (_root, client, listener) = played(LIMIT);
    drop(listener);
    assert!(matches!(client.status(), Err(ClientError::Refused(_))));
}

#[test]
fn a_daemon_that_hangs_is_waited_for_until_the_limit() {
    let (_root, client, _listener) = played(Duration::from_millis(20));
    let error = client.status().unwrap_err();
    assert!(matches!(error, ClientError::TimedOut(_)));
    assert_eq!(error.to_string(), "the daemon did not answer within 0.02 s; see its log");
}

#[test]
fn a_daemon_that_sends_byte_by_byte_does_not_win_time() {
    let (_root, client, listener) = played(Duration::from_millis(50));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            // Each byte starts the socket's own time limit anew.
            while !over.load(Ordering::Relaxed) && stream.write_all(b" ").is_ok() {
                std::thread::yield_now();
            }
        });
        let error = client.status().unwrap_err();
        over.store(true, Ordering::Relaxed);
        assert!(matches!(error, ClientError::TimedOut(_)), "{error:?}");
    });
}

#[test]
fn answers_that_are_none() {
    let refused = br#"{"schema":1,"refused":{"code":"busy","message":"later"}}"#;
    let line = |bytes: &[u8]| [bytes, b"\n"].concat();
    let cases: [(Vec<u8>, Expected); 8] = [
        (vec![], |e| matches!(e, ClientError::Closed)),
        (b"{\"schema\":1,".to_vec(), |e| matches!(e, ClientError::Closed)),
        (line(b"<html>"), |e| matches!(e, ClientError::Garbage(LineError::Malformed(_)))),
        (line(&[0xff, 0xfe, 0]), |e| matches!(e, ClientError::Garbage(LineError::Malformed(_)))),
        (line(br#"{"schema":2,"news":1}"#), |e| matches!(e, ClientError::Garbage(LineError::Schema(2)))),
        (line(br#"{"schema":1,"plan":{"actions":[],"withheld":[]}}"#), |e| {
            matches!(e, ClientError::OtherAnswer)
        }),
        (line(refused), |e| matches!(e, ClientError::Rejected(Refusal { code: RefusalCode::Busy, .. }))),
        (vec![b' '; ANSWER_LIMIT + 1], |e| matches!(e, ClientError::TooLarge)),
    ];
    for (bytes, expected) in cases {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        let error = answered(bytes);
        assert!(expected(&error), "{error:?} for {start}");
    }
}

#[test]
fn refusals_have_their_exit_codes() {
    let refused = br#"{"schema":1,"refused":{"code":"must-be-root","message":"use sudo"}}"#;
    assert_eq!(answered([&refused[..], b"\n"].concat()).exit(), Exit::MustBeRoot);
}
