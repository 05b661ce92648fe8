//! Answers for tests: two users, 501 with a machine of their own, 502 with another, and one that both share.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::proto::{Answer, Refusal, RefusalCode};
use super::view::{
    ActionView, AgentView, AssignmentView, Availability, CheckinView, EnforcementView, ExplainView,
    GroupView, HealthState, HealthView, ImageUserView, ImageView, ImagesView, InstallView, LastCheckin,
    LayerView, LoserView, MachineView, NextCheckin, OutcomeView, ParallelsGate, ParallelsView, PlanView,
    PolicyView, PortalView, ProblemView, SettingView, SourceView, StatusView, SubjectStateView, SubjectView,
    UserVmsView, VmTotals, VmView, VmsView, WinnerView, WithheldView,
};
use super::view::{LeaseView, LicenseNext, LicenseView, NextStep, OnMacView, VerificationView};
use crate::domain::compliance::{Compliance, Tally};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, GroupId, ImageId, OrganizationId, PolicyId, Uid, VmId};
use crate::domain::license::{ActivationKind, LicenseState};
use crate::domain::subject::Subject;
use crate::domain::vm::{Owner, VmState};
use crate::license::Stage;
use crate::wire::lease::{LeaseState, Product};

/// The first of the two users.
pub(super) const FIRST: Uid = Uid(501);
/// The other one.
pub(super) const SECOND: Uid = Uid(502);

/// A name that tries everything.
pub(super) const HOSTILE: &str = "-rf \"$(x)\"\n\u{1b}[31m<b>😀\u{0}";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

fn subjects() -> Vec<SubjectView> {
    let vm = |number: u128, owners: &[Uid]| SubjectView {
        subject: Subject::Vm(VmId::of(Uuid::from_u128(number))),
        name: Some(HOSTILE.to_owned()),
        owners: owners.to_vec(),
    };
    let user = |uid| SubjectView { subject: Subject::User(uid), name: None, owners: Vec::new() };
    vec![
        SubjectView::app(),
        user(FIRST),
        user(SECOND),
        vm(1, &[FIRST]),
        vm(2, &[SECOND]),
        vm(3, &[FIRST, SECOND]),
    ]
}

fn problem(subject: Option<SubjectView>) -> ProblemView {
    ProblemView {
        code: "needs-custom-password".into(),
        since: at(5),
        detail: "A change was refused.".into(),
        remedy: "Enter the password once.".into(),
        subject,
    }
}

fn problems() -> Vec<ProblemView> {
    std::iter::once(None).chain(subjects().into_iter().map(Some)).map(problem).collect()
}

fn users() -> Vec<UserVmsView> {
    let user = |uid, availability, total| UserVmsView {
        uid,
        user: format!("user{uid}"),
        availability,
        detail: None,
        total,
        corporate: total.map(|_| 1),
    };
    vec![user(FIRST, Availability::Listed, Some(2)), user(SECOND, Availability::NotLoggedIn, None)]
}

/// Golden images of two users.
pub(super) fn images() -> ImagesView {
    let user = |uid, why_not: Option<&str>| ImageUserView {
        uid,
        user: format!("user{uid}"),
        offered: why_not.is_none(),
        why_not: why_not.map(str::to_owned),
    };
    let install = |uid| InstallView {
        uid,
        user: format!("user{uid}"),
        image: ImageId::of(Uuid::from_u128(6)),
        name: "Windows 11".into(),
        stage: "downloading".into(),
        over: false,
        bytes: 10,
        size: 100,
        ordered_at: at(7),
        waits_until: Some(at(9)),
        problem: Some("image-unavailable".into()),
        detail: Some("the connection ended after 10 of 100 bytes".into()),
        vm: None,
    };
    let machine = |uid: Uid| MachineView {
        vm: VmId::of(Uuid::from_u128(u128::from(uid.0))),
        name: Some("Windows 11".into()),
        uid,
        user: Some("ada".into()),
        image_name: Some("Windows 11".into()),
        image: ImageId::of(Uuid::from_u128(6)),
        sha256: Digest::of(b"image"),
        at: at(8),
    };
    let image = ImageView {
        id: Some(ImageId::of(Uuid::from_u128(6))),
        name: "Windows 11".into(),
        description: "For everyone".into(),
        size: Some(100),
        unpacked_size: Some(300),
        why_not: None,
        users: vec![user(FIRST, None), user(SECOND, Some("the user is not logged in"))],
    };
    ImagesView {
        images: vec![image],
        bytes_per_s: Some(1000),
        installs: vec![install(FIRST), install(SECOND)],
        machines: vec![machine(FIRST), machine(SECOND)],
    }
}

/// A license of a user's.
fn license() -> LicenseView {
    LicenseView {
        stage: Stage::Active,
        on_mac: OnMacView {
            state: LicenseState::Active,
            edition: Some("enterprise".into()),
            activation: Some(ActivationKind::Sso),
            key: None,
            parent: None,
            trial: Some(false),
            user: Some("anna@example.com".into()),
            main_period_ends_at: Some(at(9_000)),
        },
        lease: Some(LeaseView {
            seq: 7,
            state: LeaseState::Active,
            product: Product::Enterprise,
            license: "L-1".into(),
            seat: Some("anna@example.com".into()),
            group: None,
            verify_after: at(600_000),
            grace_until: at(1_200_000),
        }),
        verification: VerificationView::default(),
        deactivation: None,
        reactivation: None,
        next: LicenseNext { step: NextStep::Verify, at: Some(at(550_000)) },
    }
}

/// A status with everything in it.
pub(super) fn status() -> StatusView {
    StatusView {
        health: HealthView { state: HealthState::Degraded, since: at(1), problems: problems() },
        agent: AgentView { version: "0.1.0".into(), pid: 42, started_at: at(0) },
        portal: PortalView {
            url: Some("https://portal.example".into()),
            organization: Some(OrganizationId::of(Uuid::from_u128(6))),
            device: Some(DeviceId::of(Uuid::from_u128(7))),
            enrolled_at: Some(at(2)),
        },
        assignment: Some(AssignmentView {
            version: 1_764_000_017,
            refresh_by: Some(at(1000)),
            group: Some(GroupView { id: GroupId::of(Uuid::from_u128(8)), name: "Sales".into() }),
            policy: Some(PolicyView {
                id: PolicyId::of(Uuid::from_u128(9)),
                name: "Sales Macs".into(),
                revision: 7,
                since: at(3),
            }),
            retired: false,
        }),
        parallels: ParallelsView { version: Some("26.1.1".into()), gate: ParallelsGate::Full, updates: None },
        license: license(),
        checkin: CheckinView {
            last: Some(LastCheckin { at: at(4), succeeded: true, detail: "nothing new".into() }),
            last_success: Some(at(4)),
            next: Some(NextCheckin { at: at(900), reason: "interval".into() }),
            wait_open: true,
        },
        enforcement: EnforcementView {
            settled: true,
            settled_since: Some(at(5)),
            corrections: 1,
            ..EnforcementView::of(Tally { compliant: 4, ..Tally::default() })
        },
        vms: VmTotals { total: Some(3), corporate: Some(1), per_user: users() },
        images: images().installs,
        sources: vec![SourceView {
            layer: LayerView::Policy,
            origin: "Sales Macs 7".into(),
            since: None,
            note: None,
        }],
        written_at: at(6),
    }
}

fn explain() -> ExplainView {
    let state = |subject| SubjectStateView {
        subject,
        applied: Some(json!(true)),
        observed: Some(json!(true)),
        compliance: Compliance::Compliant,
        reason: None,
        corrections: 2,
        last_correction: Some(at(5)),
    };
    let setting = SettingView {
        key: "restrict.create_vm".into(),
        title: "Creating virtual machines".into(),
        outcome: OutcomeView::Holds,
        value: Some(json!(true)),
        winner: Some(WinnerView {
            layer: LayerView::Policy,
            origin: "Sales Macs 7".into(),
            since: Some(at(3)),
            derived_from: Some("vms.corporate_only".into()),
        }),
        overridden: vec![LoserView {
            layer: LayerView::Local,
            origin: "Security tab".into(),
            value: json!(false),
            reason: "a policy is assigned".into(),
        }],
        problems: problems(),
        notes: vec![],
        state: Some(Compliance::Compliant),
        subjects: subjects().into_iter().map(state).collect(),
    };
    ExplainView { settings: vec![setting] }
}

fn plan() -> PlanView {
    let action = |subject| ActionView {
        subject,
        key: "vm.isolate".into(),
        from: Some(json!(false)),
        to: Some(json!(true)),
        why: "policy".into(),
        commands: vec![vec!["prlctl".into(), "set".into(), HOSTILE.into()]],
    };
    let withheld =
        |subject| WithheldView { subject, key: "vm.expiration".into(), reason: "locked".into(), until: None };
    PlanView {
        actions: subjects().into_iter().map(action).collect(),
        withheld: subjects().into_iter().map(withheld).collect(),
    }
}

fn vms() -> VmsView {
    let vm = |subject: SubjectView| match subject.subject {
        Subject::Vm(uuid) => Some(VmView {
            uuid,
            name: HOSTILE.into(),
            owners: subject
                .owners
                .iter()
                .map(|uid| Owner { uid: *uid, user: format!("user{uid}") })
                .collect(),
            os: "win-11".into(),
            state: VmState::Running,
            corporate: true,
            cpu: Some(4),
            memory_mib: Some(8192),
            disk_mib: None,
            violations: vec!["vms.one_per_user".into()],
        }),
        Subject::App | Subject::User(_) => None,
    };
    VmsView { vms: subjects().into_iter().filter_map(vm).collect(), users: users(), as_of: Some(at(5)) }
}

/// One of each kind.
pub(super) fn answers() -> Vec<Answer> {
    vec![
        Answer::Status(Box::new(status())),
        Answer::Explain(explain()),
        Answer::Plan(plan()),
        Answer::Vms(vms()),
        Answer::Accepted { at: at(9) },
        Answer::Refused(Refusal::new(RefusalCode::UnknownSetting, "there is no setting x")),
    ]
}
