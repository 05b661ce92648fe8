//! Ready states: the one that the demo shows, and large ones to measure with.

use super::licensing::{Installed, Key, Licensing, Terms};
use super::prlctl::uuid_of;
use super::state::{Restrictions, Service, State, User};
use super::vm::{Guest, Settings, Snapshot, Vm};

/// The guests of the demo: owner, UUID, name, guest, state, processors, memory in MB, seconds up, address.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
    u64,
    u64,
    Option<&'static str>,
);

const DEMO: [Row; 5] = [
    (
        "ada",
        "3f2b8c1e-5d74-4a0b-9c66-1e8f7a2d4b01",
        "Windows 11 Sales",
        "win-11",
        "running",
        6,
        16_384,
        93_871,
        Some("10.211.55.3"),
    ),
    (
        "ada",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "Ubuntu 24.04 Build",
        "ubuntu",
        "stopped",
        4,
        8192,
        0,
        None,
    ),
    (
        "ada",
        "a4d1f0c2-88b3-4e57-8f19-6b0c2d9e7f52",
        "macOS 26 Test",
        "macosx",
        "suspended",
        4,
        8192,
        412,
        None,
    ),
    (
        "bob",
        "c56a4180-65aa-42ec-a945-5fd21dec0538",
        "Windows 11 Finance",
        "win-11",
        "suspended",
        4,
        8192,
        18_004,
        None,
    ),
    (
        "bob",
        "e02fa0e4-01ad-4b0b-8a37-7f6f5c8e21d9",
        "Debian Sandbox",
        "debian",
        "running",
        2,
        4096,
        3590,
        Some("10.211.55.7"),
    ),
];

/// The demo's Enterprise key, with which its Mac is activated.
pub const DEMO_KEY: &str = "6J9A5T-DEMO00-DEMO00-DEMO00-RN17ZA";

/// A sublicense of [`DEMO_KEY`], of which one seat is left.
pub const DEMO_SUBLICENSE_KEY: &str = "S3AT5X-DEMO00-DEMO00-DEMO00-4GRP0S";

/// A Business key with seats per device.
pub const DEMO_BUSINESS_KEY: &str = "B2W8KC-DEMO00-DEMO00-DEMO00-9D3V1C";

/// The key of an Enterprise trial.
pub const DEMO_TRIAL_KEY: &str = "T7R1AL-DEMO00-DEMO00-DEMO00-30D4YS";

impl Licensing {
    /// An active Enterprise license, and a server that knows the four keys of the demo and two users:
    /// `ada@example.com`, who draws on the primary key, and `bob@example.com`, who draws on the sublicense.
    #[must_use]
    pub fn demo() -> Self {
        let terms = Terms::default();
        let key = |terms: Terms| Key { terms, ..Key::default() };
        let sublicense = Terms { sublicense_of: Some(DEMO_KEY.to_owned()), ..terms.clone() };
        let keys = [
            (DEMO_KEY, Key { seats_left: Some(50), ..key(terms.clone()) }),
            (DEMO_SUBLICENSE_KEY, Key { seats_left: Some(1), ..key(sublicense) }),
            (DEMO_BUSINESS_KEY, key(Terms { edition: "business".to_owned(), ..terms.clone() })),
            (DEMO_TRIAL_KEY, key(Terms { trial: true, volume: false, ..terms.clone() })),
        ];
        let users = [("ada@example.com", DEMO_KEY), ("bob@example.com", DEMO_SUBLICENSE_KEY)];
        Self {
            installed: Some(Installed { key: DEMO_KEY.to_owned(), terms, ..Installed::default() }),
            keys: keys.into_iter().map(|(key, known)| (key.to_owned(), known)).collect(),
            users: users.map(|(user, key)| (user.to_owned(), key.to_owned())).into(),
            ..Self::default()
        }
    }
}

impl State {
    /// Parallels Desktop 26.1.1 on Apple silicon: the macOS users ada and bob with five virtual machines, and two local
    /// restrictions, `remove-vm` and `clone-vm`. Its license is that of [`Licensing::demo`].
    #[must_use]
    pub fn demo() -> Self {
        let vms = DEMO.into_iter().enumerate().map(|(index, row)| (row.1.to_owned(), demo_vm(index, row)));
        let mut state = Self {
            licensing: Licensing::demo(),
            service: Service {
                require_password: Restrictions { remove_vm: true, clone_vm: true, ..Restrictions::default() },
                ..Service::default()
            },
            users: [("ada", 501), ("bob", 502)]
                .map(|(name, uid)| (name.to_owned(), person(name, uid)))
                .into(),
            vms: vms.collect(),
            ..Self::default()
        };
        if let Some(vm) = state.vms.get_mut(DEMO[1].1) {
            vm.snapshots.insert("5b2f0e0c-4f5d-4b0a-9b7e-0d6c1f3a8e44".to_owned(), snapshot());
        }
        state
    }

    /// The demo's Mac with `count` virtual machines of one user, ada, and no restriction.
    #[must_use]
    pub fn with_vms(count: usize) -> Self {
        let vms = (0..count).map(|index| {
            let uuid = uuid_of(&index.to_be_bytes());
            let (_, _, _, os, state, cpus, memory, uptime, _) = DEMO[index % DEMO.len()];
            let name = format!("Virtual Machine {index}");
            let mac = format!("001C42{:06X}", index & 0xFF_FFFF);
            let guest = Guest {
                os: os.to_owned(),
                cpus,
                memory_mb: memory,
                uptime_seconds: uptime,
                mac,
                ..Guest::default()
            };
            let home = format!("/Users/ada/Parallels/{name}.pvm/");
            (
                uuid,
                Vm { owner: "ada".to_owned(), name, state: state.to_owned(), home, guest, ..Vm::default() },
            )
        });
        Self {
            licensing: Licensing::demo(),
            users: [("ada".to_owned(), person("ada", 501))].into(),
            vms: vms.collect(),
            ..Self::default()
        }
    }
}

fn person(name: &str, uid: u32) -> User {
    User { uid, home: format!("/Users/{name}"), ..User::default() }
}

fn demo_vm(index: usize, (owner, _, name, os, state, cpus, memory_mb, uptime, ip): Row) -> Vm {
    let windows = os.starts_with("win");
    let guest = Guest {
        os: os.to_owned(),
        cpus,
        memory_mb,
        disk_mb: if windows { 262_144 } else { 65_536 },
        uptime_seconds: uptime,
        tools: if os == "macosx" { "not_installed" } else { "installed" }.to_owned(),
        tools_version: (os != "macosx").then(|| "26.1.1-57288".to_owned()),
        ip: ip.map(str::to_owned),
        mac: format!("001C4281{:04X}", 0x3A10 + index),
        encrypted: name.ends_with("Finance"),
    };
    let extension = if os == "macosx" { "macvm" } else { "pvm" };
    Vm {
        owner: owner.to_owned(),
        name: name.to_owned(),
        description: if windows { "Provided by IT".to_owned() } else { String::new() },
        state: state.to_owned(),
        home: format!("/Users/{owner}/Parallels/{name}.{extension}/"),
        guest,
        settings: Settings { developer_tools: os == "ubuntu", ..Settings::default() },
        ..Vm::default()
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        name: "Clean install".to_owned(),
        date: "2026-09-14 08:30:12".to_owned(),
        state: "poweroff".to_owned(),
        current: true,
        parent: String::new(),
    }
}
