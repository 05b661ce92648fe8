//! Enrollment: how a verified request becomes a device.
//!
//! In goes a request whose proof was verified; out comes the device's id, or the refusal. The hardware and the
//! previous device are claims: they never touch another record.

use jiff::Timestamp;

use super::admission::Enrollment;
use super::device::{Claims, Device, Enrolled, Presence, Reported};
use super::{Model, RecordName};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, GroupId};
use crate::wire::enrollment::EnrollmentRequest;
use crate::wire::problem::Refusal;

/// Why a Mac is not enrolled.
#[derive(Debug, PartialEq, Eq)]
pub enum EnrollError {
    /// Refused, as the protocol's table has it.
    Refused(Refusal),
    /// Too many enrollments of this hardware.
    Later {
        /// For how many seconds to wait.
        retry_after_s: u64,
    },
}

impl Model {
    /// The highest sequence number of a verified request by the key; 0 for an unknown key.
    #[must_use]
    pub fn floor(&self, key: crate::wire::key::Thumbprint) -> u64 {
        self.presences.get(&key).map_or(0, |presence| presence.floor)
    }

    /// Takes the sequence number of a fully verified request by a known key. One by an unknown key leaves no trace, so
    /// that strangers cannot fill the portal.
    ///
    /// # Errors
    /// `sequence`, when it is not above the floor.
    pub fn raise_floor(
        &mut self,
        key: crate::wire::key::Thumbprint,
        seq: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let floor = self.floor(key);
        if seq <= floor {
            return Err(Refusal::Sequence { floor });
        }
        if let Some(presence) = self.presences.get_mut(&key) {
            presence.floor = seq;
            presence.seen = now;
            self.touch(RecordName::Presence(key));
        }
        Ok(())
    }

    /// Enrolls a Mac whose request was verified, with this sequence number.
    ///
    /// # Errors
    /// [`EnrollError`].
    pub fn enroll(
        &mut self,
        request: &EnrollmentRequest,
        seq: u64,
        now: Timestamp,
    ) -> Result<DeviceId, EnrollError> {
        let key = request.public_key.thumbprint();
        self.raise_floor(key, seq, now).map_err(EnrollError::Refused)?;
        if let Some(former) = self.admissions.enrollments.get(&request.enrollment_id) {
            return if former.repeatable(key, now) {
                Ok(former.device)
            } else {
                Err(EnrollError::Refused(Refusal::EnrollmentConflict))
            };
        }
        let token = self.admissions.admit(request.token.expose(), now).map_err(EnrollError::Refused)?;
        let (token_id, group) = (token.id, token.group);
        let known = self.presences.get(&key).and_then(|presence| self.devices.get(&presence.device));
        if let Some(retired) = known.filter(|device| device.retired)
            && self.enrolled_with(retired) == Some(token_id)
        {
            return Err(EnrollError::Refused(Refusal::TokenUsed));
        }
        let known = known.filter(|device| !device.retired);
        let group = group.or_else(|| known.and_then(|device| device.group));
        let known = known.map(|device| device.id);
        self.may_enroll(known, group, now).map_err(EnrollError::Refused)?;
        self.admissions
            .count(&request.hardware.platform_uuid, now)
            .map_err(|retry_after_s| EnrollError::Later { retry_after_s })?;
        let id = known.unwrap_or_else(DeviceId::random);
        self.admit(id, request, group, now);
        self.adopt_license(id, None, now);
        let reason = self.presences.get(&key).and_then(|presence| presence.reason);
        self.presences.insert(key, Presence { device: id, floor: seq, seen: now, reason });
        self.touch(RecordName::Presence(key));
        self.spend(token_id);
        let enrollment = Enrollment { key, device: id, token: token_id, first_checkin: None };
        self.admissions.enrollments.insert(request.enrollment_id, enrollment);
        self.touch(RecordName::Enrollment(request.enrollment_id));
        Ok(id)
    }

    /// The token with which a device last enrolled.
    fn enrolled_with(&self, device: &Device) -> Option<Digest> {
        let last = device.history.last()?;
        Some(self.admissions.enrollments.get(&last.id)?.token)
    }

    fn admit(&mut self, id: DeviceId, request: &EnrollmentRequest, group: Option<GroupId>, now: Timestamp) {
        let enrolled = Enrolled {
            id: request.enrollment_id,
            at: now,
            reason: request.reason,
            previous: request.previous_device_id,
            claims: Claims {
                hardware: request.hardware.clone(),
                hostname: request.hostname.clone(),
                os_version: request.os_version.clone(),
                agent_version: request.agent_version.clone(),
            },
        };
        let device = self.devices.entry(id).or_insert_with(|| Device {
            id,
            key: request.public_key,
            group: None,
            history: Vec::new(),
            reported: Reported::default(),
            issued: None,
            root: None,
            retired: false,
            forked_at: None,
            commands: Vec::new(),
        });
        device.group = group;
        device.remember(enrolled);
        // What it reported belongs to its former enrollment.
        device.reported = Reported::default();
        self.touch(RecordName::Device(id));
    }

    fn spend(&mut self, id: Digest) {
        if let Some(token) = self.admissions.tokens.get_mut(&id) {
            token.uses = token.uses.saturating_add(1);
            self.touch(RecordName::Token(id));
        }
    }
}
