//! Views for the screens' tests: a Mac with a policy, two users and five virtual machines, and what is hostile or empty.

mod explain;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::ink::Style;
use crate::control::view::{
    ActionView, AgentView, AssignmentView, Availability, CheckinView, EnforcementView, GroupView,
    HealthState, HealthView, ImageUserView, ImageView, ImagesView, InstallView, LastCheckin, LayerView,
    MachineView, NextCheckin, ParallelsGate, ParallelsView, PlanView, PolicyView, PortalView, ProblemView,
    SourceView, StatusView, SubjectView, UserVmsView, VmTotals, VmView, VmsView, WithheldView,
};
use crate::control::view::{LeaseView, LicenseNext, LicenseView, NextStep, OnMacView, VerificationView};
use crate::domain::compliance::Tally;
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, GroupId, ImageId, OrganizationId, PolicyId, Uid, VmId};
use crate::domain::license::{ActivationKind, LicenseState, MaskedKey};
use crate::domain::subject::Subject;
use crate::domain::vm::{Owner, VmState};
use crate::license::Stage;
use crate::wire::lease::{LeaseState, Product};

pub(super) use explain::{explain, hostile_setting, local, one_setting};

/// When the screens are drawn.
pub(super) static NOW: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::from_second(1_764_000_000).unwrap());

/// A name that tries everything.
pub(super) const HOSTILE: &str = "-rf \"$(x)\"\n\u{1b}[31m\u{1b}]0;owned\u{7}<b>😀\u{202e}\u{9b}2J\u{0}東京";

/// The screen at both widths, without and with color, as reviewed snapshots; and none of them wider than it may be.
pub(super) fn screens(name: &str, draw: impl Fn(&Style) -> String) {
    for width in [80, 120] {
        let bare = draw(&Style { width, color: false });
        for row in bare.lines() {
            assert!(super::text::width(row) <= width, "{name} at {width}: {row}");
            assert!(!row.chars().any(super::text::is_dangerous), "{name} at {width}: {row:?}");
        }
        insta::assert_snapshot!(format!("{name}.{width}"), bare);
        let colored = draw(&Style { width, color: true });
        assert_eq!(without_color(&colored), bare, "color changes nothing else");
        if width == 80 {
            insta::assert_snapshot!(format!("{name}.{width}.color"), colored.replace('\u{1b}', "␛"));
        }
    }
}

/// The text without the sequences that this crate writes; a row whose last cells were padding keeps none.
fn without_color(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    bare.push_str(rest);
    bare
}

/// So many seconds ago.
fn past(seconds: i64) -> Timestamp {
    *NOW - SignedDuration::from_secs(seconds)
}

fn vm(number: u128, name: &str) -> SubjectView {
    SubjectView {
        subject: Subject::Vm(VmId::of(Uuid::from_u128(number))),
        name: Some(name.into()),
        owners: vec![Uid(501)],
    }
}

fn problem(code: &str, detail: &str, remedy: &str, subject: Option<SubjectView>) -> ProblemView {
    ProblemView { code: code.into(), since: past(150), detail: detail.into(), remedy: remedy.into(), subject }
}

fn users() -> Vec<UserVmsView> {
    let user = |uid, user: &str, availability, total, detail: Option<&str>| UserVmsView {
        uid: Uid(uid),
        user: user.into(),
        availability,
        detail: detail.map(str::to_owned),
        total,
        corporate: total.map(|_| 1),
    };
    vec![
        user(501, "alice", Availability::Listed, Some(3), None),
        user(502, "bob", Availability::NotLoggedIn, Some(2), None),
        user(
            503,
            "carol",
            Availability::CouldNotAsk,
            None,
            Some("prlctl did not end within 30 s and was killed"),
        ),
    ]
}

fn problems() -> Vec<ProblemView> {
    let remedy = "Switch off custom password protection, or make the change by hand.";
    let detail = "A change needs the custom password that protects Parallels Desktop's settings.";
    vec![
        problem("needs-custom-password", detail, remedy, Some(vm(1, "Windows 11"))),
        problem(
            "user-not-logged-in",
            "The virtual machines of a user cannot be asked for until the user logs in.",
            "",
            None,
        ),
    ]
}

/// How far a golden image is.
pub(super) fn install(number: u128, stage: &str, bytes: u64) -> InstallView {
    InstallView {
        uid: Uid(501),
        user: "alice".into(),
        image: ImageId::of(Uuid::from_u128(number)),
        name: "Windows 11 Sales".into(),
        stage: stage.into(),
        over: matches!(stage, "installed" | "failed"),
        bytes,
        size: 12_884_901_888,
        ordered_at: past(600),
        waits_until: None,
        problem: (stage == "failed").then(|| "image-digest-wrong".into()),
        detail: (stage == "failed").then(|| "the image has not the digest that the portal signed".into()),
        vm: (stage == "installed").then(|| VmId::of(Uuid::from_u128(1))),
    }
}

/// Two images, the second of no use here.
pub(super) fn images() -> ImagesView {
    let user = |uid, user: &str, why_not: Option<&str>| ImageUserView {
        uid: Uid(uid),
        user: user.into(),
        offered: why_not.is_none(),
        why_not: why_not.map(str::to_owned),
    };
    let image = |number, name: &str, why_not: Option<&str>| ImageView {
        id: Some(ImageId::of(Uuid::from_u128(number))),
        name: name.into(),
        description: "Windows 11 with the tools of the sales team, for those who sell".into(),
        size: why_not.is_none().then_some(12_884_901_888),
        unpacked_size: why_not.is_none().then_some(34_359_738_368),
        why_not: why_not.map(str::to_owned),
        users: vec![
            user(501, "alice", why_not.or(Some("an image is being installed for this user"))),
            user(502, "bob", why_not),
        ],
    };
    let spread =
        InstallView { waits_until: Some(*NOW + SignedDuration::from_secs(900)), ..install(1, "waiting", 0) };
    ImagesView {
        images: vec![
            image(1, "Windows 11 Sales", None),
            image(2, "Windows 10 Intel", Some("there is no image for this Mac's processor")),
            ImageView {
                id: None,
                name: "image.arm64".into(),
                description: "https://images.example.com/windows.pvmp".into(),
                size: None,
                unpacked_size: None,
                why_not: Some("it comes from a profile, which names no digest to verify it by".into()),
                users: Vec::new(),
            },
        ],
        bytes_per_s: Some(10_000_000),
        installs: vec![install(1, "downloading", 4_321_000_000), spread, install(1, "failed", 0)],
        machines: vec![MachineView {
            vm: VmId::of(Uuid::from_u128(1)),
            name: Some("Windows 11".into()),
            uid: Uid(501),
            user: Some("alice".into()),
            image: ImageId::of(Uuid::from_u128(1)),
            image_name: Some("Windows 11 Sales".into()),
            sha256: Digest::of(b"image"),
            at: past(7_200),
        }],
    }
}

/// The same with hostile texts.
pub(super) fn hostile_images() -> ImagesView {
    let mut view = images();
    for image in &mut view.images {
        (image.name, image.description) = (HOSTILE.into(), HOSTILE.into());
        for user in &mut image.users {
            (user.user, user.why_not) = (HOSTILE.into(), Some(HOSTILE.into()));
        }
    }
    for machine in &mut view.machines {
        machine.name = Some(HOSTILE.into());
        machine.image_name = Some(HOSTILE.into());
    }
    for install in &mut view.installs {
        (install.user, install.name, install.detail) = (HOSTILE.into(), HOSTILE.into(), Some(HOSTILE.into()));
    }
    view
}

/// A license that is verified in two days.
fn license() -> LicenseView {
    let key = |text: &str| Some(MaskedKey::of(text));
    LicenseView {
        stage: Stage::Active,
        on_mac: OnMacView {
            state: LicenseState::Active,
            edition: Some("enterprise".into()),
            activation: Some(ActivationKind::Key),
            key: key("6J9A5T-AAAAAA-BBBBBB-CCCCCC-RN17ZA"),
            parent: key("7K9A5T-AAAAAA-BBBBBB-CCCCCC-SN17ZA"),
            ..OnMacView::default()
        },
        lease: Some(LeaseView {
            seq: 1_764_000_005,
            state: LeaseState::Active,
            product: Product::Enterprise,
            license: "L-2041".into(),
            seat: Some("device".into()),
            group: Some(GroupId::of(Uuid::from_u128(8))),
            verify_after: past(-250_000),
            grace_until: past(-854_800),
        }),
        verification: VerificationView { next_at: Some(past(-200_000)), ..VerificationView::default() },
        next: LicenseNext { step: NextStep::Verify, at: Some(past(-200_000)) },
        ..no_license()
    }
}

/// A license of which nothing is known yet.
fn no_license() -> LicenseView {
    LicenseView {
        stage: Stage::Unknown,
        on_mac: OnMacView::default(),
        lease: None,
        verification: VerificationView::default(),
        deactivation: None,
        reactivation: None,
        next: LicenseNext::default(),
    }
}

/// A Mac that needs attention.
pub(super) fn status() -> StatusView {
    StatusView {
        health: HealthView { state: HealthState::Degraded, since: past(150), problems: problems() },
        agent: AgentView { version: "0.1.0".into(), pid: 4242, started_at: past(7_300) },
        portal: PortalView {
            url: Some("https://portal.example.com".into()),
            organization: Some(OrganizationId::of(Uuid::from_u128(6))),
            device: Some(DeviceId::of(Uuid::from_u128(7))),
            enrolled_at: Some(past(500_000)),
        },
        assignment: Some(AssignmentView {
            version: 1_764_000_017,
            refresh_by: Some(past(-500_000)),
            group: Some(GroupView { id: GroupId::of(Uuid::from_u128(8)), name: "Sales".into() }),
            policy: Some(PolicyView {
                id: PolicyId::of(Uuid::from_u128(9)),
                name: "Sales Macs".into(),
                revision: 7,
                since: past(5_400),
            }),
            retired: false,
        }),
        parallels: ParallelsView { version: Some("26.1.1".into()), gate: ParallelsGate::Full, updates: None },
        license: license(),
        checkin: CheckinView {
            last: Some(LastCheckin { at: past(130), succeeded: true, detail: "nothing new".into() }),
            last_success: Some(past(130)),
            next: Some(NextCheckin { at: past(-770), reason: "interval".into() }),
            wait_open: true,
        },
        enforcement: EnforcementView {
            corrections: 3,
            last_correction: Some(past(3_700)),
            ..EnforcementView::of(Tally {
                compliant: 11,
                violated: 1,
                pending: 2,
                heeded: 1,
                unsupported: 1,
                ..Tally::default()
            })
        },
        vms: VmTotals { total: Some(5), corporate: Some(2), per_user: users() },
        images: vec![install(1, "downloading", 4_321_000_000)],
        // In no order: the screen sorts them.
        sources: vec![
            SourceView {
                layer: LayerView::Profile,
                origin: "dev.meridian.agent.plist".into(),
                since: Some(past(500_000)),
                note: None,
            },
            SourceView { layer: LayerView::Local, origin: "Security tab".into(), since: None, note: None },
            SourceView {
                layer: LayerView::Policy,
                origin: "“Sales Macs” revision 7".into(),
                since: Some(past(5_400)),
                note: None,
            },
        ],
        written_at: past(1),
    }
}

/// A Mac on which one setting fails on 17 virtual machines.
pub(super) fn failing() -> StatusView {
    let mut view = status();
    let detail = "A command-line tool ended with an error. vm.isolate: exit code 1: the disk is full";
    let failed = (0..17).map(|number: u8| {
        let subject = vm(0x10 + u128::from(number), &format!("Windows 11 ({number})"));
        let mut failed =
            problem("tool-failed", detail, "Read the agent's log for what it said.", Some(subject));
        failed.since = past(150 - i64::from(number));
        failed
    });
    view.health.problems = failed.chain(problems()).collect();
    view
}

/// A Mac of which nothing is known yet.
pub(super) fn starting() -> StatusView {
    StatusView {
        health: HealthView { state: HealthState::Starting, since: past(1), problems: vec![] },
        portal: PortalView::default(),
        assignment: None,
        parallels: ParallelsView { version: None, gate: ParallelsGate::NotInstalled, updates: None },
        license: no_license(),
        checkin: CheckinView::default(),
        enforcement: EnforcementView::default(),
        vms: VmTotals::default(),
        images: vec![],
        sources: vec![],
        ..status()
    }
}

/// A Mac on which all is well.
pub(super) fn healthy() -> StatusView {
    let mut view = status();
    view.health = HealthView { state: HealthState::Ok, since: past(5_000), problems: vec![] };
    view.enforcement = EnforcementView {
        settled: true,
        settled_since: Some(past(4_000)),
        ..EnforcementView::of(Tally { compliant: 14, heeded: 1, idle: 2, ..Tally::default() })
    };
    view.vms.per_user.truncate(1);
    view
}

/// A Mac whose texts are all hostile.
pub(super) fn hostile_status() -> StatusView {
    let mut view = status();
    view.portal.url = Some(HOSTILE.into());
    view.checkin.last = Some(LastCheckin { at: past(9), succeeded: false, detail: HOSTILE.into() });
    view.health.problems = vec![problem(HOSTILE, HOSTILE, HOSTILE, Some(vm(1, HOSTILE)))];
    view.vms.per_user[0].user = HOSTILE.into();
    view.sources[0].origin = HOSTILE.into();
    if let Some(assignment) = &mut view.assignment {
        assignment.refresh_by = Some(past(90));
        if let Some(policy) = &mut assignment.policy {
            policy.name = HOSTILE.into();
        }
    }
    view
}

fn action(subject: SubjectView, key: &str, argv: &[&str]) -> ActionView {
    ActionView {
        subject,
        key: key.into(),
        from: Some(json!(false)),
        to: Some(json!(true)),
        why: "policy “Sales Macs” revision 7".into(),
        commands: vec![argv.iter().map(|argument| (*argument).to_owned()).collect()],
    }
}

/// Two changes and one that is held back.
pub(super) fn plan() -> PlanView {
    let prlctl = "/Applications/Parallels Desktop.app/Contents/MacOS/prlctl";
    PlanView {
        actions: vec![
            action(
                SubjectView::app(),
                "restrict.create_vm",
                &["/usr/bin/prlsrvctl", "set", "--require-pwd", "create-vm:on"],
            ),
            action(
                vm(1, "Windows 11"),
                "vm.isolate",
                &[
                    "/bin/launchctl",
                    "asuser",
                    "501",
                    "/usr/bin/sudo",
                    "-u",
                    "#501",
                    prlctl,
                    "set",
                    "{00000000-0000-0000-0000-000000000001}",
                    "--isolate-vm",
                    "on",
                ],
            ),
        ],
        withheld: vec![WithheldView {
            subject: vm(2, "Ubuntu"),
            key: "vm.lock_configuration".into(),
            reason: "needs the custom password; tried once, and again when something changes".into(),
            until: None,
        }],
    }
}

/// A setting that failed on 17 virtual machines, and one that is held back.
pub(super) fn failing_plan() -> PlanView {
    let failing = (0..17).map(|number: u8| WithheldView {
        subject: vm((0x10 + u128::from(number)) << 96, &format!("Windows 11 ({number})")),
        key: "vm.isolate".into(),
        reason: "it is tried again at 2025-11-24T16:00:30Z".into(),
        until: Some(past(i64::from(number) - 46)),
    });
    PlanView { actions: vec![], withheld: failing.chain(plan().withheld).collect() }
}

/// The same with hostile texts.
pub(super) fn hostile_plan() -> PlanView {
    let mut view = plan();
    view.actions.truncate(1);
    view.actions[0] = action(vm(1, HOSTILE), HOSTILE, &["prlctl", HOSTILE]);
    view.withheld[0].subject = vm(2, HOSTILE);
    view.withheld[0].reason = HOSTILE.into();
    view
}

/// Machines of two users.
pub(super) fn vms() -> VmsView {
    let machine = |number: u128, name: &str, owners: &[&str], os: &str, state: &str, corporate| VmView {
        uuid: VmId::of(Uuid::from_u128(number)),
        name: name.into(),
        owners: owners.iter().map(|user| Owner { uid: Uid(501), user: (*user).into() }).collect(),
        os: os.into(),
        state: VmState::from(state),
        corporate,
        cpu: Some(4),
        memory_mib: Some(8192),
        disk_mib: (number != 3).then_some(65_700),
        violations: if corporate { vec![] } else { vec!["vms.corporate_only".into()] },
    };
    VmsView {
        vms: vec![
            machine(1, "Windows 11", &["alice"], "win-11", "running", true),
            machine(2, "Ubuntu 24.04 für Tests", &["alice", "bob"], "ubuntu", "suspended", false),
            machine(3, "開発用の仮想マシン 😀", &["bob"], "macosx", "stopped", true),
        ],
        users: users(),
        as_of: Some(past(95)),
    }
}

/// Machines with hostile names.
pub(super) fn hostile_vms() -> VmsView {
    let mut view = vms();
    for vm in &mut view.vms {
        vm.name = HOSTILE.repeat(if vm.corporate { 1 } else { 80 });
        vm.os = HOSTILE.into();
        vm.state = VmState::Unknown(HOSTILE.into());
    }
    view.users[2].user = HOSTILE.into();
    view.users[2].detail = Some(HOSTILE.into());
    view
}
