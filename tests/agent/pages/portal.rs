//! A portal with pages alone: rows in memory, and a server on a free loopback port.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use jiff::{SignedDuration, Timestamp};
use meridian::clock::{Clock, ManualClock};
use meridian::domain::compliance::{self, Tally};
use meridian::domain::host::Arch;
use meridian::domain::ids::{DeviceId, VmId};
use meridian::portal::pages::{PageAccess, router};
use meridian::portal::rows::{
    Answer, Assigned, Compliance, DeviceRow, GroupRow, Guest, Hardware, ImageRow, LicenseRow, Machine,
    Network, Noncompliant, Origin, Place, PolicyRow, ProblemRow, ProfileRow, Rows, Versions, VmRow,
};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

/// The admin token that the pages take.
pub(crate) const TOKEN: &str = "the-admin-token";

/// Rows that a test sets.
pub(crate) struct Memory {
    rows: Mutex<(Vec<VmRow>, Vec<DeviceRow>)>,
    licensing: Mutex<(Vec<LicenseRow>, Vec<GroupRow>)>,
    images: Mutex<Vec<ImageRow>>,
    /// The license-bound configuration profiles.
    pub(crate) profiles: Mutex<Vec<ProfileRow>>,
    changes: watch::Sender<u64>,
}

impl Memory {
    /// Changes the rows and tells the pages.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<VmRow>, &mut Vec<DeviceRow>)) {
        let mut rows = self.rows.lock().unwrap();
        let (vms, devices) = &mut *rows;
        change(vms, devices);
        drop(rows);
        self.changes.send_modify(|version| *version += 1);
    }

    /// Changes the licenses and groups and tells the pages.
    pub(crate) fn license(&self, change: impl FnOnce(&mut Vec<LicenseRow>, &mut Vec<GroupRow>)) {
        let mut rows = self.licensing.lock().unwrap();
        let (licenses, groups) = &mut *rows;
        change(licenses, groups);
        drop(rows);
        self.changes.send_modify(|version| *version += 1);
    }
}

impl Memory {
    /// Changes the golden images and tells the pages.
    pub(crate) fn image(&self, change: impl FnOnce(&mut Vec<ImageRow>)) {
        change(&mut self.images.lock().unwrap());
        self.changes.send_modify(|version| *version += 1);
    }
}

impl Rows for Memory {
    fn virtual_machines(&self) -> Answer<'_, VmRow> {
        let rows = self.rows.lock().unwrap().0.clone();
        Box::pin(async { Ok(rows) })
    }

    fn devices(&self) -> Answer<'_, DeviceRow> {
        let rows = self.rows.lock().unwrap().1.clone();
        Box::pin(async { Ok(rows) })
    }

    fn licenses(&self) -> Answer<'_, LicenseRow> {
        let rows = self.licensing.lock().unwrap().0.clone();
        Box::pin(async { Ok(rows) })
    }

    fn groups(&self) -> Answer<'_, GroupRow> {
        let rows = self.licensing.lock().unwrap().1.clone();
        Box::pin(async { Ok(rows) })
    }

    fn images(&self) -> Answer<'_, ImageRow> {
        let rows = self.images.lock().unwrap().clone();
        Box::pin(async { Ok(rows) })
    }

    fn profiles(&self) -> Answer<'_, ProfileRow> {
        let rows = self.profiles.lock().unwrap().clone();
        Box::pin(async { Ok(rows) })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// A running portal; when dropped it ends at once with all of its connections, as a killed one does.
pub(crate) struct Portal {
    pub(crate) rows: Arc<Memory>,
    pub(crate) address: String,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Portal {
    /// Starts one with these rows on a port, 0 for a free one.
    pub(crate) fn start(vms: Vec<VmRow>, devices: Vec<DeviceRow>, port: u16) -> Self {
        let rows = Arc::new(Memory {
            rows: Mutex::new((vms, devices)),
            licensing: Mutex::default(),
            images: Mutex::default(),
            profiles: Mutex::default(),
            changes: watch::Sender::new(1),
        });
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let access = PageAccess {
            organization: "Example Corp".to_owned(),
            accepts: Box::new(|token| token == TOKEN),
            clock: Arc::new(ManualClock::at(now())) as Arc<dyn Clock>,
            secure: false,
        };
        let app = router(rows.clone(), access);
        let (end, ended) = oneshot::channel();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        Self { rows, address, server: Some((end, server)) }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some((end, server)) = self.server.take() {
            drop(end);
            let _ended = server.join();
        }
    }
}

/// The time at which the portal's clock stands.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// The id of the nth device.
pub(crate) fn device_id(number: u128) -> DeviceId {
    DeviceId::of(Uuid::from_u128(number))
}

/// A virtual machine of a device.
pub(crate) fn vm(number: u128, name: &str, state: &str, os: &str) -> VmRow {
    VmRow {
        id: VmId::of(Uuid::from_u128(0x1000 + number)),
        device: device_id(1),
        name: name.to_owned(),
        state: state.to_owned(),
        place: Place {
            mac: "berlin-mac-01".to_owned(),
            users: vec!["anna".to_owned()],
            group: Some("Sales".to_owned()),
        },
        guest: Guest {
            os: os.to_owned(),
            tools: "installed".to_owned(),
            tools_version: "26.1.1-57288".to_owned(),
            networks: vec![Network { mac: "001C42AABBCC".to_owned(), mode: "shared".to_owned() }],
            addresses: vec!["10.211.55.3".to_owned(), "fdb2:2c26:f4e4::1".to_owned()],
        },
        machine: Machine {
            cpu: 4,
            memory_mib: 8192,
            disk_mib: 262_144,
            disk_used_mib: Some(41_984),
            uptime_s: (state == "running").then_some(12_000),
            snapshots: Some(2),
            encrypted: false,
            configuration_locked: true,
        },
        origin: Origin { corporate: true, image: Some("Sales image".to_owned()) },
        violations: Vec::new(),
        last_seen: now() - SignedDuration::from_secs(40),
    }
}

/// The virtual machines of two Macs.
pub(crate) fn virtual_machines() -> Vec<VmRow> {
    let mut personal = vm(4, "kali test", "suspended", "kali");
    personal.origin = Origin::default();
    personal.violations = vec!["vms.corporate_only".to_owned()];
    personal.place = Place { mac: "munich-mac-02".to_owned(), users: vec!["bernd".to_owned()], group: None };
    personal.device = device_id(2);
    let mut mac = vm(5, "macOS 26 beta", "stopped", "macosx");
    mac.place.users = vec!["bernd".to_owned(), "clara".to_owned()];
    mac.place.mac = "munich-mac-02".to_owned();
    mac.place.group = Some("Engineering".to_owned());
    mac.device = device_id(2);
    mac.last_seen = now() - SignedDuration::from_hours(3);
    vec![
        vm(1, "Windows 11", "running", "win-11"),
        vm(2, "Ubuntu 24.04", "running", "ubuntu"),
        vm(3, "Windows 11 (2)", "snapshoting", "win-11"),
        personal,
        mac,
    ]
}

/// A Mac whose settings are all as ordered.
pub(crate) fn device(number: u128, hostname: &str) -> DeviceRow {
    DeviceRow {
        id: device_id(number),
        hostname: hostname.to_owned(),
        hardware: Hardware {
            model: "Mac15,3".to_owned(),
            serial: format!("C02XX{number:04}Q6"),
            arch: Arch::Arm64,
        },
        versions: Versions {
            os: "26.1".to_owned(),
            agent: "0.1.0".to_owned(),
            parallels: Some("26.1.1".to_owned()),
            too_old: false,
            updates: None,
        },
        assigned: Assigned {
            group: Some("Sales".to_owned()),
            policy: Some(PolicyRow { name: "Sales Macs".to_owned(), revision: 7 }),
        },
        compliance: Compliance {
            counts: Tally { compliant: 12, ..Tally::default() },
            noncompliant: Vec::new(),
        },
        installs: Vec::new(),
        problems: Vec::new(),
        vms: 3,
        last_seen: now() - SignedDuration::from_secs(40),
        retired: false,
    }
}

/// Macs that stand in every way.
pub(crate) fn devices() -> Vec<DeviceRow> {
    let mut wrong = device(2, "munich-mac-02");
    wrong.vms = 2;
    wrong.compliance.counts =
        Tally { compliant: 9, violated: 1, failed: 1, unsupported: 1, ..Tally::default() };
    wrong.compliance.noncompliant = vec![
        item("vms.corporate_only", compliance::Compliance::Violated, Some("vm-not-corporate")),
        item("restrict.create_vm", compliance::Compliance::Failed, Some("needs-custom-password")),
        item("vm.developer_tools", compliance::Compliance::Unsupported, None),
    ];
    wrong.problems = vec![ProblemRow {
        code: "needs-custom-password".to_owned(),
        since: now() - SignedDuration::from_hours(26),
        detail: Some(
            "Parallels Desktop asks for its custom password before it changes a restriction.".to_owned(),
        ),
    }];
    let mut drifted = device(3, "oslo-mac-03");
    drifted.compliance.counts.drifted = 1;
    drifted.compliance.noncompliant = vec![item("restrict.add_vm", compliance::Compliance::Drifted, None)];
    let mut old = device(4, "paris-mac-04");
    old.versions.parallels = Some("19.4.1".to_owned());
    old.versions.too_old = true;
    old.compliance = Compliance::default();
    old.vms = 0;
    let mut bare = device(5, "rome-mac-05");
    bare.versions.parallels = None;
    bare.assigned = Assigned::default();
    bare.compliance = Compliance::default();
    bare.vms = 0;
    bare.last_seen = now() - SignedDuration::from_hours(75);
    let mut retired = device(6, "zurich-mac-06");
    retired.retired = true;
    retired.last_seen = now() - SignedDuration::from_hours(2000);
    vec![device(1, "berlin-mac-01"), wrong, drifted, old, bare, retired]
}

fn item(setting: &str, state: compliance::Compliance, reason: Option<&str>) -> Noncompliant {
    Noncompliant {
        subject: "app".to_owned(),
        setting: setting.to_owned(),
        state,
        reason: reason.map(str::to_owned),
    }
}

/// Names that would harm a page which trusted them.
pub(crate) fn hostile_names() -> Vec<String> {
    vec![
        "<script>window.harmed = 1</script>".to_owned(),
        "<img src=x onerror=\"window.harmed = 1\">".to_owned(),
        "\"><svg onload=window.harmed=1>".to_owned(),
        "' onmouseover='window.harmed=1".to_owned(),
        "{{ 7 * 7 }} ${window.harmed=1} $(x) `id` -rf".to_owned(),
        "javascript:window.harmed=1".to_owned(),
        "\u{202e}exe.tnemucod".to_owned(),
        "one\ntwo\rthree\tfour\0five\u{1b}[31m".to_owned(),
        "👩‍💻🏴‍☠️ Ünïcödé العربية 日本語".to_owned(),
        "</td></tr></table></main>".to_owned(),
        "&lt;b&gt; &amp; <b>bold</b>".to_owned(),
        "long ".repeat(820),
        "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}algo".to_owned(),
        " \u{200b}\n".to_owned(),
    ]
}
