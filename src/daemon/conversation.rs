//! The conversation with the portal: the board to the check-in, and what the portal says to the board.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::board::{Assigned, Board, Conversation, Part, Ruling};
use super::checkin::{self, Checkin, Leased, Traffic, Transport};
use super::desk::Desk;
use super::enforcement::Enforcement;
use super::observer::Wishes;
use super::report;
use super::ticker::Ticker;
use crate::checkin::session::{Denied, Status};
use crate::control::view::{LastCheckin, NextCheckin};
use crate::license::State;
use crate::wire::checkin::{CheckinReason, LeaseWish};

/// How long an ordered check-in waits for the look that was ordered with it.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// An ordered check-in, which tells what the look that was ordered with it finds.
#[derive(Default)]
struct Order(Option<(Wishes, Instant)>);

impl Order {
    fn take(&mut self, board: &Board) {
        self.0 = Some((board.wanted.requests, Instant::now() + LOOK_WITHIN));
    }

    /// Resolves when the look takes too long; never without an order.
    async fn overdue(&self) {
        match self.0 {
            Some((_, until)) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// Whether the order can be carried out now; it is over then.
    fn is_ripe(&mut self, board: &Board) -> bool {
        let Enforcement { served, settled, .. } = &*board.enforcement;
        let is_seen = |wanted: Wishes| served.requests.covers(wanted) && *settled;
        self.0.take_if(|(wanted, until)| is_seen(*wanted) || *until <= Instant::now()).is_some()
    }
}

/// Runs the check-in between the board and the portal.
pub(super) async fn converse<H: Transport>(
    checkin: Checkin<Ticker, H>,
    board: watch::Sender<Board>,
    desk: Arc<Desk>,
    ordered: Arc<Notify>,
) {
    // For good: later changes are enforced while the conversation goes on.
    let mut may_speak = false;
    let mut tell = || {
        let board = board.borrow().clone();
        may_speak |= report::is_enforced(&board);
        Arc::new(report::local(&board, &desk.problems(&board), may_speak))
    };
    let (local, heard) = watch::channel(tell());
    let (mut assignments, mut status, mut traffic) =
        (checkin.assigned(), checkin.status(), checkin.traffic());
    let (mut lease, mut denied) = (checkin.outputs().lease(), checkin.outputs().denied());
    // What is known from disk is shown before any word with the portal.
    publish(&board, &status.borrow_and_update(), *traffic.borrow_and_update());
    let mut changes = board.subscribe();
    // What stood when the daemon ended does not wait for the pause after the last check-in either.
    let (mut urgent, mut order) = (None, Order::default());
    let sync = Arc::new(Notify::new());
    let speak = checkin.run(checkin::Inputs { local: heard, sync: Arc::clone(&sync) });
    tokio::pin!(speak);
    loop {
        // In this order, so that who reads of a check-in finds on the board what it brought.
        tokio::select! {
            biased;
            () = &mut speak => return,
            Ok(()) = lease.changed() => rule(&board, &lease, &denied),
            Ok(()) = denied.changed() => rule(&board, &lease, &denied),
            Ok(()) = assignments.changed() => {
                let assigned = assigned(&assignments);
                board.send_modify(|board| board.assigned = Part::new(assigned));
                assignments.mark_unchanged();
            }
            Ok(()) = status.changed() => publish(&board, &status.borrow_and_update(), *traffic.borrow()),
            Ok(()) = traffic.changed() => publish(&board, &status.borrow(), *traffic.borrow_and_update()),
            () = ordered.notified() => order.take(&board.borrow()),
            () = order.overdue() => {
                if order.is_ripe(&board.borrow()) {
                    sync.notify_one();
                }
            }
            Ok(()) = changes.changed() => {
                changes.mark_unchanged();
                let said = tell();
                let last = std::mem::replace(&mut urgent, urgent_wish(&board));
                local.send_if_modified(|last| {
                    let differs = *last != said;
                    if differs {
                        *last = said;
                    }
                    differs
                });
                if hurries(last, urgent) || order.is_ripe(&board.borrow()) {
                    sync.notify_one();
                }
            }
        }
    }
}

/// A wish of the license that does not wait for the schedule, and since when it stands.
type Urgent = Option<(LeaseWish, Timestamp)>;

fn urgent_wish(board: &watch::Sender<Board>) -> Urgent {
    board.borrow().licensing.state.as_ref().and_then(State::urgent_wish)
}

/// Whether a check-in is made at once: a seat is given back, or a verification was called for. Verifications by time keep
/// to the schedule, so that a fleet's stay apart.
fn hurries(last: Urgent, wish: Urgent) -> bool {
    wish.is_some() && wish != last
}

fn rule(
    board: &watch::Sender<Board>,
    lease: &watch::Receiver<Leased>,
    denied: &watch::Receiver<Option<Denied>>,
) {
    let ruling = ruling(lease, denied);
    board.send_modify(|board| board.ruling = ruling);
}

/// What the portal says of the license, as the board has it.
pub(super) fn ruling(
    lease: &watch::Receiver<Leased>,
    denied: &watch::Receiver<Option<Denied>>,
) -> Part<Ruling> {
    Part::new(Ruling { lease: lease.borrow().clone(), denied: denied.borrow().clone() })
}

/// The assignment that holds, as the board has it.
pub(super) fn assigned(assignments: &watch::Receiver<checkin::Assigned>) -> Assigned {
    let assignment = assignments.borrow().clone();
    Assigned { assignment: assignment.map(|assignment| (**assignment).clone()), taken_away: false }
}

fn publish(board: &watch::Sender<Board>, status: &Status, traffic: Traffic) {
    let conversation = conversation(status, traffic);
    board.send_if_modified(|board| {
        let differs = *board.conversation != conversation;
        if differs {
            board.conversation = Part::new(conversation);
        }
        differs
    });
}

/// How the conversation with the portal goes, as the board has it.
fn conversation(status: &Status, traffic: Traffic) -> Conversation {
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
        let times = if failures == 1 { "failure" } else { "failures" };
        return format!("retry after {failures} {times}");
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
