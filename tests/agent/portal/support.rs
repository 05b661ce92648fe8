//! A portal with a clock that moves when told to, an administrator, and a Mac that speaks the protocol by hand.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use meridian::clock::{Clock, ManualClock};
use meridian::domain::digest::Digest;
use meridian::domain::ids::{DeviceId, EnrollmentId, RequestId};
use meridian::portal::server::{Config, Portal, Running};
use meridian::wire::assignment::Assignment;
use meridian::wire::document::{Addressee, Judgement};
use meridian::wire::inventory::record_digest;
use meridian::wire::key::SigningKey;
use meridian::wire::keyset::Keyset;
use meridian::wire::limits::REQUEST_ID;
use meridian::wire::proof::{Request, authorization, prove};
use meridian::wire::token::Verified;
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub(super) const START: &str = "2026-01-05T08:00:00Z";

pub(super) struct Stage {
    pub(super) portal: Running,
    pub(super) clock: ManualClock,
    pub(super) http: reqwest::Client,
}

/// A status, a media type and a body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) request_id: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let text = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (media_type, request_id) = (text("content-type"), text(REQUEST_ID));
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, media_type, request_id, body }
    }

    /// The status and the name of the problem.
    pub(super) fn problem(&self) -> (u16, &str) {
        let kind = self.body["type"].as_str().unwrap_or_default();
        (self.status, kind.strip_prefix("urn:meridian:problem:").unwrap_or(kind))
    }
}

pub(super) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let mut config = Config { clock: Arc::new(clock.clone()), ..Config::default() };
        change(&mut config);
        Self { portal: Portal::start(config).await.unwrap(), clock, http: client() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.portal.origin())
    }

    pub(super) async fn admin(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = self.http.request(method, self.url(&format!("/admin/v1{path}")));
        request = request.bearer_auth(self.portal.admin_token());
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// Makes a record and gives its id.
    pub(super) async fn make(&self, path: &str, body: Value) -> String {
        let answer = self.admin(Method::POST, path, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn token(&self, body: Value) -> String {
        let answer = self.admin(Method::POST, "/tokens", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// A group with a policy, and their ids.
    pub(super) async fn group_with_policy(&self, settings: Value) -> (String, String) {
        let group = self.make("/groups", json!({"name": "Sales"})).await;
        let policy = self.make("/policies", json!({"name": "Sales Macs", "settings": settings})).await;
        self.assign(&group, Some(&policy)).await;
        (group, policy)
    }

    pub(super) async fn assign(&self, group: &str, policy: Option<&str>) {
        let path = format!("/groups/{group}/policy");
        assert_eq!(self.admin(Method::PUT, &path, json!({"policy": policy})).await.status, 200);
    }

    pub(super) async fn fault(&self, endpoint: &str, fault: Value, times: Option<u64>) {
        let order = json!({"endpoint": endpoint, "fault": fault, "times": times});
        let answer = self.admin(Method::POST, "/faults", order).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// A Mac in this group.
    pub(super) async fn enrolled(&self, group: Option<&str>) -> Mac {
        let token = self.token(json!({"group": group})).await;
        let mut mac = Mac::new();
        let answer = mac.enroll(self, &token).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        mac
    }
}

pub(super) struct Mac {
    pub(super) key: SigningKey,
    pub(super) device: DeviceId,
    pub(super) enrollment: EnrollmentId,
    pub(super) seq: u64,
    pub(super) serial: String,
    pub(super) have: Value,
    pub(super) keyset: String,
}

impl Mac {
    pub(super) fn new() -> Self {
        Self {
            key: SigningKey::generate().unwrap(),
            device: DeviceId::random(),
            enrollment: EnrollmentId::random(),
            seq: 1_000,
            serial: RequestId::random().to_string(),
            have: json!({"keyset": 0, "assignment": 0, "lease": 0}),
            keyset: String::new(),
        }
    }

    pub(super) fn hardware(&self) -> Value {
        json!({"serial": self.serial, "platform_uuid": format!("uuid of {}", self.serial), "model": "Mac15,3", "arch": "arm64"})
    }

    pub(super) fn enrollment_body(&self, token: &str) -> Value {
        json!({
            "enrollment_id": self.enrollment, "token": token, "public_key": self.key.public(),
            "hardware": self.hardware(), "hostname": "mac.local", "os_version": "26.1",
            "agent_version": "0.1.0", "reason": "first",
        })
    }

    pub(super) fn device_member(&self, parallels: Value) -> Value {
        json!({
            "hardware": self.hardware(), "hostname": "mac.local", "os_version": "26.1",
            "agent_version": "0.1.0", "parallels_version": parallels,
        })
    }

    pub(super) async fn enroll(&mut self, stage: &Stage, token: &str) -> Answer {
        let body = self.enrollment_body(token);
        let answer = self.post(stage, "/v1/enrollments", self.enrollment.uuid(), &body.to_string()).await;
        if let Some(id) = answer.body["device_id"].as_str() {
            self.device = id.parse().unwrap();
            self.adopt(stage, &answer);
        }
        answer
    }

    /// Checks in with these members beside `reason` and `have`.
    pub(super) async fn check_in(&mut self, stage: &Stage, members: Value) -> Answer {
        let mut body = json!({"reason": "interval", "have": self.have});
        body.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_default());
        self.post(stage, "/v1/checkin", self.device.uuid(), &body.to_string()).await
    }

    /// Checks in with everything, as after a start, and has what it is given from then on.
    pub(super) async fn settle(&mut self, stage: &Stage) -> Answer {
        let members = json!({"device": self.device_member("26.1.1".into()), "compliance": [], "problems": [],
            "inventory": {"root": Digest::of(b""), "base": null}});
        let answer = self.check_in(stage, members).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.adopt(stage, &answer);
        answer
    }

    /// Verifies what an answer holds, and has it from then on.
    pub(super) fn adopt(&mut self, stage: &Stage, answer: &Answer) -> Option<Verified<Assignment>> {
        if let Some(token) = answer.body["keyset"].as_str() {
            let keyset = Keyset::verify(&stage.portal.root_key(), token).unwrap();
            self.have["keyset"] = keyset.version.into();
            token.clone_into(&mut self.keyset);
        }
        let assignment = answer.body["assignment"].as_str().map(|token| self.verify(stage, token));
        if let Some(assignment) = &assignment {
            self.have["assignment"] = assignment.version.into();
        }
        assignment
    }

    /// Verifies an assignment as an agent does, by the portal's current keyset.
    pub(super) fn verify(&self, stage: &Stage, token: &str) -> Verified<Assignment> {
        let keyset = Keyset::verify(&stage.portal.root_key(), &self.keyset).unwrap();
        let addressee = Addressee { device: self.device, key: self.key.thumbprint() };
        Assignment::verify(token, &addressee, Judgement::Arriving { keyset: &keyset, now: stage.now() })
            .unwrap()
    }

    pub(super) fn proof(
        &self,
        stage: &Stage,
        (method, path): (&str, &str),
        issuer: uuid::Uuid,
        body: &[u8],
        seq: Option<u64>,
    ) -> String {
        let request = Request { issuer, origin: stage.portal.origin(), method, path, body };
        authorization(&prove(&self.key, &request, stage.now(), seq).unwrap())
    }

    /// Posts a body with a good proof and the next number.
    pub(super) async fn post(&mut self, stage: &Stage, path: &str, issuer: uuid::Uuid, body: &str) -> Answer {
        self.seq += 1;
        let proof = self.proof(stage, ("POST", path), issuer, body.as_bytes(), Some(self.seq));
        send(stage, path, &proof, body).await
    }

    /// Opens a long poll.
    pub(super) async fn wait(&self, stage: &Stage, seconds: u64) -> Answer {
        let proof = self.proof(stage, ("GET", "/v1/wait"), self.device.uuid(), b"", None);
        let url = stage.url(&format!("/v1/wait?timeout={seconds}"));
        Answer::of(stage.http.get(url).header("authorization", proof).send().await.unwrap()).await
    }
}

pub(super) async fn send(stage: &Stage, path: &str, proof: &str, body: &str) -> Answer {
    let request = stage.http.post(stage.url(path)).header("authorization", proof);
    let id = RequestId::next().to_string();
    let request = request.header(REQUEST_ID, &id).header("content-type", "application/json");
    let answer = Answer::of(request.body(body.to_owned()).send().await.unwrap()).await;
    assert_eq!(answer.request_id, id);
    answer
}

/// A record of a virtual machine.
pub(super) fn vm(uuid: &str, name: &str) -> Value {
    json!({
        "uuid": uuid, "name": name, "owners": [{"uid": 501, "user": "ada"}], "os": "win-11", "state": "running",
        "corporate": false, "cpu": 4, "memory_mib": 8192, "disk_mib": 65536, "encrypted": false,
        "tools": {"state": "installed", "version": "26.1.1"}, "networks": [], "addresses": [],
        "configuration_locked": false, "violations": [], "a_member_of_tomorrow": {"x": 1},
    })
}

/// The root over records, made by the protocol's words alone.
pub(super) fn root(records: &[Value]) -> Digest {
    let mut lines: Vec<_> = records
        .iter()
        .map(|record| format!("{} {}\n", record["uuid"].as_str().unwrap(), record_digest(record).unwrap()))
        .collect();
    lines.sort();
    Digest::of(lines.concat().as_bytes())
}

pub(super) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}
