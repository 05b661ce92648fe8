use super::*;
use crate::checkin::local::Machines;
use crate::checkin::rehearsal::{Signer, at, vm};
use crate::domain::subject::Subject;
use crate::wire::codes::ProblemCode;
use crate::wire::limits::REQUEST_BODY;

#[test]
fn compliance_that_does_not_fit_keeps_what_is_wrong() {
    let item = |number: usize, state| ComplianceItem {
        subject: Subject::App,
        setting: format!("a.setting.with.a.long.name.{number}"),
        state,
        reason: None,
    };
    let mut items: Vec<_> = (0..20_000).map(|number| item(number, ComplianceState::Compliant)).collect();
    items.push(item(20_000, ComplianceState::Violated));
    let kept = bounded(&items);
    assert!(kept.len() > 1_000 && json::write(&kept).unwrap().len() <= COMPLIANCE + 2);
    assert_eq!(kept[0].state, ComplianceState::Violated);
    assert_eq!(bounded(&items[..100]), items[..100], "in their order where all fit");
}

#[test]
fn problems_that_do_not_fit_are_left_out_and_the_sessions_own_are_not() {
    let problem = |number: usize| ReportedProblem {
        code: ProblemCode::ProfileKeyUnknown,
        since: at(0),
        detail: Some(format!("{number} is unknown")),
    };
    let mut local = Signer::new().local();
    local.problems = (0..10_000).map(problem).collect();
    let problems = Facts::of(&local, &[problem(10_000)]).problems.unwrap();
    assert!(problems.len() > 100 && json::write(&problems).unwrap().len() <= PROBLEMS + 2);
    assert_eq!(problems[..2], [problem(10_000), problem(0)]);
}

#[test]
fn a_record_that_cannot_be_sent_does_not_hide_the_others() {
    let mut local = Signer::new().local();
    let mut huge = vm(2, "cpu");
    huge.resources.cpu = u64::MAX;
    let records =
        vec![vm(1, "good"), huge, vm(3, &"x".repeat(INVENTORY_PART + 1)), vm(4, "\n\u{1f600} -rf <b>")];
    local.vms = Some(Machines { records, volatile: Vec::new() });
    let draft = Facts::of(&local, &[]).draft(&Memory::default(), INVENTORY_PART, at(0));
    let inventory = draft.inventory.unwrap();
    assert_eq!(
        inventory.upsert.iter().map(|record| record.uuid).collect::<Vec<_>>(),
        [vm(1, "").uuid, vm(4, "").uuid]
    );
    assert!(!inventory.more);
}

#[test]
fn the_largest_check_in_is_below_the_portals_limit() {
    // What is left for the device and the frame.
    const { assert!(COMPLIANCE + PROBLEMS + INVENTORY_PART + (136 << 10) < REQUEST_BODY) };
}

#[test]
fn a_report_that_was_not_taken_at_all_is_full_the_next_time() {
    let local = Signer::new().local();
    for pointer in ["/inventory", "/inventory/root", "/inventory/base", "/inventory/upsert"] {
        let draft = Facts::of(&local, &[]).draft(&Memory::default(), INVENTORY_PART, at(0));
        let rejected = Rejected { member: pointer.to_owned(), reason: String::new() };
        let (memory, more) = draft.accepted.memory(&[rejected], &[]);
        assert_eq!((memory.base, more), (None, false), "{pointer}");
    }
}
