//! `meridian updates check-feed FILE`: what is wrong with a local update server's file, by line.

use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::ink::{Line, Style, Tone};
use crate::cli::screen::Screen;
use crate::cli::words::count;
use crate::error::Exit;
use crate::file::{self, Links};
use crate::updates::feed::{self, Numbering};

/// One byte more than a feed may have shows that it is too large.
const LARGEST: u64 = (1 << 20) + 1;

/// What was found in a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Checked {
    /// The file, as it was named.
    pub file: String,
    /// What is wrong, in the order of the lines.
    pub faults: Vec<Fault>,
    /// What a Mac would be offered.
    pub offers: Vec<Offered>,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Fault {
    /// In which line, from 1.
    pub line: u32,
    /// What, in a sentence.
    pub reason: String,
    /// True where the whole file is no feed, and not one entry is left out.
    pub whole: bool,
}

/// An update that a Mac would be offered.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Offered {
    /// Its line.
    pub line: u32,
    /// Its version.
    pub version: String,
    /// How its numbers were read.
    pub numbering: Numbering,
    /// False where the server has switched updates off.
    pub enabled: bool,
    /// The address of its file.
    pub url: String,
}

impl Checked {
    /// How the command ends.
    #[must_use]
    pub(in crate::cli) fn exit(&self) -> Exit {
        if self.faults.is_empty() { Exit::Fine } else { Exit::Failed }
    }
}

/// Reads a file as a Mac would read it from a server.
///
/// # Errors
/// [`Failure::Unread`] where the file cannot be read.
pub(in crate::cli) fn request(path: &Path) -> Result<Checked, Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    file::open(path, Links::Followed)
        .and_then(|opened| opened.take(LARGEST).read_to_end(&mut bytes))
        .map_err(|source| Failure::Unread { file: name.clone(), source })?;
    Ok(of(name, &bytes))
}

fn of(file: String, bytes: &[u8]) -> Checked {
    match feed::read(bytes) {
        Err(error) => {
            let fault = Fault { line: error.line, reason: error.damage.to_string(), whole: true };
            Checked { file, faults: vec![fault], offers: Vec::new() }
        }
        Ok(feed) => {
            let mut flaws = feed.flaws;
            flaws.sort_by_key(|flaw| flaw.line);
            let fault =
                |flaw: feed::Flaw| Fault { line: flaw.line, reason: flaw.kind.to_string(), whole: false };
            let offers = feed.offers.into_iter().map(|offer| Offered {
                line: offer.line,
                version: offer.to_string(),
                numbering: offer.numbering,
                enabled: offer.enabled,
                url: offer.file,
            });
            Checked { file, faults: flaws.into_iter().map(fault).collect(), offers: offers.collect() }
        }
    }
}

/// The screen: a line a fault, as compilers write them.
#[must_use]
pub(in crate::cli) fn render(checked: &Checked, style: &Style) -> String {
    let mut screen = Screen::new(style);
    for fault in &checked.faults {
        let place = Line::of(Tone::Strong, format!("{}:{}: ", checked.file, fault.line));
        screen.hanging(0, &place, &Line::of(Tone::Bad, &fault.reason));
    }
    for offer in &checked.offers {
        let place = Line::of(Tone::Faint, format!("{}:{}: ", checked.file, offer.line));
        let how = match offer.numbering {
            Numbering::Release => "",
            Numbering::Build => ", numbered as in the guide",
        };
        let off = if offer.enabled { "" } else { ", switched off" };
        let line = Line::of(Tone::Good, format!("offers {}", offer.version))
            .then(Tone::Faint, format!("{how}{off}"));
        screen.hanging(0, &place, &line);
    }
    screen.line(&summary(checked));
    screen.finish()
}

fn summary(checked: &Checked) -> Line {
    let offers = count(checked.offers.len() as u64, "update is offered", "updates are offered");
    match checked.faults.as_slice() {
        [] => Line::of(Tone::Good, "A good feed").text(format!(": {offers}.")),
        [fault] if fault.whole => Line::of(Tone::Bad, "No feed: no Mac would use anything of it."),
        faults => {
            let left_out = count(faults.len() as u64, "fault", "faults");
            Line::of(Tone::Bad, left_out).text(format!("; {offers}."))
        }
    }
}

#[cfg(test)]
mod tests;
