//! What is wrong with the check-in right now.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answer::Trouble;
use crate::wire::checkin::ReportedProblem;
use crate::wire::codes::ProblemCode;

/// What is wrong with the way to the portal. One of them holds at a time, and any success ends it. They are for this
/// Mac's own status: told to the portal they would be out of date on arrival.
const WAY: [ProblemCode; 6] = [
    ProblemCode::PortalUnreachable,
    ProblemCode::PortalRefused,
    ProblemCode::PortalAnswerInvalid,
    ProblemCode::TlsFailed,
    ProblemCode::DeviceForked,
    ProblemCode::DeviceUnknown,
];

/// The problems that hold, with since when and a detail.
#[derive(Debug, Clone, Default)]
pub(super) struct Problems(BTreeMap<ProblemCode, (Timestamp, Option<String>)>);

impl Problems {
    /// It holds now; since when stays.
    pub(super) fn raise(&mut self, code: ProblemCode, now: Timestamp, detail: Option<String>) {
        let since = self.0.get(&code).map_or(now, |(since, _)| *since);
        self.0.insert(code, (since, detail));
    }

    /// It holds if `holds`.
    pub(super) fn set(&mut self, code: ProblemCode, holds: bool, now: Timestamp) {
        if holds {
            self.raise(code, now, None);
        } else {
            self.0.remove(&code);
        }
    }

    /// Whether it holds.
    pub(super) fn holds(&self, code: ProblemCode) -> bool {
        self.0.contains_key(&code)
    }

    /// It is over.
    pub(super) fn solve(&mut self, code: ProblemCode) {
        self.0.remove(&code);
    }

    /// The way to the portal has this trouble, since the first one in a row.
    pub(super) fn trouble(&mut self, now: Timestamp, trouble: Trouble) {
        let since = self.way_is_free().unwrap_or(now);
        self.0.insert(trouble.code, (since, Some(trouble.detail)));
    }

    /// The way to the portal is free. Since when it was not.
    pub(super) fn way_is_free(&mut self) -> Option<Timestamp> {
        WAY.iter().filter_map(|code| self.0.remove(code)).map(|(since, _)| since).min()
    }

    /// What is wrong with the way to the portal.
    pub(super) fn of_the_way(&self) -> Option<ReportedProblem> {
        self.all().into_iter().find(|problem| WAY.contains(&problem.code))
    }

    /// All that hold.
    pub(super) fn all(&self) -> Vec<ReportedProblem> {
        let problem = |(code, (since, detail)): (&ProblemCode, &(Timestamp, Option<String>))| {
            ReportedProblem { code: *code, since: *since, detail: detail.clone() }
        };
        self.0.iter().map(problem).collect()
    }

    /// Those that a portal is told.
    pub(super) fn for_the_portal(&self) -> Vec<ReportedProblem> {
        self.all().into_iter().filter(|problem| !WAY.contains(&problem.code)).collect()
    }
}
