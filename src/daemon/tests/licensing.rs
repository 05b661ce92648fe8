//! Licensing with the observer, the simulator's license and a portal that signs what is wished for.

use std::collections::BTreeMap;

use super::*;
use crate::checkin::rehearsal::Signer;
use crate::checkin::session::Denied;
use crate::daemon::board::{Part, Ruling};
use crate::daemon::commands::Run;
use crate::daemon::{imaging, report, views};
use crate::domain::ids::{CommandId, Uid};
use crate::license::Stage;
use crate::license::deactivation::Book;
use crate::simulator::{DEMO_KEY, DEMO_SUBLICENSE_KEY};
use crate::sources::profile::Activation;
use crate::state::Apart;
use crate::wire::checkin::LeaseWish;
use crate::wire::codes::ProblemCode;
use crate::wire::command::CommandKind;
use crate::wire::document::{Addressee, Judgement};
use crate::wire::key::SigningKey;
use crate::wire::lease::{Lease, LeaseState, WhenUnverified};
use crate::wire::time::NumericDate;

impl Mac {
    /// A portal that grants what is wished for, with a round trip of a second, for as long as `open`.
    async fn portal(&self, mut open: watch::Receiver<bool>) {
        let mut board = self.board.subscribe();
        loop {
            let wish = |board: &Board| report::local(board, &[], true).licensing.wish;
            let wanted = board.wait_for(|board| wish(board) != LeaseWish::Keep).await.unwrap();
            let state =
                if wish(&wanted) == LeaseWish::Release { LeaseState::Released } else { LeaseState::Active };
            drop(wanted);
            tokio::time::sleep(Duration::from_secs(1)).await;
            if *open.borrow() {
                self.sign(state);
            } else {
                open.changed().await.unwrap();
            }
        }
    }

    fn sign(&self, state: LeaseState) {
        self.sign_as(state, WhenUnverified::Report);
    }

    fn sign_as(&self, state: LeaseState, when_unverified: WhenUnverified) {
        let (signer, now) = (Signer::new(), self.clock.now());
        let key = SigningKey::from_seed([3; 32]).unwrap().thumbprint();
        let seq = self.board.borrow().ruling.lease.as_ref().map_or(1, |lease| lease.seq + 1);
        let token = signer.changed_lease(seq, key, |lease| {
            lease.claims.iat = NumericDate::of(now);
            lease.state = state;
            lease.verify_after = now + SignedDuration::from_hours(7 * 24);
            lease.grace_until = now + SignedDuration::from_hours(14 * 24);
            lease.when_unverified = when_unverified;
        });
        let portal = SigningKey::from_seed([201; 32]).unwrap().public();
        let device = DeviceId::of(uuid::Uuid::from_u128(7));
        let stored = Judgement::Stored { signer: portal };
        let lease = Lease::verify(&token, &Addressee { device, key }, stored).unwrap();
        self.rule(Ruling { lease: Some(Arc::new(lease)), denied: None });
    }

    fn rule(&self, ruling: Ruling) {
        self.board.send_modify(|board| board.ruling = Part::new(ruling));
    }

    /// Parallels' own profile.
    fn profile(&self, items: &[(&str, &str)]) {
        let mut bytes = Vec::new();
        let items: BTreeMap<_, _> = items.iter().copied().collect();
        plist::to_writer_xml(&mut bytes, &items).unwrap();
        let activation = Some(Activation::parse("x.plist", &bytes).unwrap());
        let profile = Profile { activation, ..Profile::default() };
        self.board.send_modify(|board| board.profile = Part::new(profile));
    }

    pub(super) async fn until_stage(&self, stage: Stage) {
        self.until_license(stage.name(), |board| board.licensing.stage() == stage).await;
    }

    pub(super) async fn until_license(&self, what: &str, holds: impl Fn(&Board) -> bool) {
        let mut board = self.board.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(40 * 86_400), board.wait_for(holds)).await;
        let seen = super::super::licensing::view(&self.board.borrow());
        assert!(waited.is_ok(), "it did not come true that {what}: {seen:?}");
    }

    fn calls_about_the_license(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.contains("license")).map(|call| call.replace(" --json", "")).collect()
    }

    fn installed(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.licensing.installed.as_ref().map(|license| license.key.clone())
    }

    /// An order, and whether it was carried out.
    pub(super) fn order(&self, id: &str, is_done: bool) {
        let desk = Apart::<Book>::try_open(&Paths::under(self.root.path())).unwrap().unwrap();
        let mut book = desk.load().unwrap().value().unwrap_or_default();
        book.give(id, self.clock.now());
        if is_done {
            book.took_effect(self.clock.now(), true);
        }
        desk.save(&book).unwrap();
        self.orders.notify_one();
    }

    fn told(&self, id: &str) -> bool {
        let desk = Apart::<Book>::try_open(&Paths::under(self.root.path())).unwrap().unwrap();
        let book = desk.load().unwrap().value().unwrap_or_default();
        book.order(id).is_some_and(|order| order.told_at.is_some())
    }

    fn problems(&self) -> Vec<ProblemCode> {
        super::super::problems::problems(&self.board.borrow()).iter().map(|problem| problem.code).collect()
    }
}

fn command(number: u128, kind: CommandKind) -> Run {
    Run { id: CommandId::of(uuid::Uuid::from_u128(number)), kind, args: serde_json::Map::new() }
}

/// A Mac with an active license and lease, and a portal that answers.
async fn leased(mac: &Mac, story: impl Future<Output = ()>) {
    let (_open, opened) = watch::channel(true);
    mac.run(async {
        tokio::select! {
            () = mac.portal(opened) => {}
            () = async {
                mac.sign(LeaseState::Active);
                mac.until_stage(Stage::Active).await;
                mac.until_license("it was looked at", |board| board.observation.license.looks > 0).await;
                mac.calls.lock().unwrap().clear();
                story.await;
            } => {}
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_verification_is_two_processes_and_one_wish() {
    let mac = Mac::new();
    leased(&mac, async {
        mac.until_stage(Stage::VerificationDue).await;
        mac.until_stage(Stage::Active).await;
        let calls = mac.calls_about_the_license();
        let first = calls.iter().position(|call| call.ends_with("update-license")).unwrap();
        assert_eq!(calls[first..], ["prlsrvctl update-license", "prlsrvctl info --license"]);
        let days = mac.clock.0.elapsed().as_secs_f64() / 86_400.0;
        assert!((6.0..7.1).contains(&days), "{days}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_raw_deactivation_is_noticed_told_and_the_key_activates_again() {
    let mac = Mac::new();
    mac.profile(&[("ActivationExperience", "License Key"), ("LicenseKey", DEMO_SUBLICENSE_KEY)]);
    leased(&mac, async {
        mac.user(|state| state.licensing.installed = None);
        mac.until_license("it was told, and the key is active again", |board| {
            let told = super::super::licensing::view(board)
                .deactivation
                .is_some_and(|given| given.told_at.is_some());
            told && board.licensing.stage() == Stage::Active && mac.installed().is_some()
        })
        .await;
        assert_eq!(mac.installed().as_deref(), Some(DEMO_SUBLICENSE_KEY), "the group's key");
        let board = mac.board.borrow().clone();
        assert_eq!(board.observation.license.facts.sublicense, None, "no file here tells");
        assert_eq!(report::local(&board, &[], true).licensing.wish, LeaseWish::Keep);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_of_the_command_is_told_and_a_sign_in_waited_for() {
    let mac = Mac::new();
    mac.profile(&[("ActivationExperience", "SSO")]);
    leased(&mac, async {
        mac.state.lock().unwrap().licensing.installed = None;
        mac.order("jamf", true);
        mac.until_license("a sign-in is waited for", |board| {
            board
                .licensing
                .state
                .as_ref()
                .is_some_and(|state| state.waits_for_sign_in() && !state.is_releasing())
        })
        .await;
        mac.until_license("it was shown", |board| board.licensing.stage() == Stage::Released).await;
        assert!(mac.told("jamf"));
        assert!(mac.problems().contains(&ProblemCode::LicenseWaitingForSignIn));
        tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
        assert!(!mac.calls_about_the_license().iter().any(|call| call.contains("install")));
        mac.user(|state| {
            let demo = State::demo().licensing.installed;
            state.licensing.installed = demo;
        });
        mac.until_stage(Stage::Active).await;
        assert!(!mac.problems().contains(&ProblemCode::LicenseWaitingForSignIn));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_command_could_not_carry_out_is_carried_out_when_the_service_is_back() {
    let mac = Mac::new();
    leased(&mac, async {
        mac.user(|state| state.service.running = false);
        mac.until_license("the service is stopped", |board| {
            board.observation.service == Answer::ServiceStopped
        })
        .await;
        mac.order("jamf", false);
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(mac.installed().is_some(), "the agent leaves a stopped service alone");
        assert_eq!(mac.board.borrow().licensing.stage(), Stage::Active, "unknown is not unlicensed");
        mac.user(|state| state.service.running = true);
        mac.until_stage(Stage::Released).await;
        assert_eq!(mac.installed(), None);
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(mac.told("jamf"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_portals_commands_give_back_and_verify() {
    let mac = Mac::new();
    leased(&mac, async {
        let executor = mac.executor.lock().unwrap().clone().unwrap();
        let verified = executor.run(command(1, CommandKind::VerifyLicense)).await;
        assert_eq!(verified.as_deref(), Ok("the license is verified"));
        let calls = mac.calls_about_the_license();
        assert_eq!(calls, ["prlsrvctl update-license", "prlsrvctl info --license"]);
        let given_back = executor.run(command(2, CommandKind::DeactivateLicense)).await;
        assert_eq!(given_back.as_deref(), Ok("the license is given back"));
        mac.until_stage(Stage::Released).await;
        assert_eq!(mac.installed(), None);
        let another = executor.run(command(3, CommandKind::DeactivateLicense)).await;
        assert_eq!(another.as_deref(), Ok("the license is given back"));
        // What the journal runs again after a crash was carried out before the user activated anew.
        mac.user(|state| state.licensing.installed = State::demo().licensing.installed);
        mac.until_stage(Stage::Active).await;
        let again = executor.run(command(2, CommandKind::DeactivateLicense)).await;
        assert_eq!(again.as_deref(), Ok("the license was given back before"));
        assert!(mac.installed().is_some(), "at most once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_ordered_verification_ends_with_the_portals_word() {
    type Say = fn(&Mac);
    let cases: [(Option<Say>, bool, Result<&str, &str>); 4] = [
        (Some(|mac| mac.sign(LeaseState::Active)), false, Ok("the license is verified")),
        (
            Some(|mac| mac.sign(LeaseState::Active)),
            true,
            Ok("the license is verified; Parallels Desktop could not update it: broken"),
        ),
        (
            Some(|mac| {
                let denied = Some(Denied { reason: "no-seats".into(), at: mac.clock.now() });
                let lease = mac.board.borrow().ruling.lease.clone();
                mac.rule(Ruling { lease, denied });
            }),
            true,
            Err("the portal denies the license: no-seats; Parallels Desktop could not update it: broken"),
        ),
        (None, false, Err("the portal did not answer in time; it is asked again")),
    ];
    for (say, is_broken, expected) in cases {
        let mac = Mac::new();
        mac.run(async {
            mac.sign(LeaseState::Active);
            mac.until_stage(Stage::Active).await;
            mac.until_license("it was looked at", |board| board.observation.license.looks > 0).await;
            *mac.broken.lock().unwrap() = is_broken.then_some("prlsrvctl update-license");
            let executor = mac.executor.lock().unwrap().clone().unwrap();
            let (outcome, ()) = tokio::join!(executor.run(command(1, CommandKind::VerifyLicense)), async {
                let asks =
                    |board: &Board| report::local(board, &[], true).licensing.wish == LeaseWish::Verify;
                mac.until_license("the portal is asked", asks).await;
                if let Some(say) = say {
                    say(&mac);
                }
            });
            match (&outcome, expected) {
                (Ok(said), Ok(begins)) | (Err(said), Err(begins)) => {
                    assert!(said.starts_with(begins), "{said}")
                }
                _ => panic!("{outcome:?} is not {expected:?}"),
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_portal_the_grace_ends_and_a_restart_forgets_nothing() {
    let mac = Mac::new();
    let forget = || {
        mac.board.send_modify(|board| {
            let ruling = board.ruling.clone();
            *board = Board::at_boot(Profile::default(), Assigned::default());
            board.ruling = ruling;
        });
    };
    mac.run(async {
        mac.sign(LeaseState::Active);
        mac.until_stage(Stage::InGrace).await;
        assert!(mac.problems().contains(&ProblemCode::LicenseInGrace));
        let denied = Some(Denied { reason: "no-seat".into(), at: mac.clock.now() });
        let lease = mac.board.borrow().ruling.lease.clone();
        mac.rule(Ruling { lease, denied });
    })
    .await;
    forget();
    mac.run(async {
        mac.until_stage(Stage::Unverified).await;
        assert!(mac.problems().contains(&ProblemCode::LicenseUnverified));
    })
    .await;
    forget();
    mac.run(async {
        mac.until_stage(Stage::Unverified).await;
        mac.sign(LeaseState::Active);
        mac.until_stage(Stage::Active).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_follows_when_it_stays_unverified_is_the_portals_to_say() {
    let corporate = ["create", "add", "clone"];
    let offered = |mac: &Mac| imaging::view(&mac.board.borrow()).images.len();
    for (word, then) in
        [(WhenUnverified::Report, &corporate[..]), (WhenUnverified::LiftPolicy, &["remove", "clone"])]
    {
        let mac = Mac::new();
        mac.assign(Some(json!({"vms.corporate_only": true})));
        mac.run(async {
            mac.sign_as(LeaseState::Active, word);
            mac.until_license("the policy is enforced", all_compliant).await;
            mac.until_stage(Stage::InGrace).await;
            assert_eq!((mac.restrictions(), offered(&mac)), (corporate.to_vec(), 1), "within the grace");
            mac.until_stage(Stage::Unverified).await;
            assert!(mac.problems().contains(&ProblemCode::LicenseUnverified), "it is reported either way");
            mac.until_license("what follows has followed", |board| {
                board.enforcement.effective.policy_assigned == (word == WhenUnverified::Report)
                    && board.enforcement.plan.actions.is_empty()
                    && board.enforcement.settled
            })
            .await;
            assert_eq!(mac.restrictions(), then, "{word:?}");
            let store = Arc::clone(&mac.ground.lock().unwrap().as_ref().unwrap().0);
            let (book, _) = crate::images::keeper::Keeper::open(store).unwrap();
            let counter = imaging::Counter::new(book, mac.board.clone());
            let declined = counter.order(Uid(501), None, mac.clock.now());
            let stands = word == WhenUnverified::Report;
            assert_eq!(
                offered(&mac),
                usize::from(stands),
                "golden images come with the policy and go with it"
            );
            assert!(stands || matches!(declined, Err(imaging::Declined::NoImage)), "{declined:?}");
        })
        .await;
        mac.run(async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(mac.restrictions(), then, "a restart changes nothing");
            mac.sign_as(LeaseState::Active, word);
            mac.until_stage(Stage::Active).await;
            mac.until_license("the policy is enforced again", |board| {
                all_compliant(board) && board.enforcement.settled
            })
            .await;
            assert_eq!((mac.restrictions(), offered(&mac)), (corporate.to_vec(), 1), "verified again");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn five_idle_minutes_cost_no_process_and_no_news() {
    let mac = Mac::new();
    leased(&mac, async {
        tokio::time::sleep(Duration::from_secs(120)).await;
        mac.calls.lock().unwrap().clear();
        let before = mac.board.borrow().licensing.clone();
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(mac.calls_about_the_license(), [""; 0]);
        assert!(mac.board.borrow().licensing == before, "nothing is published, and so nobody is woken");
    })
    .await;
}

/// Keys are secrets: none stands in what is logged, shown, sent or kept.
#[tokio::test(start_paused = true)]
async fn no_key_stands_anywhere_but_in_the_one_call() {
    let mac = Mac::new();
    mac.profile(&[("ActivationExperience", "License Key"), ("LicenseKey", DEMO_SUBLICENSE_KEY)]);
    leased(&mac, async {
        mac.user(|state| {
            state.licensing.keys.clear();
            state.licensing.installed = None;
        });
        mac.until_license("the activation failed", |board| {
            let state = board.licensing.state.as_ref();
            state.and_then(|state| state.reactivation.as_ref()).is_some_and(|way| way.trouble.is_some())
        })
        .await;
        let board = mac.board.borrow().clone();
        let problems = super::super::problems::problems(&board);
        let mut shown = format!("{board:?}{problems:?}{:?}", report::local(&board, &[], true));
        shown += &serde_json::to_string(&super::super::licensing::view(&board)).unwrap();
        for problem in &problems {
            let view = views::problem(&board.observation, problem, mac.clock.now());
            shown += &serde_json::to_string(&view).unwrap();
        }
        for file in std::fs::read_dir(Paths::under(mac.root.path()).private()).unwrap() {
            shown += &String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap());
        }
        assert!(
            shown.contains("license-activation-failed")
                || problems.iter().any(|p| p.code == ProblemCode::LicenseActivationFailed)
        );
        for key in [DEMO_KEY, DEMO_SUBLICENSE_KEY] {
            assert!(!shown.contains(key) && !shown.contains("DEMO00-DEMO00"), "{key}");
        }
        let calls = mac.calls.lock().unwrap();
        assert!(
            calls
                .iter()
                .filter(|call| call.contains(DEMO_SUBLICENSE_KEY))
                .all(|call| call.contains("install-license"))
        );
    })
    .await;
}
