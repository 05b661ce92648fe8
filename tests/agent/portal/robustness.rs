//! Whatever is sent, the portal answers below 500 and goes on; and its answers stay small.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use meridian::domain::digest::Digest;

use super::support::{Answer, Stage, send};

fn member() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(Digest::of(b""))),
        Just(json!("11111111-1111-4111-8111-111111111111")),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let name = prop_oneof![
            Just("root".to_owned()),
            Just("base".to_owned()),
            Just("upsert".to_owned()),
            Just("uuid".to_owned()),
            Just("more".to_owned()),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn some<S: Strategy>(strategy: &S) -> S::Value {
    strategy.new_tree(&mut TestRunner::default()).unwrap().current()
}

#[tokio::test]
async fn no_body_makes_it_fail() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    let (members, bytes) = (member(), "\\PC{0,60}");
    for _ in 0..200 {
        let answer = mac
            .check_in(
                &stage,
                json!({"device": some(&members), "compliance": some(&members), "problems": some(&members), "inventory": some(&members)}),
            )
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for path in ["/v1/checkin", "/v1/enrollments"] {
            let text: String = some(&bytes);
            let device = mac.device.uuid();
            assert!(mac.post(&stage, path, device, &text).await.status < 500);
            assert!(send(&stage, path, "Meridian a.b.c", &text).await.status < 500);
        }
        let mut enrollment = mac.enrollment_body("x");
        enrollment["hardware"] = some(&members);
        let issuer = mac.enrollment.uuid();
        assert!(mac.post(&stage, "/v1/enrollments", issuer, &enrollment.to_string()).await.status < 500);
    }
}

#[tokio::test]
async fn an_unchanged_check_in_is_under_half_a_kibibyte_down() {
    let stage = Stage::new().await;
    let mut mac = stage.enrolled(None).await;
    mac.settle(&stage).await;
    let empty = Digest::of(b"");
    let body = json!({"reason": "interval", "have": mac.have, "inventory": {"root": empty, "base": empty}})
        .to_string();
    let proof =
        mac.proof(&stage, ("POST", "/v1/checkin"), mac.device.uuid(), body.as_bytes(), Some(mac.seq + 1));
    let request = format!(
        "POST /v1/checkin HTTP/1.1\r\nhost: x\r\nauthorization: {proof}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(stage.portal.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.len() <= 512, "{} bytes: {answer}", answer.len());
}

#[tokio::test]
async fn what_the_device_api_refuses_is_a_problem() {
    let stage = Stage::new().await;
    let mac = stage.enrolled(None).await;
    let proof = || mac.proof(&stage, ("GET", "/v1/wait"), mac.device.uuid(), b"", None);
    let get = |path: &str| stage.http.get(stage.url(path)).header("authorization", proof());
    for (what, request, expected) in [
        ("no such path", get("/v1/secrets"), (404, "about:blank")),
        ("a longer path", get("/v1/checkin/x"), (404, "about:blank")),
        ("no path", get("/v1/"), (404, "about:blank")),
        ("another method", get("/v1/checkin"), (405, "about:blank")),
        ("another method", stage.http.delete(stage.url("/v1/portal")), (405, "about:blank")),
        ("a bad query", get("/v1/wait?timeout=soon"), (400, "malformed")),
        ("no proof", stage.http.get(stage.url("/v1/wait")), (401, "signature-invalid")),
        ("no body", stage.http.post(stage.url("/v1/checkin")), (401, "signature-invalid")),
    ] {
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.problem(), expected, "{what}");
        assert_eq!(answer.media_type, "application/problem+json", "{what}");
        assert_eq!(answer.body["request_id"], answer.request_id.as_str(), "{what}");
    }
}
