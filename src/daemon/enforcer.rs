//! The enforcer: layers in, a plan carried out, compliance out.
//!
//! In go the profile's layer, the assignment, whether its policy is lifted, and the observation; out comes an [`Enforcement`]. It writes two documents,
//! the baseline before the first change and the account after the last, and asks the observer to look again at what it changed.
//! Between two changes it heeds the daemon's end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::board::{Assigned, Board, Part};
use super::documents::{Account, Corrections, PolicySince};
use super::inputs::Profile;
use super::observer::{Observation, Wanted, Wishes};
use super::sights;
use super::tasks::{Next, Publish, Task};
use super::ticker::Ticker;
use super::updater::Updates;
use crate::catalog::{Key, Scope, Value};
use crate::domain::ids::{DeviceId, VmId};
use crate::domain::subject::Subject;
use crate::domain::version::POLICY_GATE;
use crate::enforce::apply::{self, Outcome, Way};
use crate::enforce::compliance::{Findings, Standing, compliance};
use crate::enforce::{bookkeeping, violations};
use crate::hypervisor::outcome::Answer;
use crate::hypervisor::runner::Runner;
use crate::plan::memory::{Attempt, Baseline, PerSetting};
use crate::plan::{Action, Change, Observed, Plan, Reason, Situation, plan};
use crate::resolve::{Effective, resolve};
use crate::sources::layer::Layer;
use crate::sources::{assignment, local};
use crate::state::Store;

/// How soon a document is written again that could not be written.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// What holds, and how it stands.
#[derive(Debug, Clone, Default)]
pub struct Enforcement {
    /// What holds and why.
    pub effective: Effective,
    /// The local restrictions as the user set them.
    pub local: BTreeMap<Key, Value>,
    /// How each setting stands.
    pub standings: Vec<Standing>,
    /// What is left to do, and what is withheld.
    pub plan: Plan,
    /// What exists against the policy.
    pub violations: BTreeMap<VmId, BTreeSet<Key>>,
    /// How the last changes went.
    pub attempts: PerSetting<Attempt>,
    /// What the tools said to changes that did not work.
    pub complaints: PerSetting<String>,
    /// The last drift that was put right since the daemon started.
    pub correction: Option<Correction>,
    /// All drift that was put right.
    pub corrections: Corrections,
    /// Since when the present policy holds.
    pub policy_since: Option<Timestamp>,
    /// The baseline was lost.
    pub baseline_lost: bool,
    /// Why a document could not be written.
    pub write_failed: Option<String>,
    /// False while changes were made that were not observed yet.
    pub settled: bool,
    /// The wishes that the observation had served which this is made from.
    pub served: Wanted,
    /// The orders that this is made from.
    pub made_from: Option<Orders>,
}

/// What is ordered from above: the profile, the assignment, and whether its policy is lifted.
pub type Orders = (Part<Profile>, Part<Assigned>, bool);

/// The orders of the moment.
#[must_use]
pub fn orders(board: &Board) -> Orders {
    (board.profile.clone(), board.assigned.clone(), board.lifts_policy())
}

/// A drift that was put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The object.
    pub subject: Subject,
    /// The setting.
    pub key: Key,
    /// When it was put right.
    pub at: Timestamp,
}

/// The task.
pub struct Enforcer {
    runner: Arc<Runner>,
    store: Arc<Store>,
    ticker: Ticker,
    stop: watch::Receiver<bool>,
    baseline: Baseline,
    account: Account,
    /// The account as it is on disk.
    kept: Account,
    wishes: Wishes,
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
        remembered: (Baseline, Account),
    ) -> Self {
        let (baseline, account) = remembered;
        let (complaints, correction) = (PerSetting::new(), None);
        Self {
            runner,
            store,
            ticker,
            stop,
            baseline,
            kept: account.clone(),
            account,
            wishes: Wishes::default(),
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
        let recorded = recorded.map(|(key, record)| (*key, record.value.clone())).collect();
        let shown = observed.app.as_ref().map(|app| app.values.clone()).unwrap_or_default();
        let local = local::local(&shown, &recorded);
        let values =
            local.items.iter().filter_map(|(key, item)| Some((*key, item.as_ref().ok()?.clone()))).collect();
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
            may_release: seen.may_release,
            now,
        }
    }

    /// Records before, carries out, remembers after; gives why a document could not be written.
    async fn carry_out(&mut self, plan: &Plan, seen: &Seen<'_>) -> Result<(), String> {
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
        let runner = Arc::clone(&self.runner);
        let changing = runner.begin_changes();
        for action in &plan.actions {
            if *self.stop.borrow() {
                break;
            }
            self.act(action, seen.observation).await;
        }
        drop(changing);
        if before != self.baseline {
            self.save(|store| store.save(&self.baseline))?;
        }
        self.keep_account()
    }

    /// Stores the account, if it is another one than the stored.
    fn keep_account(&mut self) -> Result<(), String> {
        if self.account != self.kept {
            self.save(|store| store.save(&self.account))?;
            self.kept = self.account.clone();
        }
        Ok(())
    }

    async fn act(&mut self, action: &Action, observation: &Observation) {
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
        apply::apply(&runner, action, way, |change, outcome| results.push((change.clone(), outcome))).await;
        for (change, outcome) in results {
            self.remember(&change, outcome);
        }
        match action.subject {
            Subject::Vm(_) => self.wishes.vms += 1,
            Subject::User(_) => self.wishes.users += 1,
            Subject::App => self.wishes.service += 1,
        }
    }

    fn remember(&mut self, change: &Change, outcome: Outcome) {
        let now = self.ticker.now();
        let (subject, key) = (change.subject, change.key);
        tracing::info!(
            %subject, %key, to = %change.to, went = %outcome.went, complaint = outcome.complaint.as_deref(), "changed"
        );
        let memory = (&mut self.account.attempts, &self.account.held);
        let drift = bookkeeping::remember(&mut self.baseline, memory, change, outcome.went, now);
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
                self.account.tolerated = Some(seen.observation.inventory.vms.keys().copied().collect());
            }
            (false, Some(_)) => self.account.tolerated = None,
            _ => {}
        }
    }

    /// How it stands after a pass that knew the Mac as it is (`kept`, or why not), or did not (`None`).
    fn report(
        &mut self,
        seen: Seen<'_>,
        local: BTreeMap<Key, Value>,
        kept: Option<Result<(), String>>,
    ) -> Enforcement {
        let violations = match &self.account.tolerated {
            Some(tolerated) => {
                let owners = sights::owners(seen.observation);
                violations::violations(&seen.effective, &sights::violators(&owners), tolerated)
            }
            None => BTreeMap::new(),
        };
        let situation = self.situation(&seen, self.ticker.now());
        let plan = plan(&situation);
        let findings = Findings {
            violations: &violations,
            watched: &seen.updates.watched,
            unobserved: &|subject| sights::unobserved(seen.observation, subject),
        };
        let standings = compliance(&situation, &plan, &findings);
        let kept = kept.map(|kept| {
            bookkeeping::keep_held(&mut self.account.held, &standings, &seen.observed);
            kept.and_then(|()| self.keep_account())
        });
        Enforcement {
            local,
            standings,
            plan,
            violations,
            attempts: self.account.attempts.clone(),
            complaints: self.complaints.clone(),
            correction: self.correction.clone(),
            corrections: self.account.corrections,
            policy_since: self.policy_since(),
            baseline_lost: self.baseline.lost,
            write_failed: kept.and_then(Result::err),
            settled: seen.observation.covers(self.wishes),
            served: seen.observation.served,
            effective: seen.effective,
            made_from: None,
        }
    }
}

/// The moment that a pass is about.
struct Seen<'a> {
    observation: &'a Observation,
    observed: Observed,
    effective: Effective,
    /// How the settings stand that have no lever.
    updates: &'a Updates,
    /// The device of the policy that is enforced, if one is.
    device: Option<DeviceId>,
    /// A verified assignment stands that may give back what was enforced.
    may_release: bool,
}

impl Task for Enforcer {
    type Input = (Orders, Part<Observation>, Part<Updates>);

    fn input(&self, board: &Board) -> Self::Input {
        (orders(board), board.observation.clone(), board.updates.clone())
    }

    async fn pass(&mut self, (orders, observation, updates): &Self::Input) -> (Publish, Next) {
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
        let seen = Seen { observation, observed, effective, updates, device, may_release };
        let named = |scope| seen.effective.settings.keys().any(|key| key.setting().scope == scope);
        let vms_often = named(Scope::VirtualMachine);
        let recorded = self.baseline.records.keys().any(|subject| matches!(subject, Subject::User(_)));
        let users_too = named(Scope::User) || recorded;
        self.tolerate(&seen);
        let mut kept = None;
        // What was changed and not looked at since would be changed again, and count as drift.
        if observation.begun && observation.covers(self.wishes) {
            bookkeeping::wait_for_the_end(&mut self.account.attempts, &seen.observed);
            let plan = plan(&self.situation(&seen, self.ticker.now()));
            kept = Some(self.carry_out(&plan, &seen).await);
        }
        let mut enforcement = self.report(seen, local, kept);
        enforcement.made_from = Some(orders.clone());
        let next = next(&enforcement, self.ticker.now());
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
