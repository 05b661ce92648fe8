//! The keys that the agent reads from its managed preferences: one table, from which the manifest, the schema, the README's
//! table and the suggestions for misspelled names are made. How each is read stands in `item`; a test ties the two.

use std::ops::RangeInclusive;

/// How often a Mac may be told to check in, in seconds.
pub(super) const INTERVAL: RangeInclusive<u64> = 30..=86_400;

/// The levels of the log, the least talkative first.
pub(super) const LEVELS: [(&str, tracing::Level); 5] = [
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
    ("trace", tracing::Level::TRACE),
];

const LEVEL_NAMES: &[&str] = &[LEVELS[0].0, LEVELS[1].0, LEVELS[2].0, LEVELS[3].0, LEVELS[4].0];

/// A key of the agent's managed preferences.
#[derive(Debug, PartialEq, Eq)]
pub struct ProfileKey {
    /// Its name.
    pub name: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// One or two sentences for administrators, as Markdown.
    pub help: &'static str,
    /// Which values it takes.
    pub form: KeyForm,
    /// The value is a secret.
    pub secret: bool,
}

/// Which values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// A string.
    Text {
        /// A regular expression that every good value meets, and some bad ones.
        pattern: &'static str,
        /// An example.
        example: &'static str,
    },
    /// A string, or data.
    Certificates,
    /// An integer of seconds.
    Seconds {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// The dictionary of settings.
    Settings,
}

/// The keys, in the order in which an administrator fills them in.
pub const KEYS: &[ProfileKey] = &[
    ProfileKey {
        name: "PortalURL",
        title: "Portal",
        help: "The portal's origin, such as `https://portal.example.com`. Plain `http` is accepted for loopback only.",
        form: KeyForm::Text {
            pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/]+/?$",
            example: "https://portal.example.com",
        },
        secret: false,
    },
    ProfileKey {
        name: "PortalRootKey",
        title: "Portal's root key",
        help: "The public half of the organization's root key: an Ed25519 key as base64url, 43 characters. Without it nothing is \
               enrolled and nothing applied.",
        form: KeyForm::Text {
            pattern: "^[A-Za-z0-9_-]{43}$",
            example: "SET-THE-PUBLIC-ROOT-KEY-OF-YOUR-PORTAL-HERE",
        },
        secret: false,
    },
    ProfileKey {
        name: "EnrollmentToken",
        title: "Enrollment token",
        help: "What lets this Mac enroll: 1 to 1024 printable ASCII characters. Every local user can read it.",
        form: KeyForm::Text { pattern: "^[!-~]{1,1024}$", example: "PUT-AN-ENROLLMENT-TOKEN-HERE" },
        secret: true,
    },
    ProfileKey {
        name: "PortalCA",
        title: "Portal's certificate authority",
        help: "Certificates that the portal's TLS may chain to besides the trust store's: PEM text, or DER.",
        form: KeyForm::Certificates,
        secret: false,
    },
    ProfileKey {
        name: "CheckInIntervalSeconds",
        title: "Check-in interval",
        help: "How often to check in until the portal directs otherwise: 30 to 86400.",
        form: KeyForm::Seconds { least: *INTERVAL.start(), most: *INTERVAL.end() },
        secret: false,
    },
    ProfileKey {
        name: "LogLevel",
        title: "Log level",
        help: "`error`, `warn`, `info`, `debug` (also each tool that ran and each word with the portal) or `trace` (also each \
               question at the socket); without it `info`.",
        form: KeyForm::Choice(LEVEL_NAMES),
        secret: false,
    },
    ProfileKey {
        name: "DeactivationOrder",
        title: "Order to give the license back",
        help: "Gives the license of Parallels Desktop back, once for each name: 1 to 128 printable characters. The same as \
               `meridian deactivate-license --id`.",
        form: KeyForm::Text { pattern: "^\\S(.{0,126}\\S)?$", example: "retired-2026-11" },
        secret: false,
    },
    ProfileKey {
        name: "Settings",
        title: "Settings",
        help: "Keys of the settings table that a profile may set.",
        form: KeyForm::Settings,
        secret: false,
    },
];

/// The README's table of the keys, as Markdown.
#[must_use]
pub fn profile_table() -> String {
    let row = |key: &ProfileKey| {
        let kind = match key.form {
            KeyForm::Text { .. } | KeyForm::Choice(_) => "string",
            KeyForm::Certificates => "string or data",
            KeyForm::Seconds { .. } => "integer",
            KeyForm::Settings => "dictionary",
        };
        format!("| `{}` | {kind} | {} |\n", key.name, key.help)
    };
    format!("| key | type | what it says |\n|---|---|---|\n{}", KEYS.iter().map(row).collect::<String>())
}
