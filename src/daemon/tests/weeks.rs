//! Weeks in virtual time: several Macs, each with the daemon's tasks, the conversation and its schedule as they are, and
//! the mock portal's own routes without sockets between.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

mod seats;

use super::*;
use crate::checkin::answer::{HttpAnswer, NetFault};
use crate::checkin::local::Portal;
use crate::checkin::session::HttpRequest;
use crate::daemon::board::Part;
use crate::daemon::checkin::{self, Checkin, Transport};
use crate::daemon::commands::{self, Commands};
use crate::daemon::conversation::converse;
use crate::daemon::desk::{Bells, Desk};
use crate::daemon::executor::Executor;
use crate::daemon::imaging::Counter;
use crate::domain::digest::Digest;
use crate::domain::ids::LicenseId;
use crate::images::keeper::Keeper;
use crate::portal::app::App;
use crate::portal::faults::Faults;
use crate::portal::model::admission::Token;
use crate::portal::model::licenses::key::GivenKey;
use crate::portal::model::licenses::license::{self, LicenseDraft, LicenseState, NewLicense};
use crate::portal::model::licenses::{StateOrder, UserDraft};
use crate::portal::server::origins::Origins;
use crate::portal::store::Store as PortalStore;
use crate::simulator::{Activation, DEMO_BUSINESS_KEY, DEMO_KEY, Installed};
use crate::sources::profile::Preferences;
use crate::wire::checkin::Next;
use crate::wire::lease::{Product, WhenUnverified};
use crate::wire::limits::REQUEST_ID;

const DAY: Duration = Duration::from_secs(86_400);
const TOKEN: &str = "mde_weeks";

/// The portal's routes as the way to it.
struct InProcess(Router);

impl Transport for InProcess {
    async fn call(&self, _: &Portal, request: HttpRequest) -> Result<HttpAnswer, NetFault> {
        let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
        let asked = Request::builder()
            .method(request.method)
            .uri(format!("{}{query}", request.path))
            .header(header::AUTHORIZATION, request.authorization)
            .header(header::CONTENT_TYPE, "application/json")
            .header(REQUEST_ID, request.request_id.to_string())
            .body(Body::from(request.body.unwrap_or_default()))
            .unwrap();
        let answer = TowerToHyperService::new(self.0.clone()).call(asked).await.unwrap();
        let (head, body) = answer.into_parts();
        let text = |name: &str| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
        let (content_type, request_id) = (text("content-type"), text(REQUEST_ID));
        let (status, retry_after) = (head.status.as_u16(), text("retry-after"));
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Ok(HttpAnswer { status, content_type, request_id, retry_after, date: None, body })
    }
}

/// An organization and its portal.
struct Office {
    app: Arc<App>,
}

impl Office {
    fn new(clock: Arc<PausedClock>) -> Self {
        let (store, _writer) = PortalStore::in_memory("Example", clock.clone()).unwrap();
        let token = Token {
            id: Digest::of(TOKEN.as_bytes()),
            label: "weeks".to_owned(),
            group: None,
            reusable: true,
            expires_at: None,
            uses: 0,
            revoked: false,
        };
        store.stir(|model| model.add_token(token).unwrap());
        let app = App {
            store,
            clock,
            origins: Origins::of(&[], SocketAddr::from(([127, 0, 0, 1], 8443)), false),
            next: Next { after_s: 900, jitter_s: 180, wait: true },
            faults: Faults::default(),
            admin: Digest::of(b"admin"),
        };
        Self { app: Arc::new(app) }
    }

    fn license(&self, product: Product) -> LicenseId {
        self.add(product, license::Activation::PerUser, 5)
    }

    fn add(&self, product: Product, activation: license::Activation, seats: u32) -> LicenseId {
        let draft = LicenseDraft {
            name: "License".to_owned(),
            seats,
            activation,
            ends_at: None,
            idp_groups: Vec::new(),
            when_unverified: WhenUnverified::Report,
        };
        let key = activation.takes_keys().then(|| GivenKey::new(DEMO_BUSINESS_KEY.to_owned()));
        let new = NewLicense { draft, product, key, suspend_trial: false };
        self.app.store.stir(|model| model.add_license(new).unwrap().0.id)
    }

    /// Whether this person may sign in.
    fn employ(&self, person: &str, active: bool) {
        let draft = UserDraft { idp_groups: Some(vec!["G-all".to_owned()]), active };
        self.app.store.stir(|model| model.put_user(person, draft).unwrap());
    }

    /// A Mac to which this person has signed in.
    fn mac_of(&self, person: &str) -> Mac {
        self.employ(person, true);
        let person = person.to_owned();
        let mac = self.mac();
        {
            let licensing = &mut mac.state.lock().unwrap().licensing;
            licensing.users.insert(person.clone(), DEMO_BUSINESS_KEY.to_owned());
            licensing.installed = Some(Installed {
                key: DEMO_BUSINESS_KEY.to_owned(),
                activation: Activation::Sso,
                user: person,
                terms: licensing.keys[DEMO_BUSINESS_KEY].terms.clone(),
                ..Installed::default()
            });
        }
        mac
    }

    /// A Mac that knows this portal.
    fn mac(&self) -> Mac {
        let mac = Mac::new();
        let root = self.app.store.peek(|model| model.organization.root.public()).to_string();
        let items =
            [("PortalURL", self.app.origins.main()), ("PortalRootKey", &root), ("EnrollmentToken", TOKEN)];
        let mut bytes = Vec::new();
        plist::to_writer_xml(&mut bytes, &plist::Dictionary::from_iter(items)).unwrap();
        let preferences = Some(Preferences::parse("dev.meridian.agent.plist", &bytes).unwrap());
        mac.board.send_modify(|board| {
            board.profile = Part::new(Profile { preferences, ..Profile::default() });
        });
        mac
    }

    /// Lets a Mac live, in conversation with the portal.
    async fn live(&self, mac: &Mac) {
        mac.run(async {
            let (store, ticker, runner) = mac.ground.lock().unwrap().clone().unwrap();
            let transport = Arc::new(InProcess(crate::portal::device::router(Arc::clone(&self.app))));
            let clock: Arc<dyn Clock> = mac.clock.clone();
            let (book, _) = Keeper::open(store.clone()).unwrap();
            let ground = checkin::Ground {
                store: store.clone(),
                clock: clock.clone(),
                ticks: ticker.clone(),
                transport,
            };
            let (talk, _) = Checkin::open(ground).unwrap();
            let ground = commands::Ground { store, clock: clock.clone(), ticks: ticker.clone() };
            let (commands, _) = Commands::open(ground, commands::Inputs::of(&talk.outputs())).unwrap();
            let bells = Bells { sync: Box::new(|| {}), deactivated: Box::new(|| {}) };
            let counter = Counter::new(book, mac.board.clone());
            let ordering = (bells, counter.clone());
            let desk = Desk::new(mac.board.subscribe(), runner, clock, Vec::new(), ordering);
            let license = mac.executor.lock().unwrap().clone().unwrap();
            tokio::join!(
                converse(talk, mac.board.clone(), Arc::new(desk), Arc::default()),
                commands.run(Executor { license, board: mac.board.clone(), counter, clock: ticker }),
            );
        })
        .await;
    }

    fn used(&self, license: LicenseId) -> u32 {
        self.app.store.peek(|model| model.seats_used(license))
    }

    async fn until_used(&self, license: LicenseId, seats: u32) {
        for _ in 0..600 {
            if self.used(license) == seats {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("{} seats of {seats} are taken", self.used(license));
    }
}

fn installed(mac: &Mac) -> Option<String> {
    mac.state.lock().unwrap().licensing.installed.as_ref().map(|license| license.key.clone())
}

fn runs(mac: &Mac, verb: &str) -> usize {
    mac.calls.lock().unwrap().iter().filter(|call| call.contains(verb)).count()
}

/// The guide: copies refer to the server every seven days, and whoever is on Business moves with that, by itself.
#[tokio::test(start_paused = true)]
async fn people_move_by_themselves_within_seven_days_and_notice_nothing() {
    let office = Office::new(Arc::new(PausedClock(tokio::time::Instant::now())));
    let business = office.license(Product::Business);
    let macs = ["ada@example.com", "bob@example.com", "carl@example.com"].map(|name| office.mac_of(name));
    let [ada, bob, carl] = &macs;
    let story = async {
        office.until_used(business, 3).await;
        let enterprise = office.license(Product::Enterprise);
        let replaced = StateOrder(LicenseState::Replaced { by: enterprise });
        office.app.store.stir(|model| model.set_license_state(business, replaced).unwrap());
        for mac in &macs {
            let users = &mut mac.state.lock().unwrap().licensing.users;
            users.values_mut().for_each(|key| DEMO_KEY.clone_into(key));
        }
        tokio::time::sleep(DAY * 6 - Duration::from_secs(1_200)).await;
        assert_eq!((office.used(business), office.used(enterprise)), (3, 0), "nobody is moved in between");
        tokio::time::sleep(DAY + Duration::from_secs(2_400)).await;
        assert_eq!((office.used(business), office.used(enterprise)), (0, 3), "within seven days");
        for mac in &macs {
            assert_eq!(installed(mac).as_deref(), Some(DEMO_KEY), "Parallels' own copy, too");
            assert_eq!((runs(mac, "update-license"), runs(mac, "deactivate-license")), (1, 0));
            assert_eq!(
                mac.restrictions(),
                ["remove", "clone"],
                "local restrictions hold until policies are assigned"
            );
        }
    };
    tokio::select! {
        _ = async { tokio::join!(office.live(ada), office.live(bob), office.live(carl)) } => panic!("they ended"),
        () = story => {}
    }
}
