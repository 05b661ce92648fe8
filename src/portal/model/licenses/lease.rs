//! Leases: verified, released, taken away, and signed.

use jiff::Timestamp;
use serde::Serialize;

use super::license::{Basis, Denied, Hold, Lessee, LicenseState, Place, SignedLease};
use super::resolve::Activated;
use super::seats::Seat;
use super::{Model, RecordName};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, GroupId, LicenseId};
use crate::portal::model::assign::{SignError, sign};
use crate::portal::model::next_version;
use crate::wire::checkin::LicenseReport;
use crate::wire::codes::DenialReason;
use crate::wire::lease::{Lease, LeaseState, Product, WhenUnverified};
use crate::wire::problem::Refusal;
use crate::wire::time;
use crate::wire::token::Typ;

/// What a lease says, without claims and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseContent {
    /// The license.
    pub license: LicenseId,
    /// What is licensed.
    pub product: Product,
    /// The seat.
    pub seat: String,
    /// The sublicense key's group.
    pub group: Option<GroupId>,
    /// How it stands.
    pub state: LeaseState,
    /// When it is to be verified again.
    #[serde(with = "time")]
    pub verify_after: Timestamp,
    /// Until when it may stay unverified.
    #[serde(with = "time")]
    pub grace_until: Timestamp,
    /// What follows when it stays unverified for longer.
    #[serde(skip_serializing_if = "WhenUnverified::is_default")]
    pub when_unverified: WhenUnverified,
}

impl LeaseContent {
    fn digest(&self) -> Digest {
        // Text keys and plain values alone, which JSON always expresses.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Model {
    /// What a Mac's lease is to say now; none where it never had a seat.
    #[must_use]
    pub fn lease_content(&self, lessee: &Lessee) -> Option<LeaseContent> {
        let place = lessee.place.as_ref()?;
        let license = self.licensing.licenses.get(&place.pool.license)?;
        let state = match (lessee.hold, license.state) {
            (Hold::Never, _) => return None,
            (Hold::Released, _) => LeaseState::Released,
            (Hold::Revoked, _) => LeaseState::Revoked,
            (Hold::Held, LicenseState::Suspended) => LeaseState::Suspended,
            (Hold::Held, LicenseState::Active | LicenseState::Replaced { .. }) => LeaseState::Active,
        };
        let (verified, terms) = (lessee.verified?, self.licensing.terms);
        let after = |span| verified.checked_add(span).unwrap_or(Timestamp::MAX);
        Some(LeaseContent {
            license: license.id,
            product: license.product,
            seat: place.seat.to_string(),
            group: place.pool.group,
            state,
            verify_after: after(terms.verify_after),
            grace_until: after(terms.grace),
            when_unverified: license.when_unverified,
        })
    }

    /// Whether a Mac's lease is to say something that it does not say yet.
    #[must_use]
    pub fn has_lease_news(&self, device: DeviceId) -> bool {
        let lessee = self.licensing.lessees.get(&device);
        lessee.is_some_and(|lessee| {
            let wanted = self.lease_content(lessee).map(|content| content.digest());
            wanted.is_some() && wanted != lessee.lease.as_ref().map(|lease| lease.content)
        })
    }

    /// The lease of a Mac that says to have the number `have`.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn lease(
        &mut self,
        id: DeviceId,
        have: u64,
        now: Timestamp,
    ) -> Result<Option<SignedLease>, SignError> {
        let Some(lessee) = self.licensing.lessees.get(&id) else { return Ok(None) };
        let Some(content) = self.lease_content(lessee) else { return Ok(None) };
        let digest = content.digest();
        let last = lessee.lease.as_ref().map_or(0, |lease| lease.seq);
        if let Some(lease) = &lessee.lease
            && lease.content == digest
            && have <= lease.seq
        {
            return Ok(Some(lease.clone()));
        }
        let device = self.devices.get(&id).ok_or(SignError::NoDevice)?;
        let seq = next_version(last.max(have), now);
        let payload = Lease {
            claims: self.claims(device, now),
            seq,
            license_id: content.license.to_string(),
            product: content.product,
            seat: content.seat,
            group: content.group,
            state: content.state,
            verify_after: content.verify_after,
            grace_until: content.grace_until,
            when_unverified: content.when_unverified,
        };
        let token = sign(&self.organization.signer, Typ::Lease, &payload)?;
        let lease = SignedLease { seq, content: digest, token };
        let mut lessee = lessee.clone();
        lessee.lease = Some(lease.clone());
        self.put_lessee(lessee);
        Ok(Some(lease))
    }

    /// A Mac verifies: it gets a seat where it belongs by now, keeps the one it has, or is denied one. What it had
    /// before stays with it when it is denied.
    ///
    /// # Errors
    /// `license-denied`.
    pub fn verify_license(
        &mut self,
        id: DeviceId,
        report: Option<&LicenseReport>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.lease_to(id, report, now).map_err(|reason| {
            let mut lessee = self.lessee(id);
            lessee.denied = Some(Denied { reason, at: now });
            self.put_lessee(lessee);
            Refusal::LicenseDenied { reason: reason.code().to_owned() }
        })
    }

    /// A Mac checks in without a wish. One that never had a seat gets one as soon as it reports where it belongs, and
    /// so does one whose place was but a guess by its group; nobody else is moved.
    pub fn adopt_license(&mut self, id: DeviceId, report: Option<&LicenseReport>, now: Timestamp) {
        let lessee = self.licensing.lessees.get(&id);
        let guessed = lessee
            .and_then(|lessee| lessee.held())
            .is_some_and(|place| place.by == Basis::Group && Activated::of(report).identifies());
        let never = lessee.is_none_or(|lessee| lessee.hold == Hold::Never);
        if guessed || never {
            // Where there is none it hears so when it verifies.
            let _ = self.lease_to(id, report, now);
        }
    }

    /// Whether a Mac may enroll into a group: the key's seats are what a Mac enrolls for.
    ///
    /// # Errors
    /// `license-denied`.
    pub fn may_enroll(
        &self,
        known: Option<DeviceId>,
        group: Option<GroupId>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let held = known.and_then(|id| self.licensing.lessees.get(&id)?.held());
        let id = known.unwrap_or_else(DeviceId::random);
        let Some(place) = self.place_of_group(id, group).filter(|_| held.is_none()) else { return Ok(()) };
        let free = self.check(&place, now).and_then(|()| self.room(&place));
        free.map_err(|reason| Refusal::LicenseDenied { reason: reason.code().to_owned() })
    }

    /// A Mac gives its seat back. Twice is once.
    pub fn release_license(&mut self, id: DeviceId) {
        let mut lessee = self.lessee(id);
        if lessee.hold == Hold::Held {
            self.vacate(&mut lessee, Hold::Released);
            self.put_lessee(lessee);
        }
    }

    /// A Mac's seat is taken away.
    pub(in crate::portal::model) fn revoke_license(&mut self, id: DeviceId) {
        let mut lessee = self.lessee(id);
        if matches!(lessee.hold, Hold::Held | Hold::Released) {
            self.vacate(&mut lessee, Hold::Revoked);
            self.put_lessee(lessee);
        }
    }

    /// Bars a Mac from having a license, or lets it verify again.
    pub(super) fn bar(&mut self, id: DeviceId, barred: bool) {
        let mut lessee = self.lessee(id);
        lessee.barred = barred;
        self.put_lessee(lessee);
        if barred {
            self.revoke_license(id);
        } else {
            self.reinstate(id);
        }
    }

    /// What was taken away counts as given back, unless something else still keeps it from the Mac: the next lease says so,
    /// and the Mac verifies by itself.
    pub(super) fn reinstate(&mut self, id: DeviceId) {
        let mut lessee = self.lessee(id);
        let is_kept_from_it = match lessee.place.as_ref().map(|place| &place.seat) {
            Some(Seat::User(name)) => !self.licensing.user(name).is_some_and(|user| user.active),
            Some(Seat::Device(_)) | None => false,
        };
        if lessee.hold == Hold::Revoked && !lessee.barred && !is_kept_from_it {
            lessee.hold = Hold::Released;
            self.put_lessee(lessee);
        }
    }

    fn lessee(&self, id: DeviceId) -> Lessee {
        self.licensing.lessees.get(&id).cloned().unwrap_or_else(|| Lessee::new(id))
    }

    /// Frees the seat, and remembers how.
    fn vacate(&mut self, lessee: &mut Lessee, hold: Hold) {
        if let Some(place) = lessee.held() {
            self.licensing.ledger.free(place.pool, &place.seat);
        }
        lessee.hold = hold;
    }

    /// Whether a place's key has a seat left.
    fn room(&self, place: &Place) -> Result<(), DenialReason> {
        let ledger = &self.licensing.ledger;
        let license = self.licensing.licenses.get(&place.pool.license).ok_or(DenialReason::NoLicense)?;
        let shared = ledger.holds(place.pool, &place.seat);
        if shared || self.division(license).has_room(ledger, place.pool.group) {
            Ok(())
        } else {
            Err(DenialReason::NoSeats)
        }
    }

    /// Gives a Mac the seat that it belongs to. The one it has is free for the moment of the decision, so that a Mac
    /// moves within a license that is full; without a new one it is taken again.
    fn lease_to(
        &mut self,
        id: DeviceId,
        report: Option<&LicenseReport>,
        now: Timestamp,
    ) -> Result<(), DenialReason> {
        let device = self.devices.get(&id).ok_or(DenialReason::NoLicense)?;
        let mut lessee = self.lessee(id);
        if lessee.barred {
            return Err(DenialReason::LicenseRevoked);
        }
        let place = self.resolve(device, report, now)?;
        let former = lessee.held().cloned();
        if let Some(former) = &former {
            self.licensing.ledger.free(former.pool, &former.seat);
        }
        let room = self.room(&place);
        let taken = if room.is_ok() { Some(&place) } else { former.as_ref() };
        if let Some(taken) = taken {
            self.licensing.ledger.take(taken.pool, &taken.seat);
        }
        room?;
        lessee.reactivate &= lessee.place.as_ref().is_some_and(|former| former.pool == place.pool);
        lessee.place = Some(place);
        lessee.hold = Hold::Held;
        lessee.verified = Some(now);
        lessee.denied = None;
        // A verification is answered by a newer lease, also by the second one within a second.
        if let Some(lease) = &mut lessee.lease {
            lease.content = Digest::of(b"");
        }
        self.put_lessee(lessee);
        Ok(())
    }

    /// Marks a lessee as one that is to activate with another key.
    pub(super) fn ask_to_reactivate(&mut self, id: DeviceId) {
        if let Some(lessee) = self.licensing.lessees.get_mut(&id) {
            lessee.reactivate = true;
            self.touch(RecordName::Lessee(id));
        }
    }
}
