//! The store's rows for the pages.

use jiff::Timestamp;
use tokio::sync::watch;

use super::Store;
use crate::domain::ids::{DeviceId, VmId};
use crate::portal::model::Model;
use crate::portal::model::device::{Device, Gate};
use crate::portal::model::inventory::Vm;
use crate::portal::rows::{
    Answer, Assigned, Compliance, DeviceRow, GroupRow, Guest, Hardware, ImageRow, LicenseRow, Machine,
    Network, Noncompliant, Origin, Place, PolicyRow, ProblemRow, ProfileRow, Rows, Unreadable, Versions,
    VmRow,
};
use crate::wire::checkin::{ComplianceItem, ComplianceState, ParallelsVersion};
use crate::wire::inventory::VmRecord;

mod images;
mod licensing;

impl Rows for Store {
    fn virtual_machines(&self) -> Answer<'_, VmRow> {
        Box::pin(async {
            let rows = self.transact(|model| {
                let all = model.inventories.all();
                all.filter_map(|(device, id, vm)| vm_row(model, device, id, vm)).collect()
            });
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn devices(&self) -> Answer<'_, DeviceRow> {
        Box::pin(async {
            let rows = self.transact(|model| {
                model.devices.values().filter_map(|device| device_row(model, device)).collect()
            });
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn licenses(&self) -> Answer<'_, LicenseRow> {
        let now = self.now();
        Box::pin(async move {
            let rows = self.transact(|model| {
                let licenses = model.licensing.licenses.values();
                licenses.map(|license| licensing::license_row(model, license, now)).collect()
            });
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn groups(&self) -> Answer<'_, GroupRow> {
        let now = self.now();
        Box::pin(async move {
            let rows = self.transact(|model| licensing::group_rows(model, now));
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn images(&self) -> Answer<'_, ImageRow> {
        Box::pin(async {
            let rows = self.transact(|model| images::image_rows(model));
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn profiles(&self) -> Answer<'_, ProfileRow> {
        Box::pin(async {
            let rows = self.transact(|model| {
                model.profiles.values().map(|profile| licensing::profile_row(model, profile)).collect()
            });
            rows.await.map_err(|error| Unreadable(Box::new(error)))
        })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.revision()
    }
}

/// When a device was last seen: by its key, or where another device has that by now, when it enrolled.
fn last_seen(model: &Model, device: &Device) -> Timestamp {
    let seen =
        model.presence(device).filter(|presence| presence.device == device.id).map(|presence| presence.seen);
    let enrolled = device.history.last().map(|enrolled| enrolled.at);
    seen.or(enrolled).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn group_name(model: &Model, device: &Device) -> Option<String> {
    Some(model.group_of(device)?.name.clone())
}

/// Every accepted record was read as one before.
fn vm_row(model: &Model, device: DeviceId, id: VmId, vm: &Vm) -> Option<VmRow> {
    let record: VmRecord = serde_json::from_value(vm.record.clone()).ok()?;
    let device = model.devices.get(&device)?;
    let (resources, guest) = (record.resources, record.guest);
    let volatile = vm.volatile.as_ref();
    Some(VmRow {
        id,
        device: device.id,
        name: record.name,
        state: record.state,
        place: Place {
            mac: device.claims()?.hostname,
            users: record.owners.into_iter().map(|owner| owner.user).collect(),
            group: group_name(model, device),
        },
        guest: Guest {
            os: record.os,
            tools: guest.tools.state,
            tools_version: guest.tools.version,
            networks: guest
                .networks
                .into_iter()
                .map(|network| Network { mac: network.mac, mode: network.mode })
                .collect(),
            addresses: guest.addresses,
        },
        machine: Machine {
            cpu: resources.cpu,
            memory_mib: resources.memory_mib,
            disk_mib: resources.disk_mib,
            disk_used_mib: volatile.and_then(|volatile| volatile.disk_used_mib),
            uptime_s: volatile.map(|volatile| volatile.uptime_s),
            snapshots: record.snapshots,
            encrypted: resources.encrypted,
            configuration_locked: record.standing.configuration_locked,
        },
        origin: Origin {
            corporate: record.provenance.corporate,
            image: record
                .provenance
                .image
                .map(|id| model.image(id).map_or_else(|| id.to_string(), |image| image.name.clone())),
        },
        violations: record.standing.violations,
        last_seen: last_seen(model, device),
    })
}

fn device_row(model: &Model, device: &Device) -> Option<DeviceRow> {
    let claims = device.claims()?;
    let hardware = claims.hardware;
    let policy = model.desired(device).policy;
    let installed = device.reported.device.as_ref().map(|device| &device.parallels_version);
    let parallels = match installed {
        Some(ParallelsVersion::Installed(version)) => Some(version.clone()),
        _ => None,
    };
    let updates = device.reported.device.as_ref().and_then(|device| device.updates.clone());
    let too_old = parallels.is_some() && device.gate() == Gate::Shut;
    Some(DeviceRow {
        id: device.id,
        hostname: claims.hostname,
        hardware: Hardware { model: hardware.model, serial: hardware.serial, arch: hardware.arch },
        versions: Versions {
            os: claims.os_version,
            agent: claims.agent_version,
            parallels,
            too_old,
            updates,
        },
        assigned: Assigned {
            group: group_name(model, device),
            policy: policy.map(|policy| PolicyRow { name: policy.name, revision: policy.revision }),
        },
        compliance: compliance(device),
        problems: problems(device),
        installs: images::install_rows(device),
        vms: u32::try_from(model.inventories.of(device.id).count()).unwrap_or(u32::MAX),
        last_seen: last_seen(model, device),
        retired: device.retired,
    })
}

fn compliance(device: &Device) -> Compliance {
    let items = || device.reported.compliance.iter().flatten();
    let counts = ComplianceItem::tally(items());
    let mut compliance = Compliance { counts, ..Compliance::default() };
    for item in items() {
        if item.state != ComplianceState::Compliant {
            compliance.noncompliant.push(Noncompliant {
                subject: item.subject.to_string(),
                setting: item.setting.clone(),
                state: item.state.with(item.reason),
                reason: item.reason.map(|reason| reason.to_string()),
            });
        }
    }
    compliance
}

fn problems(device: &Device) -> Vec<ProblemRow> {
    let reported = device.reported.problems.iter().flatten();
    reported
        .map(|problem| ProblemRow {
            code: problem.code.to_string(),
            since: problem.since,
            detail: problem.detail.clone(),
        })
        .collect()
}
