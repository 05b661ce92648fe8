//! The rows of licenses and of their keys.

use jiff::Timestamp;

use crate::domain::ids::{GroupId, LicenseId, PolicyId};
use crate::domain::license::MaskedKey;
use crate::portal::model::Model;
use crate::portal::model::device::Device;
use crate::portal::model::licenses::Mapping;
use crate::portal::model::licenses::license::{Activation, License, LicenseState, Sublicense};
use crate::portal::model::licenses::seats::{Pool, Seats};
use crate::portal::model::policy::Group;
use crate::portal::model::profiles::ConfigurationProfile;
use crate::portal::rows::{
    GroupRow, GroupSeats, LicenseNote, LicenseRow, LicenseSeats, LicenseStanding, Licensing, PolicyRow,
    ProfileRow, ProfileSetting, SeatMode, Unmapped,
};
use crate::wire::lease::Product;

/// How many names of unmapped people a row holds.
const NAMES: usize = 64;

/// A license.
pub(super) fn license_row(model: &Model, license: &License, now: Timestamp) -> LicenseRow {
    let pools = std::iter::once(license.pool())
        .chain(model.keys_of(license.id).map(|group| Pool { license: license.id, group: Some(group.id) }));
    let mut seats = LicenseSeats { limit: license.seats, ..LicenseSeats::default() };
    for taken in pools.map(|pool| model.licensing.ledger().taken(pool)) {
        seats.devices = seats.devices.saturating_add(taken.devices);
        seats.users = seats.users.saturating_add(taken.users);
    }
    LicenseRow {
        id: license.id.to_string(),
        name: license.name.clone(),
        product: license.product,
        key: license.primary.key.clone(),
        licensing: match license.activation {
            Activation::PerDevice => Licensing::PerDevice,
            Activation::PerUser => Licensing::PerUser,
            Activation::Mixed => Licensing::Mixed,
        },
        seats,
        standing: match license.state {
            LicenseState::Replaced { .. } => LicenseStanding::Replaced,
            _ if license.is_expired(now) => LicenseStanding::Expired,
            LicenseState::Suspended => LicenseStanding::Suspended,
            LicenseState::Active => LicenseStanding::Active,
        },
        ends: license.ends_at,
        groups: u32::try_from(model.keys_of(license.id).count()).unwrap_or(u32::MAX),
        notes: notes(model, license),
    }
}

/// A license-bound configuration profile.
pub(super) fn profile_row(model: &Model, profile: &ConfigurationProfile) -> ProfileRow {
    let groups = profile.keys.groups.iter().filter_map(|id| Some(model.groups.get(id)?.name.clone()));
    let licenses = profile.keys.licenses.iter().filter(|id| model.licensing.licenses.contains_key(id));
    let primary = licenses.map(|id| format!("primary key of {id}"));
    let has = |device: &&Device| model.profiles_of(device).any(|of| of.id == profile.id);
    let devices = model.devices.values().filter(|device| !device.retired).filter(has).count();
    let setting = |(key, instead): (&str, String)| ProfileSetting {
        key: key.to_owned(),
        value: profile.settings.get(key).map(words).unwrap_or_default(),
        instead,
    };
    ProfileRow {
        id: profile.id,
        name: profile.name.clone(),
        description: profile.description.clone(),
        payloads: profile.payloads(),
        settings: profile.replacements().map(setting).collect(),
        keys: groups.chain(primary).collect(),
        devices: u32::try_from(devices).unwrap_or(u32::MAX),
    }
}

fn words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Bool(true) => "on".to_owned(),
        serde_json::Value::Bool(false) => "off".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn notes(model: &Model, license: &License) -> Vec<LicenseNote> {
    let mut notes = Vec::new();
    if license.product == Product::EnterpriseTrial && license.state == LicenseState::Active {
        notes.push(if model.has_per_user_business() {
            LicenseNote::PerUserBusiness
        } else {
            LicenseNote::MayBecomePermanent
        });
    }
    let unassigned =
        license.kept_policies.iter().flatten().filter(|policy| is_unassigned(model, **policy)).count();
    if unassigned > 0 {
        notes.push(LicenseNote::PoliciesUnassigned(u32::try_from(unassigned).unwrap_or(u32::MAX)));
    }
    if let LicenseState::Replaced { by } = license.state {
        notes.push(LicenseNote::ReplacedBy(by.to_string()));
    }
    let in_place = LicenseState::Replaced { by: license.id };
    let replaced = model.licensing.licenses.values().filter(|other| other.state == in_place);
    notes.extend(replaced.map(|other| LicenseNote::Replaces(other.id.to_string())));
    notes
}

fn is_unassigned(model: &Model, policy: PolicyId) -> bool {
    model.policies.contains_key(&policy)
        && !model.groups.values().any(|group| group.policy == Some(policy))
        && !model.licensing.licenses.values().any(|license| license.primary.policy == Some(policy))
}

/// Every key of every license.
pub(super) fn group_rows(model: &Model, now: Timestamp) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    let serving: Vec<_> =
        model.licensing.users.values().filter_map(|user| Some((user, model.mapping(user, now)?))).collect();
    for license in model.licensing.licenses.values() {
        let mut unmapped = Unmapped::default();
        for (user, (pool, mapping)) in &serving {
            if *pool == license.pool() && user.active {
                count(&mut unmapped, &user.name, *mapping);
            }
        }
        rows.push(primary_row(model, license, unmapped));
        rows.extend(
            model
                .keys_of(license.id)
                .filter_map(|group| Some(group_row(model, license, group, group.sublicense.as_ref()?))),
        );
    }
    rows
}

fn count(unmapped: &mut Unmapped, name: &str, mapping: Mapping) {
    let no_claim = match mapping {
        Mapping::Mapped | Mapping::Ambiguous => return,
        Mapping::Unmapped => 0,
        Mapping::NoClaim => 1,
    };
    unmapped.users = unmapped.users.saturating_add(1);
    unmapped.without_claim = unmapped.without_claim.saturating_add(no_claim);
    if unmapped.names.len() < NAMES {
        unmapped.names.push(name.to_owned());
    }
}

fn policy_row(model: &Model, policy: Option<PolicyId>) -> Option<PolicyRow> {
    let policy = model.policies.get(&policy?)?;
    Some(PolicyRow { name: policy.name.clone(), revision: policy.revision })
}

/// The name of the first golden image that the members of a group are offered.
fn image(model: &Model, policy: Option<PolicyId>, group: Option<GroupId>) -> Option<String> {
    let policy = model.policies.get(&policy?)?;
    model.images_of(policy, group).into_iter().next().map(|image| image.name)
}

fn used(model: &Model, license: LicenseId, group: Option<&Group>) -> u32 {
    model.licensing.ledger().used(Pool { license, group: group.map(|group| group.id) })
}

/// What the primary key and keys with dynamic seats draw from.
fn shared(model: &Model, license: &License) -> u32 {
    model.division(license).shared().unwrap_or_default()
}

fn primary_row(model: &Model, license: &License, unmapped: Unmapped) -> GroupRow {
    GroupRow {
        id: None,
        license: license.id.to_string(),
        product: license.product,
        name: license.name.clone(),
        key: license.primary.key.clone(),
        seats: GroupSeats {
            mode: SeatMode::Dynamic,
            limit: Some(shared(model, license)),
            used: used(model, license.id, None),
        },
        image: image(model, license.primary.policy, None),
        policy: policy_row(model, license.primary.policy),
        idp_groups: license.primary.idp_groups.clone(),
        unmapped,
    }
}

fn group_row(model: &Model, license: &License, group: &Group, key: &Sublicense) -> GroupRow {
    let (mode, limit) = match key.seats {
        Seats::Reserved { limit } => (SeatMode::Reserved, Some(limit)),
        Seats::Dynamic { limit } => (SeatMode::Dynamic, limit.or_else(|| Some(shared(model, license)))),
    };
    GroupRow {
        id: Some(group.id),
        license: license.id.to_string(),
        product: license.product,
        name: group.name.clone(),
        key: group.key.as_deref().map(MaskedKey::of),
        seats: GroupSeats { mode, limit, used: used(model, license.id, Some(group)) },
        image: image(model, group.policy, Some(group.id)),
        policy: policy_row(model, group.policy),
        idp_groups: key.idp_groups.clone(),
        unmapped: Unmapped::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::portal::model::licenses::SublicenseDraft;
    use crate::portal::model::licenses::license::{LicenseDraft, NewLicense};
    use crate::portal::store::Store;
    use crate::wire::lease::WhenUnverified;

    #[test]
    fn a_key_without_a_limit_of_its_own_shows_what_there_is_to_draw_from() {
        let draft = LicenseDraft {
            name: "Headquarters".to_owned(),
            seats: 5,
            activation: Activation::PerDevice,
            ends_at: None,
            idp_groups: Vec::new(),
            when_unverified: WhenUnverified::Report,
        };
        let new = NewLicense { draft, product: Product::Business, key: None, suspend_trial: false };
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let (store, _writer) = Store::in_memory("Example", clock).unwrap();
        let (rows, shown) = store.stir(|model| {
            let (license, _) = model.add_license(new).unwrap();
            for seats in [Seats::Reserved { limit: 2 }, Seats::ANY, Seats::Dynamic { limit: Some(1) }] {
                let (name, seats) = ("Sales".to_owned(), Some(seats));
                model
                    .add_sublicense(license.id, SublicenseDraft { name, seats, ..SublicenseDraft::default() })
                    .unwrap();
            }
            let now = Timestamp::UNIX_EPOCH;
            (group_rows(model, now), license_row(model, &license, now))
        });
        let mut limits: Vec<_> = rows.iter().skip(1).map(|row| (row.seats.mode, row.seats.limit)).collect();
        limits.sort_unstable();
        let dynamic = |limit| (SeatMode::Dynamic, Some(limit));
        assert_eq!((rows[0].is_primary(), rows[0].seats.limit), (true, Some(3)), "what is not set aside");
        assert_eq!(limits, [(SeatMode::Reserved, Some(2)), dynamic(1), dynamic(3)]);
        assert_eq!((shown.name.as_str(), shown.seats.limit), ("Headquarters", 5));
    }

    #[test]
    fn unmapped_people_are_counted_and_some_named() {
        let mut unmapped = Unmapped::default();
        for place in 0..100 {
            count(&mut unmapped, &format!("user{place}"), Mapping::NoClaim);
        }
        count(&mut unmapped, "ada", Mapping::Unmapped);
        count(&mut unmapped, "bob", Mapping::Mapped);
        assert_eq!((unmapped.users, unmapped.without_claim, unmapped.names.len()), (101, 100, NAMES));
    }
}
