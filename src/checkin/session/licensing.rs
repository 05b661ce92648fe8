//! The license lease, commands and their acknowledgements within a check-in.
//!
//! What is said comes from [`Local`] as it is now. A lease is taken in one place and by the rules of the assignment; a
//! command is verified and handed on, and whether it runs is the journal's decision. A verification that the portal denied
//! rests for a while: nothing of such a check-in counts, so that others without the wish carry the rest meanwhile.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Denied, Effect, Session};
use crate::checkin::local::Local;
use crate::checkin::schedule::{self, Backoff, Due, GAP, REFUSED_CAP_S};
use crate::domain::digest::Digest;
use crate::domain::ids::CommandId;
use crate::error::Chain;
use crate::wire::checkin::{CheckinReason, LeaseWish};
use crate::wire::codes::ProblemCode;
use crate::wire::command::{Ack, Command, LONGEST_DAYS, REPEATED};
use crate::wire::document::{Addressee, DocumentError, Judgement};
use crate::wire::key::PublicKey;
use crate::wire::token::Verified;

/// The most acknowledgements in a check-in.
const ACKS: usize = 64;

/// How long a verification that was denied rests at the least, while check-ins go on.
const DENIED_REST: SignedDuration = SignedDuration::from_mins(5);

const LEASE_PROBLEMS: [ProblemCode; 4] = [
    ProblemCode::LeaseRollback,
    ProblemCode::LeaseEquivocation,
    ProblemCode::LeaseForeign,
    ProblemCode::LeaseSignature,
];

/// What is known of the license and of commands.
#[derive(Debug, Clone, Default)]
pub(super) struct Licensing {
    /// What the last check-in said.
    said: Option<Fingerprint>,
    /// The reports in full that were asked for so far.
    full_reports: u64,
    /// A verification that was denied rests.
    denied: Option<(Backoff, Due)>,
    /// The digests of the commands that are open.
    open: Vec<Digest>,
}

/// What there is to say, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    wish: LeaseWish,
    acks: Vec<CommandId>,
    full_reports: u64,
}

/// What a check-in says of the lease and of commands.
pub(super) struct Said {
    pub(super) wish: LeaseWish,
    pub(super) acks: Vec<Ack>,
}

impl Licensing {
    fn fingerprint(&mut self, now: Timestamp, local: &Local) -> Fingerprint {
        let licensing = &local.licensing;
        Fingerprint {
            wish: self.wish(now, licensing.wish),
            acks: licensing.acks.iter().take(ACKS).map(|ack| ack.id).collect(),
            full_reports: licensing.full_reports,
        }
    }

    /// The wish, save that a verification that was denied rests.
    fn wish(&mut self, now: Timestamp, wish: LeaseWish) -> LeaseWish {
        let rests = wish == LeaseWish::Verify && self.rests_until(now).is_some();
        if rests { LeaseWish::Keep } else { wish }
    }

    fn rests_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.denied.as_mut().map(|(_, due)| due.at(now)).filter(|at| *at > now)
    }
}

impl Session {
    /// Whether something is to be said that the last check-in did not say. That a wish is withdrawn says itself by
    /// silence.
    pub(super) fn licensing_differs(&mut self, now: Timestamp, local: &Local) -> bool {
        if local.licensing.wish != LeaseWish::Verify {
            self.run.licensing.denied = None;
        }
        let present = self.run.licensing.fingerprint(now, local);
        let Some(said) = &self.run.licensing.said else { return false };
        (present.wish != LeaseWish::Keep && present.wish != said.wish)
            || present.acks.iter().any(|id| !said.acks.contains(id))
            || present.full_reports != said.full_reports
    }

    /// Until when a verification that is wanted rests.
    pub(super) fn verification_rests(&mut self, now: Timestamp, local: &Local) -> Option<Timestamp> {
        let is_wanted = local.licensing.wish == LeaseWish::Verify;
        self.run.licensing.rests_until(now).filter(|_| is_wanted)
    }

    /// What the check-in that is made now says.
    pub(super) fn say(&mut self, now: Timestamp, local: &Local, reason: CheckinReason) -> Said {
        let licensing = &mut self.run.licensing;
        if reason == CheckinReason::Manual
            && let Some((backoff, _)) = licensing.denied
        {
            // A person may try again at any time.
            licensing.denied = Some((backoff, Due::after(now, SignedDuration::ZERO)));
        }
        if licensing.full_reports != local.licensing.full_reports {
            licensing.full_reports = local.licensing.full_reports;
            self.memory.base = None;
        }
        let said = licensing.fingerprint(now, local);
        let wish = said.wish;
        licensing.said = Some(said);
        Said { wish, acks: local.licensing.acks.iter().take(ACKS).cloned().collect() }
    }

    /// Takes the lease that came, if one did.
    pub(super) fn take_lease(
        &mut self,
        now: Timestamp,
        (root, addressee): (&PublicKey, &Addressee),
        token: Option<&str>,
        effects: &mut Vec<Effect>,
    ) {
        let verdict = token.map_or(Ok(false), |token| self.trust.take_lease(root, token, addressee, now));
        self.judged(now, &LEASE_PROBLEMS, verdict.as_ref().err());
        if let (Ok(true), Some(lease)) = (verdict, self.lease().cloned()) {
            effects.push(Effect::Leased(lease));
            self.granted(effects);
        }
    }

    /// The portal no longer denies a license.
    pub(super) fn granted(&mut self, effects: &mut Vec<Effect>) {
        self.run.licensing.denied = None;
        if self.problems.holds(ProblemCode::LicenseDenied) {
            self.problems.solve(ProblemCode::LicenseDenied);
            effects.push(Effect::Denied(None));
        }
    }

    /// Verifies the commands that came. One that is not verified is a problem and goes no further.
    pub(super) fn take_commands(
        &mut self,
        now: Timestamp,
        (root, addressee): (&PublicKey, &Addressee),
        tokens: &[String],
        effects: &mut Vec<Effect>,
    ) {
        let mut refused: Vec<(ProblemCode, String)> = Vec::new();
        let mut open = Vec::new();
        for token in tokens.iter().take(REPEATED) {
            match self.command(now, (root, addressee), token) {
                Ok(command) => {
                    self.trust.signed_at(command.claims.iat);
                    open.push(Arc::new(command));
                }
                Err(why) => refused.push(why),
            }
        }
        for code in [ProblemCode::CommandForeign, ProblemCode::CommandSignature] {
            match refused.iter().find(|(refused, _)| *refused == code) {
                Some((_, why)) => self.problems.raise(code, now, Some(why.clone())),
                None => self.problems.solve(code),
            }
        }
        open.sort_by_key(|command| command.seq);
        let digests: Vec<_> = open.iter().map(|command| command.digest()).collect();
        if digests != self.run.licensing.open {
            self.run.licensing.open = digests;
            effects.push(Effect::Commands(open));
        }
    }

    fn command(
        &self,
        now: Timestamp,
        (root, addressee): (&PublicKey, &Addressee),
        token: &str,
    ) -> Result<Verified<Command>, (ProblemCode, String)> {
        let signature = |why: String| (ProblemCode::CommandSignature, why);
        let keyset = self
            .trust
            .keyset_of(root)
            .ok_or_else(|| signature("there is no keyset to verify the command with".to_owned()))?;
        let judgement = Judgement::Arriving { keyset, now };
        let command = Command::verify(token, addressee, judgement).map_err(|error: DocumentError| {
            let why = Chain(&error).to_string();
            if error.is_foreign() { (ProblemCode::CommandForeign, why) } else { signature(why) }
        })?;
        let ahead = SignedDuration::from_hours(24 * LONGEST_DAYS);
        if command.expires_at > schedule::later(command.claims.iat.timestamp(), ahead) {
            return Err(signature(format!("the command expires more than {LONGEST_DAYS} days ahead")));
        }
        Ok(command)
    }

    /// A verification was denied: nothing of the check-in counts. The lease stays, and the wish rests.
    pub(super) fn verification_denied(
        &mut self,
        now: Timestamp,
        asked: CheckinReason,
        reason: &str,
        (effects, draw): (&mut Vec<Effect>, f64),
    ) {
        self.run.retried = false;
        self.run.unknown = false;
        self.problems.way_is_free();
        if let Some(identity) = &mut self.identities.current {
            identity.pace.backoff = Backoff::default();
        }
        let backoff = self.run.licensing.denied.map(|(backoff, _)| backoff).unwrap_or_default();
        let backoff = backoff.failed(REFUSED_CAP_S);
        self.run.licensing.denied = Some((backoff, Due::after(now, backoff.wait(Some(DENIED_REST), draw))));
        self.deny(now, reason, effects);
        // What that check-in carried is still to be said.
        self.timetable.set(now, GAP + schedule::part(GAP, draw), asked);
    }

    pub(super) fn deny(&mut self, now: Timestamp, reason: &str, effects: &mut Vec<Effect>) {
        let is_word =
            reason.len() <= 64 && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let reason = if is_word { reason } else { "no reason that can be shown" };
        self.problems.raise(ProblemCode::LicenseDenied, now, Some(reason.to_owned()));
        effects.push(Effect::Denied(Some(Denied { reason: reason.to_owned(), at: now })));
    }
}
