//! Faults on demand, and TLS.

use meridian::portal::server::tls::Identity;
use meridian::wire::assignment::Assignment;
use meridian::wire::document::{Addressee, Judgement};
use meridian::wire::keyset::Keyset;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Mac, Stage, client};

#[tokio::test]
async fn each_fault_looks_as_it_is_named_and_then_ends() {
    let stage = Stage::new().await;
    let url = stage.url("/v1/portal");
    for (fault, expected) in [
        (json!({"kind": "down"}), None),
        (json!({"kind": "bare401"}), Some((401, ""))),
        (json!({"kind": "html"}), Some((200, "text/html"))),
        (json!({"kind": "garbage"}), Some((200, "application/json"))),
        (json!({"kind": "slow", "ms": 1}), Some((200, "application/json"))),
        (
            json!({"kind": "status", "status": 429, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            Some((429, "")),
        ),
        (json!({"kind": "status", "status": 503, "retry_after": "-1"}), Some((503, ""))),
        (json!({"kind": "status", "status": 500}), Some((500, ""))),
        (json!({"kind": "wrong_request_id"}), Some((200, "application/json"))),
    ] {
        stage.fault("portal", fault.clone(), Some(1)).await;
        // A client of its own, which does not try again on another connection.
        let answer = client().get(&url).send().await;
        let seen = answer.as_ref().ok().map(|answer| {
            let media_type = answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap());
            (answer.status().as_u16(), media_type)
        });
        assert_eq!(seen, expected, "{fault}");
        assert_eq!(client().get(&url).send().await.unwrap().status(), 200, "{fault}");
    }
    stage.fault("portal", json!({"kind": "half_body"}), Some(1)).await;
    let answer = client().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn forged_documents_are_what_an_agent_has_to_refuse() {
    let stage = Stage::new().await;
    let (group, _) = stage.group_with_policy(json!({"vms.corporate_only": true})).await;
    let mut mac = stage.enrolled(Some(&group)).await;
    mac.settle(&stage).await;
    let current = mac.have["assignment"].as_u64().unwrap();
    for (kind, valid) in [
        ("older_assignment", true),
        ("equivocation", true),
        ("stranger_assignment", false),
        ("foreign_assignment", false),
    ] {
        stage.fault("checkin", json!({"kind": kind}), Some(1)).await;
        let answer = mac.check_in(&stage, json!({})).await;
        let token = answer.body["assignment"].as_str().unwrap();
        let keyset = Keyset::verify(&stage.portal.root_key(), &mac.keyset).unwrap();
        let addressee = Addressee { device: mac.device, key: mac.key.thumbprint() };
        let read =
            Assignment::verify(token, &addressee, Judgement::Arriving { keyset: &keyset, now: stage.now() });
        assert_eq!(read.is_ok(), valid, "{kind}");
        if let Ok(assignment) = read {
            assert_eq!(assignment.version == current, kind == "equivocation");
            assert!(assignment.version <= current && assignment.policy.is_none());
        }
    }
    stage.fault("checkin", json!({"kind": "stale_keyset"}), None).await;
    let answer = mac.check_in(&stage, json!({})).await;
    let keyset = Keyset::verify(&stage.portal.root_key(), answer.body["keyset"].as_str().unwrap()).unwrap();
    assert_eq!(keyset.version, 1);
    stage.admin(Method::DELETE, "/faults", Value::Null).await;
    let answer = mac.check_in(&stage, json!({})).await;
    assert_eq!((answer.body.get("keyset"), answer.body.get("assignment")), (None, None), "all as before");
}

#[tokio::test]
async fn it_serves_tls_with_its_own_certificate() {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let identity = Identity {
        certificates: pem.clone().into_bytes(),
        key: certified.signing_key.serialize_pem().into_bytes(),
    };
    let mut stage = Stage::with(|config| config.tls = Some(identity)).await;
    assert!(stage.portal.origin().starts_with("https://127.0.0.1:"));
    assert!(client().get(stage.url("/v1/portal")).send().await.is_err(), "nobody vouches for it");
    let root = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    stage.http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let token = stage.token(json!({})).await;
    assert_eq!(Mac::new().enroll(&stage, &token).await.status, 201);
}
