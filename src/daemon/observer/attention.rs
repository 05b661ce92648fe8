//! What changed files call for, and how much attention they still get.
//!
//! In go the files' content before and after a look, and whether that found something; out come [`Calls`], and when a call
//! counts again. The service touches its files when it is asked: looks that files called for and that found nothing new become
//! rarer, so that no service can keep the observer busy.

use jiff::{SignedDuration, Timestamp};

use super::super::fingerprint::{Files, Fingerprint};
use super::super::tasks::Next;

/// Looks without a finding that are free before they become rarer.
const FREE_LOOKS: u32 = 3;

/// The longest that files are not heeded.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

/// What changed files call for.
pub(super) struct Calls {
    /// A look at the service's settings.
    pub(super) service: bool,
    /// A list of the virtual machines.
    pub(super) vms: bool,
    /// A look at the license.
    pub(super) license: bool,
}

/// What is remembered of the files.
pub(super) struct Attention {
    files: Files,
    fingerprint: Fingerprint,
    /// The files changed during the last look, so what it read may be from before.
    doubt: bool,
    /// The service writes other content each time it is asked.
    rewrites: bool,
    fruitless: u32,
    quiet_until: Timestamp,
}

impl Attention {
    /// None of the files was read yet.
    pub(super) fn to(files: Files) -> Self {
        Self {
            files,
            fingerprint: Fingerprint::default(),
            doubt: false,
            rewrites: false,
            fruitless: 0,
            quiet_until: Timestamp::MIN,
        }
    }

    /// The files as they are now.
    pub(super) fn look(&mut self, now: Timestamp) -> Fingerprint {
        self.files.fingerprint(now)
    }

    /// What these files call for.
    pub(super) fn calls(&self, files: &Fingerprint, now: Timestamp) -> Calls {
        let heeded = !(now < self.quiet_until && self.quiet_until.duration_since(now) <= LONGEST);
        Calls {
            service: heeded && files.service_differs(&self.fingerprint),
            vms: heeded && files.machines != self.fingerprint.machines,
            license: heeded && files.license != self.fingerprint.license,
        }
    }

    /// Files that changed during a look may have been changed by a user after the tool read them, so a second look
    /// follows. When that finds nothing and they changed again, it is the service itself that writes them when asked.
    /// While the virtual machines rest unlisted, what called for a list still does.
    pub(super) fn compare(&mut self, before: Fingerprint, found: bool, listed: bool, now: Timestamp) {
        let after = self.look(now);
        let machines = self.fingerprint.machines;
        let moved = before != after;
        self.rewrites = moved && (self.rewrites || (self.doubt && !found));
        self.doubt = moved && !self.rewrites;
        self.fingerprint = if self.doubt { before } else { after };
        if !listed {
            self.fingerprint.machines = machines;
        }
    }

    /// Makes looks rarer that files call for and that find nothing new.
    pub(super) fn weigh(&mut self, by_files: bool, found: bool, now: Timestamp) {
        if found || !by_files {
            self.fruitless = if found { 0 } else { self.fruitless };
            return;
        }
        self.fruitless = self.fruitless.saturating_add(1);
        if let Some(over) = self.fruitless.checked_sub(FREE_LOOKS) {
            let wait = SignedDuration::from_secs(1 << over.min(9)).min(LONGEST);
            self.quiet_until = now.checked_add(wait).unwrap_or(now);
        }
    }

    /// When to look next, where that is due at `due` whatever the files do.
    pub(super) fn next(&self, due: Timestamp, now: Timestamp) -> Next {
        if self.doubt {
            return Next::At(self.quiet_until.max(now));
        }
        if self.quiet_until > now && self.quiet_until < due {
            return Next::At(self.quiet_until);
        }
        Next::Around(due)
    }
}
