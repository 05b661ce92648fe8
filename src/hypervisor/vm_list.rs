//! `prlctl list -a -i -j`: the virtual machines of one macOS user.
//!
//! A list of 1,000 machines is 5 MB of text of which the agent needs a tenth, so it is read without a tree, and what
//! is not needed is skipped. One machine that cannot be read harms itself only: it becomes a [`BadVm`].

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalar::Scalar;
use super::{ParseError, json};
use crate::domain::host::Arch;
use crate::domain::vm::{
    Expiration, Guest, Network, Protection, Tools, Vm, VmHardware, VmSettings, VmState, VmStorage,
};

/// What a list shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct VmList {
    /// The virtual machines in the order of the list, without owners.
    pub vms: Vec<Vm>,
    /// Those that could not be read.
    pub bad: Vec<BadVm>,
}

/// A member of the list that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVm {
    /// Its place in the list, from 0.
    pub index: usize,
    /// Why, without any text from the list.
    pub reason: &'static str,
}

/// Reads the output of `prlctl list -a -i -j`, or of the same for one UUID.
///
/// # Errors
/// A [`ParseError`] when it is no JSON list even after repair.
pub fn parse(bytes: &[u8]) -> Result<VmList, ParseError> {
    json::read(bytes, |text| serde_json::from_str(text).or_else(|_| one_by_one(text)))
}

/// The slower way for a list with a bad member.
fn one_by_one(text: &str) -> serde_json::Result<VmList> {
    let members: Vec<&RawValue> = serde_json::from_str(text)?;
    let mut list = VmList::default();
    for (index, member) in members.iter().enumerate() {
        match serde_json::from_str::<RawVm<'_>>(member.get()) {
            Ok(raw) => list.push(index, raw),
            Err(_) => list.bad.push(BadVm { index, reason: "it has another shape than a virtual machine" }),
        }
    }
    Ok(list)
}

impl VmList {
    fn push(&mut self, index: usize, raw: RawVm<'_>) {
        match raw.into_vm() {
            Some(vm) => self.vms.push(vm),
            None => self.bad.push(BadVm { index, reason: "its ID is no UUID" }),
        }
    }
}

/// Each member becomes a [`Vm`] as soon as it is read, so that no second form of a long list is ever in memory.
impl<'de> Deserialize<'de> for VmList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = VmList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of virtual machines")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<VmList, A::Error> {
        let mut list = VmList::default();
        let mut index = 0;
        while let Some(raw) = members.next_element::<RawVm<'de>>()? {
            list.push(index, raw);
            index += 1;
        }
        Ok(list)
    }
}

/// Declares a section of the list: its members are any values, and it may be missing.
macro_rules! section {
    ($name:ident { $($field:ident: $key:literal,)+ }) => {
        #[derive(Deserialize, Default)]
        struct $name<'a> {
            $(#[serde(borrow, default, rename = $key)] $field: Scalar<'a>,)+
        }
    };
}

#[derive(Deserialize)]
struct RawVm<'a> {
    #[serde(borrow, default, rename = "ID")]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "Name")]
    name: Scalar<'a>,
    #[serde(borrow, default, rename = "State")]
    state: Scalar<'a>,
    #[serde(borrow, default, rename = "OS")]
    os: Scalar<'a>,
    #[serde(borrow, default, rename = "Template")]
    template: Scalar<'a>,
    #[serde(borrow, default, rename = "Uptime")]
    uptime: Scalar<'a>,
    #[serde(borrow, default, rename = "Home")]
    home: Scalar<'a>,
    #[serde(borrow, default, rename = "GuestTools")]
    tools: RawTools<'a>,
    #[serde(borrow, default, rename = "Startup and Shutdown")]
    startup: RawStartup<'a>,
    #[serde(borrow, default, rename = "Security")]
    security: Option<RawSecurity<'a>>,
    #[serde(borrow, default, rename = "Require password to")]
    require_password: Scalar<'a>,
    #[serde(borrow, default, rename = "Expiration")]
    expiration: RawExpiration<'a>,
    #[serde(borrow, default, rename = "Hardware")]
    hardware: RawHardware<'a>,
    #[serde(borrow, default, rename = "Network")]
    network: RawNetwork<'a>,
    #[serde(borrow, default, rename = "Advanced")]
    advanced: RawAdvanced<'a>,
}

section! { RawTools { state: "state", version: "version", } }
section! { RawStartup { autostart: "Autostart", startup_view: "Startup view", } }
section! { RawExpiration { enabled: "enabled", date: "date", } }
section! { RawAdvanced { developer_tools: "Show developer tools", } }
section! { RawAddress { ip: "ip", } }
section! { RawCpu { cpus: "cpus", kind: "type", } }
section! { RawDisk { size: "size", } }
section! { RawAdapter { enabled: "enabled", kind: "type", mac: "mac", state: "state", connected: "connected", } }
section! {
    RawSecurity {
        encrypted: "Encrypted",
        custom_password: "Custom password protection",
        configuration_locked: "Configuration is locked",
        packed: "Packed",
        require_password: "Require password to",
    }
}

#[derive(Deserialize, Default)]
struct RawNetwork<'a> {
    #[serde(borrow, default, rename = "ipAddresses")]
    addresses: Vec<RawAddress<'a>>,
}

/// `Hardware` mixes fixed members with devices that carry a number.
#[derive(Default)]
struct RawHardware<'a> {
    cpu: RawCpu<'a>,
    memory: RawDisk<'a>,
    disk_mib: Option<u64>,
    networks: Vec<Network>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RawHardware<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Devices)
    }
}

struct Devices;

impl<'de> Visitor<'de> for Devices {
    type Value = RawHardware<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the devices of a virtual machine")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut devices: A) -> Result<RawHardware<'de>, A::Error> {
        let mut hardware = RawHardware::default();
        while let Some(key) = devices.next_key::<Scalar<'de>>()? {
            match key.text().unwrap_or_default() {
                "cpu" => hardware.cpu = devices.next_value()?,
                "memory" => hardware.memory = devices.next_value()?,
                name if numbered(name, "hdd") => {
                    if let Some(size) = devices.next_value::<RawDisk<'de>>()?.size.mib() {
                        hardware.disk_mib = Some(hardware.disk_mib.unwrap_or(0).saturating_add(size));
                    }
                }
                name if numbered(name, "net") => {
                    let adapter = devices.next_value::<RawAdapter<'de>>()?;
                    hardware.networks.push(adapter.into_network(name));
                }
                _ => {
                    devices.next_value::<IgnoredAny>()?;
                }
            }
        }
        hardware
            .networks
            .sort_by(|one, other| (one.device.len(), &one.device).cmp(&(other.device.len(), &other.device)));
        Ok(hardware)
    }
}

/// Whether `name` is `device` and a number, such as `hdd0`.
fn numbered(name: &str, device: &str) -> bool {
    name.strip_prefix(device)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

impl RawAdapter<'_> {
    /// A disconnected adapter shows `state: disconnected`, as the sample's CD drive does (inferred for adapters); one
    /// that is disabled is as good as disconnected.
    fn into_network(self, device: &str) -> Network {
        let plugged = match self.state.text() {
            Some("disconnected") => Some(false),
            Some("connected") => Some(true),
            _ => self.connected.flag(),
        };
        let connected = match (self.enabled.flag(), plugged) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
        };
        Network { device: device.to_owned(), mac: self.mac.owned(), mode: self.kind.owned(), connected }
    }
}

impl RawVm<'_> {
    /// The machine, unless its id is none.
    fn into_vm(self) -> Option<Vm> {
        let id = self.id.text()?.parse().ok()?;
        let name = match self.name {
            Scalar::Text(name) => name.into_owned(),
            _ => String::new(),
        };
        Some(Vm {
            id,
            name,
            owners: Vec::new(),
            state: VmState::from(self.state.text().unwrap_or("unknown")),
            uptime_s: self.uptime.number(),
            guest: Guest {
                os: self.os.owned().unwrap_or_default(),
                tools: Tools { state: self.tools.state.owned(), version: self.tools.version.owned() },
                addresses: self.network.addresses.iter().filter_map(|address| address.ip.owned()).collect(),
            },
            hardware: VmHardware {
                arch: self.hardware.cpu.arch(),
                cpu: self.hardware.cpu.cpus.number().and_then(|cpus| cpus.try_into().ok()),
                memory_mib: self.hardware.memory.size.mib(),
                networks: self.hardware.networks,
            },
            storage: VmStorage {
                home: self.home.owned(),
                disk_mib: self.hardware.disk_mib,
                snapshots: None,
                template: self.template.flag(),
            },
            protection: protection(self.security, &self.require_password, &self.expiration),
            settings: VmSettings {
                developer_tools: self.advanced.developer_tools.flag(),
                autostart: self.startup.autostart.owned(),
                startup_view: self.startup.startup_view.owned(),
            },
        })
    }
}

/// The list of actions that ask for a password was seen in `prlsrvctl info` alone; for a virtual machine it is inferred
/// to stand within `Security` or beside it, and to be left out when it is empty.
fn protection(
    security: Option<RawSecurity<'_>>,
    beside: &Scalar<'_>,
    expiration: &RawExpiration<'_>,
) -> Protection {
    let expiration = Expiration { enabled: expiration.enabled.flag(), date: expiration.date.owned() };
    let Some(security) = security else {
        return Protection { expiration, ..Protection::default() };
    };
    let require_password = match &security.require_password {
        Scalar::Absent => beside.words(),
        within => within.words(),
    };
    Protection {
        encrypted: security.encrypted.flag(),
        configuration_locked: security.configuration_locked.flag(),
        custom_password: security.custom_password.flag(),
        packed: security.packed.flag(),
        require_password,
        expiration,
    }
}

impl RawCpu<'_> {
    /// `arm` on Apple silicon (facts: real output); what Intel shows was never seen, `x86` and its kin are inferred.
    fn arch(&self) -> Option<Arch> {
        match self.kind.text()? {
            "arm" | "arm64" => Some(Arch::Arm64),
            "x86" | "x86_64" | "x64" | "i386" | "intel" => Some(Arch::X86),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/golden/prlctl_list.arm64.pd20.0.json");
    const VARIANT: &[u8] = include_bytes!("../../tests/golden/prlctl_list.variant.json");

    #[test]
    fn a_real_list_reads_as_it_should() {
        insta::assert_debug_snapshot!(parse(REAL).unwrap());
    }

    #[test]
    fn other_shapes_of_the_same_read_as_they_should() {
        insta::assert_debug_snapshot!(parse(VARIANT).unwrap());
    }

    #[test]
    fn no_virtual_machines_is_an_answer_and_silence_is_none() {
        assert_eq!(parse(b"[]\n").unwrap(), VmList::default());
        for bytes in [&b""[..], b"{}", b"null", b"No VMs", b"7"] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn one_bad_machine_harms_itself_only() {
        let good: Value = serde_json::from_slice::<Vec<Value>>(REAL).unwrap().remove(0);
        let mut twin = serde_json::to_string(&good).unwrap();
        twin.insert_str(1, "\"Name\":\"twin\",");
        for bad in [
            "7",
            "null",
            "\"x\"",
            "[]",
            "{}",
            r#"{"ID":"no"}"#,
            r#"{"ID":"de22df32-80e2-4e92-ba4b-efb3a66cf092","Hardware":7}"#,
            &twin,
        ] {
            let list = parse(format!("[{good},{bad},{good}]").as_bytes()).unwrap();
            assert_eq!(list.vms.len(), 2, "{bad}");
            assert_eq!(list.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [1], "{bad}");
        }
    }

    #[test]
    fn hostile_names_pass_unharmed() {
        let names = [
            "a b",
            "-rf",
            "$(x)",
            "`x`",
            "line\nbreak",
            "\"quote\"",
            "🦀",
            "<b onclick='x'>",
            "\u{0}",
            &"x".repeat(4096),
            "",
        ];
        for name in names {
            let list = json!([{"ID": "{de22df32-80e2-4e92-ba4b-efb3a66cf092}", "Name": name}]);
            assert_eq!(parse(list.to_string().as_bytes()).unwrap().vms[0].name, name);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..REAL.len()) {
            let _ = parse(&bytes);
            let _ = parse(&[&REAL[..cut], &bytes, &REAL[cut..]].concat());
        }
    }
}
