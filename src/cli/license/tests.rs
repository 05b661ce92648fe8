//! The screen of a license at each of its stages.

use jiff::SignedDuration;

use super::super::samples::{self, HOSTILE, NOW, screens};
use super::*;
use crate::control::view::{DeactivationView, LicenseNext, ReactivationView};
use crate::wire::lease::LeaseState;

fn draw(name: &str, view: &LicenseView, source: Source) {
    let written_at = *NOW - SignedDuration::from_mins(3);
    let unreachable = (source == Source::File).then_some("the daemon has ended");
    let shown = Shown { source, unreachable, written_at, license: view };
    screens(name, |style| render(&shown, style, *NOW));
}

#[test]
fn a_license_is_shown_with_what_happens_next() {
    let active = samples::status().license;
    draw("license", &active, Source::Daemon);
    draw("license_file", &active, Source::File);

    let mut unverified = active.clone();
    unverified.stage = Stage::Unverified;
    unverified.verification.failures = 9;
    unverified.verification.denied = Some("no-seat".into());
    unverified.lease = unverified
        .lease
        .map(|lease| LeaseView { grace_until: *NOW - SignedDuration::from_hours(50), ..lease });
    draw("license_unverified", &unverified, Source::Daemon);

    let mut released = active;
    released.stage = Stage::Released;
    (released.on_mac.state, released.on_mac.key, released.on_mac.edition) = (LicenseState::None, None, None);
    released.lease = released.lease.map(|lease| LeaseView {
        state: LeaseState::Released,
        seat: Some(HOSTILE.into()),
        ..lease
    });
    released.verification = VerificationView::default();
    let at = *NOW - SignedDuration::from_mins(2);
    released.deactivation = Some(DeactivationView { at, order: Some(HOSTILE.into()), told_at: None });
    let trouble = Some("Failed to install the license: no seats".into());
    released.reactivation = Some(ReactivationView { since: at, tries: 2, next_at: None, trouble });
    released.next = LicenseNext { step: NextStep::SignIn, at: None };
    draw("license_given_back", &released, Source::Daemon);
}
