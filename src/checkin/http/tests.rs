use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use uuid::Uuid;

use super::*;
use crate::domain::ids::RequestId;

/// Answers one connection with these bytes and then closes it. The thread gives back what was asked.
fn serve(answer: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (origin, std::thread::spawn(move || speak(&mut listener.accept().unwrap().0, &answer)))
}

fn speak(stream: &mut (impl Read + Write), answer: &[u8]) -> String {
    let mut asked = Vec::new();
    let mut piece = [0; 4_096];
    while !asked.ends_with(b"{}") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => asked.extend_from_slice(&piece[..count]),
        }
    }
    let _ = stream.write_all(answer);
    let _ = stream.flush();
    String::from_utf8_lossy(&asked).into_owned()
}

fn request(origin: &str) -> HttpRequest {
    HttpRequest {
        origin: origin.to_owned(),
        method: "POST",
        path: "/v1/checkin",
        query: None,
        request_id: RequestId::of(Uuid::from_u128(5)),
        authorization: "Meridian a.b.c".to_owned(),
        body: Some(b"{}".to_vec()),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn call(origin: &str, ca: Option<Vec<u8>>) -> Result<HttpAnswer, NetFault> {
    run(Http::default().call(&Portal { ca, ..Portal::default() }, request(origin)))
}

#[test]
fn a_request_carries_what_it_should_and_little_else() {
    let (origin, asked) = serve(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMeridian-Request-Id: x\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\n\r\n{\"a\":1}".to_vec(),
    );
    let answer = call(&origin, None).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{\"a\":1}"[..]));
    assert_eq!(
        (answer.content_type.as_deref(), answer.request_id.as_deref()),
        (Some("application/json"), Some("x"))
    );
    let asked = asked.join().unwrap();
    let mut names: Vec<_> =
        asked.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0.to_lowercase())).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "meridian-request-id",
            "user-agent"
        ]
    );
    assert!(asked.starts_with("POST /v1/checkin HTTP/1.1\r\n") && asked.contains("meridian/"), "{asked}");
    let frame = asked.len() - "Meridian a.b.c".len() - 36 - 2;
    assert!(frame < 330, "what the session's size test allows for: {frame}");
}

#[test]
fn no_redirect_is_followed() {
    let (origin, asked) =
        serve(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n".to_vec());
    assert_eq!(call(&origin, None).unwrap().status, 302);
    asked.join().unwrap();
}

#[test]
fn each_failure_has_its_name() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":".to_vec();
    let garbage = b"SSH-2.0-OpenSSH_9.9\r\n".to_vec();
    let mut endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_vec();
    endless.resize(ANSWER_BODY + 1_000, b' ');
    for (answer, fault) in [
        (cut, NetFault::Truncated),
        (garbage, NetFault::Truncated),
        (Vec::new(), NetFault::Truncated),
        (endless, NetFault::TooLarge),
    ] {
        let (origin, asked) = serve(answer);
        assert_eq!(call(&origin, None), Err(fault));
        asked.join().unwrap();
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(call(&format!("http://{free}"), None), Err(NetFault::Connect));
    for origin in [
        "http://portal.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user@portal.example",
        "portal",
    ] {
        assert_eq!(call(origin, None), Err(NetFault::Address), "{origin}");
    }
}

#[test]
fn what_is_silent_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let answer = runtime.block_on(Http::default().call(&Portal::default(), request(&origin)));
    assert!(matches!(answer, Err(NetFault::Timeout | NetFault::Connect)), "{answer:?}");
}

/// A certificate authority, and a server on a loopback port whose certificate is made by `change`.
fn tls(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String, JoinHandle<String>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut server);
    let certificate = server.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let asked = std::thread::spawn(move || {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
        let asked = speak(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n");
        stream.conn.send_close_notify();
        let _ = stream.flush();
        asked
    });
    (origin, authority.pem(), asked)
}

#[test]
fn tls_is_trusted_with_the_profiles_ca_and_each_flaw_has_its_name() {
    let (origin, ca, asked) = tls("ours", |_| {});
    assert_eq!(call(&origin, Some(ca.into_bytes())).unwrap().status, 204);
    asked.join().unwrap();

    let (origin, _, asked) = tls("ours", |_| {});
    let (_, other, _) = tls("other", |_| {});
    let unknown = call(&origin, Some(other.into_bytes()));
    assert_eq!(unknown, Err(NetFault::Tls(TlsFault::UnknownIssuer)));
    asked.join().unwrap();

    let (origin, ca, asked) = tls("ours", |server| server.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert_eq!(call(&origin, Some(ca.into_bytes())), Err(NetFault::Tls(TlsFault::Expired)));
    asked.join().unwrap();

    let (origin, ca, asked) = tls("ours", |server| {
        server.subject_alt_names =
            CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap().subject_alt_names;
    });
    assert_eq!(call(&origin, Some(ca.into_bytes())), Err(NetFault::Tls(TlsFault::Name)));
    asked.join().unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let plain = std::thread::spawn(move || {
        listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    assert_eq!(call(&origin, None), Err(NetFault::Tls(TlsFault::Handshake)));
    plain.join().unwrap().unwrap();
}
