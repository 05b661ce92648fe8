//! Views for the screens of `explain`.

use serde_json::{Value, json};

use super::{HOSTILE, past, problem, vm};
use crate::control::view::{
    ExplainView, LayerView, LoserView, OutcomeView, SettingView, SubjectStateView, SubjectView, WinnerView,
};
use crate::domain::compliance::Compliance;

fn state(subject: SubjectView, compliance: Compliance, reason: Option<&str>) -> SubjectStateView {
    let seen = compliance == Compliance::Compliant;
    SubjectStateView {
        subject,
        applied: Some(json!(true)),
        observed: Some(json!(seen)),
        compliance,
        reason: reason.map(str::to_owned),
        corrections: if seen { 2 } else { 0 },
        last_correction: seen.then(|| past(150)),
    }
}

fn stands(setting: &mut SettingView, subjects: Vec<SubjectStateView>) {
    setting.state = subjects.iter().map(|state| state.compliance).max();
    setting.subjects = subjects;
}

/// A Mac that nobody manages from above: the Security tab alone says something.
pub(crate) fn local() -> ExplainView {
    let mut removing = setting("restrict.remove_vm", "Removing asks for a password", json!(true));
    if let Some(winner) = &mut removing.winner {
        (winner.layer, winner.origin, winner.since) = (LayerView::Local, "Security tab".into(), None);
    }
    let mut seen = state(SubjectView::app(), Compliance::Local, None);
    (seen.applied, seen.observed) = (None, Some(json!(true)));
    stands(&mut removing, vec![seen]);
    ExplainView { settings: vec![removing] }
}

/// A setting that the policy decides.
fn setting(key: &str, title: &str, value: Value) -> SettingView {
    SettingView {
        key: key.into(),
        title: title.into(),
        outcome: OutcomeView::Holds,
        value: Some(value),
        winner: Some(WinnerView {
            layer: LayerView::Policy,
            origin: "“Sales Macs” revision 7".into(),
            since: Some(past(5_400)),
            derived_from: None,
        }),
        overridden: vec![],
        problems: vec![],
        notes: vec![],
        state: Some(Compliance::Compliant),
        subjects: vec![state(SubjectView::app(), Compliance::Compliant, None)],
    }
}

fn loser(layer: LayerView, origin: &str, value: Value, reason: &str) -> LoserView {
    LoserView { layer, origin: origin.into(), value, reason: reason.into() }
}

/// The one that `explain KEY` shows: derived, with losers, a problem and objects.
pub(crate) fn one_setting() -> SettingView {
    let mut one =
        setting("restrict.create_vm", "Creating virtual machines needs an administrator", json!(true));
    if let Some(winner) = &mut one.winner {
        winner.derived_from = Some("vms.corporate_only".into());
    }
    one.overridden = vec![
        loser(LayerView::Profile, "dev.meridian.agent.plist", json!(false), "superseded by a higher layer"),
        loser(LayerView::Local, "Security tab", json!(false), "ignored: a policy is assigned"),
    ];
    one
}

/// A setting that nothing on the Mac enforces.
fn feed() -> SettingView {
    let mut feed = setting(
        "updates.feed_url",
        "Where updates come from",
        json!("https://updates.example.com/parallels/feed.xml"),
    );
    if let Some(winner) = &mut feed.winner {
        (winner.layer, winner.origin) =
            (LayerView::Profile, "dev.meridian.agent.plist (payload 0f1e2d3c)".into());
    }
    let why = "Nothing on the Mac enforces the setting yet; Meridian heeds and reports it.";
    let mut heeded = state(SubjectView::app(), Compliance::Heeded, Some(why));
    (heeded.applied, heeded.observed) = (None, None);
    stands(&mut feed, vec![heeded]);
    feed
}

/// All outcomes and states.
pub(crate) fn explain() -> ExplainView {
    let mut lifted = setting("restrict.clone_vm", "Cloning virtual machines", json!(false));
    lifted.outcome = OutcomeView::Lifted;
    (lifted.winner, lifted.value) = (None, None);
    lifted.overridden =
        vec![loser(LayerView::Local, "Security tab", json!(true), "ignored: a policy is assigned")];
    let mut undecided = setting("updates.check", "Checking for updates", json!("daily"));
    undecided.outcome = OutcomeView::Undecided;
    (undecided.winner, undecided.value) = (None, None);
    stands(&mut undecided, vec![state(SubjectView::app(), Compliance::Unsupported, Some("bad value"))]);
    undecided.problems = vec![problem(
        "setting-invalid",
        "A setting has a value that it cannot take; the setting is ignored, the others count. updates.check: expected one of daily, weekly in profile dev.meridian.agent.plist",
        "Correct the value in the policy or profile.",
        None,
    )];
    let mut machines =
        setting("vm.require_password.change_guest_password", "Changing a guest password", json!(true));
    stands(
        &mut machines,
        vec![
            state(vm(1, "Windows 11"), Compliance::Compliant, None),
            state(vm(2, "Ubuntu"), Compliance::Failed, Some("needs the custom password")),
            state(vm(3, "macOS"), Compliance::Unsupported, Some("not for macOS guests")),
        ],
    );
    let mut one_per_user = setting("vms.one_per_user", "One virtual machine for each user", json!(true));
    stands(
        &mut one_per_user,
        vec![state(SubjectView::app(), Compliance::Violated, Some("user bob has two"))],
    );
    let mut drifted = setting("restrict.preferences", "Changing preferences", json!(true));
    stands(&mut drifted, vec![state(SubjectView::app(), Compliance::Drifted, None)]);
    let mut unmanaged = setting("experience.cep", "Customer experience program", json!(false));
    unmanaged.outcome = OutcomeView::Unmanaged;
    (unmanaged.winner, unmanaged.value) = (None, None);
    stands(&mut unmanaged, vec![]);
    let mut network = setting("vm.network", "Network", json!("shared"));
    network.subjects.clear();
    network.state = Some(Compliance::Idle);
    ExplainView {
        settings: vec![
            network,
            one_per_user,
            one_setting(),
            lifted,
            drifted,
            undecided,
            feed(),
            machines,
            unmanaged,
        ],
    }
}

/// A setting whose texts are hostile.
pub(crate) fn hostile_setting() -> SettingView {
    let mut setting = setting("vm.isolate", HOSTILE, json!(HOSTILE));
    stands(&mut setting, vec![state(vm(1, HOSTILE), Compliance::Failed, Some(HOSTILE))]);
    setting.overridden = vec![loser(LayerView::Local, HOSTILE, json!(HOSTILE), HOSTILE)];
    setting.problems = vec![problem("setting-invalid", HOSTILE, HOSTILE, Some(vm(1, HOSTILE)))];
    setting
}
