//! The desk: answers local questions from the board at once, whatever the tasks are at, and keeps the status file.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::board::Board;
use super::imaging::{self, Counter, Declined};
use super::problems::{Problem, Since, come, problems};
use super::standings;
use super::ticker::Ticker;
use super::views;
use crate::catalog::{Key, LayerKind};
use crate::clock::Clock;
use crate::control::auth::Viewer;
use crate::control::proto::{self, AdminRequest, Answer, OwnRequest, ReadRequest, Refusal, RefusalCode};
use crate::control::server::Answerer;
use crate::control::view::{
    AgentView, AssignmentView, CheckinView, EnforcementView, GroupView, HealthState, HealthView,
    ParallelsGate, ParallelsView, PolicyView, PortalView, ProblemView, SourceView, StatusView, VmTotals,
};
use crate::domain::version::{POLICY_GATE, VM_SETTINGS_GATE};
use crate::hypervisor::outcome;
use crate::hypervisor::runner::Runner;
use crate::sources::layer::Layer;
use crate::sources::profile::Item;
use crate::state::atomic;

/// How often the status file is written when nothing changes, so that its age tells whether the daemon lives.
const WRITE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// What a local order sets off.
pub type Bell = Box<dyn Fn() + Send + Sync>;

/// The desk.
pub struct Desk {
    board: watch::Receiver<Board>,
    runner: Arc<Runner>,
    clock: Arc<dyn Clock>,
    started_at: Timestamp,
    /// What was wrong with documents when the daemon started.
    damage: Vec<Problem>,
    dated: Mutex<Dated>,
    bells: Bells,
    counter: Counter,
}

/// What local orders set off.
pub struct Bells {
    /// `sync`.
    pub sync: Bell,
    /// `deactivated`.
    pub deactivated: Bell,
}

#[derive(Default)]
struct Dated {
    since: Since,
    health: Option<(HealthState, Timestamp)>,
    settled: Option<Timestamp>,
}

impl Desk {
    /// A desk before this board.
    #[must_use]
    pub fn new(
        board: watch::Receiver<Board>,
        runner: Arc<Runner>,
        clock: Arc<dyn Clock>,
        damage: Vec<Problem>,
        (bells, counter): (Bells, Counter),
    ) -> Self {
        let started_at = clock.now();
        Self { board, runner, clock, started_at, damage, dated: Mutex::default(), bells, counter }
    }

    /// The problems of the moment but for the check-in's own, each with since when it is there.
    pub fn problems(&self, board: &Board) -> Vec<(Problem, Timestamp)> {
        let mut found = problems(board);
        found.extend(self.damage.iter().cloned());
        self.dated.lock().unwrap_or_else(PoisonError::into_inner).since.date(found, self.clock.now())
    }

    /// How the agent is.
    pub fn status(&self) -> StatusView {
        let board = self.board.borrow().clone();
        let now = self.clock.now();
        let problems = self.problem_views(&board);
        let state = match (board.enforcement.settled, problems.is_empty()) {
            (false, _) if !board.observation.begun => HealthState::Starting,
            (_, true) => HealthState::Ok,
            (_, false) => HealthState::Degraded,
        };
        StatusView {
            health: HealthView { state, since: self.health_since(state, now), problems },
            agent: AgentView {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                started_at: self.started_at,
            },
            portal: portal(&board),
            assignment: assignment(&board),
            parallels: parallels(&board),
            license: super::licensing::view(&board),
            checkin: CheckinView {
                last: board.conversation.last.clone(),
                last_success: board.conversation.last_success,
                next: board.conversation.next.clone(),
                wait_open: board.conversation.wait_open,
            },
            enforcement: enforcement(&board, self.settled_since(standings::is_settled(&board), now)),
            vms: vm_totals(&board),
            images: imaging::installs(&board),
            sources: sources(&board),
            written_at: now,
        }
    }

    fn problem_views(&self, board: &Board) -> Vec<ProblemView> {
        let all = self.all_problems(board).into_iter();
        all.map(|(problem, since)| views::problem(&board.observation, &problem, since)).collect()
    }

    /// The problems of the moment with the check-in's own, which come first.
    fn all_problems(&self, board: &Board) -> Vec<(Problem, Timestamp)> {
        let conversation = board.conversation.problems.iter().map(|reported| {
            let detail = reported.detail.clone().unwrap_or_default();
            (Problem { code: reported.code, subject: None, detail }, reported.since)
        });
        conversation.chain(self.problems(board)).collect()
    }

    /// Since when it is settled, if it is.
    fn settled_since(&self, is_settled: bool, now: Timestamp) -> Option<Timestamp> {
        let mut dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
        dated.settled = is_settled.then(|| dated.settled.unwrap_or(now));
        dated.settled
    }

    fn health_since(&self, state: HealthState, now: Timestamp) -> Timestamp {
        let mut dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
        match dated.health {
            Some((last, since)) if last == state => since,
            _ => {
                dated.health = Some((state, now));
                now
            }
        }
    }

    /// Keeps the status file in step with the board until it is dropped, and the log in step with the problems.
    pub async fn keep_status_file(&self, mut ticker: Ticker) {
        let path = self.runner.paths().status_file();
        let mut changes = self.board.clone();
        let mut last: Option<StatusView> = None;
        let mut logged = Vec::new();
        loop {
            changes.mark_unchanged();
            let problems = self.all_problems(&self.board.borrow().clone());
            let problems: Vec<_> = problems.into_iter().map(|(problem, _)| problem).collect();
            log_changes(&logged, &problems);
            logged = problems;
            let status = self.status().seen_by(Viewer::Public);
            let same = |last: &StatusView| {
                let age = status.written_at.duration_since(last.written_at);
                age < WRITE_EVERY && StatusView { written_at: last.written_at, ..status.clone() } == *last
            };
            if !last.as_ref().is_some_and(same) {
                if let Err(error) = write(&path, &status) {
                    tracing::warn!(error = %crate::error::Chain(&error), "cannot write the status file");
                }
                last = Some(status);
            }
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = ticker.tick() => {}
            }
        }
    }
}

/// Logs which problems have come and which are over.
fn log_changes(before: &[Problem], now: &[Problem]) {
    for problem in come(before, now) {
        let subject = problem.subject.map(|subject| subject.to_string());
        tracing::warn!(code = problem.code.code(), subject, detail = problem.words(), "a problem has come");
    }
    for problem in come(now, before) {
        let subject = problem.subject.map(|subject| subject.to_string());
        tracing::info!(code = problem.code.code(), subject, item = problem.item(), "a problem is over");
    }
}

fn write(path: &std::path::Path, status: &StatusView) -> std::io::Result<()> {
    let line = proto::encode(&Answer::Status(Box::new(status.clone()))).map_err(std::io::Error::other)?;
    atomic::write(path, &line, atomic::PUBLIC)
}

impl Answerer for Desk {
    fn read(&self, request: ReadRequest, _viewer: Viewer) -> Answer {
        let board = self.board.borrow().clone();
        match request {
            ReadRequest::Status => Answer::Status(Box::new(self.status())),
            ReadRequest::Plan => Answer::Plan(views::plan(&board, &self.runner)),
            ReadRequest::Vms => Answer::Vms(views::vms(&board)),
            ReadRequest::Images => Answer::Images(imaging::view(&board)),
            ReadRequest::Explain { key: None } => {
                Answer::Explain(views::explain(&board, None, self.clock.now()))
            }
            ReadRequest::Explain { key: Some(name) } => match Key::named(&name) {
                Some(key) => Answer::Explain(views::explain(&board, Some(key), self.clock.now())),
                None => Answer::Refused(Refusal::new(
                    RefusalCode::UnknownSetting,
                    "there is no such setting; `meridian explain` lists those that are managed",
                )),
            },
        }
    }

    fn own(&self, request: OwnRequest, viewer: Viewer) -> Answer {
        let OwnRequest::InstallImage { image, user } = request;
        let for_whom = match (user, viewer) {
            (Some(name), _) => self.counter.user(&name),
            (None, Viewer::User(uid)) => Ok(uid),
            (None, _) => Err(Declined::NoUser),
        };
        let now = self.clock.now();
        let ordered = for_whom.and_then(|uid| Ok((uid, self.counter.order(uid, image.as_deref(), now)?)));
        match ordered {
            Ok((user, of)) => Answer::Ordered { user, image: of.image, name: of.name, at: now },
            Err(declined) => Answer::Refused(Refusal::new(RefusalCode::NotOffered, declined.to_string())),
        }
    }

    fn admin(&self, request: AdminRequest) -> Answer {
        match request {
            AdminRequest::Sync => (self.bells.sync)(),
            AdminRequest::Deactivated => (self.bells.deactivated)(),
        }
        Answer::Accepted { at: self.clock.now() }
    }
}

fn portal(board: &Board) -> PortalView {
    let preferences = board.profile.preferences.as_ref();
    let url = preferences.and_then(|preferences| match &preferences.portal_url {
        Item::Set(origin) => Some(origin.to_string()),
        _ => None,
    });
    let conversation = &board.conversation;
    PortalView {
        url,
        organization: conversation.organization,
        device: conversation.device,
        enrolled_at: conversation.enrolled_at,
    }
}

fn assignment(board: &Board) -> Option<AssignmentView> {
    let assignment = board.assigned.assignment.as_ref()?;
    let since = board.enforcement.policy_since.unwrap_or(assignment.claims.iat.timestamp());
    Some(AssignmentView {
        version: assignment.version,
        refresh_by: Some(assignment.refresh_by),
        group: assignment.group.as_ref().map(|group| GroupView { id: group.id, name: group.name.clone() }),
        policy: assignment.policy.as_ref().filter(|_| !assignment.retired).map(|policy| PolicyView {
            id: policy.id,
            name: policy.name.clone(),
            revision: policy.revision,
            since,
        }),
        retired: assignment.retired,
    })
}

fn parallels(board: &Board) -> ParallelsView {
    let (version, gate) = match &board.observation.parallels {
        outcome::Answer::Known(version) if version.reaches(VM_SETTINGS_GATE) => {
            (Some(version), ParallelsGate::Full)
        }
        outcome::Answer::Known(version) if version.reaches(POLICY_GATE) => {
            (Some(version), ParallelsGate::Policies)
        }
        outcome::Answer::Known(version) | outcome::Answer::TooOld(version) => {
            (Some(version), ParallelsGate::TooOld)
        }
        outcome::Answer::NotInstalled => (None, ParallelsGate::NotInstalled),
        _ => (None, ParallelsGate::Unknown),
    };
    let updates = super::updater::view(board);
    ParallelsView { version: version.map(ToString::to_string), gate, updates }
}

fn enforcement(board: &Board, settled_since: Option<Timestamp>) -> EnforcementView {
    EnforcementView {
        settled: settled_since.is_some(),
        settled_since,
        corrections: board.enforcement.corrections.count,
        last_correction: board.enforcement.corrections.last,
        ..EnforcementView::of(standings::tally(board))
    }
}

fn vm_totals(board: &Board) -> VmTotals {
    let observation = &board.observation;
    let total = u32::try_from(observation.inventory.vms.len()).unwrap_or(u32::MAX);
    let known = observation.listed_at.is_some();
    let corporate =
        observation.inventory.vms.keys().filter(|vm| board.imaging.book.lineage.contains_key(vm)).count();
    VmTotals {
        total: known.then_some(total),
        corporate: known.then_some(u32::try_from(corporate).unwrap_or(u32::MAX)),
        per_user: views::users(board),
    }
}

fn sources(board: &Board) -> Vec<SourceView> {
    let mut sources = Vec::new();
    if let Some(assignment) = &board.assigned.assignment {
        let layers = crate::sources::assignment::layers(assignment);
        let lifted = |layer: &Layer| layer.kind == LayerKind::Policy && board.lifts_policy();
        sources.extend(layers.iter().rev().filter(|layer| !lifted(layer)).map(|layer| SourceView {
            layer: views::layer(layer.kind),
            origin: layer.origin.to_string(),
            since: board.enforcement.policy_since,
            note: crate::sources::assignment::note(layer),
        }));
    }
    if let Some(layer) = &board.profile.layer {
        let origin = layer.origin.to_string();
        sources.push(SourceView { layer: views::layer(layer.kind), origin, since: layer.since, note: None });
    }
    if board.observation.begun {
        let origin = crate::sources::layer::Origin::SecurityTab.to_string();
        sources.push(SourceView {
            layer: crate::control::view::LayerView::Local,
            origin,
            since: None,
            note: None,
        });
    }
    sources
}
