//! A small reader of XML that trusts nothing: bytes in, a tree of elements with their lines out, or what is wrong and where.
//!
//! UTF-8 alone; no document type, so no entities but the five of XML itself; bounded in size, depth, elements and text.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::feed::{Damage, FeedError};

/// The most bytes of a feed. Real ones have a few KiB.
pub(super) const LARGEST: usize = 1 << 20;

/// The deepest that elements may be nested. Real feeds need six levels.
const DEEPEST: usize = 16;

/// The most elements.
const MOST: usize = 20_000;

/// The most bytes of text in one element, or of one attribute.
const LONGEST: usize = 16 << 10;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    /// The line of its start, from 1.
    pub(super) line: u32,
    pub(super) attributes: BTreeMap<String, String>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a document and gives its one root.
pub(super) fn read(bytes: &[u8]) -> Result<Element, FeedError> {
    if bytes.len() > LARGEST {
        return Err(FeedError { line: 1, damage: Damage::TooLarge });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError {
        line: Lines::default().of(bytes, error.valid_up_to()),
        damage: Damage::NotUtf8,
    })?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut lines = Lines::default();
    let mut tree = Tree::default();
    loop {
        // The end of what was read is where the next event starts.
        let start = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        let event = reader.read_event();
        let start = start + blanks(text.as_bytes().get(start..).unwrap_or_default(), &event);
        let line = lines.of(text.as_bytes(), start);
        match event {
            Ok(Event::Eof) => return tree.root().map_err(|damage| FeedError { line, damage }),
            Ok(event) => tree.take(&event, line).map_err(|damage| FeedError { line, damage })?,
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(text.len());
                let line = lines.of(text.as_bytes(), at.max(start));
                return Err(FeedError { line, damage: Damage::NotXml(error.to_string()) });
            }
        }
    }
}

/// A text that starts with line breaks is named by its first line that says something.
fn blanks(rest: &[u8], event: &Result<Event<'_>, quick_xml::Error>) -> usize {
    match event {
        Ok(Event::Text(_)) => rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count(),
        _ => 0,
    }
}

/// Counts lines on the way, each byte once.
#[derive(Default)]
struct Lines {
    at: usize,
    breaks: u32,
}

impl Lines {
    fn of(&mut self, bytes: &[u8], at: usize) -> u32 {
        let at = at.min(bytes.len());
        if at > self.at {
            let passed = bytes.get(self.at..at).unwrap_or_default();
            let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
            self.breaks = self.breaks.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.at = at;
        }
        self.breaks.saturating_add(1)
    }
}

/// The elements that are open, and the root once it is closed.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Tree {
    fn take(&mut self, event: &Event<'_>, line: u32) -> Result<(), Damage> {
        match event {
            Event::Start(start) => self.start(start, line),
            Event::Empty(start) => {
                self.start(start, line)?;
                self.end();
                Ok(())
            }
            Event::End(_) => {
                self.end();
                Ok(())
            }
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => self.text(&resolved(reference)?.to_string()),
            Event::DocType(_) => Err(Damage::DocumentType),
            Event::Decl(declared) => match declared.encoding() {
                None => Ok(()),
                Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
                Some(_) => Err(Damage::NotUtf8),
            },
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, line: u32) -> Result<(), Damage> {
        self.count += 1;
        if self.open.len() >= DEEPEST {
            return Err(Damage::TooDeep);
        }
        if self.count > MOST {
            return Err(Damage::TooMany);
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(Damage::NotXml("there is more than one root element".to_owned()));
        }
        let name = start.name().as_ref().to_owned();
        let mut element = Element { name, line, ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| Damage::NotXml(error.to_string()))?;
            let value: &str = &attribute.value;
            if value.contains('&') {
                return Err(Damage::Entity);
            }
            if value.len() > LONGEST {
                return Err(Damage::TooLong);
            }
            element.attributes.insert(attribute.key.as_ref().to_owned(), value.to_owned());
        }
        self.open.push(element);
        Ok(())
    }

    /// The reader has checked that it is the end of the element that is open.
    fn end(&mut self) {
        let Some(mut element) = self.open.pop() else { return };
        element.text = element.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Damage> {
        match self.open.last_mut() {
            Some(element) if element.text.len() + text.len() > LONGEST => Err(Damage::TooLong),
            Some(element) => {
                element.text.push_str(text);
                Ok(())
            }
            None if text.trim_start_matches('\u{feff}').trim().is_empty() => Ok(()),
            None => Err(Damage::NotXml("there is text outside of the root element".to_owned())),
        }
    }

    fn root(&mut self) -> Result<Element, Damage> {
        match self.open.last() {
            Some(open) => Err(Damage::NotXml(format!("<{}> of line {} is not closed", open.name, open.line))),
            None => self.root.take().ok_or_else(|| Damage::NotXml("there is no element".to_owned())),
        }
    }
}

/// A character by number, or one of the five names that XML itself knows.
fn resolved(reference: &BytesRef<'_>) -> Result<char, Damage> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    let name = reference.xml10_content();
    match name.as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Damage::Entity),
    }
}
