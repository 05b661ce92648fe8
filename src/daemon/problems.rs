//! What is wrong, gathered from the board under stable codes, each with the time since when it is so.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::board::Board;
use super::enforcement::Enforcement;
use super::imaging::{Imaging, trouble};
use super::inputs::Profile;
use super::licensing::Licensing;
use super::observer::Observation;
use super::updater::Updates;
use crate::catalog::Key;
use crate::domain::address::without_queries;
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::domain::version::POLICY_GATE;
use crate::error::Chain;
use crate::hypervisor::outcome::{Answer, Obstacle, ObstacleKind};
use crate::license::Stage;
use crate::plan::Reason;
use crate::sources::layer::Fault;
use crate::sources::profile::Trouble;
use crate::state::{Damage, Exposed, Flaw};
use crate::updates::book::Watch;
use crate::wire::checkin::ComplianceState;
use crate::wire::codes::{ComplianceReason, ProblemCode};

/// From so many failures in a row on, that a feed cannot be read is a problem.
const TELL_AFTER: u32 = 3;

/// A problem, and what it is about where it is not the Mac as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its code.
    pub code: ProblemCode,
    /// What it is about.
    pub subject: Option<Subject>,
    /// More, in words that may travel: no path of a user, no token, no key.
    pub detail: String,
}

impl Problem {
    /// A problem of the Mac as a whole.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, subject: None, detail: detail.into() }
    }

    /// That a document was found damaged, or another user's.
    #[must_use]
    pub fn of_damage(damage: &Damage) -> Self {
        let code = match damage.flaw {
            Flaw::Foreign(_) => ProblemCode::StateExposed,
            _ => ProblemCode::StateCorrupt,
        };
        Self::new(code, Chain(damage).to_string())
    }

    /// That a document lay open.
    #[must_use]
    pub fn of_exposed(exposed: &Exposed) -> Self {
        Self::new(ProblemCode::StateExposed, exposed.to_string())
    }

    /// The key of a profile or the setting that it names. Several problems of one code are told apart by it.
    #[must_use]
    pub fn item(&self) -> Option<&str> {
        let name = self.detail.split(':').next().unwrap_or_default();
        let of_profile = matches!(self.code, ProblemCode::ProfileKeyUnknown | ProblemCode::ProfileKeyInvalid);
        (of_profile || Key::named(name).is_some()).then_some(name)
    }

    /// What a person reads of it; of an address no query, since every local user may.
    #[must_use]
    pub fn words(&self) -> String {
        match self.detail.as_str() {
            "" => self.code.explanation().to_owned(),
            detail => format!("{} {}", self.code.explanation(), without_queries(detail)),
        }
    }

    /// Whether both are one problem. What changes but for its detail is the same one.
    fn is(&self, other: &Self) -> bool {
        (self.code, self.subject, self.item()) == (other.code, other.subject, other.item())
    }

    fn about(code: ProblemCode, subject: Subject, detail: impl Into<String>) -> Self {
        Self { code, subject: Some(subject), detail: detail.into() }
    }
}

/// Those of `now` that were not there `before`.
pub fn come<'a>(before: &[Problem], now: &'a [Problem]) -> impl Iterator<Item = &'a Problem> {
    now.iter().filter(|problem| !before.iter().any(|known| known.is(problem)))
}

/// Since when each problem is there.
#[derive(Debug, Default)]
pub struct Since(BTreeMap<(ProblemCode, Option<Subject>, Option<String>), Timestamp>);

impl Since {
    /// Dates the problems of now; those that are over are forgotten.
    pub fn date(&mut self, problems: Vec<Problem>, now: Timestamp) -> Vec<(Problem, Timestamp)> {
        let mut kept = BTreeMap::new();
        let dated = problems
            .into_iter()
            .map(|problem| {
                let name = (problem.code, problem.subject, problem.item().map(str::to_owned));
                let known = self.0.get(&name).copied();
                let since = *kept.entry(name).or_insert_with(|| known.unwrap_or(now));
                (problem, since)
            })
            .collect();
        self.0 = kept;
        dated
    }
}

/// The problems of the moment but for the check-in's own, the most important first.
#[must_use]
pub fn problems(board: &Board) -> Vec<Problem> {
    let mut problems = of_profile(&board.profile);
    problems.extend(of_observation(&board.observation));
    problems.extend(of_licensing(&board.licensing));
    problems.extend(of_imaging(&board.imaging));
    if let Some(why) = &board.commanded.write_failed {
        problems.push(Problem::new(ProblemCode::StateWriteFailed, why.clone()));
    }
    problems.extend(of_enforcement(&board.enforcement));
    problems.extend(of_updates(&board.updates));
    problems
}

fn of_updates(updates: &Updates) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(why) = &updates.write_failed {
        problems.push(Problem::new(ProblemCode::StateWriteFailed, why.clone()));
    }
    problems.extend(updates.watched.iter().filter_map(|(key, watch)| match watch {
        Watch::Passed(why) => Some(Problem::new(ProblemCode::VersionPassed, format!("{key}: {why}"))),
        Watch::Kept | Watch::Unknown => None,
    }));
    // A server that is down once is no problem.
    let reading = updates.book.reading.as_ref().filter(|reading| reading.failures >= TELL_AFTER);
    let trouble = reading.and_then(|reading| reading.trouble.as_ref());
    problems.extend(trouble.map(|why| Problem::new(ProblemCode::UpdateFeedFailed, why.clone())));
    problems
}

fn of_profile(profile: &Profile) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &profile.trouble {
        Some(trouble @ Trouble::Vanished { .. }) => {
            problems.push(Problem::new(ProblemCode::ProfileVanished, trouble.to_string()));
        }
        Some(trouble) => {
            problems.push(Problem::new(ProblemCode::ProfileUnreadable, Chain(trouble).to_string()))
        }
        None if profile.preferences.is_none() => problems.push(Problem::new(ProblemCode::ProfileMissing, "")),
        None => {}
    }
    problems.extend(profile.faults.iter().map(|(name, fault)| {
        let code = match fault {
            Fault::Unknown => ProblemCode::ProfileKeyUnknown,
            Fault::NotAllowedHere { .. } | Fault::BadValue { .. } => ProblemCode::ProfileKeyInvalid,
        };
        Problem::new(code, format!("{name}: {fault}"))
    }));
    problems
}

fn of_observation(observation: &Observation) -> Vec<Problem> {
    if !observation.begun {
        return Vec::new();
    }
    let mut problems = Vec::new();
    match &observation.parallels {
        Answer::Known(version) if !version.reaches(POLICY_GATE) => {
            problems.push(Problem::new(ProblemCode::ParallelsTooOld, format!("version {version}")));
        }
        Answer::Known(_) | Answer::ServiceStopped | Answer::NotLoggedIn | Answer::TooOld(_) => {}
        Answer::NotInstalled => problems.push(Problem::new(ProblemCode::ParallelsMissing, "")),
        Answer::CouldNotAsk(why) => {
            problems.push(Problem::new(ProblemCode::ParallelsVersionUnreadable, why.to_string()));
        }
    }
    match &observation.service {
        Answer::ServiceStopped => problems.push(Problem::new(ProblemCode::ServiceStopped, "")),
        Answer::CouldNotAsk(why) => problems.push(Problem::new(could_not_ask(why), why.to_string())),
        _ => {}
    }
    for listing in &observation.inventory.listings {
        if let Answer::CouldNotAsk(why) = &listing.answer {
            let subject = Subject::User(listing.user.uid);
            problems.push(Problem::about(
                could_not_ask(why),
                subject,
                format!("{}: {why}", listing.user.name),
            ));
        }
    }
    problems.extend(observation.inventory.bad.iter().map(|bad| {
        let subject = Subject::User(bad.user.uid);
        Problem::about(ProblemCode::OutputUnreadable, subject, "a virtual machine in the list cannot be read")
    }));
    problems
}

const fn could_not_ask(obstacle: &Obstacle) -> ProblemCode {
    match obstacle.kind {
        ObstacleKind::Untrusted => ProblemCode::ToolUntrusted,
        ObstacleKind::Hung => ProblemCode::ToolTimeout,
        ObstacleKind::Unreadable => ProblemCode::OutputUnreadable,
        ObstacleKind::NotYet | ObstacleKind::Failed => ProblemCode::ToolFailed,
    }
}

fn of_licensing(licensing: &Licensing) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(why) = &licensing.write_failed {
        problems.push(Problem::new(ProblemCode::StateWriteFailed, why.clone()));
    }
    if let Some(why) = &licensing.order_trouble {
        problems.push(Problem::new(ProblemCode::LicenseDeactivationPending, why.clone()));
    }
    let Some(state) = &licensing.state else { return problems };
    let code = match state.stage() {
        Stage::InGrace => Some(ProblemCode::LicenseInGrace),
        Stage::Unverified => Some(ProblemCode::LicenseUnverified),
        Stage::Suspended => Some(ProblemCode::LicenseSuspended),
        Stage::Revoked => Some(ProblemCode::LicenseRevoked),
        // One that is on its way back is told by what it waits for.
        Stage::Released if state.reactivation.is_none() && state.asking.is_none() => {
            Some(ProblemCode::LicenseReleased)
        }
        Stage::Released | Stage::Unknown | Stage::Unlicensed | Stage::Active | Stage::VerificationDue => None,
    };
    let detail =
        if state.lifts_policy() { "the policy is lifted until it is, as the portal wants it" } else { "" };
    problems.extend(code.map(|code| Problem::new(code, detail)));
    if state.waits_for_sign_in() {
        problems.push(Problem::new(ProblemCode::LicenseWaitingForSignIn, ""));
    }
    if let Some(why) = state.reactivation.as_ref().and_then(|reactivation| reactivation.trouble.as_ref()) {
        problems.push(Problem::new(ProblemCode::LicenseActivationFailed, why.clone()));
    }
    problems
}

fn of_imaging(imaging: &Imaging) -> Vec<Problem> {
    let installs = imaging.book.installs.iter();
    let troubles = installs.filter_map(|(uid, install)| {
        let (code, why) = trouble(install)?;
        Some(Problem::about(code, Subject::User(*uid), format!("{}: {why}", install.of.name)))
    });
    let mut problems: Vec<_> = troubles.collect();
    if let Some(why) = &imaging.not_restored {
        problems.push(Problem::new(ProblemCode::RestrictionNotRestored, why.clone()));
    }
    if let Some(why) = &imaging.write_failed {
        problems.push(Problem::new(ProblemCode::StateWriteFailed, why.clone()));
    }
    problems
}

fn of_enforcement(enforcement: &Enforcement) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(why) = &enforcement.write_failed {
        problems.push(Problem::new(ProblemCode::StateWriteFailed, why.clone()));
    }
    if enforcement.baseline_lost {
        problems.push(Problem::new(ProblemCode::BaselineLost, ""));
    }
    let settings = enforcement.effective.settings.iter();
    let bad = settings.flat_map(|(key, resolved)| resolved.problems.iter().map(move |bad| (key.name(), bad)));
    let strangers = enforcement.effective.strangers.iter().map(|(name, bad)| (name.as_str(), bad));
    problems.extend(bad.chain(strangers).map(|(name, bad)| {
        let code = if bad.fault == Fault::Unknown {
            ProblemCode::SettingUnsupported
        } else {
            ProblemCode::SettingInvalid
        };
        Problem::new(code, format!("{name} in {} {}: {}", bad.layer.title(), bad.origin, bad.fault))
    }));
    for standing in &enforcement.standings {
        let code = match standing.state {
            // The updater tells these, with the versions.
            ComplianceState::Violated if standing.reason == Some(ComplianceReason::VersionPassed) => continue,
            ComplianceState::Violated => ProblemCode::Violation,
            ComplianceState::Failed => ProblemCode::ToolFailed,
            ComplianceState::Drifted if standing.reason == Some(ComplianceReason::Contested) => {
                ProblemCode::SettingContested
            }
            _ => continue,
        };
        let withheld = enforcement.plan.withheld.iter();
        let reason = withheld
            .filter(|withheld| (withheld.subject, withheld.key) == (standing.subject, standing.key))
            .map(|withheld| &withheld.reason)
            .next();
        let code = match reason {
            Some(Reason::NeedsCustomPassword) => ProblemCode::NeedsCustomPassword,
            Some(Reason::VmLocked) => ProblemCode::VmLocked,
            Some(Reason::NoRecord) => continue,
            _ => code,
        };
        let complaint = crate::plan::memory::entry(&enforcement.complaints, standing.subject, standing.key);
        let detail = match complaint {
            Some(complaint) => format!("{}: {complaint}", standing.key),
            None => standing.key.name().to_owned(),
        };
        problems.push(Problem::about(code, standing.subject, detail));
    }
    problems.extend(of_release(enforcement));
    problems
}

/// What should be given back and is not. Settings that are given back have no standing any more.
fn of_release(enforcement: &Enforcement) -> impl Iterator<Item = Problem> {
    let standing = enforcement.standings.iter().map(|each| (each.subject, each.key)).distinct();
    let held_back = enforcement.plan.withheld.iter();
    held_back.filter(move |held| !standing.contains(&(held.subject, held.key))).filter_map(|held| {
        let code = match held.reason {
            Reason::NeedsCustomPassword => ProblemCode::NeedsCustomPassword,
            Reason::VmLocked => ProblemCode::VmLocked,
            Reason::Later { .. } => ProblemCode::ToolFailed,
            Reason::NoAssignment => ProblemCode::StateCorrupt,
            Reason::NothingRecorded => ProblemCode::NotRestored,
            _ => return None,
        };
        let complaint = crate::plan::memory::entry(&enforcement.complaints, held.subject, held.key);
        let why = complaint.map_or("the value from before is not put back", String::as_str);
        Some(Problem::about(code, held.subject, format!("{}: {why}", held.key)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_one_code_are_told_apart_by_the_key_that_they_name() {
        let unknown = |key: &str| Problem::new(ProblemCode::ProfileKeyUnknown, format!("{key}: unknown"));
        let feed = |why: &str| Problem::new(ProblemCode::UpdateFeedFailed, why);
        let contested = |detail: &str| Problem::about(ProblemCode::SettingContested, Subject::App, detail);
        let before = [unknown("Unkloud1"), feed("HTTP 500"), contested("restrict.add_vm")];
        let now = [
            unknown("UnkA"),
            unknown("Unkloud1"),
            feed("timed out"),
            contested("restrict.add_vm: refused"),
            contested("restrict.clone_vm"),
        ];
        let named = |before: &[Problem], now: &[Problem]| {
            come(before, now).map(|problem| problem.item().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(named(&before, &now), ["UnkA", "restrict.clone_vm"]);
        assert_eq!(named(&now, &before[1..]), [""; 0]);
        assert_eq!(named(&before[1..], &before), ["Unkloud1"]);

        let (mut since, second) = (Since::default(), jiff::SignedDuration::from_secs(1));
        let at = Timestamp::UNIX_EPOCH;
        since.date(before.to_vec(), at);
        let dated = since.date(now.to_vec(), at + second);
        let new: Vec<_> = dated.iter().map(|(_, since)| *since > at).collect();
        assert_eq!(new, [true, false, false, false, true]);
    }

    #[test]
    fn what_every_user_may_read_holds_no_query() {
        let words = Problem::new(ProblemCode::UpdateFeedFailed, "http://h/f?token=X: HTTP 500").words();
        assert!(words.ends_with(" http://h/f?… HTTP 500") && !words.contains("token"), "{words}");
    }
}
