//! `meridian profile make`: writes the profile that MDM delivers. It asks no daemon, and runs anywhere.
//!
//! What is made is judged as `config validate` does it before it is written, so that no profile is made whose keys do not count.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use plist::{Dictionary, Value};
use serde::Serialize;

use super::arguments::Format;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use crate::catalog::Key;
use crate::domain::character::is_dangerous;
use crate::domain::nearest;
use crate::error::Chain;
use crate::payload::{self, Disk, Draft, Judgment, PayloadError, Shape, Team, examine};
use crate::state::atomic;

/// The most bytes of a file that a flag names.
const LARGEST: u64 = 1 << 20;

/// Of `profile`.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileVerb {
    /// Write a configuration profile (.mobileconfig) to upload to MDM
    Make(Box<MakeArguments>),
}

/// Of `profile make`.
#[derive(Debug, Args)]
#[command(
    after_help = "TOKEN and KEY may be given as @FILE, which keeps them out of the list of processes. The same flags write the \
                  same file, and its UUIDs depend on --identifier and --organization alone, so that MDM and macOS update the \
                  profile in place. It is unsigned; MDM signs what it delivers. Every user of a Mac can read what a profile \
                  sets, the enrollment token included: prefer tokens that serve once."
)]
pub(super) struct MakeArguments {
    /// What the agent is told.
    #[command(flatten)]
    pub agent: AgentFlags,
    /// What else is in the profile.
    #[command(flatten)]
    pub more: MoreFlags,
    /// The file.
    #[command(flatten)]
    pub file: FileFlags,
}

/// Keys of the agent.
#[derive(Debug, Args)]
pub(super) struct AgentFlags {
    /// The portal's origin.
    #[arg(long, value_name = "URL", help = "The portal's origin, such as https://portal.example.com")]
    pub portal_url: String,
    /// The public half of the portal's root key, as the portal shows it
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub root_key: String,
    /// What lets a Mac enroll
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub enrollment_token: Option<String>,
    /// Certificates of the portal's own authority, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How often to check in until the portal directs otherwise
    #[arg(long, value_name = "SECONDS")]
    pub check_in_interval: Option<u32>,
    /// error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Give the license back, once for each name
    #[arg(long, value_name = "NAME")]
    pub deactivation_order: Option<String>,
    /// A setting, such as updates.stay_on_major=true; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
}

/// Other payloads.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("allowed").args(["background_item", "full_disk_access"]).multiple(true))]
pub(super) struct MoreFlags {
    /// Activate Parallels Desktop with this license key
    #[arg(long, value_name = "KEY", conflicts_with = "sso")]
    pub license_key: Option<String>,
    /// Activate Parallels Desktop by single sign-on
    #[arg(long)]
    pub sso: bool,
    /// Approve the agent's background item, so that no user can switch it off
    #[arg(long)]
    pub background_item: bool,
    /// Let the agent read virtual machines in folders that macOS protects; needs --team
    #[arg(long, requires = "team")]
    pub full_disk_access: bool,
    /// The team by whose certificate the package is signed, such as ABCDE12345; for the two flags before
    #[arg(long, value_name = "TEAM", requires = "allowed")]
    pub team: Option<String>,
}

/// The file.
#[derive(Debug, Args)]
pub(super) struct FileFlags {
    /// Where to write it, a regular file; mode 0600
    #[arg(long, value_name = "FILE", value_parser = output)]
    pub output: PathBuf,
    /// Replace the file if there is one; a device, pipe, folder or link is never replaced
    #[arg(long)]
    pub force: bool,
    /// The profile's identifier, such as com.example.meridian
    #[arg(long, value_name = "ID", default_value = "dev.meridian.profile", value_parser = identifier)]
    pub identifier: String,
    /// Who gives the profile out
    #[arg(long, value_name = "NAME", value_parser = organization)]
    pub organization: Option<String>,
    /// How the keys are packed; macOS makes the same of both
    #[arg(long, value_enum, default_value_t = Packed::CustomDomain)]
    pub form: Packed,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// How the keys are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Packed {
    /// A payload of the domain's own type.
    CustomDomain,
    /// A payload of com.apple.ManagedClient.preferences.
    ManagedClient,
}

fn identifier(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_part = |part: &str| part.bytes().all(is_plain) && part.bytes().any(|b| b.is_ascii_alphanumeric());
    if text.len() <= 200 && text.split('.').all(is_part) {
        Ok(text.to_owned())
    } else {
        Err(
            "an identifier has letters, digits, hyphens and underscores, in parts between dots, such as com.example.meridian",
        )
    }
}

/// A hyphen stands for standard output elsewhere. What is made may hold secrets, and its file has a mode for that.
fn output(text: &str) -> Result<PathBuf, &'static str> {
    match text {
        "-" => Err("it is written to a file; for one of that name say ./-"),
        _ => Ok(text.into()),
    }
}

fn organization(text: &str) -> Result<String, &'static str> {
    if text.trim() == text && (1..=200).contains(&text.chars().count()) && !text.contains(is_dangerous) {
        Ok(text.to_owned())
    } else {
        Err("an organization's name has 1 to 200 printable characters, and no space around it")
    }
}

impl MakeArguments {
    /// For people or for programs.
    #[must_use]
    pub(super) const fn format(&self) -> Format {
        self.file.format
    }

    fn draft(&self) -> Result<Draft, Failure> {
        let MoreFlags { background_item, full_disk_access, .. } = self.more;
        let team = self.more.team.as_deref().map(Team::parse).transpose().map_err(bad)?;
        Ok(Draft {
            organization: self.file.organization.clone(),
            shape: match self.file.form {
                Packed::CustomDomain => Shape::CustomDomain,
                Packed::ManagedClient => Shape::ManagedClient,
            },
            agent: self.agent.keys()?,
            parallels: self.more.keys()?,
            background: background_item.then(|| team.clone()),
            disk: (if full_disk_access { Disk::FullAccess } else { Disk::Unsaid }, team),
            ..Draft::new(&self.file.identifier)
        })
    }
}

impl AgentFlags {
    fn keys(&self) -> Result<Dictionary, Failure> {
        let mut keys = Dictionary::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(name.to_owned(), value);
            }
        };
        put("PortalURL", Some(self.portal_url.as_str().into()));
        put("PortalRootKey", Some(self.root_key.as_str().into()));
        put("EnrollmentToken", self.enrollment_token.as_deref().map(secret).transpose()?.map(Value::String));
        put("PortalCA", self.ca.as_deref().map(certificates).transpose()?);
        put("CheckInIntervalSeconds", self.check_in_interval.map(Value::from));
        put("LogLevel", self.log_level.clone().map(Value::String));
        put("DeactivationOrder", self.deactivation_order.clone().map(Value::String));
        let mut settings = Dictionary::new();
        for given in &self.settings {
            let (name, text) = given
                .split_once('=')
                .ok_or_else(|| Failure::BadDraft(format!("--set takes KEY=VALUE, not “{given}”")))?;
            let (key, value) = payload::setting(name, text).map_err(bad_setting)?;
            if settings.insert(key.name().to_owned(), value).is_some() {
                return Err(Failure::BadDraft(format!("--set names “{}” twice", key.name())));
            }
        }
        put("Settings", (!settings.is_empty()).then_some(Value::Dictionary(settings)));
        Ok(keys)
    }
}

impl MoreFlags {
    fn keys(&self) -> Result<Dictionary, Failure> {
        let mut keys = Dictionary::new();
        let experience = match (&self.license_key, self.sso) {
            (Some(_), _) => "License Key",
            (None, true) => "SSO",
            (None, false) => return Ok(keys),
        };
        keys.insert("ActivationExperience".to_owned(), experience.into());
        if let Some(given) = &self.license_key {
            keys.insert("LicenseKey".to_owned(), Value::String(secret(given)?));
        }
        Ok(keys)
    }
}

/// A secret: as given, or the text of the file behind `@`, without the white space around it.
fn secret(given: &str) -> Result<String, Failure> {
    let Some(file) = given.strip_prefix('@') else { return Ok(given.to_owned()) };
    let unread = |source| Failure::Unread { file: file.to_owned(), source };
    let bytes = read(Path::new(file)).map_err(unread)?;
    let text = String::from_utf8(bytes).map_err(|_| unread(io::Error::other("not a text")))?;
    Ok(text.trim().to_owned())
}

/// Certificates: PEM stays text, anything else is data.
fn certificates(file: &Path) -> Result<Value, Failure> {
    let bytes = read(file).map_err(|source| Failure::Unread { file: file.display().to_string(), source })?;
    Ok(String::from_utf8(bytes).map_or_else(|bytes| Value::Data(bytes.into_bytes()), Value::String))
}

/// A pipe is welcome here: through one, a secret comes without a file.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn bad(error: PayloadError) -> Failure {
    Failure::BadDraft(Chain(&error).to_string())
}

/// With the name that was probably meant.
fn bad_setting(error: PayloadError) -> Failure {
    let PayloadError::UnknownSetting(name) = &error else { return bad(error) };
    match nearest::to(name, payload::settings().map(Key::name)).first() {
        Some(near) => Failure::BadDraft(format!("{error}; did you mean “{near}”?")),
        None => bad(error),
    }
}

/// What was written.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Made {
    /// The file.
    pub file: String,
    /// The profile's identifier.
    pub identifier: String,
    /// The keys that it sets.
    pub keys: Vec<String>,
    /// What else it allows the agent.
    pub allows: Vec<&'static str>,
    /// It holds a secret that every user of a Mac can read.
    pub holds_secret: bool,
}

/// Makes and writes the profile.
///
/// # Errors
/// A flag has a value that the agent would not take, a file cannot be read, or the profile cannot be written.
pub(super) fn request(arguments: &MakeArguments) -> Result<Made, Failure> {
    let draft = arguments.draft()?;
    let bytes = draft.xml().map_err(bad)?;
    let examination = examine(&bytes).map_err(bad)?;
    if let Some(wrong) = examination.findings.iter().find(|finding| finding.judgment != Judgment::Valid) {
        let why = wrong.detail.as_deref().unwrap_or("it does not count");
        return Err(Failure::BadDraft(format!("{}: {why}", wrong.key)));
    }
    let FileFlags { output, force, .. } = &arguments.file;
    let file = output.display().to_string();
    write(output, &bytes, *force).map_err(|source| Failure::Unwritten { file: file.clone(), source })?;
    let holds_secret =
        draft.agent.contains_key("EnrollmentToken") || draft.parallels.contains_key("LicenseKey");
    let keys = examination.findings.into_iter().map(|finding| finding.key).collect();
    let MoreFlags { background_item, full_disk_access, .. } = arguments.more;
    let allowed = [(background_item, "the background item"), (full_disk_access, "full disk access")];
    let allows = allowed.iter().filter(|(is_said, _)| *is_said).map(|(_, what)| *what).collect();
    Ok(Made { file, identifier: draft.identifier, keys, allows, holds_secret })
}

/// Writes for the owner's eyes only. Without `force` a file that is there stays as it is; what is no file (a device, a pipe, a
/// folder, a link) always does.
fn write(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(crate::file::not_a_file());
    }
    if force {
        return atomic::write(path, bytes, atomic::PRIVATE);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(atomic::PRIVATE).open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
        // Half a profile helps nobody; that it was left behind is the lesser news.
        let _ = std::fs::remove_file(path);
    })
}

/// The screen.
#[must_use]
pub(super) fn render(made: &Made, style: &Style) -> String {
    let mut screen = Screen::new(style);
    screen.hanging(0, &Line::of(Tone::Faint, "sets   "), &Line::plain(made.keys.join(", ")));
    if !made.allows.is_empty() {
        screen.hanging(0, &Line::of(Tone::Faint, "allows "), &Line::plain(made.allows.join(", ")));
    }
    if made.holds_secret {
        let warning = "Every user of a Mac can read what a profile sets, this one's secrets included.";
        screen.hanging(0, &Line::of(Tone::Warning, "! "), &Line::plain(warning));
    }
    let verdict =
        Line::of(Tone::Good, format!("Written: {}", made.file)).text(format!(" ({})", made.identifier));
    screen.hanging(0, &Line::of(Tone::Good, "✓ "), &verdict);
    screen.finish()
}

#[cfg(test)]
mod tests;
