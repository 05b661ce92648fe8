//! When each part of what is observed is looked at next, when nothing calls for it sooner.

use jiff::{SignedDuration, Timestamp};

use super::super::ticker::SLACK;

/// How often the service is asked.
const SERVICE_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// How soon it is asked again that could not be asked. That it is stopped is an answer.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// How often the virtual machines are listed while no policy is about them.
const VMS_EVERY: SignedDuration = SignedDuration::from_mins(15);

/// How often it is asked who the users are.
const USERS_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How often the license is looked at.
const LICENSE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How soon it is looked at again when it could not be found out.
const LICENSE_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// How often the users' own preferences are looked at while a setting is about them.
const PREFERENCES_EVERY: SignedDuration = SignedDuration::from_mins(15);

/// When what is due. At first, all of it.
pub(super) struct Rhythm {
    service: Timestamp,
    vms: Timestamp,
    users: Timestamp,
    license: Timestamp,
    preferences: Timestamp,
    /// Listings in a row that somebody's virtual machines were missing from.
    misses: u32,
}

/// A due time further away than it can be set was set before the clock was set back.
fn is_due(at: Timestamp, every: SignedDuration, now: Timestamp) -> bool {
    let left = at.duration_since(now);
    left <= SLACK || left > every
}

fn after(every: SignedDuration, now: Timestamp) -> Timestamp {
    now.checked_add(every).unwrap_or(now)
}

const fn between_lists(often: bool) -> SignedDuration {
    if often { SERVICE_EVERY } else { VMS_EVERY }
}

impl Rhythm {
    pub(super) const fn new() -> Self {
        let at_once = Timestamp::MIN;
        Self {
            service: at_once,
            vms: at_once,
            users: at_once,
            license: at_once,
            preferences: at_once,
            misses: 0,
        }
    }

    pub(super) fn service_is_due(&self, now: Timestamp) -> bool {
        is_due(self.service, SERVICE_EVERY, now)
    }

    /// Virtual machines are listed as often as the service is asked while a policy is about them.
    pub(super) fn vms_are_due(&self, often: bool, now: Timestamp) -> bool {
        is_due(self.vms, between_lists(often), now)
    }

    pub(super) fn license_is_due(&self, now: Timestamp) -> bool {
        is_due(self.license, LICENSE_EVERY, now)
    }

    pub(super) fn preferences_are_due(&self, now: Timestamp) -> bool {
        is_due(self.preferences, PREFERENCES_EVERY, now)
    }

    /// The service was asked.
    pub(super) fn asked_service(&mut self, failed: bool, now: Timestamp) {
        self.service = after(if failed { AGAIN_AFTER } else { SERVICE_EVERY }, now);
    }

    /// The virtual machines were listed: soon again where somebody's are missing, and later each time, because it may stay so.
    pub(super) fn listed_vms(&mut self, missing: bool, often: bool, now: Timestamp) {
        let every = between_lists(often);
        self.misses = if missing { self.misses.saturating_add(1) } else { 0 };
        let wait = match self.misses.checked_sub(1) {
            Some(before) => AGAIN_AFTER.checked_mul(1 << before.min(8)).unwrap_or(every).min(every),
            None => every,
        };
        self.vms = after(wait, now);
    }

    /// Whether it is to be asked who the users are; if so, that is done now.
    pub(super) fn asks_for_users(&mut self, anew: bool, now: Timestamp) -> bool {
        let asks = anew || self.users <= now || self.users.duration_since(now) > USERS_EVERY;
        if asks {
            self.users = after(USERS_EVERY, now);
        }
        asks
    }

    /// The license was looked at.
    pub(super) fn looked_at_license(&mut self, unknown: bool, now: Timestamp) {
        self.license = after(if unknown { LICENSE_AGAIN } else { LICENSE_EVERY }, now);
    }

    /// The users' preferences were looked at.
    pub(super) fn looked_at_preferences(&mut self, now: Timestamp) {
        self.preferences = after(PREFERENCES_EVERY, now);
    }

    /// What is due first.
    pub(super) fn first(&self, users_too: bool) -> Timestamp {
        let due = self.service.min(self.vms).min(self.license);
        if users_too { due.min(self.preferences) } else { due }
    }
}
