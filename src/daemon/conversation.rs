//! How the conversation with the portal goes, in the words of the board. Pure.
//!
//! In go the session's status and what was on the wire; out comes what `status` shows of check-ins. What may change are the words.

use super::board::Conversation;
use super::checkin::Traffic;
use crate::checkin::session::Status;
use crate::control::view::{LastCheckin, NextCheckin};
use crate::wire::checkin::CheckinReason;

/// How the conversation with the portal goes, as the board has it.
#[must_use]
pub fn conversation(status: &Status, traffic: Traffic) -> Conversation {
    let last = traffic.last.map(|(at, succeeded)| LastCheckin {
        at,
        succeeded,
        detail: if succeeded { "accepted".to_owned() } else { why(status) },
    });
    Conversation {
        device: status.device,
        organization: status.organization,
        enrolled_at: status.enrolled_at,
        last,
        last_success: status.last_success,
        next: status.next.map(|(at, reason)| NextCheckin { at, reason: because(reason, status.failures) }),
        wait_open: traffic.wait_open,
        problems: status.problems.clone(),
    }
}

/// Why the last request failed, as exactly as it is known.
fn why(status: &Status) -> String {
    let trouble = status.trouble.as_ref().or_else(|| status.problems.first());
    trouble.map_or_else(
        || "not accepted".to_owned(),
        |problem| problem.detail.clone().unwrap_or_else(|| problem.code.explanation().to_owned()),
    )
}

fn because(reason: CheckinReason, failures: u32) -> String {
    if failures > 0 {
        return format!("retry after {failures} failures");
    }
    match reason {
        CheckinReason::Startup => "the agent started",
        CheckinReason::Interval => "the interval",
        CheckinReason::Wake => "the portal called; at most one call a minute is followed",
        CheckinReason::VmChange => "a virtual machine changed",
        CheckinReason::ProfileChange => "the profile changed",
        CheckinReason::LicenseChange => "the license changed",
        CheckinReason::Manual => "asked for by hand",
        CheckinReason::Uninstall => "the agent is uninstalled",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checkin::session::Standing;
    use crate::wire::checkin::ReportedProblem;
    use crate::wire::codes::ProblemCode;

    #[test]
    fn a_check_in_that_failed_says_what_exactly_went_wrong() {
        let problem = |code, detail: &str| ReportedProblem {
            code,
            since: Timestamp::UNIX_EPOCH,
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
        };
        let stale = problem(ProblemCode::AssignmentStale, "");
        let down = problem(ProblemCode::PortalUnreachable, "the portal's name cannot be resolved");
        let refused = problem(ProblemCode::EnrollmentRefused, "token-used");
        let mut status = Status {
            standing: Standing::Enrolled,
            device: None,
            organization: None,
            enrolled_at: None,
            last_success: None,
            next: None,
            failures: 1,
            trouble: Some(down.clone()),
            problems: vec![stale.clone(), down],
        };
        let failed = Traffic { last: Some((Timestamp::UNIX_EPOCH, false)), wait_open: false };
        let said = |status: &Status, traffic| conversation(status, traffic).last.unwrap().detail;
        assert_eq!(said(&status, failed), "the portal's name cannot be resolved");
        (status.trouble, status.problems) = (None, vec![refused]);
        assert_eq!(said(&status, failed), "token-used");
        status.problems = vec![stale];
        assert_eq!(said(&status, failed), ProblemCode::AssignmentStale.explanation());
        let fine = Traffic { last: Some((Timestamp::UNIX_EPOCH, true)), ..failed };
        assert_eq!(said(&status, fine), "accepted");
    }
}
