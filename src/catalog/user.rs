//! The settings of each macOS user.

use super::application::PROFILE_POLICY;
use super::{Choice, DefaultForm, Kind, Lever, Requirement, Scope, Sensor, Setting, UserDefault};

const CHECKS: &[Choice] = &[
    Choice { value: "never", title: "Never" },
    Choice { value: "daily", title: "Once a day" },
    Choice { value: "weekly", title: "Once a week" },
    Choice { value: "monthly", title: "Once a month" },
];

/// Known: the key, and that 0 is never (public privacy scripts). Inferred: that the other numbers are those of
/// `updates_auto_check` in Parallels' `deploy.cfg` (KB 124041).
const CHECK: UserDefault = UserDefault {
    name: "Application preferences.Check for updates",
    form: DefaultForm::Numbers(&[("never", 0), ("daily", 1), ("weekly", 2), ("monthly", 3)]),
};

/// Known from public privacy scripts.
const AUTO_DOWNLOAD: UserDefault =
    UserDefault { name: "Application preferences.Download updates automatically", form: DefaultForm::Switch };

const fn user(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    (kind, default): (Kind, UserDefault),
) -> Setting {
    Setting {
        name,
        title,
        help,
        kind,
        scope: Scope::User,
        layers: PROFILE_POLICY,
        requires: Requirement::NONE,
        sensor: Sensor::UserDefault(default),
        lever: Lever::UserDefault(default),
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    user(
        "updates.check",
        "Check for updates",
        "How often Parallels Desktop, and the agent, look for updates.",
        (Kind::Choice(CHECKS), CHECK),
    ),
    user(
        "updates.auto_download",
        "Download updates",
        "Parallels Desktop downloads updates by itself.",
        (Kind::Switch, AUTO_DOWNLOAD),
    ),
];
