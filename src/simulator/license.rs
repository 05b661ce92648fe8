//! The licensing verbs of `prlsrvctl`. In: options; out: text or JSON, and what [`super::licensing`] makes of the order.
//! The words of success are from outputs of release 26.3 and the OpenVZ fork, those of failure begin as the fork's do.

use super::licensing::{Activation, Installed, LicenseRefusal, Standing, masked};
use super::output::{Node, Style, yes_no};
use super::prlctl::uuid_of;
use super::prlsrvctl::usage;
use super::state::State;
use super::{Answer, Effect};

/// `prlsrvctl install-license -k|--key KEY [-n NAME] [-c COMPANY] [--activate-online-immediately] [--deferred]`.
pub(super) fn install(options: &[&str], state: &mut State) -> Answer {
    let mut license = Installed::default();
    let mut rest = options;
    while let [option, others @ ..] = rest {
        rest = others;
        let target = match *option {
            "--activate-online-immediately" => continue,
            "--deferred" => {
                license.deferred = true;
                continue;
            }
            "-k" | "--key" => &mut license.key,
            "-n" | "--name" => &mut license.user,
            "-c" | "--company" => &mut license.organization,
            _ => return usage(&format!("Unrecognized option: {option}")),
        };
        let [value, others @ ..] = rest else {
            return usage(&format!("Option requires an argument: {option}"));
        };
        (*value).clone_into(target);
        rest = others;
    }
    if license.key.is_empty() {
        return Answer::fail(1, "The license key is not specified.");
    }
    told(state.licensing.install(license), "install", "installed")
}

/// `prlsrvctl update-license`.
pub(super) fn update(state: &mut State) -> Answer {
    told(state.licensing.update(), "update", "updated")
}

/// `prlsrvctl deactivate-license [--skip-network-errors]`. A user who signed in is signed out (inferred).
pub(super) fn deactivate(skip_network_errors: bool, state: &mut State) -> Answer {
    let sso = state.licensing.installed.as_ref().is_some_and(|it| it.activation == Activation::Sso);
    let result = state.licensing.deactivate(skip_network_errors);
    if sso && result.is_ok() {
        state.service.signed_in = false;
    }
    told(result, "deactivate", "deactivated")
}

/// Nearly every error of Parallels' library ends a tool with 255. `licenses.json` is rewritten also when nothing
/// changed, as it is downloaded anew (inferred).
fn told(result: Result<(), LicenseRefusal>, verb: &str, done: &str) -> Answer {
    match result {
        Ok(()) => Answer {
            effects: vec![Effect::WriteLicenses],
            ..Answer::ok(format!("The license has been successfully {done}.\n"))
        },
        Err(refusal) => Answer::fail(255, format!("Failed to {verb} the license: {refusal}")),
    }
}

/// `prlsrvctl info --license [-j]`. The JSON of a broken license fails as in vagrant-parallels issue 326.
pub(super) fn info(json: bool, state: &State) -> Answer {
    if json && state.licensing.bad_state {
        return Answer::fail(255, "PrlHandle_FromString: Invalid argument. An invalid argument was passed.");
    }
    let pairs = state.licensing.installed.as_ref().map(|license| pairs(license, state));
    if json {
        let node = Node::Object(pairs.unwrap_or_default());
        let style = Style { raw_control: state.quirks.control_characters };
        return Answer::ok(format!("{}\n", node.render(style)));
    }
    let mut text = "Searching for installed licenses...\n".to_owned();
    match pairs {
        Some(pairs) => {
            for (key, value) in pairs {
                match value {
                    Node::Text(value) => text.push_str(&format!("\t{key}=\"{value}\"\n")),
                    value => text.push_str(&format!("\t{key}={}\n", value.render(Style::default()))),
                }
            }
        }
        None => text.push_str("No licenses installed.\n"),
    }
    Answer::ok(text)
}

/// The keys that prl-devops-service and the terraform provider read, in their order; then, where they are known or
/// when the release is an old one, those that only old releases are known to print.
fn pairs(license: &Installed, state: &State) -> Vec<(String, Node)> {
    let terms = &license.terms;
    let serial = if state.quirks.unmasked_serial { license.key.clone() } else { masked(&license.key) };
    let activation = match license.activation {
        _ if license.deferred => "",
        Activation::Key => "LIC_KEY",
        Activation::Sso => "SSO",
    };
    let broken = state.licensing.bad_state;
    let status = match license.standing() {
        _ if broken => "INVALID",
        Standing::Active => "ACTIVE",
        Standing::Graced => "GRACED",
        Standing::Expired => "EXPIRED",
        Standing::Invalid => "INVALID",
    };
    let mut pairs: Vec<(&str, Node)> = vec![
        ("status", status.into()),
        ("serial", serial.into()),
        // A runbook for release 26.3.3 found the end of the grace here, not that of the paid period.
        ("expiration", (&terms.grace_period_ends_at).into()),
        ("main_period_ends_at", (&terms.main_period_ends_at).into()),
        ("grace_period_ends_at", (&terms.grace_period_ends_at).into()),
        ("cpu_total", terms.cpu_total.into()),
        ("max_memory", terms.max_memory_mb.into()),
        ("edition", (&terms.edition).into()),
        ("is_trial", yes_no(terms.trial).into()),
        ("is_volume", yes_no(terms.volume).into()),
        ("deferred_activation", if license.deferred { "enabled" } else { "disabled" }.into()),
        ("uuid", uuid_of(license.key.as_bytes()).into()),
        ("activation_type", activation.into()),
    ];
    let old = state.quirks.old_license_keys;
    if old {
        pairs.push(("advanced_restrictions", "off".into()));
        pairs.push(("hardware_id", (&state.parallels.hardware_id).into()));
    }
    for (key, value) in [("user", &license.user), ("organization", &license.organization)] {
        if old || !value.is_empty() {
            pairs.push((key, value.into()));
        }
    }
    if old {
        pairs.push(("start_date", "2026-09-01 00:00:00".into()));
        pairs.push(("graceperiod", 14.into()));
        pairs.push(("product", 7.into()));
    }
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What `prlsrvctl info` says of the license in one line: state, key, whether it is restricted. The states are those of
/// the OpenVZ fork's `PrlSrv.h`; what is said without a license is inferred.
pub(super) fn summary(state: &State) -> (&'static str, String, &'static str) {
    let Some(license) = &state.licensing.installed else {
        return ("not valid", String::new(), "false");
    };
    let standing = match license.standing() {
        _ if state.licensing.bad_state => "not valid",
        Standing::Active => "valid",
        Standing::Graced => "graced",
        Standing::Expired | Standing::Invalid => "not valid",
    };
    (standing, masked(&license.key), "false")
}
