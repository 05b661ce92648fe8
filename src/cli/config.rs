//! `meridian config validate`: judges the keys of a file as the daemon would take them. It asks no daemon.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::arguments::Format;
use super::failure::Failure;
use super::ink::{Line, Style, Tone};
use super::screen::Screen;
use crate::domain::nearest;
use crate::error::Exit;
use crate::file::{self, Links};
use crate::payload::{Examination, Family, Finding, Judgment, examine};

/// The most bytes that a profile has: what it carries is at most a mebibyte, in XML, signed.
const LARGEST: u64 = 4 << 20;

/// Of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// List the keys that count, and those that do not, with why and with what was probably meant
    Validate(ValidateArguments),
}

/// Of `config validate`.
#[derive(Debug, Args)]
#[command(
    after_help = "It takes a property list of dev.meridian.agent, XML or binary, and profiles that carry its keys or those of \
                  com.parallels.desktop.managedprefs, as a payload of that type or of com.apple.ManagedClient.preferences, \
                  signed or not. Whether a signature is right is not looked at.\n\
                  Exit codes: 0 every key counts; 1 some do not, or the file cannot be read; 2 usage."
)]
pub(super) struct ValidateArguments {
    /// The file
    pub file: PathBuf,
    /// For people or for programs.
    #[command(flatten)]
    pub format: Format,
}

/// What is in the file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Judged {
    /// Its path.
    pub file: String,
    /// Every key counts.
    pub valid: bool,
    /// A profile, and not the property list of one domain.
    pub is_profile: bool,
    /// It is signed, by whom and whether rightly is not looked at.
    pub is_signed: bool,
    /// The keys.
    pub keys: Vec<JudgedKey>,
    /// What is missing and not wrong for that.
    pub notes: Vec<&'static str>,
}

/// A key, and what becomes of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct JudgedKey {
    /// What becomes of it.
    #[serde(flatten)]
    pub finding: Finding,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

impl Judged {
    fn of(file: &Path, examination: Examination) -> Self {
        Self {
            file: file.display().to_string(),
            valid: examination.is_valid(),
            is_profile: examination.is_profile,
            is_signed: examination.is_signed,
            notes: notes(&examination),
            keys: examination.findings.into_iter().map(JudgedKey::of).collect(),
        }
    }

    /// How the command ends.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        if self.valid { Exit::Fine } else { Exit::Failed }
    }

    fn count(&self, judgment: Judgment) -> usize {
        self.keys.iter().filter(|key| key.finding.judgment == judgment).count()
    }
}

impl JudgedKey {
    fn of(finding: Finding) -> Self {
        let nearest = match finding.judgment {
            Judgment::Unknown => nearest_to(&finding.key, finding.family),
            _ => None,
        };
        Self { finding, nearest }
    }
}

fn nearest_to(name: &str, family: Family) -> Option<&'static str> {
    nearest::to(name, family.names().into_iter()).first().copied()
}

fn notes(examination: &Examination) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if examination.is_signed {
        notes.push("The signature was not verified.");
    }
    if !examination.sets("PortalURL") {
        notes.push("No PortalURL: by this file alone the Mac has no portal.");
    }
    if !examination.sets("PortalRootKey") {
        notes.push("No PortalRootKey: by this file alone nothing is enrolled and nothing applied.");
    }
    if examination.sets("EnrollmentToken") {
        notes.push("The enrollment token can be read by every user of a Mac that has this profile.");
    }
    notes
}

/// Reads and judges the file.
///
/// # Errors
/// It cannot be read, or is nothing that could be judged.
pub(super) fn request(path: &Path) -> Result<Judged, Failure> {
    let name = || path.display().to_string();
    let bytes = file::read(path, Links::Followed, LARGEST)
        .map_err(|source| Failure::Unread { file: name(), source })?;
    let examination = examine(&bytes).map_err(|source| Failure::Unjudged { file: name(), source })?;
    Ok(Judged::of(path, examination))
}

/// The screen: a row a key, place by place, and the verdict last.
#[must_use]
pub(super) fn render(judged: &Judged, style: &Style) -> String {
    let mut screen = Screen::new(style);
    let mut place = "";
    for key in &judged.keys {
        if key.finding.place != place {
            place = &key.finding.place;
            screen.line(&Line::of(Tone::Strong, place));
        }
        row(&mut screen, key);
    }
    for note in &judged.notes {
        screen.hanging(0, &Line::of(Tone::Faint, "· "), &Line::of(Tone::Faint, note));
    }
    let counts = [Judgment::Unknown, Judgment::Mistyped, Judgment::Misplaced, Judgment::Missing]
        .map(|judgment| (judged.count(judgment), word(judgment)));
    let wrong: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let valid = format!("{} valid", judged.count(Judgment::Valid));
    let (tone, mark) = if judged.valid { (Tone::Good, "✓ ") } else { (Tone::Bad, "✗ ") };
    let verdict = std::iter::once(valid).chain(wrong).collect::<Vec<_>>().join(", ");
    screen.hanging(0, &Line::of(tone, mark), &Line::of(tone, verdict));
    screen.finish()
}

fn row(screen: &mut Screen<'_>, JudgedKey { finding, nearest }: &JudgedKey) {
    let (tone, mark) = match finding.judgment {
        Judgment::Valid => (Tone::Good, "✓ "),
        _ => (Tone::Bad, "✗ "),
    };
    let name = if finding.key.is_empty() { "a key without a name" } else { &finding.key };
    let name = match finding.family {
        Family::Setting => format!("Settings: {name}"),
        _ => name.to_owned(),
    };
    let mut line = Line::plain(name);
    if finding.judgment != Judgment::Valid {
        line = line.then(tone, format!(" {}", word(finding.judgment)));
    }
    if let Some(detail) = &finding.detail {
        line = line.text(format!(": {detail}"));
    }
    if let Some(nearest) = nearest {
        line = line.text("; did you mean ").then(Tone::Accent, nearest).text("?");
    }
    screen.hanging(2, &Line::of(tone, mark), &line);
}

const fn word(judgment: Judgment) -> &'static str {
    match judgment {
        Judgment::Valid => "valid",
        Judgment::Unknown => "unknown",
        Judgment::Mistyped => "mistyped",
        Judgment::Misplaced => "misplaced",
        Judgment::Missing => "missing",
    }
}

#[cfg(test)]
mod tests;
