//! A server on loopback that answers as it is told: nothing of a broken answer is used.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

const LOCAL: &[u8] = include_bytes!("../../../tests/golden/updates/local.xml");

/// Answers one connection after another with these bytes, and gives back what was asked.
fn serve(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/feed.xml", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let answer = |answer: Vec<u8>| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut piece = [0; 4_096];
            while !asked.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => asked.extend_from_slice(&piece[..count]),
                }
            }
            let _ = stream.write_all(&answer);
            String::from_utf8_lossy(&asked).to_lowercase()
        };
        answers.into_iter().map(answer).collect()
    });
    (address, thread)
}

fn whole(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn run(address: &str, validators: &Validators) -> News {
    crate::checkin::http::choose_cryptography();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fetch(address, validators))
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let tag = "ETag: \"abc\"\r\nLast-Modified: Wed, 19 Nov 2025 10:00:00 GMT\r\n";
    let unchanged = b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec();
    let (address, asked) = serve(vec![whole(tag, LOCAL), unchanged]);
    let News::Read { offers, flaws, validators } = run(&address, &Validators::default()) else { panic!() };
    assert_eq!((offers.len(), flaws), (2, 0));
    assert_eq!(run(&address, &validators), News::Unchanged);
    let asked = asked.join().unwrap();
    assert!(!asked[0].contains("if-none-match") && !asked[0].contains("cookie"), "{}", asked[0]);
    assert!(asked[1].contains("if-none-match: \"abc\""), "{}", asked[1]);
    assert!(asked[1].contains("if-modified-since: wed, 19 nov 2025 10:00:00 gmt"), "{}", asked[1]);
}

#[test]
fn every_other_answer_is_a_failure_with_its_reason() {
    for (answer, expected) in [
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
            "the update server sends on to https://elsewhere.example/, which is not followed; name that address",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "the update server answered with status 404",
        ),
        // Nothing was read yet that could be unchanged.
        (b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(), "the update server answered with status 304"),
        (
            b"HTTP/1.1 206 Partial\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "the update server answered with status 206",
        ),
        (
            whole("", b"<html>\n<body>Sign in to the network</body></html>"),
            "the answer is no feed: line 1: the root element is not <ParallelsUpdates>",
        ),
        (whole("", &vec![b' '; xml::LARGEST + 1]), "the answer is larger than 1 MiB"),
    ] {
        let (address, _asked) = serve(vec![answer]);
        assert_eq!(run(&address, &Validators::default()), News::Failed(expected.to_owned()));
    }
    for address in ["file:///etc/passwd", "ftp://up.example/feed.xml", "nonsense"] {
        let News::Failed(why) = run(address, &Validators::default()) else { panic!("{address}") };
        assert_eq!(why, "the address of the feed is none that can be asked");
    }
}

#[test]
fn an_answer_that_ends_early_is_used_at_no_offset() {
    let answer = whole("ETag: \"abc\"\r\n", LOCAL);
    let cuts: Vec<usize> = (0..answer.len()).step_by(97).chain([answer.len() - 1]).collect();
    let (address, _asked) = serve(cuts.iter().map(|cut| answer[..*cut].to_vec()).collect());
    for cut in cuts {
        assert!(matches!(run(&address, &Validators::default()), News::Failed(_)), "cut at {cut}");
    }
}
