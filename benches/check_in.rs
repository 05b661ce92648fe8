//! An unchanged check-in without a network: the session's request, and its answer taken in.

use jiff::{SignedDuration, Timestamp};
use meridian::checkin::answer::HttpAnswer;
use meridian::checkin::chance::SystemChance;
use meridian::checkin::local::{Licensing, Local, Machines, Parallels, Portal};
use meridian::checkin::session::{Do, Documents, HttpRequest, Session};
use meridian::domain::host::{Arch, Hardware, Host};
use meridian::domain::ids::{DeviceId, OrganizationId};
use meridian::wire::enrollment::{self, EnrollmentToken};
use meridian::wire::json;
use meridian::wire::key::{PublicKey, SigningKey};
use meridian::wire::keyset::{KeyUse, Keyset, KeysetKey};
use meridian::wire::time::{self, NumericDate};
use meridian::wire::token::Typ;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_764_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).expect("within reach")
}

/// A session that has enrolled and checked in once; what is counted is the second time, when nothing changed.
pub(crate) fn prepared() -> impl Fn() -> usize {
    let (root, key) = (signing_key(2), signing_key(3));
    let local = local(&root);
    let (mut session, mut now) = (Session::new(Documents::default(), at(0), &mut SystemChance), at(0));
    for _ in 0..2 {
        let (asked, request, later) = next(&session, &local, now);
        now = later;
        session = asked.answer(now, Ok(answer(&request, &root, &key)), &mut SystemChance).session;
    }
    move || {
        let (asked, request, later) = next(&session, &local, now);
        let answered = asked.answer(later, Ok(answer(&request, &root, &key)), &mut SystemChance);
        assert_eq!(answered.session.status().failures, 0);
        request.body.map_or(0, |body| body.len())
    }
}

/// The next request, when its time has come.
fn next(session: &Session, local: &Local, mut now: Timestamp) -> (Session, HttpRequest, Timestamp) {
    let mut session = session.clone();
    loop {
        let step = session.poll(now, local, &mut SystemChance);
        session = step.session;
        match step.then {
            Do::Send(request) => return (session, request, now),
            Do::Until(due) => now = due,
            Do::Nothing => now += SignedDuration::from_secs(60),
        }
    }
}

fn answer(request: &HttpRequest, root: &SigningKey, key: &SigningKey) -> HttpAnswer {
    let enrolls = request.path == enrollment::PATH;
    let mut body = json!({
        "server_time": time::write(at(0)), "next": {"after_s": 900, "jitter_s": 180, "wait": true},
    });
    if enrolls {
        let asked = json::parse(request.body.as_deref().unwrap_or_default()).expect("an enrollment");
        for (name, member) in documents(&asked, root, key) {
            body[name] = member;
        }
    }
    HttpAnswer {
        status: if enrolls { 201 } else { 200 },
        content_type: Some("application/json".to_owned()),
        request_id: Some(request.request_id.to_string()),
        retry_after: None,
        date: None,
        body: body.to_string().into_bytes(),
    }
}

/// What an enrollment is answered with: who the Mac is, the keyset, and an assignment.
fn documents(asked: &Value, root: &SigningKey, key: &SigningKey) -> [(&'static str, Value); 3] {
    let (organization, device) = (OrganizationId::of(uuid::Uuid::nil()), DeviceId::of(uuid::Uuid::nil()));
    let device_key: PublicKey =
        asked["public_key"].as_str().and_then(|text| text.parse().ok()).expect("a key");
    let uses = vec![KeyUse::Assignment];
    let signer = KeysetKey { kid: key.thumbprint(), x: key.public(), uses, not_after: at(86_400_000) };
    let keyset = Keyset { iss: organization, iat: NumericDate::of(at(0)), version: 1, keys: vec![signer] };
    let settings = json!({"vms.corporate_only": true});
    let assignment = json!({
        "iss": organization, "aud": device, "iat": NOW, "cnf": {"jkt": device_key.thumbprint()}, "keyset": 1, "version": 1,
        "refresh_by": time::write(at(86_400_000)), "group": null, "golden_image": null, "configuration_profiles": [],
        "policy": {"id": uuid::Uuid::nil(), "name": "Policy", "revision": 1, "settings": settings}, "retired": false,
    });
    [
        ("device_id", json!(device)),
        ("keyset", json!(root.sign(Typ::Keyset, &keyset).expect("a token"))),
        ("assignment", json!(key.sign(Typ::Assignment, &assignment).expect("a token"))),
    ]
}

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32]).expect("a key")
}

fn local(root: &SigningKey) -> Local {
    Local {
        portal: Portal {
            origin: Some("https://portal.example".to_owned()),
            root_key: Some(root.public()),
            root_key_is_bad: false,
            token: Some(EnrollmentToken::new("token".to_owned())),
            ca: None,
        },
        host: Some(Host {
            hardware: Hardware {
                serial: "C02A".into(),
                platform_uuid: "5A9C3F10-7E2B-5D44-8C1E-2F60B7A4D913".into(),
                model: "Mac15,3".into(),
                arch: Arch::Arm64,
            },
            hostname: "mac".into(),
            os_version: "26.1".into(),
        }),
        agent_version: "0.1.0".to_owned(),
        parallels: Parallels::Installed("26.1.1".parse().expect("a version")),
        local_restrictions: Map::new(),
        profile_settings: Map::new(),
        updates: None,
        compliance: Vec::new(),
        problems: Vec::new(),
        vms: Some(Machines::default()),
        images: Vec::new(),
        licensing: Licensing::default(),
    }
}
