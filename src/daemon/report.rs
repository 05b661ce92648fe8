//! What the check-in reports of this Mac, made from the board. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::board::Board;
use super::problems::Problem;
use crate::catalog;
use crate::checkin::local::{Licensing, Local, Machines, Parallels, Portal};
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::enforce::compliance::Standing;
use crate::hypervisor::outcome::Answer;
use crate::inventory::record::{record, volatile};
use crate::license::State;
use crate::sources::layer::Layer;
use crate::sources::profile::{Item, Preferences};
use crate::wire::checkin::{ComplianceItem, ComplianceState, LicenseReport, ReportedProblem};
use crate::wire::codes::ComplianceReason;
use crate::wire::enrollment::EnrollmentToken;
use crate::wire::key::PublicKey;

/// The longest detail of a problem that travels, in characters.
const LONGEST_DETAIL: usize = 200;

/// True once what is on disk was enforced: nothing is said before, because boot does not wait for the network.
#[must_use]
pub fn is_enforced(board: &Board) -> bool {
    board.observation.begun && board.enforcement.settled
}

/// What there is to say; to no portal before `may_speak`.
#[must_use]
pub fn local(board: &Board, problems: &[(Problem, Timestamp)], may_speak: bool) -> Local {
    let preferences = board.profile.preferences.as_ref().filter(|_| may_speak);
    let observation = &board.observation;
    let listed = matches!(observation.listed, Answer::Known(()));
    Local {
        portal: preferences.map(portal).unwrap_or_default(),
        host: observation.host.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        parallels: match &observation.parallels {
            Answer::Known(version) | Answer::TooOld(version) => Parallels::Installed(version.clone()),
            Answer::NotInstalled => Parallels::Missing,
            Answer::CouldNotAsk(_) | Answer::ServiceStopped | Answer::NotLoggedIn => Parallels::Unreadable,
        },
        local_restrictions: board.enforcement.local.iter().map(|(key, value)| named(*key, value)).members(),
        profile_settings: board.profile.layer.as_ref().map(settings).unwrap_or_default(),
        updates: super::updater::report(board),
        compliance: compliance(board),
        problems: problems.iter().map(|(problem, since)| reported(problem, *since)).collect(),
        vms: listed.then(|| machines(board)),
        images: super::imaging::progress(board),
        licensing: licensing(board),
    }
}

/// The license as it was seen last, and what is wanted of the lease.
fn licensing(board: &Board) -> Licensing {
    let sight = &board.observation.license;
    Licensing {
        license: (sight.looks > 0).then(|| LicenseReport::from(&sight.facts)),
        wish: board.licensing.state.as_ref().map(State::wish).unwrap_or_default(),
        acks: board.commanded.acks.clone(),
        full_reports: board.commanded.full_reports,
    }
}

/// How the settings stand, with those of the policy that this version does not know.
fn compliance(board: &Board) -> Vec<ComplianceItem> {
    let known = board.enforcement.standings.iter().map(Standing::item);
    let strangers = board.enforcement.effective.strangers.iter();
    let of_policy = strangers.filter(|(_, bad)| bad.layer == catalog::LayerKind::Policy);
    let unknown = of_policy.map(|(name, _)| ComplianceItem {
        subject: Subject::App,
        setting: name.clone(),
        state: ComplianceState::Unsupported,
        reason: Some(ComplianceReason::UnknownSetting),
    });
    known.chain(unknown).collect()
}

/// What the profile says of the portal.
#[must_use]
pub fn portal(preferences: &Preferences) -> Portal {
    let set = |item: &Item<_>| item.value().map(ToString::to_string);
    Portal {
        origin: set(&preferences.portal_url),
        root_key: preferences.portal_root_key.value().and_then(|bytes| PublicKey::new(*bytes).ok()),
        root_key_is_bad: matches!(preferences.portal_root_key, Item::Bad(_)),
        token: preferences
            .enrollment_token
            .value()
            .map(|token| EnrollmentToken::new(token.reveal().to_owned())),
        ca: preferences.portal_ca.value().cloned(),
    }
}

fn settings(layer: &Layer) -> Map<String, Value> {
    let values = layer.items.iter().filter_map(|(key, item)| Some(named(*key, item.as_ref().ok()?)));
    values.members()
}

fn named(key: catalog::Key, value: &catalog::Value) -> (String, Value) {
    (key.name().to_owned(), super::views::json(value))
}

fn reported(problem: &Problem, since: Timestamp) -> ReportedProblem {
    let detail: String = problem.detail.chars().take(LONGEST_DETAIL).collect();
    ReportedProblem { code: problem.code, since, detail: (!detail.is_empty()).then_some(detail) }
}

fn machines(board: &Board) -> Machines {
    let vms = || board.observation.inventory.vms.values();
    let image = |vm| board.imaging.book.lineage.get(&vm).map(|lineage| lineage.image);
    Machines {
        records: vms().map(|vm| record(vm, image(vm.id), board.enforcement.violations.get(&vm.id))).collect(),
        volatile: vms().filter_map(volatile).collect(),
    }
}
