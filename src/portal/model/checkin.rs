//! A check-in: what a device reports is taken in, and what is new for it comes back.
//!
//! In goes a verified request whose bad items were taken out already; out comes the answer, in which a member that has
//! not changed is absent.

use jiff::Timestamp;

use super::device::{Device, Gate};
use super::inventory::Part;
use super::{Model, RecordName, SignError};
use crate::domain::ids::{CommandId, DeviceId};
use crate::wire::checkin::{
    self, CheckinAnswer, CheckinReason, ComplianceItem, Have, ImageProgress, LeaseWish, LicenseReport, Next,
    Rejected, ReportedProblem, Resend,
};
use crate::wire::command::Ack;
use crate::wire::problem::Refusal;

/// What a check-in says, as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Why.
    pub reason: CheckinReason,
    /// What the device has.
    pub have: Have,
    /// The Mac, where it is sent.
    pub device: Option<checkin::Device>,
    /// The compliance, where it is sent.
    pub compliance: Option<Vec<ComplianceItem>>,
    /// The problems, where they are sent.
    pub problems: Option<Vec<ReportedProblem>>,
    /// The golden images that are being installed, where they are sent.
    pub images: Option<Vec<ImageProgress>>,
    /// The license, where it is sent.
    pub license: Option<LicenseReport>,
    /// What became of commands.
    pub acks: Acks,
    /// What is wanted of the lease.
    pub wish: LeaseWish,
    /// A part of the inventory, where it is sent.
    pub inventory: Option<Part>,
    /// What could not be read.
    pub rejected: Vec<Rejected>,
}

/// Acknowledgements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acks {
    /// Those that can be read.
    pub read: Vec<Ack>,
    /// Every id that stands in the request, so that nothing is repeated for ever.
    pub ids: Vec<CommandId>,
}

/// When a check-in came and how the next one is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The portal's time.
    pub now: Timestamp,
    /// When the device is to come again.
    pub next: Next,
}

/// Why a check-in is not answered with 200.
#[derive(Debug)]
pub enum CheckinError {
    /// Refused, as the protocol's table has it.
    Refused(Refusal),
    /// No assignment could be signed.
    Sign(SignError),
}

impl Model {
    /// Takes a check-in of a device whose request was verified.
    ///
    /// # Errors
    /// [`CheckinError`].
    pub fn check_in(
        &mut self,
        id: DeviceId,
        report: Report,
        arrival: Arrival,
    ) -> Result<CheckinAnswer, CheckinError> {
        let device = self.devices.get(&id).ok_or(CheckinError::Refused(Refusal::DeviceUnknown))?;
        let retired = device.retired;
        let (reason, have, wish) = (report.reason, report.have, report.wish);
        let license = report.license.clone().or_else(|| device.reported.license.clone());
        let mut answer = CheckinAnswer {
            server_time: arrival.now,
            next: Next { wait: arrival.next.wait && !retired, ..arrival.next },
            keyset: None,
            assignment: None,
            lease: None,
            commands: Vec::new(),
            acked: report.acks.ids.clone(),
            resend: Vec::new(),
            rejected: Vec::new(),
        };
        if !retired {
            self.detect_fork(id, &report, arrival.now)?;
            if wish == LeaseWish::Verify {
                // Denied, nothing of this check-in counts.
                self.verify_license(id, license.as_ref(), arrival.now).map_err(CheckinError::Refused)?;
            }
            self.take_in(id, report, &mut answer);
            match wish {
                LeaseWish::Keep => self.adopt_license(id, license.as_ref(), arrival.now),
                LeaseWish::Verify => {}
                LeaseWish::Release => self.release_license(id),
            }
            let lease = self.lease(id, have.lease, arrival.now).map_err(CheckinError::Sign)?;
            answer.lease = lease.filter(|lease| lease.seq != have.lease).map(|lease| lease.token);
            answer.commands = self.open_commands(id, arrival.now);
        }
        self.note_presence(id, reason, arrival.now);
        self.wakes.clear(id);
        if have.keyset < self.organization.keyset_version {
            answer.keyset = Some(self.organization.keyset.clone());
        }
        if retired || self.devices.get(&id).is_some_and(|device| device.gate() == Gate::Open) {
            let issued = self.assignment(id, have.assignment, arrival.now).map_err(CheckinError::Sign)?;
            if retired || have.assignment != issued.version {
                answer.assignment = Some(issued.token);
            }
        }
        Ok(answer)
    }

    /// Two Macs use one identity when the hardware is another in both its ids; nothing of that check-in counts.
    fn detect_fork(&mut self, id: DeviceId, report: &Report, now: Timestamp) -> Result<(), CheckinError> {
        let Some(device) = self.devices.get_mut(&id) else { return Ok(()) };
        if !report.device.as_ref().is_some_and(|sent| device.is_forked_by(&sent.hardware)) {
            return Ok(());
        }
        device.forked_at = Some(now);
        self.touch(RecordName::Device(id));
        Err(CheckinError::Refused(Refusal::DeviceForked))
    }

    fn take_in(&mut self, id: DeviceId, report: Report, answer: &mut CheckinAnswer) {
        answer.rejected = report.rejected;
        let Some(device) = self.devices.get_mut(&id) else { return };
        let before = (device.reported.clone(), device.root);
        let reported = &mut device.reported;
        reported.device = report.device.or(reported.device.take());
        reported.compliance = report.compliance.or(reported.compliance.take());
        reported.problems = report.problems.or(reported.problems.take());
        reported.license = report.license.or(reported.license.take());
        reported.images = report.images.or(reported.images.take());
        let mut touched = Vec::new();
        if let Some(part) = report.inventory {
            let taken = self.inventories.take(id, device.root, part);
            device.root = taken.confirmed.or(device.root);
            answer.rejected.extend(taken.over.iter().map(|place| Rejected {
                member: format!("/inventory/upsert/{place}"),
                reason: "too-many".to_owned(),
            }));
            if taken.differs {
                answer.resend.push(Resend::Inventory);
            }
            touched = taken.touched;
        }
        answer.resend.extend(missing(device));
        let wanted = device.reported.license.is_none() && !self.licensing.licenses.is_empty();
        answer.resend.extend(wanted.then_some(Resend::License));
        if before != (device.reported.clone(), device.root) {
            self.touch(RecordName::Device(id));
        }
        for vm in touched {
            self.touch(RecordName::Vm(id, vm));
        }
        self.acknowledge(id, report.acks.read);
    }

    fn note_presence(&mut self, id: DeviceId, reason: CheckinReason, now: Timestamp) {
        let Some(device) = self.devices.get(&id) else { return };
        let (key, enrollment) = (device.key.thumbprint(), device.history.last().map(|last| last.id));
        if let Some(presence) = self.presences.get_mut(&key).filter(|presence| presence.device == id) {
            presence.reason = Some(reason);
            self.touch(RecordName::Presence(key));
        }
        if let Some(id) = enrollment
            && let Some(enrollment) = self.admissions.enrollments.get_mut(&id)
            && enrollment.first_checkin.is_none()
        {
            enrollment.first_checkin = Some(now);
            self.touch(RecordName::Enrollment(id));
        }
    }
}

/// What the portal never got. Below the version gate a device reports its presence only.
fn missing(device: &Device) -> Vec<Resend> {
    let reported = &device.reported;
    if reported.device.is_none() {
        return vec![Resend::Device];
    }
    let mut missing = Vec::new();
    if device.gate() == Gate::Open {
        missing.extend(reported.compliance.is_none().then_some(Resend::Compliance));
        missing.extend(reported.problems.is_none().then_some(Resend::Problems));
    }
    missing
}
