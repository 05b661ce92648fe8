use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::checkin::rehearsal::at;
use crate::wire::checkin::CheckinAnswer;
use crate::wire::problem::MEDIA_TYPE;

const BODY: &str =
    r#"{"server_time":"2025-11-24T16:00:00Z","next":{"after_s":900,"jitter_s":180,"wait":true}}"#;

fn id() -> RequestId {
    RequestId::of(Uuid::from_u128(5))
}

fn success() -> HttpAnswer {
    HttpAnswer {
        status: 200,
        content_type: Some("application/json; charset=utf-8".to_owned()),
        request_id: Some(id().to_string()),
        retry_after: None,
        date: None,
        body: BODY.as_bytes().to_vec(),
    }
}

fn meaning(answer: HttpAnswer) -> Meaning<CheckinAnswer> {
    read(Ok(answer), 200, id(), at(0))
}

#[test]
fn a_success_is_right_in_every_respect_or_it_is_the_network() {
    assert!(matches!(meaning(success()), Meaning::Success(_)));
    type Change = fn(&mut HttpAnswer);
    let wrong: [(&str, Change); 12] = [
        ("another success", |answer| answer.status = 201),
        ("no content", |answer| answer.status = 204),
        ("a redirect", |answer| answer.status = 302),
        ("a page", |answer| answer.content_type = Some("text/html".to_owned())),
        ("no type", |answer| answer.content_type = None),
        ("no id", |answer| answer.request_id = None),
        ("another id", |answer| answer.request_id = Some(Uuid::from_u128(6).to_string())),
        ("half a body", |answer| answer.body.truncate(60)),
        ("more after it", |answer| answer.body.extend_from_slice(b"{}")),
        ("a list", |answer| answer.body = format!("[{BODY}]").into_bytes()),
        ("missing members", |answer| answer.body = b"{}".to_vec()),
        ("a member twice", |answer| {
            answer.body = BODY.replacen('{', r#"{"resend":[],"resend":[],"#, 1).into_bytes()
        }),
    ];
    for (name, change) in wrong {
        let mut answer = success();
        change(&mut answer);
        assert!(matches!(meaning(answer), Meaning::Network(_)), "{name}");
    }
}

#[test]
fn only_a_problem_of_the_table_refuses() {
    let refusal = |status, content_type: Option<&str>, body: &str| {
        let content_type = content_type.map(str::to_owned);
        meaning(HttpAnswer { status, content_type, body: body.as_bytes().to_vec(), ..success() })
    };
    let unknown = r#"{"type":"urn:meridian:problem:device-unknown"}"#;
    assert!(matches!(refusal(401, Some(MEDIA_TYPE), unknown), Meaning::Refused(Refusal::DeviceUnknown)));
    for (status, content_type, body) in [
        (401, None, ""),
        (401, Some("text/html"), "<h1>401</h1>"),
        (401, Some("application/json"), unknown),
        (401, Some(MEDIA_TYPE), r#"{"type":"about:blank","status":401}"#),
        (401, Some(MEDIA_TYPE), r#"{"type":"urn:meridian:problem:retired"}"#),
        (403, Some(MEDIA_TYPE), unknown),
        (404, Some(MEDIA_TYPE), unknown),
        (407, None, ""),
        (500, None, ""),
    ] {
        assert!(matches!(refusal(status, content_type, body), Meaning::Network(_)), "{status} {body}");
    }
    let other =
        format!(r#"{{"type":"urn:meridian:problem:device-unknown","request_id":"{}"}}"#, Uuid::from_u128(6));
    assert!(matches!(refusal(401, Some(MEDIA_TYPE), &other), Meaning::Network(_)), "another request's");
}

#[test]
fn later_is_later_whatever_the_body() {
    for status in [429, 503] {
        let answer = HttpAnswer { status, retry_after: Some("60".to_owned()), ..success() };
        assert!(matches!(meaning(answer), Meaning::Later(Some(wait)) if wait.as_secs() == 60));
        let answer = HttpAnswer { status, content_type: None, body: Vec::new(), ..success() };
        assert!(matches!(meaning(answer), Meaning::Later(None)));
    }
}

proptest! {
    /// Without a problem document no status ever refuses, a bare 401 least of all.
    #[test]
    fn nothing_bare_refuses(status in 100_u16..1000, content_type in "(text/html|application/json|)", body in prop::collection::vec(any::<u8>(), 0..80)) {
        let answer = HttpAnswer { status, content_type: Some(content_type), body, ..success() };
        prop_assert!(!matches!(meaning(answer), Meaning::Refused(_)));
    }
}
