//! `status --field NAME`: one bare value for scripts and for extension attributes of MDM services.
//!
//! The names are stable. A value is one line without quotes; what is not there is nothing at all.

use jiff::Timestamp;

use super::alike::alike;
use super::status::grouped;
use super::text::printable;
use super::words::word;
use crate::control::view::StatusView;
use crate::domain::compliance::Tally;

type Get = fn(&StatusView) -> Option<String>;

/// A field, by its place in the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(usize);

/// Name, meaning, value.
const FIELDS: &[(&str, &str, Get)] = &[
    ("health", "ok, degraded or starting", |v| Some(word(&v.health.state))),
    ("health.since", "since when", |v| time(Some(v.health.since))),
    ("problems.count", "how many problems, the same of several objects once", |v| {
        text(Some(grouped(&v.health.problems).len()))
    }),
    ("problems.codes", "their codes, each once, with spaces between", |v| {
        Some(codes(v)).filter(|text| !text.is_empty())
    }),
    ("agent.version", "the daemon's version", |v| text(Some(&v.agent.version))),
    ("agent.pid", "the daemon's process id", |v| text(Some(v.agent.pid))),
    ("agent.started", "when the daemon started", |v| time(Some(v.agent.started_at))),
    ("portal.url", "the portal of the profile", |v| text(v.portal.url.as_ref())),
    ("portal.organization", "the id of its organization, once enrolled", |v| text(v.portal.organization)),
    ("device.id", "this Mac's id at the portal", |v| text(v.portal.device)),
    ("device.enrolled", "when it enrolled", |v| time(v.portal.enrolled_at)),
    ("assignment.version", "the signed assignment", |v| text(Some(v.assignment.as_ref()?.version))),
    ("assignment.refresh_by", "when the portal should have sent another", |v| {
        time(v.assignment.as_ref()?.refresh_by)
    }),
    ("assignment.retired", "true when the portal retired this Mac", |v| {
        text(Some(v.assignment.as_ref()?.retired))
    }),
    ("group.id", "the user group's id", |v| text(Some(v.assignment.as_ref()?.group.as_ref()?.id))),
    ("group.name", "the user group", |v| text(Some(&v.assignment.as_ref()?.group.as_ref()?.name))),
    ("policy.id", "the policy's id", |v| text(Some(v.assignment.as_ref()?.policy.as_ref()?.id))),
    ("policy.name", "the policy", |v| text(Some(&v.assignment.as_ref()?.policy.as_ref()?.name))),
    ("policy.revision", "its revision", |v| text(Some(v.assignment.as_ref()?.policy.as_ref()?.revision))),
    ("policy.since", "since when it is in force here", |v| {
        time(Some(v.assignment.as_ref()?.policy.as_ref()?.since))
    }),
    ("parallels.version", "Parallels Desktop's version", |v| text(v.parallels.version.as_ref())),
    ("parallels.gate", "what this version can be managed in", |v| Some(word(&v.parallels.gate))),
    ("updates.allowed", "the newest update that is allowed", |v| {
        text(v.parallels.updates.as_ref()?.allowed.as_ref())
    }),
    ("updates.held", "the newest update that is held back", |v| {
        text(v.parallels.updates.as_ref()?.held.first().map(|held| &held.version))
    }),
    ("license.stage", "how the license stands, all things considered", |v| {
        Some(v.license.stage.name().to_owned())
    }),
    ("license.state", "how it stands by the Mac's own account", |v| {
        Some(v.license.on_mac.state.name().to_owned())
    }),
    ("license.edition", "its edition", |v| text(v.license.on_mac.edition.as_ref())),
    ("license.activation", "key, sso or none", |v| text(v.license.on_mac.activation.map(|kind| kind.name()))),
    ("license.key", "its key, masked", |v| text(v.license.on_mac.key.as_ref())),
    ("license.verified_next", "when it is verified next", |v| time(v.license.verification.next_at)),
    ("license.deactivated", "when it was last given back", |v| {
        time(Some(v.license.deactivation.as_ref()?.at))
    }),
    ("checkin.last", "when the last check-in ended", |v| time(Some(v.checkin.last.as_ref()?.at))),
    ("checkin.succeeded", "whether it ended well", |v| text(Some(v.checkin.last.as_ref()?.succeeded))),
    ("checkin.detail", "what it brought, or why it failed", |v| text(Some(&v.checkin.last.as_ref()?.detail))),
    ("checkin.last_success", "when one last ended well", |v| time(v.checkin.last_success)),
    ("checkin.next", "when the next one is due", |v| time(Some(v.checkin.next.as_ref()?.at))),
    ("checkin.next_reason", "why then", |v| text(Some(&v.checkin.next.as_ref()?.reason))),
    ("checkin.wait", "whether the portal can call for one, at most once a minute", |v| {
        text(Some(v.checkin.wait_open))
    }),
    ("settled", "true when nothing is left to change and all was seen to be so", |v| {
        text(Some(v.enforcement.settled))
    }),
    ("settled.since", "since when", |v| time(v.enforcement.settled_since)),
    ("settings.state", "none, compliant, or the worst of pending, drifted, failed, violated", |v| {
        Some(worst(&v.enforcement.tally).to_owned())
    }),
    ("settings.managed", "settings that a source names or implies", |v| text(Some(v.enforcement.managed))),
    ("settings.enforced", "those that the agent has to enforce", |v| text(Some(v.enforcement.enforced))),
    ("settings.compliant", "seen to be as they should", |v| text(Some(v.enforcement.tally.compliant))),
    ("settings.drifted", "seen to differ", |v| text(Some(v.enforcement.tally.drifted))),
    ("settings.violated", "not preventable and violated", |v| text(Some(v.enforcement.tally.violated))),
    ("settings.failed", "could not be set", |v| text(Some(v.enforcement.tally.failed))),
    ("settings.pending", "not known yet", |v| text(Some(v.enforcement.tally.pending))),
    ("settings.local", "decided by a local restriction", |v| text(Some(v.enforcement.tally.local))),
    ("settings.heeded", "enforced by nothing, heeded by the agent", |v| {
        text(Some(v.enforcement.tally.heeded))
    }),
    ("settings.unshown", "set, and nothing shows whether they hold", |v| {
        text(Some(v.enforcement.tally.unshown))
    }),
    ("settings.unsupported", "not there on this Mac", |v| text(Some(v.enforcement.tally.unsupported))),
    ("settings.idle", "of virtual machines, and there is none", |v| text(Some(v.enforcement.tally.idle))),
    ("corrections.count", "how often drift was put right", |v| text(Some(v.enforcement.corrections))),
    ("corrections.last", "when it last was", |v| time(v.enforcement.last_correction)),
    ("vms.count", "virtual machines", |v| text(v.vms.total)),
    ("vms.corporate", "those from a golden image", |v| text(v.vms.corporate)),
    ("sources", "the layers that are there, lowest first", |v| {
        Some(layers(v)).filter(|text| !text.is_empty())
    }),
    ("written_at", "when this status was put together", |v| time(Some(v.written_at))),
];

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| printable(&value.to_string()))
}

fn time(value: Option<Timestamp>) -> Option<String> {
    value.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn codes(view: &StatusView) -> String {
    let codes = alike(&view.health.problems, |problem| problem.code.as_str());
    let codes: Vec<_> =
        codes.iter().filter_map(|group| group.first()).map(|first| first.code.as_str()).collect();
    printable(&codes.join(" "))
}

fn layers(view: &StatusView) -> String {
    let mut layers: Vec<_> = view.sources.iter().map(|source| source.layer).collect();
    layers.sort_unstable();
    layers.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// How the settings are that the agent has to enforce, in one word: the worst of them.
const fn worst(tally: &Tally) -> &'static str {
    match tally {
        Tally { violated: 1.., .. } => "violated",
        Tally { failed: 1.., .. } => "failed",
        Tally { drifted: 1.., .. } => "drifted",
        Tally { pending: 1.., .. } => "pending",
        Tally { compliant: 1.., .. } => "compliant",
        Tally { .. } => "none",
    }
}

/// The field of this name.
///
/// # Errors
/// A complaint for the usage error, with the nearest name.
pub(super) fn parse(name: &str) -> Result<Field, String> {
    FIELDS.iter().position(|(known, ..)| *known == name).map(Field).ok_or_else(|| {
        let near = crate::domain::nearest::to(name, FIELDS.iter().map(|(known, ..)| *known));
        match near.first() {
            Some(near) => format!("there is no such field; did you mean {near}?"),
            None => "there is no such field; `meridian status --help` lists them".to_owned(),
        }
    })
}

impl Field {
    /// The bare value, with nothing a terminal would obey; `None` where there is none.
    #[must_use]
    pub(super) fn of(self, view: &StatusView) -> Option<String> {
        FIELDS.get(self.0).and_then(|(_, _, get)| get(view))
    }
}

/// The list of names for `--help`.
#[must_use]
pub(super) fn help() -> String {
    let rows = FIELDS.iter().map(|(name, meaning, _)| format!("  {name:<24}{meaning}\n"));
    format!(
        "The status comes from the daemon, or within 2 s from the file that it last wrote; then the exit code is \
         5.\n\nNames of --field; times are UTC:\n{}",
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_field_has_a_bare_value() {
        let view = samples::status();
        let listing: String = FIELDS
            .iter()
            .map(|(name, ..)| format!("{name} = {}\n", parse(name).unwrap().of(&view).unwrap_or_default()))
            .collect();
        insta::assert_snapshot!("fields", listing);
    }

    #[test]
    fn before_enrollment_most_fields_have_none() {
        let view = samples::starting();
        let absent = FIELDS.iter().filter(|(.., get)| get(&view).is_none()).map(|(name, ..)| *name);
        insta::assert_snapshot!("fields_absent", absent.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn the_settings_are_as_the_worst_of_them() {
        let all = Tally { compliant: 4, violated: 1, failed: 1, drifted: 1, pending: 1, ..Tally::default() };
        assert_eq!(worst(&all), "violated");
        assert_eq!(worst(&Tally { violated: 0, ..all }), "failed");
        assert_eq!(worst(&Tally { violated: 0, failed: 0, ..all }), "drifted");
        assert_eq!(worst(&Tally { violated: 0, failed: 0, drifted: 0, ..all }), "pending");
        assert_eq!(worst(&Tally { compliant: 1, heeded: 1, ..Tally::default() }), "compliant");
        assert_eq!(worst(&Tally { local: 5, heeded: 1, ..Tally::default() }), "none");
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_one() {
        assert!(parse("policy.nam").unwrap_err().contains("policy.name"));
        assert!(parse("zzz").unwrap_err().contains("--help"));
    }
}
