//! A portal that signs, a Mac whose disk is a struct, and dice: what the tests of the check-in play with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{HttpAnswer, NetFault};
use super::chance::Chance;
use super::identity::Identities;
use super::local::{Licensing, Local, Machines, Parallels, Portal};
use super::report::Memory;
use super::session::{Do, Documents, Effect, HttpRequest, Save, Session, Step};
use super::trust::TrustDocument;
use crate::domain::host::{Arch, Hardware, Host};
use crate::domain::ids::{CommandId, DeviceId, EnrollmentId, OrganizationId, PolicyId, RequestId, VmId};
use crate::wire::assignment::{Assignment, Policy};
use crate::wire::command::{Command, CommandKind};
use crate::wire::document::{Claims, Confirmation};
use crate::wire::enrollment::{self, EnrollmentToken};
use crate::wire::inventory::{Guest, Owner, Provenance, Resources, Standing, Tools, VmRecord};
use crate::wire::key::{KeyError, SigningKey, Thumbprint};
use crate::wire::keyset::{KeyUse, Keyset, KeysetKey};
use crate::wire::lease::{Lease, LeaseState, Product, WhenUnverified};
use crate::wire::problem::{MEDIA_TYPE, Problem, Refusal};
use crate::wire::proof::Proof;
use crate::wire::time::{self, NumericDate};
use crate::wire::token::Typ;

pub(crate) const NOW: i64 = 1_764_000_000;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

/// Everything random, decided.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    pub(crate) draw: f64,
    count: u64,
}

impl Dice {
    pub(crate) fn showing(draw: f64) -> Self {
        Self { draw, count: 0 }
    }

    fn uuid(&mut self) -> Uuid {
        self.count += 1;
        Uuid::from_u64_pair(self.count, 1)
    }
}

impl Chance for Dice {
    fn draw(&mut self) -> f64 {
        self.draw
    }

    fn key(&mut self) -> Result<SigningKey, KeyError> {
        self.count += 1;
        SigningKey::from_seed([u8::try_from(self.count).unwrap(); 32])
    }

    fn enrollment_id(&mut self) -> EnrollmentId {
        EnrollmentId::of(self.uuid())
    }

    fn request_id(&mut self) -> RequestId {
        RequestId::of(self.uuid())
    }
}

/// An organization that signs.
pub(crate) struct Signer {
    pub(crate) root: SigningKey,
    pub(crate) key: SigningKey,
    pub(crate) organization: OrganizationId,
    pub(crate) device: DeviceId,
}

impl Signer {
    pub(crate) fn new() -> Self {
        Self::of(200)
    }

    /// Another organization for another number.
    pub(crate) fn of(number: u8) -> Self {
        Self {
            root: SigningKey::from_seed([number; 32]).unwrap(),
            key: SigningKey::from_seed([number + 1; 32]).unwrap(),
            organization: OrganizationId::of(Uuid::from_u128(number.into())),
            device: DeviceId::of(Uuid::from_u128(7)),
        }
    }

    pub(crate) fn keyset(&self, version: u64) -> String {
        let key = KeysetKey {
            kid: self.key.thumbprint(),
            x: self.key.public(),
            uses: vec![KeyUse::Assignment, KeyUse::Lease, KeyUse::Command],
            not_after: at(1_000_000_000),
        };
        let keyset = Keyset { iss: self.organization, iat: NumericDate::of(at(0)), version, keys: vec![key] };
        self.root.sign(Typ::Keyset, &keyset).unwrap()
    }

    /// An assignment of this version with a policy of this revision, for the key.
    pub(crate) fn assignment(&self, version: u64, revision: u64, jkt: Thumbprint) -> String {
        self.changed_assignment(version, revision, jkt, |_| {})
    }

    pub(crate) fn changed_assignment(
        &self,
        version: u64,
        revision: u64,
        jkt: Thumbprint,
        change: impl FnOnce(&mut Assignment),
    ) -> String {
        let mut settings = Map::new();
        settings.insert("restrict.create_vm".to_owned(), Value::Bool(true));
        let id = PolicyId::of(Uuid::from_u128(9));
        let mut assignment = Assignment {
            claims: self.claims(jkt),
            version,
            refresh_by: at(30 * 86_400),
            group: None,
            policy: Some(Policy { id, name: "Sales Macs".to_owned(), revision, settings }),
            golden_image: None,
            golden_images: Vec::new(),
            image_delivery: None,
            configuration_profiles: Vec::new(),
            retired: false,
        };
        change(&mut assignment);
        self.key.sign(Typ::Assignment, &assignment).unwrap()
    }

    fn claims(&self, jkt: Thumbprint) -> Claims {
        Claims {
            iss: self.organization,
            aud: self.device,
            iat: NumericDate::of(at(0)),
            cnf: Confirmation { jkt },
            keyset: 1,
        }
    }

    /// An active lease of this number for the key, due in seven days and good for thirty.
    pub(crate) fn lease(&self, seq: u64, jkt: Thumbprint) -> String {
        self.changed_lease(seq, jkt, |_| {})
    }

    pub(crate) fn changed_lease(&self, seq: u64, jkt: Thumbprint, change: impl FnOnce(&mut Lease)) -> String {
        let mut lease = Lease {
            claims: self.claims(jkt),
            seq,
            license_id: "ENT-1".to_owned(),
            product: Product::Enterprise,
            seat: self.device.to_string(),
            group: None,
            state: LeaseState::Active,
            verify_after: at(7 * 86_400),
            grace_until: at(30 * 86_400),
            when_unverified: WhenUnverified::Report,
        };
        change(&mut lease);
        self.key.sign(Typ::Lease, &lease).unwrap()
    }

    /// A command with this number and id for the key, good for a day.
    pub(crate) fn command(&self, seq: u64, jkt: Thumbprint, change: impl FnOnce(&mut Command)) -> String {
        let mut command = Command {
            claims: self.claims(jkt),
            id: CommandId::of(Uuid::from_u128(seq.into())),
            seq,
            kind: CommandKind::VerifyLicense,
            args: Map::new(),
            expires_at: at(86_400),
        };
        change(&mut command);
        self.key.sign(Typ::Command, &command).unwrap()
    }

    pub(crate) fn local(&self) -> Local {
        Local {
            portal: Portal {
                origin: Some("https://portal.example".to_owned()),
                root_key: Some(self.root.public()),
                root_key_is_bad: false,
                token: Some(EnrollmentToken::new("first-token".to_owned())),
                ca: None,
            },
            host: Some(Host {
                hardware: hardware("C02A", "UUID-A"),
                hostname: "mac".into(),
                os_version: "15.5".into(),
            }),
            agent_version: "0.1.0".to_owned(),
            parallels: Parallels::Installed("26.1.1".parse().unwrap()),
            local_restrictions: Map::new(),
            profile_settings: Map::new(),
            updates: None,
            compliance: Vec::new(),
            problems: Vec::new(),
            vms: Some(Machines { records: vec![vm(1, "Windows")], volatile: Vec::new() }),
            images: Vec::new(),
            licensing: Licensing::default(),
        }
    }

    /// The answer of a healthy portal to whatever is asked.
    pub(crate) fn serve(&self, request: &HttpRequest, version: u64) -> HttpAnswer {
        if request.path == enrollment::PATH {
            let jkt = jkt_of(request);
            return answer(
                request,
                201,
                &json!({
                    "device_id": self.device, "keyset": self.keyset(1), "assignment": self.assignment(version, version, jkt),
                    "next": {"after_s": 900, "jitter_s": 180, "wait": true}, "server_time": server_time(request),
                }),
            );
        }
        self.checked_in(request, &json!({}))
    }

    /// A successful check-in with further members.
    pub(crate) fn checked_in(&self, request: &HttpRequest, members: &Value) -> HttpAnswer {
        let mut body = json!({
            "server_time": server_time(request), "next": {"after_s": 900, "jitter_s": 180, "wait": true},
        });
        for (name, member) in members.as_object().unwrap() {
            body[name] = member.clone();
        }
        answer(request, 200, &body)
    }
}

/// The thumbprint of the key that an enrollment is for.
pub(crate) fn jkt_of(request: &HttpRequest) -> Thumbprint {
    let key: crate::wire::key::PublicKey = body(request)["public_key"].as_str().unwrap().parse().unwrap();
    key.thumbprint()
}

pub(crate) fn hardware(serial: &str, uuid: &str) -> Hardware {
    Hardware { serial: serial.into(), platform_uuid: uuid.into(), model: "Mac15,3".into(), arch: Arch::Arm64 }
}

pub(crate) fn vm(number: u128, name: &str) -> VmRecord {
    VmRecord {
        uuid: VmId::of(Uuid::from_u128(number)),
        name: name.to_owned(),
        owners: vec![Owner { uid: crate::domain::ids::Uid(501), user: "ada".to_owned() }],
        os: "win-11".to_owned(),
        state: "running".to_owned(),
        provenance: Provenance { corporate: false, image: None },
        resources: Resources { cpu: 4, memory_mib: 8_192, disk_mib: 65_536, encrypted: false },
        guest: Guest {
            tools: Tools { state: "installed".to_owned(), version: "26.1.1".to_owned() },
            networks: Vec::new(),
            addresses: Vec::new(),
        },
        snapshots: None,
        standing: Standing { configuration_locked: false, violations: Vec::new() },
    }
}

/// What a request's proof claims.
pub(crate) fn proof(request: &HttpRequest) -> Proof {
    let payload = request.authorization.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The clock of a portal that agrees with the agent.
fn server_time(request: &HttpRequest) -> String {
    time::write(proof(request).iat.timestamp())
}

pub(crate) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body.as_deref().unwrap()).unwrap()
}

pub(crate) fn answer(request: &HttpRequest, status: u16, body: &Value) -> HttpAnswer {
    HttpAnswer {
        status,
        content_type: Some("application/json".to_owned()),
        request_id: Some(request.request_id.to_string()),
        retry_after: None,
        date: None,
        body: body.to_string().into_bytes(),
    }
}

pub(crate) fn refusal(request: &HttpRequest, refusal: Refusal) -> HttpAnswer {
    let problem = Problem { refusal, request_id: Some(request.request_id), detail: None };
    HttpAnswer {
        status: problem.refusal.status(),
        content_type: Some(MEDIA_TYPE.to_owned()),
        request_id: Some(request.request_id.to_string()),
        retry_after: None,
        date: None,
        body: problem.body().to_string().into_bytes(),
    }
}

/// A disk that holds what was saved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) identities: Option<Identities>,
    pub(crate) trust: Option<TrustDocument>,
    pub(crate) memory: Option<Memory>,
    /// How often it was written.
    pub(crate) writes: usize,
    /// After so many writes the power fails.
    pub(crate) power: Option<usize>,
}

impl Disk {
    fn write(&mut self, save: Save) -> bool {
        if self.power.is_some_and(|power| self.writes >= power) {
            return false;
        }
        self.writes += 1;
        match save {
            Save::Trust(trust) => self.trust = Some(trust),
            Save::Identities(identities) => self.identities = Some(identities),
            Save::Memory(memory) => self.memory = Some(memory),
        }
        true
    }
}

/// A Mac whose agent is driven by hand.
pub(crate) struct Mac {
    pub(crate) session: Session,
    pub(crate) disk: Disk,
    pub(crate) now: Timestamp,
    pub(crate) dice: Dice,
    pub(crate) local: Local,
    pub(crate) effects: Vec<Effect>,
}

impl Mac {
    pub(crate) fn new(local: Local) -> Self {
        let mut dice = Dice::showing(0.0);
        let session = Session::new(Documents::default(), at(0), &mut dice);
        Self { session, disk: Disk::default(), now: at(0), dice, local, effects: Vec::new() }
    }

    /// One that is enrolled with version 7 of its assignment and has checked in once.
    pub(crate) fn enrolled(signer: &Signer) -> Self {
        let mut mac = Self::new(signer.local());
        for _ in 0..2 {
            let request = mac.request();
            mac.hear(signer.serve(&request, 7));
        }
        mac.effects.clear();
        mac
    }

    pub(crate) fn restart(&mut self) {
        let Disk { identities, trust, memory, .. } = self.disk.clone();
        let documents = Documents { identities, identities_lost: false, trust, memory };
        self.session = Session::new(documents, self.now, &mut self.dice);
    }

    /// Takes a step; `None` when the power failed.
    pub(crate) fn take(&mut self, step: Step) -> Option<Do> {
        for save in step.saves {
            if !self.disk.write(save) {
                return None;
            }
        }
        self.session = step.session;
        self.effects.extend(step.effects);
        Some(step.then)
    }

    pub(crate) fn poll(&mut self) -> Option<Do> {
        let step = self.session.poll(self.now, &self.local, &mut self.dice);
        self.take(step)
    }

    /// The next request, after whatever wait; and how long that was.
    pub(crate) fn waited_request(&mut self) -> (SignedDuration, HttpRequest) {
        let from = self.now;
        for _ in 0..10 {
            match self.poll().unwrap() {
                Do::Send(request) => return (self.now.duration_since(from), request),
                Do::Until(at) => self.now = at,
                Do::Nothing => panic!("nothing to do: {:?}", self.session.status()),
            }
        }
        panic!("no request");
    }

    pub(crate) fn request(&mut self) -> HttpRequest {
        self.waited_request().1
    }

    pub(crate) fn hear(&mut self, answer: HttpAnswer) {
        self.hear_or(Ok(answer));
    }

    pub(crate) fn hear_or(&mut self, answer: Result<HttpAnswer, NetFault>) {
        let step = self.session.answer(self.now, answer, &mut self.dice);
        self.take(step).unwrap();
    }

    /// How long it takes from the answer to the next request.
    pub(crate) fn next_after(&mut self, answer: Result<HttpAnswer, NetFault>) -> i64 {
        self.hear_or(answer);
        self.waited_request().0.as_secs()
    }

    pub(crate) fn problems(&self) -> Vec<&'static str> {
        self.session.status().problems.iter().map(|problem| problem.code.code()).collect()
    }

    /// The thumbprint of the device's key.
    pub(crate) fn jkt(&self) -> Thumbprint {
        self.session.key_thumbprint().unwrap()
    }

    pub(crate) fn version(&self) -> Option<u64> {
        self.session.assignment().map(|assignment| assignment.version)
    }
}
