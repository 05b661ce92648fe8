//! Which Macs are shown, and in which order. Pure.

use std::cmp::Ordering;

use crate::domain::compliance::Tally;
use crate::portal::pages::browse::{Browse, Column, Needle, Params, Word, natural};
use crate::portal::pages::filter::{GroupFilter, words};
use crate::portal::pages::query::{Query, one};
use crate::portal::rows::DeviceRow;

words! {
    /// What to sort Macs by.
    DeviceColumn {
        /// The host name.
        Mac = "mac", "Mac",
        /// The version of Parallels Desktop.
        Parallels = "parallels", "Parallels Desktop",
        /// The agent's version.
        Agent = "agent", "Agent",
        /// The user group.
        Group = "group", "Group",
        /// The policy.
        Policy = "policy", "Policy",
        /// How its settings stand.
        Compliance = "compliance", "Compliance",
        /// How much is wrong.
        Problems = "problems", "Problems",
        /// How many virtual machines it has.
        Vms = "vms", "VMs",
        /// When it last checked in.
        Seen = "seen", "Last seen",
    }
}

impl Column for DeviceColumn {
    const FIRST: Self = Self::Mac;

    fn descends(self) -> bool {
        matches!(self, Self::Compliance | Self::Problems | Self::Vms | Self::Seen)
    }
}

words! {
    /// How a Mac stands, as far as a filter tells it apart.
    StandingFilter {
        /// Something is not as ordered, a problem is reported, or Parallels Desktop is too old.
        Attention = "attention", "Needs attention",
        /// Every setting is as ordered.
        Compliant = "compliant", "Compliant",
        /// Something is not known yet.
        Pending = "pending", "Pending",
        /// Parallels Desktop is too old or not there.
        Gated = "gated", "Too old or missing",
        /// Retired.
        Retired = "retired", "Retired",
    }
}

impl StandingFilter {
    /// Whether a Mac stands so. A retired one stands as nothing else.
    pub(super) fn admits(self, row: &DeviceRow) -> bool {
        let counts = &row.compliance.counts;
        let gated = row.versions.too_old || row.versions.parallels.is_none();
        match self {
            Self::Retired => row.retired,
            _ if row.retired => false,
            Self::Attention => gated || !row.problems.is_empty() || Grade::of(counts) >= Grade::Drifted,
            // What is only heeded complies with nothing: the pill says so, too.
            Self::Compliant => {
                counts.compliant > 0 && matches!(Grade::of(counts), Grade::Compliant | Grade::Partly)
            }
            Self::Pending => counts.pending > 0,
            Self::Gated => gated,
        }
    }
}

/// How the settings of a Mac stand together: as the worst of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// There is none.
    Nothing,
    /// All are as ordered.
    Compliant,
    /// All that this Mac can enforce are as ordered.
    Partly,
    /// Some are not known yet.
    Pending,
    /// Some are being put right.
    Drifted,
    /// Some failed or are violated.
    Failed,
}

impl Grade {
    /// The grade of these numbers.
    pub(super) fn of(counts: &Tally) -> Self {
        match *counts {
            Tally { failed: 1.., .. } | Tally { violated: 1.., .. } => Self::Failed,
            Tally { drifted: 1.., .. } => Self::Drifted,
            Tally { pending: 1.., .. } => Self::Pending,
            Tally { unsupported: 1.., .. } => Self::Partly,
            Tally { compliant: 1.., .. } => Self::Compliant,
            Tally { heeded: 1.., .. } => Self::Partly,
            _ => Self::Nothing,
        }
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<DeviceColumn>,
    /// How it stands.
    pub(super) standing: Option<StandingFilter>,
    /// The user group.
    pub(super) group: Option<GroupFilter>,
    /// One Mac, by its id; empty for all.
    pub(super) device: String,
}

impl Query for DeviceQuery {
    type Row = DeviceRow;
    type By = DeviceColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self {
            browse: Browse::read(params),
            standing: StandingFilter::read(params.get("standing")),
            group: GroupFilter::read(params.get("group")),
            device: params.get("device").to_owned(),
        }
    }

    fn browse(&self) -> &Browse<DeviceColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<DeviceColumn>) -> Self {
        Self { browse, ..self.clone() }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("standing", self.standing.map(|standing| standing.word().to_owned())),
            ("group", self.group.as_ref().map(GroupFilter::write)),
            ("device", one(&self.device)),
        ]
    }

    fn admits(&self, row: &DeviceRow, needle: &Needle) -> bool {
        self.standing.is_none_or(|standing| standing.admits(row))
            && self.group.as_ref().is_none_or(|group| group.admits(row.assigned.group.as_deref()))
            && (self.device.is_empty() || row.id.to_string() == self.device)
            && found(row, needle)
    }

    fn order(&self, left: &DeviceRow, right: &DeviceRow) -> Ordering {
        let policy = |row: &DeviceRow| {
            row.assigned
                .policy
                .as_ref()
                .map_or((String::new(), 0), |policy| (policy.name.to_lowercase(), policy.revision))
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let wrong = |counts: &Tally| (Grade::of(counts), counts.failed.saturating_add(counts.violated));
        let by_column = match self.browse.sort {
            DeviceColumn::Mac => natural(&left.hostname, &right.hostname),
            DeviceColumn::Parallels => {
                natural(&text(&left.versions.parallels), &text(&right.versions.parallels))
            }
            DeviceColumn::Agent => natural(&left.versions.agent, &right.versions.agent),
            DeviceColumn::Group => natural(&text(&left.assigned.group), &text(&right.assigned.group)),
            DeviceColumn::Policy => policy(left).cmp(&policy(right)),
            DeviceColumn::Compliance => wrong(&left.compliance.counts).cmp(&wrong(&right.compliance.counts)),
            DeviceColumn::Problems => left.problems.len().cmp(&right.problems.len()),
            DeviceColumn::Vms => left.vms.cmp(&right.vms),
            DeviceColumn::Seen => left.last_seen.cmp(&right.last_seen),
        };
        self.browse.order(by_column, || {
            natural(&left.hostname, &right.hostname).then_with(|| left.id.cmp(&right.id))
        })
    }
}

/// Whether the row holds what is searched for: in its texts, its problems, its id.
fn found(row: &DeviceRow, needle: &Needle) -> bool {
    let id = row.id.to_string();
    let texts = [row.hostname.as_str(), &row.hardware.model, &row.hardware.serial, &row.versions.os, &id]
        .into_iter()
        .chain([row.hardware.arch.name(), &row.versions.agent])
        .chain(row.versions.parallels.as_deref())
        .chain(row.assigned.group.as_deref())
        .chain(row.assigned.policy.as_ref().map(|policy| policy.name.as_str()))
        .chain(row.problems.iter().map(|problem| problem.code.as_str()))
        .chain(row.compliance.noncompliant.iter().map(|item| item.setting.as_str()));
    needle.finds(texts)
}

#[cfg(test)]
mod tests;
