//! Where a Mac has its seat, by what it reports.

use jiff::Timestamp;

use super::Model;
use super::license::{Basis, License, LicenseState, Place, User};
use super::seats::{Pool, Seat};
use crate::domain::ids::{DeviceId, GroupId};
use crate::domain::license::MaskedKey;
use crate::portal::model::device::Device;
use crate::wire::checkin::LicenseReport;
use crate::wire::codes::DenialReason;
use crate::wire::lease::Product;

/// In which order licenses are asked whether a user's groups are mapped to one of their keys.
const MAPPED: [Product; 3] = [Product::Enterprise, Product::EnterpriseTrial, Product::Business];

/// In which order they serve a user whose groups are not mapped at all.
const UNMAPPED: [Product; 3] = [Product::Enterprise, Product::Business, Product::EnterpriseTrial];

/// How a report says that Parallels Desktop is activated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Activated<'a> {
    /// With this key.
    Key(&'a str),
    /// By this user.
    User(&'a str),
    /// Not at all.
    Not,
    /// It is not said. That is never "not at all".
    Unsaid,
}

impl<'a> Activated<'a> {
    pub(super) fn of(report: Option<&'a LicenseReport>) -> Self {
        let Some(report) = report else { return Self::Unsaid };
        let activation = report.activation.as_deref();
        if report.state == "none" || activation == Some("none") {
            return Self::Not;
        }
        let user = report.user.as_deref().filter(|user| !user.trim().is_empty()).map(Self::User);
        let key = report.key.as_deref().filter(|key| !key.is_empty()).map(Self::Key);
        let told = match activation {
            Some("sso") => user,
            Some("key") => key,
            _ => key.or(user),
        };
        told.unwrap_or(Self::Unsaid)
    }

    /// Whether it names a place.
    pub(super) const fn identifies(&self) -> bool {
        matches!(self, Self::Key(_) | Self::User(_))
    }
}

impl Model {
    /// Where a Mac that reports this belongs now.
    pub(super) fn resolve(
        &self,
        device: &Device,
        report: Option<&LicenseReport>,
        now: Timestamp,
    ) -> Result<Place, DenialReason> {
        if self.licensing.licenses.is_empty() {
            return Err(DenialReason::NoLicense);
        }
        let place = match Activated::of(report) {
            Activated::Not => Err(DenialReason::NotActivated),
            Activated::Key(key) => self.by_key(device.id, key),
            Activated::User(name) => self.by_user(name, now),
            Activated::Unsaid => self.by_group(device),
        }?;
        self.check(&place, now).map(|()| place)
    }

    /// Whether the license of a place gives such a seat. A suspended one does: its lease says that it is suspended.
    pub(super) fn check(&self, place: &Place, now: Timestamp) -> Result<(), DenialReason> {
        let license = self.licensing.licenses.get(&place.pool.license).ok_or(DenialReason::NoLicense)?;
        let takes = match place.seat {
            Seat::Device(_) => license.activation.takes_keys(),
            Seat::User(_) => license.activation.takes_users(),
        };
        if matches!(license.state, LicenseState::Replaced { .. }) {
            Err(DenialReason::LicenseReplaced)
        } else if license.is_expired(now) {
            Err(DenialReason::LicenseExpired)
        } else if takes {
            Ok(())
        } else {
            Err(DenialReason::ActivationNotAccepted)
        }
    }

    fn by_key(&self, device: DeviceId, key: &str) -> Result<Place, DenialReason> {
        let pool = self.pool_of_key(&MaskedKey::of(key)).ok_or(DenialReason::KeyUnknown)?;
        Ok(Place { pool, seat: Seat::Device(device), by: Basis::Key })
    }

    /// The pool of a key, by its first and last group.
    #[must_use]
    pub fn pool_of_key(&self, key: &MaskedKey) -> Option<Pool> {
        let mut licenses = self.licensing.licenses.values();
        let primary = licenses.find(|license| license.primary.key.as_ref() == Some(key));
        let sublicense = || {
            let text = key.to_string();
            let named = |group: &&crate::portal::model::policy::Group| {
                group.key.as_deref() == Some(text.as_str()) && group.sublicense.is_some()
            };
            let group = self.groups.values().find(named)?;
            let license = group.sublicense.as_ref()?.license;
            Some(Pool { license, group: Some(group.id) })
        };
        primary.map(License::pool).or_else(sublicense)
    }

    fn by_user(&self, name: &str, now: Timestamp) -> Result<Place, DenialReason> {
        let user = self.licensing.user(name).ok_or(DenialReason::UserUnknown)?;
        if !user.active {
            return Err(DenialReason::UserDisabled);
        }
        let pool = self.pool_of_user(user, now).ok_or(DenialReason::NoLicense)?;
        Ok(Place { pool, seat: Seat::User(user.name.clone()), by: Basis::User })
    }

    /// The pool of the key that serves a user: see the module's rule 2. Suspended licenses serve where no other does.
    #[must_use]
    pub fn pool_of_user(&self, user: &User, now: Timestamp) -> Option<Pool> {
        let serving = |wanted: LicenseState, product: Product| {
            let fits = move |license: &&License| {
                license.product == product
                    && license.state == wanted
                    && license.activation.takes_users()
                    && !license.is_expired(now)
            };
            self.licensing.licenses.values().filter(fits)
        };
        [LicenseState::Active, LicenseState::Suspended].into_iter().find_map(|state| {
            let mut mapped = MAPPED.into_iter().flat_map(|product| serving(state, product));
            let mut unmapped = UNMAPPED.into_iter().flat_map(|product| serving(state, product));
            mapped
                .find_map(|license| Some(Pool { license: license.id, group: self.mapped(license, user)? }))
                .or_else(|| unmapped.next().map(License::pool))
        })
    }

    /// The key of a license that a user is mapped to: `Some(None)` is its primary key, `None` that there is no mapping.
    #[must_use]
    pub fn mapped(&self, license: &License, user: &User) -> Option<Option<GroupId>> {
        let mut claimed: Vec<&String> = user.idp_groups.iter().flatten().collect();
        claimed.sort_unstable();
        claimed.into_iter().find_map(|claim| {
            let group = self
                .keys_of(license.id)
                .find(|group| group.sublicense.as_ref().is_some_and(|key| key.idp_groups.contains(claim)));
            match group {
                Some(group) => Some(Some(group.id)),
                None => license.primary.idp_groups.contains(claim).then_some(None),
            }
        })
    }

    /// The place it holds, else that of the group it was enrolled into.
    fn by_group(&self, device: &Device) -> Result<Place, DenialReason> {
        if let Some(held) = self.licensing.lessees.get(&device.id).and_then(|lessee| lessee.held()) {
            return Ok(held.clone());
        }
        self.place_of_group(device.id, device.group).ok_or(DenialReason::NotActivated)
    }

    /// The place of a Mac by its group alone, if that is a sublicense which gives seats to Macs.
    pub(super) fn place_of_group(&self, device: DeviceId, group: Option<GroupId>) -> Option<Place> {
        let license = self.groups.get(&group?)?.sublicense.as_ref()?.license;
        let takes = self.licensing.licenses.get(&license)?.activation.takes_keys();
        let pool = Pool { license, group };
        takes.then_some(Place { pool, seat: Seat::Device(device), by: Basis::Group })
    }
}
