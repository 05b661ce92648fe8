//! The settings of each macOS user.

use super::application::PROFILE_POLICY;
use super::{Choice, Kind, Lever, Requirement, Scope, Sensor, Setting};

const CHECKS: &[Choice] = &[
    Choice { value: "never", title: "Never" },
    Choice { value: "daily", title: "Once a day" },
    Choice { value: "weekly", title: "Once a week" },
    Choice { value: "monthly", title: "Once a month" },
];

const fn user(name: &'static str, title: &'static str, help: &'static str, kind: Kind) -> Setting {
    Setting {
        name,
        title,
        help,
        kind,
        scope: Scope::User,
        layers: PROFILE_POLICY,
        requires: Requirement::NONE,
        sensor: Sensor::Unseen,
        lever: Lever::Heeded,
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    user(
        "updates.check",
        "Check for updates",
        "How often Parallels Desktop looks for updates.",
        Kind::Choice(CHECKS),
    ),
    user(
        "updates.auto_download",
        "Download updates",
        "Parallels Desktop downloads updates by itself.",
        Kind::Switch,
    ),
];
