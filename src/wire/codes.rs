//! The names that the agent gives to what is wrong: problem codes and the reasons of compliance items.
//!
//! They are stable: scripts and portals match on them, and the README repeats the tables. A name may be added, never
//! changed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that stands in none of the tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a known code")]
pub struct UnknownCode;

macro_rules! table {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident $code:literal $explanation:literal $remedy:literal)+ }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = $explanation] #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// Every one, in the order of the README's table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation),+ }
            }

            /// What to do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                Self::ALL.iter().copied().find(|each| each.code() == text).ok_or(UnknownCode)
            }
        }
    };
}

table! {
    /// What is wrong with the agent or its Mac. Enforcement of what is stored goes on under every one of them.
    ProblemCode {
        ProfileMissing "profile-missing"
            "No configuration profile for Meridian is installed."
            "Install the profile of dev.meridian.agent through MDM."
        ProfileUnreadable "profile-unreadable"
            "The managed preferences cannot be read or are no property list."
            "Push the profile again through MDM."
        ProfileKeyUnknown "profile-key-unknown"
            "The profile holds a key that this version does not know; the key is ignored."
            "Check its spelling, or update Meridian."
        ProfileKeyInvalid "profile-key-invalid"
            "A key of the profile has a value of the wrong kind; the key is ignored."
            "Correct the key's value in the profile."
        ProfileVanished "profile-vanished"
            "The profile is gone; its last values hold for ten minutes, the stored assignment for good."
            "Install the profile again, or retire the Mac in the portal."
        NoRootKey "no-root-key"
            "The profile names no PortalRootKey, so nothing can be verified, enrolled or applied."
            "Add PortalRootKey, as the portal shows it, to the profile."
        NoToken "no-token"
            "The Mac is not enrolled and the profile holds no enrollment token."
            "Add EnrollmentToken to the profile."
        EnrollmentRefused "enrollment-refused"
            "The portal refuses the enrollment token: it is unknown, used or expired."
            "Put a new enrollment token into the profile."
        PortalUnreachable "portal-unreachable"
            "The portal does not answer, or something between answers in its place."
            "Check the network, the proxy and PortalURL."
        PortalRefused "portal-refused"
            "The portal refuses this agent's requests."
            "Look up the request id in the portal's log."
        PortalAnswerInvalid "portal-answer-invalid"
            "The portal's answer is not what the protocol allows; nothing of it was used."
            "Look for a proxy that changes answers, and at the portal's version."
        TlsFailed "tls-failed"
            "No trusted TLS connection to the portal could be made."
            "Check the portal's certificate, and the CA in the profile or the trust store."
        ClockSkew "clock-skew"
            "This Mac's clock and the portal's differ by more than five minutes."
            "Set the clock, or turn on network time."
        DeviceForked "device-forked"
            "The portal sees this device's identity used by two Macs."
            "Find the Mac that was cloned from this one's disk and reset its agent."
        DeviceUnknown "device-unknown"
            "The portal does not know this device; what is stored stays enforced."
            "Put an enrollment token into the profile to enroll it again."
        AssignmentRollback "assignment-rollback"
            "The portal sent an older assignment than the stored one; it was refused."
            "Check whether the portal was restored from a backup."
        AssignmentEquivocation "assignment-equivocation"
            "The portal signed two different assignments of the same version; the second was refused."
            "Look into who holds the signing key: a healthy portal never does this."
        AssignmentForeign "assignment-foreign"
            "The portal sent an assignment made for another device or organization; it was refused."
            "Look for a proxy that mixes up answers, and at the portal's log."
        AssignmentSignature "assignment-signature"
            "The assignment is not validly signed by a key of the keyset; it was refused."
            "Check PortalRootKey in the profile and the portal's signing keys."
        AssignmentStale "assignment-stale"
            "The assignment is past its refresh_by; it stays enforced."
            "Find out why this Mac has not reached the portal."
        LeaseRollback "lease-rollback"
            "The portal sent an older license lease than the stored one; it was refused."
            "Check whether the portal was restored from a backup."
        LeaseEquivocation "lease-equivocation"
            "The portal signed two different license leases of the same number; the second was refused."
            "Look into who holds the signing key: a healthy portal never does this."
        LeaseForeign "lease-foreign"
            "The portal sent a license lease made for another device or organization; it was refused."
            "Look for a proxy that mixes up answers, and at the portal's log."
        LeaseSignature "lease-signature"
            "The license lease is not validly signed by a key of the keyset; it was refused."
            "Check PortalRootKey in the profile and the portal's signing keys."
        LicenseDenied "license-denied"
            "The portal denies this Mac a license; the last lease holds until its grace ends."
            "Free a seat or add seats in the portal, or assign this Mac or its user a license."
        LicenseInGrace "license-in-grace"
            "The license was to be verified by now and could not be; it holds until its grace ends."
            "Find out why this Mac reaches neither the portal nor Parallels' licensing server."
        LicenseUnverified "license-unverified"
            "The license could not be verified within its grace; policy stays enforced, unless the lease says that it is lifted."
            "Connect the Mac to the network, then run `meridian sync` on it."
        LicenseSuspended "license-suspended"
            "The portal suspended this Mac's license."
            "See the license in the portal: a trial is suspended once a license was bought."
        LicenseRevoked "license-revoked"
            "The portal took this Mac's license away."
            "Assign this Mac or its user a license in the portal, or remove Parallels Desktop."
        LicenseReleased "license-released"
            "This Mac's seat was given back; it has no license at the portal."
            "Activate Parallels Desktop again, or remove it."
        LicenseWaitingForSignIn "license-waiting-for-sign-in"
            "The license was given back; Parallels Desktop waits for its user to sign in."
            "Ask the user to open Parallels Desktop and sign in."
        LicenseActivationFailed "license-activation-failed"
            "Parallels Desktop could not be activated again with the key in its profile; it is tried again."
            "Check LicenseKey in the profile, the key's seats, and the network."
        LicenseDeactivationPending "license-deactivation-pending"
            "An order to give the license back could not be carried out yet; it is tried again."
            "Start Parallels Desktop, and check the network."
        CommandForeign "command-foreign"
            "The portal sent a command made for another device or organization; it was not run."
            "Look for a proxy that mixes up answers, and at the portal's log."
        CommandSignature "command-signature"
            "A command is not validly signed by a key of the keyset, or not of the form that it has to have; it was not run."
            "Check PortalRootKey in the profile and the portal's signing keys."
        KeysetInvalid "keyset-invalid"
            "The portal's keyset is not validly signed by the root key, is older, or contradicts itself."
            "Check PortalRootKey in the profile against the portal."
        AgentTooOld "agent-too-old"
            "The portal does not speak this agent's version of the protocol."
            "Update Meridian."
        StateCorrupt "state-corrupt"
            "A stored file was damaged; it was moved aside and is not used."
            "Check the disk; keep the file that was moved aside for analysis."
        StateExposed "state-exposed"
            "A stored file, or the folder of such, could be read or changed by other users, or belongs to one; its mode was put right, or it was moved aside."
            "Find out who changed it; if it is identity.json, retire this Mac in the portal and enroll it anew."
        StateWriteFailed "state-write-failed"
            "What the agent has to remember could not be written to disk."
            "Free disk space and check the permissions below /Library/Application Support/Meridian."
        BaselineLost "baseline-lost"
            "The record of the values from before enforcement is lost; on release nothing will be put back."
            "Set the local restrictions by hand after the policy is unassigned."
        NotRestored "not-restored"
            "A setting stays as the agent set it: Parallels' tools did not show its value from before."
            "Set it by hand; or assign it as off and then take that away, which ends this problem."
        ParallelsMissing "parallels-missing"
            "Parallels Desktop is not installed."
            "Install Parallels Desktop, or remove Meridian from this Mac."
        ParallelsTooOld "parallels-too-old"
            "Parallels Desktop is older than 20.1.0, the first version that can be managed."
            "Update Parallels Desktop."
        ParallelsVersionUnreadable "parallels-version-unreadable"
            "The version of Parallels Desktop cannot be read; what is stored stays enforced."
            "Reinstall Parallels Desktop."
        ServiceStopped "service-stopped"
            "Parallels' service is not running; enforcement waits until it is."
            "Start Parallels Desktop."
        ToolUntrusted "tool-untrusted"
            "Parallels' command-line tools are not the signed originals; they are not run."
            "Reinstall Parallels Desktop."
        ToolTimeout "tool-timeout"
            "Parallels' command-line tools do not answer in time."
            "Restart Parallels Desktop."
        ToolFailed "tool-failed"
            "A command-line tool ended with an error."
            "Read the agent's log for what it said."
        OutputUnreadable "output-unreadable"
            "The output of a command-line tool could not be understood."
            "Report it with the version of Parallels Desktop; update Meridian."
        UserNotLoggedIn "user-not-logged-in"
            "The virtual machines of a user cannot be asked for until the user logs in."
            "Nothing to do: it ends when the user logs in."
        NeedsCustomPassword "needs-custom-password"
            "A change needs the custom password that protects Parallels Desktop's settings."
            "Switch off custom password protection, or make the change by hand."
        VmLocked "vm-locked"
            "A virtual machine's configuration is locked and could not be unlocked for a change."
            "Unlock the virtual machine's configuration by hand."
        SettingUnsupported "setting-unsupported"
            "A setting is unknown to this version, or cannot be enforced on this Mac."
            "Update Meridian or Parallels Desktop, or remove the setting from the policy."
        SettingInvalid "setting-invalid"
            "A setting has a value that it cannot take; the setting is ignored, the others count."
            "Correct the value in the policy or profile."
        SettingContested "setting-contested"
            "Something keeps changing a setting back; it is re-applied with growing pauses."
            "Find the user, profile or script that sets it."
        Violation "violation"
            "Something exists that the policy forbids and Parallels Desktop cannot prevent."
            "See `meridian vms` for which virtual machine, and settle it with its user."
        VersionPassed "version-passed"
            "A version of Parallels Desktop is installed that is held back."
            "See `meridian updates`; install the allowed version again, or allow this one."
        UpdateFeedFailed "update-feed-failed"
            "The feed of the update server cannot be read; what was read last stands."
            "Check the network, and a local server's file with `meridian updates check-feed`."
        HardwareChanged "hardware-changed"
            "This Mac is another one than the agent enrolled with; it enrolls anew."
            "Keep an enrollment token in the profile until it has enrolled."
        ImageUnavailable "image-unavailable"
            "A golden image that was asked for cannot be fetched; it is tried again."
            "Check the image's address and size in the portal, and the network."
        ImageDigestWrong "image-digest-wrong"
            "A golden image has not the digest that the portal signed; it was thrown away and reached nobody."
            "Correct the image's SHA-256 in the portal, or find out who changed the file."
        ImageNoSpace "image-no-space"
            "There is not enough space for a golden image, packed and unpacked."
            "Free disk space; the installation goes on by itself."
        ImageNotFit "image-not-fit"
            "A golden image waits: the Mac is half asleep, or on a battery below 40 %."
            "Connect the Mac to mains and open it; the installation goes on by itself."
        ImagePrivacyRefused "image-privacy-refused"
            "The privacy control of macOS does not let a golden image be stored in the user's folder."
            "Allow the agent Full Disk Access through MDM, or move the user's folder for virtual machines back to Parallels."
        ImageInstallFailed "image-install-failed"
            "A golden image could not be made a virtual machine."
            "See the detail; then order it again with meridian install-image."
        RestrictionNotRestored "restriction-not-restored"
            "A restriction that was lifted to add a golden image could not be put back; it is tried again."
            "Check that Parallels' service runs, and for a custom password in Parallels Desktop."
    }
}

table! {
    /// Why a compliance item is in its state.
    ComplianceReason {
        NotYetApplied "not-yet-applied"
            "The setting has not been applied yet."
            "Wait for the next pass."
        NotObserved "not-observed"
            "What the setting is now could not be observed."
            "Wait for the next pass; see the agent's problems."
        ServiceStopped "service-stopped"
            "Parallels' service is not running."
            "Start Parallels Desktop."
        UserNotLoggedIn "user-not-logged-in"
            "The user is not logged in."
            "Nothing to do: it ends when the user logs in."
        NotShown "not-shown"
            "The setting was set, and Parallels' tools do not show whether it holds."
            "Nothing to do."
        NotRestored "not-restored"
            "The setting stays as the agent set it: its value from before was not to be seen."
            "Set it by hand, or assign it as off."
        NoLever "no-lever"
            "Nothing on the Mac enforces the setting yet; Meridian heeds and reports it."
            "Nothing to do."
        NeedsCustomPassword "needs-custom-password"
            "The change needs the custom password."
            "Switch off custom password protection, or make the change by hand."
        VmLocked "vm-locked"
            "The virtual machine's configuration is locked."
            "Unlock the virtual machine's configuration by hand."
        ToolTimeout "tool-timeout"
            "The tool did not answer in time."
            "Restart Parallels Desktop."
        ToolFailed "tool-failed"
            "The tool ended with an error."
            "Read the agent's log for what it said."
        ToolUntrusted "tool-untrusted"
            "The tool is not the signed original."
            "Reinstall Parallels Desktop."
        OutputUnreadable "output-unreadable"
            "The tool's output could not be understood."
            "Report it with the version of Parallels Desktop."
        Contested "contested"
            "Something keeps changing the setting back."
            "Find the user, profile or script that sets it."
        UnknownSetting "unknown-setting"
            "This version of Meridian does not know the setting."
            "Update Meridian."
        InvalidValue "invalid-value"
            "The setting cannot take this value."
            "Correct the value in the policy or profile."
        ParallelsMissing "parallels-missing"
            "Parallels Desktop is not installed."
            "Install Parallels Desktop."
        ParallelsTooOld "parallels-too-old"
            "This version of Parallels Desktop does not have the setting."
            "Update Parallels Desktop."
        ParallelsVersionUnreadable "parallels-version-unreadable"
            "The version of Parallels Desktop cannot be read."
            "Reinstall Parallels Desktop."
        GuestUnsupported "guest-unsupported"
            "The setting does not exist for this guest system."
            "Nothing to do."
        CannotPrevent "cannot-prevent"
            "It exists against the policy, and Parallels Desktop cannot prevent it."
            "Settle it with the user of the virtual machine."
        VersionPassed "version-passed"
            "A version of Parallels Desktop is installed that the setting holds back, and nothing is known that prevents it."
            "Install the allowed version again, or allow this one: take the setting away and set it anew."
        BaselineLost "baseline-lost"
            "The value from before enforcement is not known, so that nothing is put back."
            "Set it by hand."
    }
}

table! {
    /// Why a portal leases no license: `reason` of `license-denied`. A later portal may have more words.
    DenialReason {
        NotActivated "not-activated"
            "Parallels Desktop is not activated on this Mac, and nothing else says which license it may have."
            "Install a license key or sign in, then verify again."
        KeyUnknown "key-unknown"
            "Parallels Desktop is activated with a key that is not the organization's, or not any more."
            "Install one of the organization's keys."
        UserUnknown "user-unknown"
            "The user who signed in is not in the organization's directory."
            "Add the user in the identity provider."
        UserDisabled "user-disabled"
            "The user who signed in has left the organization."
            "Sign in as another user."
        ActivationNotAccepted "activation-not-accepted"
            "The license gives no seats to this way of activation, a key or a sign-in."
            "Activate in the other way, or let the license give both kinds of seats."
        LicenseExpired "license-expired"
            "The license is past its end."
            "Renew it in the portal."
        LicenseReplaced "license-replaced"
            "Another license has taken the place of this one."
            "Install the new license's key."
        LicenseRevoked "license-revoked"
            "An administrator took the license away from this Mac."
            "Ask the administrator of the portal."
        NoSeats "no-seats"
            "All seats of the key are taken."
            "Free a seat or add seats in the portal."
        NoLicense "no-license"
            "The organization has no license that this Mac could have."
            "Add a license in the portal."
    }
}

/// The README's table of the problem codes, as Markdown.
#[must_use]
pub fn problem_table() -> String {
    manual(ProblemCode::ALL.iter().map(|each| (each.code(), each.explanation(), each.remedy())))
}

/// The README's table of the reasons of compliance items, as Markdown.
#[must_use]
pub fn reason_table() -> String {
    manual(ComplianceReason::ALL.iter().map(|each| (each.code(), each.explanation(), each.remedy())))
}

fn manual(rows: impl Iterator<Item = (&'static str, &'static str, &'static str)>) -> String {
    let head = "| name | what it means | what to do |\n|---|---|---|\n".to_owned();
    let rows = rows.map(|(code, explanation, remedy)| format!("| `{code}` | {explanation} | {remedy} |\n"));
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_unique_kebab_case_and_reads_back_from_text_and_json() {
        let mut seen = BTreeSet::new();
        for code in ProblemCode::ALL {
            assert!(seen.insert(code.code()), "{code} twice");
            assert!(code.code().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            assert_eq!(code.code().parse(), Ok(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.code());
            assert!(code.explanation().ends_with('.') && code.remedy().ends_with('.'), "{code}");
        }
        let mut seen = BTreeSet::new();
        for reason in ComplianceReason::ALL {
            assert!(seen.insert(reason.code()), "{reason} twice");
            assert_eq!(serde_json::from_value::<ComplianceReason>(reason.code().into()).unwrap(), *reason);
            assert!(reason.explanation().ends_with('.') && reason.remedy().ends_with('.'), "{reason}");
        }
        for reason in DenialReason::ALL {
            assert!(seen.insert(reason.code()), "{reason} twice");
            assert_eq!(reason.code().parse(), Ok(*reason));
            assert!(reason.explanation().ends_with('.') && reason.remedy().ends_with('.'), "{reason}");
        }
        assert_eq!("".parse::<ProblemCode>(), Err(UnknownCode));
    }
}
