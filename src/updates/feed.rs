//! The feed of an update server: `parallels_updates.xml`, read as hostile input. Pure.
//!
//! In go bytes; out comes a [`Feed`]: the updates that it offers for a Mac, and the flaws of single entries, which harm
//! those entries alone. A document that is no feed at all is a [`FeedError`]. Both name the line.
//!
//! Parallels numbers versions in two ways, and both are read. In the guide `Minor` is 0, `SubMinor` the build and
//! `SubSubMinor` a revision; in the real feed of 2026 the four are major, minor, patch and build.
//!
//! What an entry says of its version has to agree in all places, and stand in each of them once: the elements, the `uuid` and every
//! version that the address of the file names. So an entry cannot pass for another version by being wrong in one of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Position, Url};

use super::xml::{self, Element};
use crate::domain::version::ParallelsVersion;

/// The longest address of a file, in bytes.
const LONGEST_ADDRESS: usize = 2_048;

/// The elements that say which version it is.
const NUMBERS: [&str; 4] = ["Major", "Minor", "SubMinor", "SubSubMinor"];

/// The version in words; the real feed has a word there that is none.
const IN_WORDS: &str = "StringRepresentation";

/// What a feed offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// The updates, in the feed's order.
    pub offers: Vec<Offer>,
    /// What is wrong with single entries; those do not count.
    pub flaws: Vec<Flaw>,
}

/// How the numbers of an entry are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbering {
    /// Major, minor, patch, build (facts: a real feed of version 26.3.3).
    Release,
    /// Major, 0, build, revision (facts: administrator's guide): below the major number only the build says what is newer.
    Build,
}

/// An update that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its version, with its build.
    pub version: ParallelsVersion,
    /// How its numbers are meant.
    pub numbering: Numbering,
    /// The server has switched updates of this product on.
    pub enabled: bool,
    /// The address of its file.
    pub file: String,
    /// Its line in the feed.
    pub line: u32,
}

impl fmt::Display for Offer {
    /// Its version; of one that is numbered as in the guide, what it says of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.numbering, self.version.build()) {
            (Numbering::Build, Some(build)) => write!(f, "{} (build {build})", self.version.major()),
            _ => self.version.fmt(f),
        }
    }
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct Flaw {
    /// Where.
    pub line: u32,
    /// What.
    pub kind: FlawKind,
}

/// The kinds of flaw.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlawKind {
    /// An element is missing.
    #[error("<{within}> has no <{name}>")]
    Missing {
        /// In which element.
        within: &'static str,
        /// Which one.
        name: &'static str,
    },
    /// A number is none.
    #[error("<{0}> is not a number")]
    NotANumber(&'static str),
    /// `UpdateEnabled` is neither 0 nor 1.
    #[error("<UpdateEnabled> is neither 0 nor 1")]
    NotASwitch,
    /// An update without an id.
    #[error("<Update> has no uuid")]
    NoUuid,
    /// The id names another version.
    #[error(
        "the uuid is not of version {0}, as the elements say; it has to be desktop.{0}.<locale>.<vendor>.<platform>"
    )]
    OtherUuid(String),
    /// The address is none that may be fetched from.
    #[error("<FilePath> is no http or https address without a user name, of at most {LONGEST_ADDRESS} bytes")]
    Address,
    /// An element that decides something stands more than once.
    #[error("<{0}> stands more than once")]
    Doubled(&'static str),
    /// The address, or the version in words, names another version.
    #[error("<{element}> names version {named}, and the elements say {said}")]
    OtherVersion {
        /// Where.
        element: &'static str,
        /// What it names.
        named: String,
        /// What the elements say.
        said: String,
    },
    /// It is another product.
    #[error("<ProductName> is not Parallels Desktop; this product does not count")]
    OtherProduct,
    /// A member that a feed does not have.
    #[error("<{0}> does not belong here; it does not count")]
    Stranger(String),
}

/// Why a document is no feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {damage}")]
pub struct FeedError {
    /// Where.
    pub line: u32,
    /// What.
    pub damage: Damage,
}

/// The kinds of damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Over a MiB.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// Another encoding.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// No well-formed XML.
    #[error("it is not XML: {0}")]
    NotXml(String),
    /// A document type, with which entities could be made.
    #[error("a document type is not allowed in a feed")]
    DocumentType,
    /// An entity that XML itself does not know, or any in an attribute.
    #[error("entities are not allowed in a feed")]
    Entity,
    /// Nested too deeply.
    #[error("elements are nested more than 16 deep")]
    TooDeep,
    /// Too many elements.
    #[error("there are more than 20,000 elements")]
    TooMany,
    /// Too much text in one place.
    #[error("a text is longer than 16 KiB")]
    TooLong,
    /// Another document.
    #[error("the root element is not <ParallelsUpdates>")]
    OtherRoot,
    /// A form of feed that this version does not know.
    #[error("schemaVersion is not 1.0")]
    OtherSchema,
}

/// Reads a feed.
///
/// # Errors
/// [`FeedError`] where it is no feed as a whole. Whatever the bytes are, it takes time and memory in proportion to them, and
/// at most 1 MiB of them is looked at.
pub fn read(bytes: &[u8]) -> Result<Feed, FeedError> {
    let root = xml::read(bytes)?;
    let damaged = |damage| FeedError { line: root.line, damage };
    if root.name != "ParallelsUpdates" {
        return Err(damaged(Damage::OtherRoot));
    }
    if root.attributes.get("schemaVersion").is_some_and(|version| version != "1.0") {
        return Err(damaged(Damage::OtherSchema));
    }
    let mut feed = Feed::default();
    for child in &root.children {
        match child.name.as_str() {
            "Product" => product(child, &mut feed),
            _ => feed.flaw(child.line, FlawKind::Stranger(named(child))),
        }
    }
    Ok(feed)
}

impl Feed {
    fn flaw(&mut self, line: u32, kind: FlawKind) {
        self.flaws.push(Flaw { line, kind });
    }
}

/// A name that a message can hold.
fn named(element: &Element) -> String {
    element.name.chars().take(40).collect()
}

fn product(product: &Element, feed: &mut Feed) {
    if let Some(flaw) = doubled(product, &["ProductName"]) {
        return feed.flaws.push(flaw);
    }
    match product.child("ProductName") {
        None => return feed.flaw(product.line, FlawKind::Missing { within: "Product", name: "ProductName" }),
        Some(name) if name.text != "Parallels Desktop" => {
            return feed.flaw(name.line, FlawKind::OtherProduct);
        }
        Some(_) => {}
    }
    let twice = doubled(product, &["UpdateEnabled"]);
    let enabled = match product.child("UpdateEnabled").map(|switch| (switch.text.as_str(), switch.line)) {
        _ if twice.is_some() => false,
        None | Some(("1", _)) => true,
        Some(("0", _)) => false,
        Some((_, line)) => {
            feed.flaw(line, FlawKind::NotASwitch);
            false
        }
    };
    feed.flaws.extend(twice);
    for child in &product.children {
        match child.name.as_str() {
            "ProductName" | "UpdateEnabled" => {}
            "Version" => version(child, enabled, feed),
            _ => feed.flaw(child.line, FlawKind::Stranger(named(child))),
        }
    }
}

/// The second of an element that may stand but once.
fn doubled(within: &Element, names: &[&'static str]) -> Option<Flaw> {
    names.iter().find_map(|name| {
        let second = within.all(name).nth(1)?;
        Some(Flaw { line: second.line, kind: FlawKind::Doubled(name) })
    })
}

fn version(element: &Element, enabled: bool, feed: &mut Feed) {
    if let Some(flaw) = doubled(element, &[NUMBERS.as_slice(), &[IN_WORDS]].concat()) {
        return feed.flaws.push(flaw);
    }
    let numbers = NUMBERS.map(|name| number(element, name));
    let mut known = [0; 4];
    for (place, found) in known.iter_mut().zip(numbers) {
        match found {
            Ok(number) => *place = number,
            Err(flaw) => return feed.flaws.push(flaw),
        }
    }
    let dotted = known.map(|number| number.to_string()).join(".");
    let Ok(version) = dotted.parse::<ParallelsVersion>() else {
        return feed.flaw(element.line, FlawKind::NotANumber("Major"));
    };
    // The domain reads four numbers: where it takes the third for a build, the entry is numbered by the guide.
    let numbering = if version.build() == Some(known[3]) && version.numbers().2 == known[2] {
        Numbering::Release
    } else {
        Numbering::Build
    };
    let said = Said { numbers: known, numbering };
    if let Some(words) = element.child(IN_WORDS)
        && let Some(flaw) = said.contradicted(IN_WORDS, words.line, &words.text)
    {
        return feed.flaws.push(flaw);
    }
    let mut updates = element.all("Update").peekable();
    if updates.peek().is_none() {
        feed.flaw(element.line, FlawKind::Missing { within: "Version", name: "Update" });
    }
    for update in updates.filter(|update| is_for_mac(update)) {
        match file(update, &said) {
            Ok(file) => feed.offers.push(Offer {
                version: version.clone(),
                numbering,
                enabled,
                file,
                line: update.line,
            }),
            Err(flaw) => feed.flaws.push(flaw),
        }
    }
}

/// What the elements say of a version.
struct Said {
    numbers: [u64; 4],
    numbering: Numbering,
}

impl Said {
    fn dotted(&self) -> String {
        self.numbers.map(|number| number.to_string()).join(".")
    }

    /// The flaw of a text that names another version. Of one that is numbered as in the guide only the major number is
    /// comparable.
    fn contradicted(&self, element: &'static str, line: u32, text: &str) -> Option<Flaw> {
        let comparable = match self.numbering {
            Numbering::Release => 4,
            Numbering::Build => 1,
        };
        let agrees = |named: &Vec<u64>| {
            named.len() <= 4
                && named.iter().zip(self.numbers).take(comparable).all(|(one, other)| *one == other)
        };
        let other = versions(text).into_iter().find(|named| !agrees(named))?;
        let named = other.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        Some(Flaw { line, kind: FlawKind::OtherVersion { element, named, said: self.dotted() } })
    }
}

/// An update that names no system is a Mac's: the feed is asked for by Macs alone.
fn is_for_mac(update: &Element) -> bool {
    update.child("OsType").is_none() || update.all("OsType").any(|system| system.text == "mac")
}

fn number(element: &Element, name: &'static str) -> Result<u64, Flaw> {
    let missing = || Flaw { line: element.line, kind: FlawKind::Missing { within: "Version", name } };
    let child = element.child(name).ok_or_else(missing)?;
    let digits = !child.text.is_empty() && child.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = child.text.parse::<u32>().ok().filter(|_| digits);
    number.map(u64::from).ok_or(Flaw { line: child.line, kind: FlawKind::NotANumber(name) })
}

/// The address of an update's file, once all that the entry says agrees.
fn file(update: &Element, said: &Said) -> Result<String, Flaw> {
    let flaw = |line, kind| Flaw { line, kind };
    if let Some(twice) = doubled(update, &["FilePath", "OsType"]) {
        return Err(twice);
    }
    let dotted = said.dotted();
    let uuid = update.attributes.get("uuid").ok_or_else(|| flaw(update.line, FlawKind::NoUuid))?;
    let rest = uuid.strip_prefix("desktop.").and_then(|rest| rest.strip_prefix(dotted.as_str()));
    if !rest.is_some_and(|rest| rest.starts_with('.')) {
        return Err(flaw(update.line, FlawKind::OtherUuid(dotted)));
    }
    let missing = FlawKind::Missing { within: "Update", name: "FilePath" };
    let path = update.child("FilePath").ok_or_else(|| flaw(update.line, missing))?;
    let address = || flaw(path.line, FlawKind::Address);
    if path.text.len() > LONGEST_ADDRESS || path.text.contains(|c: char| c.is_control() || c.is_whitespace())
    {
        return Err(address());
    }
    let url = Url::parse(&path.text).map_err(|_| address())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    if !plain || !matches!(url.scheme(), "http" | "https") {
        return Err(address());
    }
    // An IP address is no name, so only what follows it can name a version.
    let names = url.domain().map_or(&url[Position::BeforePath..], |_| &url[Position::BeforeHost..]);
    match said.contradicted("FilePath", path.line, &decoded(names)) {
        Some(flaw) => Err(flaw),
        None => Ok(url.into()),
    }
}

/// The versions that a text names, number by number: `26.3.3`, and also `v26`. A number that stands alone is none, nor is a date such as
/// `2026.05.30`; and what would be a version before Parallels Desktop 10 is some other program's.
fn versions(text: &str) -> Vec<Vec<u64>> {
    const POSSIBLE: std::ops::Range<u64> = 10..1_000;
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let named = words.flat_map(|word| {
        let runs = word.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|run| !run.is_empty());
        let alone =
            word.strip_prefix(['v', 'V']).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let dotted = runs.map(|run| run.trim_matches('.')).filter(|run| run.contains('.'));
        alone.into_iter().chain(dotted).map(numbers)
    });
    named.filter(|numbers| numbers.first().is_some_and(|major| POSSIBLE.contains(major))).collect()
}

fn numbers(dotted: &str) -> Vec<u64> {
    dotted.split('.').map(|number| number.parse().unwrap_or(u64::MAX)).collect()
}

/// An address as a server reads it: `%37` is a 7.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|code| Some((u8::from_str_radix(code, 16).ok()?, piece.get(2..)?))) {
            Some((byte, rest)) => bytes.extend([byte].iter().chain(rest.as_bytes())),
            None => bytes.extend([b'%'].iter().chain(piece.as_bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
