//! The enforcer: layers in, a plan carried out, compliance out.
//!
//! In go the profile's layer, the assignment, whether its policy is lifted, and the observation; out comes an [`Enforcement`]. It writes two documents,
//! the baseline before the first change and the account after the last, and asks the observer to look again at what it changed.
//! To change many virtual machines takes long: meanwhile it tells what is left to do, and a pass ends between two actions when
//! its input is no longer the board's, so that a user who changes the service, or a new order, does not wait for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::board::{Assigned, Board, Part};
use super::documents::{Account, Corrections, PolicySince};
use super::enforcement::{Correction, Enforcement, Orders, orders};
use super::inputs::Profile;
use super::observer::{Observation, Wanted, Wishes};
use super::sights::{self, Origins};
use super::tasks::{Next, Publish, Task};
use super::ticker::Ticker;
use super::updater::Updates;
use crate::catalog::{Key, Scope, Value};
use crate::domain::ids::DeviceId;
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::domain::version::POLICY_GATE;
use crate::enforce::apply::{self, Outcome, Way};
use crate::enforce::compliance::{Findings, compliance};
use crate::enforce::{bookkeeping, violations};
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::{Changed, Changing, Runner};
use crate::plan::memory::{Baseline, PerSetting};
use crate::plan::{Action, Change, Observed, Plan, Reason, Situation, plan};
use crate::resolve::{Effective, resolve};
use crate::sources::layer::Layer;
use crate::sources::{assignment, local};
use crate::state::Store;

/// What is said of a change that the tool called done.
const NO_EFFECT: &str = "the tool said that it worked, and nothing changed";

/// How often it is told what is left to do, while much is.
const TELL_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// How soon a document is written again that could not be written.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The task.
pub struct Enforcer {
    runner: Arc<Runner>,
    store: Arc<Store>,
    ticker: Ticker,
    stop: watch::Receiver<bool>,
    board: watch::Sender<Board>,
    baseline: Baseline,
    account: Account,
    /// The account as it is on disk.
    kept: Account,
    wishes: Wishes,
    /// What was changed and not looked at since.
    touched: BTreeSet<Subject>,
    complaints: PerSetting<String>,
    correction: Option<Correction>,
}

impl Enforcer {
    /// An enforcer that remembers what the documents say.
    #[must_use]
    pub fn new(
        runner: Arc<Runner>,
        store: Arc<Store>,
        ticker: Ticker,
        stop: watch::Receiver<bool>,
        board: watch::Sender<Board>,
        remembered: (Baseline, Account),
    ) -> Self {
        let (baseline, account) = remembered;
        let (complaints, correction) = (PerSetting::new(), None);
        Self {
            runner,
            store,
            ticker,
            stop,
            board,
            baseline,
            kept: account.clone(),
            account,
            wishes: Wishes::default(),
            touched: BTreeSet::new(),
            complaints,
            correction,
        }
    }

    fn policy_since(&self) -> Option<Timestamp> {
        self.account.policy.as_ref().map(|policy| policy.at)
    }

    /// Policies need Parallels Desktop 20.1. An enrollment brings one before the portal knows the version, and it waits then;
    /// one that was enforced before a downgrade stays.
    fn may_deliver(&self, observation: &Observation) -> bool {
        self.account.enforced
            || !matches!(&observation.parallels, Answer::Known(version) if !version.reaches(POLICY_GATE))
    }

    /// Whether the assignment may give back what was enforced. That of a Mac that lost its identity and enrolled as another device
    /// may not: the new device has no group yet, and nobody released the old one's policy. Retiring it does.
    fn may_release(&self, assigned: &Assigned) -> bool {
        assigned.taken_away
            || assigned.assignment.as_ref().is_some_and(|assignment| {
                assignment.retired || self.account.device.is_none_or(|device| device == assignment.claims.aud)
            })
    }

    /// Keeps account of since when the present revision of the policy holds.
    fn date_policy(&mut self, assigned: &Assigned) {
        let policy = assigned.assignment.as_ref().filter(|assignment| !assignment.retired);
        let policy = policy.and_then(|assignment| assignment.policy.as_ref());
        let kept = self.account.policy.take();
        self.account.policy = policy.map(|policy| {
            let same = kept.filter(|kept| kept.id == policy.id && kept.revision == policy.revision);
            let at = self.ticker.now();
            same.unwrap_or(PolicySince { id: policy.id, revision: policy.revision, at })
        });
    }

    /// The layers of the moment, and the local restrictions as the user set them.
    fn layers(
        &self,
        (profile, assigned): (&Profile, &Assigned),
        observation: &Observation,
        observed: &Observed,
    ) -> (Vec<Layer>, BTreeMap<Key, Value>) {
        let recorded = self.baseline.records.get(&Subject::App).into_iter().flatten();
        let recorded = recorded.map(|(key, record)| (*key, record.value.clone())).keyed();
        let shown = observed.app.as_ref().map(|app| app.values.clone()).unwrap_or_default();
        let local = local::local(&shown, &recorded);
        let values =
            local.items.iter().filter_map(|(key, item)| Some((*key, item.as_ref().ok()?.clone()))).keyed();
        let mut layers = vec![local];
        layers.extend(profile.layer.clone());
        let delivered = assigned.assignment.iter().filter(|_| self.may_deliver(observation));
        for mut layer in delivered.flat_map(assignment::layers) {
            layer.since = self.policy_since();
            layers.push(layer);
        }
        (layers, values)
    }

    fn situation<'a>(&'a self, seen: &'a Seen<'_>, now: Timestamp) -> Situation<'a> {
        Situation {
            effective: &seen.effective,
            observed: &seen.observed,
            gate: sights::gate(seen.observation),
            baseline: &self.baseline,
            attempts: &self.account.attempts,
            touched: &self.touched,
            may_release: seen.may_release,
            now,
        }
    }

    /// Records before, carries out, remembers after; true when all was carried out, else why a document could not be written.
    async fn carry_out(&mut self, plan: &Plan, seen: &Seen<'_>, input: &Input) -> Result<bool, String> {
        let mut baseline = self.baseline.clone();
        let mut attempts = self.account.attempts.clone();
        self.account.enforced |= seen.effective.policy_assigned;
        self.account.device = seen.device.or(self.account.device);
        if bookkeeping::keep_records(&mut baseline, &mut attempts, plan) {
            self.save(|store| store.save(&baseline))?;
            self.baseline = baseline;
        }
        if !seen.effective.policy_assigned && self.baseline.lost && seen.may_release {
            let released = Baseline { lost: false, ..self.baseline.clone() };
            self.save(|store| store.save(&released))?;
            self.baseline = released;
        }
        self.account.attempts = attempts;
        self.keep_account()?;
        let before = self.baseline.clone();
        let all = self.act_in_order(&plan.actions, seen, input).await;
        if before != self.baseline {
            self.save(|store| store.save(&self.baseline))?;
        }
        self.keep_account()?;
        Ok(all)
    }

    /// Carries out the actions until one is out of date; true when none was.
    async fn act_in_order(&mut self, actions: &[Action], seen: &Seen<'_>, input: &Input) -> bool {
        let runner = Arc::clone(&self.runner);
        let mut changing: Option<(Changed, Changing<'_>)> = None;
        let mut told = None;
        for action in actions {
            let of = match action.subject {
                Subject::Vm(_) => Changed::Machines,
                Subject::App | Subject::User(_) => Changed::Service,
            };
            if changing.as_ref().is_none_or(|(last, _)| *last != of) {
                changing = None;
                told = None;
                changing.replace((of, runner.begin_changes(of)));
            }
            let now = self.ticker.now();
            if told.is_none_or(|at| now.duration_since(at).abs() >= TELL_EVERY) {
                self.publish(self.enforcement(seen, None, false));
                told = Some(now);
            }
            self.act(action, seen.observation, input).await;
            if self.is_out_of_date(input) {
                return false;
            }
        }
        true
    }

    /// Stores the account, if it is another one than the stored.
    fn keep_account(&mut self) -> Result<(), String> {
        if self.account != self.kept {
            self.save(|store| store.save(&self.account))?;
            self.kept = self.account.clone();
        }
        Ok(())
    }

    /// Something is more urgent than the rest of a pass.
    fn is_out_of_date(&self, input: &Input) -> bool {
        *self.stop.borrow() || self.input(&self.board.borrow()) != *input
    }

    async fn act(&mut self, action: &Action, observation: &Observation, input: &Input) {
        let way = match action.subject {
            Subject::Vm(vm) => {
                let vm = observation.inventory.vms.get(&vm);
                vm.and_then(|vm| Some(Way::Vm(vm, observation.inventory.way_to(vm)?)))
            }
            Subject::User(uid) => {
                let seen = observation.preferences.iter().find(|seen| seen.user.uid == uid);
                seen.map(|seen| Way::User(&seen.user))
            }
            Subject::App => None,
        };
        let runner = Arc::clone(&self.runner);
        let mut results = Vec::new();
        let go_on = || !self.is_out_of_date(input);
        apply::apply(&runner, action, way, go_on, |change, outcome| results.push((change.clone(), outcome)))
            .await;
        for (change, outcome) in results {
            self.remember(&change, outcome);
        }
        match action.subject {
            Subject::Vm(_) => self.wishes.vms += 1,
            Subject::User(_) => self.wishes.users += 1,
            Subject::App => self.wishes.service += 1,
        }
        self.touched.insert(action.subject);
    }

    /// What was looked at since it was changed is known again. What the tool called done and is not to be seen has failed.
    fn look_back(&mut self, observation: &Observation, observed: &Observed) {
        let (served, wishes) = (observation.served.changes, self.wishes);
        self.touched.retain(|subject| match subject {
            Subject::Vm(_) => served.vms < wishes.vms,
            Subject::User(_) => served.users < wishes.users,
            Subject::App => served.service < wishes.service,
        });
        bookkeeping::wait_for_the_end(&mut self.account.attempts, observed);
        let (attempts, held) = (&mut self.account.attempts, &self.account.held);
        for (subject, key) in bookkeeping::doubt(attempts, held, observed, &self.touched) {
            tracing::warn!(%subject, %key, "the tool said that it worked, and nothing changed");
            self.complaints.entry(subject).or_default().insert(key, NO_EFFECT.to_owned());
        }
    }

    fn remember(&mut self, change: &Change, outcome: Outcome) {
        let now = self.ticker.now();
        let (subject, key) = (change.subject, change.key);
        tracing::info!(
            %subject, %key, to = %change.to, went = %outcome.went, complaint = outcome.complaint.as_deref(), "changed"
        );
        let memory = (&mut self.account.attempts, &mut self.account.held);
        let drift = bookkeeping::remember(memory, change, outcome.went, now);
        if drift {
            let count = self.account.corrections.count.saturating_add(1);
            self.account.corrections = Corrections { count, last: Some(now) };
            self.correction = Some(Correction { subject, key, at: now });
        }
        crate::plan::memory::forget(&mut self.complaints, subject, key);
        if let Some(complaint) = outcome.complaint {
            self.complaints.entry(subject).or_default().insert(key, complaint);
        }
    }

    fn save(&self, write: impl FnOnce(&Store) -> Result<(), crate::state::StateError>) -> Result<(), String> {
        write(&self.store).map_err(|error| {
            let why = crate::error::Chain(&error).to_string();
            tracing::error!(error = why, "cannot remember what was changed; nothing is changed");
            why
        })
    }

    /// Keeps account of the virtual machines that were there before `vms.corporate_only` came.
    fn tolerate(&mut self, seen: &Seen<'_>) {
        let holds = seen.effective.is_on("vms.corporate_only");
        let complete = seen.observation.listed_at.is_some() && seen.observation.inventory.is_complete();
        match (holds, &self.account.tolerated) {
            (true, None) if complete => {
                self.account.tolerated = Some(seen.observation.inventory.vms.keys().copied().distinct());
            }
            (false, Some(_)) => self.account.tolerated = None,
            _ => {}
        }
    }

    /// How it stands, once the work is done that could be done now, or while it is not.
    fn enforcement(&self, seen: &Seen<'_>, write_failed: Option<String>, done: bool) -> Enforcement {
        let owners = sights::owners(seen.observation);
        let violators = sights::violators(&owners, seen.origins);
        // Before the list is complete, nobody knows what was there when the policy came.
        let tolerated = self.account.tolerated.clone();
        let tolerated = tolerated.unwrap_or_else(|| owners.iter().map(|(vm, _)| *vm).distinct());
        let violations = violations::violations(&seen.effective, &violators, &tolerated);
        let situation = self.situation(seen, self.ticker.now());
        let plan = plan(&situation);
        let findings = Findings {
            violations: &violations,
            watched: &seen.updates.watched,
            unobserved: &|subject| sights::unobserved(seen.observation, subject),
        };
        let standings = compliance(&situation, &plan, &findings);
        Enforcement {
            effective: seen.effective.clone(),
            local: seen.local.clone(),
            standings,
            plan,
            violations,
            attempts: self.account.attempts.clone(),
            complaints: self.complaints.clone(),
            correction: self.correction.clone(),
            corrections: self.account.corrections,
            policy_since: self.policy_since(),
            baseline_lost: self.baseline.lost,
            write_failed,
            settled: done && self.touched.is_empty(),
            served: seen.observation.served,
            made_from: Some(seen.orders.clone()),
        }
    }

    /// Tells what is left to do, before all of it is done.
    fn publish(&self, enforcement: Enforcement) {
        let enforcement = Part::new(enforcement);
        self.board.send_modify(|board| {
            board.enforcement = enforcement;
            let Wanted { vms_often, users_too, .. } = *board.wanted;
            board.look_after(self.wishes, vms_often, users_too);
        });
    }
}

/// The moment that a pass is about.
struct Seen<'a> {
    observation: &'a Observation,
    orders: &'a Orders,
    origins: &'a Origins,
    observed: Observed,
    effective: Effective,
    /// The local restrictions as the user set them.
    local: BTreeMap<Key, Value>,
    /// How the settings stand that have no lever.
    updates: &'a Updates,
    /// The device of the policy that is enforced, if one is.
    device: Option<DeviceId>,
    /// A verified assignment stands that may give back what was enforced.
    may_release: bool,
}

/// What a pass is made from.
type Input = (Orders, Part<Observation>, Origins, Part<Updates>);

impl Task for Enforcer {
    type Input = Input;

    fn input(&self, board: &Board) -> Self::Input {
        let origins = Origins::of(&board.imaging.book);
        (orders(board), board.observation.clone(), origins, board.updates.clone())
    }

    async fn pass(&mut self, input: &Self::Input) -> (Publish, Next) {
        let (orders, observation, origins, updates) = input;
        let (profile, assigned, lifted) = orders;
        let without_policy = lifted.then(|| assigned.without_policy());
        let assigned: &Assigned = without_policy.as_ref().unwrap_or(assigned);
        self.date_policy(assigned);
        let observed = sights::observed(observation);
        let (layers, local) = self.layers((profile, assigned), observation, &observed);
        let effective = resolve(&layers);
        let device = assigned.assignment.as_ref().map(|assignment| assignment.claims.aud);
        let device = device.filter(|_| effective.policy_assigned);
        let may_release = self.may_release(assigned);
        let seen =
            Seen { observation, orders, origins, updates, observed, effective, local, device, may_release };
        let named = |scope| seen.effective.settings.keys().any(|key| key.setting().scope == scope);
        let vms_often = named(Scope::VirtualMachine);
        let recorded = self.baseline.records.keys().any(|subject| matches!(subject, Subject::User(_)));
        let users_too = named(Scope::User) || recorded;
        self.tolerate(&seen);
        self.look_back(observation, &seen.observed);
        let mut done = true;
        let mut write_failed = None;
        if observation.begun {
            let plan = plan(&self.situation(&seen, self.ticker.now()));
            match self.carry_out(&plan, &seen, input).await {
                Ok(all) => done = all,
                Err(why) => write_failed = Some(why),
            }
        }
        let mut enforcement = self.enforcement(&seen, None, done);
        if observation.begun {
            bookkeeping::keep_held(&mut self.account.held, &enforcement.standings, &seen.observed);
            write_failed = write_failed.or(self.keep_account().err());
        }
        enforcement.write_failed = write_failed;
        let next = if done { next(&enforcement, self.ticker.now()) } else { Next::At(self.ticker.now()) };
        let wishes = self.wishes;
        let enforcement = Part::new(enforcement);
        let publish: Publish = Box::new(move |board| {
            board.enforcement = enforcement;
            board.look_after(wishes, vms_often, users_too);
        });
        (publish, next)
    }
}

fn next(enforcement: &Enforcement, now: Timestamp) -> Next {
    if enforcement.write_failed.is_some() {
        return now.checked_add(WRITE_AGAIN).map_or(Next::Tick, Next::At);
    }
    let later = enforcement.plan.withheld.iter().filter_map(|withheld| match withheld.reason {
        Reason::Later { until } => Some(until),
        _ => None,
    });
    later.min().map_or(Next::Settled, Next::At)
}
