//! Nobody sees what belongs to others, in any answer.

use super::super::samples;
use super::*;

fn text(answer: Answer, viewer: Viewer) -> String {
    serde_json::to_string(&answer.seen_by(viewer)).unwrap()
}

const VMS: [&str; 3] = [
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000003",
];

#[test]
fn each_viewer_sees_what_is_theirs() {
    for (viewer, seen) in [
        (Viewer::Admin, [true, true, true]),
        (Viewer::User(samples::FIRST), [true, false, true]),
        (Viewer::User(samples::SECOND), [false, true, true]),
        (Viewer::User(Uid(503)), [false; 3]),
        (Viewer::Public, [false; 3]),
    ] {
        for answer in samples::answers().into_iter().take(4) {
            let text = text(answer, viewer);
            for (vm, seen) in VMS.iter().zip(seen) {
                assert_eq!(text.contains(vm), seen, "{vm} for {viewer:?} in {text}");
            }
            for (user, uid) in [("user:501", samples::FIRST), ("user:502", samples::SECOND)] {
                let may = viewer == Viewer::Admin || viewer == Viewer::User(uid);
                assert!(may || !text.contains(user), "{user} for {viewer:?} in {text}");
            }
        }
    }
}

#[test]
fn an_administrator_sees_the_whole_answer() {
    for answer in samples::answers() {
        assert_eq!(answer.clone().seen_by(Viewer::Admin), answer);
    }
}

#[test]
fn a_user_is_told_their_own_totals() {
    let totals = |viewer| samples::status().seen_by(viewer).vms;
    assert_eq!(totals(Viewer::User(samples::FIRST)).total, Some(2));
    assert_eq!(totals(Viewer::User(samples::SECOND)).total, None);
    let none = VmTotals { total: Some(0), corporate: Some(0), per_user: Vec::new() };
    assert_eq!(totals(Viewer::User(Uid(503))), none, "there is a list, and they are not in it");
    let unlisted = StatusView { vms: VmTotals::default(), ..samples::status() };
    assert_eq!(unlisted.seen_by(Viewer::User(Uid(503))).vms, VmTotals::default());
    assert_eq!(totals(Viewer::Public), VmTotals::default(), "the file tells nobody how many others have");
}
