//! The model's records as rows: a table, an id and a JSON body.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::ids::{DeviceId, VmId};
use crate::portal::model::organization::StoredOrganization;
use crate::portal::model::{Model, RecordName};

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Organization,
    Policies,
    Groups,
    Tokens,
    Enrollments,
    Devices,
    Presences,
    Vms,
    Licenses,
    Users,
    Lessees,
    Profiles,
}

impl Table {
    /// All, in the order in which they are read.
    pub(super) const ALL: [Self; 12] = [
        Self::Organization,
        Self::Policies,
        Self::Groups,
        Self::Tokens,
        Self::Enrollments,
        Self::Devices,
        Self::Presences,
        Self::Vms,
        Self::Licenses,
        Self::Users,
        Self::Lessees,
        Self::Profiles,
    ];

    /// Its name in SQL.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Policies => "policies",
            Self::Groups => "user_groups",
            Self::Tokens => "enrollment_tokens",
            Self::Enrollments => "enrollments",
            Self::Devices => "devices",
            Self::Presences => "device_keys",
            Self::Vms => "virtual_machines",
            Self::Licenses => "licenses",
            Self::Users => "users",
            Self::Lessees => "lessees",
            Self::Profiles => "configuration_profiles",
        }
    }
}

/// A row; without a body it is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) id: String,
    pub(super) body: Option<String>,
}

impl Row {
    /// The row of a record as it is now.
    pub(super) fn of(model: &Model, name: RecordName) -> Result<Self, StoreError> {
        let (table, id, body) = match name {
            RecordName::Organization => {
                let stored = model.organization.stored();
                (Table::Organization, "1".to_owned(), text(Some(&stored)))
            }
            RecordName::Policy(id) => (Table::Policies, id.to_string(), text(model.policies.get(&id))),
            RecordName::Group(id) => (Table::Groups, id.to_string(), text(model.groups.get(&id))),
            RecordName::Token(id) => (Table::Tokens, id.to_string(), text(model.admissions.tokens.get(&id))),
            RecordName::Enrollment(id) => {
                (Table::Enrollments, id.to_string(), text(model.admissions.enrollments.get(&id)))
            }
            RecordName::Device(id) => (Table::Devices, id.to_string(), text(model.devices.get(&id))),
            RecordName::Presence(key) => (Table::Presences, key.to_string(), text(model.presences.get(&key))),
            RecordName::License(id) => {
                (Table::Licenses, id.to_string(), text(model.licensing.licenses.get(&id)))
            }
            RecordName::User(id) => (Table::Users, id.to_string(), text(model.licensing.users.get(&id))),
            RecordName::Lessee(id) => {
                (Table::Lessees, id.to_string(), text(model.licensing.lessees.get(&id)))
            }
            RecordName::Profile(id) => (Table::Profiles, id.to_string(), text(model.profiles.get(&id))),
            RecordName::Vm(device, vm) => {
                (Table::Vms, format!("{device}/{vm}"), text(model.inventories.get(device, vm)))
            }
        };
        let body = body.map_err(|source| StoreError::Record { table: table.name(), source })?;
        Ok(Self { table, id, body })
    }
}

fn text(record: Option<&impl Serialize>) -> Result<Option<String>, serde_json::Error> {
    record.map(serde_json::to_string).transpose()
}

/// The model of these rows; none where there is no organization, so a database that was just made.
pub(super) fn restore(rows: Vec<Row>) -> Result<Option<Model>, StoreError> {
    let mut rows = rows.into_iter();
    let Some(first) = rows.next().filter(|row| row.table == Table::Organization) else {
        return Ok(None);
    };
    let stored: StoredOrganization = body(&first)?;
    let mut model = Model::new(stored.restore().map_err(StoreError::Organization)?);
    for row in rows {
        put(&mut model, &row)?;
    }
    Ok(Some(model))
}

fn put(model: &mut Model, row: &Row) -> Result<(), StoreError> {
    match row.table {
        // It was the first one.
        Table::Organization => {}
        Table::Policies => drop(model.policies.insert(id(row)?, body(row)?)),
        Table::Groups => drop(model.groups.insert(id(row)?, body(row)?)),
        Table::Tokens => drop(model.admissions.tokens.insert(id(row)?, body(row)?)),
        Table::Enrollments => drop(model.admissions.enrollments.insert(id(row)?, body(row)?)),
        Table::Devices => drop(model.devices.insert(id(row)?, body(row)?)),
        Table::Presences => drop(model.presences.insert(id(row)?, body(row)?)),
        Table::Licenses => drop(model.licensing.licenses.insert(id(row)?, body(row)?)),
        Table::Profiles => drop(model.profiles.insert(id(row)?, body(row)?)),
        Table::Users => model.licensing.restore_user(body(row)?),
        Table::Lessees => model.licensing.restore_lessee(body(row)?),
        Table::Vms => {
            let parts = row
                .id
                .split_once('/')
                .and_then(|(device, vm)| Some((device.parse().ok()?, vm.parse().ok()?)));
            let (device, vm): (DeviceId, VmId) = parts.ok_or(StoreError::Id(row.table.name()))?;
            model.inventories.restore(device, vm, body(row)?);
        }
    }
    Ok(())
}

fn id<T: std::str::FromStr>(row: &Row) -> Result<T, StoreError> {
    row.id.parse().map_err(|_| StoreError::Id(row.table.name()))
}

fn body<T: DeserializeOwned>(row: &Row) -> Result<T, StoreError> {
    let text = row.body.as_deref().unwrap_or_default();
    serde_json::from_str(text).map_err(|source| StoreError::Record { table: row.table.name(), source })
}
